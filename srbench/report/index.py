"""The leaderboard: the first page, and a plain page for each board that is too long for it."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from srbench.report.catalog import Catalog
from srbench.report.entries import Entry
from srbench.report.load import Report
from srbench.report.names import Paths, file_names, stem
from srbench.report.origins import Origin
from srbench.report.plain import plain
from srbench.report.ranks import NO_RANKS, Rank
from srbench.report.site import INDEX, Contribution, Link, Page
from srbench.report.views import Board, Group, Row
from srbench.types import ModelInfo

LONG = 100
"""Rows of a board that stand in the first page as they are; a longer board's others are the script's."""
_HUGE = 1e308
WEIGHTS = ("published", "none needed", "not published")


@dataclass(frozen=True)
class Facts:
    """What rows are chosen by: all that is known of a model beside its numbers.

    Attributes:
        params: millions; None if not known.
        weights: one of `WEIGHTS`.
    """

    family: str
    params: float | None
    trained_on: tuple[str, ...]
    weights: str


@dataclass(frozen=True)
class ShownRow:
    """A row, the way to its model's page, its facts, and its rank in the board's first ranked column."""

    row: Row
    path: str
    facts: Facts
    rank: Rank | None

    @property
    def search(self) -> str:
        """What a search looks into, in lower case."""
        return " ".join((self.row.title, self.row.model, self.row.inference, self.facts.family)).lower()


@dataclass(frozen=True)
class ShownColumn:
    """A column as a script knows it.

    Attributes:
        id: in an address: ``set5.psnr-y``; unique on its board.
        group: the place of its dataset among the board's groups.
    """

    id: str
    title: str
    metric: str
    direction: str
    group: int
    cost: bool
    basis: str


@dataclass(frozen=True)
class ShownGroup:
    """A dataset of a board, or a machine's costs; `id` in an address, `path` of a dataset's page."""

    id: str
    group: Group
    path: str


@dataclass(frozen=True)
class ShownBoard:
    """A board with everything its page and its script need.

    Attributes:
        id: of its section, and in an address: ``classic-x4``.
        long: it has rows that do not stand in the first page; `path` has them all.
        sorted_by: the column that rows are sorted by, and ranks are of; -1 if none is ranked.
        values: column by column, row by row; what sorting goes by.
        ranks: column by column, row by row: text and band, or None.
    """

    id: str
    path: str
    board: Board
    groups: tuple[ShownGroup, ...]
    columns: tuple[ShownColumn, ...]
    rows: tuple[ShownRow, ...]
    long: bool
    sorted_by: int
    values: tuple[tuple[float | None, ...], ...]
    ranks: tuple[tuple[tuple[str, int | None] | None, ...] | None, ...]

    @property
    def first(self) -> tuple[ShownRow, ...]:
        """The rows of the first page."""
        return self.rows[:LONG]

    @property
    def facts(self) -> tuple[tuple[str, str, float | None, tuple[str, ...], str], ...]:
        """Row by row, for a script: search text, family, parameters, training sets, weights."""
        return tuple(
            (r.search, r.facts.family, r.facts.params, r.facts.trained_on, r.facts.weights) for r in self.rows
        )


@dataclass(frozen=True)
class Index:
    """What the leaderboard shows; the choices of its filters are those that occur."""

    boards: tuple[ShownBoard, ...]
    counts: tuple[tuple[str, int], ...]
    origins: tuple[Origin, ...]
    measured: str
    families: tuple[str, ...]
    trained_on: tuple[str, ...]
    weights: tuple[str, ...]
    metrics: tuple[tuple[str, str], ...]


def index_page(report: Report) -> Contribution:
    """The page of all boards."""
    view = index(report)
    page = Page(INDEX, "index.html.j2", "Super-resolution leaderboard", view, scripts=("boards.js",))
    long = (_long_page(board) for board in view.boards if board.long)
    return Contribution(nav=[Link("Leaderboard", INDEX)], pages=[page, *long])


def _long_page(board: ShownBoard) -> Page:
    return Page(board.path, "whole_board.html.j2", board.board.name, board)


def index(report: Report) -> Index:
    """What the leaderboard shows of a report."""
    boards = tuple(shown_board(board, report.paths, report.catalog) for board in report.boards)
    rows = [row.facts for board in boards for row in board.rows]
    metrics = {column.metric: column.title for board in boards for column in board.columns if column.metric}
    return Index(
        boards=boards,
        counts=report.counts,
        origins=report.origins,
        measured=report.measured,
        families=tuple(sorted({facts.family for facts in rows} - {""})),
        trained_on=tuple(sorted({name for facts in rows for name in facts.trained_on})),
        weights=tuple(word for word in WEIGHTS if word in {facts.weights for facts in rows}),
        metrics=tuple(metrics.items()),
    )


def shown_board(board: Board, paths: Paths, catalog: Catalog) -> ShownBoard:
    """A board with the ways to other pages, and what a script needs."""
    ranks = board.ranks or (NO_RANKS,) * len(board.columns)
    ranked = next((place for place, found in enumerate(ranks) if found.ranks), -1)
    groups = tuple(_groups(board, paths))
    path = paths.boards[board.key]
    return ShownBoard(
        id=stem(path),
        path=path,
        board=board,
        groups=groups,
        columns=tuple(_columns(board, groups)),
        rows=tuple(
            _row(row, ranks[ranked].ranks.get(i), board, paths, catalog) for i, row in enumerate(board.rows)
        ),
        long=len(board.rows) > LONG,
        sorted_by=ranked,
        values=tuple(tuple(_number(row.entries[i]) for row in board.rows) for i in range(len(board.columns))),
        ranks=tuple(_rank_texts(found.ranks, len(board.rows)) if found.ranks else None for found in ranks),
    )


def _groups(board: Board, paths: Paths) -> Iterator[ShownGroup]:
    costs = 0
    names = file_names(group.key[0] for group in board.groups if not group.cost)
    seen: Counter[str] = Counter()
    for group in board.groups:
        costs += group.cost
        id = f"cost{costs}" if group.cost else names[group.key[0]]
        seen[id] += 1
        path = "" if group.cost else paths.datasets[group.key[0]]
        yield ShownGroup(id if seen[id] == 1 else f"{id}-{seen[id]}", group, path)


def _columns(board: Board, groups: Sequence[ShownGroup]) -> Iterator[ShownColumn]:
    ends = [0]
    for shown in groups:
        ends.append(ends[-1] + shown.group.columns)
    ranks = board.ranks or (NO_RANKS,) * len(board.columns)
    for place, (start, end) in enumerate(pairwise(ends)):
        seen: Counter[str] = Counter()
        for column, found in zip(board.columns[start:end], ranks[start:end], strict=True):
            name = re.sub(r"[^a-z0-9]+", "-", column.metric.lower()) or "status"
            seen[name] += 1  # one metric under two signatures has two columns
            id = f"{groups[place].id}.{name}" + (f"-{seen[name]}" if seen[name] > 1 else "")
            yield ShownColumn(
                id, column.title, column.metric, column.direction, place, column.cost, found.basis
            )


def _row(row: Row, rank: Rank | None, board: Board, paths: Paths, catalog: Catalog) -> ShownRow:
    name = row.key[0]
    return ShownRow(row, paths.models[name], facts_of(name, catalog, board, row), rank)


def facts_of(name: str, catalog: Catalog, board: Board, row: Row) -> Facts:
    """What a model's card and its timings say of it; without a card nothing is known."""
    card = catalog.card(name)
    if card is None:
        return Facts("", counted_params(board, row), (), WEIGHTS[2])
    return Facts(
        family=plain(card.family),
        params=_params(card, board, row),
        trained_on=tuple(map(plain, card.trained_on)),
        weights=_weights(card),
    )


def _params(card: ModelInfo, board: Board, row: Row) -> float | None:
    counted = counted_params(board, row)
    if counted is not None or card.params is None:
        return counted
    return card.params / 1e6


def counted_params(board: Board, row: Row) -> float | None:
    """Parameters as they were counted when the model was timed at this scale, in millions."""
    found = (
        e.value for c, e in zip(board.columns, row.entries, strict=True) if c.metric == "params" and c.cost
    )
    return next((value for value in found if value is not None), None)


def _weights(card: ModelInfo) -> str:
    if card.weights:
        return WEIGHTS[0]
    return WEIGHTS[1] if not card.dtypes and card.params == 0 else WEIGHTS[2]


def _number(entry: Entry) -> float | None:
    """A value as JSON can hold it."""
    if entry.value is None or math.isnan(entry.value):
        return None
    return round(entry.value, 6) if math.isfinite(entry.value) else math.copysign(_HUGE, entry.value)


def _rank_texts(ranks: Mapping[int, Rank], rows: int) -> tuple[tuple[str, int | None] | None, ...]:
    found = (ranks.get(place) for place in range(rows))
    return tuple((rank.text, rank.band) if rank is not None else None for rank in found)
