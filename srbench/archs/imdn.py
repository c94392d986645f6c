"""IMDN.

Z. Hui, X. Gao, Y. Yang, X. Wang, "Lightweight Image Super-Resolution with Information Multi-distillation
Network", ACM Multimedia 2019, section 3 and figure 2.

Tensor names are those of Zheng222/IMDN.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.05
"""Of every leaky ReLU."""


class ContrastAwareAttention(nn.Module):
    """Weighs channels by their contrast: standard deviation plus mean over the image (section 3.3)."""

    def __init__(self, features: int, reduction: int = 16) -> None:
        super().__init__()
        inner = features // reduction
        self.conv_du = nn.Sequential(
            nn.Conv2d(features, inner, 1), nn.ReLU(), nn.Conv2d(inner, features, 1), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, h, w)`` to the same."""
        # Of the population, not of a sample: a single pixel has contrast zero, not NaN.
        std, mean = torch.std_mean(x, dim=(2, 3), correction=0, keepdim=True)
        return x * cast(Tensor, self.conv_du(std + mean))


class MultiDistillation(nn.Module):
    """Information multi-distillation block: three times a quarter of the channels is kept, the rest refined.

    Tensors: ``c1`` ... ``c4`` (3x3), ``cca.conv_du.0`` and ``.2``, ``c5`` (1x1).
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.kept = features // 4
        self.refined = features - self.kept
        self.c1 = nn.Conv2d(features, features, 3, padding=1)
        self.c2 = nn.Conv2d(self.refined, features, 3, padding=1)
        self.c3 = nn.Conv2d(self.refined, features, 3, padding=1)
        self.c4 = nn.Conv2d(self.refined, self.kept, 3, padding=1)
        self.cca = ContrastAwareAttention(self.kept * 4)
        self.c5 = nn.Conv2d(features, features, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, features, h, w)`` to the same."""
        distilled, rest = [], x
        for conv in (self.c1, self.c2, self.c3):
            out = F.leaky_relu(conv(rest), SLOPE)
            kept, rest = out[:, : self.kept], out[:, self.kept :]
            distilled.append(kept)
        out = torch.cat([*distilled, self.c4(rest)], dim=1)
        return x + cast(Tensor, self.c5(self.cca(out)))


class IMDN(nn.Module):
    """Six blocks, all of whose outputs are fused, and a sub-pixel enlargement.

    Tensors: ``fea_conv``, ``IMDB1`` ... ``IMDB6``, ``c.0``, ``LR_conv``, ``upsampler.0``.

    Args:
        scale: super-resolution factor.
        features: channels inside, a multiple of 4.
        blocks: number of blocks.
    """

    def __init__(self, scale: int, features: int = 64, blocks: int = 6) -> None:
        super().__init__()
        self.blocks = blocks
        self.fea_conv = nn.Conv2d(3, features, 3, padding=1)
        for n in range(1, blocks + 1):
            self.add_module(f"IMDB{n}", MultiDistillation(features))
        self.c = nn.Sequential(nn.Conv2d(features * blocks, features, 1), nn.LeakyReLU(SLOPE))
        self.LR_conv = nn.Conv2d(features, features, 3, padding=1)
        self.upsampler = nn.Sequential(
            nn.Conv2d(features, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Super-resolve.

        Args:
            x: ``(N, 3, h, w)`` RGB in [0, 1].

        Returns:
            ``(N, 3, scale * h, scale * w)`` RGB, nominally in [0, 1].
        """
        first = self.fea_conv(x)
        outputs, out = [], first
        for n in range(1, self.blocks + 1):
            out = self.get_submodule(f"IMDB{n}")(out)
            outputs.append(out)
        fused = self.LR_conv(self.c(torch.cat(outputs, dim=1))) + first
        return cast(Tensor, self.upsampler(fused))
