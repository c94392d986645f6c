"""An ONNX file, run by onnxruntime: ``onnx:FILE``.

An ONNX graph holds operators and tensors, no code; operators that onnxruntime doesn't have are refused,
nothing is loaded for them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from srbench.adapters.file_argument import model_file
from srbench.adapters.network import Adapter
from srbench.adapters.probe import check_scale
from srbench.errors import IntegrityError, Unavailable

_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class Onnx(Adapter):
    """One input ``(N, 3, h, w)`` in [0, 1] of any size, one output; its scale is found by a small input."""

    takes: ClassVar[str] = "an ONNX file"

    def load(self, device: str, dtype: str) -> None:
        """Read the graph and check its input and its scale.

        Raises:
            UsageError: no such file.
            IntegrityError: it is no ONNX graph, or not one from image to image.
            Unavailable: onnxruntime is not installed or can't use the device, or the graph has another scale.
        """
        path = model_file(self.argument, self.info.name)
        self.session = _session(path, device)
        self.input = _image_input(self.session.get_inputs(), path.name)
        check_scale(self.predict, self.scale, path.name, device, dtype)

    def predict(self, lr: Tensor) -> Tensor:
        """Super-resolve; shapes as in `Adapter.predict`."""
        planes = lr.cpu().numpy().astype(_TYPES[self.input.type])
        sr = self.session.run(None, {self.input.name: planes})[0]
        return torch.from_numpy(np.asarray(sr)).to(lr.device)


def _session(path: Path, device: str) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise Unavailable(
            "the package onnxruntime", "not installed", "pip install 'srbench[onnx]'"
        ) from error
    provider = _PROVIDERS.get(device.partition(":")[0], device)
    if provider not in onnxruntime.get_available_providers():
        raise Unavailable(f"onnxruntime for {device}", f"no {provider}", "use --device cpu")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=[provider])
    except Exception as error:  # its exceptions have no common base
        got = f"{path.name}: {' '.join(str(error).split())[:200]}"
        raise IntegrityError("an ONNX graph that onnxruntime can run", got, "export it again") from error


def _image_input(inputs: list[Any], name: str) -> Any:
    """The graph's only input, if an RGB image of any size fits it."""
    first = inputs[0] if len(inputs) == 1 else None
    shape = list(first.shape) if first is not None else []
    channels, sides = shape[1:2], shape[2:]
    if first is None or len(shape) != 4 or first.type not in _TYPES or channels[0] == 1:
        got = f"{name}: {', '.join(f'{one.name} {one.type} {one.shape}' for one in inputs)}"
        raise IntegrityError("one input, float (N, 3, height, width)", got, "export it from image to image")
    if any(isinstance(side, int) for side in sides):
        got = f"{name}: {sides[0]}x{sides[1]} (height x width)"
        raise Unavailable("a graph for images of any size", got, "export it with dynamic height and width")
    return first
