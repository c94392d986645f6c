"""Evaluating a plan: each ground truth is prepared once and every model is scored against it.

The order is dataset, image, frame, model. What depends on the ground truth alone (luma, SSIM's
statistics, LPIPS features) lives for one frame and serves all models; memory stays flat however
large the set is. A model that fails loses its own cell, never another's.

Models predict in the calling thread alone. Files are read and degraded ahead of it in others, and metrics
that allow it are scored behind it (`srbench.runner.pipeline`); scores are taken, and records written, in the
calling thread and in the order of the predictions.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from typing import Protocol

import numpy as np

from srbench.adapters.base import BaseAdapter
from srbench.adapters.clips import stream
from srbench.adapters.planning import load_model
from srbench.data.degrade import FrameSource
from srbench.errors import ContractError, IntegrityError, SrbenchError, StorageError, TimedOut, Unavailable
from srbench.metrics.base import Metric, load_metric
from srbench.metrics.planes import Planes, quantise
from srbench.registry import what_happened
from srbench.runner.index import Index
from srbench.runner.pipeline import Behind, ahead, helpers
from srbench.runner.plan import Plan, PlannedCell, settings_of
from srbench.runner.predictions import PredictionStore
from srbench.runner.truth import Truth
from srbench.runner.work import Work
from srbench.types import Record, Score, Status

BUDGET_SPENT = "not begun: the time budget was spent"


class Listener(Protocol):
    """Who is told how a run goes on."""

    def began(self, planned: PlannedCell, work: Work) -> None:
        """An item of a cell is being computed."""

    def ended(self, planned: PlannedCell, record: Record) -> None:
        """A record was written."""

    def told(self, text: str) -> None:
        """Something to know before the run begins."""


@dataclass
class Outcome:
    """How a run ended, cell by cell."""

    computed: int = 0
    reused: int = 0
    left: int = 0
    skipped: dict[PlannedCell, str] = field(default_factory=dict)
    failed: dict[PlannedCell, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    """metrics that could not be loaded, and why"""
    broken: dict[str, str] = field(default_factory=dict)
    """metrics that failed, and how they first did; the other metrics' scores stand"""
    replaced: list[PlannedCell] = field(default_factory=list)
    """cells whose earlier results were of other weights, code or files under the same name"""
    integrity: bool = False
    """some file did not match its digest"""


