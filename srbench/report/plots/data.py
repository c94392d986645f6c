"""What plots show, as plain data, with each plot's table and its description in words.

All text is already harmless to look at (`srbench.report.plain`); drawing escapes it for SVG.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from srbench.report.costs import three_digits

Table = tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]
"""A plot's values in words: the head, and the rows."""
LeftOut = tuple[tuple[str, str], ...]
"""What a plot does not show: names, each with its reason."""


@dataclass(frozen=True)
class Axis:
    """One quantity.

    Attributes:
        direction: ``higher`` or ``lower`` is better; empty if neither is.
        decimals: of a value in words; at least three significant digits if None.
        signed: values are differences, and show their sign.
    """

    title: str
    unit: str = ""
    direction: str = ""
    log: bool = False
    decimals: int | None = None
    signed: bool = False

    @property
    def label(self) -> str:
        """``Latency, ms``."""
        return f"{self.title}, {self.unit}" if self.unit else self.title

    def words(self, value: float) -> str:
        """A value without its unit: ``32.21``, ``+0.13``."""
        if self.decimals is None:
            return three_digits(value)
        return f"{value:{'+' if self.signed else ''}.{self.decimals}f}"

    def with_unit(self, value: float) -> str:
        """``32.21 dB``."""
        return f"{self.words(value)} {self.unit}".rstrip()


@dataclass(frozen=True)
class Point:
    """One model: where it stands, the series whose colour and shape it has, and what must be known."""

    name: str
    x: float
    y: float
    series: str = ""
    remark: str = ""
    ranked: bool = True
    """It may be on the front."""


@dataclass(frozen=True)
class Scatter:
    """Models in a plane of two quantities.

    Attributes:
        conditions: under what both were measured.
        series: all names in the order of colours, whether a point has them or not: a family looks the same
            in all plots of a board.
    """

    title: str
    conditions: str
    x: Axis
    y: Axis
    points: tuple[Point, ...]
    series: tuple[str, ...]
    left_out: LeftOut = ()

    @property
    def front(self) -> tuple[int, ...]:
        """Places of the points that no other one beats, from the first of the x axis's better end.

        A point is beaten by one that is at least as good in both quantities and better in one (Pareto).
        """
        ranked = [i for i, point in enumerate(self.points) if point.ranked]
        ordered = sorted(ranked, key=lambda i: (self._badness(i), i))
        found: list[int] = []
        best = math.inf
        for i in ordered:
            other = self._badness(i)[1]
            same = bool(found) and self._badness(i) == self._badness(found[-1])
            if other < best or same:
                found.append(i)
            best = min(best, other)
        return tuple(found)

    def _badness(self, i: int) -> tuple[float, float]:
        point = self.points[i]
        return (
            -point.x if self.x.direction == "higher" else point.x,
            -point.y if self.y.direction == "higher" else point.y,
        )

    @property
    def table(self) -> Table:
        """Model, both quantities, whether it is on the front, remark."""
        front = set(self.front)
        rows = (
            (p.name, self.x.words(p.x), self.y.words(p.y), "yes" if i in front else "", p.remark)
            for i, p in enumerate(self.points)
        )
        return ("Model", self.x.label, self.y.label, "On the front", "Remark"), tuple(rows)

    @property
    def description(self) -> str:
        """The front in words."""
        names = [
            f"{p.name} ({self.x.with_unit(p.x)}, {self.y.with_unit(p.y)})"
            for p in (self.points[i] for i in self.front)
        ]
        return f"{_models(len(self.points))}. Not beaten in both: {_listed(names) or 'none'}."


@dataclass(frozen=True)
class Strip:
    """One model's value of each image."""

    name: str
    series: str
    values: tuple[tuple[str, float], ...]

    @property
    def numbers(self) -> list[float]:
        """The values alone, in order of size."""
        return sorted(value for _, value in self.values)

    @property
    def quartiles(self) -> tuple[float, float, float]:
        """First quartile, median, third quartile (by linear interpolation)."""
        numbers = self.numbers
        if len(numbers) < 2:
            return numbers[0], numbers[0], numbers[0]
        first, middle, third = quantiles(numbers, n=4, method="inclusive")
        return first, middle, third


@dataclass(frozen=True)
class Strips:
    """The images' values of some models; differences to `baseline` unless that is empty."""

    title: str
    conditions: str
    axis: Axis
    rows: tuple[Strip, ...]
    series: tuple[str, ...]
    baseline: str = ""
    left_out: LeftOut = ()

    @property
    def table(self) -> Table:
        """Model, number of images, five numbers of their distribution."""
        head = ("Model", "Images", "Least", "First quartile", "Median", "Third quartile", "Most")
        return head, tuple(self._row(row) for row in self.rows)

    def _row(self, row: Strip) -> tuple[str, ...]:
        numbers = row.numbers
        shown = (numbers[0], *row.quartiles, numbers[-1])
        return (row.name, str(len(numbers)), *map(self.axis.words, shown))

    @property
    def description(self) -> str:
        """The medians in words."""
        medians = [f"{row.name} {self.axis.words(median(row.numbers))}" for row in self.rows]
        return f"{_models(len(self.rows))}; medians of {self.axis.label}: {_listed(medians)}."


@dataclass(frozen=True)
class Ranked:
    """A model's mean, and the ranks that it may have."""

    name: str
    series: str
    mean: float
    best: int
    worst: int


@dataclass(frozen=True)
class Ranks:
    """Simultaneous intervals of the models' ranks, best mean first."""

    title: str
    conditions: str
    axis: Axis
    rows: tuple[Ranked, ...]
    series: tuple[str, ...]
    left_out: LeftOut = ()

    @property
    def table(self) -> Table:
        """Model, mean, the best and the worst rank that it may have."""
        rows = tuple((r.name, self.axis.words(r.mean), str(r.best), str(r.worst)) for r in self.rows)
        return ("Model", self.axis.label, "Best rank", "Worst rank"), rows

    @property
    def description(self) -> str:
        """Who may be first."""
        first = [row.name for row in self.rows if row.best == 1]
        return f"{_models(len(self.rows))}; the best may be {_listed(first)}."


Plot = Scatter | Strips | Ranks


def series_shown(plot: Plot) -> list[tuple[int, str]]:
    """The series that a plot has something of, with their places in the order of colours."""
    found = {one.series for one in (plot.points if isinstance(plot, Scatter) else plot.rows)}
    return [(place, name) for place, name in enumerate(plot.series) if name in found]


def _models(count: int) -> str:
    return "1 model" if count == 1 else f"{count} models"


def _listed(names: Sequence[str], most: int = 12) -> str:
    """At most so many names, and how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
