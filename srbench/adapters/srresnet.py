"""SRResNet's and SRGAN's promise: RGB to RGB. The variant is read from the checkpoint's tensors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal, cast

import torch
from torch import Tensor

from srbench.adapters.network import Adapter
from srbench.archs import srresnet
from srbench.archs.checkpoints import unwrapped

KERAS_EPS = 1e-3
"""Keras's batch normalisation; PyTorch's is 1e-5."""


class SRResNet(Adapter):
    """SRResNet of as many blocks as its checkpoint has: leftthomas/SRGAN's names, or a Keras file."""

    def load(self, device: str, dtype: str) -> None:
        """Build the network and fill it; every tensor must be there, and no other."""
        tensors = self.weights()
        keras = any(name.endswith(".kernel") for name in tensors)
        tensors = from_keras(tensors) if keras else unwrapped(tensors)
        self.net = build(tensors, self.scale, KERAS_EPS if keras else 1e-5)
        # Files from before PyTorch 0.4 don't count batches; nothing else may be missing.
        counters = {n: t for n, t in self.net.state_dict().items() if n.endswith("num_batches_tracked")}
        self.net.load_state_dict({**counters, **tensors})
        self.net.to(device, getattr(torch, dtype)).eval()

    def predict(self, lr: Tensor) -> Tensor:
        """Super-resolve RGB; shapes as in `Adapter.predict`."""
        return cast(Tensor, self.net(lr))


def build(tensors: Mapping[str, Tensor], scale: int, eps: float) -> srresnet.SRResNet:
    """The variant that fits a checkpoint: its blocks and channels, its slopes, how its trunk ends."""
    numbers = [int(found[1]) for name in tensors if (found := re.match(r"block(\d+)\.", name))]
    blocks = max(numbers, default=3) - 3
    slopes = tensors.get("block1.1.weight", torch.zeros(1))
    return srresnet.SRResNet(
        scale,
        blocks,
        tensors["block1.0.weight"].shape[0],
        norm="block2.bn1.weight" in tensors,
        end=_trunk_end(tensors, f"block{blocks + 2}.1."),
        slopes="shared" if len(slopes) == 1 else "channel",
        eps=eps,
    )


def _trunk_end(tensors: Mapping[str, Tensor], layer: str) -> Literal["bn", "prelu", "none"]:
    if f"{layer}running_mean" in tensors:
        return "bn"
    return "prelu" if f"{layer}weight" in tensors else "none"


# ---------------------------------------------------------------------------------- Keras


def from_keras(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Keras's layers in the order of their numbers, as the tensors of `srresnet.SRResNet`."""
    convs, norms, slopes = (_layers(tensors, part) for part in ("kernel", "gamma", "alpha"))
    blocks = (len(norms) - 1) // 2
    named: dict[str, Tensor] = {}
    for name, layer in zip(_conv_names(blocks, len(convs)), convs, strict=True):
        shuffled = name.endswith(".conv")
        named |= {f"{name}.{part}": value for part, value in _conv(layer, shuffled=shuffled).items()}
    for name, layer in zip(_norm_names(blocks), norms, strict=True):
        named |= {f"{name}.{part}": value for part, value in _norm(layer).items()}
    for name, layer in zip(_slope_names(blocks, len(slopes)), slopes, strict=True):
        named[f"{name}.weight"] = layer["alpha"].flatten()
    return named


def _layers(tensors: Mapping[str, Tensor], part: str) -> list[dict[str, Tensor]]:
    """Layers that have a tensor of this name, by number: ``conv2d``, ``conv2d_1``, ... ``conv2d_10``."""
    names = [name.rpartition(".")[0] for name in tensors if name.endswith(f".{part}")]
    names.sort(key=lambda name: int(found[1]) if (found := re.search(r"_(\d+)$", name)) else 0)
    return [
        {key.rpartition(".")[2]: value for key, value in tensors.items() if key.rpartition(".")[0] == name}
        for name in names
    ]


def _conv(layer: Mapping[str, Tensor], *, shuffled: bool) -> dict[str, Tensor]:
    """Kernel (h, w, in, out) to (out, in, h, w).

    TensorFlow's depth-to-space takes channels in the order (dy, dx, c), PyTorch's pixel shuffle (c, dy, dx).
    """
    weight, bias = layer["kernel"].permute(3, 2, 0, 1), layer["bias"]
    if shuffled:
        weight, bias = (x.reshape(4, -1, *x.shape[1:]).transpose(0, 1).flatten(0, 1) for x in (weight, bias))
    return {"weight": weight.contiguous(), "bias": bias.contiguous()}


def _norm(layer: Mapping[str, Tensor]) -> dict[str, Tensor]:
    names = {
        "weight": "gamma",
        "bias": "beta",
        "running_mean": "moving_mean",
        "running_var": "moving_variance",
    }
    return {ours: layer[theirs] for ours, theirs in names.items()}


def _conv_names(blocks: int, count: int) -> Iterator[str]:
    yield "block1.0"
    for n in range(2, blocks + 2):
        yield from (f"block{n}.conv1", f"block{n}.conv2")
    yield f"block{blocks + 2}.0"
    enlargements = count - 2 * blocks - 3
    yield from (f"block{blocks + 3}.{n}.conv" for n in range(enlargements))
    yield f"block{blocks + 3}.{enlargements}"


def _norm_names(blocks: int) -> Iterator[str]:
    for n in range(2, blocks + 2):
        yield from (f"block{n}.bn1", f"block{n}.bn2")
    yield f"block{blocks + 2}.1"


def _slope_names(blocks: int, count: int) -> Iterator[str]:
    yield "block1.1"
    yield from (f"block{n}.prelu" for n in range(2, blocks + 2))
    yield from (f"block{blocks + 3}.{n}.prelu" for n in range(count - blocks - 1))
