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
from contextlib import chdir
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from srbench.gate.verdicts import Judgement
    from srbench.store.scores import CellScores
    from srbench.types import Cell


class Gate:
    """Runs a model and fails the test if it is worse than its baseline.

    Args:
        results: folder of the run's journal; a finished image is not computed again.
        root: what relative paths are relative to, those of the model included.
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

        try:
            with chdir(self.root):
                cell = self._measured(model, dataset, scale, protocol, metrics)
                before = self._before(cell, self.root / baseline)
                judgement = self._judged(cell, before, policy, Path(baseline).name) if before else None
        except SrbenchError as error:
            pytest.fail(str(error), pytrace=False)
        if judgement is None:
            pytest.fail(self._no_baseline(cell, self.root / baseline), pytrace=False)
        if judgement.exit_code:
            hint = self._hint(judgement, cell, self.root / baseline)
            pytest.fail(text(judgement).rstrip() + hint, pytrace=False)
        return judgement

    def _measured(
        self, model: str, dataset: str, scale: int, protocol: str | None, metrics: Sequence[str]
    ) -> dict[str, Any]:
        """One cell of the ``--json`` object; what can't be fetched is a reason in it."""
        from srbench.data.datasets import fetch_dataset
        from srbench.runner.api import evaluate

        fetch_dataset(dataset)
        return evaluate(model, dataset, scale, protocol=protocol, metrics=metrics, results=self.results)

    def _before(self, cell: dict[str, Any], baseline: Path) -> list[CellScores]:
        """What the baseline has of the cell; nothing where there is no baseline yet."""
        from srbench.gate.sources import find_side, load_side

        name = str(baseline)
        cells = load_side(name) if find_side(name) is not None else []
        return [scores for scores in cells if _place(scores.cell) == _place_of(cell)]

    def _judged(
        self, cell: dict[str, Any], before: Sequence[CellScores], policy: str | Path | None, name: str
    ) -> Judgement:
        from srbench import registry
        from srbench.gate.compare import compare
        from srbench.gate.policy import Policy, check_metrics, load_policy
        from srbench.store.scores import load_scores

        after = [s for s in load_scores(self.results) if _is_cell(s.cell, cell)]
        rules = Policy() if policy is None else replace(load_policy(self.root / policy), require=("*",))
        metrics = {name: entry.info for name, entry in registry.metrics().items()}
        check_metrics(rules, metrics)
        return compare(before, after, rules, metrics, names=(name, "this checkout"))

    def _no_baseline(self, cell: dict[str, Any], baseline: Path) -> str:
        """How to make one, if there are results to make it of."""
        subject = f"{cell['model']} on {cell['dataset']} x{cell['scale']} ({cell['protocol']})"
        if cell["status"] != "done":
            return f"{subject}: {cell['status']}: {cell['reason']}"
        where = _shown(baseline, self.root)
        return f"no baseline yet at {where} for {subject}; to make one: {self._bless(cell, baseline)}"

    def _hint(self, judgement: Judgement, cell: dict[str, Any], baseline: Path) -> str:
        """How to accept what is worse; nothing where a number is missing, which no blessing would bring."""
        from srbench.gate.verdicts import EXIT_REGRESSED, NOT_COMPARED

        if judgement.exit_code != EXIT_REGRESSED or judgement.of(*NOT_COMPARED):
            return ""
        return f"\nif this is meant: {self._bless(cell, baseline)}"

    def _bless(self, cell: dict[str, Any], baseline: Path) -> str:
        """The command that blesses this cell, and no other test's."""
        folder = baseline if baseline.suffix != ".jsonl" else baseline.parent
        run, into = (shlex.quote(_shown(path, self.root)) for path in (self.results, folder))
        only = shlex.quote(f"{cell['model']}/{cell['dataset']}/x{cell['scale']}/{cell['protocol']}")
        return f'srbench bless {run} -m "why" --baseline {into} --only {only}'


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
