"""SRResNet, which is SRGAN's generator, and SRGAN's discriminator.

C. Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network",
CVPR 2017, section 2.1 and figure 4.

Tensor names are those of leftthomas/SRGAN, the checkpoints of which have five residual blocks; its seventh
block ends in a PReLU where the paper has batch normalisation, and its PReLUs have one slope, not one a
channel.
"""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import Tensor, nn

from srbench.archs.blocks import STEPS

Slopes = Literal["shared", "channel"]


def _prelu(features: int, slopes: Slopes) -> nn.PReLU:
    return nn.PReLU(features if slopes == "channel" else 1)


def _norm(features: int, wanted: bool, eps: float) -> nn.Module:
    return nn.BatchNorm2d(features, eps=eps) if wanted else nn.Identity()


class ResidualBlock(nn.Module):
    """Convolution, normalisation, PReLU, convolution, normalisation, and the input added."""

    def __init__(
        self, features: int, *, norm: bool, slopes: Slopes, eps: float, residual_scale: float
    ) -> None:
        super().__init__()
        self.residual_scale = residual_scale
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.bn1 = _norm(features, norm, eps)
        self.prelu = _prelu(features, slopes)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)
        self.bn2 = _norm(features, norm, eps)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, features, h, w)`` to the same."""
        residual = self.prelu(self.bn1(self.conv1(x)))
        residual = self.bn2(self.conv2(residual))
        return x + cast(Tensor, residual) * self.residual_scale


class UpsampleBlock(nn.Module):
    """Convolution, pixel shuffle, PReLU."""

    def __init__(self, features: int, factor: int, slopes: Slopes) -> None:
        super().__init__()
        self.conv = nn.Conv2d(features, features * factor**2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(factor)
        self.prelu = _prelu(features, slopes)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, features, h, w)`` to ``(N, features, factor * h, factor * w)``."""
        return cast(Tensor, self.prelu(self.shuffle(self.conv(x))))


class SRResNet(nn.Module):
    """SRGAN's generator.

    Tensors with B residual blocks: ``block1.0`` (9x9 convolution), ``block1.1`` (PReLU), ``block2`` ...
    ``block{B+1}`` (``conv1``, ``bn1``, ``prelu``, ``conv2``, ``bn2``), ``block{B+2}.0`` and ``.1``,
    ``block{B+3}.I.conv`` and ``.prelu`` for each enlargement, and the last 9x9 convolution.

    Args:
        scale: 2, 3, 4 or 8.
        blocks: residual blocks, 16 in the paper.
        features: channels inside.
        norm: batch normalisation in the residual blocks.
        end: what follows the convolution after the residual blocks: ``bn`` (the paper), ``prelu``
            (leftthomas/SRGAN) or ``none``.
        slopes: PReLU's slopes, one a layer (``shared``) or one a ``channel``.
        eps: of batch normalisation: PyTorch's, or Keras's 1e-3.
        residual_scale: factor of each residual before it is added.
        global_skip: whether the first block's output is added after the residual blocks.
    """

    def __init__(
        self,
        scale: int,
        blocks: int = 16,
        features: int = 64,
        *,
        norm: bool = True,
        end: Literal["bn", "prelu", "none"] = "bn",
        slopes: Slopes = "channel",
        eps: float = 1e-5,
        residual_scale: float = 1.0,
        global_skip: bool = True,
    ) -> None:
        super().__init__()
        self.blocks = blocks
        self.global_skip = global_skip
        self.block1 = nn.Sequential(nn.Conv2d(3, features, 9, padding=4), _prelu(features, slopes))
        for n in range(2, blocks + 2):
            block = ResidualBlock(features, norm=norm, slopes=slopes, eps=eps, residual_scale=residual_scale)
            self.add_module(f"block{n}", block)
        after = _prelu(features, slopes) if end == "prelu" else _norm(features, end == "bn", eps)
        trunk_end = nn.Sequential(nn.Conv2d(features, features, 3, padding=1), after)
        self.add_module(f"block{blocks + 2}", trunk_end)
        enlarge = [UpsampleBlock(features, factor, slopes) for factor in STEPS[scale]]
        tail = nn.Sequential(*enlarge, nn.Conv2d(features, 3, 9, padding=4))
        self.add_module(f"block{blocks + 3}", tail)

    def forward(self, x: Tensor) -> Tensor:
        """Super-resolve.

        Args:
            x: ``(N, 3, h, w)`` RGB in [0, 1].

        Returns:
            ``(N, 3, scale * h, scale * w)`` RGB in [0, 1]: the paper's tanh, moved from [-1, 1].
        """
        first = self.block1(x)
        trunk = first
        for n in range(2, self.blocks + 3):
            trunk = self.get_submodule(f"block{n}")(trunk)
        trunk = first + trunk if self.global_skip else trunk
        return (torch.tanh(self.get_submodule(f"block{self.blocks + 3}")(trunk)) + 1) / 2


class Discriminator(nn.Module):
    """Tells super-resolved from real images: eight convolutions of growing width, half of them strided.

    Tensors: ``net.0`` (convolution), then seven times convolution and batch normalisation at ``net.2``,
    ``net.3``; ``net.5``, ``net.6``; ... ``net.20``, ``net.21``; ``net.24`` and ``net.26`` decide.

    Args:
        patch: side of the images in pixels, a multiple of 16: the paper's two dense layers. None: an
            average over the image and two 1x1 convolutions, for any size (leftthomas/SRGAN).
        norm: batch normalisation.
    """

    WIDTHS = ((64, 1), (64, 2), (128, 1), (128, 2), (256, 1), (256, 2), (512, 1), (512, 2))
    """Channels and stride of each convolution."""

    def __init__(self, patch: int | None = 96, *, norm: bool = True) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for width, stride in self.WIDTHS:
            layers.append(nn.Conv2d(inputs, width, 3, stride=stride, padding=1))
            layers += [_norm(width, norm, 1e-5)] if inputs > 3 else []
            layers.append(nn.LeakyReLU(0.2))
            inputs = width
        self.net = nn.Sequential(*layers, *_decision(inputs, patch))

    def forward(self, x: Tensor) -> Tensor:
        """How real images look.

        Args:
            x: ``(N, 3, H, W)`` RGB.

        Returns:
            ``(N,)`` logits: the paper's last sigmoid belongs to the loss.
        """
        return cast(Tensor, self.net(x)).reshape(len(x))


def _decision(features: int, patch: int | None) -> list[nn.Module]:
    if patch is None:
        first: nn.Module = nn.Conv2d(features, 1024, 1)
        return [nn.AdaptiveAvgPool2d(1), first, nn.LeakyReLU(0.2), nn.Conv2d(1024, 1, 1)]
    first = nn.Linear(features * (patch // 16) ** 2, 1024)
    return [nn.Flatten(), first, nn.LeakyReLU(0.2), nn.Linear(1024, 1)]
