"""What a result set says of two of its models: paired differences, each with a word for what is known.

The pairing, the intervals and the correction are the gate's (`srbench.gate.compare`): one model stands where
the baseline would, the other where the candidate would.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from srbench.gate.compare import compare
from srbench.gate.policy import Policy
from srbench.gate.verdicts import Outcome, Verdict
from srbench.store.aggregate import mean_of_items
from srbench.store.scores import CellScores, MetricScores
from srbench.types import MetricInfo

Word = Literal["better", "worse", "undecided", "too few images", "not compared"]


@dataclass(frozen=True)
class Pair:
    """One metric on one set under one protocol: the first model, and the other minus it.

    Attributes:
        verdict: the gate's; its cell is of the first model's name.
        word: what is known of the other model, for images like these.
        items: image by image (clip by clip): the first model's value and the other's.
    """

    verdict: Verdict
    word: Word
    items: Mapping[str, tuple[float, float]]


def pairs_of(
    first: str, other: str, cells: Sequence[CellScores], metrics: Mapping[str, MetricInfo]
) -> list[Pair]:
    """Everything that two models of a result set have in common, in the set's order.

    Args:
        first: a model's name; differences are the other's value minus its.
        other: likewise.
        cells: of the result set.
        metrics: what metrics are, by name.
    """
    ours = [one for one in cells if one.cell.model == first]
    theirs = [replace(one, cell=replace(one.cell, model=first)) for one in cells if one.cell.model == other]
    judged = compare(ours, theirs, Policy(evidence="images"), metrics, names=(first, other))
    order = {_where(one): place for place, one in enumerate(cells)}
    known = list(metrics)
    verdicts = [v for v in judged.verdicts if v.outcome is not Outcome.NEW]
    verdicts.sort(key=lambda v: (order.get(_place(v), len(order)), _rank(known, v.measure.name)))
    return [Pair(v, word_of(v), dict(_items(v, ours, theirs))) for v in verdicts]


def _where(one: CellScores) -> tuple[str, str]:
    return one.cell.dataset, one.cell.signature


def _place(verdict: Verdict) -> tuple[str, str]:
    return verdict.cell.dataset, verdict.cell.signature


def _rank(known: Sequence[str], name: str) -> int:
    return known.index(name) if name in known else len(known)


def word_of(verdict: Verdict) -> Word:
    """What is known of the candidate: its sign for other images, after Holm's correction across sets."""
    if verdict.delta is None:
        return "not compared"
    if verdict.interval is None:
        return "too few images"  # as `srbench.stats.TOO_FEW`
    if verdict.p_value is None or verdict.p_value >= 1 - verdict.interval.level:
        return "undecided"
    return "better" if verdict.delta * verdict.measure.sign > 0 else "worse"


def _items(
    verdict: Verdict, ours: Sequence[CellScores], theirs: Sequence[CellScores]
) -> Iterator[tuple[str, tuple[float, float]]]:
    one, other = (_metric(verdict, cells) for cells in (ours, theirs))
    if verdict.delta is not None and one is not None and other is not None:
        for item, values in one.items.items():
            yield item, (_mean(values), _mean(other.items[item]))


def _metric(verdict: Verdict, cells: Sequence[CellScores]) -> MetricScores | None:
    found = (
        metric
        for one in cells
        if (*_where(one), one.cell.pixels) == (*_place(verdict), verdict.cell.pixels)
        for metric in one.metrics
        if (metric.name, metric.signature) == (verdict.measure.name, verdict.measure.signature)
    )
    return next(found, None)


def _mean(values: Sequence[float]) -> float:
    return mean_of_items([values]).value
