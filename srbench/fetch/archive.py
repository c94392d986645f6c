"""One member of a tar or zip archive, read by name; nothing else of the archive touches the disk."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO

from srbench.fetch.transfer import SourceError, Transfer, write_all, writing

_CHUNK = 1 << 20
_LARGEST = 1 << 31
"""Bytes; a member of unknown size that unpacks to more is taken for a bomb."""

_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    LZMAError,
    EOFError,
    OSError,
    RuntimeError,
)


def copy_member(archive: Path, member: str, part: Path, size: int | None, transfer: Transfer) -> None:
    """Write one member of a tar (any compression) or zip (wheel) archive to the file `part`.

    `size` is the member's promised size in bytes, if known.

    Raises:
        SourceError: no such member, no regular file, a path that leaves the archive, or damage.
        StorageError: the disk is full.
    """
    _refuse_unsafe(member)
    try:
        with _opened(archive, member) as (source, declared):
            _refuse_size(member, declared, size)
            _copy(source, part, declared, transfer)
    except _BROKEN as error:
        raise SourceError(
            f"{archive.name} can't be read: {error or type(error).__name__}", wrong=True
        ) from error


def _refuse_unsafe(member: str) -> None:
    path = PurePosixPath(member)
    if not member or path.is_absolute() or ".." in path.parts or "\\" in member or ":" in path.parts[0]:
        raise SourceError(f"{member!r} leaves its archive", wrong=True)


def _refuse_size(member: str, declared: int, size: int | None) -> None:
    if size is not None and declared != size:
        raise SourceError(f"{member}: expected {size} bytes, got {declared}", wrong=True)
    if declared > _LARGEST:
        raise SourceError(f"{member}: expected at most {_LARGEST} bytes, got {declared}", wrong=True)


@contextmanager
def _opened(archive: Path, member: str) -> Iterator[tuple[IO[bytes], int]]:
    """The member as a stream, and the size its archive declares."""
    with ExitStack() as stack:
        if zipfile.is_zipfile(archive):
            yield _from_zip(stack.enter_context(zipfile.ZipFile(archive)), member, stack)
        else:
            yield _from_tar(stack.enter_context(tarfile.open(archive)), member)


def _from_zip(file: zipfile.ZipFile, member: str, stack: ExitStack) -> tuple[IO[bytes], int]:
    info = next((info for info in file.infolist() if info.filename == member), None)
    if info is None:
        raise SourceError(f"no member {member!r} in the archive")
    return stack.enter_context(file.open(info)), info.file_size


def _from_tar(file: tarfile.TarFile, member: str) -> tuple[IO[bytes], int]:
    info = next((info for info in file if info.name == member), None)
    if info is None:
        raise SourceError(f"no member {member!r} in the archive")
    stream = file.extractfile(info) if info.isreg() else None  # a link could lead out of the archive
    if stream is None:
        raise SourceError(f"{member!r} is no regular file in its archive", wrong=True)
    return stream, info.size


def _copy(source: IO[bytes], part: Path, declared: int, transfer: Transfer) -> None:
    left = declared
    with writing(part):
        target = part.open("wb", buffering=0)
    with target:
        while left > 0 and (chunk := source.read(min(_CHUNK, left))):
            transfer.check()
            left -= len(chunk)
            with writing(part):
                write_all(target, chunk)
