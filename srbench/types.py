"""The nouns of srbench: frozen, standard library only, shared by measuring and judging."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cache
from typing import Any, Literal

Kind = Literal["still", "window", "sequence"]
Channels = Literal["rgb", "y"]
Plane = Literal["rgb", "y"]
Degradation = Literal["bi", "bd-basicvsr", "bd-duf", "bd-tecogan"]
Mean = Literal["image", "clip", "frame"]
BorderFrames = Literal["replicate", "reflect", "reflect-circle", "circle"]
Direction = Literal["higher", "lower"]
Flavour = Literal["matlab-replicate-u8", "matlab-symmetric-u8", "matlab-symmetric-double"]

FLAVOURS: tuple[Flavour, ...] = (
    "matlab-replicate-u8",
    "matlab-symmetric-u8",
    "matlab-symmetric-double",
)
DEGRADATIONS: tuple[Degradation, ...] = ("bi", "bd-basicvsr", "bd-duf", "bd-tecogan")
SCHEMA_VERSION = 1
TIMING_SCHEMA = 2


def digest(named: Mapping[str, Any]) -> str:
    """Digest of named fields: the first 16 hex digits of the sha256 of their canonical JSON."""
    text = json.dumps(named, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# ---------------------------------------------------------------------------------- assets


@dataclass(frozen=True)
class Url:
    """A file at a public address (https)."""

    address: str


@dataclass(frozen=True)
class PackageFile:
    """A member of an archive (wheel or source distribution) of a named package on the package index."""

    package: str
    version: str
    file: str
    member: str
    sha256: str
    """sha256 of the archive itself; the member's own digest is the asset's."""


@dataclass(frozen=True)
class PackageResource:
    """A file shipped inside an installed package, found without importing it."""

    package: str
    path: str


@dataclass(frozen=True)
class LocalPath:
    """A file on this machine."""

    path: str


Source = Url | PackageFile | PackageResource | LocalPath


@dataclass(frozen=True)
class Asset:
    """One file, its content pinned by digest, and where it may come from, in order of preference.

    ``sha256`` is the full digest, or (PyTorch hub's convention) its first eight or more hex digits.
    """

    name: str
    sources: tuple[Source, ...]
    sha256: str
    size: int | None = None


# -------------------------------------------------------------------------------- protocol


@dataclass(frozen=True)
class EvalProtocol:
    """How a score is computed. Every field that moves a number is rendered in `signature`.

    Attributes:
        name: the user's word for it (``classic`` ...); not part of the signature.
        scale: super-resolution factor.
        degradation: ``bi`` (bicubic, MATLAB ``imresize``), or one of `srbench.data.blur`: ``bd-basicvsr``,
            ``bd-duf``, ``bd-tecogan``.
        flavour: which MATLAB's ``imresize``; see `srbench.image.resize`. Blurred images don't pass through
            it: it is then only how interpolations enlarge.
        degraded: what is shrunk: the uint8 ``rgb`` image, or the double ``y`` plane (VDSR's pipeline).
        luma: ``bt601-studio`` (MATLAB ``rgb2ycbcr``), or ``none`` when RGB itself is scored.
        luma_u8: luma rounded to uint8 (``rgb2ycbcr`` of a uint8 image) or left in double.
        gray: a gray image becomes three equal channels (``rgb``) or stays one plane that counts as Y (``y``).
        border: pixels left out on each side, for metrics that follow the protocol's border.
        modcrop: the ground truth is cropped, from the top left, to a multiple of this.
        clip: inclusive range predictions on the ``y`` plane are clipped to, or None.
        mean: ``image`` (mean over images), ``clip`` (over a clip's frames, then over clips), or ``frame``
            (over the frames of all clips alike).
        version: raised when the meaning of a recipe changes.
    """

    name: str
    scale: int
    degradation: Degradation
    flavour: Flavour
    degraded: Plane
    luma: Literal["bt601-studio", "none"]
    luma_u8: bool
    gray: Literal["rgb", "y"]
    border: int
    modcrop: int
    clip: tuple[int, int] | None
    mean: Mean
    version: int = 1

    @property
    def signature(self) -> str:
        """``x4|bi:matlab-symmetric-u8|y:bt601-studio|gray:rgb|border:4|mod:4|u8|mean:image|v1``."""
        on_y = ":y" if self.degraded == "y" else ""
        flavour = f":{self.flavour}" if self.degradation == "bi" else ""
        luma = "rgb" if self.luma == "none" else f"y:{self.luma}{'-u8' if self.luma_u8 else ''}"
        quantised = "u8" if self.clip is None else f"u8:{self.clip[0]}-{self.clip[1]}"
        return "|".join(
            (
                f"x{self.scale}",
                f"{self.degradation}{flavour}{on_y}",
                luma,
                f"gray:{self.gray}",
                f"border:{self.border}",
                f"mod:{self.modcrop}",
                quantised,
                f"mean:{self.mean}",
                f"v{self.version}",
            )
        )


# ------------------------------------------------------------------------------------ data


@dataclass(frozen=True)
class ClipSpec:
    """One item of a dataset under one degradation; a still is a clip of one frame.

    ``pixels`` is the sha256 over the decoded pixels of the item's ground-truth frames.
    """

    dataset: str
    name: str
    frames: int
    scale: int
    degradation: str
    pixels: str


# ----------------------------------------------------------------------------------- models


@dataclass(frozen=True)
class Weights:
    """A checkpoint: its scales, file, format and licence, and the degradation it was trained for."""

    scales: tuple[int, ...]
    asset: Asset
    format: str
    licence: str
    degradation: str = "bi"


@dataclass(frozen=True)
class ModelInfo:
    """What a model promises; read from a TOML card so that listing and planning import no torch.

    Attributes:
        channels: what the network takes and gives: ``rgb``, or studio-range ``y`` / 255.
        pre_upsampled: the network takes its input already enlarged by MATLAB's bicubic (SRCNN, VDSR).
        size_multiple: height and width of the network's input are padded to a multiple of this.
        tiling: ``supported``, ``internal`` (the model tiles by itself) or ``discouraged``.
        receptive_field: radius in input pixels beyond which nothing matters, 0 if not declared;
            the overlap of tiles.
        dtypes: what a network runs in; empty for a model without a network.
        planes: what the model can super-resolve: ``rgb`` images, and ``y`` when it can run on a
            bare luma plane (the ``vdsr`` protocol).
        published_as: the name of this model in `results/references`.
        gmacs_per_megapixel: multiply-adds per output megapixel / 1e9; a plan's first guess of time.
        frames_before: of a ``window``: how many frames it sees before the one it restores.
        frames_after: of a ``window``: its look-ahead.
        border_frames: of a ``window``: what stands for frames before the first and after the last; see
            `srbench.adapters.clips`.
        max_frames: of a ``sequence``: longer clips are split into pieces that answer for so many frames;
            0 if a clip is never split.
        overlap_frames: of a ``sequence``: how many frames more a piece sees on each side.
        selectable: False for a model that needs an argument (``folder:DIR``): left out of ``--all``.
        argument: what follows the colon, where planning must know: a ``file`` is part of the model (its
            digest counts, its stem names the row), a ``command`` is never split at commas.
        engine: what runs the network, the first word of the inference signature.
        tile_overlap: of tiles where no receptive field is known; ``srbench check`` measures what it costs.
        files: paths of files that the model reads by itself, such as a checkpoint beside its code: their
            bytes are part of its results' keys. In ``python:FILE`` relative ones are relative to that file.
    """

    name: str
    title: str
    family: str
    scales: tuple[int, ...]
    kind: Kind = "still"
    channels: Channels = "rgb"
    pre_upsampled: bool = False
    size_multiple: int = 1
    tiling: Literal["supported", "internal", "discouraged"] = "supported"
    receptive_field: int = 0
    planes: tuple[Plane, ...] = ("rgb",)
    dtypes: tuple[str, ...] = ("float32",)
    deterministic: bool = True
    weights: tuple[Weights, ...] = ()
    params: int | None = None
    trained_on: tuple[str, ...] = ()
    paper: str = ""
    licence: str = ""
    published_as: str = ""
    gmacs_per_megapixel: float = 0.0
    selectable: bool = True
    frames_before: int = 0
    frames_after: int = 0
    border_frames: BorderFrames = "replicate"
    max_frames: int = 0
    overlap_frames: int = 0
    argument: Literal["", "file", "command"] = ""
    engine: str = "torch"
    tile_overlap: int = 0
    files: tuple[str, ...] = ()

    def weights_for(self, scale: int) -> Weights | None:
        """The checkpoint for a scale, or None for a model without weights."""
        return next((w for w in self.weights if scale in w.scales), None)


@dataclass(frozen=True)
class Job:
    """What an adapter is asked for: this clip, at this scale, under this protocol."""

    clip: ClipSpec
    protocol: EvalProtocol

    @property
    def scale(self) -> int:
        """The protocol's."""
        return self.protocol.scale


# ---------------------------------------------------------------------------------- metrics


@dataclass(frozen=True)
class MetricInfo:
    """What a metric is, apart from who computes it.

    Attributes:
        needs: ``y`` (a float64 luma plane, 0..255) or ``rgb`` (uint8).
        crop: the protocol's border is cut off first (PSNR, SSIM), or the whole image is used (LPIPS).
        edge: what equal images and images too small for it give.
    """

    name: str
    title: str
    unit: str
    direction: Direction
    decimals: int
    needs: Plane
    crop: bool
    edge: str
    paper: str = ""


# ---------------------------------------------------------------------------------- results


@dataclass(frozen=True)
class Cell:
    """The unit of work, of resume and of distribution: model x dataset x scale x protocol."""

    model: str
    dataset: str
    scale: int
    protocol: str
    signature: str
    """The protocol's signature."""
    inference: str
    """The inference's signature: library, dtype, device kind, tiling, self-ensemble."""
    pixels: str
    """Digest of the dataset's items and their pixels: a part of a set is another dataset."""
    average: str = ""
    """How items are averaged: ``frame``, or (empty) over an item's frames and then over items."""


class Status(StrEnum):
    """What became of an item or a cell."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    OOM = "oom"
    TIMEOUT = "timeout"


FAILURES = frozenset({Status.FAILED, Status.OOM, Status.TIMEOUT})
MODEL_FIELD = "fingerprint"
"""The field of a prediction's key that says which model: its weights, its source, its files."""


@dataclass(frozen=True)
class Score:
    """One metric of one item: raw values, one per frame, and what they may be compared with.

    ``values`` is empty when the metric does not apply; ``reason`` then says why.
    """

    signature: str
    key: str
    values: tuple[float, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Record:
    """One line of the journal: what was found out about one item of one cell.

    ``item`` is empty when the line speaks of the whole cell (skipped, or failed before its first item).
    ``prediction`` is the prediction's key; each score carries its own.
    """

    cell: Cell
    item: str
    items: int
    status: Status
    reason: str = ""
    frames: int = 0
    prediction: str = ""
    key_fields: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, Score] = field(default_factory=dict)
    seconds: float = 0.0
    megapixels: float = 0.0
    provenance: str = ""
    time: str = ""
    schema: int = SCHEMA_VERSION


# ---------------------------------------------------------------------------------- timings


@dataclass(frozen=True)
class TimingSpec:
    """What is timed, and how: everything that moves a cost.

    Attributes:
        model: the name in results, with its argument.
        fingerprint: of weights and source, as in a prediction's key.
        weights: ``card``, or ``untrained``: the same network with random weights.
        point: the standard point's name: ``720p``, ``256``, ``HxW`` of the LR image, or ``SET/ITEM``, where
            SET is the label of the images that are here (``set5``, ``urban100[24]``).
        height, width: of the LR frames, in pixels; the network's own input may be padded, or enlarged.
        kind: a ``window`` model answers for one frame of `frames`, a ``sequence`` model for all.
        frames: LR frames that enter in one call; 1 for stills.
        inference: the inference's signature, as in `Cell`.
        engine: what runs the network, with its version.
        torch: PyTorch's version, whatever the engine.
        device: its kind: ``cpu`` or ``cuda``.
        threads: on the processor.
        memory_format: ``contiguous`` or ``channels-last``.
        tf32: whether float32 products may be rounded to TF32 (on a GPU).
        cudnn: ``deterministic``, or ``benchmark`` (the fastest algorithm found, of any kind).
        compiled: by ``torch.compile``.
        machine: digest of the hardware; two machines' figures never share a rank.
    """

    model: str
    fingerprint: str
    weights: Literal["card", "untrained"]
    scale: int
    point: str
    height: int
    width: int
    kind: Kind
    frames: int
    inference: str
    engine: str
    torch: str
    dtype: str
    device: str
    threads: int
    memory_format: Literal["contiguous", "channels-last"]
    tf32: bool
    cudnn: Literal["deterministic", "benchmark"]
    compiled: bool
    machine: str

    @property
    def key(self) -> str:
        """Digest of all fields: what was timed under it is not timed again."""
        return digest({f.name: getattr(self, f.name) for f in fields(self)})

    @property
    def answers(self) -> int:
        """Frames that one call gives."""
        return self.frames if self.kind == "sequence" else 1

    @property
    def megapixels(self) -> float:
        """Of one output frame / 1e6."""
        return self.height * self.width * self.scale**2 / 1e6

    @property
    def setup(self) -> str:
        """What figures of one column share: ``cpu:2|float32|contiguous|eager|torch 2.9.1``."""
        gpu = (f"tf32:{'on' if self.tf32 else 'off'}", f"cudnn:{self.cudnn}") if self.device != "cpu" else ()
        compiled = "compiled" if self.compiled else "eager"
        where = f"{self.device}:{self.threads}"
        return "|".join((where, self.dtype, self.memory_format, compiled, *gpu, f"torch {self.torch}"))

    @property
    def signature(self) -> str:
        """``x4|720p:180x320|torch|float32|cpu|whole|cpu:2|float32|...``: all but model and machine."""
        where = f"{self.point}:{self.height}x{self.width}"
        clip = (f"{self.kind}:{self.frames}",) if self.kind == "sequence" else ()
        untrained = ("untrained",) if self.weights == "untrained" else ()
        engine = () if self.engine == f"torch {self.torch}" else (self.engine,)
        return "|".join((f"x{self.scale}", where, *clip, *untrained, self.inference, *engine, self.setup))


@dataclass(frozen=True)
class GpuState:
    """A GPU at the end of a measurement, as its driver tells.

    Attributes:
        sm_mhz, memory_mhz: clocks.
        power_limit_w, power_w, temperature_c: as named.
        throttled: why its clocks were held down; empty if they were not.
        processes: that compute on it, this one among them.
        runtime: ``CUDA 13.0, cuDNN 91300``, as PyTorch tells.
    """

    name: str
    driver: str
    sm_mhz: float
    memory_mhz: float
    power_limit_w: float
    power_w: float
    temperature_c: float
    throttled: tuple[str, ...]
    processes: int
    runtime: str = ""


@dataclass(frozen=True)
class Conditions:
    """The machine while it measured.

    Attributes:
        machine: in words: processor, cores, memory, GPUs.
        governor: of the processor's clock; empty where the system tells none.
        mhz: the processor's clock at the end; 0 where the system tells none.
        load: the load average over one minute, at the start.
        seconds: watched.
        other_cores: mean number of cores that other processes kept busy.
        stolen_cores: mean number of cores that a virtual machine's host took away.
        disturbances: in words, why the machine was not quiet; empty if it was.
    """

    machine: str
    governor: str
    mhz: float
    load: float
    seconds: float
    other_cores: float
    stolen_cores: float
    gpu: GpuState | None = None
    disturbances: tuple[str, ...] = ()

    @property
    def quiet(self) -> bool:
        """Whether nothing else was seen to work."""
        return not self.disturbances


@dataclass(frozen=True)
class Timing:
    """One line of ``timings.jsonl``: all samples of one spec; medians and intervals are derived later.

    Samples are of the network alone: its input is ready on its device, and what the door does to pixels
    (conversion, a luma network's bicubic enlargement) is left out. On a GPU each call is timed twice at once,
    by the host's clock up to synchronisation (``wall``) and by events around it; ``copies`` are calls of a
    second series that bring the input from the host and the output back.

    Attributes:
        step: of the ladder that it ran on: ``whole``, ``tile:256+12``, ``cpu:whole``; empty if it did not.
        exhausted: steps before it that ran out of memory.
        warm_up: calls before the first sample.
        settled: whether times had stopped falling by then.
        stopped: what ended the repeats: the median was ``precise`` enough, the ``budget`` was spent, or
            ``count``, the most samples that are ever taken.
        confidence, width: the interval asked for, and the relative width at which it is narrow enough.
        wall_ms, event_ms, wall_copies_ms, event_copies_ms: milliseconds a call, in order of time.
        peak_bytes: the most memory that a call held; `memory` says how it was found, or why it was not.
        params: of the modules that were loaded.
        macs: multiply-adds of a call; `flops` is twice that. `counted` says what the counter left out.
        items: of a point that is an item of a set: how many items the set has; 0 for a size.
    """

    spec: TimingSpec
    status: Status
    reason: str = ""
    step: str = ""
    exhausted: tuple[str, ...] = ()
    warm_up: int = 0
    settled: bool = False
    stopped: str = ""
    confidence: float = 0.0
    width: float = 0.0
    wall_ms: tuple[float, ...] = ()
    event_ms: tuple[float, ...] = ()
    wall_copies_ms: tuple[float, ...] = ()
    event_copies_ms: tuple[float, ...] = ()
    peak_bytes: int | None = None
    memory: str = ""
    params: int | None = None
    macs: int | None = None
    flops: int | None = None
    counted: str = ""
    items: int = 0
    conditions: Conditions | None = None
    provenance: str = ""
    time: str = ""
    schema: int = TIMING_SCHEMA

    @property
    def signature(self) -> str:
        """The spec's, and the step of the ladder: a tiled result is another one than an untiled."""
        return f"{self.spec.signature}|{self.step}"


@cache
def field_names(noun: type) -> frozenset[str]:
    """Names of a noun's fields: readers refuse anything else, so that a typo is never swallowed."""
    return frozenset(f.name for f in fields(noun))
