"""Keras weight files (HDF5) as nested dictionaries of arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from srbench.errors import Unavailable

_BUILT_IN_FILTERS = (1, 2, 3)
"""HDF5's deflate, shuffle and checksum; any other filter would be loaded from a library on this machine."""
_MOST_DEFLATE_SAVES = 1032
_DEEPEST = 16
_MOST_ENTRIES = 100_000


def read(path: Path) -> dict[str, Any]:
    """The datasets of an HDF5 file, by group: ``{"conv2d": {"conv2d": {"kernel": ...}}}``, ``:0`` left out.

    Only what lies in the file itself is read: no links, no virtual or external datasets, no models.
    Arrays keep Keras's layouts: kernels (h, w, in, out).

    Raises:
        Unavailable: h5py is not installed.
        ValueError: a link, a dataset elsewhere, an unknown filter, or more values than the file can hold.
        OSError: no HDF5.
    """
    try:
        import h5py
    except ImportError as error:
        raise Unavailable("the package h5py", "not installed", "pip install 'srbench[keras]'") from error
    budget = _Budget(_MOST_DEFLATE_SAVES * path.stat().st_size)
    with h5py.File(path, "r") as file:
        return _group(file, budget, h5py)


class _Budget:
    """What a file may still unfold to: bytes, and entries (groups can contain each other)."""

    def __init__(self, size: int) -> None:
        self.bytes = size
        self.entries = _MOST_ENTRIES

    def take(self, name: str, size: int = 0) -> None:
        self.bytes -= size
        self.entries -= 1
        if self.bytes < 0 or self.entries < 0:
            raise ValueError(f"{name}: more values than the file can hold")


def _group(group: Any, budget: _Budget, h5py: Any, depth: int = 0) -> dict[str, Any]:
    if depth > _DEEPEST:
        raise ValueError(f"groups more than {_DEEPEST} deep")
    found: dict[str, Any] = {}
    for name in group:
        budget.take(name)
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{name} is a link")
        node = group[name]
        key = name.removesuffix(":0")
        is_group = isinstance(node, h5py.Group)
        found[key] = _group(node, budget, h5py, depth + 1) if is_group else _array(node, budget, h5py)
    return found


def _array(dataset: Any, budget: _Budget, h5py: Any) -> np.ndarray | None:
    """The numbers of a dataset; None for text and records."""
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "biuf":
        return None
    if dataset.external or dataset.is_virtual:
        raise ValueError(f"{dataset.name} lies in another file")
    plist = dataset.id.get_create_plist()
    filters = {plist.get_filter(n)[0] for n in range(plist.get_nfilters())}
    if not filters <= set(_BUILT_IN_FILTERS):
        raise ValueError(f"{dataset.name} needs a filter of its own")
    budget.take(dataset.name, dataset.nbytes)
    array: np.ndarray = dataset[()]
    return np.asarray(array)
