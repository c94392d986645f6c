"""Warm-up, repeats and their ends; interleaved rounds; memory; conditions. No speed is asserted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import chain, repeat

import numpy as np
import pytest

from srbench.timing import conditions
from srbench.timing.conditions import Watch, disturbances, parse_smi, throttles
from srbench.timing.measure import Call, Lap, Limits, host_lap, interleaved, measure
from srbench.timing.memory import host_peak
from srbench.types import GpuState


class Clock:
    """A stopwatch that calls, and then shows the times it was given."""

    def __init__(self, walls: Iterator[float]) -> None:
        self.walls = walls
        self.calls = 0

    def __call__(self, call: Call) -> Lap:
        """Call, and show the next time."""
        call()
        self.calls += 1
        return Lap(next(self.walls))


def nothing() -> None:
    """The call that is timed."""


def test_warm_up_ends_when_times_stop_falling() -> None:
    """Two calls in a row that are no faster than what was; samples begin after them."""
    clock = Clock(chain([100, 50, 30, 20, 10, 10, 10], repeat(10)))
    found = measure(nothing, clock, Limits(least=6))
    assert (found.warm_up, found.settled) == (7, True)
    assert [lap.wall for lap in found.laps] == [10] * 6
    assert found.stopped == "precise"


def test_repeats_go_on_until_the_median_is_known() -> None:
    """Samples that scatter by half never come within 5 %: the most that are allowed are taken."""
    clock = Clock(chain(repeat(10, 3), (10 + 5 * (n % 2) for n in range(10_000))))
    found = measure(nothing, clock, Limits(budget=60, most=40))
    assert (len(found.laps), found.stopped) == (40, "count")


def test_a_spent_budget_still_gives_the_least_samples() -> None:
    """And one warm-up call, which had no time to settle."""
    found = measure(nothing, host_lap, Limits(budget=0, least=3))
    assert (len(found.laps), found.warm_up, found.settled, found.stopped) == (3, 1, False, "budget")


def test_warm_up_lasts_as_long_as_asked_though_times_have_settled() -> None:
    """A GPU's clocks take longer to rise than a fast network's first calls."""
    assert measure(nothing, Clock(repeat(10)), Limits(least=6)).warm_up == 3
    assert measure(nothing, Clock(repeat(10)), Limits(least=6, warm_up=0.02)).warm_up > 3
    assert measure(nothing, Clock(repeat(10)), Limits(budget=0, warm_up=60)).warm_up == 1


def test_few_equal_samples_are_not_precise() -> None:
    """Three samples cover a median in three of four cases, however equal they are."""
    found = measure(nothing, Clock(repeat(10.0)), Limits(budget=60, least=3))
    assert len(found.laps) == 6


def test_samples_are_measured() -> None:
    """Real calls of a sleep of 2 ms take 2 ms or more."""
    from time import sleep

    found = measure(lambda: sleep(0.002), limits=Limits(budget=0, least=4))
    assert all(lap.wall >= 2 and lap.event is None for lap in found.laps)


def test_rounds_hold_every_call_once_in_an_order_drawn_anew() -> None:
    """Neither call always goes first."""
    order: list[str] = []
    calls = [lambda: order.append("a"), lambda: order.append("b")]
    found = interleaved(calls, Clock(repeat(1.0)), Limits(least=30, most=30))
    assert len(found.laps) == 30
    rounds = ["".join(order[-60:][k : k + 2]) for k in range(0, 60, 2)]
    assert set(rounds) == {"ab", "ba"}
    assert found.wall(0) == found.wall(1) == [1.0] * 30


def test_rounds_end_when_the_ratio_is_known() -> None:
    """Eight rounds of equal ratios are enough for 99 %."""
    found = interleaved([nothing, nothing], Clock(repeat(5.0)))
    assert (len(found.laps), found.stopped) == (8, "precise")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc/self/clear_refs")
def test_the_peak_on_the_processor_is_what_a_call_touches() -> None:
    """64 MB that live for one call only are seen; weights are added."""
    peak, how = host_peak(lambda: np.ones(8_000_000).sum(), weights=1000)
    assert peak is not None
    assert 63e6 < peak < 80e6
    assert "VmHWM" in how


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc/self/clear_refs")
def test_an_earlier_peak_does_not_count() -> None:
    """The high-water mark is taken back first."""
    del (big := [np.ones(30_000_000)])[:]
    assert not big
    peak, _ = host_peak(lambda: np.ones(1_000_000).sum(), weights=0)
    assert peak is not None
    assert peak < 20e6


def test_a_busy_second_process_is_seen() -> None:
    """It uses a core: the machine was not quiet, and the record says how much."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            with Watch("here") as watch:
                sum(n * n for n in range(3_000_000))
        finally:
            busy.kill()
    seen = watch.conditions
    assert seen is not None
    assert not seen.quiet
    assert seen.other_cores > 0.3
    assert "other processes kept" in seen.disturbances[0]
    assert seen.seconds >= conditions.LEAST_SECONDS


def test_ones_own_work_is_no_disturbance() -> None:
    """What this process spends is not counted as others'."""
    before = conditions._Spent(at=0, busy=100, stolen=0, own=10)
    after = conditions._Spent(at=10, busy=118, stolen=0, own=27.9)
    seen = conditions.conditions_between(before, after, "here", 0.0, None)
    assert seen.other_cores == pytest.approx(0.01)
    assert seen.quiet


@pytest.mark.parametrize(
    ("others", "stolen", "cores", "words"),
    [
        (0.09, 0.0, 2, []),
        (0.5, 0.0, 2, ["other processes kept 0.50 of 2 cores busy"]),
        (0.5, 0.0, 16, []),
        (0.0, 0.2, 2, ["the host took 0.20 of 2 cores away"]),
    ],
)
def test_what_disturbs_is_said(others: float, stolen: float, cores: int, words: list[str]) -> None:
    """Thresholds are shares of all cores."""
    assert disturbances(others, stolen, cores, None) == words


SMI = "NVIDIA H100 80GB HBM3, 535.129.03, 1980, 2619, 700.00, 310.52, 41, 0x0000000000000024"


def test_nvidia_smi_is_read() -> None:
    """A line as the tool prints it; bits in words, idling left out."""
    assert parse_smi(SMI, 2) == GpuState(
        "NVIDIA H100 80GB HBM3", "535.129.03", 1980, 2619, 700, 310.52, 41, ("power cap", "thermal limit"), 2
    )
    assert throttles(0x1) == ()
    assert parse_smi("no such query", 1) is None


def test_a_throttled_or_shared_gpu_is_not_quiet() -> None:
    """Clocks that were held down, and other processes that compute."""
    found = disturbances(0, 0, 16, parse_smi(SMI, 2))
    assert found == [
        "the GPU's clocks were held down: power cap, thermal limit",
        "1 other processes computed on the GPU",
    ]


def test_the_processor_has_no_gpu() -> None:
    """Nothing is asked."""
    assert conditions.gpu_state("cpu") is None
