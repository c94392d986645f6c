"""Plots in a real browser: pointer, keyboard, legend, choice, schemes, and no barrier; nothing overlaps."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from srbench.report.write import write_report

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.browser.conftest import Open
    from tests.conftest import Ladder

SLUG = "classic-x4-set16"
BOXES = """figure => ['.labels text', '.points .mark'].map(kind => [...figure.querySelectorAll(kind)]
  .map(one => one.getBoundingClientRect()).map(b => [b.left, b.top, b.right, b.bottom]))"""
HOSTILE = [
    "<script>window.hacked=1</script>",
    "'\"><img src=x onerror=window.hacked=1>",
    "模型 🚀 " + "long" * 90,
]


@pytest.fixture
def site(ladder: Ladder, tmp_path: Path) -> Path:
    """The site of a made-up result set."""
    write_report(ladder(), tmp_path / "site", ["html"])
    return tmp_path / "site"


def figure(page: Page, kind: str = "latency") -> Locator:
    """One plot of the board."""
    return page.locator(f"#{SLUG}-{kind}")


def test_a_mark_says_its_values_to_pointer_and_keyboard(site: Path, open_page: Open) -> None:
    """A tip beside the mark; arrow keys go from mark to mark and are spoken; Escape ends it."""
    page = open_page(site / "plots/classic-x4.html", f"{SLUG}-latency")
    shown = figure(page)
    tip, said = shown.locator(".tip"), shown.locator(".said")
    shown.locator(".point", has=page.locator("path")).nth(3).locator(".mark").hover()
    words = tip.inner_text()
    assert "PSNR-Y on set16" in words
    assert " ms" in words
    page.mouse.move(2, 2)
    assert tip.is_hidden()
    shown.locator(".canvas").focus()
    page.keyboard.press("Home")
    assert said.inner_text().startswith("Nearest neighbour: PSNR-Y on set16 26.05 dB, Latency 1.00 ms")
    page.keyboard.press("ArrowRight")
    assert said.inner_text().startswith("Bicubic: ")
    page.keyboard.press("End")
    assert said.inner_text().startswith("VDSR: ")
    assert shown.locator(".pointed").count() == 1
    page.keyboard.press("Escape")
    assert tip.is_hidden()
    assert shown.locator(".pointed").count() == 0


def test_rows_say_their_values_too(site: Path, open_page: Open) -> None:
    """Anywhere in a row; the arrow keys go from row to row."""
    page = open_page(site / "plots/classic-x4.html", f"{SLUG}-ranks")
    shown = figure(page, "ranks")
    shown.locator(".canvas").focus()
    for key in ("ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    assert shown.locator(".said").inner_text().startswith("SRResNet, retrained by krasserm: rank 2")


def test_the_legend_hides_and_shows_a_family(site: Path, open_page: Open) -> None:
    """Marks and names; the button says its state."""
    page = open_page(site / "plots/classic-x4.html", f"{SLUG}-latency")
    shown = figure(page)
    button = shown.get_by_role("button", name="interpolation")
    marks = shown.locator(".point:visible")
    before = marks.count()
    button.click()
    assert (button.get_attribute("aria-pressed"), marks.count()) == ("false", before - 2)
    assert shown.get_by_text("Bicubic", exact=True).locator("visible=true").count() == 0
    button.press("Enter")
    assert (button.get_attribute("aria-pressed"), marks.count()) == ("true", before)


def test_one_plot_is_shown_at_a_time_and_links_name_it(site: Path, open_page: Open) -> None:
    """By the list, and by the address."""
    page = open_page(site / "plots/classic-x4.html", f"{SLUG}-plane")
    assert page.locator(".figure:visible").evaluate_all("found => found.map(one => one.id)") == [
        f"{SLUG}-plane"
    ]
    page.get_by_label("Plot").select_option(f"{SLUG}-images")
    assert page.locator(".figure:visible").evaluate_all("found => found.map(one => one.id)") == [
        f"{SLUG}-images"
    ]


def test_without_script_all_plots_are_there(site: Path, open_page: Open) -> None:
    """And their tables, and the way to their files."""
    page = open_page(site / "plots/classic-x4.html", script=False)
    assert page.locator(".figure:visible").count() == 6
    assert page.locator(".figure table").count() == 6
    link = figure(page).get_by_role("link", name="Download as SVG").get_attribute("href")
    assert (site / "plots" / str(link)).resolve().is_file()


def test_texts_in_a_plot_do_not_overlap(site: Path, open_page: Open) -> None:
    """As the browser draws them: no name over another, none over a mark."""
    page = open_page(site / "plots/classic-x4.html", f"{SLUG}-plane")
    for kind in ("latency", "params", "macs", "plane"):
        page.get_by_label("Plot").select_option(f"{SLUG}-{kind}")
        names, marks = figure(page, kind).evaluate(BOXES)
        assert len(names) >= len(marks) - 1, kind
        for first, second in [*combinations(names, 2), *((name, mark) for name in names for mark in marks)]:
            apart_x = first[0] >= second[2] - 1 or second[0] >= first[2] - 1
            # A line of text is taller than its letters: neighbours' boxes may touch by their leading.
            assert apart_x or first[1] >= second[3] - 4 or second[1] >= first[3] - 4, (kind, first, second)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_no_barrier_is_found(
    site: Path, open_page: Open, audit: Callable[..., list[str]], scheme: str, size: str
) -> None:
    """axe-core has nothing serious to say, and a phone scrolls inside the plot, not the page."""
    page = open_page(site / "plots/classic-x4.html", f"{SLUG}-ranks", scheme=scheme, size=size)
    page.locator(".figure:visible details").last.locator("summary").click()
    assert audit(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= screen.width")


def test_schemes_change_the_colours(site: Path, open_page: Open) -> None:
    """The same mark, light and dark."""
    fills = [
        figure(open_page(site / "plots/classic-x4.html", f"{SLUG}-latency", scheme=scheme))
        .locator(".s0 .mark")
        .last.evaluate("one => getComputedStyle(one).fill")
        for scheme in ("light", "dark")
    ]
    assert fills == ["rgb(17, 83, 202)", "rgb(103, 146, 255)"]


def test_a_file_opens_by_itself(site: Path, open_page: Open) -> None:
    """With its heading, its legend and its own colours."""
    page = open_page(site / "plots" / f"{SLUG}-latency.svg", scheme="dark")
    texts = page.evaluate("[...document.querySelectorAll('text')].map(one => one.textContent)")
    assert "PSNR-Y on set16 against latency" in texts
    assert {"imdn", "interpolation", "vdsr"} <= set(texts)
    assert page.evaluate("getComputedStyle(document.querySelector('.s0 .mark')).fill") == "rgb(17, 83, 202)"


def test_hostile_names_are_texts(ladder: Ladder, tmp_path: Path, open_page: Open) -> None:
    """In tips, tables, labels and options; nothing of them runs."""
    rung = ladder.rungs["imdn"]
    write_report(ladder(dict.fromkeys(HOSTILE, rung), folder="hostile"), tmp_path / "hostile-site", ["html"])
    (path,) = (tmp_path / "hostile-site" / "plots").glob("*.html")
    page = open_page(path)
    page.locator(".figure:visible .canvas").first.focus()
    said = set()
    for _ in HOSTILE:
        page.keyboard.press("ArrowRight")
        said.add(page.locator(".figure:visible .said").first.inner_text().partition(": PSNR-Y")[0].strip())
    assert said == {name.strip() for name in HOSTILE}
    assert page.evaluate("window.hacked") is None


def test_a_plot_without_a_file_of_its_own_is_saved_with_its_colours(
    site: Path, open_page: Open, tmp_path: Path
) -> None:
    """What the page shows, as a file that needs no style sheet; from `file://` too, without a request."""
    page = open_page(site / "models/vdsr.html", scheme="dark")
    shown = page.locator(".figure").first
    with page.expect_download() as saved:
        shown.get_by_role("button", name="Download as SVG").click()
    assert saved.value.suggested_filename.endswith(".svg")
    saved.value.save_as(tmp_path / "plot.svg")
    root = ElementTree.parse(tmp_path / "plot.svg").getroot()  # noqa: S314 - our own picture
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root[0].attrib["fill"] == shown.evaluate("figure => getComputedStyle(figure).backgroundColor")
    mark = root.find(".//{*}path[@class='mark']")
    box = root.find(".//{*}*[@class='box']")
    drawn = mark if mark is not None else box
    assert drawn is not None
    assert drawn.attrib["stroke"].startswith("rgb")
