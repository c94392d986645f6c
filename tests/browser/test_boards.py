"""The leaderboard in a real browser: sorting, filters, columns, address, keyboard, no script, many rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from srbench.comparison.write import write_comparison
from srbench.report.write import write_report
from srbench.store.journal import Journal
from srbench.types import Cell, Record, Status

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Open
    from tests.conftest import Ladder

BOARD = "section.board:not([hidden])"
HOSTILE = [
    "</script><script>window.hacked=1</script>",
    "\"'><img src=x onerror=window.hacked=1>",
    "abc\u202egnp",
]


@pytest.fixture
def site(ladder: Ladder, tmp_path: Path) -> Path:
    """Eight models on two sets, one skipped with a reason, and models of hostile names that failed."""
    run = ladder()
    ladder(dataset="set20", images=20)
    with Journal(run / "journal.jsonl") as journal:
        journal.append(_standing("edsr", Status.SKIPPED, "weights can't be reached"))
        for name in HOSTILE:
            journal.append(_standing(name, Status.FAILED, name))
    write_report(run, tmp_path / "site", ["html"])
    return tmp_path / "site"


def _standing(model: str, status: Status, reason: str) -> Record:
    from srbench.protocols import get_protocol

    signature = get_protocol("classic", 4).signature
    cell = Cell(model, "set16", 4, "classic", signature, "torch|float32|cpu|whole", "0123456789abcdef")
    return Record(cell, "", 16, status, reason)


def titles(page: Page) -> list[str]:
    """The models in the order shown."""
    return page.locator(f"{BOARD} tbody th.model a").all_inner_texts()


def status(page: Page) -> str:
    """What a screen reader is told."""
    return page.locator("#status").inner_text()


def address(page: Page) -> str:
    """The fragment of the page's address."""
    return str(page.evaluate("location.hash.slice(1)"))


def header(page: Page, name: str, group: str = "set16") -> str:
    """A selector of a column's header, by its title and its set's."""
    place = page.evaluate(
        """([name, group]) => {
            const groups = [...document.querySelectorAll('section.board:not([hidden]) [data-group]')];
            const widths = groups.map((g) => g.colSpan);
            const at = groups.findIndex((g) => g.textContent.includes(group));
            const from = widths.slice(0, at).reduce((a, b) => a + b, 0);
            const all = document.querySelectorAll('section.board:not([hidden]) tr + tr th[data-column]');
            const mine = [...all].slice(from, from + widths[at]);
            return mine.find((h) => h.textContent.includes(name)).dataset.column;
        }""",
        [name, group],
    )
    return f"{BOARD} th[data-column='{place}']"


def test_a_header_sorts_and_says_so(site: Path, open_page: Open) -> None:
    """Best first, then worst first; the header, the live region and the address agree; keys do the same."""
    page = open_page(site / "index.html")
    best_first = titles(page)
    assert page.locator(header(page, "PSNR-Y")).get_attribute("aria-sort") == "descending"
    page.locator(header(page, "PSNR-Y")).locator("button").click()
    assert page.locator(header(page, "PSNR-Y")).get_attribute("aria-sort") == "ascending"
    assert titles(page)[0] == best_first[7]
    assert titles(page)[7] == best_first[0]
    assert titles(page)[8:] == best_first[8:]  # dashes stay last
    assert "by PSNR-Y on set16, worst first" in status(page)
    assert "s=-set16.psnr-y" in address(page)
    page.locator(header(page, "LPIPS", "set20")).locator("button").focus()
    page.keyboard.press("Enter")
    assert page.locator(header(page, "LPIPS", "set20")).get_attribute("aria-sort") == "ascending"
    assert "by LPIPS (AlexNet) on set20." in status(page)


def test_filters_leave_what_matches(site: Path, open_page: Open) -> None:
    """Family, parameters, weights and text, together; the count is told, and Reset brings all back."""
    page = open_page(site / "index.html")
    every = titles(page)
    page.locator("[name=f]").select_option("interpolation")
    assert set(titles(page)) <= {"Nearest neighbour", "Bilinear", "Bicubic", "Lanczos (3 lobes)"}
    page.locator("[name=q]").fill("BIC")
    assert titles(page) == ["Bicubic"]
    assert status(page).startswith(f"1 of {len(every)} rows")
    page.locator("#tools [type=reset]").click()
    assert titles(page) == every
    page.locator("[name=p]").fill("1")
    small = titles(page)
    assert "IMDN" in small
    assert "EDSR" not in small
    page.locator("[name=w]").select_option("published")
    assert "IMDN" in titles(page)
    assert "Bicubic" not in titles(page)


