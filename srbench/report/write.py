"""From a run's folder to report files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from srbench.errors import UsageError
from srbench.report.ablation_pages import ablation_pages
from srbench.report.catalog import Catalog
from srbench.report.dataset_pages import dataset_pages
from srbench.report.huggingface import cards
from srbench.report.index import index_page
from srbench.report.latex import latex
from srbench.report.load import Report, load_report
from srbench.report.markdown import markdown
from srbench.report.model_pages import model_pages
from srbench.report.picture_pages import forget_pictures, picture_pages
from srbench.report.plots.contribute import plot_pages
from srbench.report.site import Contributor, write_site
from srbench.report.tables import csv_text
from srbench.report.whole import whole_text
from srbench.store.aggregate import without_collector
from srbench.store.files import write_whole

CONTRIBUTORS: tuple[Contributor, ...] = (
    index_page,
    model_pages,
    dataset_pages,
    plot_pages,
    picture_pages,
    ablation_pages,
)
"""Who makes the site. A part stands on its page in this order, after the page's own content."""


_WEB = re.compile(r"https?://[^\s/]", re.I)
HUB = "huggingface"
"""The folder of model cards' metadata."""


def _html(report: Report, out: Path) -> list[Path]:
    written = write_site(report, out, CONTRIBUTORS)
    forget_pictures(out, written)
    return written


def _text(name: str, text: Callable[[Report], str]) -> Callable[[Report, Path], list[Path]]:
    """A format of one file."""
    return lambda report, out: [write_whole(out / name, text(report), "choose another with --out")]


def _hub(report: Report, out: Path) -> list[Path]:
    """A file for each model."""
    hint = "choose another with --out"
    return [write_whole(out / HUB / f"{card.name}.yaml", card.text, hint) for card in cards(report)]


FORMATS: dict[str, Callable[[Report, Path], list[Path]]] = {
    "html": _html,
    "md": _text("leaderboard.md", lambda report: markdown(report.boards)),
    "csv": _text("leaderboard.csv", lambda report: csv_text(report.boards)),
    "json": _text("leaderboard.json", whole_text),
    "latex": _text("leaderboard.tex", lambda report: latex(report.boards)),
    "hf": _hub,
}
"""Writer of each format: what it wrote, the file to open first."""


def write_report(
    folder: Path,
    out: Path,
    formats: Iterable[str] = ("html", "md", "csv"),
    catalog: Catalog | None = None,
    timed: Sequence[Path] = (),
    *,
    private: bool = False,
    url: str = "",
    ablations: Path | None = None,
) -> list[Path]:
    """Write a run's report into the folder `out`; the same journal gives the same bytes.

    Raises:
        UsageError: no journal, an unknown format, or a `url` that is none of the web.
        IntegrityError: the journal is broken before its last line.
        NothingMeasured: the journal has no record.
        StorageError: a file can't be written.
    """
    chosen = list(dict.fromkeys(formats))
    for name in chosen:
        if name not in FORMATS:
            raise UsageError("a report format", repr(name), f"use one of {', '.join(FORMATS)}")
    if url and not _WEB.match(url):
        raise UsageError("an address that begins with http:// or https://", repr(url), "give the site's")
    with without_collector():
        report = load_report(folder, catalog, timed, private=private, url=url, ablations=ablations)
        return [path for name in chosen for path in FORMATS[name](report, out)]
