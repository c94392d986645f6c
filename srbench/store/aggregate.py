"""From a journal's records to what each cell came to: the one place where scores are averaged.

Records are walked in order. Of a cell's item, the latest scores count, metric signature by metric
signature: a metric added later joins the earlier ones, and a later "not available today" erases no
number. Scores of another prediction (other weights, another adapter) are never mixed in.
"""

from __future__ import annotations

import gc
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from srbench.store.journal import iter_journal, journal_path
from srbench.store.records import encode_number
from srbench.types import FAILURES, MODEL_FIELD, Cell, Record, Score, Status

DONE = Status.DONE.value
PARTIAL = "partial"
"""Some items of a cell are done, the rest was not reached; beside the values of `Status`."""


@dataclass(frozen=True)
class Mean:
    """A mean that says what is in it.

    Attributes:
        value: mean over items of the mean over an item's frames, of finite values alone; ``inf`` when
            all are infinite; NaN when any is NaN, or when there is none.
        n: items with values.
        n_inf: infinite values, over all items and frames, left out of the mean.
        n_nan: values that are NaN.
    """

    value: float
    n: int
    n_inf: int = 0
    n_nan: int = 0


def mean_of_items(items: Iterable[Sequence[float]], over: str = "") -> Mean:
    """The mean over items of per-frame values; for stills (one frame) the mean over images.

    PROTOCOLS: ``image`` and ``clip`` means are the same formula. Items without values don't count.

    Args:
        items: each item's values, one per frame.
        over: a cell's ``average``: ``frame`` for the mean over the frames of all items alike.
    """
    present = [values for values in items if values]
    flat = [value for values in present for value in values]
    return Mean(
        value=_finite_mean(flat if over == "frame" else [_finite_mean(values) for values in present]),
        n=len(present),
        n_inf=sum(map(math.isinf, flat)),
        n_nan=sum(map(math.isnan, flat)),
    )


def _finite_mean(values: Sequence[float]) -> float:
    if not values or any(map(math.isnan, values)):
        return math.nan
    finite = [value for value in values if math.isfinite(value)]
    if finite:
        return math.fsum(finite) / len(finite)  # exact: the order of the items changes no digit
    return values[0] if len(set(values)) == 1 else math.nan


@dataclass(frozen=True)
class ItemResult:
    """One done item of a cell: its latest scores, by metric name and metric signature."""

    name: str
    record: Record
    scores: Mapping[tuple[str, str], Score]


@dataclass(frozen=True)
class MetricResult:
    """One metric, under one signature, over a cell's items; `reason` says why values are missing."""

    name: str
    signature: str
    mean: Mean
    reason: str = ""


@dataclass(frozen=True)
class CellResult:
    """What became of a cell.

    Attributes:
        status: a value of `Status`, or ``partial``.
        reason: why it is not ``done``.
        expected: items the cell has; 0 if it never came so far.
        items: the done ones, in the order of the journal.
        metrics: one for each metric and metric signature.
    """

    cell: Cell
    status: str
    reason: str
    expected: int
    items: tuple[ItemResult, ...]
    metrics: tuple[MetricResult, ...]


@dataclass
class Gathering:
    """A cell while its records are walked."""

    cell: Cell
    expected: int = 0
    fingerprint: str = ""
    standing: Record | None = None
    items: dict[str, ItemResult] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        """One record more, in the journal's order."""
        self.expected = record.items or self.expected
        self._forget_other_models(record)
        if record.status is not Status.DONE or not record.item:
            self.standing = record
            return
        self.standing = None
        self.items[record.item] = _merged(self.items.get(record.item), record)

    def _forget_other_models(self, record: Record) -> None:
        """A cell's mean is of one model: once weights, source or files change, earlier items are stale."""
        fingerprint = record.key_fields.get(MODEL_FIELD, "")
        if fingerprint and fingerprint != self.fingerprint:
            self.items.clear()
            self.fingerprint = fingerprint


def _merged(before: ItemResult | None, record: Record) -> ItemResult:
    if before is None or before.record.prediction != record.prediction:
        fresh = {(name, score.signature): score for name, score in record.scores.items()}
        return ItemResult(record.item, record, fresh)
    scores = dict(before.scores)
    for name, score in record.scores.items():
        known = scores.get((name, score.signature))
        if score.values or known is None or not known.values:
            scores[name, score.signature] = score
    return ItemResult(record.item, record, scores)


def gather(records: Iterable[Record]) -> list[CellResult]:
    """What each cell came to, in the order in which cells first appear."""
    return [_result(gathering) for gathering in walk(records)]


def walk(records: Iterable[Record]) -> list[Gathering]:
    """Each cell with what counts of its records, in the order in which cells first appear."""
    cells: dict[Cell, Gathering] = {}
    for record in records:
        gathering = cells.get(record.cell)
        if gathering is None:
            gathering = cells[record.cell] = Gathering(record.cell)
        gathering.add(record)
    return list(cells.values())


