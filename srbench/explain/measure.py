"""Every variant's figure for one model on one set, image by image; only the numbers are kept.

Variants that need the same prediction share it, and those that need the same plane of an image share that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

from numpy.typing import NDArray

from srbench.adapters.base import BaseAdapter, Settings
from srbench.adapters.clips import stream
from srbench.adapters.folder import Folder, check_outputs
from srbench.adapters.planning import load_model, skip_reason
from srbench.data.dataset import Dataset
from srbench.data.degrade import FrameSource, Shrink
from srbench.errors import ImageError, NothingMeasured, Unavailable
from srbench.explain.looks import Looks, channels, stored
from srbench.explain.resizers import RESIZERS
from srbench.explain.variants import Resizer, Setting, Variant, variants
from srbench.explain.windows import SSIMS
from srbench.metrics.psnr import PEAK, psnr
from srbench.metrics.ssim import ssim
from srbench.protocols import RECIPES, get_protocol
from srbench.runner.request import ModelChoice
from srbench.store.aggregate import mean_of_items
from srbench.types import EvalProtocol

METRICS = ("psnr_y", "ssim_y")


@dataclass(frozen=True)
class Figure:
    """A variant and what it gives; ``same`` are other variants that give the same on every image."""

    variant: Variant
    value: float
    same: tuple[str, ...] = ()


@dataclass
class Figures:
    """All figures, and the protocols and variants that were left out, with the reasons."""

    found: list[Figure]
    left_out: dict[str, str] = field(default_factory=dict)


class _Making(NamedTuple):
    """What decides a prediction; variants that agree in it share theirs."""

    degraded: str = ""
    flavour: str = ""
    shrink: Resizer = ""
    enlarge: Resizer = ""
    gray: str = ""


def figures(
    model: ModelChoice,
    dataset: Dataset,
    scale: int,
    metric: str,
    settings: Settings | None = None,
    tell: Callable[[str], None] = lambda item: None,
) -> Figures:
    """Every variant's figure.

    Args:
        model: a model, or ``folder:DIR`` of outputs.
        dataset: all of it must be here, for a claim is about the whole set.
        scale: super-resolution factor.
        metric: ``psnr_y`` or ``ssim_y``: which kind of figure, the plane is what varies.
        settings: how a network is asked to run.
        tell: is called with each item's name when the item is begun.

    Raises:
        NothingMeasured: a part of the set is missing, or the model runs under no protocol.
        SrbenchError: the model can't be had or breaks its contract; see `srbench.errors`.
    """
    _check_whole(dataset)
    protocols, left_out = _protocols(model, dataset, scale, settings or Settings())
    adapter = load_model(model.entry, model.argument, scale=scale, settings=settings)
    tried = variants(protocols, _setting(adapter, dataset, metric))
    if isinstance(adapter, Folder):
        check_outputs(adapter, (dataset.source(item, protocols[0]).spec for item in dataset.items))
    table = _Table(adapter, dataset, metric, tried)
    for number in range(len(dataset.items)):
        tell(dataset.items[number].name)
        table.measure(number)
    found = [Figure(v, _value(v, values)) for v, values in table.values.items()]
    return Figures(_merged(found, table.values), {**left_out, **table.left_out})


def _check_whole(dataset: Dataset) -> None:
    if not dataset.complete:
        total, reason = len(dataset.manifest.items), next(iter(dataset.missing.values()))
        raise NothingMeasured(
            f"all {total} items of {dataset.name}, which a claim is about", str(len(dataset.items)), reason
        )


def _protocols(
    model: ModelChoice, dataset: Dataset, scale: int, settings: Settings
) -> tuple[tuple[EvalProtocol, ...], dict[str, str]]:
    """The named protocols that this model can run under on this kind of set, and why not the others."""
    clips = dataset.kind == "clip"
    known = [get_protocol(name, scale) for name in RECIPES if (name == "video") == clips]
    reasons = {p.name: skip_reason(model.entry, model.argument, p, settings) for p in known}
    left_out = {name: reason for name, reason in reasons.items() if reason}
    usable = tuple(p for p in known if p.name not in left_out)
    if not usable:
        raise NothingMeasured(f"a protocol for {model.name}", "none", "; ".join(set(left_out.values())))
    return usable, left_out


def _setting(adapter: BaseAdapter, dataset: Dataset, metric: str) -> Setting:
    return Setting(
        predicts=not isinstance(adapter, Folder),
        bicubic=adapter.info.name == "bicubic" and not adapter.argument,
        gray=_has_gray(dataset),
        several=len(dataset.items) > 1,
        ssim=metric == "ssim_y",
    )


def _has_gray(dataset: Dataset) -> bool:
    return any(len(frame.shape) == 2 for item in dataset.items for frame in item.frames)


class _Table:
    """Per variant, the values of each item's frames, as they come in."""

    def __init__(self, adapter: BaseAdapter, dataset: Dataset, metric: str, tried: Sequence[Variant]) -> None:
        self.adapter = adapter
        self.dataset = dataset
        self._metric = _psnr if metric == "psnr_y" else _ssim
        self.gray = _has_gray(dataset)
        self.values: dict[Variant, list[list[float]]] = {variant: [] for variant in tried}
        self.left_out: dict[str, str] = {}

    def measure(self, number: int) -> None:
        """One item under every variant."""
        ordered = sorted(self.values, key=self._making)
        groups = [(making, list(group)) for making, group in groupby(ordered, self._making)]
        sources = [self._source(number, making, group[0]) for making, group in groups]
        streams = [
            self._predictions(source, making, group[0].protocol)
            for source, (making, group) in zip(sources, groups, strict=True)
        ]
        for items in self.values.values():
            items.append([])
        for t in range(len(sources[0])):
            truths: dict[int, Looks] = {}
            for source, predictions, (_, group) in zip(sources, streams, groups, strict=True):
                hr = source.hr(t)
                truth = truths.setdefault(hr.shape[2], Looks(hr))
                self._score(next(predictions), truth, group)

    def _making(self, variant: Variant) -> _Making:
        gray = variant.protocol.gray if self.gray else ""
        if isinstance(self.adapter, Folder):
            return _Making(gray=gray)
        protocol = variant.protocol
        return _Making(protocol.degraded, protocol.flavour, variant.shrink, variant.enlarge, gray)

    def _source(self, number: int, making: _Making, variant: Variant) -> FrameSource:
        shrink = _shrink(making.shrink) if making.shrink else None
        return self.dataset.source(self.dataset.items[number], variant.protocol, shrink)

    def _predictions(
        self, source: FrameSource, making: _Making, protocol: EvalProtocol
    ) -> Iterator[NDArray[Any]]:
        if not making.enlarge:
            yield from stream(self.adapter, source, protocol)
            return
        for t in range(len(source)):
            height, width = source.hr(t).shape[:2]
            yield RESIZERS[making.enlarge](source.lr(t), (height, width))

    def _score(self, sr: NDArray[Any], truth: Looks, group: list[Variant]) -> None:
        looks: dict[tuple[Any, ...], Looks] = {}
        for variant in group:
            how = (variant.stored, variant.protocol.clip)
            if how not in looks:
                looks[how] = Looks(stored(sr, variant.stored, variant.protocol))
            if variant in self.values:
                self._add(variant, looks[how], truth)

    def _add(self, variant: Variant, sr: Looks, truth: Looks) -> None:
        try:
            score = self._metric(sr, truth, variant)
        except (ImageError, Unavailable, ValueError) as why:  # too small for this border or window
            self.left_out[variant.words] = str(why)
            del self.values[variant]
            return
        self.values[variant][-1].append(score)


