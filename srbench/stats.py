"""What paired differences between two models can say: intervals, effect sizes, corrections, ranks.

Pure functions of per-image differences (numpy, scipy). Two questions are kept apart, see docs/statistics.md:

* *On this set*: the images are fixed. The mean over them is what is published; only what a rerun moves
  (tiling, threads, rounding) is noise. `rerun_interval`, `rerun_p_value`.
* *For other images*: the set is a sample. `mean_interval`, `mean_p_value`, and all that follows from them.

The interval is Hall's skewness-corrected t (P. Hall, On the removal of skewness by transformation, JRSS B
1992), its tails at 3/4 of their nominal level. Chosen by simulation (``tests/bench/study_coverage.py``): of
t, Johnson's t, BCa, both bootstrap-t and this one it alone covers 93 to 97 % at nominal 95 % from 14 images
on, for normal, skewed and heavy-tailed differences. Below that there is no interval: `TOO_FEW`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]

MIN_IMAGES = 14
"""The least number of images for a statement about others."""

TOO_FEW = "too few images"
"""What is printed in place of an interval below `MIN_IMAGES`."""

_TAILS = 0.75
"""Share of the nominal tails that is used; 1 would be Hall's own interval, which covers as little as 92 %."""


@dataclass(frozen=True)
class Interval:
    """A confidence interval, in the unit of the differences."""

    low: float
    high: float
    level: float = 0.95

    @property
    def excludes_zero(self) -> bool:
        """Whether the sign of the mean is known at this level."""
        return self.low > 0 or self.high < 0


# ------------------------------------------------------------------------------- for other images


def mean_interval(differences: ArrayLike, level: float = 0.95) -> Interval | None:
    """The paired interval of a mean difference over images like these.

    Args:
        differences: one finite number per image, candidate minus baseline.
        level: of confidence, 0..1.

    Returns:
        None below `MIN_IMAGES` images: too few for the coverage that `level` promises.
    """
    values = np.asarray(differences, np.float64)
    n = values.size
    if n < MIN_IMAGES:
        return None
    mean, spread, skewness = (float(moment) for moment in _moments(values))
    quantile = _t_quantile(n, level) / math.sqrt(n)
    low, high = (mean - spread * _unskewed(side, skewness, n) for side in (quantile, -quantile))
    return Interval(low, high, level)


@cache
def _t_quantile(n: int, level: float) -> float:
    return float(special.stdtrit(n - 1, 1 - _TAILS * (1 - level) / 2))


def _unskewed(value: float, skewness: float, n: int) -> float:
    """The studentised mean whose transform `_transformed` is `value` (times the root of n)."""
    if abs(skewness) < 1e-8:
        return value
    return 3 / skewness * (float(np.cbrt(1 + skewness * (value - skewness / (6 * n)))) - 1)


def mean_p_value(differences: ArrayLike) -> float | None:
    """Two-sided p-value of "the mean difference is zero": below 0.05 where the 95 % interval excludes zero.

    None below `MIN_IMAGES` images.
    """
    values = np.asarray(differences, np.float64)
    return None if values.size < MIN_IMAGES else float(_p_values(values))


def _p_values(differences: Floats) -> Floats:
    """`mean_p_value` along the last axis."""
    n = differences.shape[-1]
    return _p_of(_studentised(*_moments(differences), n), n)


def _p_of(studentised: Floats, n: int) -> Floats:
    p: Floats = np.minimum(2 * special.stdtr(n - 1, -np.abs(studentised)) / _TAILS, 1.0)
    return p


def _studentised(mean: Floats, spread: Floats, skewness: Floats, n: int) -> Floats:
    """Means on the scale of Student's t, without their skewness; zero or infinite if nothing is spread."""
    with np.errstate(divide="ignore", invalid="ignore"):
        studentised = _transformed(mean / spread, skewness, n) * math.sqrt(n)
    constant: Floats = np.where(mean == 0, 0.0, np.inf)
    return np.where(spread > 0, studentised, constant)


def _transformed(studentised: Floats, skewness: Floats, n: int) -> Floats:
    bent = skewness * studentised
    bent *= studentised * (1 / 3) + bent * studentised * (1 / 27)  # NumPy's power is slow for cubes
    return studentised + bent + skewness / (6 * n)


