"""A board and one plot for a README: a block between two marks, made from results, checked against them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from srbench.errors import UsageError
from srbench.report.entries import Column, Entry
from srbench.report.load import Report
from srbench.report.markdown import code, escape
from srbench.report.plain import plain
from srbench.report.plots import svg
from srbench.report.plots.choose import Chosen, board_plots, cells_of
from srbench.report.plots.contribute import draw
from srbench.report.plots.data import Scatter, series_shown
from srbench.report.ranks import UNSURE
from srbench.report.views import Board, Row

BEGIN, END = "<!-- srbench readme: begin -->", "<!-- srbench readme: end -->"
_MARKS = {"best": "**{}**", "second": "<ins>{}</ins>"}
_COSTS = ("latency", "params")


@dataclass(frozen=True)
class Shown:
    """What a README shows: Markdown, and a picture."""

    text: str
    picture: str


def shown(
    report: Report, board_name: str, picture: str, command: str, datasets: Collection[str] = ()
) -> Shown:
    """One board and its most telling plot.

    Args:
        report: the results.
        board_name: ``classic x4``; the first board if empty.
        picture: the way from the README to the picture's file.
        command: that makes the block again.
        datasets: to show; all if empty.

    Raises:
        UsageError: there is no such board or dataset, or nothing of it to draw.
    """
    board = _board(report, board_name)
    scored = _scored(board, datasets)
    plot = _plot(board, report, datasets)
    alone = svg.standalone(draw(plot, "leaderboard"), plot.title, plot.conditions, series_shown(plot))
    lines_shown = [
        line
        for line, row in enumerate(board.rows)
        if any(row.entries[place].value is not None for place in scored)
    ]
    rows = [board.rows[line] for line in lines_shown]
    places = [*scored, *_costs(board, rows)]
    notes = _numbers(rows, places)
    lines = [
        BEGIN,
        "",
        f"![{escape(plot.title)}: {escape(plot.description)}]({picture})",
        "",
        *_table(board, lines_shown, places, notes),
        "",
        *_under(board, report, command),
        *_notes(board, notes),
        END,
    ]
    return Shown("\n".join(lines), alone)


def replaced(readme: str, block: str) -> str:
    """A README's text with its block replaced.

    Raises:
        UsageError: it has no block, or several.
    """
    if readme.count(BEGIN) != 1 or readme.count(END) != 1 or readme.index(BEGIN) > readme.index(END):
        raise UsageError(f"one line {BEGIN} and one {END} after it", "another text", "add both to the file")
    before, _, rest = readme.partition(BEGIN)
    return f"{before}{block}{rest.partition(END)[2]}"


def _board(report: Report, name: str) -> Board:
    found = next((board for board in report.boards if name in ("", board.name)), None)
    if found is None:
        known = ", ".join(board.name for board in report.boards)
        raise UsageError("a board of these results", repr(name), f"use one of {known}")
    return found


def _scored(board: Board, datasets: Collection[str]) -> list[int]:
    """The columns of scores on some datasets."""
    known = dict.fromkeys(column.dataset for column in board.columns if not column.cost)
    for name in datasets:
        if name not in known:
            raise UsageError(f"a dataset of {board.name}", repr(name), f"use some of {', '.join(known)}")
    chosen = datasets or known
    return [p for p, column in enumerate(board.columns) if not column.cost and column.dataset in chosen]


def _plot(board: Board, report: Report, datasets: Collection[str]) -> Scatter:
    """Quality against latency if it was timed (else parameters, perception), with most models and images."""
    items = {group.key: group.items for group in board.groups}
    order = ("latency", "params", "macs", "plane")

    def telling(one: Chosen) -> tuple[int, int]:
        assert isinstance(one.plot, Scatter)  # noqa: S101 (chosen below)
        return sum(point.ranked for point in one.plot.points), items[one.key]

    drawn = [
        one
        for one in board_plots(board, report, cells_of(report))
        if isinstance(one.plot, Scatter) and (not datasets or plain(one.key[0]) in datasets)
    ]
    for kind in order:
        of_kind = [one for one in drawn if one.kind.partition("-")[0] == kind]
        if of_kind:
            plot = max(of_kind, key=telling).plot
            assert isinstance(plot, Scatter)  # noqa: S101
            return plot
    raise UsageError("results with two quantities to plot", board.name, "score LPIPS, or time the models")


def _numbers(rows: Sequence[Row], places: Sequence[int]) -> Mapping[int, int]:
    """The block's own number of each of the board's notes that it shows, in reading order."""
    used = dict.fromkeys(note for row in rows for place in places for note in row.entries[place].notes)
    return {note: number for number, note in enumerate(used, 1)}


def _table(
    board: Board, lines: Sequence[int], places: Sequence[int], notes: Mapping[int, int]
) -> Iterator[str]:
    """Scores of all datasets, and of costs latency and parameters."""
    heads = [_head(board.columns[place]) for place in places]
    yield f"| {' | '.join(['Model', *heads])} |"
    yield f"|{'|'.join(['---', *('---:' for _ in places)])}|"
    for line in lines:
        row = board.rows[line]
        cells = [_cell(row.entries[place], notes, board.unsure(line, place)) for place in places]
        yield f"| {' | '.join([escape(row.title), *cells])} |"


def _costs(board: Board, rows: Sequence[Row]) -> list[int]:
    """Of each cost the column with most values, the first of them."""
    found = []
    for name in _COSTS:
        places = [
            place for place, column in enumerate(board.columns) if column.cost and column.metric == name
        ]
        counts = {place: sum(row.entries[place].value is not None for row in rows) for place in places}
        if counts and max(counts.values()):
            found.append(max(counts, key=lambda place: (counts[place], -place)))
    return found


def _head(column: Column) -> str:
    arrow = {"higher": " ↑", "lower": " ↓"}.get(column.direction, "")
    over = "" if column.cost else f"{escape(column.dataset)}<br>"
    return f"{over}{escape(column.title)}{arrow}"


def _cell(entry: Entry, numbers: Mapping[int, int], unsure: bool) -> str:
    """The number, and what papers print below it."""
    signs = [*(["≈"] if unsure else []), *(str(numbers[note]) for note in entry.notes)]
    notes = f" <sup>{','.join(signs)}</sup>" if signs else ""
    number = _MARKS.get(entry.mark, "{}").format(entry.text) + notes
    beside = entry.published
    return number if beside is None else f"{number}<br><sub>{beside.text} {escape(beside.remark)}</sub>"


def _under(board: Board, report: Report, command: str) -> Iterator[str]:
    """How to read it, and where it comes from."""
    cost = next((column for column in board.columns if column.cost), None)
    timed = f" Costs: {escape(cost.dataset.removeprefix('cost '))}." if cost is not None else ""
    yield f"{escape(board.name)}: `{code(board.signature)}`. Best bold, second underlined;"
    yield f"≈: {UNSURE}; below a number"
    yield f"what papers print, and measured minus printed.{timed} {escape(f'Measured {report.measured}.')}"
    yield f"`{code(command)}` makes this block and its plot; `--check` tells whether they are in step."
    yield ""


def _notes(board: Board, numbers: Mapping[int, int]) -> Iterator[str]:
    """The notes of what is shown."""
    if numbers:
        yield "<details><summary>Notes</summary>"
        yield ""
        yield from (
            f"- <sup>{number}</sup> {escape(board.notes[note - 1])}" for note, number in numbers.items()
        )
        yield ""
        yield "</details>"
        yield ""
