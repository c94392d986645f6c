"""Pages of pictures: what models made of each image, from predictions that a run kept.

What a set's licence note allows decides what is shown: whole pictures, or crops alone; a private report shows
everything. All pictures of one set under one protocol keep to `BUDGET` bytes: beyond it items are shown as
crops, and then left out, which their page says.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean

from srbench.data.dataset import Dataset
from srbench.data.datasets import open_dataset
from srbench.data.manifest import Manifest
from srbench.errors import SrbenchError, StorageError
from srbench.image.io import encode_png
from srbench.pictures.exhibits import Exhibit, Gallery, Kept, find_galleries
from srbench.pictures.local import Box
from srbench.pictures.maps import TOP, scale_png
from srbench.pictures.plates import (
    CROP,
    FRAMES,
    MODELS,
    SHARE,
    Plate,
    Show,
    measure,
    middle,
    plate_of,
    thumbnail,
)
from srbench.protocols import get_protocol
from srbench.report.load import Report
from srbench.report.names import file_names, stem
from srbench.report.plain import plain
from srbench.report.scenes import PanelView, ProfileView, SceneView, data_uri, profile_view, scene_views
from srbench.report.site import Contribution, File, Link, Page, Part
from srbench.types import MetricInfo

BUDGET = 16 * 2**20
"""The most bytes of pictures of one set under one protocol."""

FULL = "all pictures of a set under one protocol keep to 16 MiB"
"""Why an item, and all after it, are left out."""

THUMBNAILS = 24
"""The most thumbnails of a set."""

ALWAYS = "bicubic"
"""The model that is shown whenever its predictions were kept: what any other is seen against."""

PICTURES = "pictures/index.html"
_OURS = re.compile(
    r"pictures/[^/]+/[^/]+/(\d+-(truth|input|m\d+(-error)?)-\d{3}|profile-(truth|m\d+))\.png"
    r"|datasets/[^/]+/thumbnail-[a-z0-9-]+\.png"
)
"""A report's pictures: what else lies in a site's folder is its owner's."""

_STYLES = ("pictures.css",)
_SCRIPTS = ("viewer.js",)


@dataclass(frozen=True)
class Rule:
    """What a page says of how its pictures were chosen and made; `allowed` by the licence note."""

    show: Show
    licence: str
    allowed: Show | None = None
    crop: int = CROP
    share: int = round(100 * SHARE)
    frames: int = FRAMES
    top: int = TOP
    scale: str = data_uri(scale_png())


@dataclass(frozen=True)
class ItemPage:
    """The page of one image or clip.

    Attributes:
        before, after: addresses of its neighbours' pages, empty where there is none.
        lead: the scenes that can be zoomed: the whole picture, or each crop.
        strips: crops that stand below the whole picture.
    """

    item: str
    gallery: str
    set: str
    size: str
    frames: int
    rule: Rule
    lead: tuple[SceneView, ...]
    strips: tuple[SceneView, ...]
    profile: ProfileView | None
    before: str
    after: str
    withheld: bool


@dataclass(frozen=True)
class ItemLine:
    """An item in its gallery: where the models differ most, as a truth and two models."""

    item: str
    href: str
    size: str
    scene: SceneView

    @property
    def panels(self) -> tuple[PanelView, ...]:
        """The truth, and the two models that are compared."""
        return tuple(
            self.scene.panels[place] for place in dict.fromkeys((0, self.scene.first, self.scene.second))
        )


@dataclass(frozen=True)
class GalleryPage:
    """The page of one set under one protocol."""

    title: str
    dataset: str
    dataset_page: str
    signature: str
    rule: Rule
    models: tuple[str, ...]
    items: tuple[ItemLine, ...]
    left_out: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class GalleryLine:
    """A gallery in the list of galleries."""

    title: str
    href: str
    items: int
    models: int
    show: Show


@dataclass(frozen=True)
class Thumbnails:
    """A set's pictures on its page.

    Attributes:
        items: name, address from the site's folder, width and height.
        galleries: name and address.
        more: items without a thumbnail.
    """

    show: Show
    allowed: Show
    items: tuple[tuple[str, str, int, int], ...]
    galleries: tuple[tuple[str, str], ...]
    more: int


