"""A page for each test set: what it consists of, what may be done with it, and where it stands on boards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from srbench.data.manifest import Item, Manifest
from srbench.report.load import Report
from srbench.report.names import stem
from srbench.report.plain import plain
from srbench.report.site import INDEX, Contribution, Link, Page
from srbench.report.views import Board
from srbench.store.aggregate import CellResult

LIST = "datasets.html"
_PUBLISHED = {"whole": "whole pictures", "crops": "small crops alone"}


@dataclass(frozen=True)
class ItemLine:
    """An image or clip of a set: width x height in pixels, and the digest of its decoded pixels."""

    name: str
    size: str
    frames: int
    pixels: str


@dataclass(frozen=True)
class BoardLine:
    """A board that the set stands on."""

    name: str
    href: str
    signature: str
    models: int
    pixels: str


@dataclass(frozen=True)
class DatasetPage:
    """What a set's page shows; a fact that is not known is an empty text."""

    name: str
    title: str
    known: bool
    facts: tuple[tuple[str, str], ...]
    boards: tuple[BoardLine, ...]
    items: tuple[ItemLine, ...]


@dataclass(frozen=True)
class DatasetLine:
    """A set in the list of sets."""

    path: str
    name: str
    title: str
    items: int
    kind: str
    licence: str
    cells: int


def dataset_pages(report: Report) -> Contribution:
    """The list of test sets, and a page for each."""
    by_set: dict[str, list[CellResult]] = defaultdict(list)
    for result in report.results:
        by_set[result.cell.dataset].append(result)
    lines = [_line(name, results, report) for name, results in sorted(by_set.items())]
    pages = [Page(LIST, "datasets.html.j2", "Test sets", lines)]
    for name, results in by_set.items():
        view = dataset_page(name, results, report)
        pages.append(Page(report.paths.datasets[name], "dataset.html.j2", view.title, view))
    return Contribution([Link("Test sets", LIST)], pages)


def _line(name: str, results: Sequence[CellResult], report: Report) -> DatasetLine:
    manifest = report.manifests.get(name)
    return DatasetLine(
        path=report.paths.datasets[name],
        name=plain(name),
        title=_title(name, manifest),
        items=max(result.expected for result in results),
        kind=_kind(manifest),
        licence=plain(manifest.licence) if manifest is not None else "",
        cells=len(results),
    )


def _title(name: str, manifest: Manifest | None) -> str:
    """``Urban100``, or ``Urban100, 24 of its items`` for ``urban100[24]``."""
    if manifest is None:
        return plain(name)
    part = name.partition("[")[2].rstrip("]")
    return plain(f"{manifest.title}, {part} of its {len(manifest.items)}" if part else manifest.title)


def _kind(manifest: Manifest | None) -> str:
    if manifest is None:
        return ""
    return "video clips" if manifest.kind == "clip" else "still images"


def dataset_page(name: str, results: Sequence[CellResult], report: Report) -> DatasetPage:
    """A set's page.

    Args:
        name: as its cells have it.
        results: its cells.
        report: what else is known.
    """
    manifest = report.manifests.get(name)
    return DatasetPage(
        name=plain(name),
        title=_title(name, manifest),
        known=manifest is not None,
        facts=tuple(_facts(name, results, manifest, private=report.private)),
        boards=tuple(_boards(name, report)),
        items=tuple(map(_item, manifest.items)) if manifest is not None else (),
    )


def _facts(
    name: str, results: Sequence[CellResult], manifest: Manifest | None, *, private: bool
) -> Iterator[tuple[str, str]]:
    """What is known of a set, as label and text; never a folder of this machine."""
    yield "name", plain(name)
    yield "pixels", plain(", ".join(dict.fromkeys(result.cell.pixels for result in results)))
    if manifest is None:
        return
    facts = {
        "kind": _kind(manifest),
        "items": str(len(manifest.items)),
        "scales": ", ".join(f"x{scale}" for scale in manifest.scales),
        "licence": manifest.licence,
        "pictures here": "whole pictures, privately" if private else _PUBLISHED[manifest.publish],
        "may be published": _PUBLISHED[manifest.publish] if private else "",
        "citation": manifest.citation,
        "comes from": ", ".join((*manifest.roots, *([manifest.package] if manifest.package else []))),
    }
    yield from ((label, plain(text)) for label, text in facts.items() if text)


def _boards(name: str, report: Report) -> Iterator[BoardLine]:
    for board in report.boards:
        for group in board.groups:
            if not group.cost and group.key[0] == name:
                href = f"{INDEX}#{stem(report.paths.boards[board.key])}"
                yield BoardLine(
                    board.name, href, board.signature, _models(board, group.dataset), group.pixels
                )


def _models(board: Board, dataset: str) -> int:
    """Rows with a number of the set."""
    places = [i for i, column in enumerate(board.columns) if column.dataset == dataset and not column.cost]
    return sum(any(row.entries[i].value is not None for i in places) for row in board.rows)


def _item(item: Item) -> ItemLine:
    height, width = item.frames[0].shape[:2]
    return ItemLine(plain(item.name), f"{width} x {height}", len(item.frames), item.pixels)
