"""A page for each model: its card, all that it scored, image by image, and how to make each row again."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from srbench.report.catalog import Catalog
from srbench.report.commands import command_of
from srbench.report.costs import three_digits
from srbench.report.entries import DASH, NOT_RUN, Column, Entry
from srbench.report.load import Report
from srbench.report.names import stem
from srbench.report.origins import Origin
from srbench.report.plain import plain
from srbench.report.site import Contribution, Link, Page
from srbench.report.views import Board, Group, Row
from srbench.store.aggregate import CellResult, ItemResult, mean_of_items
from srbench.types import ModelInfo, Weights

LIST = "models.html"


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
    """One number of a cell."""

    column: Column
    entry: Entry


@dataclass(frozen=True)
class Item:
    """One image or clip of a cell: its values in the cell's columns, the provenance of its record."""

    name: str
    values: tuple[str, ...]
    origin: str


@dataclass(frozen=True)
class Stand:
    """What a model came to in one cell.

    Attributes:
        id: of its section on the page.
        board: the protocol and scale, and the way to it.
        command: that makes the row again; empty if it is not known.
        origins: ids of the runs that measured it.
    """

    id: str
    board: str
    signature: str
    dataset: str
    dataset_path: str
    inference: str
    status: str
    reason: str
    scores: tuple[Scored, ...]
    items: tuple[Item, ...]
    command: str
    origins: tuple[str, ...]


@dataclass(frozen=True)
class CostLine:
    """What a model costs under one set-up."""

    setup: str
    scores: tuple[Scored, ...]


@dataclass(frozen=True)
class ModelPage:
    """What a model's page shows; a fact that is not known is an empty text."""

    name: str
    title: str
    facts: tuple[tuple[str, str], ...]
    weights: tuple[WeightsFile, ...]
    stands: tuple[Stand, ...]
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
    lines = [_line(name, len(results), report) for name, results in sorted(by_model.items())]
    listed = Page(LIST, "models.html.j2", "Models", sorted(lines, key=lambda line: line.title.lower()))
    return Contribution([Link("Models", LIST)], pages=_pages(listed, by_model, report))


def _pages(listed: Page, by_model: Mapping[str, Sequence[CellResult]], report: Report) -> Iterator[Page]:
    yield listed
    rows: dict[str, list[tuple[Board, Row]]] = defaultdict(list)
    for board in report.boards:
        for row in board.rows:
            rows[row.key[0]].append((board, row))
    origins = {origin.id: origin for origin in report.origins}
    for name, results in by_model.items():
        view = model_page(name, results, rows[name], report, origins)
        yield Page(report.paths.models[name], "model.html.j2", view.title, view)


def _line(name: str, cells: int, report: Report) -> ModelLine:
    card = report.catalog.card(name)
    return ModelLine(
        report.paths.models[name],
        plain(name),
        plain(report.catalog.titles.get(name, name)),
        plain(card.family) if card is not None else "",
        _millions(card),
        plain(", ".join(card.trained_on)) if card is not None else "",
        cells,
    )


def model_page(
    name: str,
    results: Sequence[CellResult],
    rows: Sequence[tuple[Board, Row]],
    report: Report,
    origins: Mapping[str, Origin],
) -> ModelPage:
    """A model's page.

    Args:
        name: as its cells have it.
        results: its cells.
        rows: its rows on all boards.
        report: what else is known.
        origins: provenances by id.
    """
    cells = {(r.cell.signature, r.cell.inference, r.cell.dataset, r.cell.pixels): r for r in results}
    stands = tuple(
        _stand(board, row, group, scores, cells, report, origins)
        for board, row in rows
        for group, scores in _grouped(board, row)
        if not group.cost and _is_measured(scores)
    )
    used = dict.fromkeys(origin for stand in stands for origin in stand.origins)
    return ModelPage(
        name=plain(name),
        title=plain(report.catalog.titles.get(name, name)),
        facts=tuple(_facts(name, report.catalog)),
        weights=tuple(_weights(report.catalog.card(name))),
        stands=tuple(_numbered(stands)),
        costs=tuple(_costs(rows)),
        origins=tuple(origins[origin] for origin in used if origin in origins),
    )


