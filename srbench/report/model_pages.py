"""A page for each model: its card, all that it scored, image by image, and how to make each row again."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from srbench.report.catalog import Catalog
from srbench.report.commands import command_of
from srbench.report.costs import three_digits
from srbench.report.entries import DASH, NOT_RUN, Column, Entry
from srbench.report.index import counted_params
from srbench.report.load import Report
from srbench.report.names import stem
from srbench.report.origins import Origin
from srbench.report.plain import plain
from srbench.report.site import Contribution, Link, Page
from srbench.report.views import Board, Group
from srbench.store.aggregate import CellResult, ItemResult, mean_of_items
from srbench.types import ModelInfo, Weights

LIST = "models.html"
_Place = tuple[Board, int]
_Cells = Mapping[tuple[str, str, str, str], CellResult]
"""A model's cells by protocol signature, inference, dataset and pixels."""


@dataclass(frozen=True)
class WeightsFile:
    """A checkpoint of a card."""

    scales: str
    file: str
    sha256: str
    size: str
    licence: str
    degradation: str


@dataclass(frozen=True)
class Scored:
    """One number of a cell, and the interval of its rank; `column` says what it is."""

    column: Column
    entry: Entry
    rank: str = ""


@dataclass(frozen=True)
class Item:
    """One image or clip of a cell, and its values in the cell's columns."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Stand:
    """What a model came to in one cell.

    Attributes:
        id: of its section on the page: ``classic-x4-set5``.
        scores: in the order of its table's metrics; None for one that its set does not have.
        remarks: what is to be known about the numbers, or why there is none.
        command: that makes the row again; empty if it is not known.
        origins: ids of the runs that measured it.
    """

    id: str
    signature: str
    dataset: str
    dataset_path: str
    status: str
    reason: str
    remarks: str
    expected: int
    scores: tuple[Scored | None, ...]
    items: tuple[Item, ...]
    command: str
    origins: tuple[str, ...]


@dataclass(frozen=True)
class ModelTable:
    """A model's row of one board, one line a test set."""

    board: str
    board_id: str
    inference: str
    metrics: tuple[str, ...]
    stands: tuple[Stand, ...]


@dataclass(frozen=True)
class CostLine:
    """What a model costs under one set-up; `remarks` as those of `Stand`."""

    setup: str
    scores: tuple[Scored, ...]
    remarks: str = ""


@dataclass(frozen=True)
class ModelPage:
    """What a model's page shows; a fact that is not known is an empty text."""

    name: str
    title: str
    facts: tuple[tuple[str, str], ...]
    weights: tuple[WeightsFile, ...]
    tables: tuple[ModelTable, ...]
    costs: tuple[CostLine, ...]
    origins: tuple[Origin, ...]


@dataclass(frozen=True)
class ModelLine:
    """A model in the list of models."""

    path: str
    name: str
    title: str
    family: str
    params: str
    trained_on: str
    cells: int


def model_pages(report: Report) -> Contribution:
    """The list of models, and a page for each."""
    by_model: dict[str, list[CellResult]] = defaultdict(list)
    for result in report.results:
        by_model[result.cell.model].append(result)
    rows = _rows(report)
    lines = [
        _line(name, len(results), rows.get(name, ()), report) for name, results in sorted(by_model.items())
    ]
    listed = Page(LIST, "models.html.j2", "Models", sorted(lines, key=lambda line: line.title.lower()))
    return Contribution([Link("Models", LIST)], pages=_pages(listed, by_model, rows, report))


def _rows(report: Report) -> Mapping[str, Sequence[_Place]]:
    rows: dict[str, list[_Place]] = defaultdict(list)
    for board in report.boards:
        for place, row in enumerate(board.rows):
            rows[row.key[0]].append((board, place))
    return rows


