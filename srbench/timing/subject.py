"""What is timed of a model: the call of its network alone, and the same with the copies to and from a GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from srbench.adapters import door
from srbench.adapters.base import BaseAdapter
from srbench.adapters.network import Adapter
from srbench.adapters.tiles import reflected
from srbench.errors import Unavailable
from srbench.protocols import get_protocol
from srbench.timing.counts import Counts, count
from srbench.timing.points import Pictures
from srbench.types import ClipSpec, Job, TimingSpec


@dataclass
class Subject:
    """A model ready to be called at one point.

    Attributes:
        call: the network alone, its input on its device.
        copies: the same from the host's memory to the host's memory; None on the processor.
        modules: of the network, as far as PyTorch knows them.
        counts: multiply-adds of a call.
    """

    call: Callable[[], object]
    counts: Counts
    copies: Callable[[], object] | None = None
    modules: list[nn.Module] = field(default_factory=list)


def subject_of(adapter: BaseAdapter, pictures: Pictures, spec: TimingSpec) -> Subject:
    """The calls to time.

    Args:
        adapter: started for the spec's scale.
        pictures: LR frames ``(frames, h, w, C)`` uint8.
        spec: says memory format and whether to compile; device and tiles are the adapter's own settings.

    Raises:
        Unavailable: the model has no modules whose memory format could be changed, or can't be compiled.
    """
    if isinstance(adapter, Adapter):
        return _network(adapter, pictures, spec)
    job = Job(ClipSpec("timing", spec.point, len(pictures), spec.scale, "bi", ""), _protocol(spec.scale))
    nothing = Counts(None, None, "not counted: no network")
    return Subject(lambda: adapter(pictures, job), nothing)


def _protocol(scale: int) -> Any:
    return get_protocol("classic", scale)


def _network(adapter: Adapter, pictures: Pictures, spec: TimingSpec) -> Subject:
    modules = modules_of(adapter)
    _formatted(modules, spec)
    host = _planes(adapter, pictures)
    lr = _on_device(host, adapter, spec)
    counts = count(adapter.unchecked, lr)
    predict = torch.compile(adapter.predict) if spec.compiled else None

    def call() -> object:
        return adapter.unchecked(lr, predict)

    def copies() -> object:
        return adapter.unchecked(_on_device(host, adapter, spec), predict).cpu()

    on_gpu = adapter.settings.device.partition(":")[0] != "cpu"
    return Subject(call, counts, copies if on_gpu else None, modules)


def _planes(adapter: Adapter, pictures: Pictures) -> Tensor:
    """The frames at the door, padded to the model's size multiple, in the host's memory."""
    entered = [door.enter(frame, adapter.info, adapter.scale).planes for frame in pictures]
    planes = np.stack(entered)
    rows, cols = (reflected(side, adapter.info.size_multiple) for side in planes.shape[2:])
    return torch.from_numpy(np.ascontiguousarray(planes[:, :, rows][..., cols]))


def _on_device(host: Tensor, adapter: Adapter, spec: TimingSpec) -> Tensor:
    dtype = getattr(torch, adapter.settings.dtype)
    if spec.memory_format == "channels-last":
        return host.to(adapter.settings.device, dtype, memory_format=torch.channels_last)
    return host.to(adapter.settings.device, dtype)


def _formatted(modules: list[nn.Module], spec: TimingSpec) -> None:
    if spec.memory_format != "channels-last":
        return
    if not modules:
        raise Unavailable("modules to lay out channels last", "none", "leave --channels-last out")
    for module in modules:
        module.to(memory_format=torch.channels_last)


def modules_of(adapter: object) -> list[nn.Module]:
    """The networks that an adapter holds, in its attributes or in those of what it holds."""
    found = {id(module): module for module in _modules(adapter, depth=2)}
    return list(found.values())


def _modules(holder: object, depth: int) -> Iterator[nn.Module]:
    for value in vars(holder).values() if hasattr(holder, "__dict__") else ():
        if isinstance(value, nn.Module):
            yield value
        elif depth > 1:
            yield from _modules(value, depth - 1)
    inner = getattr(holder, "model", None)  # of spandrel's descriptors: a property
    if isinstance(inner, nn.Module):
        yield inner


@contextmanager
def settings_of_torch(spec: TimingSpec) -> Iterator[None]:
    """PyTorch's global switches as the spec says; put back afterwards."""
    threads, tf32 = torch.get_num_threads(), torch.backends.cuda.matmul.allow_tf32
    torch.set_num_threads(spec.threads)
    torch.backends.cuda.matmul.allow_tf32 = spec.tf32
    deterministic = spec.cudnn == "deterministic"
    flags: Any = torch.backends.cudnn.flags(
        enabled=True, benchmark=not deterministic, deterministic=deterministic, allow_tf32=spec.tf32
    )
    try:
        with flags:
            yield
    finally:
        torch.set_num_threads(threads)
        torch.backends.cuda.matmul.allow_tf32 = tf32
