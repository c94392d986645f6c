"""All that a report shows as one JSON object: boards with every entry, plots with every point, provenance.

The object's schema is ``srbench schema leaderboard``. A number that JSON has none for is a text: ``inf``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from srbench import __version__
from srbench.report.entries import Column, Entry
from srbench.report.load import Report
from srbench.report.plots.choose import board_plots, cells_of
from srbench.report.plots.data import Axis, Plot, Ranks, Scatter
from srbench.report.ranks import Rank
from srbench.report.views import Board
from srbench.store.records import encode_number

SCHEMA = 1


def whole_text(report: Report) -> str:
    """The object as text, its keys in a fixed order; the same report gives the same bytes."""
    return json.dumps(whole(report), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def whole(report: Report) -> dict[str, Any]:
    """The object."""
    cells = cells_of(report)
    return {
        "schema": SCHEMA,
        "srbench": __version__,
        "measured": report.measured,
        "cells": dict(report.counts),
        "boards": [
            {**_board(board), "plots": [_plot(c.kind, c.plot) for c in board_plots(board, report, cells)]}
            for board in report.boards
        ],
        "provenance": [{"id": origin.id, "facts": dict(origin.facts)} for origin in report.origins],
    }


def _board(board: Board) -> dict[str, Any]:
    return {
        "name": board.name,
        "protocol": board.protocol,
        "about": board.protocol_title,
        "scale": board.scale,
        "signature": board.signature,
        "columns": [_column(column, items) for column, items in _with_items(board)],
        "rows": [_row(board, place) for place in range(len(board.rows))],
    }


def _with_items(board: Board) -> Iterator[tuple[Column, int]]:
    items = [group.items for group in board.groups for _ in range(group.columns)]
    yield from zip(board.columns, items, strict=True)


def _column(column: Column, items: int) -> dict[str, Any]:
    if column.cost:
        where: dict[str, Any] = {
            "machine": column.machine,
            "machine_id": column.pixels,
            "input": column.point,
        }
    else:
        where = {"dataset": column.dataset, "pixels": column.pixels, "items": items}
    named = ("metric", "title", "signature", "unit", "direction", "decimals")
    return {**where, **{name: getattr(column, name) for name in named}}


def _row(board: Board, place: int) -> dict[str, Any]:
    row = board.rows[place]
    return {
        "model": row.model,
        "title": row.title,
        "inference": row.inference,
        "entries": [_entry(entry, board.rank(place, i)) for i, entry in enumerate(row.entries)],
    }


def _entry(entry: Entry, rank: Rank | None) -> dict[str, Any]:
    named = ("text", "mark", "ranked", "status", "reason", "detail", "n", "expected", "n_inf")
    return {
        "value": None if entry.value is None else encode_number(entry.value),
        **{name: getattr(entry, name) for name in named},
        "rank_low": None if rank is None else rank.best,
        "rank_high": None if rank is None else rank.worst,
        "published": None if entry.published is None else asdict(entry.published),
    }


def _plot(kind: str, plot: Plot) -> dict[str, Any]:
    return {
        "kind": kind,
        "title": plot.title,
        "conditions": plot.conditions,
        **_values(plot),
        "left_out": [{"model": name, "reason": reason} for name, reason in plot.left_out],
    }


def _values(plot: Plot) -> dict[str, Any]:
    if isinstance(plot, Scatter):
        front = set(plot.front)
        points = [{**asdict(point), "on_front": i in front} for i, point in enumerate(plot.points)]
        return {"x": _axis(plot.x), "y": _axis(plot.y), "points": points}
    if isinstance(plot, Ranks):
        return {"x": _axis(plot.axis), "ranks": [asdict(row) for row in plot.rows]}
    rows = [{"name": row.name, "series": row.series, "values": dict(row.values)} for row in plot.rows]
    return {"x": _axis(plot.axis), "baseline": plot.baseline, "images": rows}


def _axis(axis: Axis) -> dict[str, Any]:
    return {"title": axis.title, "unit": axis.unit, "direction": axis.direction, "log": axis.log}
