"""SSIM as other programs compute it, which is not what papers of super-resolution print.

Wang et al. 2004 with other windows or another size; `srbench.metrics.ssim` is the field's own.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from srbench.explain.variants import Window
from srbench.metrics.ssim import C1, C2, ssim, statistics, window

Plane = NDArray[np.float64]


def gauss_same(sr: Plane, hr: Plane) -> float:
    """MATLAB's built-in ``ssim``: Gaussian 11 x 11, a window at every pixel, the edge pixel repeated.

    Args:
        sr: ``(H, W)`` on 0..255.
        hr: likewise.
    """
    kernel = window("float64")

    def blurred(plane: Plane) -> Plane:
        return np.asarray(cv2.sepFilter2D(plane, -1, kernel, kernel, borderType=cv2.BORDER_REPLICATE))

    return float(_similarity(sr, hr, blurred, 1).mean())


def uniform_7(sr: Plane, hr: Plane) -> float:
    """scikit-image's ``structural_similarity`` with its defaults: uniform 7 x 7, sample covariances."""
    samples = 7 * 7

    def averaged(plane: Plane) -> Plane:
        return np.asarray(cv2.blur(plane, (7, 7)), np.float64)[3:-3, 3:-3]

    return float(_similarity(sr, hr, averaged, samples / (samples - 1)).mean())


def _similarity(x: Plane, y: Plane, mean: Callable[[Plane], Plane], spread: float) -> Plane:
    """Eq. 13 of the paper; `spread` multiplies variances and covariance."""
    mx, my = mean(x), mean(y)
    variances: Plane = spread * (mean(x * x) - mx**2 + mean(y * y) - my**2)
    covariance = spread * (mean(x * y) - mx * my)
    luminance: Plane = (2 * mx * my + C1) / (mx**2 + my**2 + C1)
    return np.asarray(luminance * (2 * covariance + C2) / (variances + C2))


def downsampled(sr: Plane, hr: Plane) -> float:
    """Wang's ``ssim.m``: both averaged over f x f and every f-th pixel taken, f = round(min(H, W) / 256)."""
    factor = max(1, int(min(hr.shape) / 256 + 0.5))
    return ssim(_taken(sr, factor), statistics(_taken(hr, factor)))


def _taken(plane: Plane, factor: int) -> Plane:
    """``imfilter(..., 'symmetric')``, whose window of even size reaches one pixel further to the right."""
    shift = -1 if factor % 2 == 0 else 0
    smooth = ndimage.uniform_filter(plane, factor, mode="reflect", origin=shift)
    return np.ascontiguousarray(smooth[::factor, ::factor])


SSIMS: dict[Window, Callable[[Plane, Plane], float]] = {
    "gauss-same": gauss_same,
    "uniform-7": uniform_7,
    "downsampled": downsampled,
}
