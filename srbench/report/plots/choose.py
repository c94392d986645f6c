"""Which plots a board gives: for each dataset its quality against costs, and what its images say."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from srbench import stats
from srbench.report.entries import Column, Entry
from srbench.report.load import Report
from srbench.report.plain import plain
from srbench.report.plots.data import Axis, LeftOut, Plot, Point, Ranked, Ranks, Scatter, Strip, Strips
from srbench.report.views import Board, Row
from srbench.store.aggregate import CellResult, mean_of_items

MOST_POINTS = 200
MOST_ROWS = 24
MOST_RANKED = 40
BASELINE = "bicubic"
"""The model whose images' values are subtracted, where it was measured."""
_AGAINST = {"latency": "latency", "params": "parameters", "macs": "MACs"}
_DISTORTION, _PERCEPTION = ("psnr_y", "psnr_rgb"), ("lpips",)

Cells = Mapping[tuple[str, str, str, str, str], CellResult]
"""By protocol signature, model, inference, dataset and pixels."""


@dataclass(frozen=True)
class Chosen:
    """A plot of a board; `key` is its dataset's, as `Group.key`, and `kind` names it within that."""

    kind: str
    key: tuple[str, str]
    plot: Plot


@dataclass(frozen=True)
class Line:
    """A board's row with the name and the series that plots give it."""

    name: str
    series: str
    row: Row


def cells_of(report: Report) -> Cells:
    """A report's cells by what rows and columns are called in the journal."""
    found = {}
    for result in report.results:
        cell = result.cell
        found[cell.signature, cell.model, cell.inference, cell.dataset, cell.pixels] = result
    return found


def lines_of(board: Board, report: Report) -> list[Line]:
    """A board's rows: two of one title are told apart by their models, and then by their inferences."""
    titles = Counter(row.title for row in board.rows)
    models = Counter((row.title, row.model) for row in board.rows)
    lines = []
    for row in board.rows:
        more = [row.model] if titles[row.title] > models[row.title, row.model] else []
        more += [row.inference] if models[row.title, row.model] > 1 else []
        card = report.catalog.card(row.key[0])
        family = plain(card.family) if card is not None else "other"
        lines.append(Line(f"{row.title} ({', '.join(more)})" if more else row.title, family, row))
    return lines


def series_of(lines: Sequence[Line]) -> tuple[str, ...]:
    """A board's families, in the order of colours."""
    return tuple(sorted({line.series for line in lines}))


def board_plots(board: Board, report: Report, cells: Cells) -> Iterator[Chosen]:
    """All plots of a board, dataset by dataset; a plot without a point is none."""
    lines = lines_of(board, report)
    for main, places in _by_dataset(board):
        yield from sorted(
            _costs(board, lines, main), key=lambda one: list(_AGAINST).index(one.kind.partition("-")[0])
        )
        yield from _plane(board, lines, places)
        yield from _of_images(board, lines, main, cells)


def _by_dataset(board: Board) -> Iterator[tuple[int, list[int]]]:
    """The columns of each dataset, and before them the main one: the first whose direction is known."""
    found: dict[tuple[str, str], list[int]] = {}
    for place, column in enumerate(board.columns):
        if not column.cost:
            found.setdefault((column.key[0], column.key[1]), []).append(place)
    for places in found.values():
        main = next((place for place in places if board.columns[place].direction), None)
        if main is not None:
            yield main, places


def _order(kind: str) -> int:
    return list(_AGAINST).index(kind.partition("-")[0])


def _axis(column: Column, *, log: bool = False) -> Axis:
    if column.cost:
        return Axis(column.title.partition(",")[0], column.unit, "lower", log)
    return Axis(f"{column.title} on {column.dataset}", column.unit, column.direction, log, column.decimals)


# ------------------------------------------------------------------------- quality against costs


def _costs(board: Board, lines: Sequence[Line], main: int) -> Iterator[Chosen]:
    """Latency on each machine; MACs once for each size, and parameters once: no machine moves them."""
    kinds: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    for place in sorted(range(len(board.columns)), key=lambda p: -_count(board, p)):
        column = board.columns[place]
        what = column.metric, {"latency": str(place), "macs": column.point}.get(column.metric, "")
        if column.cost and column.metric in _AGAINST and what not in seen:
            seen.add(what)
            kinds[column.metric] += 1
            number = kinds[column.metric]
            kind = column.metric if number == 1 else f"{column.metric}-{number}"
            yield from _chosen(kind, board.columns[main], _against(board, lines, main, place))


def _count(board: Board, place: int) -> int:
    return sum(row.entries[place].value is not None for row in board.rows)


def _chosen(kind: str, column: Column, plot: Plot | None) -> Iterator[Chosen]:
    if plot is not None:
        yield Chosen(kind, (column.key[0], column.key[1]), plot)


