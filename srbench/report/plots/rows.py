"""Plots with a row for each model as SVG: the images' values as boxes and dots, and intervals of ranks."""

from __future__ import annotations

from collections.abc import Sequence

from srbench.report.plots import svg
from srbench.report.plots.data import Axis, Ranked, Ranks, Strip, Strips
from srbench.report.plots.labels import shortened
from srbench.report.plots.scales import Scale, scale_for, tick_text

_LEFT, _RIGHT, _TOP, _ROW, _FOOT = 200.0, svg.WIDTH - 20, 10.0, 28.0, 44.0
_LANES = (0.0, -4.0, 4.0, -8.0, 8.0)
"""How far dots stand from their row's middle, in turn: neighbours in value don't hide each other."""


def draw_strips(plot: Strips, slug: str) -> str:
    """The picture, for a page.

    Args:
        plot: with a row at least, each with a value at least.
        slug: a name for its parts, unique in the page.
    """
    numbers = [value for row in plot.rows for value in row.numbers]
    x = scale_for([*numbers, 0.0] if plot.baseline else numbers, _LEFT, _RIGHT)
    drawn = [_strip(plot, place, row, x) for place, row in enumerate(plot.rows)]
    zero = [svg.line(_upright(x(0.0), len(plot.rows)), class_="zero")] if plot.baseline else []
    parts = (*_frame(plot.axis, x, x.ticks, [row.name for row in plot.rows]), *zero, *drawn)
    return svg.picture(slug, plot.title, plot.description, _height(len(plot.rows)), parts)


def draw_ranks(plot: Ranks, slug: str) -> str:
    """The picture, for a page; arguments as `draw_strips`."""
    x = Scale(0.5, max(len(plot.rows), 2) + 0.5, _LEFT, _RIGHT)
    drawn = [_rank(plot, place, row, x) for place, row in enumerate(plot.rows)]
    axis = Axis("Rank, 1 is the best")
    parts = (*_frame(axis, x, _whole(len(plot.rows)), [row.name for row in plot.rows]), *drawn)
    return svg.picture(slug, plot.title, plot.description, _height(len(plot.rows)), parts)


def _whole(most: int) -> list[float]:
    """Ranks to write: each of a few, the first and every fifth (tenth ...) of many."""
    step = 1 if most <= 20 else 5 if most <= 60 else 10
    return [1.0, *(float(rank) for rank in range(step, most + 1, step) if rank > 1)]


def _height(rows: int) -> float:
    return _TOP + rows * _ROW + _FOOT


def _middle(place: int) -> float:
    return _TOP + (place + 0.5) * _ROW


def _upright(x: float, rows: int) -> list[tuple[float, float]]:
    return [(x, _TOP), (x, _TOP + rows * _ROW)]


def _frame(axis: Axis, x: Scale, ticks: Sequence[float], names: Sequence[str]) -> tuple[str, ...]:
    bottom = _TOP + len(names) * _ROW
    words = [svg.text(tick_text(tick, x.step), x(tick), bottom + 16, text_anchor="middle") for tick in ticks]
    rows = [
        svg.text(shortened(name), _LEFT - 12, _middle(place) + 4, text_anchor="end")
        for place, name in enumerate(names)
    ]
    return (
        svg.group("grid", [svg.line(_upright(x(tick), len(names))) for tick in ticks]),
        svg.group("ticks", words),
        svg.group("names", rows),
        svg.text(axis.label, (_LEFT + _RIGHT) / 2, bottom + 36, text_anchor="middle"),
    )


def _row(place: int, series: int, words: str, parts: Sequence[str]) -> str:
    drawn = svg.titled(words) + "".join(parts)
    return svg.element("g", drawn, class_=f"point {svg.series_class(series)}", data_series=str(series))


def _strip(plot: Strips, place: int, row: Strip, x: Scale) -> str:
    middle, numbers = _middle(place), row.numbers
    first, half, third = row.quartiles
    # One path of strokes without length: an element for each dot would be most of a page.
    dots = "".join(
        f"M{svg.number(x(value))} {svg.number(middle + _LANES[i % len(_LANES)])}h0"
        for i, value in enumerate(numbers)
    )
    box = svg.element("rect", class_="box", x=x(first), y=middle - 7, width=x(third) - x(first), height=14)
    parts = [
        svg.line([(x(numbers[0]), middle), (x(numbers[-1]), middle)], class_="line"),
        box,
        svg.element("path", class_="dots", d=dots),
        svg.line([(x(half), middle - 7), (x(half), middle + 7)], class_="middle"),
    ]
    return _row(place, plot.series.index(row.series), strip_words(plot, row), parts)


def strip_words(plot: Strips, row: Strip) -> str:
    """``IMDN: median +1.20 dB of 14 images, quartiles +0.90 to +1.60, from +0.11 to +3.02``."""
    least, most = row.numbers[0], row.numbers[-1]
    first, half, third = row.quartiles
    words = plot.axis.words
    return (
        f"{row.name}: median {plot.axis.with_unit(half)} of {len(row.values)} images, "
        f"quartiles {words(first)} to {words(third)}, from {words(least)} to {words(most)}"
    )


def _rank(plot: Ranks, place: int, row: Ranked, x: Scale) -> str:
    middle, series = _middle(place), plot.series.index(row.series)
    ends = [(x(row.best) - 6, middle), (x(row.worst) + 6, middle)]
    caps = [[(end, middle - 5), (end, middle + 5)] for end, _ in ends]
    parts = [svg.line(path, class_="line") for path in (ends, *caps)]
    return _row(place, series, rank_words(plot, row), [*parts, svg.mark(series, x(place + 1), middle)])


def rank_words(plot: Ranks, row: Ranked) -> str:
    """``IMDN: rank 2 to 4, mean 28.58 dB``."""
    ranks = f"rank {row.best}" if row.best == row.worst else f"rank {row.best} to {row.worst}"
    return f"{row.name}: {ranks}, mean {plot.axis.with_unit(row.mean)}"
