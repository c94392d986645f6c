"""One frame's ground truth: what metrics make of it, made once and shared by all models within a budget."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from threading import Lock
from typing import Any

from srbench.metrics.base import Image, Metric
from srbench.metrics.planes import Planes
from srbench.types import EvalProtocol

SHARED_BYTES = 2**30
"""What the ground truths in work may take together, unless a request says otherwise."""


class Truth:
    """A ground-truth frame, its planes, and what each metric prepares of it.

    Args:
        frame: uint8 ``(H, W, C)``.
        protocol: how planes are made of it.
        budget: bytes that planes and preparations may take. What would exceed it is not kept, but made
            again for every model: slower, never larger.
    """

    def __init__(self, frame: Image, protocol: EvalProtocol, budget: int) -> None:
        self._frame = frame
        self._protocol = protocol
        height, width = frame.shape[:2]
        self._left = budget - height * width * _PLANES
        self._planes = Planes(frame, protocol) if self._left >= 0 else None
        self._prepared: dict[str, Any] = {}
        self._lock = Lock()

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self._frame.shape[0], self._frame.shape[1]

    def prepared(self, metric: Metric) -> Any:
        """What `metric` needs of this frame, as `Metric.prepare`; may be asked for by several threads.

        Raises:
            Unavailable: the metric is undefined for this image, or doesn't apply under the protocol.
        """
        with self._lock:
            if metric.info.name in self._prepared:
                return self._prepared[metric.info.name]
            planes = self._planes or Planes(self._frame, self._protocol)
            made = metric.prepare(planes.for_metric(metric.info))
            size = size_of(made)
            if size <= self._left:
                self._left -= size
                self._prepared[metric.info.name] = made
            return made


_PLANES = 8 + 3
"""Bytes a pixel of the planes that metrics share: luma in float64, and RGB."""


def size_of(value: Any) -> int:
    """Bytes of the arrays and tensors in a value, whatever tuples, mappings and dataclasses hold them."""
    if hasattr(value, "nbytes"):
        return int(value.nbytes)
    if isinstance(value, Mapping):
        return sum(map(size_of, value.values()))
    if isinstance(value, tuple | list):
        return sum(map(size_of, value))
    if is_dataclass(value):
        return sum(size_of(getattr(value, f.name)) for f in fields(value))
    return sys.getsizeof(value)
