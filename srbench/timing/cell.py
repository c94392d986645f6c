"""One timing from a spec to its record: down the ladder until it fits into memory, alone, and watched."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import torch

from srbench.adapters.base import BaseAdapter, Settings, settings_refused
from srbench.adapters.planning import load_model
from srbench.adapters.tiles import tile_overlap, tile_side
from srbench.errors import IntegrityError, SrbenchError, Unavailable
from srbench.registry import ModelEntry, what_happened
from srbench.timing.conditions import Watch
from srbench.timing.contender import Contender
from srbench.timing.counts import parameters, weight_bytes
from srbench.timing.measure import Lapper, Limits, Rounds, Samples, cuda_lap, host_lap, interleaved, measure
from srbench.timing.memory import cuda_peak, host_peak
from srbench.timing.points import Pictures
from srbench.timing.subject import Subject, settings_of_torch, subject_of
from srbench.timing.untrained import load_untrained
from srbench.types import Conditions, ModelInfo, Status, Timing, TimingSpec

GPU_WARM_UP = 0.5
"""Seconds at the least: an idle GPU takes some tenths to raise its clocks, and a fast network's calls are few
milliseconds apart in that time."""
LADDER_TILES = (256, 128)
"""Sides of tiles in LR pixels that are tried, in this order, where a whole image is too large."""


@dataclass(frozen=True)
class Race:
    """Interleaved rounds of two models, and the machine meanwhile."""

    rounds: Rounds
    conditions: Conditions


@dataclass(frozen=True)
class Step:
    """One step of the ladder: its name in the signature, and how the model is then asked to run."""

    name: str
    settings: Settings


def ladder(info: ModelInfo, settings: Settings, scale: int) -> Iterator[Step]:
    """Whole images, then smaller and smaller tiles where the card allows any, then the processor."""
    yield Step(_name(info, settings, scale), settings)
    for tile in LADDER_TILES:
        tiled = replace(settings, tile=tile)
        if info.dtypes and not settings.tile and settings_refused(info, tiled) is None:
            yield Step(_name(info, tiled, scale), tiled)
    if settings.device != "cpu":
        yield Step(f"cpu:{_name(info, settings, scale)}", replace(settings, device="cpu"))


def _name(info: ModelInfo, settings: Settings, scale: int) -> str:
    if not settings.tile:
        return "whole"
    return f"tile:{tile_side(info, settings.tile, scale)}+{tile_overlap(info)}"


def take(
    spec: TimingSpec,
    entry: ModelEntry,
    argument: str,
    settings: Settings,
    pictures: Pictures,
    machine: str,
    limits: Limits,
    provenance: str = "",
) -> Timing:
    """Time one model at one point.

    A model that fails, or that no step of the ladder fits, has a timing that says so.

    Args:
        spec: what is timed, and how.
        entry: the model's.
        argument: what follows the colon in its name.
        settings: device, dtype, tile and self-ensemble.
        pictures: LR frames ``(frames, h, w, C)`` uint8.
        machine: in words.
        limits: when to stop.
        provenance: its id.

    Raises:
        IntegrityError: a file is not what its digest says; no record is made of that.
    """
    blank = Timing(
        spec, Status.OOM, confidence=limits.confidence, width=limits.width, provenance=provenance, time=_now()
    )
    exhausted: list[str] = []
    for step in ladder(entry.info, settings, spec.scale):
        try:
            taken = _on_step(blank, entry, argument, step, pictures, machine, limits)
            return replace(taken, step=step.name, exhausted=tuple(exhausted))
        except (MemoryError, torch.cuda.OutOfMemoryError):  # the second where weights or inputs don't fit
            exhausted.append(step.name)
        except IntegrityError:
            raise
        except Unavailable as why:
            return replace(blank, status=Status.SKIPPED, reason=str(why))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's code fails its cell alone
            told = str(error) if isinstance(error, SrbenchError) else what_happened(error)[:500]
            return replace(blank, status=Status.FAILED, reason=told)
        _forget()
    return replace(blank, exhausted=tuple(exhausted), reason=f"out of memory: {', '.join(exhausted)}")


def _on_step(
    blank: Timing,
    entry: ModelEntry,
    argument: str,
    step: Step,
    pictures: Pictures,
    machine: str,
    limits: Limits,
) -> Timing:
    spec, device = blank.spec, step.settings.device
    if device != "cpu":
        _forget()  # what an earlier model left would count as this one's
        limits = replace(limits, warm_up=GPU_WARM_UP)
    adapter = loaded(spec, entry, argument, step.settings)
    with settings_of_torch(spec):
        subject = subject_of(adapter, pictures, spec)
        lap = lapper(device)
        _translate(subject, spec)
        with Watch(machine, device) as watch, torch.inference_mode():
            plain = measure(subject.call, lap, limits)
            copied = measure(subject.copies, lap, limits) if subject.copies is not None else None
        with torch.inference_mode():
            peak, memory = _peak(subject, device)
    return replace(
        blank,
        status=Status.DONE,
        warm_up=plain.warm_up,
        settled=plain.settled,
        stopped=plain.stopped,
        wall_ms=_walls(plain),
        event_ms=_events(plain),
        wall_copies_ms=_walls(copied),
        event_copies_ms=_events(copied),
        peak_bytes=peak,
        memory=memory,
        params=parameters(subject.modules) or entry.info.params,
        macs=subject.counts.macs,
        flops=subject.counts.flops,
        counted=subject.counts.counted,
        conditions=watch.conditions,
    )


def race(
    contenders: Sequence[Contender], pictures: Sequence[Pictures], machine: str, limits: Limits, seed: int = 0
) -> Race:
    """Time models round by round, in an order drawn anew for each round; no ladder: both fit, or none.

    Args:
        contenders: two or more, of one device, one set of switches and one number of threads.
        pictures: LR frames of each.
        machine: in words.
        limits: when to stop.
        seed: of the order.

    Raises:
        SrbenchError: a model can't be loaded, or breaks its contract.
        MemoryError: they do not fit.
    """
    first = contenders[0]
    with settings_of_torch(first.spec):
        subjects = [
            subject_of(loaded(c.spec, c.entry, c.argument, c.settings), frames, c.spec)
            for c, frames in zip(contenders, pictures, strict=True)
        ]
        device = first.settings.device
        if device != "cpu":
            limits = replace(limits, warm_up=GPU_WARM_UP)
        for subject, contender in zip(subjects, contenders, strict=True):
            _translate(subject, contender.spec)
        with Watch(machine, device) as watch, torch.inference_mode():
            rounds = interleaved([subject.call for subject in subjects], lapper(device), limits, seed)
    assert watch.conditions is not None  # noqa: S101 - it has been left
    return Race(rounds, watch.conditions)


def loaded(spec: TimingSpec, entry: ModelEntry, argument: str, settings: Settings) -> BaseAdapter:
    """The model, with its weights or, where the spec says so, with random ones."""
    if spec.weights == "untrained":
        return load_untrained(entry, spec.scale, settings)
    return load_model(entry, argument, scale=spec.scale, settings=settings)


def lapper(device: str) -> Lapper:
    """The stopwatch of a device."""
    return host_lap if device == "cpu" else cuda_lap(device)


def _translate(subject: Subject, spec: TimingSpec) -> None:
    """Have the first call's compilation done: it takes longer than a warm-up may."""
    if spec.compiled:
        with torch.inference_mode():
            subject.call()


def _peak(subject: Subject, device: str) -> tuple[int | None, str]:
    if device != "cpu":
        return cuda_peak(subject.call, device)
    return host_peak(subject.call, weight_bytes(subject.modules))


def _walls(samples: Samples | None) -> tuple[float, ...]:
    return () if samples is None else tuple(round(lap.wall, 6) for lap in samples.laps)


def _events(samples: Samples | None) -> tuple[float, ...]:
    laps = () if samples is None else samples.laps
    return tuple(round(lap.event, 6) for lap in laps if lap.event is not None)


def _forget() -> None:
    """Let go of what a step that failed had allocated."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
