"""The leaderboard: the site's first page."""

from __future__ import annotations

from dataclasses import dataclass

from srbench.report.load import Report
from srbench.report.origins import Origin
from srbench.report.site import INDEX, Contribution, Link, Page
from srbench.report.views import Board


@dataclass(frozen=True)
class Index:
    """What the leaderboard shows."""

    boards: tuple[Board, ...]
    counts: tuple[tuple[str, int], ...]
    origins: tuple[Origin, ...]
    measured: str


def index_page(report: Report) -> Contribution:
    """The page of all boards."""
    view = Index(report.boards, report.counts, report.origins, report.measured)
    page = Page(INDEX, "index.html.j2", "Super-resolution leaderboard", view, scripts=("script.js",))
    return Contribution(nav=[Link("Leaderboard", INDEX)], pages=[page])