@dataclass
class _Live:
    """A cell in the middle of an item: its frames come one by one, its values pile up."""

    planned: PlannedCell
    work: Work
    adapter: BaseAdapter
    frames: Iterator[np.ndarray]
    values: dict[str, list[float]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    error: BaseException | None = None


@dataclass(frozen=True)
class _Judged:
    """A prediction's planes, and by metric its score, or what kept it from one; made in any thread."""

    planes: Planes
    results: dict[str, float | BaseException]
    seconds: float


class Evaluator:
    """Evaluates one plan; `append` gets each record as soon as it is known, `note` what is computed now."""

    def __init__(
        self,
        plan: Plan,
        index: Index,
        append: Callable[[Record], None],
        listener: Listener,
        provenance: str,
        note: Callable[[str], None],
    ) -> None:
        self.plan = plan
        self.index = index
        self.append = append
        self.listener = listener
        self.provenance = provenance
        self.note = note
        self.outcome = Outcome()
        self._adapters: dict[str, BaseAdapter | SrbenchError] = {}
        self._metrics: dict[str, Metric | str] = {}
        self._predictions = PredictionStore(plan.request.folder, plan.request.save_predictions)
        self._helpers = helpers(plan.request.device)
        self._pool = ThreadPoolExecutor(self._helpers, "srbench")
        self._behind = Behind(self._helpers)
        budget = plan.request.budget
        self._deadline = None if budget is None else time.monotonic() + budget

    def run(self) -> Outcome:
        """Evaluate everything the plan has not cached, and say what was skipped."""
        was_another = self.index.is_of_another_model
        self.outcome.replaced = [p for p in self.plan.cells if was_another(p.cell, p.fingerprint)]
        for planned in self.plan.cells:
            if planned.broken:
                self._fail(planned, planned.skip)
            elif planned.skip:
                self._stand(planned, Status.SKIPPED, planned.skip)
        live = [planned for planned in self.plan.cells if not planned.skip]
        try:
            for _, group in groupby(live, key=lambda p: (p.cell.dataset, p.cell.signature)):
                self._evaluate_group(list(group))
                self._adapters.clear()
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)
        return self.outcome

    # ------------------------------------------------------------------ one dataset, one protocol

    def _evaluate_group(self, group: list[PlannedCell]) -> None:
        dataset, protocol = group[0].dataset, group[0].protocol
        wanted: dict[str, list[tuple[PlannedCell, Work]]] = {}
        for planned in group:
            for work in planned.todo:
                wanted.setdefault(work.item, []).append((planned, work))
        sources = (dataset.source(item, protocol) for item in dataset.items if item.name in wanted)
        for source in ahead(sources, lambda one: one.read(0), self._pool, self._helpers):
            self._evaluate_item(source, wanted[source.spec.name])
        self._behind.empty()

    def _evaluate_item(self, source: FrameSource, wanted: list[tuple[PlannedCell, Work]]) -> None:
        todo = [(p, w) for p, w in wanted if p not in self.outcome.failed and not self._reuse(p, w)]
        if todo and self._deadline is not None and time.monotonic() > self._deadline:
            self._spend(todo)
            return
        try:
            self._predict_item(source, todo)
        except StorageError:
            raise
        except SrbenchError as error:  # the ground truth can't be had: no model of this group has a score
            self._behind.empty()
            for planned, _ in todo:
                self._fail(planned, f"{source.spec.name}: {describe(error)}", error)

    def _spend(self, todo: list[tuple[PlannedCell, Work]]) -> None:
        self.outcome.left += len(todo)
        for planned, _ in todo:
            self.outcome.skipped.setdefault(planned, BUDGET_SPENT)

    def _reuse(self, planned: PlannedCell, work: Work) -> bool:
        """Write scores known under another cell (a smaller part of the set) as this cell's own."""
        if not self._predictions.complete(planned.cell, work):
            return False
        loadable = {
            n: k for n, k in work.wanted.items() if not isinstance(self._metric(planned, n, work), str)
        }
        if self.index.holds(planned.cell, work.item, loadable):
            return True
        known = self.index.knows(loadable)
        if known is None or not loadable:
            return False
        self._behind.empty()  # records keep their order
        self._write(planned, work, {**self._dashes(planned, work, {}), **known}, frames=0, seconds=0.0)
        self.outcome.reused += 1
        return True

    # ------------------------------------------------------------------------------- one item

    def _predict_item(self, source: FrameSource, todo: list[tuple[PlannedCell, Work]]) -> None:
        with ExitStack() as stack:
            live = [one for one in (self._start(source, p, w) for p, w in todo) if one is not None]
            for one in live:
                stack.callback(getattr(one.frames, "close", lambda: None))
            for t in ahead(range(len(source)), source.read, self._pool, 1) if live else ():
                budget = self.plan.request.shared_bytes // (1 + self._helpers)
                truth = Truth(source.hr(t), live[0].planned.protocol, budget)
                for one in live:
                    self._predict(one, t, truth)
        self._behind.then(partial(self._finish_item, live, len(source)))

    def _finish_item(self, live: list[_Live], frames: int) -> None:
        for one in live:
            if one.error is None and one.planned not in self.outcome.failed:
                self._finish(one, frames)

    def _start(self, source: FrameSource, planned: PlannedCell, work: Work) -> _Live | None:
        adapter = self._adapter(planned)
        if isinstance(adapter, SrbenchError):
            return None
        self.listener.began(planned, work)
        kept = self._predictions.frames(planned.cell, work)
        frames = kept or stream(adapter, source, planned.protocol)
        return _Live(planned, work, adapter, frames)

    def _predict(self, one: _Live, t: int, truth: Truth) -> None:
        """Predict a frame here, and have it scored; its result is taken in its turn."""
        if one.error is not None:
            return
        began = time.perf_counter()
        self.note(f"{one.planned.label} ({one.work.item})")
        try:
            sr = [next(one.frames)]
        except (StorageError, KeyboardInterrupt):
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's code fails its cell alone
            one.error = error
            self._behind.then(partial(self._lose, one, error))
            return
        one.seconds += time.perf_counter() - began
        loaded = [self._metric(one.planned, name, one.work) for name in one.work.wanted]
        metrics = [metric for metric in loaded if not isinstance(metric, str)]
        elsewhere = [metric for metric in metrics if metric.thread_safe]
        judging = self._pool.submit(self._judge, one, t, sr, truth, elsewhere)
        here = [metric for metric in metrics if not metric.thread_safe]
        self._behind.put(partial(self._take, one, judging, truth, here))
        if here and self.plan.request.device == "cpu":
            self._behind.empty()  # they take every core: other work meanwhile would only delay both

    def _judge(
        self, one: _Live, t: int, sr: list[np.ndarray], truth: Truth, metrics: Sequence[Metric]
    ) -> _Judged:
        """Quantise a prediction, keep it if asked to, and score it; changes nothing of this object.

        The prediction is taken out of `sr`: nobody else holds its doubles while it is scored.
        """
        began = time.perf_counter()
        quantised = quantise(sr.pop(), one.planned.protocol)
        _check_size(quantised, truth.shape)
        self._predictions.keep(one.planned.cell, one.work, t, quantised)
        planes = Planes(quantised, one.planned.protocol)
        results = {metric.info.name: _scored(metric, planes, truth) for metric in metrics}
        return _Judged(planes, results, time.perf_counter() - began)

    def _take(self, one: _Live, judging: Future[_Judged], truth: Truth, metrics: Sequence[Metric]) -> None:
        """Wait for a prediction's scores, add those of metrics that want this thread, and note them all."""
        try:
            judged = judging.result()
        except (StorageError, KeyboardInterrupt):
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's prediction fails its cell alone
            one.error = one.error or error
            self._lose(one, error)
            return
        if one.planned in self.outcome.failed:
            return
        began = time.perf_counter()
        if metrics:
            self.note(f"{one.planned.label} ({one.work.item})")  # the next one may have been noted meanwhile
        results = {metric.info.name: _scored(metric, judged.planes, truth) for metric in metrics}
        one.seconds += judged.seconds + time.perf_counter() - began
        for name, result in {**judged.results, **results}.items():
            self._note(one, name, result)

    def _lose(self, one: _Live, error: BaseException) -> None:
        if one.planned not in self.outcome.failed:
            self._fail(one.planned, f"{one.work.item}: {describe(error)}", error)

    def _note(self, one: _Live, name: str, result: float | BaseException) -> None:
        if name in one.absent or name in one.broken:
            return
        if isinstance(result, Unavailable):
            one.absent[name] = str(result)
        elif isinstance(result, BaseException):  # the item's other scores are kept
            why_not = ContractError(f"a number from {name}", describe(result), "check the metric")
            one.broken[name] = self._broke(name, why_not)
        else:
            one.values.setdefault(name, []).append(result)

    def _finish(self, one: _Live, frames: int) -> None:
        scores = self._dashes(one.planned, one.work, one.absent)
        for name, values in one.values.items():
            if name not in one.absent:
                signature = _signature(one.planned, name)
                scores[name] = Score(signature, one.work.wanted[name], tuple(values))
        for name, why in one.broken.items():  # without a key: it is tried again in the next run
            scores[name] = Score(_signature(one.planned, name), "", reason=why)
        if not self.index.holds(one.planned.cell, one.work.item, one.work.wanted):
            self._write(one.planned, one.work, scores, frames=frames, seconds=one.seconds)
        self.outcome.computed += 1

    def _dashes(self, planned: PlannedCell, work: Work, absent: dict[str, str]) -> dict[str, Score]:
        """Scores without values: a reason that lies in the pixels is kept under its key, others are not."""
        dashes = {n: Score(_signature(planned, n), work.wanted[n], reason=why) for n, why in absent.items()}
        for name in work.wanted:
            metric = self._metric(planned, name, work)
            if isinstance(metric, str):
                dashes[name] = Score(_signature(planned, name), "", reason=metric)
        return dashes

    # ------------------------------------------------------------------------ what is loaded once

    def _metric(self, planned: PlannedCell, name: str, work: Work) -> Metric | str:
        """The loaded metric, or why it can't be had here."""
        if name not in self._metrics:
            metric = next(m for m in planned.metrics if m.info.name == name)
            try:
                load_metric(metric, self.plan.request.device)
                self._metrics[name] = metric
            except Unavailable as why:
                self._metrics[name] = self.outcome.absent[name] = str(why)
            except StorageError:
                raise
            except (SrbenchError, MemoryError) as error:
                self._metrics[name] = self._broke(name, error)
        return self._metrics[name]

    def _broke(self, name: str, error: BaseException) -> str:
        """Note that a metric failed; how it did."""
        self.outcome.integrity |= isinstance(error, IntegrityError)
        self.outcome.broken.setdefault(name, describe(error))
        return describe(error)

    def _adapter(self, planned: PlannedCell) -> BaseAdapter | SrbenchError:
        name = planned.model.name
        if name not in self._adapters:
            self._adapters[name] = self._load(planned)
        return self._adapters[name]

    def _load(self, planned: PlannedCell) -> BaseAdapter | SrbenchError:
        model, settings = planned.model, settings_of(self.plan.request, planned.model)
        self.note(f"{planned.label} (loading)")
        try:
            return load_model(model.entry, model.argument, scale=planned.cell.scale, settings=settings)
        except Unavailable as why:
            self._behind.empty()
            self._stand(planned, Status.SKIPPED, str(why))
            return why
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's code fails its cell alone
            self._behind.empty()
            self._fail(planned, describe(error), error)
            return ContractError("a model that loads", describe(error), "check the model")

    # ------------------------------------------------------------------------------- records

    def _write(
        self, planned: PlannedCell, work: Work, scores: dict[str, Score], *, frames: int, seconds: float
    ) -> None:
        self._record(
            planned,
            Record(
                cell=planned.cell,
                item=work.item,
                items=len(planned.work),
                status=Status.DONE,
                frames=frames,
                prediction=work.prediction,
                key_fields=work.fields,
                scores=dict(sorted(scores.items())),  # as they are read back
                seconds=round(seconds, 4),
                megapixels=work.megapixels,
                provenance=self.provenance,
                time=_now(),
            ),
        )

    def _fail(self, planned: PlannedCell, reason: str, error: BaseException | None = None) -> None:
        self.outcome.failed.setdefault(planned, reason)
        self.outcome.integrity |= isinstance(error, IntegrityError)
        self._stand(planned, _status(error), reason)

    def _stand(self, planned: PlannedCell, status: Status, reason: str) -> None:
        """Record what became of a whole cell, unless the journal's last word on it says just that."""
        if status is Status.SKIPPED:
            self.outcome.skipped.setdefault(planned, reason)
        if self.index.standing.get(planned.cell) == (status, reason):
            return
        record = Record(
            cell=planned.cell,
            item="",
            items=len(planned.work),
            status=status,
            reason=reason,
            key_fields=planned.work[0].fields if planned.work else {},  # which model failed: not an older one
            provenance=self.provenance,
            time=_now(),
        )
        self._record(planned, record)

    def _record(self, planned: PlannedCell, record: Record) -> None:
        self.append(record)
        self.index.add(record)
        self.listener.ended(planned, record)


