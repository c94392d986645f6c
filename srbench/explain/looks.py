"""One frame as the planes that variants compare, each computed once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srbench.explain.variants import Luma, Stored, Variant
from srbench.image.color import rgb2gray, rgb2y, round_u8
from srbench.image.crop import shave
from srbench.metrics.planes import quantise
from srbench.metrics.ssim import Statistics, statistics
from srbench.types import EvalProtocol

Float = NDArray[np.float64]
Colours = tuple[str, Luma, bool, str]

_BT709 = (0.2125, 0.7154, 0.0721)  # as in scikit-image

LUMAS: dict[Luma, Callable[[NDArray[Any]], Float]] = {
    "studio": rgb2y,
    "full": lambda rgb: rgb2gray(rgb.astype(np.float64)),
    "bt709": lambda rgb: np.asarray(rgb.astype(np.float64) @ np.array(_BT709)),
    "bgr": lambda rgb: rgb2y(rgb[..., ::-1]),
}


class Looks:
    """A frame ``(H, W, C)``, uint8 or float on 0..255, under every variant's colours and border."""

    def __init__(self, frame: NDArray[Any]) -> None:
        self.frame = frame
        self._planes: dict[Colours, NDArray[Any]] = {}
        self._statistics: dict[tuple[Colours, int], tuple[Statistics, ...]] = {}

    def plane(self, variant: Variant) -> NDArray[Any]:
        """``(H, W)`` luma in float64, or ``(H, W, 3)`` RGB as stored; the variant's border is cut off.

        Raises:
            ImageError: the border leaves nothing.
        """
        key = _colours(variant)
        if key not in self._planes:
            self._planes[key] = self._whole(variant)
        return shave(self._planes[key], variant.protocol.border)

    def statistics(self, variant: Variant) -> tuple[Statistics, ...]:
        """What SSIM needs of a ground truth, one for each channel of `plane`."""
        key = (_colours(variant), variant.protocol.border)
        if key not in self._statistics:
            self._statistics[key] = tuple(map(statistics, channels(self.plane(variant))))
        return self._statistics[key]

    def _whole(self, variant: Variant) -> NDArray[Any]:
        """As `srbench.metrics.planes.Planes` does, which knows no other luma and no float frames."""
        protocol, frame = variant.protocol, self.frame
        if protocol.luma != "none" and frame.shape[2] == 1 and protocol.gray == "y":
            return np.asarray(frame[..., 0], np.float64)
        rgb = frame if frame.shape[2] == 3 else np.repeat(frame, 3, axis=2)
        if protocol.luma == "none":
            return np.asarray(rgb)
        luma = LUMAS[variant.luma](rgb)
        return round_u8(luma).astype(np.float64) if protocol.luma_u8 else luma


def _colours(variant: Variant) -> Colours:
    protocol = variant.protocol
    return (protocol.luma, variant.luma, protocol.luma_u8, protocol.gray)


def channels(plane: NDArray[Any]) -> list[Float]:
    """The channels of what `Looks.plane` gives, in float64."""
    stack = plane[..., None] if plane.ndim == 2 else plane
    return [np.asarray(stack[..., c], np.float64) for c in range(stack.shape[2])]


def stored(sr: NDArray[Any], how: Stored, protocol: EvalProtocol) -> NDArray[Any]:
    """A prediction as it is compared: uint8 as it would be stored, or float where that was forgotten.

    Args:
        sr: ``(H, W, C)``, uint8 or float on 0..255.
        how: see `Variant`.
        protocol: its ``clip`` is the range, 0..255 if None.
    """
    if how == "u8" or sr.dtype == np.uint8:
        return quantise(sr, protocol)
    if how == "float":
        return sr
    clipped: NDArray[Any] = np.clip(sr, *(protocol.clip or (0, 255)))
    return clipped.astype(np.uint8) if how == "floor" else clipped
