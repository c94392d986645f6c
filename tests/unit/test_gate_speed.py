"""Verdicts on interleaved times."""

from __future__ import annotations

import pytest

from srbench.errors import UsageError
from srbench.gate.policy import Policy, SpeedLimits, parse_policy
from srbench.gate.speed import judge_speed
from srbench.gate.verdicts import Judgement, Outcome
from srbench.timing_stats import Ratio, paired_ratio
from srbench.types import Cell

CELL = Cell("candidate", "720p", 4, "time", "x4|720p:180x320", "torch", "machine")
A = [10.0 + 0.01 * n for n in range(20)]


def ratio_of(factor: float) -> Ratio:
    """B against A, with a little noise."""
    return paired_ratio(A, [factor * time * (1 + 0.002 * (n % 3)) for n, time in enumerate(A)])


@pytest.mark.parametrize(
    ("factor", "outcome", "code"),
    [(1.25, Outcome.REGRESSED, 1), (1.0, Outcome.OK, 0), (0.7, Outcome.IMPROVED, 0), (1.03, Outcome.OK, 0)],
)
def test_a_slowdown_is_a_regression(factor: float, outcome: Outcome, code: int) -> None:
    """Beyond 5 % and 0.1 ms; the sentence has the ratio and its interval."""
    verdict = judge_speed(ratio_of(factor), CELL, SpeedLimits())
    assert verdict.outcome is outcome
    assert Judgement("a", "b", (verdict,)).exit_code == code
    assert "times as long (99." in verdict.why
    assert verdict.delta == pytest.approx(factor - 1, abs=0.01)


def test_a_machine_that_was_not_quiet_decides_nothing() -> None:
    """The verdict is told as advisory, and the gate has compared nothing."""
    verdict = judge_speed(ratio_of(1.25), CELL, SpeedLimits(), ["other processes kept 1.00 of 2 cores busy"])
    assert (verdict.outcome, verdict.advisory) == (Outcome.REGRESSED, True)
    assert "not quiet: other processes" in verdict.note
    assert Judgement("a", "b", (verdict,)).exit_code == 4


def test_a_policy_sets_both_limits() -> None:
    """And refuses what it can't mean."""
    assert parse_policy("[speed]\nrelative = 0.3").speed == SpeedLimits(0.3, 0.1)
    assert Policy().speed == SpeedLimits(0.05, 0.1)
    loose = parse_policy("[speed]\nabsolute_ms = 5").speed
    assert judge_speed(ratio_of(1.25), CELL, loose).outcome is Outcome.OK
    with pytest.raises(UsageError, match="relativ"):
        parse_policy("[speed]\nrelativ = 0.3")
