"""VDSR's promise: luma only, enlarged beforehand, one set of weights for all scales."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor

from srbench.adapters.network import Adapter
from srbench.archs import vdsr


class VDSR(Adapter):
    """VDSR of the authors' MATLAB file, or of a file with the network's own names."""

    def load(self, device: str, dtype: str) -> None:
        """Build the network and fill it; every tensor must be there, and no other."""
        tensors = self.weights()
        tensors = from_matlab(tensors) if "model.weight.0" in tensors else tensors
        self.net = vdsr.VDSR(depth=max(len(tensors) // 2, 2))
        self.net.load_state_dict(tensors)
        self.net.to(device, getattr(torch, dtype)).eval()

    def predict(self, lr: Tensor) -> Tensor:
        """Restore luma; shapes as in `Adapter.predict`."""
        return cast(Tensor, self.net(lr))


def from_matlab(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """MatConvNet's layout: cells ``model.weight.N`` (k, k, in, out), ``model.bias.N`` (out, 1), from 0.

    MATLAB drops a last dimension of one: the last kernel is (k, k, in).
    """
    named: dict[str, Tensor] = {}
    for n in range(sum(name.startswith("model.weight.") for name in tensors)):
        kernel = tensors[f"model.weight.{n}"]
        kernel = kernel if kernel.ndim == 4 else kernel[..., None]
        named[f"conv{n + 1}.weight"] = kernel.permute(3, 2, 0, 1).contiguous()
        named[f"conv{n + 1}.bias"] = tensors[f"model.bias.{n}"].flatten()
    return named
