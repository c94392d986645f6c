"""Pages of pictures in a real browser: zoomed together, swiped, stepped through, by mouse, touch and keys."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from srbench.cli import run_main
from srbench.image.io import write_png

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.browser.conftest import Open

SEEN = """images => images.map(image => {
  const box = image.getBoundingClientRect();
  const view = image.closest(".view");
  const edge = view.getBoundingClientRect();
  const part = [
    (edge.left + view.clientLeft - box.left) / box.width,
    (edge.top + view.clientTop - box.top) / box.height,
    view.clientWidth / box.width,
  ];
  return part.map(value => Math.abs(value).toFixed(3)).join(" ");
})"""
"""Which part of its picture each image shows: left, top and width as fractions of it."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A real site: three models on a photograph (whole and as crops) and on a clip of four frames."""
    from skimage import data

    folder = tmp_path_factory.mktemp("pictures")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SRBENCH_HOME", str(folder / "home"))
        patch.chdir(folder)
        coffee: Any = data.coffee()  # type: ignore[no-untyped-call]
        write_png(folder / "one" / "coffee.png", coffee[80:240, 200:400])
        for t in range(4):
            write_png(folder / "moving" / "cup" / f"{t:03}.png", coffee[80:176, 200 + 3 * t : 328 + 3 * t])
        for name in ("one", "moving"):
            assert run_main(["data", "add", name, str(folder / name), "-x", "4"]) == 0
        kept = ["--save-predictions", "--metrics", "psnr_y", "-q"]
        assert run_main(["run", "-m", "bicubic,nearest,lanczos", "-d", "one,moving", *kept]) == 0
        committed = Path(__file__).resolve().parents[2] / "results" / "ablations"
        ablations = ["--ablations", str(committed)] if committed.is_dir() else []
        assert run_main(["report", "--out", "site", "--private", *ablations]) == 0
        assert run_main(["report", "--out", "crops"]) == 0
        assert run_main(["report", "--compare", "bicubic", "lanczos", "nearest", "--out", "mail/c.html"]) == 0
        yield folder


@pytest.fixture
def page(site: Path, open_page: Open) -> Page:
    """The photograph's page; a fault in it fails the test."""
    return open_page(site / "site/pictures/one-x4-classic/coffee.html")


def parts_seen(page: Page) -> list[str]:
    """What each panel of the first viewer shows."""
    found: list[str] = page.locator(".viewer >> nth=0 >> .panels img").evaluate_all(SEEN)
    return found


def wait_until(page: Page, panels: str, seconds: float = 10.0) -> None:
    """Wait until a function of the images is true; the policy of the pages forbids Playwright's wait."""
    ends = time.monotonic() + seconds
    while not page.locator(".panels img").evaluate_all(panels):
        assert time.monotonic() < ends, panels
        page.wait_for_timeout(20)


def center(locator: Locator) -> tuple[float, float]:
    """Of an element, in the window."""
    locator.scroll_into_view_if_needed()
    box = locator.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_all_panels_show_the_same_part_however_it_is_chosen(page: Page) -> None:
    """By buttons, keys, wheel, drag and a crop's name: truth, input and models stay together."""
    assert set(parts_seen(page)) == {"0.000 0.000 1.000"}
    assert len(parts_seen(page)) == 5
    seen = ["0.000 0.000 1.000"]

    def moved() -> None:
        (now,) = set(parts_seen(page))
        assert now != seen[-1]
        seen.append(now)

    page.get_by_role("button", name="Zoom in").click()
    moved()
    page.locator(".panels").focus()
    for key in ("+", "ArrowRight", "ArrowDown", "-", "0"):
        page.keyboard.press(key)
        moved()
    assert seen[-1] == "0.000 0.000 1.000"
    page.mouse.move(*center(page.locator(".view").nth(1)))
    page.mouse.wheel(0, -500)
    moved()
    page.mouse.down()
    x, y = center(page.locator(".view").nth(1))
    page.mouse.move(x - 40, y - 30)
    page.mouse.up()
    moved()
    page.get_by_role("button", name="Crop 1").click()
    moved()
    page.get_by_role("button", name="All").click()
    moved()


