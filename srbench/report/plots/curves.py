"""Curves of trainings as SVG: a line each, the same colour for the same level."""

from __future__ import annotations

from dataclasses import dataclass

from srbench.report.plots import svg
from srbench.report.plots.scales import Scale, scale_for
from srbench.report.plots.scatter import grid

HEIGHT = 340.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, svg.WIDTH - 16, 14.0, HEIGHT - 50


@dataclass(frozen=True)
class Curve:
    """One line; `series` is its place in `Curves.series`, `words` what a pointer shows."""

    series: int
    words: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Curves:
    """Lines over one quantity; `log` of the vertical axis."""

    title: str
    description: str
    across: str
    up: str
    series: tuple[str, ...]
    lines: tuple[Curve, ...]
    log: bool = False


def draw_curves(plot: Curves, slug: str) -> str:
    """The picture, for a page.

    Args:
        plot: with a line of two points at least.
        slug: a name for its parts, unique in the page.
    """
    x = scale_for([at for line in plot.lines for at, _ in line.points], _LEFT, _RIGHT)
    y = scale_for([value for line in plot.lines for _, value in line.points], _BOTTOM, _TOP, plot.log)
    turned = f"rotate(-90 14 {svg.number((_TOP + _BOTTOM) / 2)})"
    parts = (
        *grid(x, y),
        svg.text(plot.across, (_LEFT + _RIGHT) / 2, HEIGHT - 12, text_anchor="middle"),
        svg.text(
            f"{plot.up}, log scale" if plot.log else plot.up,
            14,
            (_TOP + _BOTTOM) / 2,
            text_anchor="middle",
            transform=turned,
        ),
        *(_curve(line, x, y) for line in plot.lines),
    )
    return svg.picture(slug, plot.title, plot.description, HEIGHT, parts)


def _curve(line: Curve, x: Scale, y: Scale) -> str:
    drawn = svg.line([(x(at), y(value)) for at, value in line.points], class_="line", fill="none")
    return svg.element("g", svg.titled(line.words) + drawn, class_=f"point {svg.series_class(line.series)}")
