"""BasicVSR's promise: RGB, x4, the whole clip at once or pieces of it."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from srbench.adapters.network import Adapter
from srbench.archs import basicvsr


class BasicVSR(Adapter):
    """BasicVSR with BasicSR's checkpoints, whose tensors lie under ``params``."""

    def load(self, device: str, dtype: str) -> None:
        """Build the network and fill it; every tensor must be there, and no other."""
        self.net = basicvsr.BasicVSR()
        tensors = {name.removeprefix("params."): tensor for name, tensor in self.weights().items()}
        self.net.load_state_dict(tensors)
        self.net.to(device, getattr(torch, dtype)).eval()

    def predict(self, lr: Tensor) -> Tensor:
        """Restore a clip; shapes as in `Adapter.predict`."""
        return cast(Tensor, self.net(lr[None])[0])
