"""The embedded clip: a camera gliding over a photograph, so that video runs everywhere.

View i of `camera_path` is a window of 192 x 256 pixels (height x width) resampled from scikit-image's
photograph ``astronaut`` (512 x 512) through an affine map with these parameters, in photograph pixels:

    centre row     340.5 + 0.83 i
    centre column  236.5 + 1.91 i - 0.07 i^2
    half angle     tan(angle / 2) = 0.0012 i
    zoom           1.5 - 0.004 i      (photograph pixels per view pixel)

The view moves by about 1.3 of its own pixels from frame to frame, which is a third of a pixel after
shrinking by 4: every low-resolution frame samples the scene elsewhere, so what aliases in one can be
recovered from its neighbours.

The kernel is cubic convolution (Keys 1981, a = -0.5) widened by the zoom, as MATLAB's antialiased
``imresize``. Only +, -, *, / and floor of float64 are used, each as an array operation of its own and
in a fixed order, so that the pixels, pinned in the manifest, are the same on every platform. No value
lies within 2e-6 of a rounding tie.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srbench.errors import UsageError
from srbench.image.color import round_u8

Plane = NDArray[np.float64]

VIEW = (192, 256)
PHOTO = (512, 512, 3)
FRAMES = 10


def render(generated: str, photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The frame a manifest calls ``camera-path:N``.

    Args:
        generated: ``camera-path:N``, N from 0 to 9.
        photo: uint8 RGB, 512 x 512 x 3.

    Returns:
        uint8 RGB, 192 x 256 x 3.

    Raises:
        UsageError: another generator or number, or a photograph of another shape.
    """
    generator, _, number = generated.partition(":")
    if generator != "camera-path" or not number.isdecimal() or int(number) >= FRAMES:
        raise UsageError(f"camera-path:0 to camera-path:{FRAMES - 1}", repr(generated), "correct it")
    if photo.shape != PHOTO:
        raise UsageError(f"a photograph of shape {PHOTO}", str(photo.shape), "use scikit-image's astronaut")
    rows, columns, zoom = camera_path(int(number))
    return round_u8(_resample(photo, rows, columns, zoom))


def camera_path(i: int) -> tuple[Plane, Plane, float]:
    """Where view `i` looks: rows and columns in the photograph, each float64 ``(192, 256)``, and the zoom."""
    zoom = 1.5 - 0.004 * i
    tangent = 0.0012 * i
    cosine = (1 - tangent * tangent) / (1 + tangent * tangent)
    sine = 2 * tangent / (1 + tangent * tangent)
    y = (np.arange(VIEW[0], dtype=np.float64)[:, None] - (VIEW[0] - 1) / 2) * zoom
    x = (np.arange(VIEW[1], dtype=np.float64)[None, :] - (VIEW[1] - 1) / 2) * zoom
    rows = (340.5 + 0.83 * i) + (sine * x + cosine * y)
    columns = (236.5 + 1.91 * i - 0.07 * i * i) + (cosine * x - sine * y)
    return rows, columns, zoom


def _resample(photo: NDArray[np.uint8], rows: Plane, columns: Plane, zoom: float) -> Plane:
    across = list(_taps(columns, zoom))
    return _sum(
        weight[..., None] * _sum(share[..., None] * photo[row, column] for column, share in across)
        for row, weight in _taps(rows, zoom)
    )


def _taps(positions: Plane, zoom: float) -> Iterable[tuple[NDArray[np.intp], Plane]]:
    """Source indices around each position and their weights, which add up to 1."""
    first = np.floor(positions - 2 * zoom).astype(np.intp) + 1
    indices = [first + k for k in range(int(4 * zoom) + 1)]
    weights = [_cubic(np.abs((positions - index) / zoom)) for index in indices]
    total = _sum(weights)
    return zip(indices, (weight / total for weight in weights), strict=True)


def _cubic(x: Plane) -> Plane:
    """Cubic convolution with a = -0.5 at distances x >= 0 (Keys 1981)."""
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


def _sum(terms: Iterable[Any]) -> Plane:
    """Left to right, one addition at a time: the order is part of the pixels."""
    total: Plane = reduce(np.add, terms)
    return total
