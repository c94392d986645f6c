"""A real Chromium for the pages that srbench writes: no console error, no request, no serious barrier.

Debian's chromium is driven by Playwright; nothing is downloaded. `.ci/tools` installs what is missing. Where
it stays missing, the tests are skipped and say so.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

HERE = Path(__file__).resolve().parent
AXE = HERE.parents[1] / "build" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LOCAL = ("file:", "data:", "blob:", "about:")
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}

Scheme = Literal["light", "dark"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker runs all of them, so that there is one browser, however many workers there are."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's path: ``SRBENCH_TEST_CHROMIUM``, or the one on the path."""
    named = os.environ.get("SRBENCH_TEST_CHROMIUM", "chromium")
    path = shutil.which(named)
    if path is None:
        pytest.skip(f"left out: no browser {named!r} (.ci/tools installs Debian's chromium)")
    return path


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser for the session."""
    why = "left out: no Playwright (it comes with the extra [test])"
    api = pytest.importorskip("playwright.sync_api", reason=why)
    with api.sync_playwright() as playwright:
        launched: Browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield launched
        launched.close()


@dataclass
class Watch:
    """A page, and what went wrong in it: errors in its console or its script, requests that leave files."""

    page: Page
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen."""
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        self.page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith(LOCAL):
            self.faults.append(f"request: {request.url}")


Open = Callable[..., "Page"]
"""``open_page(path, fragment="", scheme="light", size="desktop")``."""


@pytest.fixture
def open_watched(browser: Browser) -> Iterator[Callable[..., Watch]]:
    """Opens a file in a context of its own and tells what went wrong."""
    contexts = []

    def opened(
        path: Path, fragment: str = "", scheme: Scheme = "light", size: str = "desktop", script: bool = True
    ) -> Watch:
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            is_mobile=size == "phone",
            has_touch=size == "phone",
            java_script_enabled=script,
        )
        contexts.append(context)
        watch = Watch(context.new_page())
        watch.page.set_default_timeout(10_000)
        watch.page.goto(path.resolve().as_uri() + (f"#{fragment}" if fragment else ""))
        return watch

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def open_page(open_watched: Callable[..., Watch]) -> Iterator[Open]:
    """Opens a file; the test fails if anything went wrong in a page that it opened."""
    watches: list[Watch] = []

    def opened(
        path: Path, fragment: str = "", scheme: Scheme = "light", size: str = "desktop", script: bool = True
    ) -> Page:
        watches.append(open_watched(path, fragment, scheme, size, script))
        return watches[-1].page

    yield opened
    assert [fault for watch in watches for fault in watch.faults] == []


@pytest.fixture(scope="session")
def axe_source() -> str:
    """axe-core's script: the file that ``SRBENCH_TEST_AXE`` names, or what `.ci/tools` installed."""
    path = Path(os.environ.get("SRBENCH_TEST_AXE") or AXE)
    if not path.is_file():
        pytest.skip(f"left out: no axe-core in {path} (.ci/tools installs it by npm)")
    return path.read_text(encoding="utf-8")


@pytest.fixture
def audit(axe_source: str) -> Callable[..., list[str]]:
    """The serious and critical findings of axe-core in a page, or in what a selector names of it."""

    def audited(page: Page, selector: str = "html") -> list[str]:
        page.evaluate(axe_source)
        asked = "axe.run(document.querySelector(selector), {resultTypes: ['violations']})"
        found = page.evaluate(f"async (selector) => (await {asked}).violations", selector)
        return [
            f"{finding['id']} ({finding['impact']}): {node['target']}: {node['failureSummary']}"
            for finding in found
            for node in finding["nodes"]
            if finding["impact"] in ("serious", "critical")
        ]

    return audited