def _grouped(board: Board, row: Row) -> Iterator[tuple[Group, tuple[Scored, ...]]]:
    """A row's entries, dataset by dataset."""
    start = 0
    for group in board.groups:
        end = start + group.columns
        found = zip(board.columns[start:end], row.entries[start:end], strict=True)
        yield group, tuple(Scored(column, entry) for column, entry in found)
        start = end


def _is_measured(scores: Iterable[Scored]) -> bool:
    return any(score.entry.status != NOT_RUN for score in scores)


def _stand(
    board: Board,
    row: Row,
    group: Group,
    scores: tuple[Scored, ...],
    cells: Mapping[tuple[str, str, str, str], CellResult],
    report: Report,
    origins: Mapping[str, Origin],
) -> Stand:
    result = cells.get((board.key, row.key[1], *group.key)) or cells[board.key, "", *group.key]
    used = tuple(dict.fromkeys(item.record.provenance for item in result.items if item.record.provenance))
    argv = next((origins[name].argv for name in used if name in origins), ())
    return Stand(
        id="-".join((stem(report.paths.boards[board.key]), stem(report.paths.datasets[group.key[0]]))),
        board=board.name,
        signature=board.signature,
        dataset=group.dataset,
        dataset_path=report.paths.datasets[group.key[0]],
        inference=row.inference,
        status=result.status,
        reason=plain(result.reason),
        scores=scores,
        items=tuple(_item(item, scores) for item in result.items),
        command=plain(command_of(result.cell, argv)),
        origins=tuple(map(plain, used)),
    )


def _item(item: ItemResult, scores: Sequence[Scored]) -> Item:
    values = tuple(_value(item, score.column) for score in scores)
    return Item(plain(item.name), values, plain(item.record.provenance))


def _value(item: ItemResult, column: Column) -> str:
    score = item.scores.get(column.key[2:])
    if score is None or not score.values:
        return DASH
    only = score.values[0] if len(score.values) == 1 else mean_of_items([score.values]).value
    return f"{only:.{column.decimals}f}"


def _numbered(stands: Iterable[Stand]) -> Iterator[Stand]:
    """Stands whose ids are unique: the same cell under another inference has a number."""
    seen: Counter[str] = Counter()
    for stand in stands:
        seen[stand.id] += 1
        yield stand if seen[stand.id] == 1 else replace(stand, id=f"{stand.id}-{seen[stand.id]}")


def _costs(rows: Iterable[tuple[Board, Row]]) -> Iterator[CostLine]:
    """What stands on several boards of one scale is the same figure: once."""
    found = {
        (board.scale, group.dataset): scores
        for board, row in rows
        for group, scores in _grouped(board, row)
        if group.cost and _is_timed(scores)
    }
    for (scale, setup), scores in found.items():
        yield CostLine(f"x{scale}, {setup}", scores)


def _is_timed(scores: Iterable[Scored]) -> bool:
    return any(score.entry.value is not None for score in scores)


# ------------------------------------------------------------------------------------- the card


def _facts(name: str, catalog: Catalog) -> Iterator[tuple[str, str]]:
    """What is known of a model, as label and text."""
    card = catalog.card(name)
    yield "name", plain(name)
    if card is None:
        return
    facts = {
        "family": card.family,
        "paper": card.paper,
        "licence": card.licence,
        "parameters": _millions(card),
        "trained on": ", ".join(card.trained_on),
        "scales": ", ".join(f"x{scale}" for scale in card.scales),
        "works on": _KINDS[card.kind],
        "channels": "luma (Y)" if card.channels == "y" else "RGB",
        "published as": card.published_as,
    }
    yield from ((label, plain(text)) for label, text in facts.items() if text)


_KINDS = {"still": "single images", "window": "a window of frames", "sequence": "a sequence of frames"}


def _millions(card: ModelInfo | None) -> str:
    if card is None or card.params is None:
        return ""
    return f"{three_digits(card.params / 1e6)} M" if card.params else "none"


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
