"""What a user may name as a result set: a folder, a journal, a baseline, or a run."""

from __future__ import annotations

import re
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from srbench.errors import UsageError
from srbench.gate.baseline import BASELINE, baseline_path, read_baseline
from srbench.store.journal import JOURNAL
from srbench.store.provenance import FOLDER
from srbench.store.scores import CellScores, load_scores

RUNS = Path("results/runs")
BLESSED = "blessed"
_LARGE = 20_000_000
"""Bytes from which a process of its own is worth its start."""
_BASELINE_BEGINS = b'{"baseline"'
_RUN_ID = re.compile(r"[0-9a-f]{6,16}")


def load_side(name: str) -> list[CellScores]:
    """The cells of a result set.

    Args:
        name: a run's folder or journal; a folder with a baseline, or the file; the name of a folder in
            ``results/runs``; or the id of a run, whose provenance lies in one of those (six digits do).

    Raises:
        UsageError: there is nothing of that name.
        IntegrityError: a journal or a baseline is not as it was written.
    """
    for path in (Path(name), RUNS / name):
        if path.is_file():
            return _read_file(path)
        if (path / JOURNAL).is_file():
            return load_scores(path)
        for folder in (path, path / BLESSED):
            if baseline_path(folder).is_file():
                return read_baseline(baseline_path(folder))
    return _read_run(name)


def load_sides(baseline: str, candidate: str) -> tuple[list[CellScores], list[CellScores]]:
    """The cells of two result sets; large ones are read at the same time, each by a process of its own.

    Raises:
        UsageError, IntegrityError: as `load_side`.
    """
    if min(_bytes(baseline), _bytes(candidate)) < _LARGE:
        return load_side(baseline), load_side(candidate)
    # Spawned: a fork may inherit a lock that some library's thread holds.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        reading = pool.submit(load_side, baseline)
        there = load_side(candidate)
        return reading.result(), there


def _bytes(name: str) -> int:
    """Of the journal that a name most likely means; 0 where it isn't plain."""
    candidates = (path / JOURNAL if path.is_dir() else path for path in (Path(name), RUNS / name))
    return next((path.stat().st_size for path in candidates if path.is_file()), 0)


def _read_file(path: Path) -> list[CellScores]:
    """A baseline says so by its name or its first bytes; everything else has to be a journal."""
    with path.open("rb") as file:
        begins = file.read(len(_BASELINE_BEGINS))
    return read_baseline(path) if path.name == BASELINE or begins == _BASELINE_BEGINS else load_scores(path)


def _read_run(name: str) -> list[CellScores]:
    found = sorted(RUNS.glob(f"*/{FOLDER}/{name}*.json")) if _RUN_ID.fullmatch(name) else []
    if len(found) != 1:
        expected = f"a folder with {JOURNAL} or {BASELINE}, the name of one in {RUNS}, or a run's id"
        got = f"{name!r}, which fits {len(found)} runs" if found else f"{name!r}, which is none"
        raise UsageError(expected, got, "run srbench first, or check the path")
    return load_scores(found[0].parents[1], provenance=found[0].stem)
