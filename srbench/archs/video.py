"""Blocks that video networks share: warping by optical flow, residual blocks without normalisation."""

from __future__ import annotations

from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def warp(x: Tensor, flow: Tensor, padding: Literal["zeros", "border"] = "zeros") -> Tensor:
    """Fetch each pixel from where its flow points, bilinearly.

    Args:
        x: ``(N, C, H, W)`` features or images.
        flow: ``(N, 2, H, W)`` displacements in pixels: horizontal (to the right), then vertical (down).
        padding: what lies outside of ``x``.

    Returns:
        ``(N, C, H, W)``: ``x`` at ``position + flow``.
    """
    height, width = x.shape[2:]
    rows = torch.arange(height, device=x.device, dtype=flow.dtype)
    cols = torch.arange(width, device=x.device, dtype=flow.dtype)
    # grid_sample counts from -1 to 1 between the centres of the outermost pixels.
    across = 2 * (cols[None, None, :] + flow[:, 0]) / max(width - 1, 1) - 1
    down = 2 * (rows[None, :, None] + flow[:, 1]) / max(height - 1, 1) - 1
    grid = torch.stack((across, down), dim=3)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode=padding, align_corners=True)


class ResidualBlock(nn.Module):
    """``x + conv2(relu(conv1(x)))``, 3x3, without batch normalisation (EDSR, CVPRW 2017, figure 2c).

    Tensors: ``conv1``, ``conv2``, each ``.weight`` and ``.bias``.
    """

    def __init__(self, features: int = 64) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, features, H, W)`` to the same shape."""
        return x + cast(Tensor, self.conv2(F.relu(self.conv1(x))))


def residual_blocks(count: int, features: int) -> nn.Sequential:
    """Blocks in a row, named ``0``, ``1``, ..."""
    return nn.Sequential(*(ResidualBlock(features) for _ in range(count)))


def leaky(x: Tensor) -> Tensor:
    """The leaky ReLU of EDVR and BasicVSR, slope 0.1."""
    return F.leaky_relu(x, 0.1)
