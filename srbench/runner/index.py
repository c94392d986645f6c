"""What a journal already knows, looked up by key: what need not be computed again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

from srbench.types import Cell, Record, Score, Status


@dataclass
class Index:
    """Scores by key, done items by cell, and the pace of each model."""

    scores: dict[str, Score] = field(default_factory=dict)
    recorded: dict[tuple[Cell, str], dict[str, str]] = field(default_factory=dict)
    standing: dict[Cell, tuple[Status, str]] = field(default_factory=dict)
    pace: dict[str, list[float]] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        """Take in one record; later ones win."""
        if not record.item:
            self.standing[record.cell] = (record.status, record.reason)
            return
        self.standing.pop(record.cell, None)
        if record.status is not Status.DONE:
            return
        keys = self.recorded.setdefault((record.cell, record.item), {})
        for name, score in record.scores.items():
            if score.key:
                self.scores[score.key] = score
                keys[name] = score.key
        if record.megapixels and record.seconds:
            self.pace.setdefault(record.cell.model, []).append(record.seconds / record.megapixels)

    def holds(self, cell: Cell, item: str, wanted: Mapping[str, str]) -> bool:
        """Whether this cell's item already has every wanted metric, under the wanted keys."""
        keys = self.recorded.get((cell, item), {})
        return all(keys.get(name) == key for name, key in wanted.items())

    def knows(self, wanted: Mapping[str, str]) -> dict[str, Score] | None:
        """The wanted scores, if all were computed before, for this cell or for another one."""
        if not all(key in self.scores for key in wanted.values()):
            return None
        return {name: self.scores[key] for name, key in wanted.items()}

    def seconds_per_megapixel(self, model: str) -> float | None:
        """Median pace of a model over its recorded images, or None when it has none."""
        paces = self.pace.get(model)
        return median(paces) if paces else None


def index_of(records: Iterable[Record]) -> Index:
    """The index of a journal's records."""
    index = Index()
    for record in records:
        index.add(record)
    return index
