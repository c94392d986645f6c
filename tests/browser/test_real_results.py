"""The site of this repository's own results in a real browser: from its files, and nobody is shut out."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from srbench.report.write import write_report

if TYPE_CHECKING:
    from tests.browser.conftest import Open

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "results" / "leaderboard"
PAGES = ("index.html", "plots/classic-x4.html", "models/imdn.html", "datasets/bsd100.html", "models.html")
pytestmark = pytest.mark.skipif(
    not RESULTS.is_dir(), reason="left out: no results/leaderboard beside the tests"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``srbench report --results results/leaderboard`` writes."""
    out = tmp_path_factory.mktemp("site")
    timed = sorted(path.parent for path in (ROOT / "results" / "timings").glob("*/timings.jsonl"))
    write_report(RESULTS, out, ["html"], timed=timed)
    return out


@pytest.mark.parametrize(("scheme", "size"), [("light", "desktop"), ("dark", "phone")])
def test_pages_of_the_real_results_shut_nobody_out(
    site: Path, open_page: Open, audit: Callable[..., list[str]], scheme: str, size: str
) -> None:
    """axe-core finds nothing serious, no page logs an error or asks the network, a phone scrolls down."""
    for path in PAGES:
        page = open_page(site / path, scheme=scheme, size=size)
        assert audit(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= screen.width"), path


def test_every_link_of_the_real_site_leads_somewhere(site: Path) -> None:
    """To a file that is there, and within it to an element of that id."""
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        for link in re.findall(r'<a [^>]*?href="([^"]+)"', text):
            path, _, fragment = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.is_file(), (page, link)
            if fragment and "=" not in fragment:
                assert f'id="{fragment}"' in target.read_text("utf-8"), (page, link)