@dataclass(frozen=True)
class Drawn:
    """A gallery with its files.

    Attributes:
        name: of its folder below ``pictures``.
        labels: of its models.
        plates: by item.
        left_out: what is not shown, and why.
    """

    name: str
    title: str
    gallery: Gallery
    show: Show
    labels: tuple[str, ...]
    plates: tuple[Plate, ...]
    left_out: tuple[tuple[str, str], ...]

    @property
    def path(self) -> str:
        """Of its page."""
        return f"pictures/{self.name}/index.html"


def picture_pages(report: Report) -> Contribution:
    """Galleries, a page for each item, and thumbnails on the pages of sets."""
    report.disclosed.clear()
    galleries = find_galleries(report.run, report.results)
    drawn = [
        _drawn(gallery, name, report) for gallery, name in zip(galleries, _names(galleries), strict=True)
    ]
    drawn = [one for one in drawn if one.plates]
    thumbnails, pictures = _thumbnails(report, drawn)
    files = [file for one in drawn for file in _files(one)]
    return Contribution(
        nav=[Link("Pictures", PICTURES)] if drawn else (),
        pages=[page for one in drawn for page in _pages(one, report)] + _list(drawn),
        parts=[*thumbnails, *_on_models(drawn, report)],
        files=[*files, *pictures],
    )


def forget_pictures(out: Path, written: Iterable[Path]) -> None:
    """Remove pictures of an earlier report from a site's folder: a private one's must not be published.

    Args:
        out: the site's folder.
        written: what the present report wrote.

    Raises:
        StorageError: one can't be removed.
    """
    kept = set(written)
    found = [*(out / "pictures").glob("*/*/*.png"), *(out / "datasets").glob("*/*.png")]
    ours = (path for path in found if _OURS.fullmatch(path.relative_to(out).as_posix()))
    for path in [path for path in ours if path not in kept]:
        try:
            path.unlink()
        except OSError as error:
            raise StorageError(
                "an earlier report's picture to go", f"{path}: {error.strerror}", "remove it"
            ) from error


def shown(manifest: Manifest, *, private: bool) -> Show:
    """What may be shown of a set: what its licence note says, or all in a private report."""
    return "whole" if private else manifest.publish


def _names(galleries: Sequence[Gallery]) -> list[str]:
    """``set5-x4-classic``; with what tells them apart where fields of a protocol were replaced."""
    cells = [gallery.cell for gallery in galleries]
    short = [f"{cell.dataset}-x{cell.scale}-{cell.protocol}" for cell in cells]
    named = [
        name if short.count(name) == 1 else f"{name}-{cell.signature}-{cell.pixels}"
        for name, cell in zip(short, cells, strict=True)
    ]
    files = file_names(named)
    return [files[name] for name in named]


# --------------------------------------------------------------------------------------- drawing


def _drawn(gallery: Gallery, name: str, report: Report) -> Drawn:
    titles = report.catalog.titles
    chosen, others = choose_models(gallery.exhibits)
    show = shown(gallery.dataset.manifest, private=report.private)
    plates, left_out = _plates(gallery, chosen, show, report)
    absent = [*gallery.absent, *((model, f"only {MODELS} models are shown") for model, _ in others)]
    cell = gallery.cell
    return Drawn(
        name,
        plain(f"{gallery.dataset.manifest.title} x{cell.scale}, {cell.protocol}"),
        gallery,
        show,
        tuple(plain(label) for label in labels_of(_named(chosen), chosen, titles)),
        tuple(plates),
        tuple((plain(what), plain(why)) for what, why in (*absent, *left_out)),
    )


def _plates(
    gallery: Gallery, chosen: Sequence[Name], show: Show, report: Report
) -> tuple[list[Plate], list[tuple[str, str]]]:
    """The plates that fit into the budget, and the other items with the reason."""
    plates: list[Plate] = []
    left_out: list[tuple[str, str]] = []
    for exhibit in gallery.exhibits:
        # What follows an item that doesn't fit isn't even looked at: a large set would take minutes.
        full = any(why == FULL for _, why in left_out)
        left = BUDGET - sum(plate.size for plate in plates)
        titles, taken = report.catalog.titles, shown_of(report, gallery.dataset.manifest, exhibit.item)
        plate = FULL if full else _affordable(_of(exhibit, chosen), show, chosen, titles, left, taken)
        if isinstance(plate, Plate):
            plates.append(plate)
            disclose(report, gallery.dataset.manifest, exhibit.item, [scene.box for scene in plate.scenes])
        else:
            left_out.append((exhibit.item, plate))
    return plates, left_out


