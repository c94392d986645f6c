"""pytest plugin: a model's own repository gates itself in a test, with the fixture ``srbench_gate``.

::

    def test_quality(srbench_gate):
        srbench_gate(model="python:mynet.py", dataset="set5", scale=4, baseline="tests/baseline")

pytest imports this module in every project where srbench is installed, so it imports nothing of srbench: all
of that happens in the call.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from srbench.gate.verdicts import Judgement
    from srbench.types import Cell


class Gate:
    """Runs a model and fails the test if it is worse than its baseline.

    Args:
        results: folder of the run's journal; a finished image is not computed again.
        root: what relative paths are relative to.
    """

    def __init__(self, results: Path, root: Path) -> None:
        self.results = results
        self.root = root

    def __call__(
        self,
        model: str,
        dataset: str,
        scale: int,
        *,
        baseline: str | Path,
        policy: str | Path | None = None,
        protocol: str | None = None,
        metrics: Sequence[str] = ("psnr_y", "ssim_y"),
    ) -> Judgement:
        """Run one model on one set, compare it with the baseline, and fail with the verdict's text.

        Args:
            model: as for ``srbench run -m``.
            dataset: as for ``-d``; missing images are fetched.
            scale: super-resolution factor.
            baseline: a folder or file that ``srbench bless`` wrote.
            policy: a TOML file of tolerances; the default policy if None.
            protocol: ``classic`` for stills and ``video`` for clips if None.
            metrics: what is measured; the baseline decides what is compared.

        Returns:
            The judgement, for further assertions.
        """
        __tracebackhide__ = True
        from srbench.errors import SrbenchError
        from srbench.gate.outputs import text

        before = self.root / baseline
        try:
            cell = self._measured(model, dataset, scale, protocol, metrics)
            judgement = self._judged(cell, before, policy)
        except SrbenchError as error:
            why = str(error)
        else:
            if not judgement.exit_code:
                return judgement
            why = text(judgement).rstrip()
        hint = f"\n{self._how_to_bless(before)}" if self.results.joinpath("journal.jsonl").exists() else ""
        pytest.fail(why + hint, pytrace=False)

    def _measured(
        self, model: str, dataset: str, scale: int, protocol: str | None, metrics: Sequence[str]
    ) -> dict[str, Any]:
        """One cell of the ``--json`` object; what can't be fetched is a reason in it."""
        from srbench.data.datasets import fetch_dataset
        from srbench.runner.api import evaluate

        fetch_dataset(dataset)
        return evaluate(model, dataset, scale, protocol=protocol, metrics=metrics, results=self.results)

    def _judged(self, cell: dict[str, Any], baseline: Path, policy: str | Path | None) -> Judgement:
        from srbench import registry
        from srbench.gate.compare import compare
        from srbench.gate.policy import Policy, load_policy
        from srbench.gate.sources import load_side
        from srbench.store.scores import load_scores

        before = [s for s in load_side(str(baseline)) if _place(s.cell) == _place_of(cell)]
        after = [s for s in load_scores(self.results) if _is_cell(s.cell, cell)]
        rules = Policy() if policy is None else load_policy(self.root / policy)
        metrics = {name: entry.info for name, entry in registry.metrics().items()}
        return compare(before, after, rules, metrics, names=(baseline.name, "this checkout"))

    def _how_to_bless(self, baseline: Path) -> str:
        """What to do if the new results are meant."""
        folder = baseline if baseline.suffix != ".jsonl" else baseline.parent
        run, into = (shlex.quote(_shown(path, self.root)) for path in (self.results, folder))
        return f'if this is meant: srbench bless {run} -m "why" --baseline {into}'


def _place(cell: Cell) -> tuple[str, str, int, str]:
    """Where a cell stands; ``urban100[24]`` where ``urban100`` would."""
    return cell.model, cell.dataset.partition("[")[0], cell.scale, cell.protocol


def _place_of(cell: dict[str, Any]) -> tuple[str, str, int, str]:
    return cell["model"], cell["dataset"].partition("[")[0], cell["scale"], cell["protocol"]


def _is_cell(found: Cell, cell: dict[str, Any]) -> bool:
    """Whether a journal's cell is the one that was just measured, not an older one of other settings."""
    return all(
        getattr(found, n) == cell[n] for n in ("model", "dataset", "protocol", "signature", "inference")
    )


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


@pytest.fixture
def srbench_gate(request: pytest.FixtureRequest, tmp_path: Path) -> Gate:
    """Fails the test if a model is worse than its baseline; see `Gate.__call__`.

    Results are kept in pytest's cache (``.pytest_cache``), so that nothing is computed twice.
    """
    cache = getattr(request.config, "cache", None)
    return Gate(tmp_path if cache is None else cache.mkdir("srbench"), request.config.rootpath)
