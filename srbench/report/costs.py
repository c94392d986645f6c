"""What models cost, as columns beside their quality: one group of columns per machine, set-up and size.

Two figures share a column only if they were taken on one machine, under one set-up (device, threads, dtype,
memory format, compiler, library), at one LR size. A figure that is no whole image's, that was taken while
something else worked, or that stands for random weights, is shown and said to be so; the first two are not
ranked, and a tiled one is shown only where there is none of a whole image.

The images of a set are one point: their figures are summed, of the models that have all of them. Of memory
the largest counts.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from srbench.report.catalog import Catalog
from srbench.report.entries import Column, Entry, Published
from srbench.report.plain import plain
from srbench.timing_stats import Summary, summarise_times
from srbench.types import Direction, Status, Timing, TimingSpec

NOT_TIMED = "not timed"
_PRINTED = {"params": "params", "macs": "macs_at_720p"}


@dataclass(frozen=True)
class Cost:
    """One column of a group: ``params``, ``macs`` and ``flops`` are facts and never ranked."""

    name: str
    title: str
    unit: str
    direction: Direction | None = None


COSTS = (
    Cost("latency", "Latency, ms", "ms", "lower"),
    Cost("throughput", "Output, Mpx/s", "Mpx/s", "higher"),
    Cost("memory", "Peak memory, MB", "MB", "lower"),
    Cost("params", "Parameters, M", "M"),
    Cost("macs", "MACs, G", "G"),
    Cost("flops", "FLOPs, G", "G"),
)
"""Latency, throughput, MACs and FLOPs are of one output frame."""


@dataclass(frozen=True)
class CostGroup:
    """What the figures of one group of columns share."""

    machine: str
    machine_words: str
    scale: int
    point: str
    height: int
    width: int
    setup: str
    items: int = 0
    """Of a set: how many images it has; height and width are then 0."""

    @property
    def label(self) -> str:
        """``cost at 720p, LR 180x320 (HxW): cpu:2, float32, torch 2.9.1, AMD EPYC``; height first."""
        usual = ("contiguous", "eager", "tf32:off", "cudnn:deterministic")
        parts = [part for part in self.setup.split("|") if part not in usual]
        return f"cost {self.where}: {', '.join((*parts, self.machine_words))}"

    @property
    def where(self) -> str:
        """``at 720p, LR 180x320 (HxW)``, or the set whose sum it is."""
        if self.items:
            return f"of {self.point}, sum of {self.items} images (memory: the largest)"
        size = f"LR {self.height}x{self.width} (HxW)"
        return f"at {self.point}, {size}" if self.point == "720p" or "/" in self.point else f"at {size}"

    @property
    def signature(self) -> str:
        """All that is shared."""
        size = f"{self.items} images" if self.items else f"{self.height}x{self.width}"
        return f"x{self.scale}|{self.point}:{size}|{self.setup}"


def group_of(timing: Timing) -> CostGroup:
    """The group that a timing belongs to; those of a set's images are one."""
    spec = timing.spec
    words = timing.conditions.machine if timing.conditions is not None else ""
    if timing.items:
        label = spec.point.partition("/")[0]
        return CostGroup(spec.machine, words, spec.scale, label, 0, 0, spec.setup, timing.items)
    return CostGroup(spec.machine, words, spec.scale, spec.point, spec.height, spec.width, spec.setup)


@dataclass(frozen=True)
class Taken:
    """What a model's figures in one group rest on: one timing, or one of each image of a set."""

    timings: tuple[Timing, ...]

    @property
    def step(self) -> str:
        """Of the ladder: ``whole``, ``tile:256+12``; of a set all that occur."""
        return ", ".join(dict.fromkeys(timing.step for timing in self.timings))

    @property
    def first(self) -> Timing:
        """Any one: they share model, set-up and fingerprint."""
        return self.timings[0]


@dataclass(frozen=True)
class CostTable:
    """Timings of one scale: of each model in each group the latest, whole images before tiles."""

    groups: tuple[CostGroup, ...]
    taken: dict[tuple[CostGroup, str], tuple[Taken, ...]]
    refused: dict[tuple[str, str, str], str]
    """By machine, set-up with size, and model: why there is no number."""


