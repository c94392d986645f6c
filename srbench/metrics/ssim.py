"""SSIM: the structural similarity index of Wang et al. 2004, MATLAB's ``ssim_index.m`` at full size.

11 x 11 Gaussian window, sigma 1.5, K = (0.01, 0.03), L = 255; the mean of the map over the *valid*
windows (those that lie inside the image), and no downsampling: the SSIM of super-resolution papers.

The paper's eq. 13 is computed from the error d = x - y, an identity that keeps the digits which
subtracting nearly equal numbers loses (equal images give exactly 1, in any precision)::

    2 mx my + C1                  md²             2 sxy + C2                        vd
    --------------- = 1 - ---------------,    ------------- = 1 - ------------------------
    mx² + my² + C1        mx² + my² + C1      vx + vy + C2        2 vy + 2 syd + vd + C2

with m, v, s the windows' means, variances and covariances. So a score costs three filtered images, and the
ground truth's own two are `prepare`'s. The window is separable; filtering is OpenCV's, over bands of rows
small enough for the CPU's cache.

The float32 form stays within 1e-6 of float64 for predictions whose error is at most 10 levels; bicubic on
Set5, Set14 and BSD100 stays within 3e-8. Flat areas that are off by hundreds of levels, each by another
amount, can cost it 2e-5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from srbench.errors import UsageError
from srbench.metrics.base import Image, Metric, check_large_enough, check_same_shape
from srbench.types import MetricInfo

Map = NDArray[Any]
Dtype = Literal["float64", "float32"]

WINDOW = 11
SIGMA = 1.5
C1 = (0.01 * 255) ** 2
C2 = (0.03 * 255) ** 2

_MARGIN = WINDOW // 2
_BAND = 96  # rows a band: its half dozen planes stay in a CPU core's cache
_MIDDLE = 128.0  # subtracted from planes before they are squared or multiplied: variances don't see it


@dataclass(frozen=True)
class Statistics:
    """The ground truth's side of SSIM, in the working precision.

    Attributes:
        plane: the plane itself, ``(H, W)``.
        mean: local means less 128, of the valid windows: ``(H - 10, W - 10)``.
        spread: twice the local variances plus C2, likewise.
    """

    plane: Map
    mean: Map
    spread: Map


def statistics(plane: Image, dtype: Dtype = "float64") -> Statistics:
    """Local mean and variance of a ground truth, computed in float64.

    Args:
        plane: ``(H, W)``, 0..255, at least 11 x 11.
        dtype: what the results are stored in, and what `ssim` works in.
    """
    kernel = window("float64")
    shape = (plane.shape[0] - 2 * _MARGIN, plane.shape[1] - 2 * _MARGIN)
    mean, spread = np.empty(shape, dtype), np.empty(shape, dtype)
    for inner, outer in _bands(plane.shape[0]):
        band = np.subtract(plane[outer], _MIDDLE, dtype=np.float64)
        means = _filter(band, kernel)
        variances = _filter(np.multiply(band, band, out=band), kernel) - means**2
        mean[inner] = means
        spread[inner] = 2 * variances + C2
    return Statistics(plane.astype(dtype), mean, spread)


def ssim(sr: Image, truth: Statistics) -> float:
    """Mean SSIM of a prediction against a prepared ground truth.

    Args:
        sr: ``(H, W)``, 0..255, of the ground truth's shape.
        truth: what `statistics` gave for it.
    """
    kernel = window("float32" if truth.plane.dtype == np.float32 else "float64")
    total = 0.0
    for inner, outer in _bands(sr.shape[0]):
        band = _ssim_map(sr[outer], truth.plane[outer], truth.mean[inner], truth.spread[inner], kernel)
        total += float(band.sum(dtype=np.float64))
    return total / truth.mean.size


def window(dtype: Dtype) -> Map:
    """The window's factor: 11 Gaussian weights that sum to 1, as ``fspecial('gaussian', [11 11], 1.5)``."""
    offsets = np.arange(-_MARGIN, _MARGIN + 1, dtype=np.float64)
    weights = np.exp(-(offsets**2) / (2 * SIGMA**2))
    return np.asarray(weights / weights.sum(), dtype)


