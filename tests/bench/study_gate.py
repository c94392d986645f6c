"""Does the gate stay green for noise and go red for a loss of 0.02 dB? 800 pairs of real outputs, x4.

    srbench data fetch set5 set14 bsd100 && python tests/bench/study_gate.py     # the table of docs/gate.md
    python tests/bench/study_gate.py --pairs 20                                  # a quick look

*Reruns*: a model (CARN-M) runs again with other tiles or another number of threads, or its output is rounded
with another dither (a random half). Pairs of these whose mean difference is below 0.002 dB must not be called
worse.

*Planted losses*: the model's output is blurred, blended with bicubic or made noisy, by as much as the PSNR is
to fall, in some or all of BSD100's images; 0.02 dB in the mean over all of them. Each damaged output is held
against five reruns. The last row shows a loss that the tolerance allows.

Everything is measured: predictions are quantised and scored by srbench's own code and judged by `compare`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from srbench import registry
from srbench.adapters.base import Settings
from srbench.adapters.clips import stream
from srbench.adapters.planning import load_model
from srbench.data.datasets import open_dataset
from srbench.gate.compare import compare
from srbench.gate.policy import Evidence, Policy
from srbench.gate.verdicts import Outcome, Verdict
from srbench.image.resize import imresize
from srbench.metrics.base import build_metric
from srbench.metrics.planes import Planes, quantise
from srbench.protocols import get_protocol
from srbench.store.scores import CellScores, MetricScores
from srbench.types import Cell

Image = NDArray[np.float32]
Scores = dict[str, float]

SCALE = 4
PROTOCOL = get_protocol("classic", SCALE)
ENTRY = registry.metrics()["psnr_y"]
METRIC = build_metric(ENTRY)
TILES = (64,)
DITHERS = 12
BASELINES = 5
BELOW = 0.002
LOSS = 0.02
ALLOWED = 0.008
FEW = 5
STRENGTHS = np.geomspace(0.004, 1, 14)


@dataclass(frozen=True)
class Still:
    """One image: the ground truth, the model's output before it is rounded, and what can be done to that."""

    name: str
    hr: NDArray[np.uint8]
    sr: Image
    bicubic: Image
    seed: int

    def psnr(self, sr: Image) -> float:
        """Of a prediction, float on 0..255: quantised and scored as in a run."""
        plane = Planes(quantise(sr, PROTOCOL), PROTOCOL).for_metric(METRIC.info)
        return METRIC.score(plane, self._truth)

    @cached_property
    def _truth(self) -> NDArray[np.float64]:
        plane: NDArray[np.float64] = METRIC.prepare(Planes(self.hr, PROTOCOL).for_metric(METRIC.info))
        return plane

    @cached_property
    def plain(self) -> float:
        """PSNR of the model's output."""
        return self.psnr(self.sr)

    def dithered(self, rng: np.random.Generator) -> float:
        """PSNR when every value is rounded up or down at random, by its fraction."""
        return self.psnr(np.floor(self.sr + rng.random(self.sr.shape, np.float32)))

    def worsened(self, kind: str, loss: float) -> float:
        """PSNR after a change of a kind that costs about `loss` dB."""
        strength = float(np.interp(loss, self._losses[kind], [0.0, *STRENGTHS]))
        return self.psnr(self._changed(kind, strength))

    def _changed(self, kind: str, strength: float) -> Image:
        return self.sr + np.float32(strength) * self._directions[kind]

    @cached_property
    def _directions(self) -> dict[str, Image]:
        noise = np.random.default_rng(self.seed).normal(0, 30, self.sr.shape)
        return {
            "blur": ndimage.gaussian_filter(self.sr, (1, 1, 0)) - self.sr,
            "bicubic": self.bicubic - self.sr,
            "noise": noise.astype(np.float32),
        }

    @cached_property
    def _losses(self) -> dict[str, list[float]]:
        """Per kind, what each strength costs; made to rise, as a curve that is read backwards must."""
        measured = {
            kind: [0.0, *(self.plain - self.psnr(self._changed(kind, float(s))) for s in STRENGTHS)]
            for kind in self._directions
        }
        return {kind: np.maximum.accumulate(losses).tolist() for kind, losses in measured.items()}

    def can_lose(self, kind: str, loss: float) -> bool:
        """Whether a change of this kind can cost so much here: a blur may even help a noisy output."""
        return self._losses[kind][-1] > loss


