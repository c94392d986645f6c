"""Pages of pictures: what a licence allows, what a budget leaves, names that would like to be markup."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from srbench.pictures.choose import Crop
from srbench.pictures.exhibits import Exhibit, Kept
from srbench.pictures.local import Box
from srbench.pictures.plates import CROP, MODELS, SHARE, Panel, Plate, Scene
from srbench.report import picture_pages
from srbench.report.picture_pages import choose_models, labels_of
from srbench.report.scenes import scene_views
from srbench.report.write import write_report
from srbench.store.journal import Journal, read_journal

RUN = Path("results/runs/main")


@pytest.fixture
def run(mini: str, srbench: Any) -> Path:
    """Kept predictions of three models on a set of two small photographs, whose note allows crops alone."""
    argv = ["run", "-m", "bicubic,nearest,lanczos", "-d", mini, "-x", "4", "--metrics", "psnr_y"]
    assert srbench(*argv, "--save-predictions", "-q").code == 0
    return RUN


def pictures(site: Path) -> dict[str, tuple[int, int]]:
    """The size of every PNG of a site, by its path."""
    return {p.relative_to(site).as_posix(): Image.open(p).size for p in sorted(site.rglob("*.png"))}


class Addresses(HTMLParser):
    """Collects what a page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Links and files, those of a viewer's other frames and errors too."""
        for name, value in attrs:
            if name in ("href", "src"):
                self.found.append(value or "")
            if name in ("data-pictures", "data-errors"):
                self.found += (value or "").split(" ")


def addresses(site: Path) -> Iterator[tuple[Path, str]]:
    """Every address that isn't part of its page, with the page."""
    for page in site.rglob("*.html"):
        parser = Addresses()
        parser.feed(page.read_text(encoding="utf-8"))
        yield from ((page, one) for one in parser.found if not one.startswith(("data:", "#")))


def test_a_site_of_a_set_of_which_crops_may_be_shown_has_no_larger_picture(run: Path) -> None:
    """Not a crop, a map, a profile or a thumbnail; all crops of an item are at most a quarter of it."""
    write_report(run, Path("site"), ["html"])
    found = pictures(Path("site"))
    assert any(name.startswith("pictures/") for name in found)
    assert any(name.startswith("datasets/") for name in found)
    assert all(max(size) <= min(CROP, 64) for size in found.values()), "mini's shorter sides are 96 and 128"
    for item, area in (("coffee", 128 * 160), ("camera", 96 * 112)):
        crops = [size for name, size in found.items() if re.search(rf"/{item}/\d-truth-000\.png$", name)]
        assert crops
        assert sum(width * height for width, height in crops) <= SHARE * area


def places(truth: np.ndarray, part: np.ndarray) -> tuple[slice, slice]:
    """Where a part lies in its picture: its pixels are found there."""
    height, width = part.shape[:2]
    for top, left in np.argwhere((truth == part[0, 0]).all(axis=-1)):
        found = (slice(top, top + height), slice(left, left + width))
        if np.array_equal(truth[found], part):
            return found
    raise AssertionError("no part of its picture")


def test_all_that_a_site_shows_of_a_picture_is_at_most_a_quarter_of_it(mini: str, srbench: Any) -> None:
    """Crops of all scales and protocols, and the thumbnail; their pixels are found and counted."""
    for scale, protocol in ((4, "classic"), (3, "classic"), (2, "classic"), (4, "rgb")):
        metric = "psnr_rgb" if protocol == "rgb" else "psnr_y"
        argv = ["run", "-m", "bicubic,nearest,lanczos", "-d", mini, "-x", scale, "--protocol", protocol]
        assert srbench(*argv, "--metrics", metric, "--save-predictions", "-q").code == 0
    write_report(RUN, Path("site"))
    for item in ("coffee", "camera"):
        truth = np.array(Image.open(Path("mini") / f"{item}.png").convert("RGB"))
        seen = np.zeros(truth.shape[:2], bool)
        crops = sorted(Path("site/pictures").glob(f"*/{item}/*-truth-000.png"))
        assert {path.parts[2] for path in crops} > {f"mini-x{scale}-classic" for scale in (2, 3, 4)}
        for path in (*crops, Path(f"site/datasets/mini/thumbnail-{item}.png")):
            seen[places(truth, np.array(Image.open(path).convert("RGB")))] = True
        assert 0 < seen.mean() <= SHARE
    pages = [p.read_text() for p in Path("site/pictures").rglob("*.html")]
    assert any("no more than 25 % of this picture may be shown" in page for page in pages)


