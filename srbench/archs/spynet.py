"""SPyNet: optical flow from a pyramid of small networks.

A. Ranjan, M. J. Black, "Optical Flow Estimation using a Spatial Pyramid Network", CVPR 2017, section 3.
Tensors have BasicSR's names. MPI's own weights are for non-commercial research and may not be passed on.
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srbench.archs.video import warp

LEVELS = 6


class Level(nn.Module):
    """One level: five 7x7 convolutions, 8-32-64-32-16-2, ReLU between them (section 3.2).

    Tensors: ``basic_module.{0,2,4,6,8}.weight`` and ``.bias``.
    """

    def __init__(self) -> None:
        super().__init__()
        widths = (8, 32, 64, 32, 16, 2)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [nn.Conv2d(inputs, outputs, 7, padding=3), nn.ReLU()]
        self.basic_module = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        """``(N, 8, H, W)``: reference, warped other image, flow; to what the flow lacks, ``(N, 2, H, W)``."""
        return cast(Tensor, self.basic_module(x))


class SPyNet(nn.Module):
    """Six levels, from 1/32 of the size to the whole; each adds to the flow of the one before.

    Tensors: ``basic_module.{0..5}.basic_module.*`` (0 is the coarsest), buffers ``mean`` and ``std``.
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.basic_module = nn.ModuleList(Level() for _ in range(LEVELS))
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))

    def forward(self, reference: Tensor, other: Tensor) -> Tensor:
        """Where each pixel of the reference is found in the other image.

        Args:
            reference: ``(N, 3, H, W)`` RGB in [0, 1], any size.
            other: same shape.

        Returns:
            ``(N, 2, H, W)`` in pixels, horizontal then vertical: ``warp(other, flow)`` resembles reference.
        """
        height, width = reference.shape[2:]
        step = 2 ** (LEVELS - 1)
        size = (-(-height // step) * step, -(-width // step) * step)
        flow = self._flow(self._sized(reference, size), self._sized(other, size))
        flow = F.interpolate(flow, size=(height, width), mode="bilinear", align_corners=False)
        return flow * flow.new_tensor([width / size[1], height / size[0]]).view(1, 2, 1, 1)

    def _sized(self, image: Tensor, size: tuple[int, int]) -> Tensor:
        resized = F.interpolate(image, size=size, mode="bilinear", align_corners=False)
        return (resized - self.mean) / self.std

    def _flow(self, reference: Tensor, other: Tensor) -> Tensor:
        pyramid = list(zip(_pyramid(reference), _pyramid(other), strict=True))
        flow = torch.zeros_like(pyramid[0][0][:, :2])
        for level, (near, far) in zip(self.basic_module, pyramid, strict=True):
            if near.shape[2:] != flow.shape[2:]:
                flow = 2 * F.interpolate(flow, scale_factor=2, mode="bilinear", align_corners=True)
            flow = flow + level(torch.cat([near, warp(far, flow, "border"), flow], 1))
        return flow


def _pyramid(image: Tensor) -> list[Tensor]:
    """The image halved again and again, smallest first."""
    images = [image]
    for _ in range(LEVELS - 1):
        images.insert(0, F.avg_pool2d(images[0], 2))
    return images
