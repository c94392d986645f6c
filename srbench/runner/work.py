"""One item of a cell, with the keys that its prediction and its scores will have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """One item of a cell: the keys its prediction and its scores will have."""

    item: str
    fields: Mapping[str, str]
    prediction: str
    wanted: Mapping[str, str]
    """metric name to score key."""
    megapixels: float
    frames: int
    cached: bool = False