def test_a_private_site_shows_everything(run: Path, srbench: Any) -> None:
    """Whole pictures, in full size; the page says what it shows."""
    assert srbench("report", "--results", run, "--out", "site", "--private").code == 0
    assert pictures(Path("site"))["pictures/mini-x4-classic/coffee/0-truth-000.png"] == (160, 128)
    page = Path("site/pictures/mini-x4-classic/coffee.html").read_text()
    assert "in a private report: the licence note allows crops alone" in page
    dataset = Path("site/datasets/mini.html").read_text()
    assert "in a private report: the licence note allows crops alone" in dataset
    assert "<dt>may be published</dt><dd><bdi>small crops alone</bdi>" in dataset
    assert all("Private: not for publication" in p.read_text() for p in Path("site").rglob("*.html"))
    write_report(run, Path("site"))
    assert not any("Private:" in p.read_text() for p in Path("site/pictures").rglob("*.html"))


def test_a_private_comparison_is_refused(run: Path, srbench: Any) -> None:
    """It would show no more than any other."""
    done = srbench("report", "--results", run, "--compare", "bicubic", "lanczos", "--private")
    assert done.code == 2
    assert "--compare without --private" in done.err


def test_a_gap_is_what_the_choice_saw_and_its_cap_is_said() -> None:
    """45 dB beside 34 dB were 6 dB apart to the choice, since more than 40 dB counts as 40."""
    crop = Crop(Box(0, 0, 24, 24), "differ", 0, 1, 6.0)
    models = tuple(Panel(name, "model", 24, 24, (), (), psnr) for name, psnr in (("a", 45.0), ("b", 34.0)))
    plate = Plate("i", "crops", 48, 48, 1, (Scene(crop.box, crop, models),), None, {})
    (view,) = scene_views(plate, {}, str)
    assert view.why == (
        "Of all models shown, a and b differ most here: a is 6.00 dB ahead if more than 40 dB counts as 40."
    )


def test_a_private_report_leaves_nothing_behind_in_a_published_one(run: Path) -> None:
    """Written into the same folder: pictures that the licence withholds are gone, other files stay."""
    write_report(run, Path("site"), private=True)
    stale = Path("site/datasets/gone/thumbnail-baby.png")
    stale.parent.mkdir()
    stale.write_bytes(b"of an earlier report")
    mine = [Path("site/pictures/mini-x4-classic/coffee/mine.png"), Path("site/datasets/photos/1.png")]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"mine")
    write_report(run, Path("site"))
    write_report(run, Path("fresh"))
    assert not stale.exists()
    for path in mine:
        assert path.read_bytes() == b"mine"
        path.unlink()
    assert pictures(Path("site")) == pictures(Path("fresh"))


def test_a_set_that_may_be_shown_whole_is(srbench: Any) -> None:
    """The embedded photographs are free: no option is needed."""
    argv = [
        "run",
        "-m",
        "bicubic,nearest",
        "-d",
        "embedded",
        "-x",
        "4",
        "--limit",
        "1",
        "--metrics",
        "psnr_y",
    ]
    assert srbench(*argv, "--save-predictions", "-q").code == 0
    assert srbench("report", "--out", "site").code == 0
    found = pictures(Path("site"))
    sizes = {name.rpartition("/")[2]: size for name, size in found.items() if "/astronaut/" in name}
    assert sizes["0-truth-000.png"] == (512, 512)
    assert [size for name, size in found.items() if name.endswith("/thumbnail-camera.png")] == [(160, 160)]


def test_the_same_run_gives_the_same_bytes(run: Path) -> None:
    """Pages and pictures, in two folders."""
    sites = [Path("one"), Path("two")]
    for site in sites:
        write_report(run, site)
    files = [
        {p.relative_to(s).as_posix(): p.read_bytes() for p in s.rglob("*") if p.is_file()} for s in sites
    ]
    assert files[0] == files[1]
    assert len(files[0]) > 20


def test_every_address_leads_to_a_file_of_the_site(run: Path) -> None:
    """Links and pictures are relative, and there; nothing is asked of a server."""
    write_report(run, Path("site"))
    found = list(addresses(Path("site")))
    assert len(found) > 50
    for page, address in found:
        target, _, _ = address.partition("#")
        assert (page.parent / unquote(target)).is_file(), (page, address)


def test_a_run_that_kept_nothing_has_no_page_of_pictures(mini: str, srbench: Any) -> None:
    """And no link to one."""
    assert srbench("run", "-m", "bicubic", "-d", mini, "-x", "4", "--metrics", "psnr_y", "-q").code == 0
    write_report(RUN, Path("site"))
    assert not Path("site/pictures").exists()
    assert "pictures/index.html" not in Path("site/index.html").read_text()


