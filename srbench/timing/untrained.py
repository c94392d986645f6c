"""The built-in networks with random weights: what they cost is the same, what they show is noise.

For networks whose files can't be had. The record says so (``untrained``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn

from srbench.adapters.base import BaseAdapter, Settings
from srbench.archs.basicvsr import BasicVSR
from srbench.archs.carn import CARN
from srbench.archs.edsr import EDSR
from srbench.archs.edvr import EDVR
from srbench.archs.imdn import IMDN
from srbench.archs.srcnn import SRCNN
from srbench.archs.srresnet import SRResNet
from srbench.archs.vdsr import VDSR
from srbench.errors import Unavailable
from srbench.registry import ModelEntry, build

BUILDERS: Mapping[str, Callable[[int], nn.Module]] = {
    "srcnn": lambda scale: SRCNN(),
    "srcnn-jn": lambda scale: SRCNN((9, 5, 5)),
    "vdsr": lambda scale: VDSR(),
    "srresnet": SRResNet,
    "srgan": SRResNet,
    "srgan-5": lambda scale: SRResNet(scale, 5, end="prelu", slopes="shared"),
    "edsr-baseline": EDSR,
    "edsr": lambda scale: EDSR(scale, 32, 256, residual_scale=0.1),
    "imdn": IMDN,
    "carn-m": lambda scale: CARN(scale, groups=4),
    "basicvsr": lambda scale: BasicVSR(),
    "basicvsr-bd": lambda scale: BasicVSR(),
    "basicvsr-reds4": lambda scale: BasicVSR(),
    "edvr-m": lambda scale: EDVR(),
    "edvr-l": lambda scale: EDVR(128, 7, 8, 5, 40),
}
"""Networks of the sizes that the cards' files have, by model."""


def load_untrained(entry: ModelEntry, scale: int, settings: Settings) -> BaseAdapter:
    """A built-in model with random weights, started.

    Raises:
        Unavailable: the model is not built in, or has no network.
    """
    builder = BUILDERS.get(entry.info.name)
    if builder is None:
        raise Unavailable("a built-in network", entry.info.name, "leave --untrained out")
    adapter: BaseAdapter = build(entry.target, entry.info, "")
    torch.manual_seed(0)
    net = builder(scale).to(settings.device, getattr(torch, settings.dtype)).eval()
    vars(adapter).update(net=net, scale=scale, settings=settings)
    return adapter
