"""What models cost, as columns beside their quality: one group of columns per machine, set-up and size.

Two figures share a column only if they were taken on one machine, under one set-up (device, threads, dtype,
memory format, compiler, library), at one LR size. A figure that is no whole image's, that was taken while
something else worked, or that stands for random weights, is shown and said to be so; the first two are not
ranked.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
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

    @property
    def label(self) -> str:
        """``cost at 720p (LR 320x180): cpu:2, float32, torch 2.9.1, AMD EPYC``; width first."""
        usual = ("contiguous", "eager", "tf32:off", "cudnn:deterministic")
        parts = [part for part in self.setup.split("|") if part not in usual]
        size = f"LR {self.width}x{self.height}"
        named = size if self.point[0].isdigit() and self.point != "720p" else f"{self.point} ({size})"
        return f"cost at {named}: {', '.join((*parts, self.machine_words))}"

    @property
    def signature(self) -> str:
        """All that is shared."""
        return f"x{self.scale}|{self.point}:{self.height}x{self.width}|{self.setup}"


def group_of(timing: Timing) -> CostGroup:
    """The group that a timing belongs to."""
    spec = timing.spec
    words = timing.conditions.machine if timing.conditions is not None else ""
    return CostGroup(spec.machine, words, spec.scale, spec.point, spec.height, spec.width, spec.setup)


@dataclass(frozen=True)
class CostTable:
    """Timings of one scale: for each group, the latest timing of each model."""

    groups: tuple[CostGroup, ...]
    timings: dict[tuple[CostGroup, str], Timing]
    refused: dict[tuple[str, str, str], Timing]
    """By machine, set-up with size, and model: those without a number, with their reasons."""


def cost_table(timings: Iterable[Timing], scale: int, models: Sequence[str]) -> CostTable:
    """The groups in which any of the models has a figure, machine by machine."""
    mine = [t for t in timings if t.spec.scale == scale and t.spec.model in models]
    done = {(group_of(t), t.spec.model): t for t in mine if t.status is Status.DONE}
    refused = {
        (t.spec.machine, group_of(t).signature, t.spec.model): t for t in mine if t.status is not Status.DONE
    }
    groups = sorted({group for group, _ in done}, key=_place)
    return CostTable(tuple(groups), done, refused)


def _place(group: CostGroup) -> tuple[str, str, bool, int, str]:
    """Machines together; 720p before other points, larger before smaller."""
    area = group.height * group.width
    return group.machine_words, group.machine, group.point != "720p", -area, group.setup


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
        )
        for cost in COSTS
    ]


def entries_of(
    table: CostTable, group: CostGroup, model: str, inference: str, catalog: Catalog
) -> list[Entry]:
    """A row's entries in a group's columns, not yet marked or numbered."""
    timing = table.timings.get((group, model))
    if timing is None:
        reason = _refusal(table.refused.get((group.machine, group.signature, model)))
        return [Entry(status=NOT_TIMED, reason=reason) for _ in COSTS]
    if "|tile:" in inference and not timing.step.startswith("tile"):
        reason = "timed as a whole image; this row is of tiles"
        return [Entry(status=NOT_TIMED, reason=reason) for _ in COSTS]
    values, summary = cost_values(timing), summarise_times(timing.wall_ms)
    return [_entry(cost, values[cost.name], timing, summary, catalog) for cost in COSTS]


def _refusal(timing: Timing | None) -> str:
    return NOT_TIMED if timing is None else plain(f"{NOT_TIMED}: {timing.reason}")


def cost_values(timing: Timing) -> dict[str, float | None]:
    """Each cost in its column's unit, per output frame; None where it is unknown."""
    spec = timing.spec
    latency = summarise_times(timing.wall_ms).median / spec.answers
    return {
        "latency": latency,
        "throughput": spec.megapixels / latency * 1000,
        "memory": _scaled(timing.peak_bytes, 1e6),
        "params": _scaled(timing.params or None, 1e6),
        "macs": _scaled(timing.macs, 1e9 * spec.answers),
        "flops": _scaled(timing.flops, 1e9 * spec.answers),
    }


def _scaled(value: int | None, unit: float) -> float | None:
    return None if value is None else value / unit


def three_digits(value: float) -> str:
    """``0.0123``, ``1.23``, ``123``, ``12345``: three significant digits at least, no exponent."""
    if value == 0 or not math.isfinite(value):
        return f"{value:.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def _entry(cost: Cost, value: float | None, timing: Timing, summary: Summary, catalog: Catalog) -> Entry:
    if value is None:
        return Entry(status=NOT_TIMED, reason=plain(_unknown(cost, timing)))
    measured = cost.direction is not None
    return Entry(
        text=three_digits(value),
        value=value,
        published=printed(cost.name, timing.spec, catalog),
        n=summary.n if measured else 1,
        expected=summary.n if measured else 1,
        status=Status.DONE.value,
        reason=plain("; ".join(remarks(timing, timed=cost.name != "memory"))) if measured else "",
        detail=plain(_detail(cost, timing, summary)),
        ranked=measured and timing.step == "whole" and (cost.name == "memory" or _is_quiet(timing)),
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
    spec = timing.spec
    found = []
    if timed and not _is_quiet(timing):
        found.append("the machine was not quiet, not ranked")
    if timing.step != "whole":
        found.append(f"{timing.step}{_after(timing)}, not ranked")
    if spec.weights == "untrained":
        found.append("timed with random weights")
    if spec.kind == "window":
        found.append(f"per output frame, from a window of {spec.frames}")
    if spec.kind == "sequence":
        found.append(f"per output frame, of a sequence of {spec.frames}")
    return found


def _after(timing: Timing) -> str:
    return f" after {', '.join(timing.exhausted)} ran out of memory" if timing.exhausted else ""


def _detail(cost: Cost, timing: Timing, summary: Summary) -> str:
    """For a tooltip: how a figure came about."""
    if cost.name in ("macs", "flops"):
        return f"per output frame; {timing.counted}"
    if cost.name == "memory":
        return timing.memory
    if cost.name == "params":
        return ""
    conditions = timing.conditions
    seen = "; ".join(conditions.disturbances) if conditions is not None else ""
    return "; ".join(part for part in (in_words(summary), _extras(timing), seen, timing.signature) if part)


def in_words(summary: Summary) -> str:
    """``median of 20 calls 41.2 ms (95 %: 40.9 to 41.8; p10 40.1, p90 44.2)``."""
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
        "disturbances": list(conditions.disturbances) if conditions is not None else [],
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
