"""Any checkpoint that spandrel recognises: ``spandrel:FILE`` (.pth, .pt, .ckpt or .safetensors).

The file is read here, as tensors only: spandrel's own reader would run a ``.pt`` as TorchScript before it
looks for a state dict. spandrel then finds the architecture, its scale and its sizes from names and shapes.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from srbench.adapters.file_argument import model_file
from srbench.adapters.network import Adapter
from srbench.errors import IntegrityError, Unavailable


class Spandrel(Adapter):
    """Runs the checkpoint as spandrel does: padded to the sizes it needs, clipped to [0, 1].

    A network with one channel gets studio-range luma.
    """

    takes: ClassVar[str] = "a checkpoint"

    def load(self, device: str, dtype: str) -> None:
        """Read the file, let spandrel build the network, and check that it suits the run.

        Raises:
            UsageError: no such file.
            IntegrityError: it holds anything but tensors in containers, or no network spandrel knows.
            Unavailable: spandrel is not installed, or the network has another scale, dtype or tiling.
        """
        path = model_file(self.argument, self.info.name)
        self.net = _described(path)
        self._check_suits(path.name, dtype)
        if self.net.input_channels == 1:
            self.info = replace(self.info, channels="y")
        self.net.to(torch.device(device), getattr(torch, dtype)).eval()

    def predict(self, lr: Tensor) -> Tensor:
        """Super-resolve; shapes as in `Adapter.predict`."""
        sr: Tensor = self.net(lr)
        return sr

    def _check_suits(self, name: str, dtype: str) -> None:
        net, what = self.net, f"{name} ({self.net.architecture.name})"
        if net.scale != self.scale:
            raise Unavailable(
                f"a model for x{self.scale}", f"{what}, which is x{net.scale}", "choose its scale"
            )
        if (net.input_channels, net.output_channels) not in ((1, 1), (3, 3)):
            got = f"{what} with {net.input_channels} in and {net.output_channels} out"
            raise Unavailable("1 or 3 channels, as many out as in", got, "it does another task")
        half = {"float16": net.supports_half, "bfloat16": net.supports_bfloat16}
        if not half.get(dtype, True):
            raise Unavailable(f"a network that runs in {dtype}", what, "use float32")
        if self.settings.tile and net.tiling.name != "SUPPORTED":
            raise Unavailable("a network that may be tiled", f"{what}: {net.tiling.name}", "leave --tile out")


def _described(path: Path) -> Any:
    try:
        import spandrel
    except ImportError as error:
        raise Unavailable(
            "the package spandrel", "not installed", "pip install 'srbench[spandrel]'"
        ) from error
    state = spandrel.canonicalize_state_dict(_state(path))
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # the architectures' own
            return spandrel.ModelLoader("cpu").load_from_state_dict(state)
    except Exception as error:  # whatever the architecture's code makes of foreign names and shapes
        got = f"{path.name}: {type(error).__name__}: {' '.join(str(error).split())[:160]}"
        raise IntegrityError("a checkpoint that spandrel knows", got, "use another adapter") from error


def _state(path: Path) -> dict[str, Any]:
    """The file's tensors in their containers; nothing in it is run."""
    try:
        state = _read(path)
    except Exception as error:  # torch and safetensors name many
        lines = str(error).rpartition("WeightsUnpickler error: ")[2].strip().splitlines() or [""]
        got = f"{path.name}: {type(error).__name__}: {lines[0][:160]}"
        hint = "save it as a state dict or safetensors (a TorchScript archive is torchscript:FILE)"
        raise IntegrityError("a checkpoint of tensors only", got, hint) from error
    if not isinstance(state, Mapping):
        raise IntegrityError("a state dict", f"{path.name}: a {type(state).__name__}", "save the state dict")
    return dict(state)


def _read(path: Path) -> Any:
    if path.suffix.lower() == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path, device="cpu")
    if _holds_code(path):  # older PyTorch would hand it to torch.jit.load, weights-only or not
        raise ValueError("a TorchScript archive, which holds code")
    return torch.load(path, map_location="cpu", weights_only=True)


def _holds_code(path: Path) -> bool:
    """True for TorchScript archives, by the member that torch.load tells them by."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.rpartition("/")[2] == "constants.pkl" for name in archive.namelist())
