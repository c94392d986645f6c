"""Folders that people already have: which layout, which images, and which of a known set's frames they hold.

A file stands for a frame of a known set when it decodes to the frame's pixels, whatever its name and
encoding; a cropped, resized or lossily saved copy does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from srbench.data.degrade import U8, without_copies
from srbench.data.manifest import ClipKind, Frame, Item, Manifest
from srbench.errors import ImageError, UsageError
from srbench.image.io import pixels_sha256, read_image

ENDINGS = frozenset((".png", ".bmp", ".jpg", ".jpeg", ".tif", ".tiff", ".ppm", ".pgm", ".webp", ".gif"))

_ALIASES = {"bsd100": ("b100", "bsds100")}
_SELFEXSR_HR = re.compile(r"_SRF_[0-9]_HR$")
_SELFEXSR_LR = re.compile(r"_SRF_[0-9]_(?!HR$)\w+$")


@dataclass(frozen=True)
class Layout:
    """Ground-truth images found in a folder.

    Attributes:
        title: whose layout it is.
        folder: absolute folder the images lie in.
        kind: ``clip`` when each item is a folder of frames.
        items: files by item name, in order; one file for a still.
    """

    title: str
    folder: Path
    kind: ClipKind
    items: Mapping[str, tuple[Path, ...]]

    @property
    def files(self) -> list[Path]:
        """All images, in order."""
        return [path for paths in self.items.values() for path in paths]


def find_layout(folder: Path, name: str = "", scale: int | None = None) -> Layout:
    """The best guess where a folder has its ground-truth images: the first of `find_layouts`."""
    return next(find_layouts(folder, name, scale))


def find_layouts(folder: Path, name: str = "", scale: int | None = None) -> Iterator[Layout]:
    """Find the ground-truth images in a folder, the best guess first; at least one.

    Known are EDSR's benchmark (``Set5/HR``), BasicSR (``Set5/original``, ``GTmod12``, ``Vid4/GT``),
    SelfExSR (``image_SRF_4/img_001_SRF_4_HR.png``), a plain folder of images, and a folder of folders
    of frames. The folder may also hold the set's folder (``benchmark/`` with ``Set5/`` in it), or
    ``benchmark/`` itself.

    Args:
        folder: where to look.
        name: the set's name, to find its folder inside `folder`.
        scale: which of several folders to take where a layout has one per scale.

    Raises:
        UsageError: no such folder, no images in it, or two of one name.
    """
    if not folder.is_dir():
        raise UsageError("a folder of images", repr(str(folder)), "check the path")
    found = False
    for base in _bases(folder.resolve(), name.lower()):
        for title, place in _places(base, scale):
            layout = _still_layout(title, place) or _clip_layout(title, place)
            if layout:
                found = True
                yield layout
    if found:
        return
    hint = "name the folder of the ground truth (HR) images"
    raise UsageError("images, or folders of frames", f"none in {str(folder)!r}", hint)


def _bases(folder: Path, name: str) -> Iterator[Path]:
    """The set's own folder if it is inside, also below EDSR's ``benchmark``; then the folder itself."""
    names = {name, *_ALIASES.get(name, ())}
    for parent in (folder, folder / "benchmark"):
        if parent.is_dir():
            yield from (
                child for child in _children(parent) if child.is_dir() and child.name.lower() in names
            )
    yield folder


def _places(base: Path, scale: int | None) -> Iterator[tuple[str, Path]]:
    """Folders that may hold the ground truth, the best first."""
    folders = {child.name: child for child in _children(base) if child.is_dir()}
    if "HR" in folders:
        yield "EDSR benchmark (HR)", folders["HR"]
    yield from ((f"BasicSR ({key})", folders[key]) for key in ("original", "GT") if key in folders)
    for title, prefix in (("BasicSR", "GTmod"), ("SelfExSR", "image_SRF_")):
        for multiple in _by_scale(folders, prefix, scale):
            yield f"{title} ({prefix}{multiple})", folders[f"{prefix}{multiple}"]
    yield "plain folder", base


def _by_scale(folders: Mapping[str, Path], prefix: str, scale: int | None) -> list[int]:
    """Numbers after the prefix: the wanted scale, then its multiples, then the largest."""
    ends = (key.removeprefix(prefix) for key in folders if key.startswith(prefix))
    numbers = [int(end) for end in ends if re.fullmatch("[1-9][0-9]?", end)]
    return sorted(numbers, key=lambda n: (n != scale, bool(scale) and n % (scale or 1) != 0, -n))


def _still_layout(title: str, folder: Path) -> Layout | None:
    items: dict[str, tuple[Path, ...]] = {}
    for path in _images(folder):
        name = _SELFEXSR_HR.sub("", path.stem)
        if name in items:
            got = f"{items[name][0].name} and {path.name} in {folder}"
            raise UsageError("one file for each item", got, "remove one of them")
        items[name] = (path,)
    return Layout(title, folder, "still", items) if items else None


def _clip_layout(title: str, folder: Path) -> Layout | None:
    clips = {child.name: tuple(_images(child)) for child in _children(folder) if child.is_dir()}
    items = {name: paths for name, paths in clips.items() if paths}
    return Layout(title, folder, "clip", items) if items else None


def _images(folder: Path) -> list[Path]:
    files = (p for p in _children(folder) if p.suffix.lower() in ENDINGS and p.is_file())
    return [path for path in files if not _SELFEXSR_LR.search(path.stem)]


def _children(folder: Path) -> list[Path]:
    """Entries in natural order (frame 2 before frame 10), without hidden ones."""
    try:
        return sorted((p for p in folder.iterdir() if not p.name.startswith(".")), key=_natural)
    except OSError as error:
        got = f"{error.strerror}: {str(folder)!r}"
        raise UsageError("a readable folder", got, "check its permissions") from None


def _natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    parts = re.findall(r"[0-9]+|[^0-9]+", path.name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], path.name


# -------------------------------------------------------------------------------- matching


@dataclass(frozen=True)
class Match:
    """Which files of a folder are frames of a known set.

    Attributes:
        found: the file for each frame's pixel digest.
        refused: files that are no image srbench can score, and why.
        missing: items with at least one frame not found, and why.
    """

    found: Mapping[str, Path]
    refused: Mapping[Path, str]
    missing: Mapping[str, str]


def match_layout(manifest: Manifest, layout: Layout) -> Match:
    """Compare every image of a layout with a set's frames by their decoded pixels.

    A gray frame is also found in a file of three equal channels.
    """
    held, refused = _decoded(layout.files)
    wanted = {frame.pixels for item in manifest.items for frame in item.frames if not frame.generated}
    by_pixels = {sha: path for path, (_, digests) in held.items() for sha in digests}
    found = {sha: by_pixels[sha] for sha in sorted(wanted & set(by_pixels))}
    shapes = {path: shape for path, (shape, _) in held.items()}
    reasons = ((item.name, _why_missing(item, found, layout, shapes)) for item in manifest.items)
    return Match(found, refused, {name: reason for name, reason in reasons if reason})


_Held = dict[Path, tuple[tuple[int, ...], tuple[str, ...]]]


def _decoded(files: list[Path]) -> tuple[_Held, dict[Path, str]]:
    """Shape and pixel digests of each file, and what is wrong with those that can't be read."""
    held: _Held = {}
    refused: dict[Path, str] = {}
    for path in files:
        try:
            image = read_image(path)
        except ImageError as error:
            refused[path] = str(error)
        else:
            held[path] = (image.shape, _digests(image))
    return held, refused


