"""SRCNN's promise: luma only, enlarged beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt
from typing import cast

import torch
from torch import Tensor

from srbench.adapters.network import Adapter
from srbench.archs import srcnn


class SRCNN(Adapter):
    """SRCNN of its checkpoint's three convolutions, 9-1-5 or 9-5-5."""

    def load(self, device: str, dtype: str) -> None:
        """Build the network and fill it; every tensor must be there, and no other."""
        tensors = self.weights()
        if "weights_conv1" in tensors:
            tensors = from_matlab(tensors)
        sizes = [tensors[f"conv{n}.weight"].shape[-1] for n in (1, 2, 3)]
        self.net = srcnn.SRCNN((sizes[0], sizes[1], sizes[2]))
        self.net.load_state_dict(tensors)
        self.net.to(device, getattr(torch, dtype)).eval()

    def predict(self, lr: Tensor) -> Tensor:
        """Restore luma; shapes as in `Adapter.predict`."""
        return cast(Tensor, self.net(lr))


def from_matlab(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' MATLAB layout: ``weights_conv1`` (k², 64), 2 (64, k², 32), 3 (32, k²), ``biases_conv...``.

    Each filter is a column-major image, as their ``reshape(weights_conv1(:, i), k, k)`` reads it.
    """
    first, second, third = (tensors[f"weights_conv{n}"] for n in (1, 2, 3))
    stacked = (first.T[:, None], second.permute(2, 0, 1), third[None])  # (out, in, k²)
    named: dict[str, Tensor] = {}
    for n, filters in enumerate(stacked, 1):
        side = isqrt(filters.shape[2])
        named[f"conv{n}.weight"] = (
            filters.reshape(*filters.shape[:2], side, side).transpose(2, 3).contiguous()
        )
        named[f"conv{n}.bias"] = tensors[f"biases_conv{n}"].flatten()
    return named