def test_an_address_brings_the_same_view_back(site: Path, open_page: Open) -> None:
    """All that was chosen stands in the address; opened anew, it gives the same rows, columns and fields."""
    page = open_page(site / "index.html")
    page.locator("[name=p]").fill("2.5")
    page.locator("[name=q]").fill("e")
    page.locator(".choice summary").click()
    page.locator("[name=m][value=ssim_y], [name=m][value=latency]").first.uncheck()
    page.locator("[name=d][value=set20]").uncheck()
    page.locator("[name=pub]").uncheck()
    page.locator("[name=blank]").uncheck()
    page.keyboard.press("Escape")
    page.locator(header(page, "LPIPS")).locator("button").click()
    again = open_page(site / "index.html", address(page))
    shown = "[...document.querySelectorAll('section.board:not([hidden]) :is(th, td)')].filter(e => !e.hidden)"
    text = f"{shown}.map(e => e.textContent).join('|')"
    assert again.evaluate(text) == page.evaluate(text)
    fields = "[...document.getElementById('tools').elements].map(e => [e.name, e.value, e.checked])"
    assert again.evaluate(fields) == page.evaluate(fields)
    assert status(again) == status(page)


@pytest.mark.parametrize("stale", ["f=nosuch", "t=nosuch", "w=nosuch"])
def test_an_address_of_what_is_no_more_shows_all(site: Path, open_page: Open, stale: str) -> None:
    """A value that no field offers is ignored, and what else the address says holds."""
    every = titles(open_page(site / "index.html"))
    assert titles(open_page(site / "index.html", stale)) == every
    assert titles(open_page(site / "index.html", f"{stale}&q=bicubic")) == ["Bicubic"]


def test_long_titles_and_differences_fit(ladder: Ladder, tmp_path: Path, open_page: Open) -> None:
    """A heading without a space breaks; a comparison's table shows its last column."""
    run = ladder()
    with Journal(run / "journal.jsonl") as journal:
        journal.append(_standing("long" * 50, Status.FAILED, "broken"))
    write_report(run, tmp_path / "site", ["html"])
    (path,) = (tmp_path / "site" / "models").glob("long*.html")
    wide = "(element) => element.scrollWidth > element.clientWidth"
    assert not open_page(path).locator("html").evaluate(wide)
    page = open_page(write_comparison(run, ["bicubic", "imdn"], tmp_path / "c.html"))
    page.set_viewport_size({"width": 1180, "height": 800})
    assert not page.locator(".scroll:has(.against)").evaluate(wide)


def test_columns_are_chosen(site: Path, open_page: Open) -> None:
    """A metric and a set disappear from head and body alike, and the group spans what is left."""
    page = open_page(site / "index.html")
    lpips = header(page, "LPIPS")
    page.locator(".choice summary").click()
    page.locator("[name=m][value=lpips]").uncheck()
    page.locator("[name=d][value=set20]").uncheck()
    heads = page.locator(f"{BOARD} th[data-column]:visible").count() - 1
    cells = page.locator(f"{BOARD} tbody tr").first.locator("td:visible").count() - 1
    assert heads == cells
    assert not page.locator(lpips).is_visible()
    assert "set20" not in page.locator(f"{BOARD} thead").inner_text()


def test_the_script_draws_the_very_rows_that_the_page_came_with(site: Path, open_page: Open) -> None:
    """After sorting there and back the table's body is what stands in the file."""
    rows = f"document.querySelector('{BOARD} tbody').innerHTML.replace(/>\\s+</g, '><').trim()"
    came = open_page(site / "index.html", script=False)
    page = open_page(site / "index.html")
    page.locator(f"{BOARD} th[data-column=model] button").click()
    page.locator("#tools [type=reset]").click()
    assert page.evaluate(rows) == came.evaluate(rows)


