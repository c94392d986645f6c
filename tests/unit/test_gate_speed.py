"""Verdicts on interleaved times."""

from __future__ import annotations

import pytest

from srbench.errors import UsageError
from srbench.gate.outputs import github, judgement_json, junit, markdown, text
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
    """The figures are told, the verdict is that there is none, and the headline says what was seen."""
    verdict = judge_speed(ratio_of(1.25), CELL, SpeedLimits(), ["other processes kept 1.00 of 2 cores busy"])
    assert (verdict.outcome, verdict.why) == (
        Outcome.UNDECIDED,
        "the machine was not quiet (other processes kept 1.00 of 2 cores busy)",
    )
    judgement = Judgement("a", "b", (verdict,))
    assert (judgement.exit_code, judgement.counts[Outcome.UNDECIDED]) == (4, 1)
    headline, _, figures, why = text(judgement).splitlines()
    assert headline == f"NOT DECIDED: {verdict.why}"
    assert figures.startswith("undecided    candidate on 720p x4 (time) latency  10.095 → ")
    assert " ms  +25." in figures
    assert "1.25" in why
    assert "::error title=undecided" in github(judgement)
    assert f"## srbench gate: not decided\n\n{verdict.why}. Baseline a" in markdown(judgement)
    assert '<error message="the machine was not quiet' in junit(judgement)


def test_json_says_what_differences_of_times_are() -> None:
    """Medians in milliseconds; difference, interval and tolerance are ratios minus 1; one is counted."""
    found = judgement_json(Judgement("a", "b", (judge_speed(ratio_of(1.25), CELL, SpeedLimits()),)))
    (verdict,) = found["verdicts"]
    assert (verdict["unit"], verdict["delta_unit"]) == ("ms", "ratio - 1")
    assert verdict["candidate"] / verdict["baseline"] - 1 == pytest.approx(verdict["delta"], abs=0.01)
    assert verdict["interval"]["low"] <= verdict["delta"] <= verdict["interval"]["high"]
    assert found["counts"]["regressed"] == 1


def test_a_policy_sets_both_limits() -> None:
    """And refuses what it can't mean."""
    assert parse_policy("[speed]\nrelative = 0.3").speed == SpeedLimits(0.3, 0.1)
    assert Policy().speed == SpeedLimits(0.05, 0.1)
    loose = parse_policy("[speed]\nabsolute_ms = 5").speed
    assert judge_speed(ratio_of(1.25), CELL, loose).outcome is Outcome.OK
    with pytest.raises(UsageError, match="relativ"):
        parse_policy("[speed]\nrelativ = 0.3")
