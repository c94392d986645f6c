"""SRCNN's promise: luma only, enlarged beforehand."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from srbench.adapters.network import Adapter
from srbench.archs import srcnn


class SRCNN(Adapter):
    """SRCNN 9-1-5 of its checkpoint's three convolutions."""

    def load(self, device: str, dtype: str) -> None:
        """Build the network and fill it; every tensor must be there, and no other."""
        self.net = srcnn.SRCNN()
        self.net.load_state_dict(self.weights())
        self.net.to(device, getattr(torch, dtype)).eval()

    def predict(self, lr: Tensor) -> Tensor:
        """Restore luma; shapes as in `Adapter.predict`."""
        return cast(Tensor, self.net(lr))
