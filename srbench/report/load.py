"""A run's folder as everything that its report shows: read once, shared by all formats and pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from srbench.data.datasets import dataset_manifest
from srbench.data.manifest import Manifest
from srbench.errors import NothingMeasured, UsageError
from srbench.pictures.local import Box
from srbench.report.catalog import Catalog, installed
from srbench.report.names import Paths, paths_of
from srbench.report.origins import Origin, measured, origins, origins_named
from srbench.report.views import Board, boards, summary
from srbench.store.aggregate import CellResult, load_cells
from srbench.store.timings import read_timings
from srbench.types import Timing


@dataclass(frozen=True)
class Report:
    """Everything a report shows.

    Attributes:
        run: the run's folder; kept predictions lie below it.
        results: what each cell came to, with the records of its items.
        timings: of all machines, oldest first.
        measured: when, and with which version.
        manifests: of the datasets that are known here, by a cell's ``dataset``.
        paths: where each model's and dataset's page stands in the site.
        private: the site is for its maker's eyes alone: pictures show more than a licence lets one publish.
        url: the address under which the site will stand; empty if it is not known.
        ablations: a folder of ablations' folders, or None.
        disclosed: what the site shows so far of pictures whose licence note allows crops alone, by set and
            item: whoever shows one keeps to the rest of its share, and writes down what it shows.
    """

    run: Path
    results: tuple[CellResult, ...]
    timings: tuple[Timing, ...]
    catalog: Catalog
    boards: tuple[Board, ...]
    counts: tuple[tuple[str, int], ...]
    origins: tuple[Origin, ...]
    measured: str
    manifests: Mapping[str, Manifest]
    paths: Paths
    private: bool = False
    url: str = ""
    ablations: Path | None = None
    disclosed: dict[tuple[str, str], tuple[Box, ...]] = field(default_factory=dict)


def load_report(
    folder: Path,
    catalog: Catalog | None = None,
    timed: Sequence[Path] = (),
    *,
    private: bool = False,
    url: str = "",
    ablations: Path | None = None,
) -> Report:
    """The views of a run's folder (or journal); names are explained by what is installed, by default.

    Args:
        folder: the run's.
        catalog: what is known about names.
        timed: folders of further timings, of other machines for example; the run's own come last.
        private: as `Report.private`.
        url: as `Report.url`.
        ablations: as `Report.ablations`.

    Raises:
        UsageError: there is no journal.
        IntegrityError: the journal is broken before its last line.
        NothingMeasured: it has no record.
    """
    results = load_cells(folder)
    if not results:
        raise NothingMeasured("results to report", f"an empty journal in {folder}", "run srbench first")
    run = folder if folder.is_dir() else folder.parent
    timings = {place: read_timings(place) for place in (*timed, run)}
    together = tuple(timing for found in timings.values() for timing in found)
    known = installed() if catalog is None else catalog
    drawn = boards(results, known, together, ranked=True)
    return Report(
        run=run,
        results=tuple(results),
        timings=together,
        catalog=known,
        boards=tuple(drawn),
        counts=tuple(summary(results).items()),
        origins=_origins(run, results, timings),
        measured=measured(run, results),
        manifests=_manifests(results),
        paths=paths_of(results, drawn),
        private=private,
        url=url,
        ablations=ablations,
    )


def _manifests(results: Iterable[CellResult]) -> dict[str, Manifest]:
    """A set that nobody here knows, or whose manifest is broken, has results all the same."""
    found = {}
    for label in dict.fromkeys(result.cell.dataset for result in results):
        with suppress(UsageError):
            found[label] = dataset_manifest(label.partition("[")[0])
    return found


def _origins(
    run: Path, results: Sequence[CellResult], timings: Mapping[Path, Sequence[Timing]]
) -> tuple[Origin, ...]:
    found = {origin.id: origin for origin in origins(run, results)}
    for folder, timed in timings.items():
        for origin in origins_named(folder, (timing.provenance for timing in timed)):
            found.setdefault(origin.id, origin)
    return tuple(found.values())
