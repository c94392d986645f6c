"""The site: pages, parts that other modules put on them, and files beside them.

Whoever has something to show writes a `Contributor`: a function from the `Report` to a `Contribution`. It
may add whole pages, parts of others' pages (a plot on the index, pictures on a model's page), and files. A
view is a frozen dataclass of plain data, tested as text; its template only loops and escapes. How to add one
stands in CONTRIBUTING.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srbench.report.load import Report
from srbench.store.files import write_whole

INDEX = "index.html"


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        path: in the site, with forward slashes: ``models/imdn.html``.
        template: of ``templates/``; extends ``base.html.j2`` and sees `view`.
        title: of the window.
        styles: of ``templates/``, after ``site.css``; inlined.
        scripts: of ``templates/``, after the page's content; inlined.
    """

    path: str
    template: str
    title: str
    view: Any
    styles: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Link:
    """A page's name in the site's navigation, which stands on every page."""

    name: str
    path: str


@dataclass(frozen=True)
class Part:
    """A section of a page that another module made; it stands after the page's own content.

    Attributes:
        page: the path of its page, as in `Report.paths`; a part of a page that there is not is an error.
        id: of the section, for links; one of its kind on a page.
        title: its heading.
        template: of ``templates/``; a fragment that sees `view`, `id` and `root`, the way to the site.
        styles, scripts: as `Page`; those that several parts of a page share are inlined once.
    """

    page: str
    id: str
    title: str
    template: str
    view: Any
    styles: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()


@dataclass(frozen=True)
class File:
    """A file beside the pages: a picture, a plot to download."""

    path: str
    content: bytes | str


@dataclass(frozen=True)
class Contribution:
    """What a module adds; pages and files may be made one by one, as they are written."""

    nav: Sequence[Link] = ()
    pages: Iterable[Page] = ()
    parts: Sequence[Part] = ()
    files: Iterable[File] = ()


Contributor = Callable[[Report], Contribution]


def write_site(report: Report, out: Path, contributors: Iterable[Contributor]) -> list[Path]:
    """Write everything that the contributors make of a report below `out`; the same report, the same bytes.

    Parts, and links of the navigation, stand in the order of their contributors.

    Raises:
        StorageError: a file can't be written.
        ValueError: two pages or files of one path, a path that leaves the site, or a part without its page.
    """
    contributions = [contribute(report) for contribute in contributors]
    parts: dict[str, list[Part]] = defaultdict(list)
    for contribution in contributions:
        for part in contribution.parts:
            parts[part.page].append(part)
    written = list(_written(contributions, parts, out, private=report.private))
    if parts:
        raise ValueError(f"parts of pages that are not there: {', '.join(sorted(parts))}")
    return written


def _written(
    contributions: Sequence[Contribution], parts: dict[str, list[Part]], out: Path, *, private: bool
) -> Iterator[Path]:
    from srbench.report.render import Renderer  # jinja2 is only needed here

    seen: set[str] = set()
    nav = [link for contribution in contributions for link in contribution.nav]
    renderer = Renderer(nav, private=private)
    for contribution in contributions:
        for page in contribution.pages:
            yield _write(out, page.path, renderer.page(page, parts.pop(page.path, [])), seen)
        for file in contribution.files:
            yield _write(out, file.path, file.content, seen)


def _write(out: Path, path: str, content: bytes | str, seen: set[str]) -> Path:
    steps = path.split("/")
    if path.lower() in seen or any(step in ("", ".", "..") or "\\" in step for step in steps):
        raise ValueError(f"a new path inside the site, not {path!r}")
    seen.add(path.lower())
    return write_whole(out.joinpath(*steps), content, "choose another with --out")