@contextmanager
def without_collector() -> Iterator[None]:
    """Records have no cycles: looking for some as they pile up takes a quarter of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def load_cells(folder_or_journal: Path) -> list[CellResult]:
    """What each cell of a run's journal came to.

    Raises:
        UsageError: there is no journal.
        IntegrityError: the journal is broken before its last line.
    """
    with without_collector():
        return gather(iter_journal(journal_path(folder_or_journal)))


def _result(gathering: Gathering) -> CellResult:
    cell, items = gathering.cell, tuple(gathering.items.values())
    status, reason = status_of(gathering)
    return CellResult(cell, status, reason, gathering.expected, items, tuple(_metrics(items, cell.average)))


def status_of(gathering: Gathering) -> tuple[str, str]:
    """A cell's status, and why it is not ``done``."""
    done = len(gathering.items)
    standing, expected = gathering.standing, gathering.expected
    failed = standing is not None and standing.status in FAILURES
    if done and done >= expected and not failed:
        return DONE, ""
    why = standing.reason if standing is not None else ""
    if standing is not None and (not done or standing.status in FAILURES):
        return standing.status.value, _joined(f"{done} of {expected} items" if done else "", why)
    return PARTIAL, _joined(f"{done} of {expected} items", why)


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _metrics(items: Sequence[ItemResult], over: str) -> list[MetricResult]:
    keys = dict.fromkeys(key for item in items for key in item.scores)
    return [metric_of(name, signature, items, over) for name, signature in keys]


def metric_of(name: str, signature: str, items: Sequence[ItemResult], over: str) -> MetricResult:
    """One metric under one signature over a cell's items; `over` is the cell's ``average``."""
    empty = Score(signature, "", reason="not computed for this item")
    scores = {item.name: item.scores.get((name, signature), empty) for item in items}
    mean = mean_of_items((score.values for score in scores.values()), over)
    return MetricResult(name, signature, mean, _missing(scores, mean))


def _missing(scores: Mapping[str, Score], mean: Mean) -> str:
    """Why a mean is not over all items, or no number."""
    why = Counter(score.reason or "no values" for score in scores.values() if not score.values)
    reasons = "; ".join(reason for reason, _ in why.most_common(3))
    share = f"{mean.n} of {len(scores)} items" if mean.n and why else ""
    nan = [name for name, score in scores.items() if any(map(math.isnan, score.values))]
    not_a_number = f"not a number in {', '.join(nan[:3])}" if nan else ""
    return _joined(not_a_number, share, reasons)


def latest_metrics(result: CellResult) -> dict[str, MetricResult]:
    """One result for each metric's name: of several signatures, the one over most items, then the latest."""
    chosen: dict[str, MetricResult] = {}
    for metric in result.metrics:
        if metric.name not in chosen or metric.mean.n >= chosen[metric.name].mean.n:
            chosen[metric.name] = metric
    return chosen


# ------------------------------------------------------------------------------- the --json object


def cells_json(folder_or_journal: Path) -> dict[str, Any]:
    """The object that ``--json`` prints: ``{"cells": [...]}``; infinities are the string ``"inf"``.

    Raises:
        UsageError: there is no journal.
        IntegrityError: the journal is broken before its last line.
    """
    return {"cells": [cell_json(result) for result in load_cells(folder_or_journal)]}


def cell_json(result: CellResult) -> dict[str, Any]:
    """One cell of the ``--json`` object."""
    cell, metrics = result.cell, latest_metrics(result)
    return {
        "model": cell.model,
        "dataset": cell.dataset,
        "scale": cell.scale,
        "protocol": cell.protocol,
        "signature": cell.signature,
        "inference": cell.inference,
        "status": result.status,
        "reason": result.reason,
        "n": len(result.items),
        "metrics": {name: encode_number(m.mean.value) for name, m in metrics.items() if _is_number(m)},
        "n_inf": {name: m.mean.n_inf for name, m in metrics.items() if m.mean.n_inf},
        "absent": {name: m.reason for name, m in metrics.items() if m.reason},
        "metric_signatures": {name: m.signature for name, m in metrics.items()},
        "items": {item.name: _item_json(item, metrics) for item in result.items},
    }


def _is_number(metric: MetricResult) -> bool:
    return not math.isnan(metric.mean.value)


def _item_json(item: ItemResult, metrics: Mapping[str, MetricResult]) -> dict[str, float | str]:
    scores = {name: item.scores.get((name, metric.signature)) for name, metric in metrics.items()}
    return {
        name: encode_number(mean_of_items([score.values]).value)
        for name, score in scores.items()
        if score is not None and score.values
    }