def _pages(
    listed: Page,
    by_model: Mapping[str, Sequence[CellResult]],
    rows: Mapping[str, Sequence[_Place]],
    report: Report,
) -> Iterator[Page]:
    yield listed
    origins = {origin.id: origin for origin in report.origins}
    for name, results in by_model.items():
        view = model_page(name, results, rows.get(name, ()), report, origins)
        yield Page(report.paths.models[name], "model.html.j2", view.title, view)


def _line(name: str, cells: int, rows: Sequence[_Place], report: Report) -> ModelLine:
    card = report.catalog.card(name)
    return ModelLine(
        report.paths.models[name],
        plain(name),
        plain(report.catalog.titles.get(name, name)),
        plain(card.family) if card is not None else "",
        _parameters(card, rows),
        plain(", ".join(card.trained_on)) if card is not None else "",
        cells,
    )


def model_page(
    name: str,
    results: Sequence[CellResult],
    rows: Sequence[_Place],
    report: Report,
    origins: Mapping[str, Origin],
) -> ModelPage:
    """A model's page.

    Args:
        name: as its cells have it.
        results: its cells.
        rows: its rows: the board, and the place there.
        report: what else is known.
        origins: provenances by id.
    """
    cells = {(r.cell.signature, r.cell.inference, r.cell.dataset, r.cell.pixels): r for r in results}
    seen: Counter[str] = Counter()
    tables = tuple(_table(board, place, cells, report, origins, seen) for board, place in rows)
    used = dict.fromkeys(origin for table in tables for stand in table.stands for origin in stand.origins)
    return ModelPage(
        name=plain(name),
        title=plain(report.catalog.titles.get(name, name)),
        facts=tuple(_facts(name, rows, report.catalog)),
        weights=tuple(_weights(report.catalog.card(name))),
        tables=tables,
        costs=tuple(_costs(rows)),
        origins=tuple(origins[origin] for origin in used if origin in origins),
    )


def _table(
    board: Board,
    place: int,
    cells: _Cells,
    report: Report,
    origins: Mapping[str, Origin],
    seen: Counter[str],
) -> ModelTable:
    row = board.rows[place]
    groups = [(g, scores) for g, scores in _grouped(board, place) if not g.cost and _is_measured(scores)]
    metrics = {score.column.key[2:]: score.column.title for _, scores in groups for score in scores}
    board_id = stem(report.paths.boards[board.key])
    stands = []
    for group, scores in groups:
        id = f"{board_id}-{stem(report.paths.datasets[group.key[0]])}"
        seen[id] += 1  # the same cell under another inference has a number
        id = id if seen[id] == 1 else f"{id}-{seen[id]}"
        result = cells.get((board.key, row.key[1], *group.key)) or cells[board.key, "", *group.key]
        stands.append(_stand(id, group, result, scores, list(metrics), report, origins))
    return ModelTable(board.name, board_id, row.inference, tuple(metrics.values()), tuple(stands))


def _grouped(board: Board, place: int) -> Iterator[tuple[Group, tuple[Scored, ...]]]:
    """A row's entries, dataset by dataset."""
    row, start = board.rows[place], 0
    for group in board.groups:
        columns = range(start, start := start + group.columns)
        yield group, tuple(Scored(board.columns[i], row.entries[i], _rank(board, i, place)) for i in columns)


def _rank(board: Board, column: int, row: int) -> str:
    found = board.ranks[column].ranks.get(row) if board.ranks else None
    return found.text if found is not None else ""


def _is_measured(scores: Iterable[Scored]) -> bool:
    return any(score.entry.status != NOT_RUN for score in scores)


