"""A folder of images that someone has super-resolved already: ``folder:DIR``.

Stills are ``DIR/NAME.png``, clips ``DIR/CLIP/FRAME.png``; DIR may hold subfolders by scale, dataset or both.
Names are paired as `srbench.adapters.pairing` says. Nothing is cropped, resized or converted silently.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from srbench.adapters.base import Frames, PlainAdapter
from srbench.adapters.pairing import clip_folders, images, in_order, near_miss, owners, places
from srbench.data.datasets import dataset_manifest, dataset_names
from srbench.errors import Unavailable, UsageError
from srbench.fetch.digests import known_sha256
from srbench.image.color import rgb2gray
from srbench.image.io import read_image
from srbench.types import ClipSpec, EvalProtocol, Job, ModelInfo, digest


class Folder(PlainAdapter):
    """Reads what another program has made."""

    takes: ClassVar[str] = "a folder"

    def __init__(self, info: ModelInfo, argument: str = "") -> None:
        super().__init__(info, argument)
        if not argument:
            raise UsageError("folder:DIR", "folder alone", "name the folder that holds the images")
        self.root = Path(argument).expanduser()
        if not self.root.is_dir():
            raise UsageError("a folder of images", f"{argument!r}, which is not a folder", "check the path")

    def inference(self, protocol: EvalProtocol) -> str:
        """``folder``: how the images were made is not known here."""
        return "folder"

    def clip_fingerprint(self, clip: ClipSpec) -> str:
        """Digest of the clip's files in the order of its frames; empty where `files` raises."""
        try:
            return digest({"files": [known_sha256(path) for path in self.files(clip)]})
        except (Unavailable, UsageError):
            return ""

    def files(self, clip: ClipSpec) -> list[Path]:
        """The clip's images in the order of its frames.

        Raises:
            Unavailable: there is none, or some frames are missing.
            UsageError: two fit equally well, or frames can't be told apart.
        """
        found = _owners(self.root, clip.dataset.partition("[")[0], clip.name, clip.scale, clip.frames > 1)
        matches = found.get(clip.name, [])
        if not matches:
            raise self._absent(clip, len(found))
        if len(matches) > 1:
            got = " and ".join(repr(path.name) for path in matches[:2])
            raise UsageError(f"one match for {clip.name!r}", f"{got} in {matches[0].parent}", "remove one")
        return in_order(images(matches[0]), clip.frames, clip.name) if clip.frames > 1 else matches

    def _absent(self, clip: ClipSpec, others: int) -> Unavailable:
        """What lacks, how much of the set is here, and the file that may have been meant."""
        kind = "a folder of frames" if clip.frames > 1 else "an image"
        dataset = clip.dataset.partition("[")[0]
        total = len(_item_names(dataset)) if dataset in dataset_names() else 1
        of_all = f" (of {dataset}: {others} of {total})" if total > 1 else ""
        near = near_miss(_candidates(self.root, dataset, clip.scale, clip.frames > 1), clip.name, clip.scale)
        got = f"none in {self.root}{of_all}" + (f"; {near}" if near else "")
        return Unavailable(f"{kind} named {clip.name!r} (x{clip.scale})", got, "add it")

    def upscale(self, lr: Frames, job: Job) -> Frames:
        """Read the clip's images.

        Raises:
            ImageError: a file is no image that can be scored.
            UsageError: wrong size, gray where colour is needed, or as `files`.
            Unavailable: as `files`.
        """
        files = self.files(job.clip)
        if len(files) != len(lr):
            raise UsageError(f"{len(lr)} frames of {job.clip.name}", str(len(files)), "give the whole clip")
        return np.stack([self._frame(path, frame) for path, frame in zip(files, lr, strict=True)])

    def _frame(self, path: Path, lr: NDArray[Any]) -> NDArray[np.uint8]:
        image = read_image(path)
        height, width = lr.shape[0] * self.scale, lr.shape[1] * self.scale
        if image.shape[:2] != (height, width):
            hint = f"check the scale; ground truth is cropped from the top left to a multiple of {self.scale}"
            got = f"{image.shape[0]}x{image.shape[1]} in {path.name}"
            raise UsageError(f"{height}x{width} pixels (height x width)", got, hint)
        return with_channels(image, lr, path)


def check_outputs(folder: Folder, clips: Iterable[ClipSpec]) -> None:
    """Every clip has its output, or nothing is scored: a part of a set must be asked for.

    Raises:
        UsageError: one has none, or more than one.
    """
    for clip in clips:
        try:
            folder.files(clip)
        except Unavailable as why_not:
            raise UsageError(why_not.expected, why_not.got, why_not.hint) from why_not


def with_channels(image: NDArray[np.uint8], lr: NDArray[Any], path: Path) -> NDArray[np.uint8]:
    """As many channels as the input; gray becomes RGB only where the input shows that the truth is gray.

    Args:
        image: ``(H, W)`` gray or ``(H, W, 3)`` RGB, uint8.
        lr: ``(h, w, C)``, what it was made from.
        path: the image's file, for messages.

    Raises:
        UsageError: it is gray, and the input has colour.
    """
    if lr.shape[2] == 1:
        return (image if image.ndim == 2 else rgb2gray(image))[..., None]
    if image.ndim == 3:
        return image
    if not np.array_equal(lr, np.broadcast_to(lr[..., :1], lr.shape)):
        raise UsageError("an RGB image", f"a gray one, {path.name}", "the ground truth has colour")
    return np.repeat(image[..., None], 3, axis=2)


def _owners(root: Path, dataset: str, item: str, scale: int, clips: bool) -> dict[str, list[Path]]:
    items = _item_names(dataset) if dataset in dataset_names() else (item,)
    found = {
        place: owned
        for place in places(root, dataset, scale)
        if (owned := owners(tuple(clip_folders(place) if clips else images(place)), items, scale))
    }
    if len(found) > 1:
        got = " and ".join(str(place) for place in list(found)[:2])
        raise UsageError(f"one folder with outputs for {dataset} x{scale}", got, "name the one that is meant")
    return next(iter(found.values()), {})


def _candidates(root: Path, dataset: str, scale: int, clips: bool) -> tuple[Path, ...]:
    return tuple(
        p for place in places(root, dataset, scale) for p in (clip_folders(place) if clips else images(place))
    )


@cache
def _item_names(dataset: str) -> tuple[str, ...]:
    return tuple(item.name for item in dataset_manifest(dataset).items)
