"""The torch side of ``python:FILE``."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from srbench.adapters.network import Adapter
from srbench.adapters.python_file import new_model


class PythonFile(Adapter):
    """Hands `load` and `predict` on to the file's own."""

    takes: ClassVar[str] = "a Python file"

    def load(self, device: str, dtype: str) -> None:
        """Make a fresh model and let it load."""
        self.model = new_model(self.argument)
        self.model.load(self.scale, device, dtype)

    def predict(self, lr: Tensor) -> Tensor:
        """Super-resolve; shapes as in `Adapter.predict`."""
        sr: Tensor = self.model.predict(lr)
        return sr
