"""How long calls take: warm-up until times settle, repeats until the median is known well enough.

Published runtimes go wrong by factors where nothing waits for the device, nothing warms up and one pass
counts as a measurement. Here every sample is kept, and what is derived from them is `srbench.timing_stats`'s.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from srbench.timing_stats import CONFIDENCE, RATIO_CONFIDENCE, Interval, paired_ratio, summarise_times

Call = Callable[[], object]


class Lap(NamedTuple):
    """One call in milliseconds: by the host's clock, and by the device's events where there are any."""

    wall: float
    event: float | None = None


Lapper = Callable[[Call], Lap]


@dataclass(frozen=True)
class Limits:
    """When to stop.

    Attributes:
        budget: seconds for samples; warm-up may take up to a quarter of it besides (one call at least).
        least: samples that are taken however long they take.
        most: samples after which no more are taken.
        width: relative width of the interval at which the median is precise enough.
        confidence: of that interval.
        warm_up: seconds of warming up at the least, as far as the budget allows.
    """

    budget: float = 20.0
    least: int = 3
    most: int = 1000
    width: float = 0.05
    confidence: float = CONFIDENCE
    warm_up: float = 0.0


RATIO_LIMITS = Limits(least=8, most=300, width=0.04, confidence=RATIO_CONFIDENCE)
"""Of interleaved rounds; eight are the fewest that give an interval of 99 %."""


@dataclass(frozen=True)
class Samples:
    """What came of one call's repeats.

    Attributes:
        warm_up: calls before the first sample.
        settled: whether times had stopped falling by then.
        stopped: ``precise``, ``budget`` or ``count``.
    """

    laps: tuple[Lap, ...]
    warm_up: int
    settled: bool
    stopped: str


@dataclass(frozen=True)
class Rounds:
    """Interleaved calls: ``laps[round][call]``."""

    laps: tuple[tuple[Lap, ...], ...]
    stopped: str

    def wall(self, call: int) -> list[float]:
        """One call's samples by the host's clock, a sample a round."""
        return [laps[call].wall for laps in self.laps]


def host_lap(call: Call) -> Lap:
    """A call on the processor, by `time.perf_counter_ns`."""
    began = time.perf_counter_ns()
    call()
    return Lap((time.perf_counter_ns() - began) / 1e6)


def cuda_lap(device: str) -> Lapper:
    """A stopwatch for calls on a GPU: events around the call, and the host's clock up to synchronisation.

    The device is idle when the clock starts, and the two events are made before: CUDA makes one when it is
    first recorded. Never tried on a GPU.
    """
    import torch

    with torch.cuda.device(device):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        start.record()
        end.record()

    def lap(call: Call) -> Lap:
        with torch.cuda.device(device):
            torch.cuda.synchronize()
            began = time.perf_counter_ns()
            start.record()
            call()
            end.record()
            torch.cuda.synchronize()
            wall = (time.perf_counter_ns() - began) / 1e6
            return Lap(wall, start.elapsed_time(end))

    return lap


def measure(call: Call, lap: Lapper = host_lap, limits: Limits | None = None) -> Samples:
    """Time a call again and again.

    Stopping when the interval is narrow looks at the samples, so that its coverage is a little below the
    nominal one; the samples are kept, and a longer budget tells.

    Args:
        call: what to time; its result is dropped.
        lap: the stopwatch.
        limits: when to stop.
    """
    limits = limits or Limits()
    with _no_collection():
        warm_up, settled = _warmed(call, lap, limits.budget / 4, limits.warm_up)
        laps: list[Lap] = []
        deadline = time.monotonic() + limits.budget
        while not (stopped := _stopped([one.wall for one in laps], limits, deadline)):
            laps.append(lap(call))
    return Samples(tuple(laps), warm_up, settled, stopped)


def interleaved(
    calls: Sequence[Call], lap: Lapper = host_lap, limits: Limits = RATIO_LIMITS, seed: int = 0
) -> Rounds:
    """Time several calls round by round, in an order drawn anew for each round.

    What drifts (clocks, temperature, a neighbour) then falls on all alike. Stops when the ratio of each to
    the first is known to the limits' width.
    """
    draw = random.Random(seed)  # noqa: S311 - an order, not a secret
    with _no_collection():
        for call in calls:
            _warmed(call, lap, limits.budget / 4 / len(calls), limits.warm_up)
        rounds: list[tuple[Lap, ...]] = []
        deadline = time.monotonic() + limits.budget
        while not (stopped := _rounds_stopped(rounds, limits, deadline)):
            rounds.append(_round(calls, lap, draw))
    return Rounds(tuple(rounds), stopped)


def _round(calls: Sequence[Call], lap: Lapper, draw: random.Random) -> tuple[Lap, ...]:
    order = draw.sample(range(len(calls)), len(calls))
    laps = {place: lap(calls[place]) for place in order}
    return tuple(laps[place] for place in range(len(calls)))


def _rounds_stopped(rounds: Sequence[tuple[Lap, ...]], limits: Limits, deadline: float) -> str:
    if len(rounds) < limits.least:
        return ""
    columns = list(zip(*([one.wall for one in laps] for laps in rounds), strict=True))
    ratios = [paired_ratio(columns[0], column, limits.confidence) for column in columns[1:]]
    if all(_precise(ratio.interval, ratio.ratio, limits) for ratio in ratios):
        return "precise"
    return _spent(len(rounds), limits, deadline)


def _precise(interval: Interval, value: float, limits: Limits) -> bool:
    return interval.coverage >= limits.confidence and interval.high - interval.low <= limits.width * value


def _stopped(walls: Sequence[float], limits: Limits, deadline: float) -> str:
    if len(walls) < limits.least:
        return ""
    summary = summarise_times(walls, limits.confidence)
    if _precise(summary.interval, summary.median, limits):
        return "precise"
    return _spent(len(walls), limits, deadline)


def _spent(count: int, limits: Limits, deadline: float) -> str:
    if count >= limits.most:
        return "count"
    return "budget" if time.monotonic() >= deadline else ""


def _warmed(call: Call, lap: Lapper, budget: float, least: float) -> tuple[int, bool]:
    """Call until times have stopped falling, or the budget is spent: how many calls, and whether they had.

    Args:
        call: what to time.
        lap: the stopwatch.
        budget: seconds at the most, but for the first call.
        least: seconds at the least, within the budget.
    """
    began, walls = time.monotonic(), [lap(call).wall]
    while (spent := time.monotonic() - began) < budget and (spent < least or not _settled(walls)):
        walls.append(lap(call).wall)
    return len(walls), _settled(walls)


def _settled(walls: Sequence[float]) -> bool:
    """Whether the last two calls were hardly faster than the best before them."""
    return len(walls) >= 3 and min(walls[-2:]) > 0.95 * min(walls[:-2])


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without pauses of Python's own collector, as `timeit` does."""
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
