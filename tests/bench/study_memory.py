"""What a run takes of memory: flat over a set, and a 4096 x 4096 output in tiles beside the whole image.

    python tests/bench/study_memory.py flat fsrcnn-size 40          # 40 images of 1024 x 768 by one model
    python tests/bench/study_memory.py tile fsrcnn-size 256 1.5     # tiles of 256, at most 1.5 GB; then whole

`flat` prints the resident memory's peak during each image, and how far it spreads from the 5th to the last.
`tile` runs `srbench run` twice on one image of 4096 x 4096, in processes of their own, and prints the peak of
each, and how far the two predictions and their scores differ. Both exit with 1 if the promise is broken.
"""

# ruff: noqa: T201 - a program that prints

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from scipy.ndimage import zoom

from srbench import registry
from srbench.data.datasets import add_dataset
from srbench.image.io import read_image, write_png
from srbench.runner.evaluate import Listener
from srbench.runner.execute import execute
from srbench.runner.plan import Plan, PlannedCell
from srbench.runner.request import Request, choose_datasets, choose_metrics, choose_models
from srbench.runner.work import Work
from srbench.types import Record

PLUGIN = Path(__file__).with_name("seeded.py")
SPREAD = 0.05
FROM = 5
METRICS = "psnr_y,ssim_y"


def picture(height: int, width: int, seed: int) -> np.ndarray:
    """Smooth structure with grain, uint8 RGB."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((height // 32, width // 32, 3))
    smooth = zoom(coarse, (32, 32, 1), order=1) * 200 + 20
    grainy: np.ndarray = np.clip(smooth + rng.normal(0, 5, smooth.shape), 0, 255).astype(np.uint8)
    return grainy


def add(folder: Path, name: str, shapes: list[tuple[int, int]]) -> None:
    """A set of one's own, in a cache of this study's own."""
    os.environ["SRBENCH_HOME"] = str(folder / "home")
    for number, shape in enumerate(shapes):
        write_png(folder / name / f"{number:03}.png", picture(*shape, number))
    add_dataset(name, folder / name)


class Watching:
    """A listener that notes the peak of resident memory, in bytes, during each image."""

    def __init__(self) -> None:
        self.peaks: list[int] = []
        self.peak = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        process = psutil.Process()
        while not self.over.wait(0.005):
            self.peak = max(self.peak, process.memory_info().rss)

    def began(self, planned: PlannedCell, work: Work) -> None:
        """Nothing: an image's time ends with its record."""

    def told(self, text: str) -> None:
        """Nothing to show."""

    def ended(self, planned: PlannedCell, record: Record) -> None:
        """Note the peak since the last record."""
        self.peaks.append(self.peak)
        self.peak = 0


def flat(model: str, images: int) -> bool:
    """Whether memory stays flat."""
    registry.load_plugin(PLUGIN)
    watching = Watching()

    @contextmanager
    def listen(plan: Plan) -> Iterator[Listener]:
        yield watching

    with tempfile.TemporaryDirectory() as folder:
        add(Path(folder), "many", [(768, 1024)] * images)
        request = Request(
            choose_models((model,)), choose_datasets(("many",)), (4,), folder=Path(folder) / "runs"
        )
        execute(replace(request, metrics=choose_metrics((METRICS,))), listen, [])
    watching.over.set()
    peaks = [peak / 1e6 for peak in watching.peaks]
    print(f"{model}, {images} images of 1024 x 768, {METRICS}: peak resident memory during each, MB")
    print(" ".join(f"{peak:.0f}" for peak in peaks))
    late = peaks[FROM - 1 :]
    spread = max(late) / min(late) - 1
    print(f"from image {FROM} to {images}: {min(late):.0f} to {max(late):.0f} MB, a spread of {spread:.1%}")
    return spread <= SPREAD


def tile(model: str, side: int, limit: float) -> bool:
    """Whether tiles keep within the limit (GB of 1e9 bytes)."""
    with tempfile.TemporaryDirectory() as folder:
        add(Path(folder), "large", [(4096, 4096)])
        tiled, whole = (run(Path(folder), model, options) for options in (["--tile", str(side)], []))
    difference = np.abs(tiled.image.astype(int) - whole.image)
    print(f"{model}, one output of 4096 x 4096, {METRICS}")
    for name, one in ((f"tiles of {side}", tiled), ("whole image", whole)):
        print(f"  {name:14} peak {one.peak / 1e9:6.2f} GB   {one.scores}")
    moved, most = np.count_nonzero(difference), difference.max()
    print(f"  tiling moves {moved} of {difference.size} values, by {most} levels at most")
    most = max(abs(tiled.scores[name] - whole.scores[name]) for name in METRICS.split(","))
    print(f"  scores differ by {most:.1e} at most")
    print(f"  tiles within {limit:g} GB: {'yes' if tiled.peak <= limit * 1e9 else 'NO'}")
    return tiled.peak <= limit * 1e9


class Ran:
    """One `srbench run` in a process of its own: its peak resident bytes, prediction and scores."""

    def __init__(self, peak: int, image: np.ndarray, scores: dict[str, float]) -> None:
        self.peak = peak
        self.image = image
        self.scores = scores


def run(folder: Path, model: str, options: list[str]) -> Ran:
    """Run it, and wait for what the system says of its memory."""
    results = folder / ("runs" + "".join(options))
    command = [sys.executable, "-m", "srbench", "run", "-m", model, "-d", "large", "-x", "4", *options]
    command += ["--plugin", str(PLUGIN), "--metrics", METRICS, "--results", str(results)]
    process = subprocess.Popen([*command, "--save-predictions", "--quiet", "--json"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    printed: Any = json.load(process.stdout)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    (image,) = results.rglob("*.png")
    return Ran(usage.ru_maxrss * 1024, read_image(image), printed["cells"][0]["metrics"])


if __name__ == "__main__":
    kind, network, number, *more = sys.argv[1:]
    kept = flat(network, int(number)) if kind == "flat" else tile(network, int(number), float(more[0]))
    sys.exit(not kept)
