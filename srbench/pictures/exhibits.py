"""Kept predictions found again by their records' keys, each beside its ground truth.

Nothing that a journal says becomes a path unchecked: items are those of the test set's own manifest, keys are
hexadecimal, and a record whose ground truth had other pixels than the set has here is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srbench.data.dataset import Dataset
from srbench.data.datasets import open_dataset
from srbench.data.degrade import FrameSource
from srbench.data.manifest import Item
from srbench.errors import ImageError, SrbenchError
from srbench.image.io import read_image
from srbench.metrics.planes import Planes
from srbench.protocols import get_protocol
from srbench.store.aggregate import CellResult, ItemResult, mean_of_items
from srbench.store.predictions import PREDICTIONS, prediction_paths
from srbench.types import Cell, EvalProtocol

U8 = NDArray[np.uint8]

_KEY = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Kept:
    """One model's kept prediction of one item.

    Attributes:
        model: its name in records.
        inference: the inference's signature.
        paths: of its frames.
        scores: of the item, by the metric's name, as the record has them (means over frames).
    """

    model: str
    inference: str
    paths: tuple[Path, ...]
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Exhibit:
    """One item and the predictions of it that were kept, in the order of the journal."""

    item: str
    source: FrameSource
    protocol: EvalProtocol
    kept: tuple[Kept, ...]

    def frames(self) -> Iterator[tuple[Planes, list[Planes]]]:
        """Frame by frame, the ground truth and each prediction.

        Raises:
            ImageError: a prediction isn't an image of the ground truth's size.
            IntegrityError: the ground truth's file has changed.
        """
        for t in range(len(self.source)):
            truth = self.source.hr(t)
            predictions = [_read(kept.paths[t], truth) for kept in self.kept]
            yield Planes(truth, self.protocol), [Planes(image, self.protocol) for image in predictions]


@dataclass(frozen=True)
class Gallery:
    """One test set under one protocol signature.

    Attributes:
        cell: one of its cells: their set, scale, protocol and signature.
        exhibits: in the set's order.
        absent: what can't be shown, and why.
    """

    cell: Cell
    dataset: Dataset
    protocol: EvalProtocol
    exhibits: tuple[Exhibit, ...]
    absent: tuple[tuple[str, str], ...] = ()


def _read(path: Path, truth: U8) -> U8:
    image = read_image(path)
    frame = image[..., None] if image.ndim == 2 else image
    if frame.shape[:2] != truth.shape[:2]:
        expected, got = (f"{height} x {width}" for height, width in (truth.shape[:2], frame.shape[:2]))
        raise ImageError(f"a prediction of {expected} pixels", f"{got}: {path}", "run the model again")
    return frame


def find_galleries(run: Path, results: Iterable[CellResult]) -> list[Gallery]:
    """What was kept of a run, set by set and protocol by protocol.

    Args:
        run: the run's folder.
        results: what its cells came to.

    Returns:
        Galleries with at least one prediction; none where the run kept nothing.
    """
    if not (run / PREDICTIONS).is_dir():
        return []
    groups: dict[tuple[str, str, str], list[CellResult]] = {}
    for result in results:
        if result.items:
            cell = result.cell
            groups.setdefault((cell.dataset, cell.pixels, cell.signature), []).append(result)
    found = (_gallery(run, group) for group in groups.values())
    return [gallery for gallery in found if gallery is not None]


def _gallery(run: Path, group: Sequence[CellResult]) -> Gallery | None:
    """The gallery of cells that share set and protocol; None where nothing of it can be shown."""
    first = group[0]
    try:
        dataset = open_dataset(first.cell.dataset.partition("[")[0])
        protocol = protocol_of(first)
    except (SrbenchError, ValueError):  # a set or a protocol of a plugin that isn't here
        return None
    exhibits = []
    for item in dataset.items:
        kept = tuple(_kept(run, group, item))
        if kept:
            exhibits.append(Exhibit(item.name, dataset.source(item, protocol), protocol, kept))
    absent = tuple(_without_any(group, exhibits))
    return Gallery(first.cell, dataset, protocol, tuple(exhibits), absent) if exhibits else None


def protocol_of(result: CellResult) -> EvalProtocol:
    """The protocol under which a cell's inputs and ground truths were made, from its records' fields.

    Border and mean move no pixel, and are those of the protocol as named.

    Raises:
        UsageError: no protocol of today has these fields.
        ValueError: the fields aren't there.
    """
    named: Mapping[str, Any] = result.items[0].record.key_fields
    degradation, flavour, _ = str(named.get("degradation")).split(":")
    cell = result.cell
    return get_protocol(
        cell.protocol,
        cell.scale,
        flavour=flavour,  # type: ignore[arg-type]  # get_protocol refuses what is none
        gray="y" if named.get("gray") == "y" else "rgb",
        degradation=degradation,  # type: ignore[arg-type]
    )


def _kept(run: Path, group: Iterable[CellResult], item: Item) -> Iterator[Kept]:
    for result in group:
        found = next((one for one in result.items if one.name == item.name), None)
        if found is None or not _is_of(found, item):
            continue
        paths = prediction_paths(run, result.cell, item.name, found.record.prediction, len(item.frames))
        if all(path.is_file() for path in paths):
            yield Kept(result.cell.model, result.cell.inference, tuple(paths), _scores(found))


def _is_of(found: ItemResult, item: Item) -> bool:
    record = found.record
    return _KEY.fullmatch(record.prediction) is not None and record.key_fields.get("pixels") == item.pixels


def _scores(found: ItemResult) -> dict[str, float]:
    """The latest value of each metric."""
    return {
        name: mean_of_items([score.values]).value for (name, _), score in found.scores.items() if score.values
    }


def _without_any(group: Iterable[CellResult], exhibits: Iterable[Exhibit]) -> Iterator[tuple[str, str]]:
    shown = {(kept.model, kept.inference) for exhibit in exhibits for kept in exhibit.kept}
    for result in group:
        if (result.cell.model, result.cell.inference) not in shown:
            yield result.cell.model, "no prediction was kept (srbench run --save-predictions)"
