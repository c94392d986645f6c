"""Test sets by name: open what is here, fetch the rest, verify it, add one's own.

Opening never touches the network. What is not here is missing with a reason, and a set of which only
a part is present is another dataset: ``urban100[24]``.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from srbench.data.dataset import Dataset as Dataset
from srbench.data.degrade import decode_frame
from srbench.data.layouts import Layout, Match, find_layout, find_layouts, match_layout
from srbench.data.local import (
    Copy,
    file_digests,
    local_copies,
    local_file,
    local_names,
    printable,
    read_text,
    record_copies,
    write_manifest,
)
from srbench.data.manifest import (
    Frame,
    Item,
    Manifest,
    Publish,
    dataset_name,
    dump_manifest,
    load_manifest,
)
from srbench.data.plugged import plugged
from srbench.errors import SrbenchError, Unavailable, UsageError
from srbench.fetch import Progress, cached, fetch_many, verify
from srbench.fetch.sources import mirrored
from srbench.fetch.transfer import CacheError
from srbench.image.io import pixels_sha256, read_image
from srbench.registry import select, unknown
from srbench.resources import datasets_folder
from srbench.types import Asset, LocalPath, Url

BUILTIN = (
    "set5", "set14", "bsd100", "urban100", "vid4", "embedded", "embedded-clip",
    "t91", "bsds500-train", "davis14",
)  # fmt: skip


def dataset_names() -> list[str]:
    """The sets srbench knows, then those that plugins bring, then the user's own in alphabetical order."""
    known = [*BUILTIN, *plugged(BUILTIN)]
    return [*known, *(name for name in local_names() if name not in known)]


def dataset_manifest(name: str) -> Manifest:
    """What the set consists of, whether its images are here or not.

    Raises:
        UsageError: no such set (with the nearest names), or its manifest is broken.
    """
    if name in BUILTIN:
        file = datasets_folder() / f"{name}.toml"
        return load_manifest(file.read_text("utf-8"), file.name)
    if name in plugged(BUILTIN):
        return plugged(BUILTIN)[name]
    if name not in dataset_names():
        raise unknown("dataset", name, dataset_names())
    manifest = load_manifest(read_text(local_file(name)), str(local_file(name)))
    if manifest.name != name:
        raise UsageError(f"the manifest of {name}", repr(manifest.name), f"correct {local_file(name)}")
    return manifest


def broken_datasets() -> dict[str, str]:
    """What the user added and srbench can't read, by name, with the reason; a known set may be among them."""
    found = {name: _unreadable(name) for name in local_names()}
    return {name: reason for name, reason in found.items() if reason}


def _unreadable(name: str) -> str:
    try:
        dataset_manifest(name)
        _copies(name)
    except SrbenchError as error:
        return str(error)
    return ""


def select_datasets(specs: Sequence[str] = ()) -> list[str]:
    """Datasets by name, glob or comma list; all test sets when none is given.

    By their full name only are chosen sets to train on, and broken ones (`broken_datasets`), whose opening
    says what is wrong.

    Raises:
        UsageError: a pattern matches nothing; the message has the nearest names.
    """
    broken = broken_datasets()
    tests = [n for n in dataset_names() if n not in broken and not dataset_manifest(n).purpose]
    named = {part.strip() for text in specs for part in text.split(",")}
    known = [name for name in dataset_names() if name in tests or name in named]
    return select(specs, known, "dataset") if specs else tests


def training_sets() -> list[str]:
    """Sets to train on, in the order of `dataset_names`."""
    broken = broken_datasets()
    return [n for n in dataset_names() if n not in broken and dataset_manifest(n).purpose]


# --------------------------------------------------------------------------------- opening


def open_dataset(name: str, *, limit: int | None = None) -> Dataset:
    """The part of a set that is here: in the cache, the user's folders, a package or the mirror folder.

    Args:
        name: one of `dataset_names`.
        limit: take only the first so many present items.

    Raises:
        UsageError: no such set, a broken manifest, or a limit below 1.
    """
    if limit is not None and limit < 1:
        raise UsageError("a limit of at least 1", str(limit), "leave --limit out for the whole set")
    manifest = dataset_manifest(name)
    copies = _copies(name)
    files: dict[str, tuple[Path, ...]] = {}
    missing: dict[str, str] = {}
    for item in manifest.items:
        if limit is not None and len(files) >= limit:
            missing[item.name] = f"beyond the limit of {limit}"
            continue
        found = tuple(filter(None, (_file(manifest, frame, copies) for frame in item.frames)))
        if len(found) == len(item.frames):
            files[item.name] = found
        else:
            missing[item.name] = _why_missing(manifest, item, len(item.frames) - len(found))
    return Dataset(manifest, tuple(item for item in manifest.items if item.name in files), missing, files)


