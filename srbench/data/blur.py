"""Blur and sample: the BD degradations of video papers, which differ in kernel and phase.

================  ==========================================  =========================  ====================
degradation       Gaussian                                    samples (0-based)          beyond the border
================  ==========================================  =========================  ====================
``bd-basicvsr``   12x12, sigma 1.6 (``fspecial``)             1::4, centre of the cell   replicated
``bd-duf``        13x13, sigma 1.6, centred                   0::4                       reflected
``bd-tecogan``    13x13, sigma 1.5, centred                   0::4                       reflected
================  ==========================================  =========================  ====================

The even kernel of ``bd-basicvsr`` has its centre between two pixels, as MATLAB's ``imfilter`` places it:
samples at 1-based 2:4:end-2 lie in the middle of their 4x4 cell. The other two lie on its upper left pixel,
half a cell off: a network that was trained for one phase is shifted under the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from srbench.image.color import round_u8

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Blur:
    """A Gaussian and where it is sampled.

    Attributes:
        taps: side of the kernel.
        sigma: in pixels.
        first: offset of the first tap from the first pixel of a 4x4 cell.
        pad: NumPy's word for what lies beyond the border: ``edge``, or ``reflect`` (without the edge).
    """

    taps: int
    sigma: float
    first: int
    pad: Literal["edge", "reflect"]


STEP = 4
BLURS: dict[str, Blur] = {
    "bd-basicvsr": Blur(12, 1.6, -4, "edge"),
    "bd-duf": Blur(13, 1.6, -6, "reflect"),
    "bd-tecogan": Blur(13, 1.5, -6, "reflect"),
}


def gaussian(taps: int, sigma: float) -> Float:
    """One dimension of ``fspecial('gaussian', taps, sigma)``: ``(taps,)``, centred, sums to 1."""
    at = np.arange(taps) - (taps - 1) / 2
    weights = np.exp(-(at * at) / (2 * sigma * sigma))
    return np.asarray(weights / weights.sum(), np.float64)


def blur_and_sample(image: NDArray[np.uint8], blur: Blur) -> NDArray[np.uint8]:
    """Blur and keep every fourth pixel in double, rounded once.

    Args:
        image: uint8 ``(H, W, C)``, H and W multiples of 4.
        blur: one of `BLURS`.

    Returns:
        uint8 ``(H / 4, W / 4, C)``.
    """
    rows, cols = (_matrix(length, blur) for length in image.shape[:2])
    planes = image.transpose(2, 0, 1).astype(np.float64)
    return round_u8((rows @ planes @ cols.T).transpose(1, 2, 0))


def _matrix(length: int, blur: Blur) -> Float:
    """``(length / 4, length)``: what each sample takes from each pixel of a line."""
    reach = blur.taps
    inside = np.pad(np.arange(length), reach, mode=blur.pad)
    matrix = np.zeros((length // STEP, length))
    weights = gaussian(blur.taps, blur.sigma)
    for sample in range(length // STEP):
        start = sample * STEP + blur.first + reach
        np.add.at(matrix[sample], inside[start : start + blur.taps], weights)
    return matrix
