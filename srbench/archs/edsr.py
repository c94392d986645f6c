"""EDSR.

B. Lim, S. Son, H. Kim, S. Nah, K. M. Lee, "Enhanced Deep Residual Networks for Single Image
Super-Resolution", CVPR Workshops 2017, section 3.2 and figure 3: SRResNet without batch normalisation,
wider, with scaled residuals. Baseline: 16 blocks of 64 channels; EDSR: 32 blocks of 256 channels, residuals
times 0.1.

Tensor names are BasicSR's. The authors' (EDSR-PyTorch) and OpenMMLab's are translated by `named`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from srbench.archs.blocks import STEPS

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)
"""Mean RGB of DIV2K's training images, in [0, 1]."""


class ResidualBlock(nn.Module):
    """Convolution, ReLU, convolution; scaled, and the input added (figure 2c, section 3.3)."""

    def __init__(self, features: int, *, residual_scale: float, norm: bool) -> None:
        super().__init__()
        self.residual_scale = residual_scale
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(features) if norm else nn.Identity()
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(features) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """``(N, features, h, w)`` to the same."""
        residual = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return x + cast(Tensor, residual) * self.residual_scale


class EDSR(nn.Module):
    """A trunk of residual blocks and a sub-pixel enlargement.

    Tensors: ``conv_first``, ``body.N.conv1``, ``body.N.conv2``, ``conv_after_body``, ``upsample.0`` (and
    ``upsample.2`` at x4), ``conv_last``, each ``.weight`` (out, in, 3, 3) and ``.bias``. The mean is no
    tensor.

    Args:
        scale: 2, 3, 4 or 8; 1 for an input that is enlarged beforehand.
        blocks: residual blocks.
        features: channels inside.
        residual_scale: factor of each residual before it is added; 0.1 for 256 channels.
        norm: batch normalisation in the residual blocks, which the paper removes.
        global_skip: whether the first convolution's output is added after the trunk.
        value_range: what the network calls white: 255 for the authors' weights, 1 for OpenMMLab's.
        mean: RGB in [0, 1], subtracted first and added last.
    """

    mean: Tensor

    def __init__(
        self,
        scale: int,
        blocks: int = 16,
        features: int = 64,
        *,
        residual_scale: float = 1.0,
        norm: bool = False,
        global_skip: bool = True,
        value_range: float = 255.0,
        mean: tuple[float, float, float] = DIV2K_MEAN,
    ) -> None:
        super().__init__()
        self.global_skip = global_skip
        self.value_range = value_range
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.conv_first = nn.Conv2d(3, features, 3, padding=1)
        trunk = [ResidualBlock(features, residual_scale=residual_scale, norm=norm) for _ in range(blocks)]
        self.body = nn.Sequential(*trunk)
        self.conv_after_body = nn.Conv2d(features, features, 3, padding=1)
        self.upsample = nn.Sequential(*_upsample(scale, features))
        self.conv_last = nn.Conv2d(features, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Super-resolve.

        Args:
            x: ``(N, 3, h, w)`` RGB in [0, 1].

        Returns:
            ``(N, 3, scale * h, scale * w)`` RGB, nominally in [0, 1].
        """
        first = self.conv_first((x - self.mean) * self.value_range)
        trunk = self.conv_after_body(self.body(first))
        trunk = first + trunk if self.global_skip else trunk
        sr = self.conv_last(self.upsample(trunk))
        return cast(Tensor, sr) / self.value_range + self.mean


def _upsample(scale: int, features: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for factor in STEPS[scale]:
        layers += [nn.Conv2d(features, features * factor**2, 3, padding=1), nn.PixelShuffle(factor)]
    return layers


# ------------------------------------------------------------------- checkpoints' names

_EDSR_PYTORCH = (
    (r"head\.0\.", "conv_first."),
    (r"body\.(\d+)\.body\.0\.", r"body.\1.conv1."),
    (r"body\.(\d+)\.body\.2\.", r"body.\1.conv2."),
    (r"body\.\d+\.(weight|bias)", r"conv_after_body.\1"),
    (r"tail\.0\.(\d+)\.", r"upsample.\1."),
    (r"tail\.1\.", "conv_last."),
)


def named(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], float]:
    """A checkpoint's tensors under the names used here, and its value range.

    Args:
        tensors: flat names, after wrappers were taken off (`srbench.archs.checkpoints.unwrapped`): of BasicSR
            (range 255, as the authors' weights that it converts), of EDSR-PyTorch (the range is read from its
            ``add_mean``), or of OpenMMLab (range 1).
    """
    if "head.0.weight" in tensors:
        kept = {k: v for k, v in tensors.items() if not k.startswith(("sub_mean.", "add_mean."))}
        return {_renamed(name): tensor for name, tensor in kept.items()}, _range(tensors)
    renamed = {_from_openmmlab(name): tensor for name, tensor in tensors.items()}
    return renamed, 255.0 if set(renamed) == set(tensors) else 1.0


def _renamed(name: str) -> str:
    for old, new in _EDSR_PYTORCH:
        name, count = re.subn(f"^{old}", new, name)
        if count:
            break
    return name


def _range(tensors: Mapping[str, Tensor]) -> float:
    """EDSR-PyTorch adds ``range * mean`` at the end, so the file says which range it was trained on."""
    bias = tensors.get("add_mean.bias")
    return 255.0 if bias is None else float(round((bias.double() / torch.tensor(DIV2K_MEAN)).mean().item()))


def _from_openmmlab(name: str) -> str:
    """Its enlargement counts convolutions, not layers: ``upsample.1.upsample_conv`` is ``upsample.2``."""
    return re.sub(r"^upsample\.(\d+)\.upsample_conv\.", lambda found: f"upsample.{2 * int(found[1])}.", name)
