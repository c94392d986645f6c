"""PSNR: peak signal-to-noise ratio, peak 255, in float64.

``10 log10(255² / MSE)`` of one image, the MSE over all its pixels (and channels, on RGB). Papers average
this over images, never the MSEs. Equal images give inf, which is stored and counted, never averaged.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from srbench.metrics.base import Image, Metric, check_same_shape

PEAK = 255.0


def psnr(sr: Image, hr: Image) -> float:
    """PSNR in dB of two arrays of one shape on the 0..255 scale; inf if they are equal."""
    difference = np.subtract(sr, hr, dtype=np.float64).ravel()
    # Not by BLAS: its threads go on spinning for 15 ms, and its sum depends on how many there are.
    mse = float(np.einsum("i,i->", difference, difference)) / difference.size
    return math.inf if mse == 0 else 10 * math.log10(PEAK**2 / mse)


class PSNR(Metric):
    """PSNR of the luma plane, or of RGB with one MSE over the three channels."""

    thread_safe: ClassVar[bool] = True

    @property
    def signature(self) -> str:
        """``psnr|y|peak:255|border:protocol|float64|srbench:1``."""
        return f"psnr|{self.info.needs}|peak:255|border:protocol|float64|srbench:1"

    def score(self, sr: Image, prepared: Any) -> float:
        """PSNR in dB, higher is better; inf for equal images."""
        check_same_shape(sr, prepared.shape)
        return psnr(sr, prepared)
