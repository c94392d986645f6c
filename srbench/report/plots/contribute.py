"""Plots on the site: pages of boards, parts of the index and of datasets' and models' pages, and files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from srbench.report.load import Report
from srbench.report.names import stem
from srbench.report.plots import rows, scatter, svg
from srbench.report.plots.choose import Cells, Chosen, board_plots, cells_of, model_plots
from srbench.report.plots.data import LeftOut, Plot, Ranks, Scatter, Table, series_shown
from srbench.report.site import INDEX, Contribution, File, Link, Page, Part
from srbench.report.views import Board

LIST = "plots.html"
STYLES, SCRIPTS = ("plots.css",), ("plots.js", "download.js")
_KINDS = ("latency", "params", "macs", "plane", "images", "ranks")
_ON_DATASETS = ("plane", "images", "ranks")


@dataclass(frozen=True)
class Key:
    """A series in a legend: its place, its colour's class, its marks' outline, its name."""

    place: int
    style: str
    outline: str
    name: str


@dataclass(frozen=True)
class Figure:
    """A plot as a page shows it.

    Attributes:
        id: of its element; its file's name, too.
        board: the name of its board; empty if it is of several.
        picture: markup, escaped.
        file: its picture alone, to download; empty if there is none.
    """

    id: str
    title: str
    conditions: str
    picture: Markup
    file: str
    keys: tuple[Key, ...]
    table: Table
    left_out: LeftOut
    by_row: bool
    board: str = ""


@dataclass(frozen=True)
class Figures:
    """Figures of one section; with `choice` one is shown at a time, `more` is the way to others."""

    figures: tuple[Figure, ...]
    choice: bool = False
    more: str = ""


@dataclass(frozen=True)
class BoardLine:
    """A board in the list of plots."""

    path: str
    name: str
    count: int


def draw(plot: Plot, slug: str) -> str:
    """A plot's picture, for a page."""
    if isinstance(plot, Scatter):
        return scatter.draw(plot, slug)
    return rows.draw_ranks(plot, slug) if isinstance(plot, Ranks) else rows.draw_strips(plot, slug)


def figure(plot: Plot, slug: str, file: str = "", board: str = "") -> Figure:
    """A plot with all that stands around it."""
    keys = tuple(Key(i, svg.series_class(i), svg.shape(i), name) for i, name in series_shown(plot))
    return Figure(
        id=slug,
        title=plot.title,
        conditions=plot.conditions,
        picture=Markup(draw(plot, slug)),  # noqa: S704 (`svg` escapes all text)
        file=file,
        keys=keys if len(keys) > 1 else (),
        table=plot.table,
        left_out=plot.left_out,
        by_row=not isinstance(plot, Scatter),
        board=board,
    )


def plot_pages(report: Report) -> Contribution:
    """Everything of plots that a site has."""
    cells = cells_of(report)
    of_boards = {board.key: _figures(board, report, cells) for board in report.boards}
    drawn = {key: found for key, found in of_boards.items() if found}
    if not drawn:
        return Contribution()
    parts = [_on_index(report, drawn), *_on_datasets(report, drawn), *_on_models(report, cells)]
    files = (File(one.figure.file, one.alone) for found in drawn.values() for one in found)
    return Contribution([Link("Plots", LIST)], _pages(report, drawn), parts, files)


@dataclass(frozen=True)
class _Drawn:
    """A board's plot as a figure, and as a file of its own."""

    chosen: Chosen
    figure: Figure
    alone: str


def _figures(board: Board, report: Report, cells: Cells) -> list[_Drawn]:
    found: list[_Drawn] = []
    for chosen in board_plots(board, report, cells):
        places = report.paths.boards[board.key], report.paths.datasets[chosen.key[0]]
        slug = "-".join((*map(stem, places), chosen.kind))
        slug += f"-{sum(one.figure.id.startswith(slug) for one in found) + 1}" if _taken(slug, found) else ""
        one = figure(chosen.plot, slug, f"plots/{slug}.svg", board.name)
        alone = svg.standalone(str(one.picture), one.title, one.conditions, series_shown(chosen.plot))
        found.append(_Drawn(chosen, one, alone))
    return found


def _taken(slug: str, found: Sequence[_Drawn]) -> bool:
    """A set of the same name with other pixels is on the board already."""
    return any(one.figure.id == slug for one in found)


def _page_of(report: Report, key: str) -> str:
    return f"plots/{stem(report.paths.boards[key])}.html"


def _pages(report: Report, drawn: Mapping[str, Sequence[_Drawn]]) -> Iterator[Page]:
    names = {board.key: board.name for board in report.boards}
    lines = [BoardLine(_page_of(report, key), names[key], len(found)) for key, found in drawn.items()]
    yield Page(LIST, "plots.html.j2", "Plots", lines)
    for key, found in drawn.items():
        view = Figures(tuple(one.figure for one in found), choice=True)
        yield Page(
            _page_of(report, key), "plots_board.html.j2", f"Plots: {names[key]}", view, STYLES, SCRIPTS
        )


def _part(page: str, view: Figures) -> Part:
    return Part(page, "plots", "Plots", "plots_part.html.j2", view, STYLES, SCRIPTS)


def _on_index(report: Report, drawn: Mapping[str, Sequence[_Drawn]]) -> Part:
    """Of each board the plot that tells most: of quality and cost, with the most models and images."""
    items = {group.key: group.items for board in report.boards for group in board.groups}

    def telling(one: _Drawn) -> tuple[bool, int, int]:
        plot = one.chosen.plot
        count = sum(point.ranked for point in plot.points) if isinstance(plot, Scatter) else 0
        return count > 1, -_KINDS.index(one.chosen.kind.partition("-")[0]), count + items[one.chosen.key]

    best = tuple(max(found, key=telling).figure for found in drawn.values())
    return _part(INDEX, Figures(best, choice=True, more=LIST))


def _on_datasets(report: Report, drawn: Mapping[str, Sequence[_Drawn]]) -> Iterator[Part]:
    of_sets: dict[str, list[Figure]] = defaultdict(list)
    for found in drawn.values():
        for one in found:
            if one.chosen.kind in _ON_DATASETS:
                of_sets[one.chosen.key[0]].append(one.figure)
    for name, figures in of_sets.items():
        yield _part(report.paths.datasets[name], Figures(tuple(figures), choice=True, more=LIST))


def _on_models(report: Report, cells: Cells) -> Iterator[Part]:
    for model, plot in model_plots(report, cells):
        yield _part(report.paths.models[model], Figures((figure(plot, "images"),)))