def cost_table(timings: Iterable[Timing], scale: int, models: Sequence[str]) -> CostTable:
    """The groups in which any of the models has a figure, machine by machine."""
    refused, found = {}, dict[tuple[CostGroup, str], list[Timing]]()
    for timing in timings:
        group, model = group_of(timing), timing.spec.model
        if timing.spec.scale == scale and model in models:
            if timing.status is Status.DONE:
                found.setdefault((group, model), []).append(timing)
            else:
                refused[group.machine, group.signature, model] = timing.reason
    taken = {place: _complete(place[0], together) for place, together in found.items()}
    for (group, model), complete in taken.items():
        if not complete:
            images = len({timing.spec.point for timing in found[group, model]})
            why = f"{images} of {group.items} images"
            refused.setdefault((group.machine, group.signature, model), why)
    groups = sorted({group for (group, _), complete in taken.items() if complete}, key=_place)
    return CostTable(tuple(groups), {place: one for place, one in taken.items() if one}, refused)


def _complete(group: CostGroup, timings: Sequence[Timing]) -> tuple[Taken, ...]:
    """One of each way in which a model was asked to run, that of whole images first, then the latest.

    What was timed of other weights or code than the latest counts no more.
    """
    fingerprint = timings[-1].spec.fingerprint
    ways: dict[tuple[str, str, int], dict[str, tuple[int, Timing]]] = {}
    for number, timing in enumerate(timings):
        spec = timing.spec
        way = ways.setdefault((spec.inference, spec.weights, spec.frames), {})
        before = way.get(spec.point)
        hides = before is not None and before[1].step == "whole" != timing.step
        if spec.fingerprint == fingerprint and not hides:
            way[spec.point] = number, timing
    complete = [way.values() for way in ways.values() if len(way) == max(group.items, 1)]
    ranked = sorted(complete, key=_rank, reverse=True)
    return tuple(Taken(tuple(timing for _, timing in way)) for way in ranked)


def _rank(way: Collection[tuple[int, Timing]]) -> tuple[bool, bool, int]:
    """Whole images before tiles, a checkpoint before random weights, later before earlier."""
    whole = all(timing.step == "whole" for _, timing in way)
    trained = all(timing.spec.weights == "card" for _, timing in way)
    return whole, trained, max(number for number, _ in way)


def _place(group: CostGroup) -> tuple[str, str, bool, bool, int, str, str]:
    """Machines together; 720p before other sizes, larger before smaller; sets last."""
    area = group.height * group.width
    is_set = group.items > 0
    return group.machine_words, group.machine, is_set, group.point != "720p", -area, group.point, group.setup


def columns_of(group: CostGroup) -> list[Column]:
    """A group's columns."""
    return [
        Column(
            dataset=group.label,
            pixels=group.machine,
            metric=cost.name,
            signature=group.signature,
            title=cost.title,
            unit=cost.unit,
            direction=cost.direction or "",
            cost=True,
            first=cost is COSTS[0],
            point=group.where,
            machine=group.machine_words,
        )
        for cost in COSTS
    ]


def entries_of(
    table: CostTable, group: CostGroup, model: str, inference: str, catalog: Catalog
) -> list[Entry]:
    """A row's entries in a group's columns, not yet marked or numbered."""
    taken = table.taken.get((group, model), ())
    if not taken:
        why = table.refused.get((group.machine, group.signature, model), "")
        return _dashes(plain(f"{NOT_TIMED}: {why}") if why else NOT_TIMED)
    tile = next((part for part in inference.split("|") if part.startswith("tile:")), "")
    found = next((one for one in taken if one.step == tile), None) if tile else taken[0]
    if found is None:
        timed = "as a whole image" if taken[0].step == "whole" else f"in {taken[0].step}"
        return _dashes(plain(f"timed {timed}; this row is of tiles ({tile})"))
    return entries_of_taken(found, catalog)


def _dashes(reason: str) -> list[Entry]:
    return [Entry(status=NOT_TIMED, reason=reason) for _ in COSTS]


def entries_of_taken(taken: Taken, catalog: Catalog) -> list[Entry]:
    """One way's entries, not yet marked or numbered."""
    values = _values(taken.timings)
    return [_entry(cost, values[cost.name], taken, catalog) for cost in COSTS]


