"""The PyTorch side of DISTS: piq's definition on tensors that were checked before.

Imported by `srbench.metrics.dists.DISTS.load` alone, because PyTorch and torchvision are slow to import.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from piq import DISTS
from piq.perceptual import VGG16_LAYERS, ContentLoss
from torchvision.models import vgg16

from srbench.metrics.torch_side import exact

Features = list[torch.Tensor]
"""The image in 0..1, then five layers of VGG16: ``(1, C, h, w)``."""

_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
_CHANNELS = [3, 64, 128, 256, 512, 512]


class _Definition(DISTS):  # type: ignore[misc]  # piq ships no types
    """piq's DISTS on a given VGG16: its own constructor downloads one."""

    def __init__(self, features: torch.nn.Module, weights: list[torch.Tensor]) -> None:
        ContentLoss.__init__(
            self,
            features,
            layers=[VGG16_LAYERS[layer] for layer in _LAYERS],
            weights=weights,
            replace_pooling=True,
            allow_layers_weights_mismatch=True,
        )


class Network:
    """DISTS in two halves, so that ground truths are seen once.

    Args:
        backbone: VGG16's convolutions by torchvision's names.
        weights: ``alpha`` and ``beta``, ``(1, 1475, 1, 1)``.
        device: PyTorch's name of a device.
    """

    def __init__(
        self, backbone: Mapping[str, NDArray[Any]], weights: Mapping[str, NDArray[Any]], device: str
    ) -> None:
        self._device = torch.device(device)
        self._definition = _Definition(
            vgg16_features(backbone).to(self._device), _split(weights, self._device)
        ).eval()

    def features(self, rgb: NDArray[np.uint8]) -> Features:
        """Features of a uint8 image ``(H, W, 3)``."""
        image = torch.tensor(rgb, device=self._device)  # a copy: shared frames are read-only
        with exact():
            found: Features = self._definition.get_features(image.permute(2, 0, 1)[None].float().div_(255))
        return found

    def distance(self, rgb: NDArray[np.uint8], truth: Features) -> float:
        """DISTS of a uint8 image ``(H, W, 3)`` to an image of the same size by its features."""
        ours = self.features(rgb)
        with exact():
            similarities = self._definition.compute_distance(ours, truth)
            weighted = zip(similarities, self._definition.weights, strict=True)
            return 1.0 - sum(float((similarity * weight).sum()) for similarity, weight in weighted)


def vgg16_features(backbone: Mapping[str, NDArray[Any]]) -> torch.nn.Module:
    """The convolutional layers of torchvision's VGG16; nothing is drawn at random before it is replaced."""
    with torch.device("meta"):
        features: torch.nn.Module = vgg16(weights=None).features
    state = {name.removeprefix("features."): torch.from_numpy(np.array(a)) for name, a in backbone.items()}
    features.load_state_dict(state, assign=True)
    return features


def _split(weights: Mapping[str, NDArray[Any]], device: torch.device) -> list[torch.Tensor]:
    """Per layer alpha (structure), then per layer beta (texture); all of them sum to 1, as in the paper."""
    both = [torch.from_numpy(np.array(weights[name])).to(device) for name in ("alpha", "beta")]
    total = sum(float(vector.double().sum()) for vector in both)
    return [part for vector in both for part in torch.split(vector / total, _CHANNELS, dim=1)]
