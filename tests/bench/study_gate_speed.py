"""How long and in how much memory the gate compares 1,000 models x 15 cells x 24 images, three metrics each.

    python tests/bench/study_gate_speed.py FOLDER           # both sides journals, then against a baseline
    python tests/bench/study_gate_speed.py FOLDER 100       # another number of models

Writes two result sets that differ by noise of 1e-4 into FOLDER (840 MB), and compares them as `srbench gate`
does. Times are of the clock, and of the processor; memory is the sum of the peaks of both
processes.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from srbench import registry
from srbench.gate.baseline import dump_baseline
from srbench.gate.compare import compare
from srbench.gate.policy import Policy
from srbench.gate.sources import load_side, load_sides
from srbench.store.records import encode
from srbench.types import Cell, Record, Score, Status

BOTH = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
CELLS, IMAGES = 15, 24
METRICS = {"psnr_y": 30.0, "ssim_y": 0.9, "lpips": 0.2}


def records(models: int, seed: int) -> Iterator[Record]:
    """Image by image and then model by model, as a run writes them."""
    rng = random.Random(seed)  # noqa: S311
    for number in range(CELLS):
        for image in range(IMAGES):
            for model in range(models):
                yield record(f"model{model:04}", number, image, rng)


def record(model: str, number: int, image: int, rng: random.Random) -> Record:
    """One image of one model, with keys as long as real ones."""
    scale, key = 2 + number % 3, f"{rng.getrandbits(64):016x}"
    inference = "torch|float32|cpu|whole"
    signature = (
        f"x{scale}|bi:matlab-symmetric-u8|y:bt601-studio|gray:rgb|border:{scale}|mod:{scale}|u8|mean:image|v1"
    )
    names = ("clip", "degradation", "files", "gray", "inference", "modcrop", "model", "scale")
    fields = dict.fromkeys(names, "matlab-symmetric-u8") | {"fingerprint": model, "pixels": 4 * key}
    return Record(
        Cell(model, f"set{number // 3}", scale, "classic", signature, inference, f"pixels{number:010}"),
        f"img_{image:03}", IMAGES, Status.DONE, frames=1, prediction=key, key_fields=fields,
        scores={name: score(name, base + rng.gauss(0, 1e-4), key) for name, base in METRICS.items()},
        seconds=rng.random(), megapixels=0.26, provenance=key, time="2026-01-01T00:00:00Z",
    )  # fmt: skip


def score(metric: str, value: float, key: str) -> Score:
    """One metric's value, under a signature as long as real ones."""
    return Score(f"{metric}|y|peak:255|border:protocol|float64|srbench:1", key, (value,))


def write(folder: Path, models: int, seed: int) -> Path:
    """A journal."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "journal.jsonl").open("w", encoding="ascii") as file:
        file.writelines(f"{encode(record)}\n" for record in records(models, seed))
    return folder


def timed(baseline: Path, candidate: Path) -> str:
    """One comparison, in a sentence."""
    clock, processor = time.perf_counter(), time.process_time()
    metrics = {name: entry.info for name, entry in registry.metrics().items()}
    judgement = compare(*load_sides(str(baseline), str(candidate)), Policy(), metrics)
    seconds, busy = time.perf_counter() - clock, time.process_time() - processor
    peak = sum(resource.getrusage(who).ru_maxrss for who in BOTH) / 1e6
    took = f"{seconds:.1f} s ({busy:.1f} s of the processor)"
    return f"{judgement.compared} verdicts in {took}, peak {peak:.2f} GB"


def main(folder: Path, models: int) -> None:
    """Both kinds of baseline."""
    baseline, candidate = write(folder / "a", models, 1), write(folder / "b", models, 2)
    print("two journals:", timed(baseline, candidate), flush=True)  # noqa: T201
    blessed = folder / "baseline.jsonl"
    blessed.write_text(dump_baseline(load_side(str(baseline))), encoding="ascii")
    print("baseline and journal:", timed(blessed, candidate))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
