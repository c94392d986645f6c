"""Leaderboards as plain data: everything a page or a table shows is decided here, and testable as text.

One board per protocol signature. In a board, a column is one metric, under one metric signature, on one
dataset with one digest of pixels: two numbers that may not be compared are never in one column. A row is
one model under one inference signature.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from srbench.protocols import RECIPES, get_protocol
from srbench.report.catalog import Catalog
from srbench.report.costs import CostGroup, CostTable, columns_of, cost_table, entries_of
from srbench.report.entries import Column, Entry, entry_of
from srbench.report.plain import plain
from srbench.report.ranks import ColumnRanks, Rank, column_ranks
from srbench.store.aggregate import DONE, PARTIAL, CellResult
from srbench.types import MetricInfo, Status, Timing

_DATASETS = (
    "set5",
    "set14",
    "bsd100",
    "urban100",
    "manga109",
    "div2k-val",
    "vid4",
    "embedded",
    "embedded-clip",
)


@dataclass(frozen=True)
class Group:
    """Neighbouring columns of one dataset, or of the costs on one machine at one size.

    `key` is the dataset's label and its pixels' digest as the journal has them; of costs it is empty.
    """

    dataset: str
    pixels: str
    items: int
    columns: int
    cost: bool = False
    key: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Row:
    """One model under one inference signature, and its entries, column by column.

    `key` is the model and the inference as the journal has them.
    """

    model: str
    title: str
    inference: str
    entries: tuple[Entry, ...]
    key: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Board:
    """The numbers that may be compared: one protocol signature; `key` is it as the journal has it."""

    name: str
    protocol: str
    protocol_title: str
    scale: int
    signature: str
    groups: tuple[Group, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    key: str = ""
    ranks: tuple[ColumnRanks, ...] = ()
    """Column by column, where they were asked for."""

    def rank(self, row: int, column: int) -> Rank | None:
        """The rank, with its interval, of the entry at two places; None where it has none."""
        return self.ranks[column].ranks.get(row) if self.ranks else None

    def unsure(self, row: int, column: int) -> bool:
        """Whether an entry is marked best, and its interval does not tell it from the next."""
        rank = self.rank(row, column)
        return rank is not None and rank.worst > 1 and self.rows[row].entries[column].mark == "best"


@dataclass
class _Draft:
    """A board's cells while it is being made."""

    signature: str
    scale: int
    protocols: set[str] = field(default_factory=set)
    cells: dict[tuple[str, str, str, str], CellResult] = field(default_factory=dict)


def boards(
    results: Iterable[CellResult], catalog: Catalog, timings: Sequence[Timing] = (), *, ranked: bool = False
) -> list[Board]:
    """One board per protocol signature, in the order of protocols and scales.

    Args:
        results: what each cell came to.
        catalog: what is known about names.
        timings: oldest first; those of a board's models and scale become columns of cost.
        ranked: with intervals of ranks, which take a second for some thousand models.
    """
    drafts: dict[str, _Draft] = {}
    for result in results:
        cell = result.cell
        draft = drafts.setdefault(cell.signature, _Draft(cell.signature, cell.scale))
        draft.protocols.add(cell.protocol)
        draft.cells[cell.model, cell.inference, cell.dataset, cell.pixels] = result
    ordered = sorted(
        drafts.values(), key=lambda d: (_protocol_order(d), d.scale, bool(_replaced(d)), d.signature)
    )
    names = _board_names(ordered)
    return [_board(draft, name, catalog, timings, ranked) for draft, name in zip(ordered, names, strict=True)]


def _protocol_order(draft: _Draft) -> tuple[int, str]:
    name = min(draft.protocols)
    return (list(RECIPES).index(name) if name in RECIPES else len(RECIPES)), name


def _replaced(draft: _Draft) -> list[str]:
    """The parts of a signature that aren't those of its protocol as named."""
    name = min(draft.protocols)
    if name not in RECIPES:
        return []
    usual = get_protocol(name, draft.scale).signature.split("|")
    return [part for part in draft.signature.split("|") if part not in usual]


def _board_names(drafts: Sequence[_Draft]) -> list[str]:
    """``classic x4``; where fields were replaced, ``classic x4, bi:matlab-replicate-u8``; unique."""
    seen: dict[str, int] = {}
    names = []
    for draft in drafts:
        protocols = ", ".join(sorted(draft.protocols))
        name = plain(", ".join([f"{protocols} x{draft.scale}", *_replaced(draft)]))
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names


