"""MATLAB's ``imresize``, bit for bit, in the three flavours the field's test images were made with.

================================  =====================================  ================================
flavour                           out-of-image pixels                    between the two passes
================================  =====================================  ================================
``matlab-replicate-u8``           the edge pixel                         rounded to uint8 after each pass
``matlab-symmetric-u8``           mirrored, edge repeated, as often as   rounded to uint8 after each pass
                                  the kernel needs
``matlab-symmetric-double``       mirrored likewise                      float64, never rounded
================================  =====================================  ================================

Source: MATLAB Image Processing Toolbox, ``imresize`` and its ``contributions``; the cubic kernel is
R. Keys, "Cubic convolution interpolation for digital image processing", IEEE TASSP 1981, a = -0.5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from srbench.errors import ImageError, UsageError
from srbench.image.color import round_u8
from srbench.types import FLAVOURS, Flavour

_BLOCK = 2**15  # values of the output made at once: few calls for small rows, still within the cache
Float = NDArray[np.float64]
KernelName = Literal["bicubic", "bilinear", "nearest", "lanczos2", "lanczos3", "box"]


@dataclass(frozen=True)
class Taps:
    """One dimension's filter: output ``i`` is the sum over ``k`` of ``weights[i, k] * input[indices[i, k]]``.

    Both arrays are ``(outputs, taps)``; each row of weights sums to 1.
    """

    weights: Float
    indices: NDArray[np.intp]


def imresize(
    image: NDArray[Any],
    scale: float | None = None,
    *,
    size: tuple[int, int] | None = None,
    kernel: KernelName = "bicubic",
    flavour: Flavour = "matlab-symmetric-double",
    antialias: bool | None = None,
) -> NDArray[Any]:
    """Resize as MATLAB's ``imresize(image, scale)`` or ``imresize(image, size)`` does.

    The dimension with the smaller scale goes first, rows first on a tie. Given ``scale``, the output
    has ``ceil(scale * input)`` pixels a side and positions follow ``scale`` itself; given ``size``,
    each dimension's scale is ``size / input``.

    Args:
        image: ``(H, W)`` or ``(H, W, C)``. uint8 for the u8 flavours; any real dtype for double.
        scale: factor for both dimensions; positive.
        size: ``(rows, columns)`` of the output; exactly one of ``scale`` and ``size`` is given.
        kernel: interpolation kernel.
        flavour: which MATLAB; see the module.
        antialias: widen the kernel when shrinking; None is MATLAB's default: yes, but for ``nearest``.

    Returns:
        uint8 for the u8 flavours, else float64 on the input's scale, not clipped; same number of
        dimensions as ``image``.

    Raises:
        ImageError: the image's shape or dtype doesn't suit.
        UsageError: no such kernel or flavour, or not exactly one sensible ``scale`` or ``size``.
    """
    _check_image(image, flavour)
    _check_options(kernel, flavour)
    scales, sizes = _geometry((image.shape[0], image.shape[1]), scale, size)
    widen = kernel != "nearest" if antialias is None else antialias
    out: NDArray[Any] = image.reshape(*image.shape[:2], -1)
    for dim in (0, 1) if scales[0] <= scales[1] else (1, 0):
        taps = contributions(
            out.shape[dim], sizes[dim], scales[dim], kernel, widen, flavour == "matlab-replicate-u8"
        )
        out = _resize_rows(out, taps, flavour) if dim == 0 else _resize_cols(out, taps, flavour)
    return out.reshape(*sizes, *image.shape[2:])


def contributions(
    in_length: int, out_length: int, scale: float, kernel: KernelName, antialias: bool, replicate: bool
) -> Taps:
    """Weights and 0-based source indices of every output pixel along one dimension.

    MATLAB's ``contributions``, operation for operation: its sums over taps run from the left, and
    columns of taps that nobody uses are dropped. Only its ``.^3`` is not copied, which in R2019b is
    now and then a unit in the last place off.
    """
    function, width = KERNELS[kernel]
    shrink = scale if antialias and scale < 1 else 1.0
    width = width / shrink
    u = np.arange(1, out_length + 1) / scale + 0.5 * (1 - 1 / scale)
    left = np.floor(u - width / 2)
    indices = left[:, None] + np.arange(math.ceil(width) + 2)
    weights = shrink * function(shrink * (u[:, None] - indices))
    weights /= np.cumsum(weights, axis=1)[:, -1:]  # sum() would add in pairs
    used = weights.any(axis=0)
    source = (indices[:, used] - 1).astype(np.intp)
    return Taps(np.ascontiguousarray(weights[:, used]), _inside(source, in_length, replicate))


def _inside(indices: NDArray[np.intp], length: int, replicate: bool) -> NDArray[np.intp]:
    if replicate:
        return np.clip(indices, 0, length - 1)
    mirror = np.concatenate([np.arange(length), np.arange(length)[::-1]])
    return mirror[indices % (2 * length)]


# --------------------------------------------------------------------------------- two passes


def _resize_rows(image: NDArray[Any], taps: Taps, flavour: Flavour) -> NDArray[Any]:
    """(H, W, C) to (outputs, W, C), a few output rows at a time.

    Products are rounded, then added from the left, in float64: the order decides ties. BLAS, einsum
    and OpenCV's filters reorder or fuse the sums.
    """
    store = round_u8 if flavour != "matlab-symmetric-double" else np.asarray
    source = image.reshape(len(image), -1).astype(np.float64, copy=False)
    out = np.empty((len(taps.weights), source.shape[1]), np.float64 if store is np.asarray else np.uint8)
    step = max(1, _BLOCK // source.shape[1])
    for start in range(0, len(out), step):
        rows = slice(start, start + step)
        products = _products(source, Taps(taps.weights[rows], taps.indices[rows]))
        total = next(products)
        for product in products:
            total += product
        out[rows] = store(total)
    return out.reshape(-1, *image.shape[1:])


def _products(source: Float, taps: Taps) -> Iterator[Float]:
    """Tap by tap, the source rows that all outputs want, times their weights: ``(outputs, values)``."""
    for weights, indices in zip(taps.weights.T, taps.indices.T, strict=True):
        product = source[indices]
        product *= weights[:, None]
        yield product


def _resize_cols(image: NDArray[Any], taps: Taps, flavour: Flavour) -> NDArray[Any]:
    """(H, W, C) to (H, outputs, C)."""
    turned = _resize_rows(image.transpose(1, 0, 2), taps, flavour)
    return np.ascontiguousarray(turned.transpose(1, 0, 2))


# ------------------------------------------------------------------------------------ kernels


def _cubic(x: Float) -> Float:
    a = np.abs(x)
    a2, a3 = a * a, _cubed(a)
    inner = (1.5 * a3 - 2.5 * a2 + 1) * (a <= 1)
    outer = (-0.5 * a3 + 2.5 * a2 - 4 * a + 2) * ((a > 1) & (a <= 2))
    return np.asarray(inner + outer)


def _cubed(a: Float) -> Float:
    """The double nearest to a**3. NumPy's power varies in its last bit from processor to processor."""
    square, square_error = _product(a, a)
    cube, cube_error = _product(square, a)
    return cube + (cube_error + square_error * a)


