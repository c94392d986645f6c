"""What a journal already knows, looked up by key: what need not be computed again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

from srbench.types import FAILURES, MODEL_FIELD, Cell, Record, Score, Status


@dataclass
class Index:
    """Scores by key, done items by cell, and the pace of each model."""

    scores: dict[str, Score] = field(default_factory=dict)
    recorded: dict[Cell, dict[str, dict[str, str]]] = field(default_factory=dict)
    """by cell and item: the key of each metric's score"""
    fingerprints: dict[Cell, str] = field(default_factory=dict)
    """of the model that a cell's records are of"""
    standing: dict[Cell, tuple[Status, str]] = field(default_factory=dict)
    pace: dict[str, list[float]] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        """Take in one record; later ones win, and those of another model of this name are forgotten."""
        fingerprint = record.key_fields.get(MODEL_FIELD, "")
        if fingerprint and fingerprint != self.fingerprints.get(record.cell):
            self.recorded.pop(record.cell, None)
            self.fingerprints[record.cell] = fingerprint
        if not record.item:
            self.standing[record.cell] = (record.status, record.reason)
            return
        self.standing.pop(record.cell, None)
        if record.status is not Status.DONE:
            return
        keys = self.recorded.setdefault(record.cell, {}).setdefault(record.item, {})
        for name, score in record.scores.items():
            if score.key:
                self.scores[score.key] = score
                keys[name] = score.key
        if record.megapixels and record.seconds:
            self.pace.setdefault(record.cell.model, []).append(record.seconds / record.megapixels)

    def holds(self, cell: Cell, item: str, wanted: Mapping[str, str]) -> bool:
        """Whether this cell's item already has every wanted metric, under the wanted keys, and stands."""
        if cell in self.standing and self.standing[cell][0] in FAILURES:
            return False
        keys = self.recorded.get(cell, {}).get(item, {})
        return all(keys.get(name) == key for name, key in wanted.items())

    def is_of_another_model(self, cell: Cell, fingerprint: str) -> bool:
        """Whether what is recorded of a cell was made with other weights, code or files."""
        known = self.fingerprints.get(cell, "")
        return bool(known and fingerprint and known != fingerprint)

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
