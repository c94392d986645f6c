"""A `Scatter` as SVG: marks, names without overlaps, the front, and an arrow to where better is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from srbench.report.plots import svg
from srbench.report.plots.data import Axis, Point, Scatter
from srbench.report.plots.labels import placed
from srbench.report.plots.scales import Scale, scale_for, tick_text

HEIGHT = 440.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, svg.WIDTH - 16, 14.0, HEIGHT - 50


def draw(plot: Scatter, slug: str) -> str:
    """The picture, for a page.

    Args:
        plot: with a point at least.
        slug: a name for its parts, unique in the page.
    """
    x = scale_for([p.x for p in plot.points], _LEFT, _RIGHT, plot.x.log)
    y = scale_for([p.y for p in plot.points], _BOTTOM, _TOP, plot.y.log)
    front, steps = plot.front, _steps(plot, x, y)
    order = [*front, *_by_quality(plot, set(front))]
    parts = (
        *grid(x, y),
        *_axes(plot.x, plot.y),
        *_better(plot),
        *([svg.line(steps, class_="front")] if len(steps) > 1 else []),
        svg.group("points", [_mark(plot, i, x, y) for i in reversed(order)]),
        svg.group("labels", _labels(plot, order, x, y, steps)),
    )
    return svg.picture(slug, plot.title, plot.description, HEIGHT, parts)


def _by_quality(plot: Scatter, front: set[int]) -> list[int]:
    """The rest, best first: they are named in this order, and lie below the front."""
    sign = -1 if plot.y.direction == "higher" else 1
    rest = (i for i in range(len(plot.points)) if i not in front)
    return sorted(rest, key=lambda i: sign * plot.points[i].y)


def grid(x: Scale, y: Scale) -> tuple[str, str]:
    """Lines at both scales' ticks, and what is written at them; y runs from its bottom to its top."""
    lines = [svg.line([(x(v), y.end), (x(v), y.start)]) for v in x.ticks]
    lines += [svg.line([(x.start, y(v)), (x.end, y(v))]) for v in y.ticks]
    words = [svg.text(tick_text(v, x.step), x(v), y.start + 17, text_anchor="middle") for v in x.ticks]
    words += [svg.text(tick_text(v, y.step), x.start - 8, y(v) + 4, text_anchor="end") for v in y.ticks]
    return svg.group("grid", lines), svg.group("ticks", words)


def _axes(x: Axis, y: Axis) -> tuple[str, str]:
    middle = (_TOP + _BOTTOM) / 2
    along = f"{x.label}, log scale" if x.log else x.label
    turned = f"rotate(-90 14 {svg.number(middle)})"
    return (
        svg.text(along, (_LEFT + _RIGHT) / 2, HEIGHT - 12, text_anchor="middle"),
        svg.text(y.label, 14, middle, text_anchor="middle", transform=turned),
    )


def _corner(plot: Scatter) -> tuple[float, float, int, int] | None:
    """Where better is, and the way back from there; nowhere if one of the quantities has no direction."""
    if not (plot.x.direction and plot.y.direction):
        return None
    right, up = plot.x.direction == "higher", plot.y.direction == "higher"
    x, y = (_RIGHT - 8 if right else _LEFT + 8), (_TOP + 8 if up else _BOTTOM - 8)
    return x, y, (-1 if right else 1), (1 if up else -1)


def _better(plot: Scatter) -> tuple[str, ...]:
    """An arrow to the corner where better is."""
    corner = _corner(plot)
    if corner is None:
        return ()
    x, y, dx, dy = corner
    head = svg.line([(x + 9 * dx, y), (x, y), (x, y + 9 * dy)], class_="better")
    shaft = svg.line([(x, y), (x + 20 * dx, y + 20 * dy)], class_="better")
    anchor = "end" if dx < 0 else "start"
    words = svg.text("better", x + 26 * dx, y + 20 * dy + 4, class_="conditions", text_anchor=anchor)
    return head, shaft, words


def _arrow_box(plot: Scatter) -> list[tuple[float, float, float, float]]:
    """The room of the arrow and its word."""
    corner = _corner(plot)
    if corner is None:
        return []
    x, y, dx, dy = corner
    (left, right), (top, bottom) = sorted((x, x + 66 * dx)), sorted((y, y + 26 * dy))
    return [(left, top, right, bottom)]


def _steps(plot: Scatter, x: Scale, y: Scale) -> list[tuple[float, float]]:
    """The front's corners: what is reached at each value of x without giving up any of y."""
    places = [(x(plot.points[i].x), y(plot.points[i].y)) for i in plot.front]
    corners = [(after[0], before[1]) for before, after in pairwise(places)]
    return [*places[:1], *(one for pair in zip(corners, places[1:], strict=True) for one in pair)]


def _mark(plot: Scatter, i: int, x: Scale, y: Scale) -> str:
    point = plot.points[i]
    place = plot.series.index(point.series)
    classes = f"point {svg.series_class(place)}{'' if point.ranked else ' open'}"
    drawn = svg.titled(words(plot, point)) + svg.mark(place, x(point.x), y(point.y))
    return svg.element("g", drawn, class_=classes, data_series=str(place))


def words(plot: Scatter, point: Point) -> str:
    """``IMDN: PSNR-Y on set5 32.21 dB, latency 41.2 ms; timed with random weights``."""
    values = f"{plot.y.title} {plot.y.with_unit(point.y)}, {plot.x.title} {plot.x.with_unit(point.x)}"
    return f"{point.name}: {values}{f'; {point.remark}' if point.remark else ''}"


def _labels(
    plot: Scatter, order: Sequence[int], x: Scale, y: Scale, steps: Sequence[tuple[float, float]]
) -> list[str]:
    points = [plot.points[i] for i in order]
    room = (_LEFT, _TOP, _RIGHT, _BOTTOM)
    found = placed(
        [(x(p.x), y(p.y)) for p in points], [p.name for p in points], room, steps, _arrow_box(plot)
    )
    return [
        svg.text(
            label.text,
            label.x,
            label.y,
            class_="label",
            data_series=str(plot.series.index(points[label.place].series)),
            text_anchor=label.anchor,
        )
        for label in found
    ]
