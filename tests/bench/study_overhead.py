"""What a run adds to its model's own calls, and to a loop by hand that computes the same.

    python tests/bench/study_overhead.py edsr-size psnr_y,ssim_y           # run over the model's own calls
    python tests/bench/study_overhead.py fsrcnn-size psnr_y,ssim_y,lpips   # run over the loop by hand

Three things are timed in turn, REPEAT times, each in this process and after one round that warms up:

- calls: the network alone, once for each image, its inputs ready;
- loop: what a careful script does with srbench's own functions: decode, degrade, predict, quantise, score;
- run: `srbench run` itself: plan, load, pipeline, journal flushed to the disk, results printed as JSON.

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
from pathlib import Path
from typing import Any

import torch

from srbench import registry
from srbench.adapters import door
from srbench.adapters.network import Adapter
from srbench.adapters.planning import load_model
from srbench.cli import run_main
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


def calls(model: str) -> Callable[[], None]:
    """The network alone."""
    adapter = network(model)
    entered = [door.enter(source.lr(0), adapter.info, 4).planes for source in sources()]
    inputs = [torch.from_numpy(planes)[None] for planes in entered]

    def call() -> None:
        with torch.inference_mode():
            for lr in inputs:
                adapter.predict(lr)

    return call


def timed(call: Callable[[], Any]) -> tuple[float, float]:
    """Wall and processor seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - cpu


def main(model: str, metrics: list[str], repeat: int) -> None:
    """Measure and print."""
    registry.load_plugin(Path(__file__).with_name("seeded.py"))
    ways: dict[str, Callable[[], Any]] = {
        "calls": calls(model),
        "loop": lambda: loop(model, metrics),
        "run": lambda: run(model, metrics),
    }
    ways["calls"]()
    assert ways["loop"]() == ways["run"](), "the run's scores are not the loop's"
    rounds = [{name: timed(way) for name, way in ways.items()} for _ in range(repeat)]
    asked = f"{model}, {', '.join(metrics)}, {' + '.join(SETS)} x4"
    print(f"{asked}, {torch.get_num_threads()} threads, {repeat} rounds")
    for kind, label in enumerate(("wall", "processor")):
        for name in ways:
            print(f"  {label:9} {name:5} {statistics.median(one[name][kind] for one in rounds):8.3f} s")
        for base in ("calls", "loop"):
            ratios = sorted(one["run"][kind] / one[base][kind] for one in rounds)
            spread = f"{ratios[0]:.3f} to {ratios[-1]:.3f}"
            print(f"  {label:9} run / {base}: {statistics.median(ratios):.3f} ({spread})")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2].split(","), int(sys.argv[3]) if len(sys.argv) > 3 else 5)