def shown_of(report: Report, manifest: Manifest, item: str) -> tuple[Box, ...]:
    """What the site shows already of a picture of which crops alone may be published."""
    return report.disclosed.get((manifest.name, item), ())


def disclose(report: Report, manifest: Manifest, item: str, boxes: Iterable[Box]) -> None:
    """Write down what the site shows of such a picture."""
    if shown(manifest, private=report.private) == "crops":
        report.disclosed[manifest.name, item] = (*shown_of(report, manifest, item), *boxes)


def _of(exhibit: Exhibit, chosen: Iterable[Name]) -> Exhibit:
    """The predictions of the chosen models, in their order."""
    known = {(one.model, one.inference): one for one in exhibit.kept}
    return replace(exhibit, kept=tuple(known[name] for name in chosen if name in known))


Name = tuple[str, str]
"""A model and its inference."""


def choose_models(exhibits: Iterable[Exhibit]) -> tuple[list[Name], list[Name]]:
    """Up to `MODELS` models to show beside each other, and the others.

    `ALWAYS`, that of the lowest mean LPIPS, and those of the highest mean PSNR, as the records have them; in
    the order of that PSNR.
    """
    psnr: dict[Name, list[float]] = {}
    lpips: dict[Name, list[float]] = {}
    for exhibit in exhibits:
        for kept in exhibit.kept:
            name = (kept.model, kept.inference)
            psnr.setdefault(name, []).append(
                kept.scores.get("psnr_y", kept.scores.get("psnr_rgb", -math.inf))
            )
            lpips.setdefault(name, []).append(kept.scores.get("lpips", math.inf))
    order = sorted(psnr, key=lambda name: (-fmean(psnr[name]), name))
    finest = min(order, key=lambda name: fmean(lpips[name]), default=("", ""))
    first = sorted(order, key=lambda name: name[0] != ALWAYS and name != finest)[:MODELS]
    return [name for name in order if name in first], [name for name in order if name not in first]


def labels_of(kept: Sequence[Kept], chosen: Iterable[Name], titles: Mapping[str, str]) -> list[str]:
    """Titles; with the inference where one model is shown under several."""
    models = [model for model, _ in chosen]
    titled = [titles.get(one.model, one.model) for one in kept]
    return [
        f"{title} ({one.inference})" if models.count(one.model) > 1 else title
        for one, title in zip(kept, titled, strict=True)
    ]


def _named(chosen: Iterable[Name]) -> list[Kept]:
    return [Kept(model, inference, ()) for model, inference in chosen]


def _affordable(
    exhibit: Exhibit,
    show: Show,
    chosen: Sequence[Name],
    titles: Mapping[str, str],
    left: int,
    taken: tuple[Box, ...],
) -> Plate | str:
    """The plate that fits into `left` bytes: whole, else crops; else why there is none."""
    if not exhibit.kept:
        return "no prediction of the models shown was kept"
    labels = labels_of(exhibit.kept, chosen, titles)
    try:
        measured = measure(exhibit)
        shows: Sequence[Show] = ("whole", "crops") if show == "whole" else ("crops",)
        plates = (plate_of(exhibit, kind, labels, measured, taken) for kind in shows)
        fitting = next((plate for plate in plates if plate.size <= left), None)
    except SrbenchError as error:
        return str(error)
    if fitting is None:
        return FULL
    if fitting.withheld and not fitting.scenes:
        return f"{round(100 * SHARE)} % of it are shown already, on pages of other scales or protocols"
    return fitting if fitting.scenes else "the models don't differ, so no crop was chosen"


# ----------------------------------------------------------------------------------------- pages


def _files(one: Drawn) -> Iterator[File]:
    items = file_names(plate.item for plate in one.plates)
    for plate in one.plates:
        for name, content in plate.files.items():
            yield File(f"pictures/{one.name}/{items[plate.item]}/{name}", content)


