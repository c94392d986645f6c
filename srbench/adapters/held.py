"""What repeated calls hold on to: Python's and NumPy's memory, tensors, and the process's as a whole."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from itertools import pairwise

import psutil
import torch

WARM_UP, BLOCKS, CALLS = 3, 3, 5


def growth(call: Callable[[], object]) -> float:
    """Bytes that a call holds on to, for good: the least growth a call of several blocks of calls.

    Python's and NumPy's allocations and tensors are counted exactly. The process's own size, which shows
    what libraries hold, counts where it grows in every block by more than its noise.

    Args:
        call: what to repeat; its result is dropped.
    """
    traced = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        for _ in range(WARM_UP):
            call()
        marks = [_marks()]
        for _ in range(BLOCKS):
            for _ in range(CALLS):
                call()
            marks.append(_marks())
    finally:
        if not traced:
            tracemalloc.stop()
    counted, whole = (_least([mark[k] for mark in marks]) / CALLS for k in (0, 1))
    return whole if whole > _NOISE else counted


_NOISE = 256 * 1024
"""Bytes a call by which a process may grow in every block without holding on to anything."""


def _least(sizes: list[int]) -> int:
    return min(after - before for before, after in pairwise(sizes))


def _marks() -> tuple[int, int]:
    gc.collect()
    tensors = [one for one in gc.get_objects() if issubclass(type(one), torch.Tensor)]
    storages = {one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in tensors}
    return tracemalloc.get_traced_memory()[0] + sum(storages.values()), psutil.Process().memory_info().rss