def _board(draft: _Draft, name: str, catalog: Catalog, timings: Sequence[Timing], ranked: bool) -> Board:
    _drop_superseded(draft)
    _join_unsigned(draft)
    runs = list(dict.fromkeys((model, inference) for model, inference, _, _ in draft.cells))
    scored = _columns(draft.cells.values(), catalog)
    costs = cost_table(timings, draft.scale, [model for model, _ in runs])
    columns = [*scored, *(column for group in costs.groups for column in columns_of(group))]
    rows = [_row(draft, model, inference, scored, costs, catalog) for model, inference in runs]
    rows = _sorted(rows, columns)
    rows, notes = _numbered(_marked(rows, columns))
    columns = [_shown(column) for column in columns]
    protocol = min(draft.protocols)
    return Board(
        name=name,
        protocol=plain(protocol),
        protocol_title=RECIPES[protocol].title if protocol in RECIPES else "",
        scale=draft.scale,
        signature=plain(draft.signature),
        groups=(*_groups(scored, draft.cells.values()), *map(_cost_group, costs.groups)),
        columns=tuple(columns),
        rows=tuple(rows),
        notes=notes,
        key=draft.signature,
        ranks=tuple(_ranks(draft, rows, columns)) if ranked else (),
    )


def _ranks(draft: _Draft, rows: Sequence[Row], columns: Sequence[Column]) -> Iterator[ColumnRanks]:
    for place, column in enumerate(columns):
        cells = [draft.cells.get((*row.key, *column.key[:2])) for row in rows]
        yield column_ranks([row.entries[place] for row in rows], cells, column)


def _drop_superseded(draft: _Draft) -> None:
    """Once a set has items here, cells written when it had none (``set5[0]``) tell nothing any more."""
    present = {_base(result.cell.dataset) for result in draft.cells.values() if result.items}
    for key, result in list(draft.cells.items()):
        if result.cell.dataset.endswith("[0]") and _base(result.cell.dataset) in present:
            del draft.cells[key]


def _join_unsigned(draft: _Draft) -> None:
    """A cell skipped before its inference was known stands in the rows of the model's known inferences."""
    known: dict[str, set[str]] = {}
    for model, inference, _, _ in draft.cells:
        known.setdefault(model, set()).update({inference} - {""})
    for (model, inference, *where), result in list(draft.cells.items()):
        if inference == "" and not result.items and known[model]:
            del draft.cells[model, "", where[0], where[1]]
            for signed in sorted(known[model]):
                draft.cells.setdefault((model, signed, where[0], where[1]), result)


# ---------------------------------------------------------------------------------------- columns


def _columns(results: Iterable[CellResult], catalog: Catalog) -> list[Column]:
    """Datasets in the field's order, metrics in the catalogue's; one without a number has one column."""
    sets: dict[tuple[str, str], dict[tuple[str, str], None]] = {}
    for result in results:
        metrics = sets.setdefault((result.cell.dataset, result.cell.pixels), {})
        metrics.update(dict.fromkeys((metric.name, metric.signature) for metric in result.metrics))
    known = list(catalog.metrics)
    columns = [
        _column(dataset, pixels, metric, signature, catalog)
        for dataset, pixels in sorted(sets, key=lambda key: (_dataset_order(key[0]), key))
        for metric, signature in sorted(sets[dataset, pixels], key=lambda m: (_place(known, m[0]), m))
        or [("", "")]
    ]
    before = [("", ""), *((column.dataset, column.pixels) for column in columns)]
    return [replace(c, first=(c.dataset, c.pixels) != b) for c, b in zip(columns, before, strict=False)]


def _dataset_order(label: str) -> int:
    return _place(_DATASETS, _base(label))


def _base(label: str) -> str:
    """The set's name in a label that may be of a part of it (``urban100[24]``)."""
    return label.partition("[")[0]


def _place(known: Sequence[str], name: str) -> int:
    return known.index(name) if name in known else len(known)


def _column(dataset: str, pixels: str, metric: str, signature: str, catalog: Catalog) -> Column:
    info: MetricInfo | None = catalog.metrics.get(metric)
    if info is None:
        return Column(dataset, pixels, metric, signature, metric or "status")
    return Column(dataset, pixels, metric, signature, info.title, info.unit, info.direction, info.decimals)


