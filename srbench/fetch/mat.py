"""MATLAB files (versions 4 to 7) as nested dictionaries and lists of numeric arrays."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

_MOST_DEFLATE_SAVES = 1032
"""zlib's best ratio: a file can't hold more values than this times its bytes."""


def read(path: Path) -> dict[str, Any]:
    """The variables of a MATLAB file: structs as dictionaries, cells as lists in column order.

    Text, function handles, objects and sparse matrices are left out. Arrays keep MATLAB's shape.

    Raises:
        ValueError: a variable claims more values than the file can hold.
        NotImplementedError: version 7.3, which is HDF5.
    """
    from scipy.io import loadmat, whosmat

    # Opened here: given a name, SciPy would also try it with another suffix.
    with path.open("rb") as file:
        for name, shape, _ in whosmat(file):
            if math.prod(shape) > _MOST_DEFLATE_SAVES * path.stat().st_size:
                raise ValueError(f"{name} of {shape} in {path.stat().st_size} bytes")
        file.seek(0)
        loaded = loadmat(file, struct_as_record=True, squeeze_me=False)
    return {name: _plain(value) for name, value in loaded.items() if not name.startswith("__")}


def _plain(value: Any) -> Any:
    """Structs and cells of plain arrays; None for what is no number."""
    if type(value) is not np.ndarray:  # sparse matrices; SciPy's subclasses for objects and functions
        return None
    if value.dtype.names is not None:
        records = [_record(record) for record in value.ravel(order="F")]
        return records[0] if len(records) == 1 else records
    if value.dtype == object:
        return [_plain(cell) for cell in value.ravel(order="F")]
    return value if value.dtype.kind in "biufc" else None


def _record(record: Any) -> dict[str, Any]:
    return {name: _plain(record[name]) for name in record.dtype.names}
