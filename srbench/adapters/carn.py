"""CARN-M's promise: RGB to RGB, one file for all scales."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from srbench.adapters.network import Adapter
from srbench.archs import carn
from srbench.archs.checkpoints import unwrapped


class CARNM(Adapter):
    """CARN-M of the authors' file, which has the heads of x2, x3 and x4."""

    def load(self, device: str, dtype: str) -> None:
        """Build the network and fill it; every tensor must be there, and no other."""
        self.net = carn.CARN(self.scale, groups=4)
        self.net.load_state_dict(unwrapped(self.weights()))
        self.net.to(device, getattr(torch, dtype)).eval()

    def predict(self, lr: Tensor) -> Tensor:
        """Super-resolve RGB; shapes as in `Adapter.predict`."""
        return cast(Tensor, self.net(lr))
