"""CARN and CARN-M.

N. Ahn, B. Kang, K.-A. Sohn, "Fast, Accurate, and Lightweight Super-Resolution with Cascading Residual
Network", ECCV 2018, sections 3.1 (cascades) and 3.2 (CARN-M: grouped convolutions, one residual block used
three times).

Tensor names are those of nmhkahn/CARN-pytorch, whose files hold the heads of all three scales.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from srbench.archs.blocks import STEPS

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)


class MeanShift(nn.Module):
    """Adds a colour; a 1x1 convolution, as the files have it. Never trained."""

    def __init__(self, sign: int) -> None:
        super().__init__()
        self.shifter = nn.Conv2d(3, 3, 1)
        self.shifter.weight.data = torch.eye(3).view(3, 3, 1, 1)
        self.shifter.bias = nn.Parameter(torch.tensor(DIV2K_MEAN) * sign)
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, 3, h, w)`` to the same."""
        return cast(Tensor, self.shifter(x))


class Fusion(nn.Module):
    """1x1 convolution and ReLU: what a cascade has gathered becomes ``features`` channels again."""

    def __init__(self, inputs: int, features: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(inputs, features, 1), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        """``(N, inputs, h, w)`` to ``(N, features, h, w)``."""
        return cast(Tensor, self.body(x))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions; with groups (CARN-M's residual-E block) a 1x1 convolution mixes them."""

    def __init__(self, features: int, groups: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(features, features, 3, padding=1, groups=groups),
            nn.ReLU(),
            nn.Conv2d(features, features, 3, padding=1, groups=groups),
        ]
        mix = [nn.ReLU(), nn.Conv2d(features, features, 1)] if groups > 1 else []
        self.body = nn.Sequential(*layers, *mix)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, features, h, w)`` to the same."""
        return cast(Tensor, x + self.body(x)).relu()


class Cascade(nn.Module):
    """Three units; each sees a fusion of the input and all outputs so far (figure 3)."""

    def __init__(self, features: int, units: Sequence[nn.Module]) -> None:
        super().__init__()
        for n, unit in enumerate(units, 1):
            self.add_module(f"b{n}", unit)
        for n in (1, 2, 3):
            self.add_module(f"c{n}", Fusion(features * (n + 1), features))
        self.shared = len(units) == 1

    def forward(self, x: Tensor) -> Tensor:
        """``(N, features, h, w)`` to the same."""
        gathered = out = x
        for n in (1, 2, 3):
            unit = self.get_submodule("b1" if self.shared else f"b{n}")
            gathered = torch.cat([gathered, unit(out)], dim=1)
            out = self.get_submodule(f"c{n}")(gathered)
        return out


class Enlarge(nn.Module):
    """Convolution, ReLU and pixel shuffle, twice for x4."""

    def __init__(self, features: int, scale: int, groups: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for factor in STEPS[scale]:
            conv = nn.Conv2d(features, features * factor**2, 3, padding=1, groups=groups)
            layers += [conv, nn.ReLU(), nn.PixelShuffle(factor)]
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, features, h, w)`` to ``(N, features, scale * h, scale * w)``."""
        return cast(Tensor, self.body(x))


class CARN(Cascade):
    """A cascade of cascades.

    Tensors: ``sub_mean``, ``add_mean`` (``.shifter``), ``entry``, ``b1`` ... ``b3`` (each a cascade),
    ``c1`` ... ``c3`` (``.body.0``), ``upsample.up2`` ... ``upsample.up4``, ``exit``.

    Args:
        scale: which of the heads `forward` uses.
        features: channels inside.
        groups: 1 for CARN, 4 for CARN-M, whose cascades use one residual block three times.
        heads: scales that the file has heads for.
    """

    def __init__(
        self, scale: int, features: int = 64, *, groups: int = 1, heads: tuple[int, ...] = (2, 3, 4)
    ) -> None:
        units = 1 if groups > 1 else 3
        inner = [Cascade(features, [ResidualBlock(features, groups) for _ in range(units)]) for _ in range(3)]
        super().__init__(features, inner)
        self.scale = scale
        self.sub_mean = MeanShift(-1)
        self.add_mean = MeanShift(1)
        self.entry = nn.Conv2d(3, features, 3, padding=1)
        self.upsample = nn.ModuleDict({f"up{head}": Enlarge(features, head, groups) for head in heads})
        self.exit = nn.Conv2d(features, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Super-resolve.

        Args:
            x: ``(N, 3, h, w)`` RGB in [0, 1].

        Returns:
            ``(N, 3, scale * h, scale * w)`` RGB, nominally in [0, 1].
        """
        trunk = super().forward(self.entry(self.sub_mean(x)))
        return cast(Tensor, self.add_mean(self.exit(self.upsample[f"up{self.scale}"](trunk))))
