"""What the gate needs of a result set: each cell's per-image values, and nothing of how they were made.

Lean on purpose: two sets of 1,000 models x 15 cells x 24 images have to fit in 2 GB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from srbench.store.aggregate import CellResult, gather, mean_of_items
from srbench.store.journal import journal_path, read_journal
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


def cell_scores(result: CellResult) -> CellScores:
    """The values of what `srbench.store.aggregate.gather` has made of a cell's records."""
    metrics = tuple(
        MetricScores(
            metric.name, metric.signature, _values(result, metric.name, metric.signature), metric.reason
        )
        for metric in result.metrics
    )
    return CellScores(result.cell, result.status, result.reason, result.expected, metrics)


def _values(result: CellResult, name: str, signature: str) -> dict[str, Values]:
    scores = ((item.name, item.scores.get((name, signature))) for item in result.items)
    return {item: score.values for item, score in scores if score is not None and score.values}


def load_scores(folder_or_journal: Path, provenance: str = "") -> list[CellScores]:
    """The values of every cell of a run's journal.

    Args:
        folder_or_journal: a run's folder, or its journal.
        provenance: only what was measured by the run of this id.

    Raises:
        UsageError: there is no journal.
        IntegrityError: the journal is broken before its last line.
    """
    records = read_journal(journal_path(folder_or_journal))
    chosen = (record for record in records if record.provenance == provenance) if provenance else records
    return [cell_scores(result) for result in gather(chosen)]