def test_what_exceeds_the_budget_is_left_out_and_said(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First whole pictures become crops, then items go; the set's page names them."""
    write_report(run, Path("whole"), private=True)
    size = sum(p.stat().st_size for p in Path("whole/pictures").rglob("*.png"))
    monkeypatch.setattr(picture_pages, "BUDGET", size - 1)
    write_report(run, Path("less"), private=True)
    assert pictures(Path("less"))["pictures/mini-x4-classic/camera/0-truth-000.png"] == (112, 96)
    assert pictures(Path("less"))["pictures/mini-x4-classic/coffee/0-truth-000.png"] == (64, 64)
    assert "crops alone are shown" in Path("less/pictures/mini-x4-classic/coffee.html").read_text()
    assert sum(p.stat().st_size for p in Path("less/pictures").rglob("*.png")) < size
    first = sum(p.stat().st_size for p in Path("less/pictures/mini-x4-classic/coffee").glob("*.png"))
    monkeypatch.setattr(picture_pages, "BUDGET", first)
    write_report(run, Path("least"))
    page = Path("least/pictures/mini-x4-classic/index.html").read_text()
    assert "coffee</bdi>: <bdi>all pictures of a set under one protocol keep to" in page
    assert not Path("least/pictures/mini-x4-classic/coffee.html").exists()


def test_a_prediction_that_is_broken_costs_its_item_alone(run: Path) -> None:
    """It is named with the reason, the rest is drawn."""
    broken = next((run / "predictions" / "nearest").rglob("coffee_*.png"))
    broken.write_bytes(b"not a picture")
    write_report(run, Path("site"))
    page = Path("site/pictures/mini-x4-classic/index.html").read_text()
    assert re.search(r"<bdi>coffee</bdi>: <bdi>expected an 8-bit gray or RGB image", page)
    assert Path("site/pictures/mini-x4-classic/camera.html").is_file()


HOSTILE = ["<script>alert(1)</script>", "\"><img src=x onerror='alert(1)'>", "abc\u202egnp.exe", "🚀" * 60]


def test_hostile_names_are_text(run: Path) -> None:
    """Of models, in headings, captions, attributes and sentences; of files nothing is left of them."""
    journal = Path("hostile/journal.jsonl")
    journal.parent.mkdir()
    with Journal(journal) as lines:
        for record in read_journal(run / "journal.jsonl"):
            model = HOSTILE[["bicubic", "nearest", "lanczos"].index(record.cell.model)]
            lines.append(replace(record, cell=replace(record.cell, model=model)))
    for place, model in enumerate(("bicubic", "nearest", "lanczos")):
        name = re.sub(r"[^A-Za-z0-9.+_-]", "_", HOSTILE[place]).strip(".") or "_"
        shutil.copytree(run / "predictions" / model, journal.parent / "predictions" / name)
    write_report(journal.parent, Path("site"))
    page = Path("site/pictures/mini-x4-classic/coffee.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "abc\\u202egnp.exe" in page
    for text in (page, Path("site/pictures/mini-x4-classic/index.html").read_text(encoding="utf-8")):
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "\u202e" not in text
    assert all(
        re.fullmatch(r"[a-z0-9./-]+", p.relative_to("site").as_posix())
        for p in Path("site/pictures").rglob("*")
    )


def kept(model: str, psnr: float, inference: str = "torch") -> Kept:
    """A prediction of that quality."""
    return Kept(model, inference, (), {"psnr_y": psnr})


def exhibit(*of: Kept) -> Exhibit:
    """An item with these predictions."""
    return Exhibit("item", Any, Any, of)  # type: ignore[arg-type]


def test_the_best_models_are_shown_and_bicubic_always() -> None:
    """In the order of their means; the others are named elsewhere."""
    models = [kept(f"m{n:02}", 30 + n) for n in range(MODELS + 3)]
    chosen, others = choose_models([exhibit(kept("bicubic", 20), *models)])
    assert chosen == [
        *((f"m{n:02}", "torch") for n in range(10, 10 - (MODELS - 1), -1)),
        ("bicubic", "torch"),
    ]
    assert [model for model, _ in others] == ["m03", "m02", "m01", "m00"]
    fine = replace(models[0], scores={**models[0].scores, "lpips": 0.1})
    with_fine, _ = choose_models([exhibit(kept("bicubic", 20), fine, *models[1:])])
    assert [model for model, _ in with_fine][-2:] == ["m00", "bicubic"], (
        "the best by LPIPS, though last by PSNR"
    )


def test_a_model_under_two_inferences_is_told_apart() -> None:
    """By its inference, and only then."""
    both = [kept("imdn", 30, "torch|tile:64"), kept("imdn", 30, "torch|whole"), kept("edsr", 30)]
    named = labels_of(both, [(one.model, one.inference) for one in both], {"imdn": "IMDN"})
    assert named == ["IMDN (torch|tile:64)", "IMDN (torch|whole)", "edsr"]


def test_pngs_have_no_time_in_them(run: Path) -> None:
    """So that the same run gives the same bytes tomorrow."""
    write_report(run, Path("site"))
    for path in Path("site").rglob("*.png"):
        assert Image.open(io.BytesIO(path.read_bytes())).info.keys() <= {"transparency", "gamma", "dpi"}
