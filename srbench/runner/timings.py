"""What ``srbench time`` will do, and doing it: one timing at a time, nothing beside it.

Planning imports no torch. What is on disk under the same key, on the same machine, is not timed again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from srbench.adapters.base import Settings, settings_refused
from srbench.adapters.planning import inference_signature, model_fingerprint, skip_reason
from srbench.errors import IntegrityError, NothingMeasured, PluginError, Unavailable, UsageError
from srbench.fetch import cached, home
from srbench.protocols import get_protocol
from srbench.runner.request import ModelChoice
from srbench.store.provenance import Machine, collect, this_machine, write_provenance
from srbench.store.timings import TimingFile, latest, read_timings
from srbench.timing.contender import Contender
from srbench.timing.measure import Limits
from srbench.timing.points import STANDARD, Pictures, Point, pictures, points
from srbench.timing.untrained import not_untrained
from srbench.timing_stats import Ratio, paired_ratio
from srbench.types import Conditions, Kind, ModelInfo, Status, Timing, TimingSpec

SEQUENCE = 5
"""Frames of a sequence model's clip, if nothing else is asked for."""


@dataclass(frozen=True)
class TimeRequest:
    """One ``srbench time``, names resolved.

    Attributes:
        points: as `srbench.timing.points.points` takes them.
        threads: on the processor; 0 for as many as `default_threads` says.
        tile: side of tiles in LR pixels, 0 for whole images.
        frames: of a sequence model's clip.
        tf32: float32 products may be TF32.
        benchmark: cuDNN looks for the fastest algorithm.
        untrained: random weights in built-in networks.
        again: time what is known, too.
    """

    models: tuple[ModelChoice, ...]
    scales: tuple[int, ...] = (4,)
    points: tuple[str, ...] = STANDARD
    device: str = "cpu"
    dtype: str = "float32"
    threads: int = 0
    tile: int = 0
    frames: int = SEQUENCE
    channels_last: bool = False
    tf32: bool = False
    benchmark: bool = False
    compiled: bool = False
    untrained: bool = False
    again: bool = False
    limits: Limits = field(default_factory=Limits)
    folder: Path = field(default_factory=lambda: Path("results/runs/main"))


@dataclass(frozen=True, eq=False)
class PlannedTiming:
    """One timing to take, one that is known, or why there will be none."""

    model: ModelChoice
    scale: int
    point: Point | str
    spec: TimingSpec | None = None
    known: Timing | None = None
    skip: str = ""

    @property
    def label(self) -> str:
        """``imdn x4 at 720p``."""
        return f"{self.model.name} x{self.scale} at {_name_of(self.point)}"


@dataclass
class TimeOutcome:
    """How it went: what was taken now, what was known, and what there is not, with its reason."""

    taken: list[Timing] = field(default_factory=list)
    known: list[Timing] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    integrity: bool = False
    """some file did not match its digest"""


def default_threads() -> int:
    """``OMP_NUM_THREADS``, or the physical cores that this process may use."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit() and int(asked):
        return int(asked)
    return min(psutil.cpu_count(logical=False) or usable_cores(), usable_cores())


def usable_cores() -> int:
    """The logical cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_threads(threads: int) -> None:
    """Refuse more threads than cores: they would wait for one another, and time that.

    Raises:
        UsageError: more than this process may use.
    """
    if threads > usable_cores():
        expected = f"threads on the {usable_cores()} cores that this process may use"
        raise UsageError(expected, str(threads), "lower --threads, or OMP_NUM_THREADS")


def plan_timings(request: TimeRequest, machine: Machine) -> list[PlannedTiming]:
    """Every model at every scale and point, against the timings on disk.

    Raises:
        UsageError: no such point.
        IntegrityError: the timings are damaged before their last line.
    """
    known = latest(read_timings(request.folder))
    return [_with_known(planned, known, request) for planned in _planned(request, machine)]


def _with_known(planned: PlannedTiming, known: dict[str, Timing], request: TimeRequest) -> PlannedTiming:
    found = known.get(planned.spec.key) if planned.spec is not None else None
    return planned if found is None or request.again else replace(planned, known=found)


def _planned(request: TimeRequest, machine: Machine) -> Iterator[PlannedTiming]:
    for scale in request.scales:
        asked = (one for name in request.points for one in _points(name, scale))
        once = {_name_of(point): (point, missing) for point, missing in asked}
        for point, missing in once.values():
            for model in request.models:
                yield _one(request, machine, model, scale, point, missing)


