"""Kept predictions: lossless PNG files under names for people and the prediction's key for the journal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from srbench.image.io import read_image, write_png
from srbench.runner.work import Work
from srbench.types import Cell


class PredictionStore:
    """``FOLDER/predictions/MODEL/DATASET_xSCALE_PROTOCOL/ITEM_KEY.png``, of clips ``ITEM_KEY/FRAME.png``.

    A dataset's folder can be given to ``srbench score``. Written only if asked to, read whenever complete.
    """

    def __init__(self, folder: Path, write: bool) -> None:
        self.folder = folder / "predictions"
        self.write = write

    def keep(self, cell: Cell, work: Work, frame: int, sr: np.ndarray) -> None:
        """Store one quantised frame, uint8 (H, W, C), unless it is there."""
        path = self._path(cell, work, frame)
        if self.write and not path.exists():
            write_png(path, sr[..., 0] if sr.shape[-1] == 1 else sr)

    def complete(self, cell: Cell, work: Work) -> bool:
        """Whether nothing is left to store of an item: all is there, or nothing was asked for."""
        return not self.write or all(path.exists() for path in self._paths(cell, work, work.frames))

    def frames(self, cell: Cell, work: Work, count: int) -> Iterator[np.ndarray] | None:
        """The stored frames, uint8 (H, W, C), or None when any is missing."""
        paths = self._paths(cell, work, count)
        if not all(path.exists() for path in paths):
            return None
        return (_channels_last(read_image(path)) for path in paths)

    def _paths(self, cell: Cell, work: Work, count: int) -> list[Path]:
        return [self._path(cell, work, frame) for frame in range(count)]

    def _path(self, cell: Cell, work: Work, frame: int) -> Path:
        dataset = cell.dataset.partition("[")[0]
        folder = self.folder / _plain(cell.model) / f"{dataset}_x{cell.scale}_{cell.protocol}"
        name = f"{work.item}_{work.prediction}"
        return folder / (f"{name}.png" if work.frames == 1 else f"{name}/{frame:05d}.png")


def _plain(name: str) -> str:
    """A model's name as the name of a folder."""
    return re.sub(r"[^A-Za-z0-9.+_-]", "_", name).strip(".") or "_"


def _channels_last(image: np.ndarray) -> np.ndarray:
    return image[..., None] if image.ndim == 2 else image
