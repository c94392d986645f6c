"""Networks described by a few numbers: what a recipe asks for, and what a trained file says of itself.

Standard library only, so that planning imports no torch; `srbench.archs.build` makes the networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from srbench.errors import UsageError
from srbench.typed import Reader
from srbench.types import ModelInfo


@dataclass(frozen=True)
class SRCNN:
    """See `srbench.archs.srcnn.SRCNN`."""

    scale: int
    kernels: tuple[int, int, int] = (9, 1, 5)


@dataclass(frozen=True)
class FSRCNN:
    """See `srbench.archs.fsrcnn.FSRCNN`."""

    scale: int
    features: int = 56
    shrunk: int = 12
    mappings: int = 4


@dataclass(frozen=True)
class VDSR:
    """See `srbench.archs.vdsr.VDSR`."""

    scale: int
    depth: int = 20
    features: int = 64
    global_skip: bool = True


@dataclass(frozen=True)
class EDSR:
    """See `srbench.archs.edsr.EDSR`."""

    scale: int
    blocks: int = 16
    features: int = 64
    residual_scale: float = 1.0
    norm: bool = False
    global_skip: bool = True
    value_range: float = 255.0
    upsampling: Literal["sub-pixel", "before"] = "sub-pixel"


@dataclass(frozen=True)
class EDVR:
    """See `srbench.archs.edvr.EDVR`."""

    scale: int
    features: int = 64
    frames: int = 5
    groups: int = 8
    extraction: int = 5
    reconstruction: int = 10
    tsa: bool = True
    tail: int = 64


@dataclass(frozen=True)
class BasicVSR:
    """See `srbench.archs.basicvsr.BasicVSR`."""

    scale: int
    features: int = 64
    blocks: int = 30
    tail: int = 64
    flow: Literal["spynet", "dis", "none"] = "spynet"


Network = SRCNN | FSRCNN | VDSR | EDSR | EDVR | BasicVSR
FAMILIES: dict[str, type[Network]] = {
    "srcnn": SRCNN,
    "fsrcnn": FSRCNN,
    "vdsr": VDSR,
    "edsr": EDSR,
    "edvr": EDVR,
    "basicvsr": BasicVSR,
}
_SCALES = (2, 3, 4, 8)


def read_network(table: Any, where: str, reader: Reader) -> Network:
    """A network's description from a table: ``family``, ``scale``, and the family's own fields.

    Raises:
        UsageError: (or the reader's subclass) another family or scale, or a field that it doesn't have.
    """
    values = dict(table) if isinstance(table, Mapping) else {}
    family = values.pop("family", None)
    if family not in FAMILIES:
        raise reader.refused(f"family to be {', '.join(FAMILIES)}", repr(family), where)
    network = reader.read(FAMILIES[family], values, where)
    video = isinstance(network, EDVR | BasicVSR)
    if network.scale not in _SCALES or (video and network.scale != 4):
        raise reader.refused("a scale that the family has", f"x{network.scale}", where)
    return network


def network_table(network: Network) -> dict[str, Any]:
    """The table that `read_network` reads back to an equal description."""
    return {"family": family_of(network), **asdict(network)}


def family_of(network: Network) -> str:
    """``srcnn``, ``edsr`` ..."""
    return next(name for name, noun in FAMILIES.items() if type(network) is noun)


def promise(network: Network, name: str, title: str) -> ModelInfo:
    """What a network of this description promises: all that its card would say, but where its weights are.

    Args:
        network: the description.
        name: the model's name.
        title: for people.

    Raises:
        UsageError: a window of an even number of frames.
    """
    window = network.frames if isinstance(network, EDVR) else 1
    if window % 2 == 0:
        raise UsageError("an odd number of frames", str(window), "the middle one is restored")
    video = isinstance(network, EDVR | BasicVSR)
    luma = isinstance(network, SRCNN | FSRCNN | VDSR)
    return ModelInfo(
        name=name,
        title=title,
        family=family_of(network),
        scales=(network.scale,),
        kind=_kind(network),
        channels="y" if luma else "rgb",
        pre_upsampled=_enlarged_before(network),
        size_multiple=4 if isinstance(network, EDVR) else 1,
        tiling="discouraged" if video else "supported",
        receptive_field=_receptive_field(network),
        planes=("rgb", "y") if luma else ("rgb",),
        frames_before=window // 2,
        frames_after=window // 2,
        border_frames="reflect-circle" if window > 1 else "replicate",
    )


def _kind(network: Network) -> Literal["still", "window", "sequence"]:
    match network:
        case EDVR():
            return "window"
        case BasicVSR():
            return "sequence"
    return "still"


def _enlarged_before(network: Network) -> bool:
    return isinstance(network, SRCNN | VDSR) or (isinstance(network, EDSR) and network.upsampling == "before")


def _receptive_field(network: Network) -> int:
    """Radius in pixels of the network's input; 0 where alignment reaches anywhere."""
    match network:
        case SRCNN():
            return sum(kernel // 2 for kernel in network.kernels)
        case FSRCNN():
            return 2 + network.mappings + 4 // network.scale + 1
        case VDSR():
            return network.depth
        case EDSR():
            return 2 * network.blocks + 4
        case EDVR() | BasicVSR():
            return 0
