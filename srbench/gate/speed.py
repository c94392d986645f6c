"""Is B slower than A? A verdict on interleaved timings; anything less is advisory.

Two timings taken apart, or on a machine that was not quiet, can differ by more than any change is worth:
they are told, and nothing is decided.
"""

from __future__ import annotations

from collections.abc import Sequence

from srbench.gate.policy import SpeedLimits
from srbench.gate.verdicts import Measure, Outcome, Verdict
from srbench.stats import Interval
from srbench.timing_stats import Ratio, judge_times
from srbench.types import Cell

_OUTCOMES = {"slower": Outcome.REGRESSED, "faster": Outcome.IMPROVED, "same": Outcome.OK}


def judge_speed(ratio: Ratio, cell: Cell, limits: SpeedLimits, disturbances: Sequence[str] = ()) -> Verdict:
    """The verdict on a candidate's time against a baseline's.

    Args:
        ratio: of interleaved rounds on one machine, in milliseconds.
        cell: the candidate's; its ``signature`` says what was timed.
        limits: both must be passed for a change.
        disturbances: why the machine was not quiet: then the verdict is ``undecided``.
    """
    change = judge_times(ratio, relative=limits.relative, absolute=limits.absolute_ms)
    low, high = ratio.interval.low, ratio.interval.high
    figures = f"{ratio.ratio:.3f} times as long ({ratio.interval.coverage:.1%}: {low:.3f} to {high:.3f})"
    noise = f"the machine was not quiet ({'; '.join(disturbances)})"
    return Verdict(
        Outcome.UNDECIDED if disturbances else _OUTCOMES[change],
        cell,
        Measure("latency", "ms", "lower", 3, cell.signature),
        why=noise if disturbances else figures,
        kind="speed",
        baseline=ratio.a,
        candidate=ratio.b,
        delta=ratio.ratio - 1,
        tolerance=limits.relative,
        interval=Interval(low - 1, high - 1, ratio.interval.coverage),
        n=ratio.rounds,
        n_finite=ratio.rounds,
        note=figures if disturbances else "",
    )
