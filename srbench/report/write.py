"""From a run's folder to report files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from srbench.errors import NothingMeasured, UsageError
from srbench.report.catalog import Catalog, installed
from srbench.report.markdown import markdown
from srbench.report.origins import Origin, measured, origins, origins_named
from srbench.report.tables import csv_text
from srbench.report.views import Board, boards, summary
from srbench.store.aggregate import CellResult, load_cells
from srbench.store.files import write_whole
from srbench.store.timings import read_timings
from srbench.types import Timing


@dataclass(frozen=True)
class Report:
    """Everything a report shows."""

    boards: tuple[Board, ...]
    counts: tuple[tuple[str, int], ...]
    origins: tuple[Origin, ...]
    measured: str = ""
    """when, and with which version"""


def load_report(folder: Path, catalog: Catalog | None = None, timed: Sequence[Path] = ()) -> Report:
    """The views of a run's folder (or journal); names are explained by what is installed, by default.

    Args:
        folder: the run's.
        catalog: what is known about names.
        timed: folders of further timings, of other machines for example; the run's own come last.

    Raises:
        UsageError: there is no journal.
        IntegrityError: the journal is broken before its last line.
        NothingMeasured: it has no record.
    """
    results: list[CellResult] = load_cells(folder)
    if not results:
        raise NothingMeasured("results to report", f"an empty journal in {folder}", "run srbench first")
    run = folder if folder.is_dir() else folder.parent
    timings = {place: read_timings(place) for place in (*timed, run)}
    together = [timing for found in timings.values() for timing in found]
    return Report(
        boards=tuple(boards(results, installed() if catalog is None else catalog, together)),
        counts=tuple(summary(results).items()),
        origins=_origins(run, results, timings),
        measured=measured(run, results),
    )


def _origins(
    run: Path, results: Sequence[CellResult], timings: Mapping[Path, Sequence[Timing]]
) -> tuple[Origin, ...]:
    found = {origin.id: origin for origin in origins(run, results)}
    for folder, timed in timings.items():
        for origin in origins_named(folder, (timing.provenance for timing in timed)):
            found.setdefault(origin.id, origin)
    return tuple(found.values())


def _html(report: Report) -> str:
    from srbench.report.render import html  # jinja2 is only needed here

    return html(report.boards, report.counts, report.origins, report.measured)


FORMATS: dict[str, tuple[str, Callable[[Report], str]]] = {
    "html": ("index.html", _html),
    "md": ("leaderboard.md", lambda report: markdown(report.boards)),
    "csv": ("leaderboard.csv", lambda report: csv_text(report.boards)),
}
"""File name and writer of each format."""


def write_report(
    folder: Path,
    out: Path,
    formats: Iterable[str] = ("html", "md", "csv"),
    catalog: Catalog | None = None,
    timed: Sequence[Path] = (),
) -> list[Path]:
    """Write a run's report into the folder `out`; the same journal gives the same bytes.

    Raises:
        UsageError: no journal, or an unknown format.
        IntegrityError: the journal is broken before its last line.
        NothingMeasured: the journal has no record.
        StorageError: a file can't be written.
    """
    chosen = list(dict.fromkeys(formats))
    for name in chosen:
        if name not in FORMATS:
            raise UsageError("a report format", repr(name), f"use one of {', '.join(FORMATS)}")
    report = load_report(folder, catalog, timed)
    hint = "choose another with --out"
    return [write_whole(out / FORMATS[name][0], FORMATS[name][1](report), hint) for name in chosen]
