"""Boards on a terminal: tables as wide as it is, and plain lines where there is no terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from rich import box
from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from srbench.report.catalog import Catalog
from srbench.report.costs import (
    COSTS,
    Cost,
    CostGroup,
    Taken,
    cost_table,
    entries_of_taken,
    in_words,
    taken_remarks,
)
from srbench.report.entries import DASH, NOT_RUN, Column, Entry
from srbench.report.views import Board, Row
from srbench.types import Timing

_STYLES = {"best": "bold green", "second": "green underline", "": ""}


def show(boards: Iterable[Board], console: Console) -> None:
    """Print all boards: tables on a terminal, else `lines`."""
    for board in boards:
        if console.is_terminal:
            console.print(_board(board, console))
        else:
            for line in lines(board):
                console.print(Text(line), soft_wrap=True)


def show_costs(timings: Sequence[Timing], catalog: Catalog, console: Console) -> None:
    """Print timings: for each machine, set-up and size a table on a terminal, else lines."""
    for scale in sorted({timing.spec.scale for timing in timings}):
        models = list(dict.fromkeys(timing.spec.model for timing in timings))
        table = cost_table(timings, scale, models)
        for group in table.groups:
            taken = [one for model in models for one in table.taken.get((group, model), ())]
            _show_group(group, [(one, entries_of_taken(one, catalog)) for one in taken], console)


def _show_group(group: CostGroup, rows: Sequence[tuple[Taken, Sequence[Entry]]], console: Console) -> None:
    console.print(Text(f"x{group.scale}, {group.label}", style="bold"), soft_wrap=True)
    if not console.is_terminal:
        for taken, entries in rows:
            console.print(Text(f"  {taken.first.spec.model}  {_cost_words(taken, entries)}"), soft_wrap=True)
        return
    table = Table(pad_edge=False, box=box.SIMPLE_HEAD)
    table.add_column("model", overflow="fold")
    for cost in COSTS:
        table.add_column(cost.title, justify="right", overflow="fold")
    for taken, entries in rows:
        said = "".join(f"\n{words}" for words in taken_remarks(taken))
        told = Text.assemble(taken.first.spec.model, (said, "dim"))
        table.add_row(told, *(_entry(entry) for entry in entries))
    console.print(table)


def _cost_words(taken: Taken, entries: Sequence[Entry]) -> str:
    figures = [_figure(cost, entry) for cost, entry in zip(COSTS, entries, strict=True)]
    said = f" [{'; '.join(found)}]" if (found := taken_remarks(taken)) else ""
    return f"{'  '.join(figures)}  {in_words(taken)}{said}"


def _figure(cost: Cost, entry: Entry) -> str:
    if entry.value is None:
        return f"{cost.name} {entry.text} ({entry.reason})"
    beside = f" (printed {entry.published.text})" if entry.published is not None else ""
    return f"{cost.name} {entry.text} {cost.unit}{beside}"


def lines(board: Board) -> Iterator[str]:
    """One line per model and dataset, as for a log; dashes come with their reason."""
    yield f"{board.name}  {board.signature}"
    names = Counter(row.model for row in board.rows)
    for row in board.rows:
        name = row.model if names[row.model] == 1 else f"{row.model} ({row.inference})"
        for dataset, pairs in _by_dataset(board, row):
            if any(entry.status != NOT_RUN for _, entry in pairs):
                yield f"  {name}  {dataset}  {_sentence(pairs)}"


def _sentence(pairs: Sequence[tuple[Column, Entry]]) -> str:
    reasons = {entry.reason for _, entry in pairs}
    if len(reasons) == 1 and all(entry.value is None for _, entry in pairs):
        return f"{DASH} ({reasons.pop()})"
    if len(reasons) == 1 and all(entry.value is not None for _, entry in pairs):
        remark = f" [{reason}]" if (reason := reasons.pop()) else ""
        return "  ".join(_words(column, replace(entry, reason="")) for column, entry in pairs) + remark
    return "  ".join(_words(column, entry) for column, entry in pairs)


def _by_dataset(board: Board, row: Row) -> Iterator[tuple[str, Sequence[tuple[Column, Entry]]]]:
    start = 0
    for group in board.groups:
        stop = start + group.columns
        yield group.dataset, list(zip(board.columns[start:stop], row.entries[start:stop], strict=True))
        start = stop


def _words(column: Column, entry: Entry) -> str:
    if entry.value is None:
        return f"{column.metric} {entry.text} ({entry.reason})".strip()
    beside = ""
    if entry.published is not None:
        beside = f" (published {entry.published.text}, {entry.published.remark})"
    remark = f" [{entry.reason}]" if entry.reason else ""
    unit = f" {column.unit}" if column.cost else ""
    return f"{column.metric} {entry.text}{unit}{beside}{remark}"


def _board(board: Board, console: Console) -> RenderableType:
    """One table if the terminal is wide enough, else one for each dataset."""
    heading = [Text(board.name, style="bold"), Text(board.signature, style="dim")]
    whole = _table(board, 0, len(board.columns), grouped=True)
    tables = [whole] if _width(whole, console) <= console.width else list(_split(board))
    notes = [Text(f"{number}. {note}", style="dim") for number, note in enumerate(board.notes, 1)]
    return Group(*heading, *tables, *notes, Text(""))


def _width(table: Table, console: Console) -> int:
    return Measurement.get(console, console.options.update(max_width=10_000), table).maximum


def _split(board: Board) -> Iterator[Table]:
    start = 0
    for group in board.groups:
        yield _table(board, start, start + group.columns, grouped=False, title=group.dataset)
        start += group.columns


def _table(board: Board, start: int, stop: int, *, grouped: bool, title: str = "") -> Table:
    table = Table(
        title=Text(title, style="bold") if title else None,
        title_justify="left",
        pad_edge=False,
        box=box.SIMPLE_HEAD,
    )
    table.add_column("model", overflow="fold")
    for column in board.columns[start:stop]:
        name = f"{column.dataset}\n{column.title}" if grouped else column.title
        table.add_column(Text(name), justify="right", overflow="fold")
    for row in board.rows:
        table.add_row(_model(row), *(_entry(entry) for entry in row.entries[start:stop]))
    return table


def _model(row: Row) -> Text:
    return Text.assemble(row.title, ("\n" + row.inference, "dim"))


def _entry(entry: Entry) -> Text:
    text = Text(entry.text, style=_STYLES[entry.mark])
    text.append("".join(f" [{number}]" for number in entry.notes), style="dim")
    if entry.published is not None:
        text.append(f"\n{entry.published.text} {entry.published.remark}", style="dim not bold not underline")
    return text
