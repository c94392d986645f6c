"""Training pairs: images degraded once, as exactly as test images are, and patches cut from them.

What enters a network in training is what enters it in a test: the same `srbench.adapters.door`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srbench.adapters import door
from srbench.data.datasets import BUILTIN, Dataset, open_dataset, training_sets
from srbench.data.degrade import decode_frame, degrade
from srbench.errors import UsageError
from srbench.fetch.home import home
from srbench.image.color import rgb2y, round_u8
from srbench.image.crop import modcrop
from srbench.image.io import write_atomically
from srbench.image.resize import imresize
from srbench.protocols import get_protocol
from srbench.train.recipes import Data
from srbench.types import EvalProtocol, ModelInfo, digest

VERSION = 1
"""Raised when the making of pairs changes: cached pairs are then made again."""


@dataclass(frozen=True)
class Pair:
    """One image or clip.

    Attributes:
        name: ``set/item``.
        inputs: ``(T, C, h, w)``: uint8 RGB, or float32 luma / 255; enlarged if the network wants it so.
        targets: ``(T, C, H, W)`` of the same kind, H and W ``factor`` times h and w.
    """

    name: str
    inputs: NDArray[Any]
    targets: NDArray[Any]

    @property
    def factor(self) -> int:
        """By how much a target is larger than its input."""
        return int(self.targets.shape[2] // self.inputs.shape[2])


def load_pairs(data: Data, info: ModelInfo, scale: int) -> list[Pair]:
    """Every pair of the training sets, made once and kept in the cache (`srbench.fetch.home`).

    Args:
        data: the sets, the shrinking and the flavour.
        info: what the network takes: channels, and whether its input is enlarged.
        scale: super-resolution factor.

    Raises:
        UsageError: no such set, or a part of it is not here.
    """
    found = [_pairs_of(open_dataset(name), data, info, scale) for name in data.sets]
    return [pair for pairs in found for pair in pairs]


def split(pairs: Sequence[Pair], held_out: int) -> tuple[list[Pair], list[Pair]]:
    """What is trained on, and what is only validated on: evenly spread over the pairs.

    Raises:
        UsageError: nothing would be left to train on.
    """
    if held_out >= len(pairs):
        expected = f"held_out below the {len(pairs)} images of the training sets"
        raise UsageError(expected, f"{held_out}", "hold fewer out")
    chosen = {round((n + 0.5) * len(pairs) / held_out - 0.5) for n in range(held_out)}
    return (
        [pair for n, pair in enumerate(pairs) if n not in chosen],
        [pair for n, pair in enumerate(pairs) if n in chosen],
    )


# ---------------------------------------------------------------------------------- making


def _pairs_of(dataset: Dataset, data: Data, info: ModelInfo, scale: int) -> list[Pair]:
    if dataset.name in BUILTIN and not dataset.manifest.purpose:
        got = f"{dataset.name}, a test set"
        raise UsageError("sets to train on", got, f"name {', '.join(training_sets())}, or a set of your own")
    if not dataset.complete:
        missing = next(iter(dataset.missing.values()))
        raise UsageError(f"all of {dataset.name}", f"{len(dataset.missing)} missing: {missing}", "fetch it")
    fields = {
        "pixels": dataset.pixels,
        "scale": scale,
        "shrink": data.shrink,
        "flavour": data.flavour,
        "channels": info.channels,
        "enlarged": info.pre_upsampled,
        "version": VERSION,
    }
    path = home() / "pairs" / f"{dataset.name}-{digest(fields)}.npz"
    if not path.is_file():
        buffer = BytesIO()
        np.savez(buffer, **_made(dataset, data, info, scale))  # type: ignore[arg-type]  # its stub's keyword
        write_atomically(path, buffer.getvalue())
    with np.load(path, allow_pickle=False) as arrays:
        return [
            Pair(f"{dataset.name}/{item.name}", arrays[f"{n}.inputs"], arrays[f"{n}.targets"])
            for n, item in enumerate(dataset.items)
        ]


def _made(dataset: Dataset, data: Data, info: ModelInfo, scale: int) -> dict[str, NDArray[Any]]:
    protocol = get_protocol("classic", scale, flavour=data.flavour)
    arrays: dict[str, NDArray[Any]] = {}
    for n, item in enumerate(dataset.items):
        files = zip(item.frames, dataset.files[item.name], strict=True)
        made = [pair_of(_shrunk(decode_frame(f, p), data.shrink), protocol, info) for f, p in files]
        arrays[f"{n}.inputs"] = np.stack([inputs for inputs, _ in made])
        arrays[f"{n}.targets"] = np.stack([targets for _, targets in made])
    return arrays


def _shrunk(image: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    rgb = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
    return rgb if factor == 1 else round_u8(imresize(rgb, 1 / factor))


def pair_of(
    image: NDArray[np.uint8], protocol: EvalProtocol, info: ModelInfo
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Input and target of one image.

    Args:
        image: uint8 RGB ``(H, W, 3)``.
        protocol: scale and degradation.
        info: what the network takes.

    Returns:
        ``(C, h, w)`` and ``(C, H, W)``: uint8 RGB, or float32 studio-range Y / 255.
    """
    hr = modcrop(image, protocol.modcrop)
    lr = degrade(hr, protocol)
    if info.channels == "rgb" and not info.pre_upsampled:
        return _planar(lr), _planar(hr)
    inputs = door.enter(lr, info, protocol.scale).planes
    targets = rgb2y(hr)[None] if info.channels == "y" else _planar(hr)
    return inputs, np.asarray(targets / 255, np.float32)