def test_the_point_under_the_wheel_stays_where_it_is(page: Page) -> None:
    """At a quarter of the view the picture's quarter is still there at any zoom."""
    page.locator(".panels").evaluate("panels => panels.focus({ preventScroll: true })")
    box = page.locator(".view").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 4)
    page.mouse.wheel(0, -700)
    left, top, width = map(float, parts_seen(page)[0].split())
    assert width < 0.5
    assert left + width / 4 == pytest.approx(0.25, abs=0.01)
    assert top + width / 4 == pytest.approx(0.25, abs=0.01)


def test_a_wheel_over_pictures_that_nobody_chose_scrolls_the_page(page: Page) -> None:
    """Zooming begins with a click or with the control key held."""
    page.mouse.move(*center(page.locator(".view").first))
    page.mouse.wheel(0, -500)
    assert set(parts_seen(page)) == {"0.000 0.000 1.000"}
    page.keyboard.down("Control")
    page.mouse.wheel(0, -500)
    page.keyboard.up("Control")
    assert set(parts_seen(page)) != {"0.000 0.000 1.000"}


def test_two_fingers_zoom(site: Path, open_page: Open) -> None:
    """Apart on one picture, all of them grow around the middle."""
    page = open_page(site / "site/pictures/one-x4-classic/coffee.html", size="phone")
    x, y = center(page.locator(".view").first)
    touch = page.context.new_cdp_session(page)
    for apart, kind in ((10, "touchStart"), (25, "touchMove"), (40, "touchMove"), (0, "touchEnd")):
        fingers = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}] if apart else []
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
    (seen,) = set(parts_seen(page))
    assert 0.15 < float(seen.split()[2]) < 0.5


def test_pixels_are_squares_when_they_are_large(page: Page) -> None:
    """Smooth while the picture is small, pixelated once a pixel covers several of the screen's."""
    style = "image => getComputedStyle(image).imageRendering"
    model = page.locator(".panels img").nth(2)
    page.get_by_role("button", name="Crop 1").click()
    for _ in range(8):
        page.get_by_role("button", name="Zoom in").click()
    assert model.evaluate(style) == "pixelated"


def test_error_maps_take_the_place_of_models_alone(page: Page) -> None:
    """Truth and input stay pictures; pressing again brings the models back."""
    sources = "images => images.map(image => image.getAttribute('src'))"
    before = page.locator(".panels img").evaluate_all(sources)
    page.get_by_role("button", name="Errors").click()
    errors = page.locator(".panels img").evaluate_all(sources)
    assert errors[:2] == before[:2]
    assert all("-error-" in source for source in errors[2:])
    assert page.get_by_role("button", name="Errors").get_attribute("aria-pressed") == "true"
    loaded = "images => images.every(image => image.complete && image.naturalWidth > 0)"
    wait_until(page, loaded)
    page.get_by_role("button", name="Pictures").click()
    assert page.locator(".panels img").evaluate_all(sources) == before


def test_a_swipe_shows_two_models_and_moves_by_keys(page: Page) -> None:
    """The edge follows the slider, the sides their lists; both pictures zoom with all others."""
    page.get_by_text("Swipe between two").click()
    over = page.locator(".layer.over")
    assert "50%" in over.evaluate("layer => getComputedStyle(layer).clipPath")
    page.get_by_label("Edge between them").focus()
    page.keyboard.press("ArrowRight")
    assert "51%" in over.evaluate("layer => getComputedStyle(layer).clipPath")
    page.keyboard.press("Home")
    assert over.evaluate("layer => getComputedStyle(layer).clipPath").startswith("inset(0px")
    page.get_by_label("Right").select_option(label="ground truth")
    assert over.locator("img").get_attribute("src") == "coffee/0-truth-000.png"
    assert over.locator("img").get_attribute("alt") == "ground truth"
    page.locator(".stage").focus()
    page.keyboard.press("+")
    assert len(set(parts_seen(page)) | set(page.locator(".stage img").evaluate_all(SEEN))) == 1
    assert set(parts_seen(page)) != {"0.000 0.000 1.000"}


