"""A TorchScript archive: ``torchscript:FILE``.

Such an archive is a program: its code, in TorchScript's own language, is what predicts. So it is only ever
opened when the user names it with this word, as a plugin or a command is; no other reader of srbench takes it
for a checkpoint. It holds no Python: PyTorch's C++ reader makes TorchScript's types from it, runs no pickled
calls, and its code may use PyTorch's operators and nothing else. Some of those read and write files: treat an
archive like any program from its author.
"""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import torch
from torch import Tensor

from srbench.adapters.file_argument import model_file
from srbench.adapters.network import Adapter
from srbench.adapters.probe import check_scale
from srbench.errors import IntegrityError


class TorchScript(Adapter):
    """Calls the archive's ``forward`` on ``(1, 3, h, w)`` in [0, 1]; its scale is found by a small input."""

    takes: ClassVar[str] = "a TorchScript archive"

    def load(self, device: str, dtype: str) -> None:
        """Read the archive and check its scale.

        Raises:
            UsageError: no such file.
            IntegrityError: it is no TorchScript archive, or fails on a small image.
            Unavailable: it has another scale.
        """
        path = model_file(self.argument, self.info.name)
        try:
            with warnings.catch_warnings(action="ignore", category=FutureWarning):
                load: Any = torch.jit.load  # deprecated for torch.export, which hardly anyone's files are yet
                net = load(path, map_location=device)
        except Exception as error:  # RuntimeError for most, but C++ names others
            got = f"{path.name}: {(str(error).strip().splitlines() or [''])[0][:160]}"
            raise IntegrityError("a TorchScript archive", got, "save it with torch.jit.save") from error
        self.net = net.to(device, getattr(torch, dtype)).eval()
        check_scale(self.predict, self.scale, path.name, device, dtype)

    def predict(self, lr: Tensor) -> Tensor:
        """Super-resolve; shapes as in `Adapter.predict`."""
        sr: Tensor = self.net(lr)
        return sr
