"""Boards as Markdown tables, for a README or a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from srbench.report.entries import Entry
from srbench.report.views import Board, Row

_SPECIAL = re.compile(r"([\\`*_\[\]#|~$@])")
_LIST = re.compile(r"^(\d*)([-+.)])")
_MARKS = {"best": "**{}**", "second": "_{}_"}


def markdown(boards: Iterable[Board]) -> str:
    """All boards, each with its signature, its table and its notes."""
    return "\n".join(line for board in boards for line in _board(board))


def _board(board: Board) -> Iterator[str]:
    yield from (f"## {escape(board.name)}", "", f"`{code(board.signature)}`", "")
    yield _line(["Model", "Inference", *_headers(board)])
    yield _line(["---", "---", *("---:" for _ in board.columns)])
    yield from (_line(_cells(row)) for row in board.rows)
    yield ""
    yield from (f"{number}. {escape(note)}" for number, note in enumerate(board.notes, 1))
    yield from [""] if board.notes else []


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _headers(board: Board) -> Iterator[str]:
    for column in board.columns:
        arrow = {"higher": " ↑", "lower": " ↓"}.get(column.direction, "")
        yield f"{escape(column.dataset)} {escape(column.title)}{arrow}"


def _cells(row: Row) -> list[str]:
    return [escape(row.title), escape(row.inference), *(_entry(entry) for entry in row.entries)]


def _entry(entry: Entry) -> str:
    notes = "".join(f"<sup>{number}</sup>" for number in entry.notes)
    return _MARKS.get(entry.mark, "{}").format(entry.text) + notes + _published(entry)


def _published(entry: Entry) -> str:
    published = entry.published
    if published is None:
        return ""
    return f" ({published.text}, {published.remark})"


def escape(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, no new cell."""
    harmless = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _LIST.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", harmless))


def code(text: str) -> str:
    """Text for between backticks, where a backslash would be shown."""
    return text.replace("`", "'")