@dataclass(frozen=True)
class Rerun:
    """One run of the model over a set: how, and each image's PSNR."""

    how: str
    scores: Scores


@dataclass(frozen=True)
class Pair:
    """Two runs over one set."""

    dataset: str
    baseline: Scores
    candidate: Scores

    @property
    def difference(self) -> float:
        """Of the means, candidate minus baseline."""
        return float(np.mean([self.candidate[name] - value for name, value in self.baseline.items()]))

    def verdict(self, policy: Policy) -> Verdict:
        """The gate's."""
        before, after = (self._cell(scores) for scores in (self.baseline, self.candidate))
        (verdict,) = compare([before], [after], policy, {"psnr_y": ENTRY.info}).verdicts
        return verdict

    def _cell(self, scores: Scores) -> CellScores:
        cell = Cell("model", self.dataset, SCALE, PROTOCOL.name, PROTOCOL.signature, "torch", "pixels")
        values = {name: (value,) for name, value in scores.items()}
        metrics = (MetricScores("psnr_y", METRIC.signature, values),)
        return CellScores(cell, "done", expected=len(scores), metrics=metrics)


# ------------------------------------------------------------------------------------ the model's runs


def outputs(
    model: str, dataset: str, settings: Settings
) -> Iterator[tuple[str, NDArray[np.uint8], Image, Image]]:
    """Name, ground truth, unrounded output and bicubic's of each image of a set."""
    adapter = load_model(registry.models()[model], scale=SCALE, settings=settings)
    opened = open_dataset(dataset)
    for item in opened.items:
        source = opened.source(item, PROTOCOL)
        (sr,) = stream(adapter, source, PROTOCOL)
        bicubic = imresize(source.lr(0).astype(np.float64), SCALE)
        yield item.name, source.hr(0), sr.astype(np.float32), bicubic.astype(np.float32)


def stills(model: str, dataset: str) -> list[Still]:
    """The set, with the outputs of one plain run."""
    rows = enumerate(outputs(model, dataset, Settings()))
    return [Still(name, hr, sr, bicubic, seed) for seed, (name, hr, sr, bicubic) in rows]


def reruns(model: str, dataset: str, images: list[Still], rng: np.random.Generator) -> list[Rerun]:
    """Runs that must pass for the same: other tiles, other threads, other dithers."""
    known = {still.name: still for still in images}

    def run(settings: Settings) -> Scores:
        return {name: known[name].psnr(sr) for name, _, sr, _ in outputs(model, dataset, settings)}

    found = [Rerun("plain", {still.name: still.plain for still in images})]
    if registry.models()[model].info.tiling == "supported" and registry.models()[model].info.dtypes:
        found += [Rerun(f"tiles of {side}", run(Settings(tile=side))) for side in TILES]
    threads = torch.get_num_threads()
    torch.set_num_threads(threads % 2 + 1)
    found.append(Rerun("another thread count", run(Settings())))
    torch.set_num_threads(threads)
    dithers = ({still.name: still.dithered(rng) for still in images} for _ in range(DITHERS))
    return found + [Rerun("dither", scores) for scores in dithers]


# ------------------------------------------------------------------------------------ the pairs


def same(dataset: str, runs: list[Rerun], count: int, rng: np.random.Generator) -> Iterator[Pair]:
    """Pairs of different reruns whose mean differs by less than `BELOW`."""
    while count:
        one, other = (runs[i] for i in rng.choice(len(runs), 2, replace=False))
        pair = Pair(dataset, one.scores, other.scores)
        if abs(pair.difference) < BELOW:
            count -= 1
            yield pair


