"""At which sizes models are timed: the standard points, and the pictures that stand there.

``720p`` is the LR size whose output is 1280x720. At x3 the width is 1280/3, rounded up: 427x240 gives
1281x720, as IMDN's table counts (71.5 G multiply-adds); CARN's counts at 1280/3 columns, 0.08 % less. ``256``
is NTIRE's convention for efficient super-resolution, 256x256 LR. ``HxW`` is any LR size, height by width, and
a dataset's name stands for every image of it. One size has one name, however it was asked for.

What a network computes hardly depends on the picture, but optical flow and deformable sampling fetch memory
from where it tells them to: so a photograph stands there, for clips a camera that moves one pixel a frame.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srbench.data.datasets import dataset_names, open_dataset
from srbench.errors import NothingMeasured, UsageError
from srbench.protocols import default_protocol, get_protocol

OUTPUT_720P = (720, 1280)
STANDARD = ("720p", "256")
_LARGEST = 16384
_PHOTOGRAPH = ("embedded", "coffee")

Pictures = NDArray[Any]


@dataclass(frozen=True)
class Point:
    """A size to be timed at; `item` of `dataset` stands there, or the photograph if that is empty.

    Attributes:
        name: ``720p``, ``256``, ``48x64``, ``set5/baby``.
        height, width: LR pixels.
        items: how many items the set has, as far as they are here; 0 without one.
    """

    name: str
    height: int
    width: int
    dataset: str = ""
    item: str = ""
    items: int = 0


def points(name: str, scale: int) -> list[Point]:
    """The points that a name stands for at a scale.

    Raises:
        UsageError: it is neither a standard point, a size, nor a dataset.
        NothingMeasured: the dataset has no image here, or is not used with this scale.
    """
    if name == "720p":
        height, width = (math.ceil(side / scale) for side in OUTPUT_720P)
        return [Point(name, height, width)]
    size = re.fullmatch(r"(\d+)(?:x(\d+))?", name)
    if size is not None:
        height, width = int(size[1]), int(size[2] or size[1])
        if not (0 < height <= _LARGEST and 0 < width <= _LARGEST):
            raise UsageError(f"LR sides of 1 to {_LARGEST} pixels", repr(name), "check --point")
        return [Point(_size_name(height, width), height, width)]
    if name not in dataset_names():
        hint = f"use {', '.join(STANDARD)}, HxW, or one of {', '.join(dataset_names())}"
        raise UsageError("a point", repr(name), hint)
    return _of_dataset(name, scale)


def _size_name(height: int, width: int) -> str:
    return "256" if height == width == 256 else f"{height}x{width}"


def _of_dataset(name: str, scale: int) -> list[Point]:
    dataset = open_dataset(name)
    if scale not in dataset.scales or not dataset.items:
        got = f"no image of {name} here" if scale in dataset.scales else f"{name} is not used with x{scale}"
        raise NothingMeasured(f"images of {name} at x{scale}", got, f"srbench data fetch {name}")
    sides = {item.name: item.frames[0].shape[:2] for item in dataset.items}
    return [
        Point(f"{dataset.label}/{item}", h // scale, w // scale, name, item, len(sides))
        for item, (h, w) in sides.items()
    ]


def pictures(point: Point, scale: int, frames: int) -> Pictures:
    """The LR frames that stand at a point: ``(frames, height, width, 1 or 3)`` uint8."""
    return _of_item(point, scale, frames) if point.dataset else _of_photograph(point, frames)


def _of_photograph(point: Point, frames: int) -> Pictures:
    dataset = open_dataset(_PHOTOGRAPH[0])
    item = next(item for item in dataset.items if item.name == _PHOTOGRAPH[1])
    photograph = dataset.source(item, get_protocol("classic", dataset.scales[0])).hr(0)
    wanted = (point.height, point.width + frames - 1)
    more = [(0, max(side - here, 0)) for side, here in zip(wanted, photograph.shape, strict=False)]
    padded = np.pad(photograph, [*more, (0, 0)], mode="symmetric")
    return np.stack([padded[: point.height, t : t + point.width] for t in range(frames)])


def _of_item(point: Point, scale: int, frames: int) -> Pictures:
    dataset = open_dataset(point.dataset)
    item = next(item for item in dataset.items if item.name == point.item)
    protocol = get_protocol(default_protocol(clips=dataset.kind == "clip"), scale)
    source = dataset.source(item, protocol)
    return np.stack([source.lr(min(t, len(source) - 1)) for t in range(frames)])
