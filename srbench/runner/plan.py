"""What a run will do: its cells, what is cached, what is missing and why, and about how long it takes.

Planning imports no torch: cards say what models promise, and files' bytes give the keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from srbench.adapters.base import Settings
from srbench.adapters.planning import clip_fingerprint, inference_signature, model_fingerprint, skip_reason
from srbench.data.datasets import Dataset, open_dataset
from srbench.errors import PluginError, Unavailable
from srbench.metrics.base import Metric, build_metric
from srbench.protocols import default_protocol, get_protocol
from srbench.runner.index import Index
from srbench.runner.keys import prediction_fields, prediction_key, score_key
from srbench.runner.predictions import PredictionStore
from srbench.runner.request import ModelChoice, Request, metrics_for
from srbench.runner.work import Work
from srbench.types import MODEL_FIELD, Cell, EvalProtocol, digest

GUESSED_GMACS_PER_SECOND = 40.0
"""Only a plan's first guess, before this store has measured the model."""
GUESSED_METRIC_SECONDS_PER_MEGAPIXEL = 0.6


@dataclass(frozen=True, eq=False)
class PlannedCell:
    """One cell: what to compute, or why not."""

    cell: Cell
    model: ModelChoice
    dataset: Dataset
    protocol: EvalProtocol
    metrics: tuple[Metric, ...]
    work: tuple[Work, ...]
    skip: str = ""
    broken: bool = False
    """the reason is a plugin that can't be built: the cell fails, it is not skipped"""

    @property
    def label(self) -> str:
        """``srcnn on set5 x3``."""
        return f"{self.cell.model} on {self.cell.dataset} x{self.cell.scale}"

    @property
    def fingerprint(self) -> str:
        """Which weights, code and files its predictions are of; empty if it is skipped."""
        return self.work[0].fields[MODEL_FIELD] if self.work else ""

    @property
    def todo(self) -> tuple[Work, ...]:
        """Items not yet in the journal under their present keys."""
        return () if self.skip else tuple(work for work in self.work if not work.cached)

    @property
    def cached(self) -> int:
        """How many items need nothing."""
        return sum(work.cached for work in self.work)


@dataclass(frozen=True)
class Plan:
    """All cells of a request, datasets first, so that a ground truth is prepared once for all models."""

    request: Request
    cells: tuple[PlannedCell, ...]
    pace: Index

    def seconds(self, planned: PlannedCell) -> float:
        """Estimated seconds of a cell: this store's own pace for the model, or a guess from its MACs."""
        info = planned.model.entry.info
        pace = self.pace.seconds_per_megapixel(planned.cell.model)
        if pace is None:
            pace = info.gmacs_per_megapixel / GUESSED_GMACS_PER_SECOND + GUESSED_METRIC_SECONDS_PER_MEGAPIXEL
        return pace * sum(work.megapixels for work in planned.todo)


def make_plan(request: Request, index: Index) -> Plan:
    """The plan of a request against what a journal already holds. Uses no network."""
    return Plan(request, tuple(_cells(request, index)), index)


def _cells(request: Request, index: Index) -> Iterator[PlannedCell]:
    for name in request.datasets:
        dataset = open_dataset(name, limit=request.limit)
        for scale in request.scales or dataset.scales:
            protocol = _protocol(request, dataset, scale)
            metrics = tuple(build_metric(entry) for entry in metrics_for(request, protocol.luma))
            for model in request.models:
                if request.scales is None and scale not in model.entry.info.scales:
                    continue  # not asked for: only an explicit -x deserves a row that says why not
                if not request.named and dataset.kind == "still" and model.entry.info.kind != "still":
                    continue  # a video model on single images is run only when it is asked for by name
                yield _cell(request, index, dataset, protocol, metrics, model)


def _protocol(request: Request, dataset: Dataset, scale: int) -> EvalProtocol:
    name = request.protocol or default_protocol(clips=dataset.kind == "clip")
    return get_protocol(
        name,
        scale,
        flavour=request.flavour,
        gray=request.gray,
        degradation=request.degradation,
        border=request.border,
        mean=request.mean,
    )


def _cell(
    request: Request,
    index: Index,
    dataset: Dataset,
    protocol: EvalProtocol,
    metrics: tuple[Metric, ...],
    model: ModelChoice,
) -> PlannedCell:
    work: tuple[Work, ...] = ()
    broken = False
    inference, skip = "", _skip(request, dataset, protocol)
    settings = settings_of(request, model)
    try:
        skip = skip or skip_reason(model.entry, model.argument, protocol, settings) or ""
        inference = "" if skip else _inference(dataset, protocol, model, settings)
    except (PluginError, Unavailable) as error:
        skip, broken = str(error), isinstance(error, PluginError)
    cell = Cell(
        model=model.name,
        dataset=dataset.label if dataset.items else dataset.name,
        scale=protocol.scale,
        protocol=protocol.name,
        signature=protocol.signature,
        inference=inference,
        pixels=dataset.pixels,
        average="frame" if protocol.mean == "frame" else "",
    )
    if not skip:
        store = PredictionStore(request.folder, request.save_predictions)
        work = tuple(
            replace(one, cached=index.holds(cell, one.item, one.wanted) and store.complete(cell, one))
            for one in _work(cell, dataset, protocol, metrics, model)
        )
    return PlannedCell(cell, model, dataset, protocol, metrics, work, skip, broken)


def _inference(dataset: Dataset, protocol: EvalProtocol, model: ModelChoice, settings: Settings) -> str:
    longest = max(len(item.frames) for item in dataset.items)
    return inference_signature(model.entry, model.argument, protocol, settings, longest)


def settings_of(request: Request, model: ModelChoice) -> Settings:
    """How a network is asked to run."""
    return Settings(
        device=request.device,
        tile=request.tile,
        split=request.split,
        ensemble=model.ensemble,
        timeout=request.timeout,
    )


def _skip(request: Request, dataset: Dataset, protocol: EvalProtocol) -> str:
    if not dataset.items:
        first = next(iter(dataset.missing.values()), "it is empty")
        return f"no image of {dataset.name} is here: {request.unfetched.get(dataset.name, first)}"
    if protocol.scale not in dataset.scales:
        return f"no x{protocol.scale}: {dataset.name} is used with x{', x'.join(map(str, dataset.scales))}"
    return ""


def _work(
    cell: Cell,
    dataset: Dataset,
    protocol: EvalProtocol,
    metrics: tuple[Metric, ...],
    model: ModelChoice,
) -> Iterator[Work]:
    clips = [dataset.source(item, protocol).spec for item in dataset.items]
    files = [clip_fingerprint(model.entry, model.argument, clip) for clip in clips]
    fingerprint = model_fingerprint(model.entry, model.argument, protocol.scale)
    if any(files):  # a folder is another model as soon as one of its files is another
        fingerprint = digest({"model": fingerprint, "files": files})
    for item, own in zip(dataset.items, files, strict=True):
        fields = prediction_fields(cell.model, fingerprint, own, item.pixels, protocol, cell.inference)
        key = prediction_key(fields)
        wanted = {m.info.name: score_key(key, protocol, m.signature) for m in metrics}
        yield Work(
            item=item.name,
            fields=fields,
            prediction=key,
            wanted=wanted,
            megapixels=sum(frame.shape[0] * frame.shape[1] for frame in item.frames) / 1e6,
            frames=len(item.frames),
        )
