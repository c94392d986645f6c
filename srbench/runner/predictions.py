"""Kept predictions: lossless PNG files under names for people and the prediction's key for the journal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from srbench.image.io import read_image, write_png
from srbench.runner.work import Work
from srbench.store.predictions import prediction_paths
from srbench.types import Cell


class PredictionStore:
    """The PNG files of a run (`srbench.store.predictions`).

    A dataset's folder can be given to ``srbench score``. Written only if asked to, read whenever complete.
    """

    def __init__(self, folder: Path, write: bool) -> None:
        self.folder = folder
        self.write = write

    def keep(self, cell: Cell, work: Work, frame: int, sr: np.ndarray) -> None:
        """Store one quantised frame, uint8 (H, W, C), unless it is there."""
        path = self._paths(cell, work)[frame]
        if self.write and not path.exists():
            write_png(path, sr[..., 0] if sr.shape[-1] == 1 else sr)

    def complete(self, cell: Cell, work: Work) -> bool:
        """Whether nothing is left to store of an item: all is there, or nothing was asked for."""
        return not self.write or all(path.exists() for path in self._paths(cell, work))

    def frames(self, cell: Cell, work: Work) -> Iterator[np.ndarray] | None:
        """The stored frames, uint8 (H, W, C), or None when any is missing."""
        paths = self._paths(cell, work)
        if not all(path.exists() for path in paths):
            return None
        return (channels_last(read_image(path)) for path in paths)

    def _paths(self, cell: Cell, work: Work) -> list[Path]:
        return prediction_paths(self.folder, cell, work.item, work.prediction, work.frames)


def channels_last(image: np.ndarray) -> np.ndarray:
    """``(H, W, C)``, also of one plane ``(H, W)``."""
    return image[..., None] if image.ndim == 2 else image
