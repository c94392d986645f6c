"""What travels through a fetch: who watches it, how it is stopped, and how one source fails."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Protocol

from srbench.errors import SrbenchError, StorageError, Unavailable, UsageError
from srbench.types import Asset

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Progress(Protocol):
    """Watches a fetch of one or many files. Called from several threads, one at a time."""

    def total(self, size: int) -> None:
        """So many bytes are expected altogether; told again when more is known."""

    def advance(self, size: int) -> None:
        """So many more bytes are here; negative when a download had to start again."""


class Meter:
    """Adds up the bytes of all assets of one fetch for its watcher."""

    def __init__(self, watcher: Progress | None = None) -> None:
        self._watcher = watcher
        self._lock = threading.Lock()
        self._sizes: dict[Asset, int] = {}
        self._received: dict[Asset, int] = {}

    def expect(self, asset: Asset, size: int | None) -> None:
        """The asset has `size` bytes."""
        if self._watcher is None or size is None or self._sizes.get(asset) == size:
            return
        with self._lock:
            self._sizes[asset] = size
            self._watcher.total(sum(self._sizes.values()))

    def at(self, asset: Asset, received: int) -> None:
        """So many bytes of the asset are here now."""
        if self._watcher is None:
            return
        with self._lock:
            self._watcher.advance(received - self._received.get(asset, 0))
            self._received[asset] = received


@dataclass(frozen=True)
class Transfer:
    """One call of `fetch` or `fetch_many`: its meter, and the flag that stops all its threads."""

    meter: Meter = field(default_factory=Meter)
    stop: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Raise `SourceError` when the user has interrupted."""
        if self.stop.is_set():
            raise SourceError("interrupted")

    def pause(self, seconds: float) -> None:
        """Sleep, but wake at once when the user interrupts."""
        self.stop.wait(seconds)
        self.check()


class SourceError(Exception):
    """One source could not deliver; the next one is tried.

    ``wrong`` says that it delivered bytes, but other ones than promised.
    """

    def __init__(self, reason: str, *, wrong: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wrong = wrong


class CacheError(Unavailable, UsageError):
    """The cache folder can't be written: a usage error, and a reason to skip what has to be fetched."""

    exit_code = UsageError.exit_code


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an `OSError` while writing `path` into one line.

    Raises:
        StorageError: the disk is full.
        CacheError: the folder can't be written.
    """
    try:
        yield
    except OSError as error:
        raise _unwritable(path, error) from error


def write_all(file: FileIO, data: bytes) -> None:
    """Write all of `data` to an unbuffered file: a disk that fills up is noticed here, not when it is closed.

    Raises:
        OSError: the disk is full or fails.
    """
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def _unwritable(path: Path, error: OSError) -> SrbenchError:
    got = f"{error.strerror or type(error).__name__} at {path}"
    if error.errno in _FULL:
        return StorageError("room on the disk of the cache", got, "free some, or set SRBENCH_HOME elsewhere")
    return CacheError("a cache folder that can be written", got, "set SRBENCH_HOME to another folder")