def _points(name: str, scale: int) -> Iterator[tuple[Point | str, str]]:
    """The points of a name, or the name itself and why it has none."""
    try:
        yield from ((point, "") for point in points(name, scale))
    except NothingMeasured as why:
        yield name, str(why)


def _name_of(point: Point | str) -> str:
    return point if isinstance(point, str) else point.name


def _one(
    request: TimeRequest, machine: Machine, model: ModelChoice, scale: int, point: Point | str, missing: str
) -> PlannedTiming:
    settings = time_settings(request, model)
    try:
        skip = missing or _skip(request, model, scale, settings)
    except (PluginError, Unavailable) as error:
        skip = str(error)
    if skip or isinstance(point, str):
        return PlannedTiming(model, scale, point, skip=skip)
    return PlannedTiming(model, scale, point, spec_of(request, machine, model, scale, point))


def time_settings(request: TimeRequest, model: ModelChoice) -> Settings:
    """How a model is asked to run; what is no network has neither dtypes nor tiles."""
    if not model.entry.info.dtypes:
        return Settings(device=request.device, ensemble=model.ensemble)
    return Settings(device=request.device, dtype=request.dtype, tile=request.tile, ensemble=model.ensemble)


def _skip(request: TimeRequest, model: ModelChoice, scale: int, settings: Settings) -> str:
    info = model.entry.info
    if info.family in ("folder", "command"):
        return f"{info.name} has no computation of its own that could be timed"
    if not info.dtypes and (request.device != "cpu" or request.dtype != "float32"):
        return f"{info.name} has no network: it runs on the processor, in its own precision"
    if not info.dtypes and (request.compiled or request.channels_last):
        return f"{info.name} has no network to compile or lay out"
    return (
        settings_refused(info, settings)
        or skip_reason(model.entry, model.argument, get_protocol("classic", scale), settings)
        or (not_untrained(info) if request.untrained and info.dtypes else "")
    )


def spec_of(
    request: TimeRequest, machine: Machine, model: ModelChoice, scale: int, point: Point
) -> TimingSpec:
    """Everything that moves this cost."""
    info, settings = model.entry.info, time_settings(request, model)
    protocol = get_protocol("classic", scale)
    frames = frames_of(info, request.frames)
    return TimingSpec(
        model=model.name,
        fingerprint=model_fingerprint(model.entry, model.argument, scale),
        weights="untrained" if request.untrained and info.dtypes else "card",
        scale=scale,
        point=point.name,
        height=point.height,
        width=point.width,
        kind=info.kind,
        frames=frames,
        inference=inference_signature(model.entry, model.argument, protocol, settings, frames),
        engine=_versioned(info.engine if info.dtypes else "numpy"),
        torch=_version("torch"),
        dtype=settings.dtype,
        device=request.device.partition(":")[0],
        threads=request.threads or default_threads(),
        memory_format="channels-last" if request.channels_last else "contiguous",
        tf32=request.tf32,
        cudnn="benchmark" if request.benchmark else "deterministic",
        compiled=request.compiled,
        machine=machine.id,
    )


def missing_weights(planned: PlannedTiming) -> str:
    """The file that must be fetched before a model can be timed; empty if there is none, or it is here."""
    spec, info = planned.spec, planned.model.entry.info
    weights = info.weights_for(planned.scale)
    if spec is None or spec.weights == "untrained" or weights is None:
        return ""
    return "" if cached(weights.asset) else weights.asset.name


def frames_of(info: ModelInfo, sequence: int) -> int:
    """How many LR frames enter in one call."""
    lengths: dict[Kind, int] = {
        "still": 1,
        "window": info.frames_before + 1 + info.frames_after,
        "sequence": sequence,
    }
    return lengths[info.kind]


def _versioned(engine: str) -> str:
    return f"{engine} {_version(engine)}".strip()


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


# ------------------------------------------------------------------------------------------ doing it


@contextmanager
def alone() -> Iterator[None]:
    """Hold the machine's only right to time: two timings at once would time each other.

    Raises:
        UsageError: another srbench is timing here.
    """
    folder = home()
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "timing.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UsageError(
            "to be the only one that times on this machine", "another srbench time", "wait for it"
        ) from error
    try:
        yield
    finally:
        lock.release()