def _moments(values: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean, standard deviation and skewness along the last axis, both without their first-order bias."""
    n = values.shape[-1]
    mean = values.sum(-1) / n
    centred = values - mean[..., None]
    return mean, *_spread_and_skewness(*_sums(centred), mean, n)


def _sums(centred: Floats) -> tuple[Floats, Floats]:
    """Of squares and cubes, along the last axis."""
    squares = centred * centred
    squared = squares.sum(-1)
    squares *= centred
    return squared, squares.sum(-1)


def _spread_and_skewness(squares: Floats, cubes: Floats, mean: Floats, n: int) -> tuple[Floats, Floats]:
    spread = np.sqrt(squares / (n - 1))
    # Equal differences leave rounding errors alone: they have no spread, and no skewness.
    flat = spread <= 1e-12 * np.abs(mean)
    third = cubes * (n / ((n - 1) * (n - 2)))
    skewness = third / np.where(flat, np.inf, spread * spread * spread)
    return np.where(flat, 0.0, spread), skewness


def effect_size(differences: ArrayLike) -> float | None:
    """Hedges' g of paired differences: mean over standard deviation, without the bias of small samples.

    None below two images, or where all differences are equal. Hedges, Distribution theory for Glass's
    estimator of effect size, J. Educ. Stat. 1981, applied to d_z.
    """
    values = np.asarray(differences, np.float64)
    freedom = values.size - 1
    spread = float(values.std(ddof=1)) if freedom > 0 else 0.0
    if spread == 0:
        return None
    log_bias = special.gammaln(freedom / 2) - special.gammaln((freedom - 1) / 2) if freedom > 1 else -math.inf
    return float(values.mean()) / spread * math.exp(log_bias) / math.sqrt(freedom / 2)


def minimum_detectable_difference(spread: float, n: int, power: float = 0.8, level: float = 0.95) -> float:
    """The least mean difference that a set would show in `power` of all samples of its size.

    Args:
        spread: standard deviation of the paired per-image differences.
        n: images, at least two.
        power: probability of an interval that excludes zero, from 0.5.
        level: of the interval.

    Returns:
        In the unit of `spread`; from the noncentral t distribution (Cohen 1988, ch. 2).
    """
    from scipy import optimize  # imports half of SciPy, for this alone

    quantile = _t_quantile(n, level)

    # The other tail, a difference found with the wrong sign, adds less than 1e-4 to any power above one half.
    shift = optimize.brentq(lambda nc: 1 - special.nctdtr(n - 1, nc, quantile) - power, 0.0, quantile + 10)
    return spread * float(shift) / math.sqrt(n)


# ------------------------------------------------------------------------------------ on this set


def rerun_interval(mean: float, noise: float, n: int, level: float = 0.95) -> Interval:
    """Where a rerun's mean difference over the same `n` images would lie.

    Args:
        mean: mean difference over the images.
        noise: standard deviation of one image's difference between two runs of the same model.
        n: images.
        level: of confidence.
    """
    half = float(special.ndtri((1 + level) / 2)) * noise / math.sqrt(n)
    return Interval(mean - half, mean + half, level)


def rerun_p_value(mean: float, noise: float, n: int) -> float:
    """Two-sided p-value of "a rerun alone moved the mean over these `n` images by `mean`"."""
    if mean == 0 or noise == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * special.ndtr(-abs(mean) * math.sqrt(n) / noise))


# -------------------------------------------------------------------------- several sets, several models


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for having been looked at together (Holm, Scand. J. Statist. 1979), in order.

    The chance of any false "below alpha" among all of them is at most alpha.
    """
    m = len(p_values)
    adjusted = [0.0] * m
    largest = 0.0
    for rank, index in enumerate(sorted(range(m), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (m - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


@dataclass(frozen=True)
class RankInterval:
    """The ranks a model may have, 1 the best; `best` is 1 for all that are tied with the best."""

    best: int
    worst: int


def rank_intervals(
    scores: ArrayLike, *, higher_is_better: bool = True, level: float = 0.95
) -> list[RankInterval] | None:
    """Simultaneous intervals of the models' ranks by mean score, from all pairwise differences under Holm.

    A model's best rank counts the models that are surely better, its worst rank those that are surely worse
    (Mohamad, Goeman and van Zwet, Simultaneous confidence intervals for ranks, 2019): all ranks are inside at
    once with probability `level`. Two models are tied if neither is surely better: their intervals overlap.

    Args:
        scores: ``(models, images)``, finite.
        higher_is_better: the metric's direction.
        level: of confidence.

    Returns:
        One for each model; None below `MIN_IMAGES` images.
    """
    values = np.asarray(scores, np.float64) * (1 if higher_is_better else -1)
    models, images = values.shape
    if images < MIN_IMAGES:
        return None
    surely_better = _surely_better(values, level)
    return [
        RankInterval(1 + int(surely_better[:, i].sum()), models - int(surely_better[i].sum()))
        for i in range(models)
    ]


def _surely_better(values: Floats, level: float) -> NDArray[np.bool_]:
    """``[i, j]``: model i is better than model j, all pairs taken together."""
    models, n = values.shape
    means = values.mean(1)
    better = np.zeros((models, models), np.bool_)
    if models == 1:
        return better
    first, second = _pairs(models)
    centred = values - means[:, None]
    # Row by row: all differences of 1,000 models at once would not fit the memory of a small machine.
    sums = [_sums(centred[i] - centred[i + 1 :]) for i in range(models - 1)]
    squares, cubes = (np.concatenate(parts) for parts in zip(*sums, strict=True))
    mean = means[first] - means[second]
    studentised = _studentised(mean, *_spread_and_skewness(squares, cubes, mean, n), n)
    sure = _holds(np.abs(studentised), n, 1 - level)
    better[first[sure], second[sure]] = mean[sure] > 0
    better[second[sure], first[sure]] = mean[sure] < 0
    return better


@lru_cache(maxsize=1)
def _pairs(models: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    first, second = np.triu_indices(models, 1)
    return first, second


def _holds(studentised: Floats, n: int, alpha: float) -> NDArray[np.bool_]:
    """Which p-values are below alpha under Holm, `studentised` being without sign.

    As `holm` says, without half a million p-values in order: of m, with `count` known to hold, all below
    alpha / (m - count) hold too, until that finds no more.
    """
    m, count = studentised.size, -1
    sure = np.zeros(m, np.bool_)
    while (found := int(sure.sum())) > count and found < m:
        count = found
        sure = studentised > -float(special.stdtrit(n - 1, _TAILS * alpha / (m - count) / 2))
    return sure