def _copies(name: str) -> Mapping[str, Copy]:
    return local_copies(name) if name in BUILTIN else {}


def _file(manifest: Manifest, frame: Frame, copies: Mapping[str, Copy]) -> Path | None:
    """The frame's verified file on this machine: the user's own copy first."""
    return next(filter(None, map(cached, _assets(manifest, frame, copies))), None)


def _assets(manifest: Manifest, frame: Frame, copies: Mapping[str, Copy]) -> list[Asset]:
    """What may hold a frame without the network; files of the mirror folder are used where they lie."""
    asset = manifest.asset(frame)
    addresses = (source for source in asset.sources if isinstance(source, Url))
    mirror = [LocalPath(str(path)) for path in map(mirrored, addresses) if path is not None]
    asset = replace(asset, sources=(*asset.sources, *mirror))
    return [copies[frame.pixels].asset, asset] if frame.pixels in copies else [asset]


def _why_missing(manifest: Manifest, item: Item, absent: int) -> str:
    count = "" if len(item.frames) == 1 else f"{absent} of {len(item.frames)} frames "
    if manifest.folder:
        return f"{count}gone or changed in {manifest.folder}; {_again(manifest)}"
    if manifest.package:
        return f"{count}not in the installed {manifest.package}"
    return f"{count}not fetched (srbench data fetch {manifest.name})"


def _again(manifest: Manifest) -> str:
    return f"run srbench data add {manifest.name} {shlex.quote(manifest.folder)} again"


def _advised(manifest: Manifest, error: SrbenchError) -> SrbenchError:
    """The error, with other advice where no network can help: a set of the user's own."""
    return type(error)(error.expected, error.got, _again(manifest)) if manifest.folder else error


# -------------------------------------------------------------------------------- fetching


@dataclass(frozen=True)
class FetchReport:
    """What a fetch brought.

    Attributes:
        dataset: the set as it is now.
        present: number of files that were here before.
        fetched: number of files that came.
        failed: the first error of each item that could not be fetched whole.
    """

    dataset: Dataset
    present: int
    fetched: int
    failed: Mapping[str, SrbenchError]


def fetch_dataset(name: str, *, workers: int = 8, progress: Progress | None = None) -> FetchReport:
    """Fetch every file of a set that is not in the cache or in one of the user's folders.

    Args:
        name: one of `dataset_names`.
        workers: parallel downloads.
        progress: is told of every file that is fetched.

    Raises:
        UsageError: no such set, a broken manifest, or a cache that can't be written.
    """
    manifest = dataset_manifest(name)
    copies = _copies(name)
    frames = {frame: manifest.asset(frame) for item in manifest.items for frame in item.frames}
    todo = [asset for frame, asset in frames.items() if not _is_kept(frame, asset, copies)]
    outcomes = fetch_many(todo, workers=workers, progress=progress)
    failed: dict[str, SrbenchError] = {}
    for item in manifest.items:
        for outcome in (outcomes.get(frames[frame]) for frame in item.frames):
            if isinstance(outcome, CacheError):  # nothing else can be kept either
                raise outcome
            if isinstance(outcome, SrbenchError):
                failed.setdefault(item.name, _advised(manifest, outcome))
    fetched = sum(isinstance(outcome, Path) for outcome in outcomes.values())
    return FetchReport(open_dataset(name), len(set(frames.values()) - set(todo)), fetched, failed)


def _is_kept(frame: Frame, asset: Asset, copies: Mapping[str, Copy]) -> bool:
    copy = copies.get(frame.pixels)
    return (copy is not None and cached(copy.asset) is not None) or cached(asset) is not None


# ------------------------------------------------------------------------------- verifying


@dataclass(frozen=True)
class Problem:
    """A file that is here and is not what the manifest promises."""

    item: str
    reason: str


