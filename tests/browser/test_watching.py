"""The fixtures themselves: what they watch for is seen, and a clean page passes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.browser.conftest import Open, Watch

CLEAN = "<!doctype html><html lang=en><title>t</title><main><h1>A page</h1><p>Text.</p></main></html>"


def page(text: str) -> Path:
    """A file with this page."""
    path = Path("page.html")
    path.write_text(text, encoding="utf-8")
    return path


def test_a_clean_page_passes(open_page: Open, audit: Callable[..., list[str]]) -> None:
    """Nothing is said of it, and it shows what it holds."""
    opened = open_page(page(CLEAN))
    assert opened.locator("h1").inner_text() == "A page"
    assert audit(opened) == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<script>console.error('oh')</script>", "console: oh"),
        ("<script>undefinedName()</script>", "page error: "),
        ("<img alt='' src='http://127.0.0.1:9/x.png'>", "request: http://127.0.0.1:9/x.png"),
    ],
)
def test_what_goes_wrong_is_seen(open_watched: Callable[..., Watch], body: str, fault: str) -> None:
    """An error in the console, one in a script, a request to a server."""
    watch = open_watched(page(CLEAN + body))
    assert any(seen.startswith(fault) for seen in watch.faults), watch.faults


def test_a_barrier_is_found(open_page: Open, audit: Callable[..., list[str]]) -> None:
    """A picture without words, and text that is too pale."""
    pale = "<p style='color:#ccc;background:#fff'>pale</p>"
    found = audit(open_page(page(CLEAN.replace("<p>", f"<img src='data:,'>{pale}<p>"))))
    assert {one.split()[0] for one in found} == {"image-alt", "color-contrast"}


def test_dark_and_phone_are_emulated(open_page: Open) -> None:
    """The page is told of both."""
    opened = open_page(page(CLEAN), scheme="dark", size="phone")
    assert opened.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") is True
    assert opened.evaluate("screen.width") == 390
