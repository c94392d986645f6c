"""Do timings keep their word? A network against itself, a planted slowdown, a busy neighbour.

    python tests/bench/study_timing.py              # the figures of docs/timing.md, in 100 s
    python tests/bench/study_timing.py 10           # a quick look: 10 comparisons of each kind

1. A small network is timed against itself, interleaved, 50 times: how often does the printed interval of the
   ratio hold 1 (of the first 20, of all), and how often would a gate call it slower or faster?
2. Four calls of it against five, 1.25 times the work, 50 times: how often does a gate call it slower?
3. With a second process that keeps a core busy: does the record say that the machine was not quiet?
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from statistics import median

import torch
from torch import nn

from srbench.timing.conditions import Watch
from srbench.timing.measure import RATIO_LIMITS, interleaved
from srbench.timing_stats import Ratio, judge_times, paired_ratio

COMPARISONS, FIRST = 50, 20
WIDTH, SHAPE = 32, (1, 32, 32, 32)
LIMITS = replace(RATIO_LIMITS, budget=0.9)


def calls(count: int) -> Callable[[], object]:
    """So many calls of a small network, one after the other."""
    net, x = nn.Sequential(*(nn.Conv2d(WIDTH, WIDTH, 3, padding=1) for _ in range(2))), torch.rand(SHAPE)

    def call() -> None:
        for _ in range(count):
            net(x)

    return call


def compared(a: Callable[[], object], b: Callable[[], object], seed: int) -> Ratio:
    """B over A, interleaved."""
    rounds = interleaved([a, b], limits=LIMITS, seed=seed)
    return paired_ratio(rounds.wall(0), rounds.wall(1), LIMITS.confidence)


def say(text: str) -> None:
    """One line on stdout."""
    sys.stdout.write(f"{text}\n")


def main(comparisons: int) -> None:
    """Print the three answers."""
    torch.set_num_threads(1)
    four, again, five = calls(4), calls(4), calls(5)
    with Watch("this machine") as watch, torch.inference_mode():
        same = [compared(four, again, seed) for seed in range(comparisons)]
        slower = [compared(four, five, seed) for seed in range(comparisons)]
    assert watch.conditions is not None
    tell_same(same)
    tell_slower(slower)
    say(f"meanwhile: {'; '.join(watch.conditions.disturbances) or 'the machine was quiet'}")
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        with Watch("this machine") as disturbed, torch.inference_mode():
            compared(four, again, 0)
        busy.kill()
    assert disturbed.conditions is not None
    say(f"with a busy second process: {'; '.join(disturbed.conditions.disturbances) or 'quiet (!)'}")


def tell_same(ratios: list[Ratio]) -> None:
    """Of the network against itself."""
    holds = [1.0 in ratio.interval for ratio in ratios]
    widths = [ratio.interval.high - ratio.interval.low for ratio in ratios]
    alarms = sum(judge_times(ratio) != "same" for ratio in ratios)
    say(f"itself: 1 in {sum(holds[:FIRST])} of the first {len(holds[:FIRST])} intervals, in {sum(holds)} of")
    say(f"  {len(holds)}; their median width {median(widths):.3f}; {alarms} alarms of {len(ratios)}")


def tell_slower(ratios: list[Ratio]) -> None:
    """Of four calls against five."""
    caught = sum(judge_times(ratio) == "slower" for ratio in ratios)
    found = sorted(ratio.ratio for ratio in ratios)
    say(f"1.25 times the work: caught in {caught} of {len(ratios)}; ratios {found[0]:.3f} to {found[-1]:.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else COMPARISONS)
