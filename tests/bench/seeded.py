"""A plugin: networks of the field's sizes with random weights, for measurements without a download."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from srbench import Adapter, ModelInfo, register_model
from srbench.archs.edsr import EDSR
from srbench.archs.fsrcnn import FSRCNN


class Seeded(Adapter):
    """The network that its card's name says."""

    def load(self, device: str, dtype: str) -> None:
        """Build it, always with the same weights."""
        torch.manual_seed(0)
        self.net: Any = self.network().to(device, getattr(torch, dtype)).eval()

    def network(self) -> nn.Module:
        """EDSR-baseline: 16 blocks of 64 channels; FSRCNN(56, 12, 4)."""
        if self.info.name == "edsr-size":
            return EDSR(self.scale, value_range=1.0)
        return FSRCNN(self.scale)

    def predict(self, lr: Tensor) -> Tensor:
        """Super-resolve."""
        sr: Tensor = self.net(lr)
        return sr


def card(name: str, **more: Any) -> ModelInfo:
    """What all have in common."""
    return ModelInfo(name=name, title=name, family="random weights", scales=(2, 3, 4), **more)


register_model(card("edsr-size", receptive_field=36), Seeded)
register_model(card("fsrcnn-size", channels="y", receptive_field=8), Seeded)
