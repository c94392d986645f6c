"""The most memory that a call holds, on a GPU and on the processor.

On a GPU PyTorch's allocator counts: ``max_memory_allocated`` after its peak was reset, weights included.

On the processor nobody counts, but Linux keeps the highest resident size of a process (``VmHWM``) and takes
it back to the present one on request (``/proc/self/clear_refs``, 5). The peak is that high-water mark during
one call, above the resident size before it, plus the bytes of weights and buffers. What the allocator kept
of earlier calls would hide new memory: it is first told to give it back (``malloc_trim``). Pages are
counted once they are touched, in units of 4 KiB, and a library's own pools, filled while warming up, are not
seen.
"""

from __future__ import annotations

import ctypes
import gc
import re
import sys
from collections.abc import Callable
from pathlib import Path

CUDA_METHOD = "torch.cuda.max_memory_allocated, weights included"
HOST_METHOD = "VmHWM of a call above the resident size before it, plus weights"

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def host_peak(call: Callable[[], object], weights: int) -> tuple[int | None, str]:
    """Bytes on the processor, and how they were found; None and the reason where they can't be.

    Args:
        call: what to watch, once; warmed up already.
        weights: bytes of parameters and buffers, which are resident before.
    """
    if not sys.platform.startswith("linux"):
        return None, f"not measured: {sys.platform} keeps no high-water mark that can be reset"
    try:
        _give_back()
        _CLEAR.write_text("5")
        before = _resident("VmRSS")
        call()
        return max(_resident("VmHWM") - before, 0) + weights, HOST_METHOD
    except OSError as error:
        return None, f"not measured: {_CLEAR}: {error.strerror}"


def cuda_peak(call: Callable[[], object], device: str) -> tuple[int | None, str]:
    """Bytes on a GPU, and how they were found. Never tried on a GPU."""
    import torch

    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    call()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device), CUDA_METHOD


def _resident(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    if found is None:
        raise OSError(0, f"no {name}")
    return int(found[1]) * 1024


def _give_back() -> None:
    """Free memory back to the system, where the C library is glibc."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
