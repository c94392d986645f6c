"""The network's door: frames to planes in [0, 1], and the network's planes back to frames.

A network that works on luma only gets studio-range Y / 255; chroma is enlarged beside it by MATLAB's
bicubic in double, nothing is rounded on the way (C. Dong et al., TPAMI 2016, section 4: "we only consider
the luminance channel"; chroma by bicubic interpolation).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srbench.image.color import rgb2gray, rgb2ycbcr, ycbcr2rgb
from srbench.image.crop import bands
from srbench.image.resize import imresize
from srbench.types import ModelInfo

Float = NDArray[np.float64]
Leave = Callable[[Float], Float]


@dataclass(frozen=True)
class Entered:
    """One frame inside the door.

    Attributes:
        planes: ``(C, h, w)`` float32, nominally in [0, 1], as many channels as the network takes.
        leave: makes a frame ``(H, W, C)`` float64 on the 0..255 scale, with the channels of the frame that
            entered, from the network's output ``(H, W, C)`` on the 0..255 scale.
    """

    planes: NDArray[np.float32]
    leave: Leave


def enter(frame: NDArray[Any], info: ModelInfo, scale: int) -> Entered:
    """Prepare a frame for a network.

    RGB networks: a gray frame enters as three equal channels and leaves through MATLAB's ``rgb2gray``.
    Luma networks: an RGB frame's chroma waits outside, enlarged; a gray frame or luma plane is the luma.

    Args:
        frame: ``(h, w, C)``: uint8 RGB or gray, or a float64 luma plane 0..255.
        info: says ``channels`` and ``pre_upsampled``.
        scale: super-resolution factor.
    """
    if info.channels == "y":
        return _luma_and_chroma(frame, info, scale) if frame.shape[2] == 3 else _luma(frame, info, scale)
    if frame.shape[2] == 1:
        rgb = np.repeat(frame, 3, axis=2)
        return Entered(_planes(_sized(rgb, info, scale)), lambda sr: rgb2gray(sr)[..., None])
    return Entered(_planes(_sized(frame, info, scale)), _as_it_is)


def _luma(frame: NDArray[Any], info: ModelInfo, scale: int) -> Entered:
    return Entered(_planes(_sized(frame, info, scale)), _as_it_is)


def _luma_and_chroma(frame: NDArray[Any], info: ModelInfo, scale: int) -> Entered:
    ycbcr = rgb2ycbcr(frame)
    chroma = imresize(ycbcr[..., 1:], scale)

    def leave(luma: Float) -> Float:
        rgb = np.empty((*luma.shape[:2], 3))
        for rows in bands(len(rgb)):
            rgb[rows] = ycbcr2rgb(np.concatenate([luma[rows], chroma[rows]], axis=2))
        return rgb

    return Entered(_planes(_sized(ycbcr[..., :1], info, scale)), leave)


def _sized(frame: NDArray[Any], info: ModelInfo, scale: int) -> NDArray[Any]:
    return imresize(frame, scale) if info.pre_upsampled else frame


def _planes(frame: NDArray[Any]) -> NDArray[np.float32]:
    return np.ascontiguousarray((frame.astype(np.float64) / 255).transpose(2, 0, 1), dtype=np.float32)


def _as_it_is(sr: Float) -> Float:
    return sr
