"""Boards as tidy CSV: one row per model, dataset and metric, for a spreadsheet or a script."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from io import StringIO

from srbench.report.entries import NOT_RUN, Column, Entry
from srbench.report.ranks import Rank
from srbench.report.views import Board, Row

COLUMNS = (
    "protocol", "scale", "signature", "dataset", "pixels", "machine", "machine_id", "input", "model",
    "inference", "metric", "metric_signature", "unit", "direction", "status", "n", "items", "n_inf", "value",
    "mark", "rank", "published", "published_protocol", "difference", "published_source", "reason",
)  # fmt: skip
"""A row of quality has a dataset and its pixels' digest; one of cost a machine, its digest, and a size.

A rank is an interval, ``1-2`` with an en dash, where the images are enough for one.
"""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_text(boards: Iterable[Board]) -> str:
    """All boards; values with every digit, infinity as ``inf``, an empty value where there is a dash."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(line for board in boards for line in _lines(board))
    return text.getvalue()


def _lines(board: Board) -> Iterator[list[str | int]]:
    for line, row in enumerate(board.rows):
        for place, (column, entry) in enumerate(zip(board.columns, row.entries, strict=True)):
            if entry.status != NOT_RUN:
                yield [*_what(board, row, column), *_result(entry, board.rank(line, place))]


def _what(board: Board, row: Row, column: Column) -> list[str | int]:
    if column.cost:
        where = ("", "", column.machine, column.pixels, column.point)
    else:
        where = (column.dataset, column.pixels, "", "", "")
    named = (row.model, row.inference, column.metric, column.signature, column.unit, column.direction)
    return [safe(board.protocol), board.scale, safe(board.signature), *map(safe, (*where, *named))]


def _result(entry: Entry, rank: Rank | None) -> list[str | int]:
    published = entry.published
    beside = (published.text, published.protocol, published.difference) if published else ("", "", "")
    source = safe(published.source) if published else ""
    value = "" if entry.value is None else repr(entry.value)
    state = (safe(entry.status), entry.n, entry.expected, entry.n_inf)
    return [*state, value, entry.mark, rank.text if rank else "", *beside, source, safe(entry.reason)]


def safe(text: str) -> str:
    """Text that a spreadsheet will not take for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
