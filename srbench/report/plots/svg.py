"""SVG text: elements whose text is escaped, coloured by classes whose style is ``plots.css``.

In a page, colours are variables that follow its light or dark scheme. A file of its own holds the light one's
colours themselves, so that any program that reads SVG draws it.

Colours started from Okabe and Ito's (Color Universal Design, 2008) and were moved until each stands out
from the page by 3:1 and any two differ for all eyes; shapes differ as well (`tests/unit/test_plots.py`).
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files

WIDTH = 720.0
COLOURS = 6
SHAPES = (
    "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0z",
    "M-4-4h8v8h-8z",
    "M0-5.2l5 8.7h-10z",
    "M0-5.4l5.4 5.4l-5.4 5.4l-5.4-5.4z",
    "M0 5.2l5-8.7h-10z",
    "M-1.6-5h3.2v3.4h3.4v3.2h-3.4v3.4h-3.2v-3.4h-3.4v-3.2h3.4z",
    "M0-2.3l2.4-2.4l2.3 2.3l-2.4 2.4l2.4 2.4l-2.3 2.3l-2.4-2.4l-2.4 2.4l-2.3-2.3l2.4-2.4l-2.4-2.4l2.3-2.3z",
    "M-5.2 0l8.7-5v10z",
    "M-5.6-2.2h11.2v4.4h-11.2z",
    "M-4.8-4.8h9.6l-9.6 9.6h9.6z",
    "M0-5.8l1.5 3.8l4 .3l-3.1 2.6l1 3.9l-3.4-2.2l-3.4 2.2l1-3.9l-3.1-2.6l4-.3z",
    "M5.2 0l-8.7-5v10z",
)
"""A mark's outline around its centre: circle, square, triangle, diamond, triangle down, cross; then, of the
same colours again, saltire, triangle left, bar, hourglass, star, triangle right."""
_HEAD = 84.0
"""What a file has above its picture: heading, conditions, legend."""


def series_class(place: int) -> str:
    """The class, that is the colour, of a series; the first six differ."""
    return f"s{place % COLOURS}"


def shape(place: int) -> str:
    """The outline of a series' marks: colour and shape together are the series' alone up to 72 of them."""
    return SHAPES[(place + place // len(SHAPES)) % len(SHAPES)]


@cache
def stylesheet() -> str:
    """``plots.css``."""
    return (files("srbench.report") / "templates" / "plots.css").read_text(encoding="utf-8")


def variables(scheme: str) -> Mapping[str, str]:
    """The colours of the ``light`` or the ``dark`` scheme, by the names that the rules use."""
    light, dark = re.findall(r":root \{(.*?)\}", stylesheet(), re.S)
    return dict(re.findall(r"(--plot-[a-z0-9]+): (#[0-9a-f]{6})", {"light": light, "dark": dark}[scheme]))


@cache
def file_style() -> str:
    """The style of a file: the rules for drawing, with the light scheme's colours in them."""
    colours = variables("light")
    rules = stylesheet().partition("/* drawing */\n")[2].partition("/* in a page */")[0]
    return re.sub(r"var\((--[a-z0-9-]+)\)", lambda found: colours[found[1]], rules)


def element(name: str, content: str = "", /, **attributes: str | float) -> str:
    """An element.

    Args:
        name: the tag.
        content: markup, already escaped.
        attributes: a ``_`` in a name is a ``-``, one at its end is dropped (``class_``); texts are escaped,
            numbers written to a tenth.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-") if key != "viewBox" else key}="{_value(value)}"'
        for key, value in attributes.items()
    )
    return f"<{name}{written}>{content}</{name}>" if content else f"<{name}{written}/>"


def _value(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else number(value)


def number(value: float) -> str:
    """A coordinate to a tenth of a pixel: ``12``, ``12.5``."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def text(words: str, x: float, y: float, **attributes: str | float) -> str:
    """A line of text."""
    return element("text", escape(words), **{"x": x, "y": y, **attributes})


def line(points: Sequence[tuple[float, float]], **attributes: str | float) -> str:
    """A path from point to point."""
    d = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return element("path", d=d, **attributes)


def mark(place: int, x: float, y: float) -> str:
    """A series' mark around a place."""
    return element("path", class_="mark", d=shape(place), transform=f"translate({number(x)} {number(y)})")


def titled(words: str) -> str:
    """What a pointer shows, and a reader speaks."""
    return element("title", escape(words))


def group(name: str, parts: Sequence[str]) -> str:
    """Elements of one class; nothing if there are none."""
    return element("g", "".join(parts), class_=name) if parts else ""


def picture(slug: str, title: str, description: str, height: float, parts: Sequence[str]) -> str:
    """The whole element, for a page: what it is, and what it says, are texts that belong to it."""
    words = (
        element("title", escape(title), id=f"{slug}-title"),
        element("desc", escape(description), id=f"{slug}-desc"),
    )
    return element(
        "svg",
        "".join((*words, *parts)),
        class_="plot",
        role="img",
        aria_labelledby=f"{slug}-title",
        aria_describedby=f"{slug}-desc",
        viewBox=f"0 0 {number(WIDTH)} {number(height)}",
    )


def standalone(picture: str, title: str, conditions: str, series: Sequence[tuple[int, str]]) -> str:
    """A page's picture as a file of its own: heading, conditions, legend, colours and paper are added.

    Args:
        picture: what `picture` gave.
        title: the heading.
        conditions: two lines under it; what does not fit is cut.
        series: for the legend: places in the order of colours, and names.
    """
    shown = re.fullmatch(r'(<svg .*?)viewBox="0 0 (\S+) (\S+)">(<title.*?</desc>)(.*)</svg>', picture, re.S)
    assert shown is not None  # noqa: S101 (`picture` wrote it)
    opened, width, height, words, drawing = shown.groups()
    whole = number(float(height) + _HEAD)
    lines = textwrap.wrap(conditions, 115)[:2]
    head = (
        element("style", file_style()),
        element("rect", width="100%", height="100%", fill=variables("light")["--plot-paper"]),
        text(title[:95], 16, 24, class_="heading"),
        *(text(line, 16, 42 + 14 * i, class_="conditions") for i, line in enumerate(lines)),
        *_legend(series),
    )
    body = element("g", drawing, transform=f"translate(0 {number(_HEAD)})")
    size = (
        f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {whole}" width="{width}" height="{whole}"'
    )
    return f"{opened}{size}>{words}{''.join(head)}{body}</svg>\n"


def _legend(series: Sequence[tuple[int, str]]) -> list[str]:
    """Marks with names in one line; none if there is but one series, and no more than fit."""
    parts, left = [], 22.0
    for place, name in series if len(series) > 1 else ():
        shown = name[:24]
        right = left + 11 + 7 * len(shown)
        if right > WIDTH:
            break
        words = text(shown, left + 10, 76, class_="conditions")
        parts.append(group(series_class(place), [mark(place, left, 72), words]))
        left = right + 12
    return parts
