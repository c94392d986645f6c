"""What an ablation found: paired differences per image, seeds nested in them, and what that says of a claim.

A factor's effect on a set is, for each image, the mean over seeds (and over the other factors' levels) of the
score at one level, minus the same at the base level; a paper's claim is of one of them. Its interval is for
other images like these (`srbench.stats.mean_interval`), so the seeds' share is in each image's mean and is
shown apart: the standard deviation, over seeds, of the set's mean difference.

Clips are too few for that (Vid4 has four). There the interval is for other stretches of these clips: each
is cut into stretches of about `STRETCH` frames, and their differences, moved to the clips' mean, take the
images' place. It says nothing of other clips.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from srbench.ablation.declared import Ablation, Factor, Trial, trials
from srbench.errors import NothingMeasured
from srbench.registry import metrics
from srbench.stats import Floats, Interval, effect_size, mean_interval
from srbench.store.scores import CellScores, Values

Verdict = Literal["confirmed", "not confirmed", "undecided"]
Scores = Mapping[str, Mapping[str, Values]]
"""By model, then by image or clip, one value a frame."""
STRETCH = 10
"""Frames: neighbouring ones differ little, those ten apart more."""


@dataclass(frozen=True)
class Effect:
    """The effect of one level against the base on one set, in one metric.

    Attributes:
        level: that which is compared with the factor's base.
        where: at which levels of the other factors; empty for the mean over all of them.
        mean: the level minus the base.
        interval: of 95 % for images like these, or stretches of these clips; None for too few.
        seeds: the set's mean difference of each seed.
        size: Hedges' g over images (or stretches).
        n: images or clips.
        stretches: of clips, which the interval is of; 0 for images.
        lower_is_better: as LPIPS.
        published: the levels are models that exist, not trainings of which one says nothing of others.
    """

    factor: str
    level: str
    dataset: str
    metric: str
    where: str
    mean: float
    interval: Interval | None
    seeds: tuple[float, ...]
    size: float | None
    n: int
    stretches: int = 0
    lower_is_better: bool = False
    published: bool = False

    @property
    def seed_spread(self) -> float | None:
        """Standard deviation over seeds; None for one seed."""
        return float(np.std(self.seeds, ddof=1)) if len(self.seeds) > 1 else None

    @property
    def verdict(self) -> Verdict:
        """What this set says: a sign known beyond its images, and the same for every seed, of two or more."""
        if len(self.seeds) == 1 and not self.published:
            return "undecided"
        if self.interval is None or not self.interval.excludes_zero or len({s > 0 for s in self.seeds}) > 1:
            return "undecided"
        return "confirmed" if (self.mean > 0) != self.lower_is_better else "not confirmed"


def verdict(effects: Sequence[Effect]) -> Verdict:
    """What all sets say together: the one thing that those with an interval agree on."""
    said = {effect.verdict for effect in effects if effect.interval is not None}
    return next(iter(said)) if len(said) == 1 else "undecided"


def effects_of(ablation: Ablation, cells: Sequence[CellScores]) -> list[Effect]:
    """Every level's effect, over all and at each level of the other factors, on each set and in each metric.

    Raises:
        NothingMeasured: a trial has no score on an image that others have.
    """
    found: list[Effect] = []
    labels = list(dict.fromkeys(cell.cell.dataset for cell in cells))
    everything = tuple(trials(ablation))
    for metric in ablation.metrics:
        for label in labels:
            scored = _Scored(ablation, everything, label, metric, _scores(everything, cells, label, metric))
            for factor in ablation.factors:
                found += [
                    scored.effect(factor, level, where)
                    for level in compared(factor)
                    for where in _places(ablation, factor)
                ]
    return found


def compared(factor: Factor) -> list[str]:
    """The levels that are compared with the base, the one that the claim is of first."""
    others = [level.name for level in factor.levels if level.name not in (factor.base, factor.better)]
    return [factor.better, *others]


def stretches(clips: Sequence[Floats], mean: float) -> Floats:
    """Differences of stretches of about `STRETCH` frames each, moved so that their mean is that over clips.

    Args:
        clips: a clip's frame-by-frame differences each.
        mean: over the clips.
    """
    cut = [part for frames in clips for part in np.array_split(frames, max(1, round(len(frames) / STRETCH)))]
    values = np.asarray([np.mean(part) for part in cut])
    return np.asarray(values - values.mean() + mean)


def _scores(everything: Sequence[Trial], cells: Sequence[CellScores], dataset: str, metric: str) -> Scores:
    names = {trial.model for trial in everything}
    found = {
        cell.cell.model: one.items
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


@dataclass(frozen=True)
class _Scored:
    """One metric's scores of all trials on one set."""

    ablation: Ablation
    trials: tuple[Trial, ...]
    dataset: str
    metric: str
    scores: Scores

    def effect(self, factor: Factor, level: str, where: str) -> Effect:
        """A level minus the base."""
        by_seed = [self._differences(factor, level, where, seed) for seed in self.ablation.seeds]
        over_seeds = [np.mean(frames, axis=0) for frames in zip(*by_seed, strict=True)]
        mean = _mean_of_items(over_seeds)
        clips = any(len(frames) > 1 for frames in over_seeds)
        samples = stretches(over_seeds, mean) if clips else np.concatenate(over_seeds)
        return Effect(
            factor=factor.name,
            level=level,
            dataset=self.dataset,
            metric=self.metric,
            where=where,
            mean=mean,
            interval=mean_interval(samples),
            seeds=tuple(_mean_of_items(differences) for differences in by_seed),
            size=effect_size(samples),
            n=len(over_seeds),
            stretches=len(samples) if clips else 0,
            lower_is_better=metrics()[self.metric].info.direction == "lower",
            published=self.trials[0].recipe is None,
        )

    def _differences(self, factor: Factor, level: str, where: str, seed: int) -> list[Floats]:
        means = (self._means(factor, one, where, seed) for one in (level, factor.base))
        return [better - base for better, base in zip(*means, strict=True)]

    def _means(self, factor: Factor, level: str, where: str, seed: int) -> list[Floats]:
        """A level's values of each image (or clip, frame by frame), means over the other factors' levels."""
        at = self.ablation.factors.index(factor)
        chosen = [
            self.scores[trial.model]
            for trial in self.trials
            if trial.seed == seed and trial.levels[at] == level and (not where or where in trial.levels)
        ]
        return [np.mean([items[image] for items in chosen], axis=0) for image in sorted(chosen[0])]


def _mean_of_items(differences: Sequence[Floats]) -> float:
    """The mean over images, or over clips of the means over their frames."""
    return float(np.mean([np.mean(frames) for frames in differences]))
