"""Order-statistic intervals against tables and against simulation; ratios of paired rounds."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from srbench.timing_stats import judge_times, median_interval, paired_ratio, percentile, summarise_times

TIMES = st.lists(st.floats(0.01, 1e4), min_size=1, max_size=60)


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
@pytest.mark.parametrize("n", [8, 9, 20, 51, 200])
def test_the_medians_interval_is_the_narrowest_that_covers(n: int, confidence: float) -> None:
    """Against scipy's binomial: it covers as often as it says, at least as asked, and one rank less not."""

    def covers(rank: int) -> float:
        return float(1 - 2 * binom.cdf(rank - 1, n, 0.5))

    found = median_interval([float(k) for k in range(n, 0, -1)], confidence)
    rank = int(found.low)
    assert found.high == n + 1 - rank
    assert found.coverage == pytest.approx(covers(rank))
    assert covers(rank) >= confidence > covers(rank + 1)


def test_too_few_samples_say_how_little_they_cover() -> None:
    """Five samples give their range, which covers the median in 15 of 16 cases only; one gives nothing."""
    assert median_interval([3, 1, 2, 5, 4], 0.95).coverage == 1 - 2 / 2**5
    assert median_interval([7.0]).coverage == 0


def test_coverage_holds_for_a_skewed_distribution() -> None:
    """Of 2,000 simulated series of log-normal times, 95 % intervals hold the true median in about 95 %."""
    draw = random.Random(1)  # noqa: S311
    held = sum(
        1.0 in median_interval([math.exp(draw.gauss(0, 1)) for _ in range(25)], 0.95) for _ in range(2000)
    )
    assert 0.945 < held / 2000 < 0.975  # 25 samples cover 95.7 %


def test_thousands_of_samples_do_not_overflow() -> None:
    """2**5000 is no float."""
    found = median_interval([float(k) for k in range(5000)])
    assert found.low < 2499.5 < found.high
    assert 0.95 <= found.coverage < 0.96


@given(TIMES)
def test_a_summary_is_ordered(times: list[float]) -> None:
    """p10, median and p90 are in order, and the interval holds the median."""
    found = summarise_times(times)
    assert min(times) <= found.p10 <= found.median <= found.p90 <= max(times)
    assert found.median in found.interval


def test_percentiles_interpolate() -> None:
    """As NumPy's default: between closest ranks."""
    assert percentile([1, 2, 3, 4], 0.1) == pytest.approx(1.3)
    assert percentile([5], 0.9) == 5


def test_what_slows_a_whole_round_cancels_in_the_ratio() -> None:
    """Rounds ten times slower than others don't widen the interval."""
    pace = [1, 10, 1, 10, 3, 1, 7, 1, 2, 5]
    found = paired_ratio([2.0 * p for p in pace], [2.5 * p for p in pace])
    assert found.ratio == found.interval.low == found.interval.high == 1.25


def test_rounds_must_be_pairs() -> None:
    """Three samples and two are no rounds."""
    with pytest.raises(ValueError, match="3 and 2"):
        paired_ratio([1, 1, 1], [1, 1])


@pytest.mark.parametrize(
    ("factor", "scale", "verdict"),
    [
        (1.25, 100.0, "slower"),
        (0.8, 100.0, "faster"),
        (1.04, 100.0, "same"),  # within the relative threshold
        (1.25, 0.1, "same"),  # 0.025 ms: within the absolute one
    ],
)
def test_a_change_must_pass_both_thresholds(factor: float, scale: float, verdict: str) -> None:
    """5 % and 0.1 ms by default."""
    jitter = [1 + 0.001 * k for k in range(12)]
    ratio = paired_ratio([scale * j for j in jitter], [scale * factor * j for j in reversed(jitter)])
    assert judge_times(ratio) == verdict


def test_a_wide_interval_is_no_change() -> None:
    """A median beyond the threshold proves nothing while the interval reaches back."""
    a = [10.0] * 9
    b = [10.0, 10, 10, 10, 12, 12, 12, 12, 12]
    assert judge_times(paired_ratio(a, b)) == "same"
