"""Optical flow that needs no weights: dense inverse search, from OpenCV.

T. Kroeger, R. Timofte, D. Dai, L. Van Gool, "Fast Optical Flow using Dense Inverse Search", ECCV 2016;
OpenCV's ``DISOpticalFlow``, preset medium, down to the images' own size: super-resolution's are small.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SMALLEST = 12
"""Side in pixels below which OpenCV finds no flow."""
LUMA = (0.299, 0.587, 0.114)


@torch.no_grad()
def dis_flow(reference: Tensor, other: Tensor) -> Tensor:
    """Where each pixel of the reference is found in the other image; no gradient flows through it.

    Args:
        reference: ``(N, 3, H, W)`` RGB in [0, 1], at least `SMALLEST` pixels high and wide.
        other: same shape.

    Returns:
        ``(N, 2, H, W)`` in pixels, horizontal then vertical: ``warp(other, flow)`` resembles reference.
    """
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setFinestScale(0)
    pairs = zip(_gray(reference), _gray(other), strict=True)
    flows = np.stack([search.calc(near, far, None) for near, far in pairs])  # type: ignore[call-overload]
    return torch.from_numpy(flows.transpose(0, 3, 1, 2)).to(reference, copy=True)


def _gray(images: Tensor) -> NDArray[np.uint8]:
    """``(N, 3, H, W)`` in [0, 1] as luma of eight bits, ``(N, H, W)``: what OpenCV's search takes."""
    luma = torch.einsum("nchw,c->nhw", images.float(), images.new_tensor(LUMA, dtype=torch.float32))
    gray: NDArray[np.uint8] = luma.mul(255).round().clamp(0, 255).to("cpu", torch.uint8).numpy()
    return gray
