"""From frames to what metrics take: quantisation, luma, the gray rule, the border."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srbench.errors import ContractError, ImageError, Unavailable
from srbench.image.color import rgb2y, round_u8
from srbench.image.crop import bands, shave
from srbench.types import EvalProtocol, MetricInfo

U8 = NDArray[np.uint8]
Float = NDArray[np.float64]


def quantise(sr: NDArray[Any], protocol: EvalProtocol) -> U8:
    """A prediction as the image that it would be stored as: rounded half away from zero, clipped.

    Args:
        sr: ``(H, W, C)`` or ``(T, H, W, C)``, uint8 or float on 0..255, unrounded.
        protocol: its ``clip`` narrows the range of predictions on the luma plane (``vdsr``: 16..235).

    Returns:
        uint8 of the same shape; a new array unless ``sr`` is uint8 already and nothing is clipped.

    Raises:
        ContractError: a value isn't finite.
    """
    quantised: U8 = sr if sr.dtype == np.uint8 else _rounded(sr)
    return quantised if protocol.clip is None else np.clip(quantised, *protocol.clip)


def _rounded(sr: NDArray[Any]) -> U8:
    rounded = np.empty(sr.shape, np.uint8)
    for rows in bands(sr.shape[-3]):
        band = sr[..., rows, :, :]
        if not np.isfinite(band).all():
            raise ContractError(
                "finite values", "NaN or infinity in a prediction", "check the model's dtype and weights"
            )
        rounded[..., rows, :, :] = round_u8(band)
    return rounded


class Planes:
    """One frame, as the planes a protocol scores; each is computed once and shared by all metrics.

    Args:
        frame: uint8 ``(H, W, C)``; C=3 RGB, or C=1: a gray image kept gray, or a predicted luma plane.
        protocol: how luma is computed and what a gray image counts as.

    Raises:
        ContractError: the frame isn't uint8 ``(H, W, 1 or 3)``.
    """

    def __init__(self, frame: U8, protocol: EvalProtocol) -> None:
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] not in (1, 3):
            got = f"{frame.dtype} {frame.shape}"
            raise ContractError("a uint8 frame (H, W, 1 or 3)", got, "quantise predictions first")
        self.frame = frame
        self.protocol = protocol

    @cached_property
    def rgb(self) -> U8:
        """uint8 ``(H, W, 3)``, uncropped; gray is three equal channels."""
        return self.frame if self.frame.shape[2] == 3 else np.repeat(self.frame, 3, axis=2)

    @cached_property
    def y(self) -> Float:
        """float64 ``(H, W)`` luma, 0..255, uncropped; whole numbers when the protocol rounds luma.

        One channel counts as Y as it is under ``gray: y``; under ``gray: rgb`` it is three equal channels
        first, whose studio-range luma spans 16..235.
        """
        if self.frame.shape[2] == 1 and self.protocol.gray == "y":
            return self.frame[..., 0].astype(np.float64)
        luma = np.empty(self.frame.shape[:2], np.float64)
        for rows in bands(len(luma)):
            band = rgb2y(self.rgb[rows])
            luma[rows] = round_u8(band) if self.protocol.luma_u8 else band
        return luma

    def for_metric(self, info: MetricInfo) -> NDArray[Any]:
        """What a metric takes under this protocol, the border cut off if the metric follows it.

        Returns:
            float64 ``(H, W)`` for ``needs: y``, uint8 ``(H, W, 3)`` for ``needs: rgb``; a view.

        Raises:
            Unavailable: the metric doesn't apply under this protocol, or the border leaves nothing.
        """
        self._check_applies(info)
        plane: NDArray[Any] = self.y if info.needs == "y" else self.rgb
        if not info.crop:
            return plane
        try:
            return shave(plane, self.protocol.border)
        except ImageError as error:
            raise Unavailable(
                error.expected, error.got, "this metric is undefined for so small an image"
            ) from error

    def _check_applies(self, info: MetricInfo) -> None:
        name = self.protocol.name
        if info.needs == "rgb" and self.protocol.degraded == "y":
            raise Unavailable(
                "RGB predictions", f"protocol {name}, which predicts the Y plane only", "use classic"
            )
        if info.needs == "y" and self.protocol.luma == "none":
            raise Unavailable(
                "a luma plane", f"protocol {name}, which scores RGB only", "use classic, or psnr_rgb"
            )