def execute_timings(
    request: TimeRequest, began: Callable[[PlannedTiming, int, int], None], argv: list[str]
) -> TimeOutcome:
    """Take what is not known yet; every timing is on disk when this returns, or is interrupted.

    Args:
        request: what to time.
        began: told each timing before it begins, with its number and how many there are.
        argv: the command line, for the provenance.

    Raises:
        UsageError: another srbench is timing here, or the folder can't be written.
        IntegrityError: the timings are damaged before their last line.
        StorageError: a timing could not be written.
    """
    machine, outcome = this_machine(), TimeOutcome()
    with alone(), TimingFile(request.folder) as file:
        plan = plan_timings(request, machine)
        todo = [planned for planned in plan if planned.spec is not None and not _is_done(planned.known)]
        provenance = collect(argv)
        check_time_device(request.device)
        if todo:
            write_provenance(request.folder, provenance)
        for number, planned in enumerate(todo, 1):
            began(planned, number, len(todo))
            try:
                timing = _taken(request, planned, machine, provenance.id)
            except IntegrityError as error:  # the other models are timed all the same
                outcome.failed[planned.label], outcome.integrity = str(error), True
                continue
            if planned.known is None or _told(planned.known) != _told(timing):
                file.append(timing)
            _note(outcome, planned, timing)
        for planned in plan:
            if planned.skip:
                outcome.skipped[planned.label] = planned.skip
            elif _is_done(planned.known) and planned.known is not None:
                outcome.known.append(planned.known)
    return outcome


@dataclass(frozen=True)
class TimeRatio:
    """How much longer B takes than A for a frame of output, and what the machine did meanwhile."""

    a: TimingSpec
    b: TimingSpec
    ratio: Ratio
    stopped: str
    conditions: Conditions


def compare_times(
    request: TimeRequest, pair: tuple[ModelChoice, ModelChoice], limits: Limits, seed: int = 0
) -> TimeRatio:
    """Time two models interleaved, at the request's first scale and point.

    Raises:
        UsageError: another srbench is timing here.
        NothingMeasured: one of them can't be timed so; the reason is given.
        SrbenchError: one of them can't be loaded, or breaks its contract.
    """
    from srbench.timing.cell import race  # torch is needed from here on

    check_time_device(request.device)
    machine = this_machine()
    planned = [_first(replace(request, models=(model,)), machine) for model in pair]
    with alone():
        done = race(
            [contender for contender, _ in planned], [p for _, p in planned], machine.words, limits, seed
        )
    (a, _), (b, _) = planned
    walls = [[ms / side.spec.answers for ms in done.rounds.wall(n)] for n, side in enumerate((a, b))]
    ratio = paired_ratio(walls[0], walls[1], limits.confidence)
    return TimeRatio(a.spec, b.spec, ratio, done.rounds.stopped, done.conditions)


def check_time_device(device: str) -> None:
    """Refuse a device that can't be timed, or that this machine lacks; imports torch unless it is ``cpu``.

    Raises:
        UsageError: with the devices that there are.
    """
    if device == "cpu":
        return
    if device.partition(":")[0] != "cuda":
        raise UsageError("a device that can be timed: cpu or cuda", repr(device), "use --device cpu")
    from srbench.adapters.network import check_device  # torch is needed from here on

    check_device(device)


def _first(request: TimeRequest, machine: Machine) -> tuple[Contender, Pictures]:
    planned = next(_planned(request, machine))
    if planned.spec is None or isinstance(planned.point, str):
        raise NothingMeasured("two models that can be timed", f"{planned.label}: {planned.skip}", "choose")
    model, spec = planned.model, planned.spec
    contender = Contender(spec, model.entry, model.argument, time_settings(request, model))
    return contender, pictures(planned.point, spec.scale, spec.frames)


def _is_done(timing: Timing | None) -> bool:
    return timing is not None and timing.status is Status.DONE


def _told(timing: Timing) -> tuple[Status, str] | Timing:
    """What a record without samples says: the same again is not written again."""
    return timing if timing.wall_ms else (timing.status, timing.reason)


def _taken(request: TimeRequest, planned: PlannedTiming, machine: Machine, provenance: str) -> Timing:
    from srbench.timing.cell import take

    spec, point = planned.spec, planned.point
    assert spec is not None and isinstance(point, Point)  # noqa: S101, PT018 - what the plan made sure of
    timing = take(
        spec,
        planned.model.entry,
        planned.model.argument,
        time_settings(request, planned.model),
        pictures(point, spec.scale, spec.frames),
        machine.words,
        request.limits,
        provenance,
    )
    return replace(timing, items=point.items)


def _note(outcome: TimeOutcome, planned: PlannedTiming, timing: Timing) -> None:
    if timing.status is Status.DONE:
        outcome.taken.append(timing)
    elif timing.status is Status.SKIPPED:
        outcome.skipped[planned.label] = timing.reason
    else:
        outcome.failed[planned.label] = timing.reason
