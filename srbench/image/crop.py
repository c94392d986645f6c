"""Crops that evaluation protocols prescribe, and bands of rows; views, nothing is copied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from srbench.errors import ImageError

Dtype = TypeVar("Dtype", bound=np.generic)


def modcrop(image: NDArray[Dtype], multiple: int) -> NDArray[Dtype]:
    """The largest part from the top left whose height and width are multiples of ``multiple``.

    Args:
        image: ``(H, W)``, ``(H, W, C)`` or ``(T, H, W, C)``, any dtype.
        multiple: usually the scale; 1 changes nothing.

    Returns:
        A view of ``image``.

    Raises:
        ImageError: the image is smaller than ``multiple``, or isn't an image.
    """
    rows, cols = _spatial(image)
    h, w = (image.shape[d] // multiple * multiple for d in (rows, cols))
    if h == 0 or w == 0:
        raise _too_small(image, f"at least {multiple} x {multiple} pixels")
    return image[(slice(None),) * rows + (slice(h), slice(w))]


def shave(image: NDArray[Dtype], border: int) -> NDArray[Dtype]:
    """The image without ``border`` pixels on each of its four sides.

    Args:
        image: ``(H, W)``, ``(H, W, C)`` or ``(T, H, W, C)``, any dtype.
        border: pixels per side; 0 changes nothing.

    Returns:
        A view of ``image``.

    Raises:
        ImageError: nothing would be left, or it isn't an image.
    """
    rows, cols = _spatial(image)
    h, w = image.shape[rows] - border, image.shape[cols] - border
    if h <= border or w <= border:
        raise _too_small(image, f"more than {2 * border} pixels a side (a border of {border} is cut off)")
    return image[(slice(None),) * rows + (slice(border, h), slice(border, w))]


def bands(height: int, rows: int = 64) -> Iterator[slice]:
    """Rows of an image, a few at a time: doubles made on the way stay small and in the CPU cache."""
    return (slice(first, first + rows) for first in range(0, height, rows))


def _spatial(image: NDArray[Dtype]) -> tuple[int, int]:
    """Which dimensions are rows and columns: only a clip (T, H, W, C) has them second and third."""
    if image.ndim in (2, 3):
        return 0, 1
    if image.ndim == 4:
        return 1, 2
    raise ImageError("(H, W[, C]) or (T, H, W, C)", f"shape {image.shape}", "add or drop axes")


def _too_small(image: NDArray[Dtype], expected: str) -> ImageError:
    rows, cols = _spatial(image)
    got = f"{image.shape[rows]} x {image.shape[cols]}"
    return ImageError(expected, got, "use a larger image or a smaller scale")
