"""Where srbench keeps what it fetched: content-addressed, so that a name never lies about its bytes."""

from __future__ import annotations

import os
import re
from pathlib import Path

from srbench.errors import UsageError
from srbench.types import Asset

_DIGEST = re.compile(r"[0-9a-f]{8,64}")
_NOT_IN_FILE_NAMES = re.compile(r'[\x00-\x1f<>:"|?*]')


def home() -> Path:
    """The cache folder: ``SRBENCH_HOME``, or the user's cache folder of this system. Not created here."""
    chosen = os.environ.get("SRBENCH_HOME")
    if chosen:
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("srbench", appauthor=False))


def slot(asset: Asset) -> Path:
    """Where the asset is kept: ``home()/assets/<sha[:2]>/<sha>/<name>``.

    Raises:
        UsageError: its digest is not 8 to 64 hex digits, or its name is no file name.
    """
    sha = digest_of(asset)
    return home() / "assets" / sha[:2] / sha / _file_name(asset.name)


def digest_of(asset: Asset) -> str:
    """The asset's pinned sha256, or its first eight or more digits, in lower case.

    Raises:
        UsageError: it is neither.
    """
    sha = asset.sha256.lower()
    if not _DIGEST.fullmatch(sha):
        expected = f"8 to 64 hex digits as sha256 of {asset.name}"
        raise UsageError(expected, repr(asset.sha256), "correct the digest")
    return sha


def _file_name(name: str) -> str:
    last = _NOT_IN_FILE_NAMES.sub("_", name.replace("\\", "/").rsplit("/", 1)[-1])
    if last in ("", ".", ".."):
        raise UsageError("a file name", repr(name), "correct the asset's name")
    return last
