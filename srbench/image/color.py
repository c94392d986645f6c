"""Colour as MATLAB's Image Processing Toolbox computes it, exact to its ties.

Everything works in float64 on the 0..255 scale; MATLAB's ``uint8`` results are ``round_u8`` of these.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from srbench.errors import ImageError

Float = NDArray[np.float64]

# ITU-R BT.601 on the studio range, as in MATLAB's rgb2ycbcr (C. Poynton, "A Technical Introduction to
# Digital Video", 1996, p. 175). MATLAB multiplies its matrix by 1/255 first: dividing the sum by 255
# instead moves ties.
_BT601 = ((65.481, 128.553, 24.966), (-37.797, -74.203, 112.0), (112.0, -93.786, -18.214))
_OFFSETS = (16.0, 128.0, 128.0)
_TO_YCBCR = tuple(tuple(c * (1 / 255) for c in row) for row in _BT601)

# 255 times the exact inverse of _BT601, rounded once: no LAPACK, so the same bits on every machine.
_TO_RGB = (
    (1.1643835616438356, 3.0112439743723867e-07, 1.596026887335704),
    (1.1643835616438356, -0.39176253994145005, -0.8129682921622052),
    (1.1643835616438356, 2.0172326395564593, 3.054261745434849e-06),
)

# First row of the inverse NTSC matrix, the coefficients of MATLAB's rgb2gray.
_TO_GRAY = (0.298936021293775, 0.587043074451121, 0.114020904255103)

# The largest double below a half: adding it and truncating rounds every double half up, where adding
# 0.5 would lift 0.49999999999999994 to 1.
_BELOW_HALF = 0.49999999999999994


def round_u8(values: ArrayLike) -> NDArray[np.uint8]:
    """MATLAB's ``uint8(x)``: half away from zero, then clipped to 0..255; NaN gives 0.

    Args:
        values: real numbers of any shape.

    Returns:
        uint8 array of the same shape.
    """
    x = np.fmin(np.fmax(np.asarray(values, np.float64), 0.0), 255.0)  # fmax, not maximum: NaN becomes 0
    return np.asarray(x + _BELOW_HALF).astype(np.uint8)


def rgb2y(rgb: ArrayLike) -> Float:
    """Studio-range BT.601 luma, the Y of MATLAB's ``rgb2ycbcr``, not rounded.

    Args:
        rgb: ``(..., 3)``, uint8 or float 0..255.

    Returns:
        ``(...)`` float64, 16..235 for inputs in 0..255.

    Raises:
        ImageError: the last dimension isn't 3.
    """
    return _combine(_channels(rgb), _TO_YCBCR[0]) + _OFFSETS[0]


def rgb2ycbcr(rgb: ArrayLike) -> Float:
    """MATLAB's ``rgb2ycbcr`` on the 0..255 scale, not rounded.

    Args:
        rgb: ``(..., 3)``, uint8 or float 0..255.

    Returns:
        ``(..., 3)`` float64: Y 16..235, Cb and Cr 16..240 for inputs in 0..255.

    Raises:
        ImageError: the last dimension isn't 3.
    """
    x = _channels(rgb)
    return np.stack([_combine(x, row) + o for row, o in zip(_TO_YCBCR, _OFFSETS, strict=True)], axis=-1)


def ycbcr2rgb(ycbcr: ArrayLike) -> Float:
    """MATLAB's ``ycbcr2rgb`` on the 0..255 scale, neither rounded nor clipped.

    Args:
        ycbcr: ``(..., 3)``, uint8 or float on the 0..255 scale.

    Returns:
        ``(..., 3)`` float64 RGB.

    Raises:
        ImageError: the last dimension isn't 3.
    """
    x = _channels(ycbcr)
    shifts = [sum(t * o for t, o in zip(row, _OFFSETS, strict=True)) for row in _TO_RGB]
    return np.stack([_combine(x, row) - s for row, s in zip(_TO_RGB, shifts, strict=True)], axis=-1)


def rgb2gray(rgb: ArrayLike) -> NDArray[Any]:
    """MATLAB's ``rgb2gray``: full-range luma by the NTSC weights; *not* the Y that papers score.

    Args:
        rgb: ``(..., 3)``, uint8 or float of any scale.

    Returns:
        ``(...)``: uint8, rounded, for uint8 input; else float64 on the input's scale.

    Raises:
        ImageError: the last dimension isn't 3.
    """
    gray = _combine(_channels(rgb), _TO_GRAY)
    return round_u8(gray) if np.asarray(rgb).dtype == np.uint8 else gray


def _channels(image: ArrayLike) -> Float:
    x = np.asarray(image)
    if x.ndim == 0 or x.shape[-1] != 3:
        raise ImageError("three channels last", f"shape {x.shape}", "give an RGB image (H, W, 3)")
    return x.astype(np.float64, copy=False)


def _combine(x: Float, c: tuple[float, ...]) -> Float:
    """c1 R + c2 G + c3 B, added in this order as MATLAB's imlincomb does: another order moves ties."""
    y: Float = x[..., 0] * c[0]
    y = y + x[..., 1] * c[1]
    return y + x[..., 2] * c[2]