def describe(error: BaseException) -> str:
    """An exception in one line."""
    return str(error) if isinstance(error, SrbenchError) else " ".join(what_happened(error).split())[:500]


def _scored(metric: Metric, sr: Planes, truth: Truth) -> float | BaseException:
    """A prediction's score, or what kept it from one: a stranger's metric may raise anything."""
    try:
        value = float(metric.score(sr.for_metric(metric.info), truth.prepared(metric)))
        return ValueError("the score is not a number") if math.isnan(value) else value
    except (Exception, SystemExit) as error:  # noqa: BLE001 - noted in its turn
        return error


def _check_size(sr: np.ndarray, size: tuple[int, int]) -> None:
    if sr.shape[:2] != size:
        raise ContractError(
            f"a prediction of {size[0]}x{size[1]} pixels (height x width)",
            f"{sr.shape[0]}x{sr.shape[1]}",
            "check the scale; the ground truth is cropped from the top left to a multiple of it",
        )


def _status(error: BaseException | None) -> Status:
    """Of a cell that ended so."""
    if isinstance(error, TimedOut):
        return Status.TIMEOUT
    # torch.OutOfMemoryError by name: torch need not be imported to ask.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return Status.OOM
    return Status.FAILED


def _signature(planned: PlannedCell, name: str) -> str:
    return next(m.signature for m in planned.metrics if m.info.name == name)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
