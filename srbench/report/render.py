"""Pages as text: style and script are inlined, nothing is fetched, each opens from its file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from srbench import __version__
from srbench.report.site import Link, Page, Part

STYLE = "site.css"


@dataclass(frozen=True)
class Section:
    """A part as its page shows it."""

    id: str
    title: str
    html: Markup


class Renderer:
    """Renders the pages of one site.

    All text is escaped; a policy allows each page its own styles and scripts, and pictures beside it, and
    nothing else. Templates may not use ``style`` attributes: the policy forbids them.
    """

    def __init__(self, nav: Sequence[Link], *, private: bool = False) -> None:
        self.nav = nav
        self.environment = Environment(
            loader=PackageLoader("srbench.report", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self.environment.filters["json"] = json_text
        self.environment.globals["private"] = private

    def page(self, page: Page, parts: Sequence[Part]) -> str:
        """A page with its parts."""
        styles = _once(STYLE, *page.styles, *(name for part in parts for name in part.styles))
        scripts = _once(*page.scripts, *(name for part in parts for name in part.scripts))
        root = "../" * page.path.count("/")
        return self.environment.get_template(page.template).render(
            view=page.view,
            title=page.title,
            here=page.path,
            root=root,
            nav=self.nav,
            sections=[self._section(part, root) for part in parts],
            version=__version__,
            styles=[_asset(name) for name in styles],
            scripts=[_asset(name) for name in scripts],
            policy=_policy(styles, scripts),
        )

    def _section(self, part: Part, root: str) -> Section:
        template = self.environment.get_template(part.template)
        return Section(
            part.id,
            part.title,
            Markup(template.render(view=part.view, id=part.id, root=root)),  # noqa: S704 (escaped by its template)
        )


def json_text(value: Any) -> Markup:
    """Plain data or dataclasses as JSON for the inside of a ``script`` element.

    Keys are sorted; infinities and NaN are null. No character of it means anything there: no text can
    close the element.
    """
    text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    for character in "<>&'\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 (as above)


def _once(*names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


@cache
def _asset(name: str) -> Markup:
    """A style or script of this package: no text from outside."""
    return Markup((files("srbench.report") / "templates" / name).read_text(encoding="utf-8"))  # noqa: S704


@cache
def _policy(styles: tuple[str, ...], scripts: tuple[str, ...]) -> str:
    allowed = " ".join(map(_hash, scripts)) or "'none'"
    return (
        f"default-src 'none'; style-src {' '.join(map(_hash, styles))}; script-src {allowed}; "
        "img-src 'self' data: file:"
    )


def _hash(name: str) -> str:
    digest = hashlib.sha256(_asset(name).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
