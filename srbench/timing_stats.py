"""What samples of time say: medians with distribution-free intervals, and ratios of paired rounds.

Times are skewed and have outliers, so nothing here assumes a distribution. The interval of a median lies
between two order statistics: of n independent samples the number below the true median is binomial with
p = 1/2, whatever the distribution (H. A. David, H. N. Nagaraja, Order Statistics, 3rd edition, 2003,
section 7.1). Standard library only: judging needs no torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Literal

CONFIDENCE = 0.95
"""Of a median's interval."""
RATIO_CONFIDENCE = 0.99
"""Of a ratio's interval: ratios are what gates judge by."""


@dataclass(frozen=True)
class Interval:
    """Two bounds, and how often bounds found in this way hold the true value."""

    low: float
    high: float
    coverage: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Summary:
    """Samples in brief; all in the samples' unit.

    Attributes:
        interval: of the median; its coverage is below what was asked for where samples are too few.
    """

    n: int
    median: float
    p10: float
    p90: float
    interval: Interval


def summarise_times(samples: Sequence[float], confidence: float = CONFIDENCE) -> Summary:
    """Median, tenth and ninetieth percentile (interpolated), and the median's interval.

    Raises:
        ValueError: there is no sample.
    """
    if not samples:
        raise ValueError("no samples")
    ordered = sorted(samples)
    return Summary(
        n=len(ordered),
        median=median(ordered),
        p10=percentile(ordered, 0.1),
        p90=percentile(ordered, 0.9),
        interval=median_interval(ordered, confidence),
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """Linear interpolation between closest ranks, of samples in ascending order."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def median_interval(samples: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """The narrowest symmetric pair of order statistics that covers the true median with this confidence.

    Six samples are needed for 95 %, eight for 99 %; of fewer, the smallest and the largest are given with
    the coverage that they have.
    """
    ordered = sorted(samples)
    rank, coverage = _rank(len(ordered), confidence)
    return Interval(ordered[rank - 1], ordered[-rank], coverage)


@cache
def _rank(n: int, confidence: float) -> tuple[int, float]:
    """Which order statistic, counted from either end, and the coverage of the pair."""
    ways, below, rank = 1, 1, 1  # of the 2**n outcomes: with rank - 1 samples below the median, and up to it
    while 2 * rank <= n - 1:
        ways = ways * (n - rank + 1) // rank
        if 2 * (below + ways) / 2**n > 1 - confidence:
            break
        below, rank = below + ways, rank + 1
    return rank, max(0.0, 1 - 2 * below / 2**n)


@dataclass(frozen=True)
class Ratio:
    """How much longer B takes than A: the median ratio of rounds in which both were timed, B / A.

    Attributes:
        rounds: in which both were timed, one right after the other.
        interval: of the median ratio.
        a, b: their own medians, in the samples' unit.
    """

    ratio: float
    interval: Interval
    rounds: int
    a: float
    b: float


def paired_ratio(a: Sequence[float], b: Sequence[float], confidence: float = RATIO_CONFIDENCE) -> Ratio:
    """The ratio of paired rounds: what slows a whole round down (a clock, a neighbour) cancels.

    Args:
        a: one positive sample a round.
        b: the same rounds' samples.
        confidence: of the interval.

    Raises:
        ValueError: no rounds, or not as many of each.
    """
    if len(a) != len(b) or not a:
        raise ValueError(f"{len(a)} and {len(b)} samples are no rounds")
    ratios = [y / x for x, y in zip(a, b, strict=True)]
    interval = median_interval(ratios, confidence)
    return Ratio(median(ratios), interval, len(ratios), median(a), median(b))


def judge_times(
    ratio: Ratio, *, relative: float = 0.05, absolute: float = 0.1
) -> Literal["slower", "faster", "same"]:
    """Whether B is slower or faster than A: both thresholds must be passed, else it is the same.

    Args:
        ratio: of interleaved rounds.
        relative: share of the other's time that the interval's near end must pass.
        absolute: that the medians must differ by, in the samples' unit.
    """
    if abs(ratio.b - ratio.a) <= absolute:
        return "same"
    if ratio.interval.low > 1 + relative:
        return "slower"
    return "faster" if ratio.interval.high < 1 / (1 + relative) else "same"
