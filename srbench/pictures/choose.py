"""Which part of a picture to show: where two models' local PSNR differs most, and between which models.

A crop is chosen by numbers that stand beside it, never by eye. Perceptual metrics give one number an image,
not a map: where PSNR and LPIPS disagree is known of the image, and the crop is where PSNR's preference is
strongest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from srbench.pictures.local import Box, Float, local_psnr, psnr_of, window_means

Why = Literal["differ", "disagree", "best"]
CROPS = 3
"""The most crops of one picture: one for each `Why`."""

NEAR = 0.05
"""dB: two models whose PSNR is nearer than this are not said to be ordered by it."""


@dataclass(frozen=True)
class Crop:
    """A chosen part.

    Attributes:
        why: ``differ``: the two models, of all, that differ most anywhere; ``disagree``: two whose order by
            PSNR is not their order by LPIPS; ``best``: the two with the highest PSNR.
        better: place of the model with the higher local PSNR.
        worse: of the other.
        gap: between the two local PSNRs, in dB, neither above `srbench.pictures.local.CEILING`.
    """

    box: Box
    why: Why
    better: int
    worse: int
    gap: float


@dataclass(frozen=True)
class Windows:
    """Where crops may lie.

    Attributes:
        size: side of a crop.
        step: corners are its multiples; itself a multiple of the scale, so that inputs are cut whole.
        border: pixels at each edge that protocols leave out.
        share: the most of the picture's area that all crops together may show.
        taken: what is shown of it elsewhere, and counts as part of that share.
    """

    size: int
    step: int
    border: int = 0
    share: float = 1.0
    taken: tuple[Box, ...] = ()


def choose_crops(
    errors: Sequence[Float], windows: Windows, lpips: Mapping[int, float] | None = None
) -> list[Crop]:
    """Up to `CROPS` crops that don't overlap, the most telling first.

    Args:
        errors: each model's squared error of luma ``(H, W)``, of a clip the mean over its frames.
        windows: what crops are possible.
        lpips: each model's LPIPS of the whole picture, by its place, where it is known.
    """
    if not errors:
        return []
    height, width = errors[0].shape
    size = windows.size
    if min(height, width) < size or size == 0:
        return []
    maps = [local_psnr(window_means(error, size, windows.step)) for error in errors]
    free = _allowed(maps[0].shape, (height, width), windows)
    chosen: list[Crop] = []
    for why, pairs in _contests(errors, windows.border, lpips or {}):
        room = _room((height, width), windows, [crop.box for crop in chosen])
        found = _widest(maps, pairs, free & room, why, windows)
        if found is not None:
            chosen.append(found)
            free &= _apart(free.shape, found.box, windows)
    return chosen


Pairs = list[tuple[int, int]]
"""Models by place; of ``disagree`` the first one is PSNR's choice."""


def _contests(
    errors: Sequence[Float], border: int, lpips: Mapping[int, float]
) -> Iterator[tuple[Why, Pairs]]:
    places = range(len(errors))
    pairs = list(combinations(places, 2))
    psnrs = [psnr_of(float(_inner(error, border).mean())) for error in errors]
    yield "differ", pairs
    yield "disagree", disagreeing(psnrs, lpips)
    if len(errors) > 2:
        first, second = sorted(places, key=lambda place: -psnrs[place])[:2]
        yield "best", [(first, second)]


def _inner(error: Float, border: int) -> Float:
    inner = error[border : error.shape[0] - border, border : error.shape[1] - border]
    return inner if inner.size else error


def disagreeing(psnrs: Sequence[float], lpips: Mapping[int, float]) -> Pairs:
    """The pair whose order by PSNR contradicts its order by LPIPS most, PSNR's choice first; or none.

    "Most" is the largest difference in LPIPS (lower is better) among pairs that PSNR orders by at least
    `NEAR` dB.
    """
    found = [
        (lpips[high] - lpips[low], high, low)
        for high in lpips
        for low in lpips
        if psnrs[high] - psnrs[low] >= NEAR and lpips[high] > lpips[low]
    ]
    return [max(found)[1:]] if found else []


def _allowed(shape: tuple[int, ...], picture: tuple[int, int], windows: Windows) -> NDArray[np.bool_]:
    """Corners whose windows keep off the border; all, where the picture is too small for that."""
    rows, columns = (np.arange(count) * windows.step for count in shape)
    inside = [
        (start >= windows.border) & (start + windows.size <= side - windows.border)
        for start, side in zip((rows, columns), picture, strict=True)
    ]
    free: NDArray[np.bool_] = inside[0][:, None] & inside[1][None, :]
    return free if free.any() else np.ones(shape, np.bool_)


def _room(picture: tuple[int, int], windows: Windows, chosen: Sequence[Box]) -> NDArray[np.bool_]:
    """Corners whose windows, with all that is shown already, keep to the share."""
    height, width = picture
    boxes = (*windows.taken, *chosen)
    bottom = max((height, *(box.top + box.height for box in boxes)))
    right = max((width, *(box.left + box.width for box in boxes)))
    seen = np.zeros((bottom, right))  # other scales cut a picture elsewhere: what they show beyond counts too
    for box in boxes:
        box.of(seen)[...] = 1
    new = windows.size**2 * (1 - window_means(seen[:height, :width], windows.size, windows.step))
    room: NDArray[np.bool_] = np.rint(seen.sum() + new) <= windows.share * height * width
    return room


def _widest(
    maps: Sequence[Float], pairs: Pairs, free: NDArray[np.bool_], why: Why, windows: Windows
) -> Crop | None:
    """The window with the widest gap between the two models of any of the pairs."""
    best: Crop | None = None
    for first, second in pairs if free.any() else ():
        gaps = maps[first] - maps[second]
        wide = np.where(free, gaps if why == "disagree" else np.abs(gaps), -np.inf)
        row, column = divmod(int(wide.argmax()), wide.shape[1])
        gap = float(wide[row, column])
        if gap > 0 and (best is None or gap > best.gap):
            box = Box(row * windows.step, column * windows.step, windows.size, windows.size)
            ahead = (first, second) if gaps[row, column] > 0 else (second, first)
            best = Crop(box, why, *ahead, gap)
    return best


def _apart(shape: tuple[int, ...], box: Box, windows: Windows) -> NDArray[np.bool_]:
    """Corners whose windows don't overlap a box."""
    rows, columns = (np.arange(count) * windows.step for count in shape)
    near = [
        (start > corner - windows.size) & (start < corner + windows.size)
        for start, corner in ((rows, box.top), (columns, box.left))
    ]
    return ~(near[0][:, None] & near[1][None, :])
