"""Where kept predictions lie: the one rule that whoever writes them and whoever shows them share."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from srbench.types import Cell

PREDICTIONS = "predictions"
"""The folder's name inside a run's folder."""

LONGEST = 180
"""Bytes of a name that stands for itself: with a key, an ending and a part's mark it is below 255."""


def prediction_paths(run: Path, cell: Cell, item: str, key: str, frames: int) -> list[Path]:
    """``RUN/predictions/MODEL/DATASET_xSCALE_PROTOCOL/ITEM_KEY.png``, of clips ``ITEM_KEY/FRAME.png``.

    A name of more than `LONGEST` bytes is cut, and 16 digits of its digest stand after it.

    Args:
        run: the run's folder.
        cell: whose prediction it is; a part of a set shares the folder of the whole.
        item: the image's or clip's name.
        key: the prediction's.
        frames: of the item; 1 for a still.
    """
    dataset = cell.dataset.partition("[")[0]
    folder = run / PREDICTIONS / _plain(cell.model) / f"{dataset}_x{cell.scale}_{cell.protocol}"
    name = f"{_short(item)}_{key}"
    return [folder / (f"{name}.png" if frames == 1 else f"{name}/{t:05d}.png") for t in range(frames)]


def _plain(name: str) -> str:
    """A model's name as the name of a folder."""
    return _short(re.sub(r"[^A-Za-z0-9.+_-]", "_", name).strip(".") or "_")


def _short(name: str) -> str:
    """A name that file systems take: none allows more than 255 bytes."""
    whole = name.encode("utf-8", "surrogatepass")
    if len(whole) <= LONGEST:
        return name
    return f"{whole[: LONGEST // 2].decode('utf-8', 'ignore')}-{hashlib.sha256(whole).hexdigest()[:16]}"
