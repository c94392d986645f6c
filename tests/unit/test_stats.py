"""Intervals, corrections and ranks: against scipy where it has the same, and against what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats as scipy_stats

from srbench.stats import (
    MIN_IMAGES,
    RankInterval,
    effect_size,
    holm,
    mean_interval,
    mean_p_value,
    minimum_detectable_difference,
    rank_intervals,
    rerun_interval,
    rerun_p_value,
)

NARROWED = 1 - 0.75 * 0.05
"""The level whose tails are 3/4 of those of 95 %."""


def sample(n: int = 24, seed: int = 0) -> NDArray[np.float64]:
    """Skewed differences."""
    return np.random.default_rng(seed).lognormal(0, 0.6, n) - 1


def symmetric(n: int = 24) -> NDArray[np.float64]:
    """Differences without any skewness, around 0.3."""
    half = np.random.default_rng(1).standard_normal(n // 2)
    return np.concatenate([half, -half]) + 0.3


# --------------------------------------------------------------------------------------- intervals


def test_five_images_give_no_interval() -> None:
    """Below 14 images nothing is said about others: no method covers what it promises there."""
    assert mean_interval(sample(5)) is None
    assert mean_p_value(sample(5)) is None
    assert mean_interval(sample(MIN_IMAGES - 1)) is None
    assert mean_interval(sample(MIN_IMAGES)) is not None


def test_without_skewness_the_interval_is_scipys_t_interval() -> None:
    """Of symmetric differences only the narrowed tails are left."""
    values = symmetric()
    mean, error = values.mean(), scipy_stats.sem(values)
    expected = scipy_stats.t.interval(NARROWED, len(values) - 1, mean, error)
    found = mean_interval(values)
    assert found is not None
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-12)


def test_without_skewness_the_p_value_is_scipys() -> None:
    """As `scipy.stats.ttest_1samp`, over the share of the tails."""
    values = symmetric()
    assert mean_p_value(values) == pytest.approx(scipy_stats.ttest_1samp(values, 0).pvalue / 0.75, rel=1e-12)


def test_the_skewness_in_it_is_scipys() -> None:
    """Hall's statistic written out with `scipy.stats.skew` has the same p-value."""
    values = sample()
    n, skewness = len(values), scipy_stats.skew(values, bias=False)
    w = values.mean() / values.std(ddof=1)
    hall = math.sqrt(n) * (w + skewness * w**2 / 3 + skewness**2 * w**3 / 27 + skewness / (6 * n))
    assert mean_p_value(values) == pytest.approx(2 * scipy_stats.t.sf(abs(hall), n - 1) / 0.75, rel=1e-9)


@given(st.integers(MIN_IMAGES, 60), st.integers(0, 10_000), st.floats(-1, 1))
def test_interval_and_p_value_say_the_same(n: int, seed: int, shift: float) -> None:
    """The 95 % interval excludes zero exactly where p is below 0.05."""
    values = sample(n, seed) + shift
    interval, p = mean_interval(values), mean_p_value(values)
    assert interval is not None
    assert p is not None
    if abs(p - 0.05) > 1e-9:
        assert interval.excludes_zero == (p < 0.05)


@given(st.integers(0, 1000), st.floats(0.01, 100), st.floats(-5, 5))
def test_the_interval_moves_with_its_unit(seed: int, factor: float, shift: float) -> None:
    """Another unit or another zero gives the same interval in that unit; the other sign mirrors it."""
    values = sample(20, seed)
    interval, moved, mirrored = (
        mean_interval(values),
        mean_interval(factor * values + shift),
        mean_interval(-values),
    )
    assert interval is not None
    assert moved is not None
    assert mirrored is not None
    assert (moved.low, moved.high) == pytest.approx(
        (factor * interval.low + shift, factor * interval.high + shift), rel=1e-6, abs=1e-6
    )
    assert (-mirrored.high, -mirrored.low) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize("n", [14, 24, 100])
@pytest.mark.parametrize("shape", ["normal", "lognormal"])
def test_the_interval_covers_what_it_promises(n: int, shape: str) -> None:
    """Between 93 and 97 of 100 nominal 95 % intervals hold the true mean, also of skewed differences."""
    rng = np.random.default_rng(n)
    draws = (
        rng.standard_normal((4000, n)) if shape == "normal" else rng.lognormal(0, 1, (4000, n)) - np.exp(0.5)
    )
    intervals = [mean_interval(draw) for draw in draws]
    covered = np.mean([interval is not None and interval.low <= 0 <= interval.high for interval in intervals])
    noise = 2 * math.sqrt(0.95 * 0.05 / len(draws))  # of this simulation; the study has ten times its samples
    assert 0.93 - noise < covered < 0.97 + noise


def test_equal_differences_are_certain() -> None:
    """Where every image moved alike, nothing is left to chance: an interval of no width."""
    constant = mean_interval([0.1] * 20)
    assert constant is not None
    assert (constant.low, constant.high) == pytest.approx((0.1, 0.1))
    assert mean_p_value([0.1] * 20) == 0
    assert mean_p_value([0.0] * 20) == 1
    assert mean_p_value([0.1] * 19 + [0.1 + 1e-16]) == 0  # the last bit is no spread


