"""Boards as Markdown tables, for a README or a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from srbench.report.entries import Column, Entry
from srbench.report.ranks import UNSURE
from srbench.report.views import Board

_SPECIAL = re.compile(r"([\\`*_\[\]#|~$@])")
_LIST = re.compile(r"^(\d*)([-+.)])")
_MARKS = {"best": "**{}**", "second": "_{}_"}


def markdown(boards: Iterable[Board]) -> str:
    """All boards, each with its signature, its table and its notes."""
    return "\n".join(line for board in boards for line in _board(board))


def _board(board: Board) -> Iterator[str]:
    yield from (f"## {escape(board.name)}", "", f"`{code(board.signature)}`", "")
    scored = [place for place, column in enumerate(board.columns) if not column.cost]
    headers = [f"{escape(board.columns[place].dataset)} {_header(board.columns[place])}" for place in scored]
    yield from _table(board, headers, scored)
    for group, places in _cost_groups(board):
        yield from (f"### {escape(group)}", "")
        yield from _table(board, [_header(board.columns[place]) for place in places], places)
    yield from (f"{number}. {escape(note)}" for number, note in enumerate(board.notes, 1))
    yield from [""] if board.notes else []


def _cost_groups(board: Board) -> Iterator[tuple[str, list[int]]]:
    """Costs stand in tables of their own: their groups' names are too long for headers."""
    start = 0
    for group in board.groups:
        if group.cost:
            yield group.dataset, list(range(start, start + group.columns))
        start += group.columns


def _table(board: Board, headers: Sequence[str], places: Sequence[int]) -> Iterator[str]:
    yield _line(["Model", "Inference", *headers])
    yield _line(["---", "---", *("---:" for _ in places)])
    yield from (_line(_cells(board, line, places)) for line in range(len(board.rows)))
    yield ""
    if any(board.unsure(line, place) for line in range(len(board.rows)) for place in places):
        yield from (f"≈ {UNSURE}", "")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _header(column: Column) -> str:
    return escape(column.title) + {"higher": " ↑", "lower": " ↓"}.get(column.direction, "")


def _cells(board: Board, line: int, places: Sequence[int]) -> list[str]:
    row = board.rows[line]
    entries = (_entry(row.entries[place], board.unsure(line, place)) for place in places)
    return [escape(row.title), escape(row.inference), *entries]


def _entry(entry: Entry, unsure: bool) -> str:
    notes = ("<sup>≈</sup>" if unsure else "") + "".join(f"<sup>{number}</sup>" for number in entry.notes)
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
