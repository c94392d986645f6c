"""Kept predictions: lossless PNG files under the prediction's key, so judging needs no second inference."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from srbench.image.io import read_image, write_png


class PredictionStore:
    """``FOLDER/<prediction key>/<frame>.png``; read when complete, written only if asked to."""

    def __init__(self, folder: Path, write: bool) -> None:
        self.folder = folder
        self.write = write

    def keep(self, key: str, frame: int, sr: np.ndarray) -> None:
        """Store one quantised frame, uint8 (H, W, C), unless it is there."""
        path = self._path(key, frame)
        if self.write and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_png(path, sr[..., 0] if sr.shape[-1] == 1 else sr)

    def frames(self, key: str, count: int) -> Iterator[np.ndarray] | None:
        """The stored frames, uint8 (H, W, C), or None when any is missing."""
        paths = [self._path(key, frame) for frame in range(count)]
        if not all(path.exists() for path in paths):
            return None
        return (_channels_last(read_image(path)) for path in paths)

    def _path(self, key: str, frame: int) -> Path:
        return self.folder / key / f"{frame:05d}.png"


def _channels_last(image: np.ndarray) -> np.ndarray:
    return image[..., None] if image.ndim == 2 else image