def _against(board: Board, lines: Sequence[Line], main: int, place: int) -> Scatter | None:
    quality, cost = board.columns[main], board.columns[place]
    x, y = _axis(cost, log=True), _axis(quality)
    words = cost.dataset.removeprefix("cost ")
    measured = {"latency": f"{words}; ", "macs": f"one frame, {cost.point}; "}
    conditions = f"{measured.get(cost.metric, '')}{board.name}: {board.signature}"
    title = f"{quality.title} on {quality.dataset} against {_AGAINST[cost.metric]}"
    return _scatter(title, conditions, x, y, lines, place, main)


def _scatter(
    title: str, conditions: str, x: Axis, y: Axis, lines: Sequence[Line], across: int, up: int
) -> Scatter | None:
    points, left_out = [], []
    for line in lines:
        first, second = line.row.entries[across], line.row.entries[up]
        why = _unfit(first, x) or _unfit(second, y)
        if not why:
            points.append(_point(line, first, second, x.log))
        elif second.value is not None:
            left_out.append((line.name, why))
    plot = Scatter(title, conditions, x, y, tuple(points), series_of(lines), tuple(left_out))
    return _fewer(plot) if points else None


def _unfit(entry: Entry, axis: Axis) -> str:
    """Why a value can't stand on an axis; empty if it can."""
    if entry.value is None:
        return entry.reason or "no value"
    if not math.isfinite(entry.value):
        return f"{axis.title} is {entry.text}"
    return f"{axis.title} is {entry.text}" if axis.log and entry.value <= 0 else ""


def _point(line: Line, across: Entry, up: Entry, cost: bool) -> Point:
    assert across.value is not None and up.value is not None  # noqa: S101, PT018 (`_unfit` has looked)
    remark = "; ".join(dict.fromkeys(reason for reason in (up.reason, across.reason) if reason))
    # A fact, like the number of parameters, is never ranked and has no remark; a time that is not says why.
    comparable = across.ranked or (cost and not across.reason)
    return Point(line.name, across.value, up.value, line.series, remark, up.ranked and comparable)


def _fewer(plot: Scatter) -> Scatter:
    """The front and the best, if there are too many points to draw."""
    if len(plot.points) <= MOST_POINTS:
        return plot
    front = set(plot.front)
    sign = -1 if plot.y.direction == "higher" else 1
    order = sorted(range(len(plot.points)), key=lambda i: (i not in front, sign * plot.points[i].y))
    kept = sorted(order[:MOST_POINTS])
    words = f"{plot.conditions}; {MOST_POINTS} of {len(plot.points)} models: the front, and the best"
    return replace(plot, conditions=words, points=tuple(plot.points[i] for i in kept))


# ------------------------------------------------------------------- perception and distortion


def _plane(board: Board, lines: Sequence[Line], places: Sequence[int]) -> Iterator[Chosen]:
    """PSNR against LPIPS (Blau and Michaeli, The perception-distortion tradeoff, CVPR 2018)."""
    across = next((p for name in _DISTORTION for p in places if board.columns[p].metric == name), None)
    up = next((p for name in _PERCEPTION for p in places if board.columns[p].metric == name), None)
    if across is None or up is None:
        return
    first, second = board.columns[across], board.columns[up]
    x, y = _axis(first), _axis(second)
    title = f"Perception and distortion on {first.dataset}: {second.title} against {first.title}"
    plot = _scatter(title, f"{board.name}: {board.signature}", x, y, lines, across, up)
    yield from _chosen("plane", first, plot)


# ------------------------------------------------------------------------------ images' values


def _of_images(board: Board, lines: Sequence[Line], main: int, cells: Cells) -> Iterator[Chosen]:
    column = board.columns[main]
    ranked = [line for line in lines if line.row.entries[main].ranked]
    sign = -1 if column.direction == "higher" else 1
    ranked.sort(key=lambda line: sign * (line.row.entries[main].value or 0.0))
    values = {id(line): item_values(board, line.row, column, cells) for line in ranked[:MOST_RANKED]}
    base = next((line for line in ranked if line.row.key[0] == BASELINE), None)
    if base is not None:
        values.setdefault(id(base), item_values(board, base.row, column, cells))
    shown = [(line, values[id(line)]) for line in ranked[:MOST_RANKED]]
    under = f"{board.name}: {board.signature}"
    series = series_of(lines)
    zero = (base, values[id(base)]) if base is not None else None
    yield from _chosen("images", column, strips(shown, zero, column, under, series))
    yield from _chosen("ranks", column, _ranks(shown, len(ranked), column, under, series))


def item_values(board: Board, row: Row, column: Column, cells: Cells) -> dict[str, float]:
    """A row's value of each image (or clip) in a column; finite ones alone."""
    result = cells.get((board.key, *row.key, column.key[0], column.key[1]))
    found = {}
    for item in result.items if result is not None else ():
        score = item.scores.get((column.key[2], column.key[3]))
        value = _of_frames(score.values) if score is not None else math.nan
        if math.isfinite(value):
            found[item.name] = value
    return found