def _shown(column: Column) -> Column:
    return replace(
        column,
        dataset=plain(column.dataset),
        pixels=plain(column.pixels),
        metric=plain(column.metric),
        signature=plain(column.signature),
        title=plain(column.title),
        point=plain(column.point),
        machine=plain(column.machine),
        key=(column.dataset, column.pixels, column.metric, column.signature),
    )


def _groups(columns: Sequence[Column], results: Iterable[CellResult]) -> tuple[Group, ...]:
    items: dict[tuple[str, str], int] = {}
    for result in results:
        key = (result.cell.dataset, result.cell.pixels)
        items[key] = max(items.get(key, 0), result.expected)
    counts: dict[tuple[str, str], int] = {}
    for column in columns:
        counts[column.dataset, column.pixels] = counts.get((column.dataset, column.pixels), 0) + 1
    return tuple(
        Group(plain(key[0]), plain(key[1]), items[key], count, key=key) for key, count in counts.items()
    )


def _cost_group(group: CostGroup) -> Group:
    return Group(plain(group.label), plain(group.machine), 0, len(columns_of(group)), cost=True)


# ------------------------------------------------------------------------------------------- rows


def _row(
    draft: _Draft,
    model: str,
    inference: str,
    scored: Sequence[Column],
    costs: CostTable,
    catalog: Catalog,
) -> Row:
    entries = [
        entry_of(draft.cells.get((model, inference, column.dataset, column.pixels)), column, catalog)
        for column in scored
    ]
    for group in costs.groups:
        entries += entries_of(costs, group, model, inference, catalog)
    title = plain(catalog.titles.get(model, model))
    return Row(plain(model), title, plain(inference), tuple(entries), (model, inference))


def _sorted(rows: list[Row], columns: Sequence[Column]) -> list[Row]:
    """By the first column, best first, later ones breaking ties; unranked after ranked, dashes last."""

    def place(entry: Entry, column: Column) -> tuple[int, float]:
        if entry.value is None or math.isnan(entry.value):
            return 2, 0.0
        return (0 if entry.ranked else 1), entry.value if column.direction == "lower" else -entry.value

    def key(row: Row) -> tuple[list[tuple[int, float]], str, str]:
        return [place(e, c) for e, c in zip(row.entries, columns, strict=True)], row.model, row.inference

    return sorted(rows, key=key)


def _marked(rows: list[Row], columns: Sequence[Column]) -> list[Row]:
    """Rows with the best and second of each column marked, as far as the digits shown tell them apart.

    Ties share a mark; after several bests nobody is second.
    """
    marks = [_marks([row.entries[i] for row in rows], column) for i, column in enumerate(columns)]
    return [
        replace(row, entries=tuple(replace(e, mark=marks[i].get(e.text, "") if e.ranked else "")
                                   for i, e in enumerate(row.entries)))
        for row in rows
    ]  # fmt: skip


def _marks(entries: Sequence[Entry], column: Column) -> dict[str, str]:
    ranked = [entry for entry in entries if entry.ranked]
    texts = sorted({entry.text for entry in ranked}, key=float, reverse=column.direction == "higher")
    if len(ranked) < 2 or len(texts) < 2:
        return {}
    alone = sum(entry.text == texts[0] for entry in ranked) == 1
    return dict(zip(texts, ("best", "second") if alone and len(ranked) > 2 else ("best",), strict=False))


def _numbered(rows: Sequence[Row]) -> tuple[list[Row], tuple[str, ...]]:
    """Rows whose entries point at notes, and the notes: each reason once, in reading order."""
    numbers: dict[str, int] = {}
    numbered = []
    for row in rows:
        entries = []
        for entry in row.entries:
            number = numbers.setdefault(entry.reason, len(numbers) + 1) if entry.reason else 0
            entries.append(replace(entry, notes=(number,) if number else ()))
        numbered.append(replace(row, entries=tuple(entries)))
    return numbered, tuple(numbers)


def summary(results: Sequence[CellResult]) -> Mapping[str, int]:
    """How many cells came to what, most telling first; only what occurs."""
    order = (DONE, PARTIAL, Status.FAILED.value, Status.OOM.value, Status.TIMEOUT.value, Status.SKIPPED.value)
    counts = {status: sum(result.status == status for result in results) for status in order}
    return {status: count for status, count in counts.items() if count}
