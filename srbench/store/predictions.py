"""Where kept predictions lie: the one rule that whoever writes them and whoever shows them share."""

from __future__ import annotations

import re
from pathlib import Path

from srbench.types import Cell

PREDICTIONS = "predictions"
"""The folder's name inside a run's folder."""


def prediction_paths(run: Path, cell: Cell, item: str, key: str, frames: int) -> list[Path]:
    """``RUN/predictions/MODEL/DATASET_xSCALE_PROTOCOL/ITEM_KEY.png``, of clips ``ITEM_KEY/FRAME.png``.

    Args:
        run: the run's folder.
        cell: whose prediction it is; a part of a set shares the folder of the whole.
        item: the image's or clip's name.
        key: the prediction's.
        frames: of the item; 1 for a still.
    """
    dataset = cell.dataset.partition("[")[0]
    folder = run / PREDICTIONS / _plain(cell.model) / f"{dataset}_x{cell.scale}_{cell.protocol}"
    name = f"{item}_{key}"
    return [folder / (f"{name}.png" if frames == 1 else f"{name}/{t:05d}.png") for t in range(frames)]


def _plain(name: str) -> str:
    """A model's name as the name of a folder."""
    return re.sub(r"[^A-Za-z0-9.+_-]", "_", name).strip(".") or "_"
