"""Classical interpolation by MATLAB's ``imresize``: the baselines of every table.

``bicubic`` alone enlarges by the protocol's own flavour; ``bicubic:matlab-replicate-u8`` by another. The
inference signature says which.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from srbench.adapters.base import Frames, PlainAdapter
from srbench.errors import UsageError
from srbench.image.resize import KernelName, imresize
from srbench.types import FLAVOURS, EvalProtocol, Flavour, Job, ModelInfo


class Interpolation(PlainAdapter):
    """Base of the four: the kernel is the class's, the flavour the argument's or the protocol's.

    uint8 flavours give uint8; the double flavour gives float64, not rounded.
    """

    takes: ClassVar[str] = "an imresize flavour"
    kernel: ClassVar[KernelName]

    def __init__(self, info: ModelInfo, argument: str = "") -> None:
        super().__init__(info, argument)
        if argument and argument not in FLAVOURS:
            raise UsageError("an imresize flavour", repr(argument), f"use one of {', '.join(FLAVOURS)}")

    def skip(self, protocol: EvalProtocol) -> str | None:
        """A luma plane in double can't pass through uint8."""
        flavour = self._flavour(protocol)
        if protocol.degraded == "y" and flavour != "matlab-symmetric-double":
            return f"{flavour} needs uint8; protocol {protocol.name} gives a luma plane in double"
        return super().skip(protocol)

    def inference(self, protocol: EvalProtocol) -> str:
        """``imresize:bicubic|matlab-symmetric-u8``."""
        return f"imresize:{self.kernel}|{self._flavour(protocol)}"

    def upscale(self, lr: Frames, job: Job) -> Frames:
        """Enlarge each frame; as in `BaseAdapter`."""
        flavour = self._flavour(job.protocol)
        return np.stack([imresize(frame, self.scale, kernel=self.kernel, flavour=flavour) for frame in lr])

    def _flavour(self, protocol: EvalProtocol) -> Flavour:
        return next((flavour for flavour in FLAVOURS if flavour == self.argument), protocol.flavour)


class Nearest(Interpolation):
    """Nearest neighbour."""

    kernel: ClassVar[KernelName] = "nearest"


class Bilinear(Interpolation):
    """Triangle kernel."""

    kernel: ClassVar[KernelName] = "bilinear"


class Bicubic(Interpolation):
    """Keys's cubic, a = -0.5."""

    kernel: ClassVar[KernelName] = "bicubic"


class Lanczos(Interpolation):
    """Three lobes."""

    kernel: ClassVar[KernelName] = "lanczos3"
