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
    file = find_side(name)
    return _read_run(name) if file is None else _read_file(file)


def find_side(name: str) -> Path | None:
    """The journal or the baseline that a name means; None where there is neither: it may be a run's id."""
    for path in (Path(name), RUNS / name):
        for file in (path, path / JOURNAL, baseline_path(path), baseline_path(path / BLESSED)):
            if _is_file(file):
                return file
    return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long is none
        return False


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
    file = find_side(name)
    return 0 if file is None else file.stat().st_size


def _read_file(path: Path) -> list[CellScores]:
    """A baseline says so by its name or its first bytes; everything else has to be a journal."""
    try:
        with path.open("rb") as file:
            begins = file.read(len(_BASELINE_BEGINS))
    except OSError as error:
        got = f"{str(path)!r}: {error.strerror}"
        raise UsageError("a result set that can be read", got, "check the path") from error
    return read_baseline(path) if path.name == BASELINE or begins == _BASELINE_BEGINS else load_scores(path)


def _read_run(name: str) -> list[CellScores]:
    found = sorted(RUNS.glob(f"*/{FOLDER}/{name}*.json")) if _RUN_ID.fullmatch(name) else []
    if len(found) != 1:
        expected = f"a folder with {JOURNAL} or {BASELINE}, the name of one in {RUNS}, or a run's id"
        got = f"{name!r}, which fits {len(found)} runs" if found else f"{name!r}, which is none"
        raise UsageError(expected, got, "run srbench, or bless a run, first; or check the path")
    return load_scores(found[0].parents[1], provenance=found[0].stem)