def test_a_clip_is_stepped_through_by_its_slider(site: Path, open_page: Open) -> None:
    """Every panel shows the chosen frame, in pictures and in errors; the profile is there."""
    page = open_page(site / "site/pictures/moving-x4-video/cup.html")
    slider = page.get_by_label("Frame", exact=False).first
    slider.focus()
    page.keyboard.press("ArrowRight")
    sources = page.locator(".viewer >> nth=0 >> .panels img").evaluate_all(
        "images => images.map(image => image.getAttribute('src'))"
    )
    assert len(sources) == 5
    assert all(source.endswith("-001.png") for source in sources)
    assert page.locator(".frame output").first.inner_text() == "2"
    assert page.locator(".profile img").count() == 4


def test_a_page_of_crops_zooms_each_crop_by_itself(site: Path, open_page: Open) -> None:
    """One viewer a crop, none of them larger than a crop may be."""
    page = open_page(site / "crops/pictures/one-x4-classic/coffee.html")
    assert page.get_by_text("crops alone are shown").count() == 1
    assert page.locator(".viewer").count() >= 1
    largest = page.locator("img").evaluate_all("images => Math.max(...images.map(i => i.naturalWidth))")
    assert largest <= 96
    page.locator(".panels").first.focus()
    page.keyboard.press("+")
    assert set(parts_seen(page)) != {"0.000 0.000 1.000"}


def test_without_script_the_pictures_are_still_there(site: Path, open_page: Open) -> None:
    """And no tool that would do nothing."""
    page = open_page(site / "site/pictures/one-x4-classic/coffee.html", script=False)
    assert page.locator(".panels img").first.is_visible()
    assert not page.locator(".tools").first.is_visible()
    assert not page.locator(".swiping").first.is_visible()


def test_a_mailed_comparison_stands_alone(site: Path, tmp_path: Path, open_page: Open) -> None:
    """Moved elsewhere it still shows every picture, zooms, swipes and shows errors."""
    alone = tmp_path / "moved.html"
    alone.write_bytes((site / "mail" / "c.html").read_bytes())
    page = open_page(alone)
    assert page.locator("img").evaluate_all(
        "images => images.length > 10 && images.filter(i => i.alt).every(i => i.src.startsWith('data:'))"
    )
    page.locator(".panels").first.focus()
    page.keyboard.press("+")
    assert set(parts_seen(page)) != {"0.000 0.000 1.000"}
    page.get_by_role("button", name="Errors").first.click()
    wait_until(page, "images => images.every(image => image.naturalWidth > 0)")
    assert page.locator("nav").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "path",
    [
        "pictures/index.html",
        "pictures/one-x4-classic/index.html",
        "pictures/one-x4-classic/coffee.html",
        "pictures/moving-x4-video/cup.html",
        "datasets/one.html",
        "ablations/index.html",
        "ablations/bn-loss.html",
        "../mail/c.html",
    ],
)
def test_pages_have_no_barrier_and_fit_a_phone(
    site: Path, open_page: Open, audit: Callable[..., list[str]], path: str, scheme: str
) -> None:
    """Axe finds nothing serious; nothing is wider than 390 pixels."""
    if not (site / "site" / path).is_file():
        pytest.skip("left out: no committed ablations beside the tests")
    page = open_page(site / "site" / path, scheme=scheme, size="phone")
    for details in page.locator("details").all():
        details.evaluate("details => { details.open = true; }")
    assert audit(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_plots_of_ablations_and_comparisons_are_saved(site: Path, open_page: Open) -> None:
    """Each plot of such a page has its button, and gives a file."""
    pages = [site / "mail/c.html", site / "site/ablations/bn-loss.html"]
    for path in (path for path in pages if path.is_file()):
        page = open_page(path)
        buttons = page.get_by_role("button", name="Download as SVG")
        assert buttons.count() == page.locator(".figure .canvas svg").count() > 0
        with page.expect_download() as saved:
            buttons.last.click()
        assert saved.value.path().read_text("utf-8").startswith("<svg ")
