"""The PyTorch side of LPIPS: the ``lpips`` package's module, run so that ground truths are seen once.

Imported by `srbench.metrics.lpips.LPIPS.load` alone, because PyTorch and torchvision are slow to import.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import lpips
import numpy as np
import torch
from numpy.typing import NDArray

from srbench.metrics.torch_side import exact

Features = tuple[torch.Tensor, ...]
"""Per layer ``(1, C, h, w)``, each position a unit vector (the package's ``normalize_tensor``)."""


class Network:
    """The package's module with given tensors, on a device.

    Args:
        net: the package's name of the backbone, ``alex`` or ``vgg``.
        arrays: the backbone's convolutions by torchvision's names, and the linear layers by the package's.
        device: PyTorch's name of a device.
    """

    def __init__(self, net: str, arrays: Mapping[str, NDArray[Any]], device: str) -> None:
        self._device = torch.device(device)
        module = _empty_module(net)
        module.load_state_dict(_state(module, arrays), strict=False, assign=True)
        module.eval().requires_grad_(False).to(self._device).to(memory_format=torch.channels_last)
        parts: dict[str, Any] = dict(module.named_children())  # the package ships no types
        self._slices = [part for name, part in parts["net"].named_children() if name.startswith("slice")]
        self._weights = [layer.model[-1].weight.flatten() for layer in parts["lins"]]
        # Bytes to [-1, 1] and the package's scaling layer, (x - shift) / scale, in one product and sum.
        shift, scale = parts["scaling_layer"].shift, parts["scaling_layer"].scale
        self._gain, self._offset = 1 / (127.5 * scale), -(1 + shift) / scale

    def features(self, rgb: NDArray[np.uint8]) -> Features:
        """Normalised features of a uint8 image ``(H, W, 3)``."""
        with exact():
            return tuple(self._layers(rgb))

    def distance(self, rgb: NDArray[np.uint8], truth: Features) -> float:
        """LPIPS of a uint8 image ``(H, W, 3)`` to an image of the same size by its features."""
        total = torch.zeros((), device=self._device)
        with exact():
            for weights, ours, theirs in zip(self._weights, self._layers(rgb), truth, strict=True):
                squares = ours.sub_(theirs).square_().permute(0, 2, 3, 1).flatten(0, 2)
                total += torch.mv(squares, weights).mean()  # a 1 x 1 convolution to one channel
        return float(total)

    def _layers(self, rgb: NDArray[np.uint8]) -> Iterator[torch.Tensor]:
        """Layer by layer, so that one layer's features are dropped before the next one's are made."""
        image = torch.tensor(rgb, device=self._device)  # a copy: shared frames are read-only
        x = image.permute(2, 0, 1)[None].float()  # channels last in memory, as it came
        x = x.mul_(self._gain).add_(self._offset)
        for part in self._slices:
            x = part(x)
            norm = torch.linalg.vector_norm(x, dim=1, keepdim=True)
            yield x / norm.add_(1e-10)  # lpips.normalize_tensor


def _empty_module(net: str) -> torch.nn.Module:
    """The package's module without tensors: nothing is drawn at random, nothing is downloaded."""
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore", UserWarning)  # the package calls torchvision in an outdated way
        module: torch.nn.Module = lpips.LPIPS(net=net, pretrained=False, pnet_rand=True, verbose=False)
    return module


def _state(module: torch.nn.Module, arrays: Mapping[str, NDArray[Any]]) -> dict[str, torch.Tensor]:
    """A state dict of every parameter; ``net.slice2.3.weight`` is torchvision's ``features.3.weight``."""
    names = {name: name for name, _ in module.named_parameters()}
    names.update(
        {name: "features." + ".".join(name.split(".")[-2:]) for name in names if name.startswith("net.")}
    )
    return {name: torch.from_numpy(np.array(arrays[source])) for name, source in names.items()}