def test_a_rerun_on_five_images() -> None:
    """On a fixed set any number of images will do; the noise is the rerun's, and it averages out."""
    interval = rerun_interval(-0.02, 0.01, 4)
    half = scipy_stats.norm.ppf(0.975) * 0.005
    assert (interval.low, interval.high) == pytest.approx((-0.02 - half, -0.02 + half))
    assert rerun_p_value(-0.02, 0.01, 4) == pytest.approx(2 * scipy_stats.norm.sf(4.0))
    assert rerun_p_value(-0.02, 0.0, 4) == 0
    assert rerun_p_value(0.0, 0.0, 4) == 1


# --------------------------------------------------------------------------- effects and what is detectable


def test_effect_size_is_unbiased() -> None:
    """Over many small samples its mean is the true 0.5, which d alone overstates by 10 %."""
    draws = np.random.default_rng(3).normal(0.5, 1, (20_000, 8))
    effects = [effect for draw in draws if (effect := effect_size(draw)) is not None]
    assert np.mean(effects) == pytest.approx(0.5, abs=0.01)


def test_effect_size_needs_a_spread() -> None:
    """One image, or images that all moved alike, have none."""
    assert effect_size([0.1]) is None
    assert effect_size([0.1, 0.1]) is None


def test_the_minimum_detectable_difference_is_detected_that_often() -> None:
    """Differences of that mean exclude zero in 80 of 100 samples."""
    least = minimum_detectable_difference(0.3, 30)
    draws = np.random.default_rng(4).normal(least, 0.3, (3000, 30))
    found = np.mean(
        [interval is not None and interval.excludes_zero for interval in map(mean_interval, draws)]
    )
    assert found == pytest.approx(0.8, abs=0.03)


def test_more_images_detect_less() -> None:
    """Four times the images, half the difference."""
    assert minimum_detectable_difference(1.0, 400) == pytest.approx(
        minimum_detectable_difference(1.0, 100) / 2, rel=0.02
    )


# ------------------------------------------------------------------------------------ several at once


def test_holm_by_hand() -> None:
    """Holm's own steps: smallest times 3, next times 2, last times 1, never falling."""
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_nothing_and_bonferroni(p_values: list[float]) -> None:
    """Never below the raw p-value, never above the m-fold of it, and in the same order."""
    adjusted = holm(p_values)
    for raw, found in zip(p_values, adjusted, strict=True):
        assert raw <= found <= min(1.0, len(p_values) * raw) + 1e-12
    assert [a for _, a in sorted(zip(p_values, adjusted, strict=True))] == sorted(adjusted)


def test_ranks_of_models_far_apart_are_certain() -> None:
    """Three models, each surely better than the next, have one rank each, whatever the order given."""
    base = np.random.default_rng(5).normal(30, 3, 24)
    noise = np.random.default_rng(6).normal(0, 0.01, (3, 24))
    scores = base + noise + np.array([[0.0], [1.0], [0.5]])
    assert rank_intervals(scores) == [RankInterval(3, 3), RankInterval(1, 1), RankInterval(2, 2)]
    assert rank_intervals(scores, higher_is_better=False) == [
        RankInterval(1, 1), RankInterval(3, 3), RankInterval(2, 2)
    ]  # fmt: skip


def test_ties_share_their_ranks() -> None:
    """Two models whose difference is noise are both first or second; the third is surely third."""
    base = np.random.default_rng(5).normal(30, 3, 24)
    noise = np.random.default_rng(6).normal(0, 0.1, (3, 24))
    ranks = rank_intervals(base + noise + np.array([[0.0], [0.0], [-1.0]]))
    assert ranks == [RankInterval(1, 2), RankInterval(1, 2), RankInterval(3, 3)]


@pytest.mark.parametrize("seed", range(8))
def test_ranks_follow_from_all_pairs(seed: int) -> None:
    """They are what `mean_p_value` of each pair and `holm` say, with equal and constantly shifted models."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(30, 3, 20) + rng.normal(0, 0.05, (12, 1)) + rng.normal(0, 0.1, (12, 20))
    scores[3], scores[5] = scores[4], scores[6] + 0.5
    pairs = [(i, j) for i in range(12) for j in range(i + 1, 12)]
    adjusted = holm([mean_p_value(scores[i] - scores[j]) or 0.0 for i, j in pairs])
    sure = {pair for pair, p in zip(pairs, adjusted, strict=True) if p < 0.05}
    means = scores.mean(1)
    better = [[tuple(sorted((i, j))) in sure and means[i] > means[j] for j in range(12)] for i in range(12)]
    assert 0 < len(sure) < len(pairs)
    assert rank_intervals(scores) == [
        RankInterval(1 + sum(row[i] for row in better), 12 - sum(better[i])) for i in range(12)
    ]


def test_five_images_rank_nobody() -> None:
    """Set5 has no rank intervals; equal models and a single one have the widest and the narrowest."""
    assert rank_intervals(np.ones((3, 5))) is None
    assert rank_intervals(np.ones((2, 20))) == [RankInterval(1, 2), RankInterval(1, 2)]
    assert rank_intervals(np.ones((1, 20))) == [RankInterval(1, 1)]


def test_equal_models_are_rarely_ranked() -> None:
    """Of six equal models any rank is claimed surely in at most 5 of 100 sets."""
    rng = np.random.default_rng(8)
    wrong = sum(rank_intervals(rng.normal(0, 1, (6, 24))) != [RankInterval(1, 6)] * 6 for _ in range(300))
    assert wrong / 300 < 0.05 + 2 * math.sqrt(0.05 * 0.95 / 300)
