"""Differences with their intervals as SVG: a row each, zero drawn through (a forest plot)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from srbench.report.plots import svg
from srbench.report.plots.labels import shortened
from srbench.report.plots.scales import Scale, scale_for, tick_text
from srbench.stats import Interval

_LEFT, _RIGHT, _TOP, _ROW, _FOOT = 250.0, svg.WIDTH - 20, 10.0, 26.0, 44.0
_LONGEST = 38


@dataclass(frozen=True)
class Difference:
    """One row.

    Attributes:
        name: what differs, where.
        mean: of the differences.
        interval: of the mean, None where there is none.
        dots: single differences: a seed's each, or an image's.
        words: all of it in words, for pointers and readers.
    """

    name: str
    mean: float
    interval: Interval | None
    dots: tuple[float, ...]
    words: str


@dataclass(frozen=True)
class Forest:
    """Differences in one quantity; `axis` names it with its unit."""

    title: str
    description: str
    axis: str
    rows: tuple[Difference, ...]


def draw_forest(plot: Forest, slug: str) -> str:
    """The picture, for a page.

    Args:
        plot: with a row at least.
        slug: a name for its parts, unique in the page.
    """
    ends = [v for row in plot.rows if row.interval for v in (row.interval.low, row.interval.high)]
    known = [0.0, *ends, *(v for row in plot.rows for v in (row.mean, *row.dots))]
    x = scale_for(known, _LEFT, _RIGHT)
    bottom = _TOP + len(plot.rows) * _ROW
    names = [
        svg.text(shortened(row.name, _LONGEST), _LEFT - 12, _middle(place) + 4, text_anchor="end")
        for place, row in enumerate(plot.rows)
    ]
    ticks = [
        svg.text(tick_text(tick, x.step), x(tick), bottom + 16, text_anchor="middle") for tick in x.ticks
    ]
    parts = (
        svg.group("grid", [svg.line([(x(tick), _TOP), (x(tick), bottom)]) for tick in x.ticks]),
        svg.line([(x(0.0), _TOP), (x(0.0), bottom)], class_="zero"),
        svg.group("ticks", ticks),
        svg.group("names", names),
        svg.text(plot.axis, (_LEFT + _RIGHT) / 2, bottom + 36, text_anchor="middle"),
        *(_row(place, row, x) for place, row in enumerate(plot.rows)),
    )
    return svg.picture(slug, plot.title, plot.description, bottom + _FOOT, parts)


def _middle(place: int) -> float:
    return _TOP + (place + 0.5) * _ROW


def _row(place: int, row: Difference, x: Scale) -> str:
    middle = _middle(place)
    parts = [svg.titled(row.words)]
    if row.interval is not None:
        ends = [x(row.interval.low), x(row.interval.high)]
        parts.append(svg.line([(end, middle) for end in ends], class_="line"))
        parts += [svg.line([(end, middle - 5), (end, middle + 5)], class_="line") for end in ends]
    # Below the line: on it they would hide.
    dots = "".join(f"M{svg.number(x(value))} {svg.number(middle + 8)}h0" for value in row.dots)
    parts += [svg.element("path", class_="dots", d=dots)] if dots else []
    return svg.element("g", "".join([*parts, svg.mark(1, x(row.mean), middle)]), class_="point s0")


def described(rows: Sequence[Difference]) -> str:
    """A plot's description: its rows in words."""
    return ". ".join(row.words for row in rows)