def cost_values(timing: Timing) -> dict[str, float | None]:
    """Each cost in its column's unit, per output frame; None where it is unknown."""
    return _values((timing,))


def _values(timings: Sequence[Timing]) -> dict[str, float | None]:
    """As `cost_values`: summed, but of memory the largest and of parameters the first."""
    frames = [timing.spec.answers for timing in timings]
    latency = sum(summarise_times(t.wall_ms).median / n for t, n in zip(timings, frames, strict=True))
    peaks = [timing.peak_bytes for timing in timings if timing.peak_bytes is not None]
    return {
        "latency": latency,
        "throughput": sum(timing.spec.megapixels for timing in timings) / latency * 1000,
        "memory": max(peaks) / 1e6 if len(peaks) == len(timings) else None,
        "params": timings[0].params / 1e6 if timings[0].params else None,
        "macs": _summed([timing.macs for timing in timings], frames),
        "flops": _summed([timing.flops for timing in timings], frames),
    }


def _summed(counts: Sequence[int | None], frames: Sequence[int]) -> float | None:
    """Of one output frame each, / 1e9; None if one is unknown."""
    known = [count / n for count, n in zip(counts, frames, strict=True) if count is not None]
    return sum(known) / 1e9 if len(known) == len(counts) else None


def three_digits(value: float) -> str:
    """``0.0123``, ``1.23``, ``123``, ``12345``: three significant digits at least, no exponent."""
    if value == 0 or not math.isfinite(value):
        return f"{value:.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def _entry(cost: Cost, value: float | None, taken: Taken, catalog: Catalog) -> Entry:
    timings, first = taken.timings, taken.first
    if value is None:
        return Entry(status=NOT_TIMED, reason=plain(_unknown(cost, first)))
    measured = cost.direction is not None
    n = len(timings) if first.items else len(first.wall_ms)
    return Entry(
        text=three_digits(value),
        value=value,
        published=printed(cost.name, first.spec, catalog),
        n=n if measured else 1,
        expected=n if measured else 1,
        status=Status.DONE.value,
        reason=plain("; ".join(taken_remarks(taken, timed=cost.name != "memory"))) if measured else "",
        detail=plain(_detail(cost, taken)),
        ranked=measured and taken.step == "whole" and (cost.name == "memory" or all(map(_is_quiet, timings))),
    )


def _unknown(cost: Cost, timing: Timing) -> str:
    if cost.name == "memory":
        return timing.memory
    if cost.name == "params" and timing.macs is not None:
        return "no parameters that PyTorch knows"
    return timing.counted


def _is_quiet(timing: Timing) -> bool:
    return timing.conditions is None or timing.conditions.quiet


def remarks(timing: Timing, *, timed: bool = True) -> list[str]:
    """What must be known about a timing's figures, in words that many share.

    Args:
        timing: a done one.
        timed: of its times; else of its memory, which other processes don't change.
    """
    found = []
    if timed and not _is_quiet(timing):
        found.append("the machine was not quiet, not ranked")
    if timing.step != "whole":
        found.append(f"{timing.step}{_after(timing)}, not ranked")
    return [*found, *spec_remarks(timing.spec)]


def taken_remarks(taken: Taken, *, timed: bool = True) -> list[str]:
    """Those of all its timings, each once."""
    return list(dict.fromkeys(one for timing in taken.timings for one in remarks(timing, timed=timed)))


def spec_remarks(spec: TimingSpec) -> list[str]:
    """What must be known about what was timed."""
    found = []
    if spec.weights == "untrained":
        found.append("timed with random weights")
    if spec.kind == "window":
        found.append(f"per output frame, from a window of {spec.frames}")
    if spec.kind == "sequence":
        found.append(f"per output frame, of a sequence of {spec.frames}")
    return found


def _after(timing: Timing) -> str:
    return f" after {', '.join(timing.exhausted)} ran out of memory" if timing.exhausted else ""


def _detail(cost: Cost, taken: Taken) -> str:
    """For a tooltip: how a figure came about."""
    timing = taken.first
    if cost.name in ("macs", "flops"):
        return f"per output frame; {timing.counted}"
    if cost.name == "memory":
        return timing.memory
    if cost.name == "params":
        return ""
    seen = "; ".join(disturbance for one in taken.timings for disturbance in _disturbances(one))
    told = (in_words(taken), "" if timing.items else _extras(timing), seen, timing.signature)
    return "; ".join(part for part in told if part)


