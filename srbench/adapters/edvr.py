"""EDVR's promise: RGB, x4, a window of frames for each frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor

from srbench.adapters.network import Adapter
from srbench.archs import edvr
from srbench.archs.checkpoints import unwrapped


class EDVR(Adapter):
    """EDVR with BasicSR's or OpenMMLab's checkpoints; M or L, with attention or without, as they say."""

    def load(self, device: str, dtype: str) -> None:
        """Build the network and fill it; every tensor must be there, and no other."""
        tensors = edvr.named(unwrapped(self.weights()))
        self.net = network_for(tensors)
        self.net.load_state_dict(tensors)
        self.net.to(device, getattr(torch, dtype)).eval()

    def predict(self, lr: Tensor) -> Tensor:
        """Restore the middle frame of a window; shapes as in `Adapter.predict`."""
        return cast(Tensor, self.net(lr[None]))


def network_for(tensors: Mapping[str, Tensor]) -> edvr.EDVR:
    """An EDVR of the size that a checkpoint's tensors have."""
    tsa = "fusion.feat_fusion.weight" in tensors
    features = len(tensors["conv_first.weight"])
    fused = tensors["fusion.feat_fusion.weight" if tsa else "fusion.weight"].shape[1]
    offsets = len(tensors["pcd_align.cas_dcnpack.conv_offset.weight"])
    return edvr.EDVR(
        features,
        fused // features,
        offsets // 27,
        _blocks(tensors, "feature_extraction"),
        _blocks(tensors, "reconstruction"),
        tsa=tsa,
    )


def _blocks(tensors: Mapping[str, Tensor], part: str) -> int:
    return sum(name.startswith(f"{part}.") and name.endswith(".conv1.weight") for name in tensors)