def test_ties_share_a_band(site: Path, open_page: Open) -> None:
    """Every measured row has its interval of ranks; neighbours of one band have one colour of bar."""
    page = open_page(site / "index.html")
    ranks = page.locator(f"{BOARD} td.rank.band")
    assert ranks.count() == 8
    assert ranks.first.inner_text().startswith("1")
    assert "95%" in str(page.locator(f"{BOARD} thead .rank").get_attribute("title"))
    page.locator(f"{BOARD} th[data-column=model] button").click()
    assert ranks.count() == 0  # by name, neighbours are not tied


def test_a_skip_stays_with_its_reason_and_a_note_keeps_the_address(site: Path, open_page: Open) -> None:
    """A dash is a link to its note, which gets the focus; the address keeps the view."""
    page = open_page(site / "index.html", "b=classic-x4&q=edsr")
    page.locator(f"{BOARD} td[title*='reached'] sup a").first.click()
    assert "weights can't be reached" in page.evaluate("document.activeElement.textContent")
    assert address(page) == "b=classic-x4&q=edsr"


def test_without_script_there_is_a_plain_table(site: Path, open_page: Open) -> None:
    """All rows and reasons are there to be read, and no tool that would do nothing."""
    page = open_page(site / "index.html", script=False)
    assert len(titles(page)) == 8 + 1 + len(HOSTILE)
    assert not page.locator("#tools").is_visible()
    assert "weights can't be reached" in page.locator(".notes").inner_text()


def test_hostile_names_are_text_in_every_page(site: Path, open_page: Open) -> None:
    """In the table, after the script has drawn it, on their own pages and in the list."""
    page = open_page(site / "index.html")
    page.locator(f"{BOARD} th[data-column=model] button").click()
    assert set(HOSTILE[:2]) <= set(titles(page))
    assert "abc\\u202egnp" in titles(page)
    for name in HOSTILE[:2]:
        page.locator(f"{BOARD} tbody th.model a", has_text=name).click()
        assert page.locator("h1").inner_text() == name
        assert page.evaluate("window.hacked") is None
        page.go_back()


def test_an_address_opens_the_cell_that_it_names(site: Path, open_page: Open) -> None:
    """A model's page, opened at one of its cells, shows that cell's images and its command."""
    page = open_page(site / "models/imdn.html", "classic-x4-set16")
    assert page.locator("#classic-x4-set16 pre").is_visible()
    assert page.locator("#classic-x4-set16 tbody tr").first.is_visible()
    assert not page.locator("#classic-x4-set20 pre").is_visible()


def test_many_rows_come_as_one_scrolls(ladder: Ladder, open_page: Open, tmp_path: Path) -> None:
    """A hundred stand in the file, all on a plain page; the script draws on, and all of them if asked."""
    run = ladder()
    with Journal(run / "journal.jsonl") as journal:
        for number in range(250):
            journal.append(_standing(f"model{number:03}", Status.SKIPPED, "not today"))
    write_report(run, tmp_path / "site", ["html"])
    page = open_page(tmp_path / "site" / "index.html")
    rows = page.locator(f"{BOARD} tbody tr")
    assert 100 <= rows.count() < 258
    page.locator("[name=q]").fill("model")
    assert status(page).startswith("250 of 258 rows")
    assert rows.count() < 250
    page.locator(f"{BOARD} .more button").click()
    assert rows.count() == 250
    page.locator(f"{BOARD} .more a").click()
    assert page.locator("tbody tr").count() == 258


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_pages_fit_and_have_no_barrier(
    site: Path, open_page: Open, audit: Callable[..., list[str]], scheme: str, size: str
) -> None:
    """Leaderboard, lists, a model, a set: no serious finding, nothing wider than the window."""
    places = ("index.html", "models.html", "datasets.html", "models/imdn.html", "datasets/set16.html")
    for place in places:
        page = open_page(site / place, scheme=scheme, size=size)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), place
        assert audit(page) == [], place


def test_a_print_has_the_table_alone(site: Path, open_page: Open) -> None:
    """No tools, no navigation, nothing cut off."""
    page = open_page(site / "index.html")
    page.emulate_media(media="print")
    assert not page.locator("#tools, .bar, nav.boards").filter(visible=True).count()
    assert page.evaluate("getComputedStyle(document.querySelector('.scroll')).overflowX") == "visible"
