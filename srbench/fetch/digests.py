"""Digests of files, each computed once and then remembered by the file's size and time of change."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

from srbench.fetch.home import digest_of, home
from srbench.types import Asset

_Seen = tuple[int, int, str]
"""Size, time of change in ns, sha256."""
_GRAIN = 2 * 10**9
"""Nanoseconds within which some file system gives two changes one time."""


def sha256_of(path: Path) -> str:
    """The sha256 of a file's bytes, 64 hex digits.

    Raises:
        OSError: it can't be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def mismatch(asset: Asset, path: Path, *, rehash: bool = False) -> str | None:
    """What a file has instead of the asset's bytes: a web page, a digest or a size; None if they are right.

    The file is hashed when it has changed since it was last hashed, or with `rehash`.

    Raises:
        OSError: it can't be read.
    """
    wrong = _mismatch(asset, path, rehash)
    return f"an HTML page ({wrong})" if wrong is not None and is_html(path) else wrong


def is_html(path: Path) -> bool:
    """Whether a file begins like a web page: a sign-in or an error page that was saved under its name.

    Raises:
        OSError: it can't be read.
    """
    with path.open("rb") as file:
        return begins_as_html(file.read(512))


def begins_as_html(first: bytes) -> bool:
    """Whether the first bytes of a file are those of a web page."""
    text = first[:512].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return text.startswith((b"<!doctype html", b"<html"))


def _mismatch(asset: Asset, path: Path, rehash: bool) -> str | None:
    size = path.stat().st_size
    if asset.size is not None and size != asset.size:
        return f"{size} bytes instead of {asset.size}"
    return difference(asset, sha256_of(path) if rehash else known_sha256(path))


def difference(asset: Asset, sha256: str) -> str | None:
    """The digest that was found if it is not the asset's, else None."""
    return None if sha256.startswith(digest_of(asset)) else f"sha256 {sha256}"


def remember(path: Path, sha256: str) -> None:
    """Note the digest of a file as it is now, so that it need not be hashed again.

    Raises:
        OSError: the file is gone.
    """
    stat = path.stat()
    _note(path, (stat.st_size, stat.st_mtime_ns, sha256))


def known_sha256(path: Path) -> str:
    """The sha256 of a file's bytes, from memory if its size and its time of change are those remembered.

    A file that has changed just now is not noted: it may change again and show the same time.

    Raises:
        OSError: it can't be read.
    """
    path = path.absolute()
    stat = path.stat()
    seen = _index(home()).get(str(path))
    if seen is not None and seen[:2] == (stat.st_size, stat.st_mtime_ns):
        return seen[2]
    found = sha256_of(path)
    if time.time_ns() - stat.st_mtime_ns > _GRAIN:
        _note(path, (stat.st_size, stat.st_mtime_ns, found))
    return found


def _note(path: Path, seen: _Seen) -> None:
    _index(home())[str(path)] = seen
    _append(home(), path, seen)


@cache
def _index(folder: Path) -> dict[str, _Seen]:
    """What earlier runs have hashed. A line that can't be read costs one more hashing, nothing else."""
    known: dict[str, _Seen] = {}
    with suppress(OSError):
        for line in (folder / "hashed.jsonl").read_text("utf-8", errors="replace").splitlines():
            with suppress(ValueError, TypeError):
                path, size, changed, sha = json.loads(line)
                known[str(path)] = (int(size), int(changed), str(sha))
    return known


def _append(folder: Path, path: Path, seen: _Seen) -> None:
    # One short write in append mode: processes that share the folder can't tear each other's lines.
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "hashed.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps([str(path), *seen]) + "\n")