def _product(a: Float, b: Float) -> tuple[Float, Float]:
    """The rounded product and its rounding error, exactly (T. J. Dekker, Numer. Math. 18, 1971)."""
    (a1, a0), (b1, b0) = _split(a), _split(b)
    p = a * b
    return p, a0 * b0 - (((p - a1 * b1) - a0 * b1) - a1 * b0)


def _split(a: Float) -> tuple[Float, Float]:
    high = a * (2**27 + 1)
    high = high - (high - a)
    return high, a - high


def _triangle(x: Float) -> Float:
    return np.asarray((x + 1) * ((x >= -1) & (x < 0)) + (1 - x) * ((x >= 0) & (x <= 1)))


def _box(x: Float) -> Float:
    return ((x >= -0.5) & (x < 0.5)).astype(np.float64)


def _lanczos(x: Float, lobes: int) -> Float:
    eps = np.finfo(np.float64).eps  # MATLAB's way round 0 / 0 at x = 0
    numerator = np.sin(np.pi * x) * np.sin(np.pi * x / lobes) + eps
    return np.asarray(numerator / (np.pi**2 * x**2 / lobes + eps) * (np.abs(x) < lobes))


def _lanczos2(x: Float) -> Float:
    return _lanczos(x, 2)


def _lanczos3(x: Float) -> Float:
    return _lanczos(x, 3)


KERNELS: dict[str, tuple[Callable[[Float], Float], float]] = {
    "bicubic": (_cubic, 4.0),
    "bilinear": (_triangle, 2.0),
    "nearest": (_box, 1.0),
    "box": (_box, 1.0),
    "lanczos2": (_lanczos2, 4.0),
    "lanczos3": (_lanczos3, 6.0),
}
"""Name to function and support; ``nearest`` is ``box`` whose antialiasing is off by default."""


# ------------------------------------------------------------------------------------- checks


def _check_image(image: NDArray[Any], flavour: Flavour) -> None:
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise ImageError("an image (H, W) or (H, W, C)", f"shape {image.shape}", "give one frame at a time")
    if flavour != "matlab-symmetric-double" and image.dtype != np.uint8:
        raise ImageError(f"uint8 for {flavour}", str(image.dtype), "round first or use the double flavour")
    if image.dtype.kind not in "buif":
        raise ImageError("real numbers", str(image.dtype), "give uint8 or float pixels")


def _check_options(kernel: str, flavour: str) -> None:
    if kernel not in KERNELS:
        raise UsageError("a kernel", repr(kernel), f"use one of {', '.join(KERNELS)}")
    if flavour not in FLAVOURS:
        raise UsageError("an imresize flavour", repr(flavour), f"use one of {', '.join(FLAVOURS)}")


def _geometry(
    shape: tuple[int, int], scale: float | None, size: tuple[int, int] | None
) -> tuple[tuple[float, float], tuple[int, int]]:
    """Scales and output sizes of both dimensions, from whichever of the two was given."""
    if scale is not None and size is None and 0 < scale < math.inf:
        return (scale, scale), (math.ceil(scale * shape[0]), math.ceil(scale * shape[1]))
    if size is not None and scale is None and min(size) >= 1:
        return (size[0] / shape[0], size[1] / shape[1]), size
    raise UsageError("a positive scale or a size", f"scale={scale}, size={size}", "give one of the two")
