"""Names beside points, none over another: the first place of a few that is free, or none."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Anchor = Literal["start", "middle", "end"]
Boxes = NDArray[np.float64]
"""``(n, 4)``: left, top, right, bottom in pixels."""

SIZE = 12.0
"""Of a label's text, in pixels."""
LONGEST = 28
"""Characters of a name that are shown; the whole name is in the point's words."""
SHORTEST = 16
"""Characters of it where there is less room."""
_MOST = 60
"""Labels that are tried: of more points, the later ones have none."""


@dataclass(frozen=True)
class Label:
    """A text, the place of its baseline, and the side of the text that stands there."""

    place: int
    text: str
    x: float
    y: float
    anchor: Anchor


def text_width(text: str, size: float = SIZE) -> float:
    """An upper estimate of a text's width in pixels: sans-serif faces differ by a tenth."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    broad = sum(c.isupper() or c in "@%mw+_" for c in text)
    return size * (0.55 * len(text) + 0.55 * wide + 0.2 * broad)


def shortened(text: str, longest: int = LONGEST) -> str:
    """A name as it stands beside its point."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def placed(
    points: Sequence[tuple[float, float]],
    texts: Sequence[str],
    bounds: tuple[float, float, float, float],
    path: Sequence[tuple[float, float]] = (),
    reserved: Sequence[tuple[float, float, float, float]] = (),
) -> list[Label]:
    """Labels for points in order of importance.

    Args:
        points: centres of all marks, in pixels.
        texts: their names.
        bounds: left, top, right and bottom of the room for labels.
        path: corners of a line of upright and level pieces that is drawn as well.
        reserved: boxes of what else is drawn: left, top, right, bottom.

    Returns:
        Labels that overlap neither a mark, what else is drawn, nor each other; none where no place is free.
    """
    centres, corners = (np.asarray(given, np.float64).reshape(-1, 2) for given in (points, path))
    pieces = np.stack([corners[:-1], corners[1:]]) if len(corners) else np.empty((2, 0, 2))
    taken: Boxes = np.vstack(
        [np.hstack([centres - 5, centres + 5]), np.hstack([pieces.min(0) - 1, pieces.max(0) + 1])]
    )
    found: list[Label] = []
    for i in range(min(len(points), _MOST)):
        for label, box in _candidates(i, texts[i], *points[i]):
            if _inside(box, bounds) and not _overlaps(box, taken):
                found.append(label)
                taken = np.vstack([taken, box])
                break
    return found


def _candidates(place: int, name: str, x: float, y: float) -> Iterator[tuple[Label, Boxes]]:
    """Places around a point, right of it first; for the name, and where none is free for its beginning."""
    for text in dict.fromkeys((shortened(name), shortened(name, SHORTEST))):
        for dx, dy in ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1)):
            yield _beside(place, text, x, y, dx, dy)


def _beside(place: int, text: str, x: float, y: float, dx: int, dy: int) -> tuple[Label, Boxes]:
    width, half, away = text_width(text), SIZE / 2, 8.0
    middle = y + dy * (away + half) if dx == 0 else y + dy * away
    left = {1: x + away, -1: x - away - width, 0: x - width / 2}[dx]
    anchor: Anchor = "start" if dx == 1 else "end" if dx == -1 else "middle"
    box = np.array([left, middle - half - 1, left + width, middle + half + 1])
    return Label(place, text, round(x + dx * away, 1), round(middle + 0.36 * SIZE, 1), anchor), box


def _inside(box: Boxes, bounds: tuple[float, float, float, float]) -> bool:
    left, top, right, bottom = bounds
    return bool(box[0] >= left and box[1] >= top and box[2] <= right and box[3] <= bottom)


def _overlaps(box: Boxes, taken: Boxes) -> bool:
    beside = (box[0] >= taken[:, 2]) | (box[2] <= taken[:, 0])
    above = (box[1] >= taken[:, 3]) | (box[3] <= taken[:, 1])
    return bool((~(beside | above)).any())
