"""Boards as one static page: style and script are inlined, nothing is fetched, it opens from a file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from srbench import __version__
from srbench.report.origins import Origin
from srbench.report.views import Board


def html(
    boards: Sequence[Board], counts: Sequence[tuple[str, int]], origins: Sequence[Origin], measured: str
) -> str:
    """The page. All text is escaped; a policy allows this page's own style and script, and nothing else."""
    style, script = _asset("style.css"), _asset("script.js")
    environment = Environment(
        loader=PackageLoader("srbench.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("index.html.j2").render(
        boards=boards,
        counts=counts,
        origins=origins,
        measured=measured,
        version=__version__,
        style=Markup(style),  # noqa: S704 (a file of this package, no text from outside)
        script=Markup(script),  # noqa: S704
        policy=_policy(style, script),
    )


def _asset(name: str) -> str:
    return (files("srbench.report") / "templates" / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    return f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:"


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
