"""EDSR's promise: RGB to RGB; the authors', BasicSR's and OpenMMLab's files all load."""

from __future__ import annotations

import re
from typing import ClassVar, cast

import torch
from torch import Tensor

from srbench.adapters.network import Adapter
from srbench.archs import edsr
from srbench.archs.checkpoints import unwrapped


class EDSR(Adapter):
    """EDSR of as many blocks and channels as its checkpoint has; residuals times 0.1."""

    residual_scale: ClassVar[float] = 0.1
    """In no file: a setting of the authors' training."""

    def load(self, device: str, dtype: str) -> None:
        """Build the network and fill it; every tensor must be there, and no other."""
        tensors, value_range = edsr.named(unwrapped(self.weights()))
        self.net = edsr.EDSR(
            self.scale,
            sum(re.fullmatch(r"body\.\d+\.conv1\.weight", name) is not None for name in tensors),
            tensors["conv_first.weight"].shape[0],
            residual_scale=self.residual_scale,
            value_range=value_range,
        )
        self.net.load_state_dict(tensors)
        self.net.to(device, getattr(torch, dtype)).eval()

    def predict(self, lr: Tensor) -> Tensor:
        """Super-resolve RGB; shapes as in `Adapter.predict`."""
        return cast(Tensor, self.net(lr))


class Baseline(EDSR):
    """EDSR's baseline: residuals are not scaled."""

    residual_scale = 1.0
