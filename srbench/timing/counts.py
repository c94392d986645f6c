"""Parameters, and the multiply-adds of a call by PyTorch's own counter.

MACs are multiply-adds; FLOPs are twice as many, as the counter has it. It sees convolutions and matrix
products alone; deformable convolutions are counted here as the convolutions that they are once their input
is sampled. Nothing else is counted: no activation, no addition, no interpolation, no sampling
(``grid_sample``, nor the bilinear weights of deformable convolutions), no normalisation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

_SAMPLING = {"aten.grid_sampler_2d": "grid_sample", "torchvision.deform_conv2d": "deformable sampling"}


@dataclass(frozen=True)
class Counts:
    """What a call multiplies and adds; None where nothing can be counted, and `counted` says why."""

    macs: int | None
    flops: int | None
    counted: str


class _Seen(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Names of all operators that run."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: set[str] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Note the operator, and run it."""
        self.names.add(str(func._overloadpacket))
        return func(*args, **(kwargs or {}))


def parameters(modules: Iterable[nn.Module]) -> int:
    """How many numbers the modules learned; shared ones count once."""
    unique = {id(p): p for module in modules for p in module.parameters()}
    return sum(p.numel() for p in unique.values())


def weight_bytes(modules: Iterable[nn.Module]) -> int:
    """Bytes of parameters and buffers; shared ones count once."""
    unique = {id(t): t for m in modules for t in (*m.parameters(), *m.buffers())}
    return sum(t.numel() * t.element_size() for t in unique.values())


def count(predict: Callable[[Tensor], Tensor], lr: Tensor) -> Counts:
    """The multiply-adds of one call, of shapes alone where the network allows it.

    Args:
        predict: the network.
        lr: its input; its values are not used unless the network looks at them.
    """
    try:
        return _counted(predict, lr, fake=True)
    except Exception:  # noqa: BLE001 - some networks look at values: then it is counted while it computes
        return _counted(predict, lr, fake=False)


def _counted(predict: Callable[[Tensor], Tensor], lr: Tensor, *, fake: bool) -> Counts:
    seen, counter = _Seen(), FlopCounterMode(display=False, custom_mapping=_deformable())
    # Under inference_mode the counter sees nothing and answers 0.
    with torch.no_grad(), FakeTensorMode(allow_non_fake_inputs=True) if fake else seen:
        given = torch.empty_like(lr) if fake else lr
        with counter, seen:
            predict(given)
    flops = int(counter.get_total_flops())
    if not flops:
        return Counts(None, None, "not counted: the engine runs outside PyTorch")
    return Counts(flops // 2, flops, _described(seen.names))


def _described(names: Iterable[str]) -> str:
    sampling = sorted({_SAMPLING[name] for name in names if name in _SAMPLING})
    left_out = ["activations, additions, interpolation", *sampling]
    return f"convolutions and matrix products; not counted: {', '.join(left_out)}"


def _deformable() -> dict[Any, Any]:
    """The counter's rule for torchvision's operator, if it is there."""
    import torchvision.ops  # noqa: F401 - registers it

    return {torch.ops.torchvision.deform_conv2d: _deformable_flops}


def _deformable_flops(
    x: Sequence[int], weight: Sequence[int], *_: Any, out_shape: Sequence[int], **__: Any
) -> int:
    """Of every output pixel, each weight multiplies once."""
    return int(2 * x[0] * prod(out_shape[2:]) * prod(weight))