def _stand(
    id: str,
    group: Group,
    result: CellResult,
    scores: Sequence[Scored],
    metrics: Sequence[tuple[str, str]],
    report: Report,
    origins: Mapping[str, Origin],
) -> Stand:
    used = tuple(dict.fromkeys(item.record.provenance for item in result.items if item.record.provenance))
    argv = next((origins[name].argv for name in used if name in origins), ())
    found = {score.column.key[2:]: score for score in scores}
    shown = tuple(found.get(metric) for metric in metrics)
    reasons = dict.fromkeys(score.entry.reason for score in scores if score.entry.reason)
    return Stand(
        id=id,
        signature=plain(result.cell.signature),
        dataset=group.dataset,
        dataset_path=report.paths.datasets[group.key[0]],
        status=result.status,
        reason=plain(result.reason),
        remarks="; ".join(reasons),
        expected=result.expected,
        scores=shown,
        items=tuple(
            _item(item, [score.column for score in shown if score is not None]) for item in result.items
        ),
        command=plain(command_of(result.cell, argv)),
        origins=tuple(map(plain, used)),
    )


def _item(item: ItemResult, columns: Sequence[Column]) -> Item:
    return Item(plain(item.name), tuple([_value(item, column) for column in columns]))


def _value(item: ItemResult, column: Column) -> str:
    score = item.scores.get(column.key[2:])
    if score is None or not score.values:
        return DASH
    only = score.values[0] if len(score.values) == 1 else mean_of_items([score.values]).value
    return f"{only:.{column.decimals}f}"


def _costs(rows: Iterable[_Place]) -> Iterator[CostLine]:
    """What stands on several boards of one scale is the same figure: once."""
    found = {
        (board.scale, group.dataset): scores
        for board, place in rows
        for group, scores in _grouped(board, place)
        if group.cost and _is_timed(scores)
    }
    for (scale, setup), scores in found.items():
        reasons = dict.fromkeys(score.entry.reason for score in scores if score.entry.reason)
        yield CostLine(f"x{scale}, {setup}", scores, "; ".join(reasons))


def _is_timed(scores: Iterable[Scored]) -> bool:
    return any(score.entry.value is not None for score in scores)


# ------------------------------------------------------------------------------------- the card


def _facts(name: str, rows: Sequence[_Place], catalog: Catalog) -> Iterator[tuple[str, str]]:
    """What is known of a model, as label and text."""
    card = catalog.card(name)
    yield "name", plain(name)
    if card is None:
        return
    facts = {
        "family": card.family,
        "paper": card.paper,
        "licence": card.licence,
        "parameters": _parameters(card, rows),
        "trained on": ", ".join(card.trained_on),
        "scales": ", ".join(f"x{scale}" for scale in card.scales),
        "works on": _KINDS[card.kind],
        "channels": "luma (Y)" if card.channels == "y" else "RGB",
        "published as": card.published_as,
    }
    yield from ((label, plain(text)) for label, text in facts.items() if text)


_KINDS = {"still": "single images", "window": "a window of frames", "sequence": "a sequence of frames"}


def _parameters(card: ModelInfo | None, rows: Sequence[_Place]) -> str:
    """What the card says and, where that differs, what was counted: ``0.715 M counted at x4``."""
    of_card = "" if card is None or card.params is None else _millions(card.params / 1e6)
    counts = ((board.scale, counted_params(board, board.rows[place])) for board, place in rows)
    counted = {scale: _millions(count) for scale, count in counts if count is not None}
    if set(counted.values()) <= {of_card}:
        return of_card
    said = [f"{of_card} by its card"] if of_card else []
    return "; ".join([*said, *(f"{text} counted at x{scale}" for scale, text in sorted(counted.items()))])


def _millions(count: float) -> str:
    return f"{three_digits(count)} M" if count else "none"


def _weights(card: ModelInfo | None) -> Iterator[WeightsFile]:
    for weights in card.weights if card is not None else ():
        yield _weights_file(weights)


def _weights_file(weights: Weights) -> WeightsFile:
    size = weights.asset.size
    return WeightsFile(
        scales=", ".join(f"x{scale}" for scale in weights.scales),
        file=plain(weights.asset.name),
        sha256=plain(weights.asset.sha256),
        size=f"{size / 1e6:.1f} MB" if size else "",
        licence=plain(weights.licence),
        degradation=plain(weights.degradation),
    )
