"""What the gate needs of a result set: each cell's per-image values, and nothing of how they were made.

Lean on purpose: two sets of 1,000 models x 15 cells x 24 images have to fit in 2 GB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from srbench.store.aggregate import (
    Gathering,
    ItemResult,
    mean_of_items,
    metric_of,
    status_of,
    walk,
    without_collector,
)
from srbench.store.journal import iter_journal, journal_path
from srbench.types import Cell

Values = tuple[float, ...]
"""One item's raw values, one per frame."""


@dataclass(frozen=True)
class MetricScores:
    """One metric under one signature: its values by item name; `reason` says why some are missing."""

    name: str
    signature: str
    items: Mapping[str, Values]
    reason: str = ""


@dataclass(frozen=True)
class CellScores:
    """One cell's values.

    Attributes:
        status: as `srbench.store.aggregate.CellResult`.
        reason: why it is not ``done``.
        expected: items the cell has.
    """

    cell: Cell
    status: str
    reason: str = ""
    expected: int = 0
    metrics: tuple[MetricScores, ...] = field(default=())

    def mean(self, metric: MetricScores) -> float:
        """A metric's mean over the cell, as leaderboards print it."""
        return mean_of_items(metric.items.values(), self.cell.average).value


def load_scores(folder_or_journal: Path, provenance: str = "") -> list[CellScores]:
    """The values of every cell of a run's journal.

    Args:
        folder_or_journal: a run's folder, or its journal.
        provenance: only what was measured by the run of this id.

    Raises:
        UsageError: there is no journal.
        IntegrityError: the journal is broken before its last line.
    """
    records = iter_journal(journal_path(folder_or_journal), lean=not provenance)
    chosen = (record for record in records if record.provenance == provenance) if provenance else records
    with without_collector():
        return [_cell_scores(gathering) for gathering in walk(chosen)]


def _cell_scores(gathering: Gathering) -> CellScores:
    items = list(gathering.items.values())
    status, reason = status_of(gathering)
    keys = dict.fromkeys(key for item in items for key in item.scores)
    metrics = tuple(_metric_scores(name, signature, items) for name, signature in keys)
    return CellScores(gathering.cell, status, reason, gathering.expected, metrics)


def _metric_scores(name: str, signature: str, items: list[ItemResult]) -> MetricScores:
    scores = ((item.name, item.scores.get((name, signature))) for item in items)
    values = {item: score.values for item, score in scores if score is not None and score.values}
    reason = "" if len(values) == len(items) else metric_of(name, signature, items, "").reason
    return MetricScores(name, signature, values, reason)
