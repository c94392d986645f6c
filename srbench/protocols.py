"""The named evaluation protocols (peak 255, per-image values averaged over images).

Each reproduces published tables to the digits they print; `docs` of the fields: `EvalProtocol`.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from srbench.errors import UsageError
from srbench.types import DEGRADATIONS, FLAVOURS, Degradation, EvalProtocol, Flavour, Mean, Plane


@dataclass(frozen=True)
class Recipe:
    """A protocol before its scale is known."""

    title: str
    flavour: Flavour
    degraded: Plane = "rgb"
    luma: Literal["bt601-studio", "none"] = "bt601-studio"
    luma_u8: bool = False
    gray: Literal["rgb", "y"] = "rgb"
    border: bool = True
    clip: tuple[int, int] | None = None
    mean: Mean = "image"


RECIPES: dict[str, Recipe] = {
    "classic": Recipe(
        "float Y of uint8 RGB, border = scale: the tables of EDSR's line (RCAN, RDN, SAN, IMDN, SwinIR)",
        "matlab-symmetric-u8",
    ),
    "vdsr": Recipe(
        "LR from the double Y plane, Y rounded: the Bicubic rows that papers print, and VDSR's own table",
        "matlab-symmetric-double",
        degraded="y",
        luma_u8=True,
        gray="y",
        clip=(16, 235),
    ),
    "selfexsr": Recipe(
        "stored uint8 LR of old MATLAB, Y rounded: the SelfExSR authors' per-image values",
        "matlab-replicate-u8",
        luma_u8=True,
        gray="y",
    ),
    "rgb": Recipe(
        "uint8 RGB, MSE over three channels: BasicSR's and MMagic's EDSR tables (PSNR)",
        "matlab-symmetric-u8",
        luma="none",
    ),
    "video": Recipe(
        "float Y of all frames, no border, mean over a clip's frames and then over clips: Vid4 BI tables",
        "matlab-symmetric-double",
        border=False,
        mean="clip",
    ),
}


BLURRED_SCALE = 4
"""The one scale that the BD degradations are defined for."""


def default_protocol(*, clips: bool) -> str:
    """``classic`` for stills, ``video`` for clips."""
    return "video" if clips else "classic"


def get_protocol(
    name: str,
    scale: int,
    *,
    flavour: Flavour | None = None,
    gray: Literal["rgb", "y"] | None = None,
    degradation: Degradation | None = None,
    border: int | None = None,
    mean: Mean | None = None,
) -> EvalProtocol:
    """The named protocol at a scale, with those of its fields replaced that are given.

    Blurred frames are uint8 images: interpolations enlarge them by ``matlab-symmetric-u8`` unless another
    flavour is given.

    Raises:
        UsageError: no such protocol, flavour or degradation, or they don't go together.
    """
    if name not in RECIPES:
        near = get_close_matches(name, RECIPES, n=2) or list(RECIPES)
        raise UsageError("a protocol", repr(name), f"try {' or '.join(near)} (srbench list protocols)")
    if flavour is not None and flavour not in FLAVOURS:
        raise UsageError("an imresize flavour", repr(flavour), f"use one of {', '.join(FLAVOURS)}")
    recipe = RECIPES[name]
    degradation = degradation or "bi"
    _check_degradation(degradation, name, scale)
    usual = recipe.flavour if degradation == "bi" else "matlab-symmetric-u8"
    return EvalProtocol(
        name=name,
        scale=scale,
        degradation=degradation,
        flavour=flavour or usual,
        degraded=recipe.degraded,
        luma=recipe.luma,
        luma_u8=recipe.luma_u8,
        gray=gray or recipe.gray,
        border=_border(recipe, scale) if border is None else border,
        modcrop=scale,
        clip=recipe.clip,
        mean=mean or recipe.mean,
    )


def _border(recipe: Recipe, scale: int) -> int:
    return scale if recipe.border else 0


def _check_degradation(degradation: str, name: str, scale: int) -> None:
    if degradation not in DEGRADATIONS:
        raise UsageError("a degradation", repr(degradation), f"use one of {', '.join(DEGRADATIONS)}")
    if degradation == "bi":
        return
    if scale != BLURRED_SCALE:
        raise UsageError(f"x{BLURRED_SCALE} for {degradation}", f"x{scale}", f"add -x {BLURRED_SCALE}")
    if RECIPES[name].degraded == "y":
        raise UsageError(f"bi under {name}", degradation, "its luma plane is shrunk by imresize alone")
