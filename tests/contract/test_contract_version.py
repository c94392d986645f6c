"""Predictions of one version of srbench's shared code: pinned, so that no edit moves them unnoticed.

Fingerprints hold a model's own source, and `srbench.adapters.source.CONTRACT` for what all models share. A
case that fails says that kept records would be of other predictions: raise CONTRACT, and pin the new digests
with it. The networks add, shift and divide element by element, so that every machine gives the same bits.
"""

from __future__ import annotations

import hashlib
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from srbench.adapters.base import Settings
from srbench.adapters.clips import stream
from srbench.adapters.network import Adapter
from srbench.adapters.source import CONTRACT
from srbench.data.degrade import FrameSource
from srbench.metrics.planes import quantise
from srbench.protocols import get_protocol
from srbench.types import ClipSpec, EvalProtocol, ModelInfo


class Lopsided(Adapter):
    """Each pixel with half of its right neighbour and, of a clip, a quarter of the frame before, enlarged."""

    def predict(self, lr: Tensor) -> Tensor:
        """As the class says; of a window only its middle."""
        right = torch.zeros_like(lr)
        right[..., :-1] = lr[..., 1:]
        earlier = torch.cat([lr[:1], lr[:-1]])
        mixed = (lr + right / 2 + earlier / 4) / 1.75
        if self.info.kind == "window":
            mixed = mixed[self.info.frames_before :][:1]
        factor = 1 if self.info.pre_upsampled else self.scale
        return mixed.repeat_interleave(factor, 2).repeat_interleave(factor, 3)


class Clip:
    """Six frames of a pattern that no library's random numbers can change."""

    def __init__(self, channels: int) -> None:
        self.spec = ClipSpec("toy", "clip", 6, 3, "bi", "")
        self.channels = channels

    def __len__(self) -> int:
        return self.spec.frames

    def lr(self, t: int) -> NDArray[np.uint8]:
        """Frame `t`, ``(21, 34, C)``."""
        y, x, c = np.ogrid[:21, :34, : self.channels]
        frame: NDArray[np.uint8] = (y * 37 + x * 91 + c * 53 + t * 29 + x * y * 7) ** 2 // 3 % 256
        return frame.astype(np.uint8)


WINDOW = {"kind": "window", "frames_before": 2, "frames_after": 2}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], int]] = {
    "rgb": ({}, {}, 3),
    "gray through rgb": ({}, {}, 1),
    "luma": ({"channels": "y"}, {}, 3),
    "gray as luma": ({"channels": "y"}, {}, 1),
    "enlarged luma": ({"channels": "y", "pre_upsampled": True}, {}, 3),
    "padded": ({"size_multiple": 8}, {}, 3),
    "tiled": ({"receptive_field": 1}, {"tile": 16}, 3),
    "ensemble": ({}, {"ensemble": True}, 3),
    "window, replicate": ({**WINDOW, "border_frames": "replicate"}, {}, 3),
    "window, reflect": ({**WINDOW, "border_frames": "reflect"}, {}, 3),
    "window, reflect-circle": ({**WINDOW, "border_frames": "reflect-circle"}, {}, 3),
    "window, circle": ({**WINDOW, "border_frames": "circle"}, {}, 3),
    "sequence": ({"kind": "sequence"}, {}, 3),
    "split sequence": ({"kind": "sequence"}, {"split": (2, 0)}, 3),
}
PINNED = {
    (1, "rgb"): "de777f12c0f1df0d",
    (1, "gray through rgb"): "7489865ced683bcb",
    (1, "luma"): "072a911a9ff2e669",
    (1, "gray as luma"): "7489865ced683bcb",
    (1, "enlarged luma"): "88a5ebb5eff9b29f",
    (1, "padded"): "7ff9bd0246a6f0b8",
    (1, "tiled"): "de777f12c0f1df0d",
    (1, "ensemble"): "fea79a9fca6a3030",
    (1, "window, replicate"): "c71276661f0df700",
    (1, "window, reflect"): "0bd2d5acde0f6266",
    (1, "window, reflect-circle"): "6efabc50d6712623",
    (1, "window, circle"): "ad2a022418496cf8",
    (1, "sequence"): "c71276661f0df700",
    (1, "split sequence"): "07786381783ba59e",
}


def prediction(name: str) -> str:
    """Digest of the uint8 frames that a case predicts at x3."""
    card, asked, channels = CASES[name]
    info = ModelInfo(name="lopsided", title="", family="test", scales=(3,), **card)
    net, protocol = Lopsided(info), get_protocol("classic", 3)
    net.start(3, Settings(**asked))
    found = hashlib.sha256()
    for frame in stream(net, cast(FrameSource, Clip(channels)), protocol):
        found.update(np.ascontiguousarray(u8(frame, protocol)).tobytes())
    return found.hexdigest()[:16]


def u8(frame: NDArray[Any], protocol: EvalProtocol) -> NDArray[Any]:
    """What is judged of a frame."""
    sr = quantise(frame, protocol)
    assert sr.dtype == np.uint8
    return sr


@pytest.mark.parametrize("name", CASES)
def test_predictions_are_those_of_this_contract(name: str) -> None:
    """The door, padding, tiles, self-ensemble, windows and pieces: as when CONTRACT was last raised."""
    assert prediction(name) == PINNED[CONTRACT, name]


def test_each_case_shows_something_of_its_own() -> None:
    """A case that equals the plain one would pin nothing, except those that must equal it."""
    found = {name: prediction(name) for name in CASES}
    same = {name for name in CASES if found[name] == found["rgb"]}
    assert same == {"rgb", "tiled"}
