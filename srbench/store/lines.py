r"""JSON Lines files that are only ever appended to: the journal, and the timings beside it.

One record is one line, written by one ``write`` and flushed to the disk, so that a killed run loses
nothing it had reported. A record is whole when its line ends with a newline and parses; what a crash
left of a last line is cut away when the file is next opened for appending, and passed over by readers.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Generic, Self, TypeVar

from srbench.errors import IntegrityError, StorageError, UsageError
from srbench.store.records import NotJsonError

T = TypeVar("T")

_BLANK = b" \t\r\n\0"


@dataclass(frozen=True)
class LineFormat(Generic[T]):
    """How a noun becomes a line, and back.

    Attributes:
        beginning: of every line; tells a torn first line from a file of somebody else's.
        encode: to strict JSON without the newline.
        decode: raises NotJsonError for what is no JSON object, IntegrityError for what is no such noun.
    """

    beginning: bytes
    encode: Callable[[T], str]
    decode: Callable[[bytes], T]


def file_in(folder_or_file: Path, name: str, hint: str) -> Path:
    """The file `name` of a run's folder, or the file itself.

    Raises:
        UsageError: there is none.
    """
    path = folder_or_file / name if folder_or_file.is_dir() else folder_or_file
    if not path.is_file():
        raise UsageError(f"a run's folder with {name}", f"{str(path)!r}, which is not there", hint)
    return path


def read_lines(path: Path, form: LineFormat[T]) -> list[T]:
    """All records up to the last whole one, in the order in which they were written.

    Raises:
        UsageError: the file can't be read.
        IntegrityError: a broken line before the last, a newer schema or an unknown field; its line is named.
    """
    return list(iter_lines(path, form))


def iter_lines(path: Path, form: LineFormat[T]) -> Iterator[T]:
    """As `read_lines`, one record at a time: the file is never held as a whole.

    Raises:
        UsageError, IntegrityError: as `read_lines`, while iterating.
    """
    try:
        with path.open("rb") as file:
            for record, _ in _whole_records(path, file, form):
                yield record
    except OSError as error:
        raise UsageError(
            "a journal that can be read", f"{str(path)!r}: {error.strerror}", "check the path"
        ) from error


def _scan(path: Path, content: bytes, form: LineFormat[T]) -> tuple[list[T], int]:
    """The whole records, and how many bytes they take."""
    found = list(_whole_records(path, BytesIO(content), form))
    return [record for record, _ in found], sum(size for _, size in found)


def _whole_records(path: Path, file: BinaryIO, form: LineFormat[T]) -> Iterator[tuple[T, int]]:
    """Each record with its bytes; what a crash left of the last line ends them."""
    for number, line in enumerate(iter(file.readline, b""), 1):
        try:
            record = _record(path, number, line, form)
        except NotJsonError as error:
            if _is_end(line, file.read(), form.beginning, begun=number > 1):
                return
            raise _broken(path, number, str(error)) from error
        yield record, len(line)


def _record(path: Path, number: int, line: bytes, form: LineFormat[T]) -> T:
    if not line.endswith(b"\n"):
        raise NotJsonError("no newline at its end")
    try:
        return form.decode(line)
    except IntegrityError as error:
        raise IntegrityError(error.expected, f"{error.got} at {path.name}:{number}", error.hint) from error


def _is_end(line: bytes, rest: bytes, beginning: bytes, *, begun: bool) -> bool:
    """Whether a line that is no record is what a crash left of the last one."""
    last = not rest or (begun and not (line + rest).strip(_BLANK))
    return last and _may_be_torn(line, beginning, begun=begun)


def _may_be_torn(line: bytes, beginning: bytes, *, begun: bool) -> bool:
    """Whether a last line may be what a power cut left, which on some file systems is any bytes at all.

    A file with no whole record yet (not `begun`) may be anybody's: there the line has to begin as a record.
    """
    if begun and (not line.endswith(b"\n") or not line.strip(_BLANK)):
        return True
    text = line.rstrip(b"\n").rstrip(b"\0")
    return beginning.startswith(text) or text.startswith(beginning)


def _broken(path: Path, number: int, why: str) -> IntegrityError:
    return IntegrityError(
        "one record on each line", f"{path.name}:{number}: {why}", f"restore {path}, or remove that line"
    )


@dataclass
class AppendedFile(Generic[T]):
    """Such a file opened for appending; a context manager that holds an exclusive lock.

    Attributes:
        path: the file; it and its folder are made if they are missing.
        form: of its lines.
        records: what it holds: those it was opened with, then those appended.

    Raises (on entering):
        UsageError: another run writes here, or the path can't be written.
        IntegrityError: as `read_lines`.
    """

    path: Path
    form: LineFormat[T]
    records: list[T] = field(default_factory=list, init=False)
    _file: int = field(default=-1, init=False, repr=False)
    _size: int = field(default=0, init=False, repr=False)

    def __enter__(self) -> Self:
        self._file = _open(self.path)
        try:
            _lock(self._file, self.path)
            self._recover()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file and of its lock; more than once does no harm."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def _recover(self) -> None:
        """Read what is there, and cut away what a crash left of the last line."""
        with os.fdopen(self._file, "rb", closefd=False) as file:
            content = file.read()
        self.records, self._size = _scan(self.path, content, self.form)
        if self._size < len(content):
            os.ftruncate(self._file, self._size)
            os.fsync(self._file)

    def append(self, record: T) -> None:
        """Write one record, and return when the disk has it.

        Raises:
            StorageError: it could not be written whole; nothing of it is left in the file.
        """
        line = self.form.encode(record).encode("ascii") + b"\n"
        try:
            written = os.write(self._file, line)
            if written < len(line):
                raise OSError(errno.ENOSPC, f"only {written} of {len(line)} bytes fitted")
            os.fsync(self._file)
        except OSError as error:
            self._undo()
            raise StorageError(
                f"room for a record in {self.path}",
                f"{error.strerror}",
                "free some space, then run the same again",
            ) from error
        self._size += len(line)
        self.records.append(record)

    def _undo(self) -> None:
        """Back to the last whole record; what can't be cut away now is cut away when it is next opened."""
        try:
            os.ftruncate(self._file, self._size)
        except OSError:
            self.close()


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        created = not path.exists()
        file = os.open(path, flags, 0o644)
        if created:
            _flush_folder(path.parent)
    except OSError as error:
        raise UsageError(
            "a folder that can be written", f"{str(path)!r}: {error.strerror}", "choose another folder"
        ) from error
    return file


def _flush_folder(folder: Path) -> None:
    """A new file's name is on the disk only when its folder is."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _lock(file: int, path: Path) -> None:
    # flock, not lockf: a lock of lockf's kind is lost as soon as this process reads the same file.
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise UsageError(
            f"to be the only one that writes {path}",
            "another run writes here",
            "wait for it, or choose another folder",
        ) from error