def _planar(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(image.transpose(2, 0, 1))


# --------------------------------------------------------------------------------- cutting


@dataclass(frozen=True)
class Batch:
    """``inputs`` (N, T, C, p, p) and ``targets`` (N, S, C, P, P), float32 in [0, 1].

    S is T for a network of sequences, else 1: the middle frame.
    """

    inputs: NDArray[np.float32]
    targets: NDArray[np.float32]


class Patches:
    """Batches by their number: the same number gives the same batch, whatever was asked before.

    So a training that goes on after a kill, and every level of an ablation, sees the same patches. Each batch
    has its own stream of Philox, a counter-based generator (Salmon et al., SC 2011). A pair is drawn in
    proportion to the places where a patch can lie, so that every place is as likely.

    Args:
        pairs: what is cut from.
        data: patch, batch, augment.
        info: what the network takes: its window of frames, the middle one of which is the target's, or a
            sequence, each of whose frames has its target.
        seed: chooses the patches.

    Raises:
        UsageError: no pair is large enough.
    """

    def __init__(self, pairs: Sequence[Pair], data: Data, info: ModelInfo, seed: int) -> None:
        size, length = data.patch, max(data.frames, window_of(data, info))
        fitting = [p for p in pairs if min(p.inputs.shape[2:]) >= size and len(p.inputs) >= length]
        if not fitting:
            expected = f"images with room for patches of {size} pixels and {length} frames"
            raise UsageError(expected, "none", "choose smaller patches")
        self._pairs, self._data, self._length, self._seed = fitting, data, length, seed
        self._seen = _central(length, window_of(data, info))
        self._told = self._seen if info.kind == "sequence" else _central(length, 1)
        places = np.array([_places(pair, size, length) for pair in fitting], np.float64)
        self._chances = places / places.sum()

    def batch(self, number: int) -> Batch:
        """The batch of a step, counted from 0."""
        rng = np.random.Generator(np.random.Philox(key=self._seed, counter=[0, 0, 0, number]))
        chosen = rng.choice(len(self._pairs), self._data.batch, p=self._chances)
        cut = [self._cut(self._pairs[n], rng) for n in chosen]
        return Batch(np.stack([inputs for inputs, _ in cut]), np.stack([targets for _, targets in cut]))

    def _cut(self, pair: Pair, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        size, factor = self._data.patch, pair.factor
        first = int(rng.integers(len(pair.inputs) - self._length + 1))
        row, col = (int(rng.integers(length - size + 1)) for length in pair.inputs.shape[2:])
        turns, flip = int(rng.integers(4)), bool(rng.integers(2))
        rows, cols = (slice(start * factor, (start + size) * factor) for start in (row, col))
        frames = slice(first, first + self._length)
        inputs = pair.inputs[frames, :, row : row + size, col : col + size][self._seen]
        targets = pair.targets[frames, :, rows, cols][self._told]
        if not self._data.augment:
            turns, flip = 0, False
        return _turned(inputs, turns, flip), _turned(targets, turns, flip)


def window_of(data: Data, info: ModelInfo) -> int:
    """Frames that enter the network together in training."""
    return data.frames if info.kind == "sequence" else info.frames_before + 1 + info.frames_after


def _central(length: int, count: int) -> slice:
    margin = (length - count) // 2
    return slice(margin, margin + count)


def _places(pair: Pair, size: int, length: int) -> int:
    t, _, h, w = pair.inputs.shape
    return int((t - length + 1) * (h - size + 1) * (w - size + 1))


def _turned(planes: NDArray[Any], turns: int, flip: bool) -> NDArray[np.float32]:
    """One of the eight symmetries of the square, over the last two axes; float32 in [0, 1]."""
    turned = np.rot90(planes[..., ::-1] if flip else planes, turns, (-2, -1))
    return unit(turned)


def unit(planes: NDArray[Any]) -> NDArray[np.float32]:
    """Planes as float32 in [0, 1]: uint8 divided by 255, floats as they are."""
    if planes.dtype == np.uint8:
        return np.ascontiguousarray(planes.astype(np.float32) / np.float32(255))
    return np.ascontiguousarray(planes, np.float32)


def middle(pair: Pair, window: int, multiple: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What is validated on: the middle window of a pair, ``(T, C, h, w)``, and its target ``(C, H, W)``.

    h and w are cropped to a multiple of what the network asks for.
    """
    first = (len(pair.inputs) - window) // 2
    height, width = (side - side % multiple for side in pair.inputs.shape[2:])
    inputs = pair.inputs[first : first + window, :, :height, :width]
    target = pair.targets[first + window // 2]
    return unit(inputs), unit(target[:, : height * pair.factor, : width * pair.factor])
