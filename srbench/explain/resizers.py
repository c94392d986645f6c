"""Bicubic as other programs resize uint8 images: what LR is made with when it isn't MATLAB's."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from srbench.explain.variants import Resizer
from srbench.image.resize import imresize

U8 = NDArray[np.uint8]
Size = tuple[int, int]


def opencv(image: U8, size: Size) -> U8:
    """``cv2.resize(..., INTER_CUBIC)``: Keys's cubic with a = -0.75, never antialiased.

    Args:
        image: uint8 ``(H, W, C)``, C = 1 or 3.
        size: rows and columns of the result.
    """
    small = cv2.resize(image, size[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(small, np.uint8).reshape(*size, image.shape[2])


def pillow(image: U8, size: Size) -> U8:
    """``Image.resize(..., BICUBIC)``: a = -0.5, antialiased, weights in fixed point, borders cut off."""
    picture = Image.fromarray(image if image.shape[2] == 3 else image[..., 0])
    return np.asarray(picture.resize(size[::-1], Image.Resampling.BICUBIC)).reshape(*size, image.shape[2])


def no_antialias(image: U8, size: Size) -> U8:
    """``imresize(..., 'Antialiasing', false)``."""
    return imresize(image, size=size, flavour="matlab-symmetric-u8", antialias=False)


RESIZERS: dict[Resizer, Callable[[U8, Size], U8]] = {
    "opencv": opencv,
    "pillow": pillow,
    "no-antialias": no_antialias,
}
