"""What a figure may have been computed by: each named protocol, and what is usually done otherwise.

A variant is a protocol with up to two deviations. A deviation replaces one part of the recipe (the luma, the
border ...), so two of one part never meet. What a protocol can't express, because it is a mistake, stands
beside it in the variant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any, Literal

from srbench.types import FLAVOURS, EvalProtocol

Luma = Literal["studio", "full", "bt709", "bgr"]
Stored = Literal["u8", "floor", "clipped", "float"]
Resizer = Literal["", "opencv", "pillow", "no-antialias"]
Window = Literal["gauss-valid", "gauss-same", "uniform-7", "downsampled"]
Part = Literal["lr", "gray", "luma", "stored", "border", "mean", "window"]

COMMON_BORDERS = (0, 4, 6, 8)
"""Beside the scale itself: nothing, fixed numbers found in scripts; and scale + 6 (EDSR's validation)."""


@dataclass(frozen=True)
class Variant:
    """One way to compute a figure.

    Attributes:
        protocol: a named one, with the fields replaced that a deviation replaces.
        changes: the deviations from the named protocol, in words.
        shrink: by whose bicubic LR is made; empty for the protocol's.
        enlarge: by whose bicubic the prediction is made instead of the model; empty for the model.
        luma: studio range; or BT.601 on the full range, BT.709 on the full range, R and B swapped.
        stored: how predictions are quantised: rounded to uint8, cut off to uint8, clipped only, not at all.
        pooled: one PSNR of the mean MSE of all images, instead of the mean of PSNRs.
        window: of SSIM.
    """

    protocol: EvalProtocol
    changes: tuple[str, ...] = ()
    shrink: Resizer = ""
    enlarge: Resizer = ""
    luma: Luma = "studio"
    stored: Stored = "u8"
    pooled: bool = False
    window: Window = "gauss-valid"

    @property
    def words(self) -> str:
        """``vdsr``, or ``classic, but Y rounded to uint8 and no border crop``."""
        name = self.protocol.name
        return f"{name}, but {' and '.join(self.changes)}" if self.changes else name

    @property
    def recipe(self) -> Variant:
        """What is computed, without the words: two variants of one recipe are the same number."""
        return replace(self, protocol=replace(self.protocol, name=""), changes=())


@dataclass(frozen=True)
class Deviation:
    """One part of the recipe done otherwise.

    Attributes:
        part: what it replaces.
        words: how, after "but".
        apply: the variant that deviates; the words are added by `deviating`.
    """

    part: Part
    words: str
    apply: Callable[[Variant], Variant]

    def deviating(self, variant: Variant) -> Variant:
        """The variant with this deviation, and its words."""
        return replace(self.apply(variant), changes=(*variant.changes, self.words))


@dataclass(frozen=True)
class Setting:
    """What decides which deviations can matter.

    Attributes:
        predicts: a model is run, so that LR can be made otherwise; a folder's images are what they are.
        bicubic: the model is MATLAB's bicubic, so that other programs' may have been meant.
        gray: the set has a gray image.
        several: it has several images, so that the mean matters.
        ssim: the figure is an SSIM.
    """

    predicts: bool
    bicubic: bool
    gray: bool
    several: bool
    ssim: bool


def variants(protocols: tuple[EvalProtocol, ...], setting: Setting) -> list[Variant]:
    """All that is tried, fewest deviations first and each recipe once.

    The protocols of today's luma tables are tried with every pair of deviations, the others with one.
    """
    levels: tuple[list[Variant], ...] = ([], [], [])
    for protocol in protocols:
        known = [d for d in _deviations(protocol, setting) if d.part in _parts(protocol, setting)]
        for count in range(3 if _is_todays(protocol) else 2):
            levels[count].extend(_combined(Variant(protocol), known, count))
    unique: dict[Variant, Variant] = {}
    for variant in (v for level in levels for v in level):
        unique.setdefault(variant.recipe, variant)
    return list(unique.values())


def _is_todays(protocol: EvalProtocol) -> bool:
    return protocol.luma != "none" and not protocol.luma_u8


def _combined(plain: Variant, known: list[Deviation], count: int) -> Iterator[Variant]:
    for chosen in combinations(known, count):
        if len({deviation.part for deviation in chosen}) == count:
            variant = plain
            for deviation in chosen:
                variant = deviation.deviating(variant)
            yield variant


def _parts(protocol: EvalProtocol, setting: Setting) -> set[Part]:
    """The parts of a recipe that can be done otherwise here."""
    parts: set[Part] = {"stored", "border"}
    if setting.predicts and protocol.degraded == "rgb":
        parts.add("lr")
    if protocol.luma != "none":
        parts |= {"gray"} if setting.gray else set()
        parts |= {"luma"} if protocol.degraded == "rgb" else set()
    if setting.several and (protocol.mean == "clip" or not setting.ssim):
        parts.add("mean")
    return parts | ({"window"} if setting.ssim else set())


def _deviations(protocol: EvalProtocol, setting: Setting) -> Iterator[Deviation]:
    """In the order in which a reader would suspect them."""
    yield from _lumas(protocol)
    yield from _borders(protocol)
    yield FRAMES if protocol.mean == "clip" else POOLED
    yield from WINDOWS
    other = "y" if protocol.gray == "rgb" else "rgb"
    words = "gray images left gray" if other == "y" else "gray images as three channels"
    yield Deviation("gray", words, lambda v: _with(v, gray=other))
    yield from STORED
    yield from _other_lr(protocol, setting)


def _lumas(protocol: EvalProtocol) -> Iterator[Deviation]:
    if protocol.luma_u8:
        yield Deviation("luma", "Y not rounded", lambda v: _with(v, luma_u8=False))
    else:
        yield Deviation("luma", "Y rounded to uint8", lambda v: _with(v, luma_u8=True))
    for words, luma, rounded in LUMAS:
        yield Deviation("luma", words, partial(_luma, luma=luma, rounded=rounded))


def _borders(protocol: EvalProtocol) -> Iterator[Deviation]:
    for border in dict.fromkeys((*COMMON_BORDERS, protocol.scale, protocol.scale + 6)):
        if border != protocol.border:
            words = f"a border of {border} pixels cut off" if border else "no border cut off"
            yield Deviation("border", words, partial(_with, border=border))


FRAMES = Deviation("mean", "the mean over all frames alike", lambda v: _with(v, mean="frame"))
POOLED = Deviation(
    "mean", "one PSNR of the mean MSE (not the mean of PSNRs)", lambda v: replace(v, pooled=True)
)
STORED = (
    Deviation("stored", "SR not rounded (clipped only)", lambda v: replace(v, stored="clipped")),
    Deviation("stored", "SR neither rounded nor clipped", lambda v: replace(v, stored="float")),
    Deviation("stored", "SR cut off to uint8 (not rounded)", lambda v: replace(v, stored="floor")),
)
WINDOWS = (
    Deviation(
        "window", "SSIM over padded windows too (MATLAB's ssim)", lambda v: replace(v, window="gauss-same")
    ),
    Deviation(
        "window", "SSIM by uniform 7x7 windows (scikit-image's)", lambda v: replace(v, window="uniform-7")
    ),
    Deviation(
        "window", "SSIM of downsampled images (Wang's ssim.m)", lambda v: replace(v, window="downsampled")
    ),
)
LUMAS: tuple[tuple[str, Luma, bool], ...] = (
    ("full-range luma (0..255, not 16..235)", "full", False),
    ("full-range luma rounded to uint8 (OpenCV's and Pillow's gray)", "full", True),
    ("BT.709 luma (scikit-image's rgb2gray)", "bt709", False),
    ("R and B swapped in the luma", "bgr", False),
)
RESIZERS: tuple[tuple[Resizer, str], ...] = (
    ("opencv", "OpenCV's bicubic (not antialiased)"),
    ("pillow", "Pillow's bicubic"),
    ("no-antialias", "imresize without antialiasing"),
)


def _other_lr(protocol: EvalProtocol, setting: Setting) -> Iterator[Deviation]:
    for flavour in FLAVOURS:
        if flavour != protocol.flavour:
            yield Deviation("lr", f"bicubic by {flavour}", partial(_with, flavour=flavour))
    for name, words in RESIZERS:
        yield Deviation("lr", f"LR by {words}", partial(_shrunk, by=name))
    for name, words in RESIZERS[:2] if setting.bicubic else ():
        yield Deviation("lr", f"down and up by {words}", partial(_resized, by=name))


def _luma(variant: Variant, luma: Luma, rounded: bool) -> Variant:
    return replace(_with(variant, luma_u8=rounded), luma=luma)


def _shrunk(variant: Variant, by: Resizer) -> Variant:
    return replace(variant, shrink=by)


def _resized(variant: Variant, by: Resizer) -> Variant:
    return replace(variant, shrink=by, enlarge=by)


def _with(variant: Variant, **fields: Any) -> Variant:
    """The variant with fields of its protocol replaced."""
    return replace(variant, protocol=replace(variant.protocol, **fields))