def _bands(height: int) -> Iterator[tuple[slice, slice]]:
    """Rows of the map, and rows of the image that they need, band by band."""
    rows = height - 2 * _MARGIN
    for start in range(0, rows, _BAND):
        stop = min(start + _BAND, rows)
        yield slice(start, stop), slice(start, stop + 2 * _MARGIN)


def _filter(band: Map, kernel: Map) -> Map:
    """The band's windows that lie inside it; what OpenCV makes up beyond the edge is cut off."""
    same = cv2.sepFilter2D(band, -1, kernel, kernel)
    valid: Map = same[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    return valid


def _ssim_map(x: Map, y: Map, mean_y: Map, spread_y: Map, kernel: Map) -> Map:
    """The map of one band, by the identity above; in place, because memory traffic is what costs."""
    error = np.subtract(x, y, dtype=y.dtype)
    offset = error.mean()  # a common offset of the errors would cost the variance its digits
    error -= offset
    mean_error = _filter(error, kernel)
    spread = _filter(error * (y - y.dtype.type(_MIDDLE)), kernel) - mean_error * mean_y
    variance = _filter(np.multiply(error, error, out=error), kernel) - mean_error**2
    spread *= 2
    spread += variance
    spread += spread_y
    variance /= spread
    mean_error += offset
    similarity = _luminance(mean_error, mean_y)
    similarity *= np.subtract(1, variance, out=variance)
    return similarity


def _luminance(mean_error: Map, mean_y: Map) -> Map:
    mean_y = mean_y + mean_y.dtype.type(_MIDDLE)
    power = (mean_y + mean_error) ** 2
    power += np.multiply(mean_y, mean_y, out=mean_y)
    power += C1
    loss = np.multiply(mean_error, mean_error, out=mean_error)
    loss /= power
    return np.subtract(1, loss, out=loss)


class SSIM(Metric):
    """SSIM of the luma plane, or on RGB the mean over the three channels.

    Its argument is the working precision: ``float64`` (when empty) or ``float32``.
    """

    thread_safe: ClassVar[bool] = True

    def __init__(self, info: MetricInfo, argument: str = "") -> None:
        super().__init__(info, argument)
        if argument not in ("", "float64", "float32"):
            raise UsageError("float64 or float32", repr(argument), "leave it out for float64")
        self.dtype: Dtype = "float32" if argument == "float32" else "float64"

    @property
    def signature(self) -> str:
        """``ssim|y|gauss:11:1.5|k:0.01:0.03|peak:255|valid|border:protocol|float64|srbench:1``."""
        fixed = "gauss:11:1.5|k:0.01:0.03|peak:255|valid|border:protocol"
        return f"ssim|{self.info.needs}|{fixed}|{self.dtype}|srbench:1"

    def prepare(self, hr: Image) -> tuple[Statistics, ...]:
        """Local statistics of each channel of the ground truth.

        Raises:
            Unavailable: the image is smaller than the window.
        """
        check_large_enough(hr, WINDOW, "SSIM's 11 x 11 window after the border is cut off")
        return tuple(statistics(channel, self.dtype) for channel in _channels(hr))

    def score(self, sr: Image, prepared: Any) -> float:
        """SSIM, at most 1; exactly 1 for equal images."""
        truths: tuple[Statistics, ...] = prepared
        check_same_shape(sr, truths[0].plane.shape + ((len(truths),) if len(truths) > 1 else ()))
        channels = _channels(sr)
        return sum(ssim(x, truth) for x, truth in zip(channels, truths, strict=True)) / len(truths)


def _channels(image: Image) -> list[Image]:
    return [image] if image.ndim == 2 else [image[..., c] for c in range(image.shape[2])]