Spread = Callable[[list[Still], np.random.Generator, float], dict[str, float]]


def over_all(images: list[Still], rng: np.random.Generator, loss: float) -> dict[str, float]:
    """Each image's loss: all lose, unequally (exponentially distributed), `loss` in the mean."""
    shares = rng.exponential(1, len(images))
    return {s.name: float(x) for s, x in zip(images, loss * shares / shares.mean(), strict=True)}


def by_five(images: list[Still], rng: np.random.Generator, loss: float) -> dict[str, float]:
    """Each losing image's loss: five carry all of it, equally."""
    chosen = rng.choice(len(images), min(FEW, len(images)), replace=False)
    return {images[i].name: loss * len(images) / len(chosen) for i in chosen}


def planted(
    dataset: str,
    images: list[Still],
    runs: list[Rerun],
    spread: Spread,
    loss: float,
    rng: np.random.Generator,
) -> Iterator[Pair]:
    """A candidate that really lost, its damage drawn image by image, against several reruns."""
    losses = spread(images, rng, loss)
    candidate = {still.name: _after(still, losses.get(still.name, 0.0), rng) for still in images}
    for index in rng.choice(len(runs), BASELINES, replace=False):
        yield Pair(dataset, runs[index].scores, candidate)


def _after(still: Still, loss: float, rng: np.random.Generator) -> float:
    if not loss:
        return still.plain
    kinds = [kind for kind in ("blur", "bicubic", "noise") if still.can_lose(kind, loss)]
    return still.worsened(str(rng.choice(kinds)), loss)


# ------------------------------------------------------------------------------------ the table


def row(title: str, pairs: Iterable[Pair]) -> str:
    """One line: how many pairs, their measured differences, and how many are called worse."""
    found = list(pairs)
    differences = [pair.difference for pair in found]
    worse = {evidence: _worse(found, evidence) for evidence in EVIDENCES}
    counts = " | ".join(f"{worse[evidence]}" for evidence in EVIDENCES)
    return f"| {title} | {len(found)} | {min(differences):+.4f} to {max(differences):+.4f} | {counts} |"


EVIDENCES: tuple[Evidence, ...] = ("set", "images")


def _worse(pairs: list[Pair], evidence: Evidence) -> int:
    return sum(pair.verdict(Policy(evidence=evidence)).outcome is Outcome.REGRESSED for pair in pairs)


def rows(
    model: str = "carn-m",
    large: str = "bsd100",
    small: tuple[str, ...] = ("set14", "set5"),
    count: int = 200,
    seed: int = 1,
) -> Iterator[str]:
    """The table's lines, in Markdown."""
    rng = np.random.default_rng(seed)
    yield '| pairs | number | mean difference, dB | called worse | with `evidence = "images"` |'
    yield "|---|---:|---|---:|---:|"
    for dataset in small:
        images = stills(model, dataset)
        runs = reruns(model, dataset, images, rng)
        yield row(f"reruns, {dataset}", same(dataset, runs, count // 4, rng))
    images = stills(model, large)
    runs = reruns(model, large, images, rng)
    yield row(f"reruns, {large}", same(large, runs, count // 2, rng))
    for title, spread, loss in (
        (f"{LOSS} dB over all images", over_all, LOSS),
        (f"{LOSS} dB by five images", by_five, LOSS),
        (f"{ALLOWED} dB over all images, which the tolerance allows", over_all, ALLOWED),
    ):
        pairs = (
            pair
            for _ in range(-(-count // BASELINES))
            for pair in planted(large, images, runs, spread, loss, rng)
        )
        yield row(f"planted: {title}, {large}", pairs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--pairs", type=int, default=200)
    for line in rows(count=parser.parse_args().pairs):
        print(line, flush=True)  # noqa: T201
