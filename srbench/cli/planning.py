"""Printing a plan, and which field of a key differs from what the journal has."""

from __future__ import annotations

import json
from typing import Any

from srbench.cli.remarks import remarks
from srbench.runner.plan import Plan, PlannedCell
from srbench.runner.request import Request
from srbench.runner.work import Work
from srbench.types import Record


def print_plan(plan: Plan, *, as_json: bool) -> None:
    """The cells, what is cached, what is missing and why, and an estimate of the time."""
    if as_json:
        print(json.dumps({"cells": [_as_dict(plan, planned) for planned in plan.cells]}, indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 160
    table = Table(
        "model",
        "dataset",
        "scale",
        "protocol",
        "images",
        "cached",
        "to do",
        "about",
        box=None,
        pad_edge=False,
    )
    skipped = [planned for planned in plan.cells if planned.skip]
    for planned in plan.cells:
        if not planned.skip:
            table.add_row(*_row(plan, planned))
    console.print(table)
    for line in _missing(plan):
        console.print(line, markup=False, soft_wrap=True)
    for planned in skipped:
        console.print(
            f"skip {planned.label} ({planned.cell.protocol}): {planned.skip}", markup=False, soft_wrap=True
        )
    for remark in remarks(plan):
        console.print(f"remark: {remark}", markup=False, soft_wrap=True)
    console.print(_total(plan), markup=False)


def _missing(plan: Plan) -> list[str]:
    """For each dataset of which a part is not here: how much, and why."""
    datasets = {planned.cell.dataset: planned.dataset for planned in plan.cells if planned.dataset.items}
    return [
        f"missing {len(dataset.missing)} of {len(dataset.manifest.items)} images of {dataset.name}: "
        f"{next(iter(dataset.missing.values()))}"
        for dataset in datasets.values()
        if dataset.missing
    ]


def _row(plan: Plan, planned: PlannedCell) -> tuple[str, ...]:
    cell = planned.cell
    counts = (len(planned.work), planned.cached, len(planned.todo))
    return (
        cell.model,
        cell.dataset,
        f"x{cell.scale}",
        cell.protocol,
        *map(str, counts),
        human(plan.seconds(planned)),
    )


def _total(plan: Plan) -> str:
    todo = sum(len(planned.todo) for planned in plan.cells)
    cached = sum(planned.cached for planned in plan.cells)
    seconds = sum(plan.seconds(planned) for planned in plan.cells if not planned.skip)
    unmeasured = {
        p.cell.model for p in plan.cells if p.todo and plan.pace.seconds_per_megapixel(p.cell.model) is None
    }
    basis = f"; a guess for {len(unmeasured)} models not yet measured here" if unmeasured else ""
    return f"{todo} images to do, {cached} cached, about {human(seconds)}{basis}"


def _as_dict(plan: Plan, planned: PlannedCell) -> dict[str, object]:
    cell = planned.cell
    return {
        "model": cell.model,
        "dataset": cell.dataset,
        "scale": cell.scale,
        "protocol": cell.protocol,
        "signature": cell.signature,
        "inference": cell.inference,
        "images": len(planned.work),
        "cached": planned.cached,
        "todo": [work.item for work in planned.todo],
        "skip": planned.skip,
        "seconds": round(plan.seconds(planned), 1),
    }


def human(seconds: float) -> str:
    """``<1 s``, ``42 s``, ``3 min``, ``1 h 05 min``."""
    if seconds < 1:
        return "<1 s" if seconds else "0 s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def print_why(request: Request, *, as_json: bool) -> None:
    """For each image of each cell: cached, or the named fields that differ from its last record."""
    from srbench.runner.execute import plan_run, records_of

    latest = {(r.cell.model, r.cell.dataset, r.cell.scale, r.item): r for r in records_of(request)}
    answers: list[dict[str, Any]] = []
    for planned in plan_run(request).cells:
        cell = planned.cell
        named = {"model": cell.model, "dataset": cell.dataset, "scale": cell.scale}
        if planned.skip:
            answers.append({**named, "item": "", "why": [f"skipped: {planned.skip}"]})
        for work in planned.work:
            record = latest.get((cell.model, cell.dataset, cell.scale, work.item))
            answers.append({**named, "item": work.item, "why": why_again(work, record)})
    if as_json:
        print(json.dumps({"items": answers}, indent=1))
        return
    for one in answers:
        print(f"{one['model']} on {one['dataset']} x{one['scale']} {one['item']}: {'; '.join(one['why'])}")


def why_again(work: Work, record: Record | None) -> list[str]:
    """What differs between an image's planned keys and its last record, in words."""
    if work.cached:
        return ["cached"]
    if record is None:
        return ["never computed"]
    fields = [
        f"{n}: {record.key_fields.get(n)} then, {v} now"
        for n, v in work.fields.items()
        if record.key_fields.get(n) != v
    ]
    if fields:
        return fields
    recorded = {name: score.key for name, score in record.scores.items()}
    return [
        f"{name}: not scored under this signature"
        for name, key in work.wanted.items()
        if recorded.get(name) != key
    ]
