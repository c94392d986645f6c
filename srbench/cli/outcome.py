"""What a run ends in: the leaderboard or one JSON object on stdout; on stderr what was left out, and why."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from srbench.cli.remarks import listed, named, remarks
from srbench.report.catalog import installed
from srbench.report.terminal import show
from srbench.report.views import boards
from srbench.runner.evaluate import Outcome
from srbench.runner.plan import Plan, PlannedCell
from srbench.store.aggregate import CellResult, cell_json
from srbench.types import Cell, Timing


def print_results(
    found: Iterable[CellResult],
    cells: Collection[Cell] | None,
    timings: Sequence[Timing] = (),
    *,
    as_json: bool,
    summarised: bool = False,
) -> int:
    """Print results, those of `cells` only if given, with what their models cost; how many have a number.

    Why a whole cell has none is left to the summary where one follows.
    """
    results = [result for result in found if cells is None or result.cell in cells]
    if as_json:
        print(json.dumps({"cells": [cell_json(result) for result in results]}, indent=1))
    else:
        from rich.console import Console

        shown = [r if r.items else replace(r, reason="") for r in results] if summarised else results
        show(boards(shown, installed(), timings), Console(highlight=False))
    return sum(any(metric.mean.n for metric in result.metrics) for result in results)


def print_summary(plan: Plan, outcome: Outcome, *, quiet: bool) -> None:
    """On stderr: what was computed, skipped (each reason once), failed, and where the records are."""
    if quiet:
        return
    cached = sum(planned.cached for planned in plan.cells)
    counts = f"{outcome.computed} images computed, {cached + outcome.reused} known before"
    left = f", {outcome.left} left for the next run" if outcome.left else ""
    _say(f"{counts}{left}; records in {plan.request.folder}")
    if outcome.replaced:
        _say(f"replaced {named(outcome.replaced)}: earlier results were of other weights, code or files")
    for name, reason in outcome.absent.items():
        _say(f"no {name}: {reason}")
    for name, reason in outcome.broken.items():
        _say(f"failed {name}: {reason}")
    for reason, cells in _by_reason(outcome.skipped):
        _say(f"skipped {named(cells)}: {reason}")
    for reason, cells in _by_reason(outcome.failed):
        _say(f"failed {named(cells)}: {reason}")
    for remark in remarks(plan):
        _say(f"remark: {remark}")


def _by_reason(cells: dict[PlannedCell, str]) -> list[tuple[str, list[PlannedCell]]]:
    """Cells by reason; those that differ only in what was expected (files of one host) stand together."""
    grouped: dict[str, list[PlannedCell]] = defaultdict(list)
    expected: dict[str, dict[str, None]] = defaultdict(dict)
    for planned, reason in cells.items():
        wanted, got, found = reason.partition(", got ")
        told = got and wanted.startswith("expected ")
        alike = found if told else reason
        grouped[alike].append(planned)
        expected[alike] |= {wanted.removeprefix("expected "): None} if told else {}
    return [(_reason(list(expected[alike]), alike), grouped[alike]) for alike in grouped]


def _reason(expected: list[str], got: str) -> str:
    return f"expected {listed(expected)}, got {got}" if expected else got


def _say(text: str) -> None:
    print(text, file=sys.stderr)
