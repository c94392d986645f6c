"""Networks that srbench trained: shipped with a card, or anyone's as ``trained:FILE``."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, cast

import numpy as np
import torch
from torch import Tensor

from srbench.adapters.file_argument import model_file
from srbench.adapters.network import Adapter
from srbench.adapters.trained_file import read_trained
from srbench.archs.build import build
from srbench.errors import Unavailable
from srbench.fetch import fetch
from srbench.fetch.arrays import load_arrays


class Trained(Adapter):
    """The network that the file's header describes, filled with its tensors."""

    takes: ClassVar[str] = "a file that srbench train wrote"

    def load(self, device: str, dtype: str) -> None:
        """Build the network and fill it; every tensor must be there, and no other."""
        path = self._path()
        tensors = {n: torch.from_numpy(np.array(a)) for n, a in load_arrays(path, "safetensors").items()}
        network, _ = read_trained(path)
        self.net = build(network)
        self.net.load_state_dict(tensors)
        self.net.to(device, getattr(torch, dtype)).eval()

    def predict(self, lr: Tensor) -> Tensor:
        """Super-resolve; shapes as in `Adapter.predict`."""
        match self.info.kind:
            case "still":
                return cast(Tensor, self.net(lr))
            case "window":
                return cast(Tensor, self.net(lr[None]))
            case "sequence":
                return cast(Tensor, self.net(lr[None])[0])

    def _path(self) -> Path:
        if self.argument:
            return model_file(self.argument, self.info.name)
        found = self.info.weights_for(self.scale)
        if found is None:
            raise Unavailable(
                f"weights of {self.info.name} for x{self.scale}", "none in its card", "add them"
            )
        return fetch(found.asset)