def verify_dataset(name: str) -> list[Problem]:
    """Hash every file of a set that is here, whatever is remembered about it, and decode it.

    Files that are not here are no problem; `open_dataset` lists them as missing.

    Raises:
        UsageError: no such set, or a broken manifest.
    """
    manifest = dataset_manifest(name)
    copies = _copies(name)
    frames = [(item.name, frame) for item in manifest.items for frame in item.frames]
    reasons = ((item, _wrong(manifest, frame, copies)) for item, frame in frames)
    return [Problem(item, reason) for item, reason in reasons if reason]


def _wrong(manifest: Manifest, frame: Frame, copies: Mapping[str, Copy]) -> str:
    """What is wrong with a frame's file, empty if nothing is."""
    try:
        for asset in _assets(manifest, frame, copies):
            _verify_if_here(asset)
        path = _file(manifest, frame, copies)
        if path is not None:
            decode_frame(frame, path)
    except SrbenchError as error:
        return str(_advised(manifest, error))
    return ""


def _verify_if_here(asset: Asset) -> None:
    try:
        verify(asset)
    except Unavailable:
        return


# ---------------------------------------------------------------------------------- adding


@dataclass(frozen=True)
class Added:
    """What `add_dataset` found.

    Attributes:
        dataset: the set as it is now.
        layout: where the images were found, and whose layout that is.
        match: which files hold which frames of a known set; None for a set of the user's own.
        replaced: True if a set of the user's own of that name was there before.
    """

    dataset: Dataset
    layout: Layout
    match: Match | None
    replaced: bool = False


def add_dataset(
    name: str,
    folder: Path,
    *,
    scale: int | None = None,
    publish: Publish = "crops",
) -> Added:
    """Use images that the user already has, where they lie.

    Under a known name, the folder's files that decode to the set's pixels become its local sources.
    Any other name makes (or replaces) a set of the user's own; folders of frames become clips.

    Args:
        name: a known set, or a new name of a-z, 0-9, - and _.
        folder: see `srbench.data.layouts.find_layout`.
        scale: the only scale of a set of one's own (default: 2, 3, 4 for stills, 4 for clips), and which
            of a layout's folders to take for it.
        publish: what a page may show of a set of one's own.

    Raises:
        UsageError: a bad name, no images, or none that belongs to the known set.
        ImageError: a file of one's own set is no image that can be scored.
        StorageError: the disk is full.
    """
    if dataset_name(name) in BUILTIN:
        return _add_copies(name, folder)
    if name in plugged(BUILTIN):
        raise UsageError("a new name", f"{name!r}, which a plugin brings", "choose another name")
    layout = find_layout(folder, name, scale)
    manifest = _own_manifest(name, layout, scale, publish)
    replaced = local_file(name).exists()
    write_manifest(load_manifest(dump_manifest(manifest), str(layout.folder)))
    return Added(open_dataset(name), layout, None, replaced)


def _own_manifest(name: str, layout: Layout, scale: int | None, publish: Publish) -> Manifest:
    by_kind = (2, 3, 4) if layout.kind == "still" else (4,)
    items = layout.items.items()
    return Manifest(
        name=name,
        title=name,
        kind=layout.kind,
        scales=(scale,) if scale else by_kind,
        licence="not stated: added by the user",
        publish=publish,
        citation="",
        items=tuple(Item(item, tuple(_frame(path, layout) for path in paths)) for item, paths in items),
        folder=printable(layout.folder),
    )


def _frame(path: Path, layout: Layout) -> Frame:
    image = read_image(path)
    size, sha256 = file_digests(path)
    return Frame(path.relative_to(layout.folder).as_posix(), size, image.shape, sha256, pixels_sha256(image))


def _add_copies(name: str, folder: Path) -> Added:
    layout, match = _best_match(dataset_manifest(name), folder)
    if not match.found:
        why = [*match.refused.values(), *match.missing.values()]
        got = f"none among {len(layout.files)} files of {layout.title} in {layout.folder} ({why[0]})"
        hint = "name the folder of the originals (HR), or add them as a set of your own under another name"
        raise UsageError(f"images with the pixels of {name}", got, hint)
    record_copies(name, match.found)
    return Added(open_dataset(name), layout, match)


def _best_match(manifest: Manifest, folder: Path) -> tuple[Layout, Match]:
    """The first layout that holds the whole set, else the one that holds most of it."""
    tried: list[tuple[Layout, Match]] = []
    for layout in find_layouts(folder, manifest.name):
        tried.append((layout, match_layout(manifest, layout)))
        if not tried[-1][1].missing:
            return tried[-1]
    return max(tried, key=lambda pair: len(pair[1].found))
