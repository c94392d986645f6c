"""From an exhibit to what a page shows of it: PNG files, and numbers beside them.

What a set's licence note allows decides what is cut: whole pictures where it says ``whole``, else crops of
at most `CROP` pixels a side that together show at most `SHARE` of a picture. Same inputs give same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from srbench.image.color import round_u8
from srbench.image.io import encode_png
from srbench.image.resize import imresize
from srbench.metrics.planes import Planes
from srbench.pictures.choose import Crop, Windows, choose_crops
from srbench.pictures.exhibits import Exhibit, Kept
from srbench.pictures.local import Box, Float, psnr_of
from srbench.pictures.maps import error_png

U8 = NDArray[np.uint8]
Show = Literal["whole", "crops"]

CROP = 96
"""Side of a crop, in pixels of the ground truth: the most that is shown of a picture in one piece."""

SHARE = 0.25
"""The most that all crops of a picture together show of it, where the licence allows crops alone."""

FRAMES = 16
"""The most frames of a clip that are shown, from its start."""

MODELS = 8
"""The most models beside each other."""

THUMBNAIL = 160
"""The longer side of a thumbnail."""


@dataclass(frozen=True)
class Panel:
    """One picture of several beside each other.

    Attributes:
        label: empty for the ground truth and the input.
        kind: ``truth``, ``input`` (its pixels `scale` times larger than the truth's) or ``model``.
        height, width: of the file, in its own pixels.
        pictures: a file for each frame.
        errors: their error maps; empty where there are none.
        psnr: of the luma of this part, in dB, its squared errors averaged over all frames of the item.
        scores: of the whole item, by the metric's name.
    """

    label: str
    kind: Literal["truth", "input", "model"]
    height: int
    width: int
    pictures: tuple[str, ...]
    errors: tuple[str, ...] = ()
    psnr: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Scene:
    """One part of an item, in all models; `crop` is None for the whole picture."""

    box: Box
    crop: Crop | None
    panels: tuple[Panel, ...]

    @property
    def models(self) -> tuple[Panel, ...]:
        """The panels of models, in the order of a crop's places."""
        return tuple(panel for panel in self.panels if panel.kind == "model")


@dataclass(frozen=True)
class Profile:
    """A clip's temporal profile: one row of pixels over time, from top to bottom, in truth and models.

    Attributes:
        row: in the ground truth.
        left, width: which of its pixels.
        frames: rows of each file.
        files: label (empty for the ground truth) and file.
    """

    row: int
    left: int
    width: int
    frames: int
    files: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Plate:
    """What is shown of one item.

    Attributes:
        show: what the pictures are of: the ``whole``, or ``crops`` alone.
        height, width: of the item.
        frames: of the item; the scenes show the first `FRAMES` of them.
        files: contents by name; names are safe in an address.
        withheld: crops were left out, or lie elsewhere, so that no more than `SHARE` is shown.
    """

    item: str
    show: Show
    height: int
    width: int
    frames: int
    scenes: tuple[Scene, ...]
    profile: Profile | None
    files: Mapping[str, bytes] = field(repr=False)
    withheld: bool = False

    @property
    def size(self) -> int:
        """Of all files, in bytes."""
        return sum(map(len, self.files.values()))


@dataclass(frozen=True)
class Measured:
    """An exhibit's errors.

    Attributes:
        errors: each model's squared error of luma, ``(H, W)``, mean over all frames.
        motion: the ground truth's change of luma from frame to frame, absolute, ``(H, W)``; 0 for a still.
        gray: a prediction is a plane of luma, so all pictures are shown as luma.
    """

    errors: tuple[Float, ...]
    motion: Float
    gray: bool


def measure(exhibit: Exhibit) -> Measured:
    """Squared errors of every model, and where the ground truth moves.

    Raises:
        ImageError, IntegrityError: as `Exhibit.frames`.
    """
    sums: list[Float] = []
    gray, before, motion = False, None, np.zeros(())
    for truth, predictions in exhibit.frames():
        squares = [(planes.y - truth.y) ** 2 for planes in predictions]
        sums = [a + b for a, b in zip(sums, squares, strict=True)] if sums else squares
        gray |= any(planes.frame.shape[2] == 1 for planes in predictions)
        motion = motion + (np.abs(truth.y - before) if before is not None else np.zeros_like(truth.y))
        before = truth.y
    return Measured(tuple(total / len(exhibit.source) for total in sums), motion, gray)


def plate_of(
    exhibit: Exhibit,
    show: Show,
    labels: Sequence[str],
    measured: Measured | None = None,
    taken: tuple[Box, ...] = (),
) -> Plate:
    """The files and numbers of one item.

    Args:
        exhibit: with at most `MODELS` predictions.
        show: what the licence allows.
        labels: of the models, in the exhibit's order.
        measured: if it is known already.
        taken: what else is shown of it, where that counts.

    Raises:
        ImageError, IntegrityError: as `Exhibit.frames`.
    """
    known = measured or measure(exhibit)
    height, width = known.errors[0].shape
    windows = replace(windows_of(exhibit, height, width, show), taken=taken)
    crops, withheld = _crops(known.errors, windows, _lpips(exhibit.kept))
    whole = [_Part(0, Box(0, 0, height, width), None, True)] if show == "whole" else []
    parts = [*whole, *(_Part(n, c.box, c, not whole) for n, c in enumerate(crops, len(whole)))]
    line = _line(known, crops[0], parts[0].box) if crops and len(exhibit.source) > 1 else None
    return Plate(
        item=exhibit.item,
        show=show,
        height=height,
        width=width,
        frames=len(exhibit.source),
        scenes=tuple(_scene(exhibit, part, known, labels) for part in parts),
        profile=_profile(line, len(exhibit.source), labels) if line else None,
        files=_files(exhibit, parts, line, gray=known.gray),
        withheld=withheld,
    )


def windows_of(exhibit: Exhibit, height: int, width: int, show: Show) -> Windows:
    """Where crops of an item may lie: of a small picture, at most half of its shorter side.

    Two pixels of the input are left out at each edge, where every model has to guess what is beyond.
    """
    scale = exhibit.protocol.scale
    side = min(CROP, height, width) if show == "whole" else min(CROP, min(height, width) // 2)
    step = scale * max(1, 8 // scale)
    share = 1.0 if show == "whole" else SHARE
    return Windows(side // scale * scale, step, max(exhibit.protocol.border, 2 * scale), share)


def _crops(errors: Sequence[Float], windows: Windows, lpips: Mapping[int, float]) -> tuple[list[Crop], bool]:
    """The crops, and whether there would be others if all might be shown.

    Where nothing new may be shown crops lie within what is shown already: grids of other scales don't meet
    it, so windows one step smaller, which always find a place in it, are tried too.
    """
    free = choose_crops(errors, replace(windows, share=1.0, taken=()), lpips)
    crops = choose_crops(errors, windows, lpips)
    if not crops and windows.taken and windows.size > windows.step:
        crops = choose_crops(errors, replace(windows, size=windows.size - windows.step), lpips)
    return crops, [crop.box for crop in crops] != [crop.box for crop in free]


def _lpips(kept: Sequence[Kept]) -> dict[int, float]:
    return {place: one.scores["lpips"] for place, one in enumerate(kept) if "lpips" in one.scores}


# ------------------------------------------------------------------------------------ what is shown


@dataclass(frozen=True)
class _Part:
    """What becomes a scene; `errors` says whether its maps are drawn."""

    number: int
    box: Box
    crop: Crop | None
    errors: bool


def _scene(exhibit: Exhibit, part: _Part, known: Measured, labels: Sequence[str]) -> Scene:
    scale, box = exhibit.protocol.scale, part.box
    small = box.shrunk(scale)
    shown = range(min(len(exhibit.source), FRAMES))
    truth = Panel("", "truth", box.height, box.width, tuple(_name(part, "truth", t) for t in shown))
    lr = Panel("", "input", small.height, small.width, tuple(_name(part, "input", t) for t in shown))
    models = [
        Panel(
            labels[place],
            "model",
            box.height,
            box.width,
            tuple(_name(part, f"m{place}", t) for t in shown),
            tuple(_name(part, f"m{place}-error", t) for t in shown) if part.errors else (),
            psnr_of(float(box.of(known.errors[place]).mean())),
            kept.scores,
        )
        for place, kept in enumerate(exhibit.kept)
    ]
    return Scene(box, part.crop, (truth, lr, *models))


def _name(part: _Part, who: str, frame: int) -> str:
    return f"{part.number}-{who}-{frame:03}.png"


@dataclass(frozen=True)
class _Line:
    """A row of pixels."""

    row: int
    left: int
    width: int


def _line(known: Measured, crop: Crop, within: Box) -> _Line:
    """The row of a crop in which the ground truth moves most, as far as it may be shown."""
    row = crop.box.top + int(crop.box.of(known.motion).sum(axis=1).argmax())
    return _Line(row, within.left, within.width)


def _profile(line: _Line, frames: int, labels: Sequence[str]) -> Profile:
    names = [("", "profile-truth.png"), *((label, f"profile-m{n}.png") for n, label in enumerate(labels))]
    return Profile(line.row, line.left, line.width, frames, tuple(names))


# ------------------------------------------------------------------------------------------- files


def _files(exhibit: Exhibit, parts: Sequence[_Part], line: _Line | None, *, gray: bool) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    rows: dict[str, list[U8]] = {}
    for t, (truth, predictions) in enumerate(exhibit.frames()):
        named = {"truth": truth, **{f"m{place}": planes for place, planes in enumerate(predictions)}}
        seen = {who: _seen(planes, gray=gray) for who, planes in named.items()}
        if line is not None:
            for who, image in seen.items():
                part_of_row = image[line.row : line.row + 1, line.left : line.left + line.width]
                rows.setdefault(f"profile-{who}.png", []).append(part_of_row)
        if t < FRAMES:
            seen["input"] = _seen(_input(exhibit, t), gray=gray)
            for part in parts:
                files |= _cut(part, t, seen, exhibit.protocol.scale)
                files |= _error_maps(part, t, truth, predictions) if part.errors else {}
    return files | {name: encode_png(np.concatenate(lines)) for name, lines in rows.items()}


def _seen(planes: Planes, *, gray: bool) -> U8:
    """What a reader sees of a frame: RGB, or luma where a prediction has no more."""
    return round_u8(planes.y) if gray else planes.rgb


def _input(exhibit: Exhibit, t: int) -> Planes:
    lr = exhibit.source.lr(t)
    return Planes(lr if lr.dtype == np.uint8 else round_u8(lr), exhibit.protocol)


def _cut(part: _Part, t: int, seen: Mapping[str, U8], scale: int) -> dict[str, bytes]:
    small = part.box.shrunk(scale)
    return {
        _name(part, who, t): encode_png((small if who == "input" else part.box).of(image))
        for who, image in seen.items()
    }


def _error_maps(part: _Part, t: int, truth: Planes, predictions: Sequence[Planes]) -> dict[str, bytes]:
    return {
        _name(part, f"m{place}-error", t): error_png(part.box.of(planes.y), part.box.of(truth.y))
        for place, planes in enumerate(predictions)
    }


# --------------------------------------------------------------------------------------- thumbnails


def thumbnail(frame: U8, show: Show, shown: Box | None = None) -> U8:
    """A small picture of a ground-truth frame ``(H, W, C)``.

    All of it, `THUMBNAIL` pixels on its longer side, where the licence allows whole pictures; else the part
    that is `shown` anyway, or `middle`.
    """
    height, width = frame.shape[:2]
    if show == "whole":
        scale = min(1.0, THUMBNAIL / max(height, width))
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        small: U8 = imresize(frame, size=size, flavour="matlab-symmetric-u8")
        return small
    return (shown or middle(height, width)).of(frame)


def middle(height: int, width: int) -> Box:
    """The part in a picture's middle, as large as a crop may be."""
    side = max(1, min(CROP, min(height, width) // 2))
    return Box((height - side) // 2, (width - side) // 2, side, side)
