"""Geometry of tiles: which part of the input each one sees, and which part of its output is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from srbench.types import ModelInfo


@dataclass(frozen=True)
class Span:
    """One dimension of a tile in input pixels: it sees ``[start, stop)``, answers for ``[first, last)``."""

    start: int
    stop: int
    first: int
    last: int

    def seen(self) -> slice:
        """Part of the input that the network gets."""
        return slice(self.start, self.stop)

    def kept(self, factor: int) -> slice:
        """Part of the tile's own output that is kept."""
        return slice((self.first - self.start) * factor, (self.last - self.start) * factor)

    def placed(self, factor: int) -> slice:
        """Where that part lies in the whole output."""
        return slice(self.first * factor, self.last * factor)


def tiles(height: int, width: int, side: int, overlap: int) -> Iterator[tuple[Span, Span]]:
    """Tiles that answer for every pixel once, row by row.

    Each answers for up to ``side`` x ``side`` pixels and sees ``overlap`` more on each side, less only where
    the image ends: if ``overlap`` is at least the receptive field, tiles and the whole image agree.
    """
    yield from product(_spans(height, side, overlap), _spans(width, side, overlap))


def _spans(length: int, side: int, overlap: int) -> list[Span]:
    ends = [(first, min(first + side, length)) for first in range(0, length, side)]
    return [Span(max(a - overlap, 0), min(b + overlap, length), a, b) for a, b in ends]


def tile_side(info: ModelInfo, tile: int, scale: int) -> int:
    """The side in pixels of the network's input of a tile of ``tile`` LR pixels, up to its size multiple."""
    return up_to(tile * scale if info.pre_upsampled else tile, info.size_multiple)


def tile_overlap(info: ModelInfo) -> int:
    """The receptive field, or what the card puts in its place, rounded up to the model's size multiple."""
    return up_to(info.receptive_field or info.tile_overlap, info.size_multiple)


def up_to(length: int, multiple: int) -> int:
    """The next multiple that is not smaller than ``length``."""
    return -(-length // multiple) * multiple


def reflected(length: int, multiple: int) -> NDArray[np.intp]:
    """Indices that lengthen a dimension at its end to a multiple, by reflection without the edge.

    Reflected as often as needed, so that any length from 1 on works.
    """
    return np.pad(np.arange(length, dtype=np.intp), (0, up_to(length, multiple) - length), mode="reflect")
