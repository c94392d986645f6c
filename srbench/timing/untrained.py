"""The built-in networks with random weights: what they cost is the same, what they show is noise.

For networks whose files can't be had. The record says so (``untrained``). A plan asks which can be had so:
no torch is imported before one is built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from srbench.adapters.base import BaseAdapter, Settings
from srbench.errors import Unavailable
from srbench.registry import ModelEntry, build
from srbench.types import ModelInfo

if TYPE_CHECKING:
    from torch import nn


def _net(where: str, *given: Any, **named: Any) -> nn.Module:
    """A network of `srbench.archs`, imported now: ``edsr:EDSR``."""
    module, _, name = where.partition(":")
    return cast("nn.Module", getattr(import_module(f"srbench.archs.{module}"), name)(*given, **named))


BUILDERS: Mapping[str, Callable[[int], nn.Module]] = {
    "srcnn": lambda scale: _net("srcnn:SRCNN"),
    "srcnn-jn": lambda scale: _net("srcnn:SRCNN"),
    "vdsr": lambda scale: _net("vdsr:VDSR"),
    "srresnet": lambda scale: _net("srresnet:SRResNet", scale),
    "srgan": lambda scale: _net("srresnet:SRResNet", scale),
    "srgan-5": lambda scale: _net("srresnet:SRResNet", scale, 5, end="prelu", slopes="shared"),
    "edsr-baseline": lambda scale: _net("edsr:EDSR", scale),
    "edsr": lambda scale: _net("edsr:EDSR", scale, 32, 256, residual_scale=0.1),
    "imdn": lambda scale: _net("imdn:IMDN", scale),
    "carn-m": lambda scale: _net("carn:CARN", scale, groups=4),
    "basicvsr": lambda scale: _net("basicvsr:BasicVSR"),
    "basicvsr-bd": lambda scale: _net("basicvsr:BasicVSR"),
    "basicvsr-reds4": lambda scale: _net("basicvsr:BasicVSR"),
    "edvr-m": lambda scale: _net("edvr:EDVR"),
    "edvr-l": lambda scale: _net("edvr:EDVR", 128, 7, 8, 5, 40),
}
"""Networks of the sizes that the cards' files have, by model."""


def not_untrained(info: ModelInfo) -> str:
    """Why a network can't be had with random weights; empty if it can."""
    if info.name in BUILDERS:
        return ""
    return f"no random weights for {info.name}, whose own file or code says what it is: leave --untrained out"


def load_untrained(entry: ModelEntry, scale: int, settings: Settings) -> BaseAdapter:
    """A built-in model with random weights, started.

    Raises:
        Unavailable: srbench does not build its network by itself.
    """
    import torch

    why = not_untrained(entry.info)
    if why:
        raise Unavailable("one of srbench's own networks", entry.info.name, why)
    adapter: BaseAdapter = build(entry.target, entry.info, "")
    torch.manual_seed(0)
    net = BUILDERS[entry.info.name](scale).to(settings.device, getattr(torch, settings.dtype)).eval()
    vars(adapter).update(net=net, scale=scale, settings=settings)
    return adapter
