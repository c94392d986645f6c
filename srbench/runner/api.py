"""The two calls for a notebook or a script: score a model on a set, and get a model to call."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from srbench.adapters import planning
from srbench.adapters.base import BaseAdapter, Settings
from srbench.errors import NothingMeasured
from srbench.runner.evaluate import Listener
from srbench.runner.execute import execute
from srbench.runner.plan import Plan, PlannedCell
from srbench.runner.request import Request, choose_datasets, choose_metrics, choose_models
from srbench.runner.work import Work
from srbench.store.aggregate import cell_json, gather
from srbench.types import Record


class _Silent:
    """Nobody listens."""

    def began(self, planned: PlannedCell, work: Work) -> None:
        """Nothing to show."""

    def ended(self, planned: PlannedCell, record: Record) -> None:
        """Nothing to show."""

    def told(self, text: str) -> None:
        """Nothing to show."""


@contextmanager
def _silently(plan: Plan) -> Iterator[Listener]:
    yield _Silent()


def evaluate(
    model: str,
    dataset: str,
    scale: int,
    *,
    protocol: str | None = None,
    metrics: Sequence[str] = (),
    limit: int | None = None,
    results: Path | str = "results/runs/main",
) -> dict[str, Any]:
    """Score one model on one dataset at one scale; what the journal in `results` has is not computed again.

    Args:
        model: a registered name, or NAME:ARGUMENT.
        dataset: a known set; its missing files are not fetched (`srbench data fetch`).
        scale: super-resolution factor.
        protocol: ``classic`` for stills and ``video`` for clips if None.
        metrics: names; the protocol's own if empty.
        limit: first images only, which makes it another dataset.
        results: folder of the journal.

    Returns:
        One cell of the ``--json`` object: ``{"status", "reason", "n", "metrics", "items", ...}``.

    Raises:
        SrbenchError: see `srbench.errors`; a failed or skipped cell is returned, not raised.
    """
    request = Request(
        models=choose_models((model,)),
        datasets=choose_datasets((dataset,)),
        scales=(scale,),
        protocol=protocol,
        metrics=choose_metrics(tuple(metrics)),
        limit=limit,
        folder=Path(results),
    )
    plan, _, records = execute(request, _silently, sys.argv[1:])
    cells = {planned.cell for planned in plan.cells}
    found = [cell_json(result) for result in gather(records) if result.cell in cells]
    if len(found) != 1:
        raise NothingMeasured(
            "one model, dataset and scale", f"{len(found)} cells", "use names without globs"
        )
    return found[0]


def load_model(
    model: str, scale: int, *, device: str = "cpu", dtype: str = "float32", tile: int = 0
) -> BaseAdapter:
    """A model ready to be called: its weights fetched, verified and loaded.

    Args:
        model: a registered name, or NAME:ARGUMENT.
        scale: super-resolution factor.
        device: torch's word.
        dtype: torch's word.
        tile: side of tiles in LR pixels, 0 for whole images.

    Raises:
        SrbenchError: unknown name, scale or device; weights that can't be had or don't match their digest.
    """
    (choice,) = choose_models((model,))
    settings = Settings(device=device, dtype=dtype, tile=tile)
    return planning.load_model(choice.entry, choice.argument, scale=scale, settings=settings)
