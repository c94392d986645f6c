"""What an ablation found: paired differences per image, seeds nested in them, and what that says of a claim.

A factor's effect on a set is, for each image, the mean over seeds (and over the other factors' levels) of the
score at the level that a paper calls better, minus the same at the other level. Its interval is for other
images like these (`srbench.stats.mean_interval`), so the seeds' share is in each image's mean and is shown
apart: the standard deviation, over seeds, of the set's mean difference.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from srbench.ablation.declared import Ablation, Factor, Trial, trials
from srbench.errors import NothingMeasured
from srbench.stats import Interval, effect_size, mean_interval
from srbench.store.scores import CellScores

Verdict = Literal["confirmed", "not confirmed", "undecided"]
Scores = Mapping[str, Mapping[str, float]]
"""By model, then by image."""


@dataclass(frozen=True)
class Effect:
    """The effect of one factor on one set, in one metric.

    Attributes:
        where: at which levels of the other factors; empty for the mean over all of them.
        mean: ``better`` minus ``base``.
        interval: of 95 % for images like these; None for too few images.
        seeds: the set's mean difference of each seed.
        size: Hedges' g over images.
        n: images.
    """

    factor: str
    dataset: str
    metric: str
    where: str
    mean: float
    interval: Interval | None
    seeds: tuple[float, ...]
    size: float | None
    n: int

    @property
    def seed_spread(self) -> float:
        """Standard deviation over seeds; NaN for one seed."""
        return float(np.std(self.seeds, ddof=1)) if len(self.seeds) > 1 else math.nan

    @property
    def verdict(self) -> Verdict:
        """What this set says: a sign known beyond its images, and the same for every seed."""
        if self.interval is None or not self.interval.excludes_zero or len({s > 0 for s in self.seeds}) > 1:
            return "undecided"
        return "confirmed" if self.mean > 0 else "not confirmed"


def verdict(effects: Sequence[Effect]) -> Verdict:
    """What all sets say together: the one thing that those with an interval agree on."""
    said = {effect.verdict for effect in effects if effect.interval is not None}
    return next(iter(said)) if len(said) == 1 else "undecided"


def effects_of(ablation: Ablation, cells: Sequence[CellScores]) -> list[Effect]:
    """Every factor's effect, over all and at each level of the others, on each set and in each metric.

    Raises:
        NothingMeasured: a trial has no score on an image that others have.
    """
    found: list[Effect] = []
    labels = list(dict.fromkeys(cell.cell.dataset for cell in cells))
    for metric in ablation.metrics:
        for label in labels:
            scores = _scores(ablation, cells, label, metric)
            for factor in ablation.factors:
                found += [
                    _effect(ablation, factor, w, label, metric, scores) for w in _places(ablation, factor)
                ]
    return found


def _scores(ablation: Ablation, cells: Sequence[CellScores], dataset: str, metric: str) -> Scores:
    names = {trial.model for trial in trials(ablation)}
    found = {
        cell.cell.model: {item: float(np.mean(values)) for item, values in one.items.items()}
        for cell in cells
        for one in cell.metrics
        if cell.cell.dataset == dataset and one.name == metric and cell.cell.model in names
    }
    images = {tuple(sorted(items)) for items in found.values()}
    if set(found) != names or len(images) != 1:
        missing = ", ".join(sorted(names - set(found))[:3]) or "images"
        raise NothingMeasured(
            f"every trial scored on all of {dataset}", f"{missing} missing", "run the same command again"
        )
    return found


def _places(ablation: Ablation, factor: Factor) -> list[str]:
    """All other levels together, then each of the other factors' levels alone."""
    others = [level.name for other in ablation.factors if other is not factor for level in other.levels]
    return ["", *others]


def _effect(
    ablation: Ablation, factor: Factor, where: str, dataset: str, metric: str, scores: Scores
) -> Effect:
    images = sorted(next(iter(scores.values())))
    rows = []
    for seed in ablation.seeds:
        means = [
            _mean([t for t in _chosen(ablation, factor, level, where) if t.seed == seed], images, scores)
            for level in (factor.better, factor.base)
        ]
        rows.append(means[0] - means[1])
    by_seed = np.stack(rows)
    over_seeds = by_seed.mean(axis=0)
    return Effect(
        factor=factor.name,
        dataset=dataset,
        metric=metric,
        where=where,
        mean=float(over_seeds.mean()),
        interval=mean_interval(over_seeds),
        seeds=tuple(float(mean) for mean in by_seed.mean(axis=1)),
        size=effect_size(over_seeds),
        n=len(images),
    )


def _chosen(ablation: Ablation, factor: Factor, level: str, where: str) -> list[Trial]:
    at = ablation.factors.index(factor)
    return [t for t in trials(ablation) if t.levels[at] == level and (not where or where in t.levels)]


def _mean(chosen: list[Trial], images: list[str], scores: Scores) -> np.ndarray:
    values = [[scores[trial.model][image] for image in images] for trial in chosen]
    return np.asarray(np.mean(values, axis=0))