def _digests(image: U8) -> tuple[str, ...]:
    single = without_copies(image)
    return (pixels_sha256(image),) if single is image else (pixels_sha256(image), pixels_sha256(single))


def _why_missing(
    item: Item, found: Mapping[str, Path], layout: Layout, shapes: Mapping[Path, tuple[int, ...]]
) -> str:
    """Empty if every frame of the item was found."""
    absent = [frame for frame in item.frames if frame.pixels not in found]
    if not absent:
        return ""
    files = layout.items.get(item.name, ())
    of_clip = f"{len(absent)} of {len(item.frames)} frames: " if len(item.frames) > 1 else ""
    same_name = next((path for path in files if path in shapes), None)
    if same_name is None:
        return f"{of_clip}no file has its pixels"
    return of_clip + _difference(absent[0], same_name, shapes[same_name])


def _difference(frame: Frame, path: Path, shape: tuple[int, ...]) -> str:
    sizes = f"{path.name} is {shape[0]}x{shape[1]}, the original {frame.shape[0]}x{frame.shape[1]}"
    if shape[:2] == frame.shape[:2]:
        return f"{path.name} has other pixels than the original (saved with losses, or edited)"
    cropped = all(0 <= ours - theirs < 12 for ours, theirs in zip(frame.shape[:2], shape[:2], strict=True))
    return f"{sizes}: a {'cropped' if cropped else 'resized'} copy can't stand for it"
