"""What the user added: sets of their own, and copies of known sets' images in their own folders.

Both live in ``home()/datasets/NAME.toml``. For a known set the file lists copies: any file that
decodes to a frame's pixels, with the file's own digest::

    schema = 1
    name = "set5"
    copies = [
      { pixels = "..", path = "/home/me/Set5/baby.png", bytes = 1, sha256 = ".." },
    ]
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from srbench.data.manifest import (
    SCHEMA,
    SHA256,
    Manifest,
    Table,
    dump_manifest,
    is_dataset_name,
    parse_toml,
    toml_value,
)
from srbench.errors import UsageError
from srbench.fetch.digests import sha256_of
from srbench.fetch.home import home
from srbench.fetch.transfer import writing
from srbench.types import Asset, LocalPath


@dataclass(frozen=True)
class Copy:
    """A file of the user's that decodes to the pixels of a known set's frame."""

    pixels: str
    path: str
    bytes: int
    sha256: str

    @property
    def asset(self) -> Asset:
        """The file, pinned by its own digest."""
        return Asset(Path(self.path).name, (LocalPath(self.path),), self.sha256, self.bytes)


def local_names() -> list[str]:
    """Names of the files the user has added, in alphabetical order."""
    return sorted(path.stem for path in (home() / "datasets").glob("*.toml") if is_dataset_name(path.stem))


def local_file(name: str) -> Path:
    """Where a set the user added, or their copies of a known set, are written down."""
    return home() / "datasets" / f"{name}.toml"


def local_copies(name: str) -> dict[str, Copy]:
    """The user's copies of a known set's frames, by pixel digest.

    Raises:
        UsageError: the file that lists them is broken.
    """
    file = local_file(name)
    if not file.is_file():
        return {}
    table = Table(parse_toml(read_text(file), str(file)), str(file), ("schema", "name", "copies"))
    table.schema()
    copies = (_copy(Table(row, str(file), [f.name for f in fields(Copy)])) for row in table.tables("copies"))
    return {copy.pixels: copy for copy in copies}


def read_text(file: Path) -> str:
    """A file's text.

    Raises:
        UsageError: it can't be read, or is no UTF-8.
    """
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        got = f"{type(error).__name__}: {file}"
        raise UsageError("a readable text file", got, "repair or delete it") from None


def _copy(table: Table) -> Copy:
    return Copy(
        pixels=table.text("pixels", shape=SHA256),
        path=table.text("path"),
        bytes=table.number("bytes"),
        sha256=table.text("sha256", shape=SHA256),
    )


def record_copies(name: str, found: Mapping[str, Path]) -> None:
    """Remember files that hold a known set's frames, beside those remembered before.

    Args:
        name: a known set.
        found: absolute path of a file by the digest of the pixels it decodes to.

    Raises:
        UsageError, StorageError: the list can't be written, or a path can't be written down.
    """
    copies = {**local_copies(name), **{pixels: _described(pixels, path) for pixels, path in found.items()}}
    rows = (
        "  { " + ", ".join(f"{f.name} = {toml_value(getattr(copy, f.name))}" for f in fields(Copy)) + " },"
        for copy in copies.values()
    )
    head = (f"schema = {SCHEMA}", f"name = {toml_value(name)}", "copies = [")
    _write(local_file(name), "\n".join([*head, *rows, "]", ""]))


def _described(pixels: str, path: Path) -> Copy:
    size, sha256 = file_digests(path)
    return Copy(pixels, printable(path), size, sha256)


def file_digests(path: Path) -> tuple[int, str]:
    """A file's size in bytes and its sha256.

    Raises:
        UsageError: it can't be read.
    """
    try:
        return path.stat().st_size, sha256_of(path)
    except OSError as error:
        raise UsageError("a readable file", f"{error.strerror}: {path}", "check its permissions") from None


def printable(path: Path) -> str:
    """The path as text that can be written to a file.

    Raises:
        UsageError: it has control characters, or isn't valid in the file system's encoding.
    """
    if not str(path).isprintable():
        raise UsageError("a path of printable characters", ascii(str(path)), "rename it")
    return str(path)


def write_manifest(manifest: Manifest) -> Path:
    """Keep a set of the user's own.

    Raises:
        UsageError, StorageError: it can't be written.
    """
    _write(local_file(manifest.name), dump_manifest(manifest))
    return local_file(manifest.name)


def _write(file: Path, text: str) -> None:
    """Whole or not at all: written beside the file, then renamed."""
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")
    with writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_text(text, "utf-8")
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