def _of_frames(values: Sequence[float]) -> float:
    return values[0] if len(values) == 1 else mean_of_items([values]).value


@lru_cache(maxsize=4096)
def _item(name: str) -> str:
    """An item's name to show: the same few names come with every model."""
    return plain(name)


Valued = tuple[Line, Mapping[str, float]]


def strips(
    shown: Sequence[Valued], base: Valued | None, column: Column, conditions: str, series: tuple[str, ...]
) -> Strips | None:
    """Models' images, minus the baseline's if there is one; the baseline itself is then no row."""
    rows = []
    for line, values in shown:
        if base is None:
            found = values
        elif line is base[0]:
            continue
        else:
            found = {item: value - base[1][item] for item, value in values.items() if item in base[1]}
        if found:
            rows.append(Strip(line.name, line.series, tuple((_item(i), v) for i, v in sorted(found.items()))))
    if not rows:
        return None
    minus = f" minus {base[0].name}'s" if base is not None else ""
    axis = Axis(
        f"{column.title}{minus}", column.unit, column.direction, decimals=column.decimals, signed=bool(minus)
    )
    title = f"{column.title} of each image of {column.dataset}{minus}"
    more = f"; the best {MOST_ROWS} of {len(rows)}" if len(rows) > MOST_ROWS else ""
    name = base[0].name if base is not None else ""
    return Strips(title, conditions + more, axis, tuple(rows[:MOST_ROWS]), series, name)


def _ranks(
    shown: Sequence[Valued], ranked: int, column: Column, conditions: str, series: tuple[str, ...]
) -> Ranks | None:
    """Models that have a value of every image; None where there are too few for a statement."""
    items = sorted({item for _, values in shown for item in values})
    whole = [(line, values) for line, values in shown if len(values) == len(items)]
    left_out: LeftOut = tuple(
        (line.name, "an image has no finite value") for line, values in shown if len(values) < len(items)
    )
    if len(whole) < 2 or len(items) < stats.MIN_IMAGES:
        return None
    scores = [[values[item] for item in items] for _, values in whole]
    intervals = stats.rank_intervals(scores, higher_is_better=column.direction == "higher")
    assert intervals is not None  # noqa: S101 (there are enough images)
    rows = (
        Ranked(line.name, line.series, math.fsum(values) / len(items), interval.best, interval.worst)
        for (line, _), values, interval in zip(whole, scores, intervals, strict=True)
    )
    among = f"; among the best {MOST_RANKED} of {ranked}" if ranked > MOST_RANKED else ""
    words = f"for images like these {len(items)}, 95 % for all ranks together{among}; {conditions}"
    axis = Axis(
        f"{column.title} on {column.dataset}", column.unit, column.direction, decimals=column.decimals
    )
    return Ranks(f"Ranks by {column.title} on {column.dataset}", words, axis, tuple(rows), series, left_out)


def model_plots(report: Report, cells: Cells) -> Iterator[tuple[str, Strips]]:
    """For each model, by its name in the journal: its images on all boards, minus the baseline's.

    One plot holds one metric: that of the first board; a row is a dataset on a board.
    """
    found: dict[str, list[tuple[Column, Strip]]] = defaultdict(list)
    for board in report.boards:
        for model, column, strip in _minus_baseline(board, cells):
            found[model].append((column, strip))
    title = report.catalog.titles.get(BASELINE, BASELINE)
    for model, strips_found in found.items():
        yield model, _of_model(strips_found, title)


def _of_model(found: Sequence[tuple[Column, Strip]], title: str) -> Strips:
    main = found[0][0]
    rows = [strip for column, strip in found if (column.metric, column.unit) == (main.metric, main.unit)]
    minus = f"minus {title}'s"
    axis = Axis(f"{main.title} {minus}", main.unit, main.direction, decimals=main.decimals, signed=True)
    more = f"; {MOST_ROWS} of {len(rows)} rows" if len(rows) > MOST_ROWS else ""
    series = tuple(dict.fromkeys(row.series for row in rows))
    words = f"each row under its board's protocol{more}"
    return Strips(f"{main.title} of each image, {minus}", words, axis, tuple(rows[:MOST_ROWS]), series, title)


def _minus_baseline(board: Board, cells: Cells) -> Iterator[tuple[str, Column, Strip]]:
    """By model and column: a row's images minus the baseline's; of a model's inferences, the first."""
    base = next((row for row in board.rows if row.key[0] == BASELINE), None)
    if base is None:
        return
    for main, _ in _by_dataset(board):
        column, zero = board.columns[main], item_values(board, base, board.columns[main], cells)
        models = {row.key[0]: row for row in reversed(board.rows) if row.entries[main].ranked}
        for model, row in models.items():
            values = item_values(board, row, column, cells)
            minus = tuple((_item(i), v - zero[i]) for i, v in sorted(values.items()) if i in zero)
            if minus and model != BASELINE and base.entries[main].ranked:
                yield model, column, Strip(f"{column.dataset}, {board.name}", board.name, minus)
