"""Errors place by place: squared differences of luma, their means over windows, and local PSNR."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from srbench.metrics.psnr import PEAK

Float = NDArray[np.float64]
Dtype = TypeVar("Dtype", bound=np.generic)

CEILING = 40.0
"""dB: local PSNRs above it count as it, so that no crop is chosen for a difference that no eye sees."""


@dataclass(frozen=True)
class Box:
    """A part of a picture, in pixels of the ground truth."""

    top: int
    left: int
    height: int
    width: int

    @property
    def area(self) -> int:
        """In pixels."""
        return self.height * self.width

    def of(self, image: NDArray[Dtype]) -> NDArray[Dtype]:
        """The part of an image ``(H, W)`` or ``(H, W, C)``; a view."""
        return image[self.top : self.top + self.height, self.left : self.left + self.width]

    def shrunk(self, scale: int) -> Box:
        """The same part of an image that is smaller by a whole factor; all sides are multiples of it."""
        return Box(self.top // scale, self.left // scale, self.height // scale, self.width // scale)


def local_psnr(mse: Float) -> Float:
    """PSNR in dB of mean squared errors on the 0..255 scale, not above `CEILING`."""
    least = PEAK**2 / 10 ** (CEILING / 10)
    return np.asarray(10 * np.log10(PEAK**2 / np.maximum(mse, least)))


def psnr_of(mse: float) -> float:
    """PSNR in dB of one mean squared error on the 0..255 scale; inf for 0."""
    return math.inf if mse == 0 else 10 * math.log10(PEAK**2 / mse)


def window_means(plane: Float, size: int, step: int) -> Float:
    """Means over all windows of ``size`` x ``size`` whose top left corner is a multiple of ``step``.

    Args:
        plane: ``(H, W)``, neither side below ``size``.
        size: side of a window in pixels.
        step: between corners.

    Returns:
        ``(rows, columns)``: entry (i, j) is of the window whose corner is (i step, j step).
    """
    total = np.zeros((plane.shape[0] + 1, plane.shape[1] + 1))
    total[1:, 1:] = plane.cumsum(0).cumsum(1)
    sums = total[size:, size:] - total[:-size, size:] - total[size:, :-size] + total[:-size, :-size]
    return np.asarray(np.maximum(sums[::step, ::step], 0) / size**2)
