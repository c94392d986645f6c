"""Networks from their descriptions."""

from __future__ import annotations

from torch import nn

from srbench.archs import descriptions as described
from srbench.archs.basicvsr import BasicVSR
from srbench.archs.edsr import EDSR
from srbench.archs.edvr import EDVR
from srbench.archs.fsrcnn import FSRCNN
from srbench.archs.srcnn import SRCNN
from srbench.archs.vdsr import VDSR


def build(network: described.Network) -> nn.Module:
    """The network, initialised at random by PyTorch's generator (`torch.manual_seed`)."""
    match network:
        case described.SRCNN():
            return SRCNN(network.kernels)
        case described.FSRCNN():
            return FSRCNN(network.scale, network.features, network.shrunk, network.mappings)
        case described.VDSR():
            return VDSR(network.depth, network.features, global_skip=network.global_skip)
        case described.EDSR():
            return _edsr(network)
        case described.EDVR():
            return _edvr(network)
        case described.BasicVSR():
            return BasicVSR(network.features, network.blocks, tail=network.tail, flow=network.flow)


def _edsr(network: described.EDSR) -> nn.Module:
    return EDSR(
        1 if network.upsampling == "before" else network.scale,
        network.blocks,
        network.features,
        residual_scale=network.residual_scale,
        norm=network.norm,
        global_skip=network.global_skip,
        value_range=network.value_range,
    )


def _edvr(network: described.EDVR) -> nn.Module:
    return EDVR(
        network.features,
        network.frames,
        network.groups,
        network.extraction,
        network.reconstruction,
        tsa=network.tsa,
        tail=network.tail,
    )
