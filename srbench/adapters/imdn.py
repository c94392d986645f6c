"""IMDN's promise: RGB to RGB. Its attention averages over the whole image, so it is not tiled."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from srbench.adapters.network import Adapter
from srbench.archs import imdn
from srbench.archs.checkpoints import unwrapped


class IMDN(Adapter):
    """IMDN of the authors' files."""

    def load(self, device: str, dtype: str) -> None:
        """Build the network and fill it; every tensor must be there, and no other."""
        self.net = imdn.IMDN(self.scale)
        self.net.load_state_dict(unwrapped(self.weights()))
        self.net.to(device, getattr(torch, dtype)).eval()

    def predict(self, lr: Tensor) -> Tensor:
        """Super-resolve RGB; shapes as in `Adapter.predict`."""
        return cast(Tensor, self.net(lr))