def _pages(one: Drawn, report: Report) -> Iterator[Page]:
    items = file_names(plate.item for plate in one.plates)
    hrefs = [f"{items[plate.item]}.html" for plate in one.plates]
    manifest = one.gallery.dataset.manifest
    rule = Rule(one.show, plain(manifest.licence), manifest.publish)
    lines = []
    for place, plate in enumerate(one.plates):
        view = _item_page(one, plate, items[plate.item], report.catalog.metrics, rule)
        lines.append(ItemLine(view.item, hrefs[place], view.size, (view.strips or view.lead)[0]))
        before, after = ("", *hrefs)[place], (*hrefs, "")[place + 1]
        path = f"pictures/{one.name}/{hrefs[place]}"
        title = f"{view.item}, {view.gallery}"
        yield Page(
            path, "pictures_item.html.j2", title, replace(view, before=before, after=after), _STYLES, _SCRIPTS
        )
    cell = one.gallery.cell
    gallery = GalleryPage(
        title=one.title,
        dataset=plain(cell.dataset),
        dataset_page=report.paths.datasets[cell.dataset],
        signature=plain(cell.signature),
        rule=rule,
        models=one.labels,
        items=tuple(lines),
        left_out=one.left_out,
    )
    yield Page(one.path, "pictures_gallery.html.j2", f"Pictures: {one.title}", gallery, _STYLES)


def _item_page(
    one: Drawn, plate: Plate, folder: str, metrics: Mapping[str, MetricInfo], rule: Rule
) -> ItemPage:
    address = partial("{}/{}".format, folder)
    scenes = scene_views(plate, metrics, address)
    lead = [scene for scene in scenes if scene.whole or plate.show == "crops"]
    return ItemPage(
        item=plain(plate.item),
        gallery=one.title,
        set=plain(one.gallery.dataset.manifest.title),
        size=f"{plate.width} x {plate.height}",
        frames=plate.frames,
        rule=replace(rule, show=plate.show),
        lead=tuple(lead),
        strips=tuple(scene for scene in scenes if scene not in lead),
        profile=profile_view(plate, address),
        before="",
        after="",
        withheld=plate.withheld and plate.show == "crops",
    )


def _list(drawn: Sequence[Drawn]) -> list[Page]:
    lines = [GalleryLine(one.title, one.path, len(one.plates), len(one.labels), one.show) for one in drawn]
    return [Page(PICTURES, "pictures.html.j2", "Pictures", lines, _STYLES)] if lines else []


# -------------------------------------------------------------------------- parts of others' pages


def _on_models(drawn: Sequence[Drawn], report: Report) -> Iterator[Part]:
    links: dict[str, list[tuple[str, str]]] = {}
    for one in drawn:
        for kept in {kept.model for exhibit in one.gallery.exhibits for kept in exhibit.kept}:
            links.setdefault(kept, []).append((one.title, one.path))
    for model, view in sorted(links.items()):
        yield Part(report.paths.models[model], "pictures", "Pictures", "pictures_links.html.j2", view)


def _thumbnails(report: Report, drawn: Sequence[Drawn]) -> tuple[list[Part], list[File]]:
    parts, files = [], []
    for label, path in sorted(report.paths.datasets.items()):
        galleries = tuple((one.title, one.path) for one in drawn if one.gallery.cell.dataset == label)
        dataset = _present(label)
        if dataset is None:
            continue
        show = shown(dataset.manifest, private=report.private)
        found = list(_small(dataset, show, f"datasets/{stem(path)}", report))
        files += [file for file, _ in found]
        more = len(dataset.items) - len(found)
        lines = tuple(line for _, line in found)
        view = Thumbnails(show, dataset.manifest.publish, lines, galleries, more)
        parts.append(Part(path, "pictures", "Pictures", "thumbnails.html.j2", view, _STYLES))
    return parts, files


def _present(label: str) -> Dataset | None:
    """The set, where some of it is here."""
    try:
        dataset = open_dataset(label.partition("[")[0])
    except SrbenchError:
        return None
    return dataset if dataset.items else None


def _small(
    dataset: Dataset, show: Show, folder: str, report: Report
) -> Iterator[tuple[File, tuple[str, str, int, int]]]:
    names = file_names(item.name for item in dataset.items)
    protocol = get_protocol("classic", dataset.scales[0])
    for item in dataset.items[:THUMBNAILS]:
        try:
            frame = dataset.source(item, protocol).hr(0)
        except SrbenchError:  # a file that changed has no picture; `srbench data verify` tells
            continue
        already = shown_of(report, dataset.manifest, item.name)
        if not already:
            disclose(report, dataset.manifest, item.name, [middle(*frame.shape[:2])])
        image = thumbnail(frame, show, already[0] if already else None)
        path = f"{folder}/thumbnail-{names[item.name]}.png"
        yield File(path, encode_png(image)), (plain(item.name), path, image.shape[1], image.shape[0])
