"""How long a finished plan of 20 models and 5 sets takes to say that there is nothing to do.

    python tests/bench/study_finished.py [ROUNDS]

Models are built in. Sets are of one's own and as large as Set5, Set14, BSD100, Urban100 and Vid4 together, so
that nothing need be fetched: 223 images, 4460 records. These are made up (scores are random), but written by
the journal's own code under the plan's own keys. Then `srbench run` is timed from its start to its end, in
processes of their own; each must compute nothing, and write nothing.
"""

# ruff: noqa: T201 - a program that prints

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from srbench.data.datasets import add_dataset
from srbench.image.io import write_png
from srbench.runner.execute import JOURNAL, plan_run
from srbench.runner.plan import PlannedCell
from srbench.runner.request import Request, choose_datasets, choose_models
from srbench.runner.work import Work
from srbench.store.journal import Journal
from srbench.types import Record, Score, Status

SETS = {"five": 5, "fourteen": 14, "hundred": 100, "city": 100, "four": 4}
FLAVOURS = ("matlab-replicate-u8", "matlab-symmetric-u8", "matlab-symmetric-double")
KERNELS = ("nearest", "bilinear", "bicubic", "lanczos")
MODELS = [*KERNELS, *(f"{kernel}:{flavour}" for kernel in KERNELS for flavour in FLAVOURS)]
MODELS += ["edsr-baseline", "edsr", "imdn", "carn-m"]


def add_sets(folder: Path) -> None:
    """Small images: what they show and how large they are is not looked at again."""
    rng = np.random.default_rng(0)
    for name, images in SETS.items():
        for number in range(images):
            file = folder / name / f"{number:03}.png"
            write_png(file, rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
            os.utime(file, (1e9, 1e9))
        add_dataset(name, folder / name)


def record(planned: PlannedCell, work: Work, rng: np.random.Generator) -> Record:
    """A finished image."""
    signatures = {metric.info.name: metric.signature for metric in planned.metrics}
    return Record(
        cell=planned.cell,
        item=work.item,
        items=len(planned.work),
        status=Status.DONE,
        frames=1,
        prediction=work.prediction,
        key_fields=work.fields,
        scores={n: Score(signatures[n], key, (float(rng.random()),)) for n, key in work.wanted.items()},
        seconds=1.0,
        megapixels=work.megapixels,
        provenance="0" * 16,
        time="2026-01-01T00:00:00+00:00",
    )


def cpu() -> float:
    """Processor seconds of this process's children so far: what there is to do, whatever else is running."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(rounds: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["SRBENCH_HOME"] = str(folder / "home")
        add_sets(folder)
        request = Request(choose_models((",".join(MODELS),)), choose_datasets(tuple(SETS)), (4,))
        rng, results = np.random.default_rng(0), folder / "runs"
        with Journal(results / JOURNAL) as journal:
            for planned in plan_run(replace(request, folder=results)).cells:
                for work in planned.work:
                    journal.append(record(planned, work, rng))
        command = [sys.executable, "-m", "srbench", "run", "-m", ",".join(MODELS), "-d", ",".join(SETS)]
        command += ["-x", "4", "--results", str(results)]
        size, count = (results / JOURNAL).stat().st_size, len(journal.records)
        walls, processor = [], []
        for _ in range(rounds + 1):
            began, used = time.perf_counter(), cpu()
            ran = subprocess.run(command, capture_output=True, text=True, check=True)
            walls.append(time.perf_counter() - began)
            processor.append(cpu() - used)
            assert f"0 images computed, {count} known before" in ran.stderr, ran.stderr
        assert (results / JOURNAL).stat().st_size == size
    print(f"{len(MODELS)} models x {len(SETS)} sets, {count} records, {size / 1e6:.1f} MB, {rounds} rounds")
    for label, seconds in (("wall", sorted(walls[1:])), ("processor", sorted(processor[1:]))):
        spread = f"{seconds[0]:.2f} to {seconds[-1]:.2f}"
        print(f"{label} time of `srbench run`: median {statistics.median(seconds):.2f} s ({spread})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