def _disturbances(timing: Timing) -> tuple[str, ...]:
    return timing.conditions.disturbances if timing.conditions is not None else ()


def in_words(taken: Taken) -> str:
    """``median of 20 calls 41.2 ms (95 %: 40.9 to 41.8; p10 40.1, p90 44.2)``; of a set, of how many."""
    if taken.first.items:
        calls = sorted(len(timing.wall_ms) for timing in taken.timings)
        return f"sum of the medians of {len(calls)} images, {calls[0]} to {calls[-1]} calls each"
    return _summary_words(summarise_times(taken.first.wall_ms))


def _summary_words(summary: Summary) -> str:
    low, high = three_digits(summary.interval.low), three_digits(summary.interval.high)
    return (
        f"median of {summary.n} calls {three_digits(summary.median)} ms "
        f"({summary.interval.coverage:.0%}: {low} to {high}; "
        f"p10 {three_digits(summary.p10)}, p90 {three_digits(summary.p90)})"
    )


def _extras(timing: Timing) -> str:
    """The other series, on a GPU."""
    series = (
        ("by events", timing.event_ms),
        ("with copies", timing.wall_copies_ms),
        ("with copies, by events", timing.event_copies_ms),
    )
    return "; ".join(f"{name} {three_digits(summarise_times(ms).median)} ms" for name, ms in series if ms)


# --------------------------------------------------------------------------------- printed figures


def printed(cost: str, spec: TimingSpec, catalog: Catalog) -> Published | None:
    """What a paper prints for this model and scale: parameters, and multiply-adds at 1280x720.

    Papers call multiply-adds FLOPs as often as not; what they print is put beside the MACs.
    """
    if cost not in ("params", "macs") or (cost == "macs" and spec.point != "720p"):
        return None
    return _printed(cost, spec.model, spec.scale, catalog)


def _printed(cost: str, model: str, scale: int, catalog: Catalog) -> Published | None:
    name = catalog.published_name(model)
    row = catalog.references.printed(name, scale, "flops" if cost == "macs" else "params") if name else None
    if row is None:
        return None
    note = f" ({row.note})" if row.note else ""
    return Published(row.flops if cost == "macs" else row.params, "printed", f"{row.source}{note}")


def printed_costs(model: str, scale: int, catalog: Catalog) -> dict[str, dict[str, str]]:
    """What papers print of a model, each figure with its source: ``params``, ``macs_at_720p``."""
    found = {name: _printed(cost, model, scale, catalog) for cost, name in _PRINTED.items()}
    return {name: {"text": one.text, "source": one.source} for name, one in found.items() if one is not None}


def timing_json(timing: Timing, catalog: Catalog) -> dict[str, Any]:
    """One timing of the ``--json`` object: derived figures in named units, and all that they depend on."""
    spec, conditions = timing.spec, timing.conditions
    macs, params = printed("macs", spec, catalog), printed("params", spec, catalog)
    return {
        "model": spec.model,
        "scale": spec.scale,
        "point": spec.point,
        "lr_height": spec.height,
        "lr_width": spec.width,
        "frames": spec.frames,
        "signature": timing.signature,
        "machine": spec.machine,
        "machine_words": conditions.machine if conditions is not None else "",
        "quiet": _is_quiet(timing),
        "disturbances": list(_disturbances(timing)),
        **cost_values(timing),
        "call_ms": asdict(summarise_times(timing.wall_ms)),
        "call_event_ms": asdict(summarise_times(timing.event_ms)) if timing.event_ms else None,
        "call_copies_ms": asdict(summarise_times(timing.wall_copies_ms)) if timing.wall_copies_ms else None,
        "warm_up": timing.warm_up,
        "settled": timing.settled,
        "stopped": timing.stopped,
        "exhausted": list(timing.exhausted),
        "peak_memory": timing.memory,
        "counted": timing.counted,
        "printed_params": params.text if params is not None else None,
        "printed_macs": macs.text if macs is not None else None,
    }
