"""What a run adds to its model's own calls, and to a loop by hand that computes the same.

    python tests/bench/study_overhead.py edsr-size psnr_y,ssim_y           # run over the model's own calls
    python tests/bench/study_overhead.py fsrcnn-size psnr_y,ssim_y,lpips   # run over the loop by hand

Three things are timed in turn, REPEAT times, each after one round that warms up:

- calls: the network alone, once for each image, its inputs ready;
- loop: what a careful script does with srbench's own functions: decode, degrade, predict, quantise, score;
- run: `srbench run` itself: plan, load, pipeline, journal flushed to the disk, results printed as JSON; in a
  process of its own, in which OpenMP's threads wait as the command lets them.

Ratios are taken within a round and their median and range printed, of wall time and of processor time (all
threads): the second says what work there is, whatever else the machine does. The run's scores must be the
loop's.
"""

# ruff: noqa: T201 - a program that prints

from __future__ import annotations

import contextlib
import io
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import torch
from torch import Tensor

from srbench import registry
from srbench.adapters import door
from srbench.adapters.network import Adapter
from srbench.adapters.planning import load_model
from srbench.cli import run_main
from srbench.cli.run import idle_threads_sleep
from srbench.data.datasets import open_dataset
from srbench.data.degrade import FrameSource
from srbench.metrics.base import build_metric, load_metric
from srbench.metrics.planes import Planes, quantise
from srbench.protocols import get_protocol
from srbench.types import Job

SETS = ("set5", "set14")
PROTOCOL = get_protocol("classic", 4)
Scores = dict[str, dict[str, float]]
"""By image and metric."""


def sources() -> list[FrameSource]:
    """Every image, nothing read yet."""
    return [
        opened.source(item, PROTOCOL)
        for name in SETS
        for opened in [open_dataset(name)]
        for item in opened.items
    ]


def network(model: str) -> Adapter:
    """The model, loaded."""
    adapter = load_model(registry.models()[model], scale=4)
    assert isinstance(adapter, Adapter)
    return adapter


def loop(model: str, metrics: list[str]) -> Scores:
    """Everything in turn, in one thread."""
    adapter = network(model)
    loaded = [build_metric(registry.metrics()[name]) for name in metrics]
    for metric in loaded:
        load_metric(metric, "cpu")
    scores: Scores = {}
    for source in sources():
        truth = Planes(source.hr(0), PROTOCOL)
        sr = adapter(source.lr(0)[None], Job(source.spec, PROTOCOL))[0]
        planes = Planes(quantise(sr, PROTOCOL), PROTOCOL)
        scores[source.spec.name] = {
            metric.info.name: metric.score(
                planes.for_metric(metric.info), metric.prepare(truth.for_metric(metric.info))
            )
            for metric in loaded
        }
    return scores


def run(model: str, metrics: list[str]) -> Scores:
    """The command, into a fresh folder."""
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(printed):
        command = ["run", "-m", model, "-d", ",".join(SETS), "-x", "4", "--metrics", ",".join(metrics)]
        code = run_main([*command, "--results", folder, "--quiet", "--json"])
    assert code == 0
    return {
        name: item for cell in json.loads(printed.getvalue())["cells"] for name, item in cell["items"].items()
    }


@cache
def inputs(model: str) -> tuple[Adapter, list[Tensor]]:
    """The network and what it is given for each image."""
    adapter = network(model)
    entered = [door.enter(source.lr(0), adapter.info, 4).planes for source in sources()]
    return adapter, [torch.from_numpy(planes)[None] for planes in entered]


def calls(model: str, _metrics: list[str]) -> None:
    """The network alone."""
    adapter, given = inputs(model)
    with torch.inference_mode():
        for lr in given:
            adapter.predict(lr)


Way = Callable[[str, list[str]], Scores | None]


@dataclass(frozen=True)
class Timed:
    """Seconds that one way took, and the scores it found."""

    wall: float
    processor: float
    scores: Scores | None


def timed(way: Way, model: str, metrics: list[str]) -> Timed:
    """Once, in the process that calls it."""
    wall, cpu = time.perf_counter(), time.process_time()
    scores = way(model, metrics)
    return Timed(time.perf_counter() - wall, time.process_time() - cpu, scores)


def process() -> ProcessPoolExecutor:
    """A fresh process that knows the networks."""
    plugin = Path(__file__).with_name("seeded.py")
    return ProcessPoolExecutor(1, get_context("spawn"), registry.load_plugin, (plugin,))


def main(model: str, metrics: list[str], repeat: int) -> None:
    """Measure and print."""
    with process() as by_hand, process() as command:
        ways: dict[str, tuple[Way, ProcessPoolExecutor]] = {
            "calls": (calls, by_hand),
            "loop": (loop, by_hand),
            "run": (run, command),
        }

        def once(name: str) -> Timed:
            way, place = ways[name]
            return place.submit(timed, way, model, metrics).result()

        once("calls")
        by_loop = once("loop")  # its process began with OpenMP as it is
        idle_threads_sleep()
        assert by_loop.scores == once("run").scores, "the run's scores are not the loop's"
        rounds = [{name: once(name) for name in ways} for _ in range(repeat)]
    asked = f"{model}, {', '.join(metrics)}, {' + '.join(SETS)} x4"
    print(f"{asked}, {torch.get_num_threads()} threads, {repeat} rounds")
    for label in ("wall", "processor"):
        took = {name: [getattr(one[name], label) for one in rounds] for name in ways}
        for name in ways:
            print(f"  {label:9} {name:5} {statistics.median(took[name]):8.3f} s")
        for base in ("calls", "loop"):
            ratios = sorted(mine / other for mine, other in zip(took["run"], took[base], strict=True))
            spread = f"{ratios[0]:.3f} to {ratios[-1]:.3f}"
            print(f"  {label:9} run / {base}: {statistics.median(ratios):.3f} ({spread})")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2].split(","), int(sys.argv[3]) if len(sys.argv) > 3 else 5)
