"""Error maps: the absolute difference of luma as colours, one scale for every map that srbench draws."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from srbench.image.io import encode_png
from srbench.pictures.local import Float

U8 = NDArray[np.uint8]

TOP = 32
"""Levels of 255 at which the scale ends; what is larger has the last colour."""

COLOURS = 64
"""Half a level each."""

# Anchors of "inferno" by N. Smith and S. van der Walt (CC0): its lightness rises evenly.
_ANCHORS = (
    "000004", "1b0c41", "4a0c6b", "781c6d", "a52c60", "cf4446", "ed6925", "fb9b06", "f7d13d", "fcffa4"
)  # fmt: skip


def palette() -> U8:
    """The colours, ``(COLOURS, 3)``: black for no error, pale yellow from `TOP` on."""
    anchors = np.array([[int(text[i : i + 2], 16) for i in (0, 2, 4)] for text in _ANCHORS], np.float64)
    at = np.linspace(0, len(anchors) - 1, COLOURS)
    channels = [np.interp(at, np.arange(len(anchors)), channel) for channel in anchors.T]
    colours: U8 = np.rint(np.stack(channels, axis=1)).astype(np.uint8)
    return colours


def error_levels(sr: Float, hr: Float) -> U8:
    """Numbers of colours, 0 to ``COLOURS - 1``, of two planes ``(H, W)`` of luma on 0..255.

    A difference of d levels has the colour ``floor(2 d)``, of `TOP` and more the last one.
    """
    colours = np.abs(sr - hr) * (COLOURS / TOP)
    return np.minimum(colours, COLOURS - 1).astype(np.uint8)


def error_png(sr: Float, hr: Float) -> bytes:
    """The map as a PNG with a palette."""
    return encode_png(error_levels(sr, hr), palette())


def scale_png() -> bytes:
    """The scale as a picture, ``COLOURS`` x 1 pixels, from no error on the left to `TOP` on the right."""
    return encode_png(np.arange(COLOURS, dtype=np.uint8)[None], palette())