def _shrink(resizer: Resizer) -> Shrink:
    def shrink(hr: NDArray[Any], protocol: EvalProtocol) -> NDArray[Any]:
        return RESIZERS[resizer](hr, (hr.shape[0] // protocol.scale, hr.shape[1] // protocol.scale))

    return shrink


def _psnr(sr: Looks, truth: Looks, variant: Variant) -> float:
    return psnr(sr.plane(variant), truth.plane(variant))


def _ssim(sr: Looks, truth: Looks, variant: Variant) -> float:
    planes = channels(sr.plane(variant))
    if variant.window == "gauss-valid":
        truths = truth.statistics(variant)
        return sum(map(ssim, planes, truths)) / len(planes)
    score = SSIMS[variant.window]
    return sum(map(score, planes, channels(truth.plane(variant)))) / len(planes)


def _value(variant: Variant, items: list[list[float]]) -> float:
    if variant.pooled:
        errors = [PEAK**2 / 10 ** (value / 10) for values in items for value in values]
        mean = math.fsum(errors) / len(errors)
        return 10 * math.log10(PEAK**2 / mean) if mean else math.inf
    return mean_of_items(items, "frame" if variant.protocol.mean == "frame" else "").value


def _merged(found: list[Figure], values: dict[Variant, list[list[float]]]) -> list[Figure]:
    """One figure of those that agree on every image; the first, with the fewest deviations, leads.

    A deviation that changes nothing here is dropped; another name of the same number is kept.
    """
    groups: dict[tuple[Any, ...], list[Variant]] = {}
    for figure in found:
        same = (figure.value, tuple(map(tuple, values[figure.variant])))
        groups.setdefault(same, []).append(figure.variant)
    return [_led(group, same[0]) for same, group in groups.items()]


def _led(group: list[Variant], value: float) -> Figure:
    kept: list[Variant] = []
    for variant in group:
        if len(variant.changes) < 2 and not any(_contains(variant, known) for known in kept):
            kept.append(variant)
    leader = group[0]
    return Figure(leader, value, tuple(variant.words for variant in kept if variant is not leader))


def _contains(variant: Variant, other: Variant) -> bool:
    """Whether a variant is another one with something more that made no difference."""
    same_base = variant.protocol.name == other.protocol.name
    return same_base and set(variant.changes) >= set(other.changes)
