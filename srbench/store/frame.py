"""Results as pandas tables: one row per cell, item and metric, and their means.

The tables hold rows; what counts and how it is averaged is `srbench.store.aggregate`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd

from srbench.store.aggregate import CellResult, ItemResult, cells_json, load_cells, mean_of_items
from srbench.types import Cell, Score

__all__ = ["cells_json", "load_frame", "summarise"]

CELL_COLUMNS = [f.name for f in fields(Cell)]
STATE_COLUMNS = ["status", "reason", "expected"]
ITEM_COLUMNS = ["item", "frames", "seconds", "megapixels", "prediction", "provenance", "time"]
SCORE_COLUMNS = ["metric", "metric_signature", "values", "missing"]
COLUMNS = [*CELL_COLUMNS, *STATE_COLUMNS, *ITEM_COLUMNS, *SCORE_COLUMNS]
SUMMARY_COLUMNS = [
    *CELL_COLUMNS, *STATE_COLUMNS, "metric", "metric_signature", "mean", "n", "n_inf", "n_nan", "missing"
]  # fmt: skip


def load_frame(folder_or_journal: Path) -> pd.DataFrame:
    """One row per cell, item and metric; ``values`` is the list of per-frame values.

    A cell without a done item (skipped, failed) has one row whose ``item`` and ``metric`` are empty.
    A metric that gave no value has an empty list, and ``missing`` says why.

    Raises:
        UsageError: there is no journal.
        IntegrityError: the journal is broken before its last line.
    """
    rows = [row for result in load_cells(folder_or_journal) for row in _rows(result)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(result: CellResult) -> Iterator[dict[str, Any]]:
    cell = {name: getattr(result.cell, name) for name in CELL_COLUMNS}
    state = {"status": result.status, "reason": result.reason, "expected": result.expected}
    if not result.items:
        yield {**cell, **state, **_blank_item(), **_blank_score()}
    for item in result.items:
        yield from ({**cell, **state, **row} for row in _item_rows(item))


def _item_rows(item: ItemResult) -> Iterator[dict[str, Any]]:
    known = {name: getattr(item.record, name) for name in ITEM_COLUMNS}
    if not item.scores:
        yield {**known, **_blank_score()}
    for (metric, _), score in item.scores.items():
        yield {**known, **_score_row(metric, score)}


def _score_row(metric: str, score: Score) -> dict[str, Any]:
    return {
        "metric": metric,
        "metric_signature": score.signature,
        "values": list(score.values),
        "missing": score.reason,
    }


def _blank_item() -> dict[str, Any]:
    return dict.fromkeys(ITEM_COLUMNS, "") | {"frames": 0, "seconds": 0.0, "megapixels": 0.0}


def _blank_score() -> dict[str, Any]:
    return {"metric": "", "metric_signature": "", "values": [], "missing": ""}


def summarise(frame: pd.DataFrame) -> pd.DataFrame:
    """Means of a frame from `load_frame`: one row per cell, metric and metric signature.

    ``mean`` is over finite values, of an item's frames and then of items; ``n`` counts items with
    values, ``n_inf`` and ``n_nan`` values left out of it (any NaN makes the mean NaN). Cells without
    scores keep their row: ``n`` is 0, and ``reason`` or ``missing`` says why.
    """
    keys = [*CELL_COLUMNS, *STATE_COLUMNS, "metric", "metric_signature"]
    groups = frame.groupby(keys, sort=False, dropna=False)
    rows = [{**dict(zip(keys, key, strict=True)), **_summary(group)} for key, group in groups]
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)


def _summary(group: pd.DataFrame) -> dict[str, Any]:
    mean = mean_of_items(group["values"], group["average"].iloc[0])
    missing = "; ".join(dict.fromkeys(reason for reason in group["missing"] if reason))
    return {"mean": mean.value, "n": mean.n, "n_inf": mean.n_inf, "n_nan": mean.n_nan, "missing": missing}
