"""The journal: one run's results, one `Record` a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from srbench.store.lines import AppendedFile, LineFormat, file_in, iter_lines, read_lines
from srbench.store.records import decode, encode
from srbench.types import Record

__all__ = ["JOURNAL", "Journal", "decode", "encode", "iter_journal", "journal_path", "read_journal"]

JOURNAL = "journal.jsonl"
"""The journal's name inside a run's folder."""

_FORM = LineFormat[Record](b'{"cell":{', encode, decode)  # every record begins so: its keys are sorted
_LEAN = replace(_FORM, decode=partial(decode, lean=True))


def journal_path(folder_or_journal: Path) -> Path:
    """The journal of a run's folder, or the file itself.

    Raises:
        UsageError: there is none.
    """
    return file_in(folder_or_journal, JOURNAL, "run srbench first")


def read_journal(path: Path) -> list[Record]:
    """All records up to the last whole one; as `srbench.store.lines.read_lines`."""
    return read_lines(path, _FORM)


def iter_journal(path: Path, *, lean: bool = False) -> Iterator[Record]:
    """As `read_journal`, one record at a time; as `srbench.store.lines.iter_lines`.

    Args:
        path: the journal.
        lean: without what says how scores came about, see `decode`.
    """
    return iter_lines(path, _LEAN if lean else _FORM)


class Journal(AppendedFile[Record]):
    """A journal opened for appending; as `srbench.store.lines.AppendedFile`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _FORM)
