"""Two models on one page: paired differences and their words, and a file that needs nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srbench.comparison.differences import pairs_of
from srbench.comparison.views import PLATES, compare_models
from srbench.comparison.write import write_comparison
from srbench.errors import NothingMeasured, UsageError
from srbench.report.catalog import Catalog
from srbench.report.load import load_report
from srbench.stats import mean_interval
from srbench.store.journal import Journal
from srbench.store.scores import CellScores, MetricScores, load_scores
from srbench.types import Cell, MetricInfo, Record, Score, Status

METRICS = {
    "psnr_y": MetricInfo("psnr_y", "PSNR-Y", "dB", "higher", 2, "y", True, ""),
    "lpips": MetricInfo("lpips", "LPIPS", "", "lower", 4, "rgb", False, ""),
}


def scores(model: str, values: np.ndarray, metric: str = "psnr_y", dataset: str = "set14") -> CellScores:
    """A cell with these values."""
    cell = Cell(model, dataset, 4, "classic", "signature", f"of {model}", "pixels")
    items = {f"image{n:02}": (float(value),) for n, value in enumerate(values)}
    return CellScores(cell, "done", expected=len(items), metrics=(MetricScores(metric, "signed", items),))


def test_a_difference_is_paired_and_has_the_interval_of_its_images() -> None:
    """Against the statistics called directly; the word follows the interval."""
    rng = np.random.default_rng(0)
    base = rng.normal(30, 3, 40)
    gains = rng.normal(0.5, 0.3, 40)
    (pair,) = pairs_of("a", "b", [scores("a", base), scores("b", base + gains)], METRICS)
    wanted = mean_interval(gains)
    assert wanted is not None
    assert pair.verdict.interval is not None
    assert (pair.verdict.interval.low, pair.verdict.interval.high) == pytest.approx((wanted.low, wanted.high))
    assert pair.verdict.delta == pytest.approx(gains.mean())
    assert pair.word == "better"
    assert list(pair.items.values()) == [(a, a + g) for a, g in zip(base, gains, strict=True)]
    (back,) = pairs_of("b", "a", [scores("a", base), scores("b", base + gains)], METRICS)
    assert back.word == "worse"


@pytest.mark.parametrize(
    ("gain", "spread", "images", "metric", "word"),
    [
        (0.01, 1.0, 40, "psnr_y", "undecided"),
        (0.5, 0.1, 13, "psnr_y", "too few images"),
        (0.05, 0.01, 40, "lpips", "worse"),
        (-0.05, 0.01, 40, "lpips", "better"),
    ],
)
def test_the_word_is_what_is_known(gain: float, spread: float, images: int, metric: str, word: str) -> None:
    """An interval with zero decides nothing, thirteen images say nothing, less LPIPS is better."""
    base = np.linspace(20, 30, images)
    noise = spread * np.resize([1.0, -1.0], images)
    cells = [scores("a", base, metric), scores("b", base + gain + noise, metric)]
    (pair,) = pairs_of("a", "b", cells, METRICS)
    assert pair.word == word


def test_what_can_not_be_paired_says_why() -> None:
    """Another signature, or fewer images, is no number."""
    a, b = scores("a", np.arange(20.0)), scores("b", np.arange(19.0))
    (pair,) = pairs_of("a", "b", [a, b], METRICS)
    assert (pair.word, pair.items) == ("not compared", {})
    assert "items differ" in pair.verdict.why


def journal(path: Path, **values: dict[str, float]) -> Path:
    """A run whose models have these PSNRs by image."""
    with Journal(path / "journal.jsonl") as lines:
        for model, by_item in values.items():
            cell = Cell(model, "set14", 4, "classic", "signature", "torch", "pixels")
            for item, value in by_item.items():
                scored = {"psnr_y": Score("signed", "key", (value,))}
                lines.append(Record(cell, item, len(by_item), Status.DONE, scores=scored, frames=1))
    return path


ITEMS = {f"image{n:02}": 30.0 + n for n in range(16)}


def test_unknown_names_and_single_ones_are_told_with_what_there_is(tmp_path: Path, srbench: Any) -> None:
    """The nearest names; one model is no comparison; names without the option are refused."""
    run = journal(tmp_path / "run", bicubic=ITEMS, imdn=ITEMS)
    wrong = srbench("report", "--compare", "bicubic", "imnd", "--results", run)
    assert wrong.code == 2
    assert "'imnd'; try imdn" in wrong.err
    alone = srbench("report", "--compare", "bicubic", "bicubic", "--results", run)
    assert alone.code == 2
    assert "expected two models or more to compare, got bicubic; name another one, such as imdn" in alone.err
    assert srbench("report", "--compare", "--results", run).code == 2
    loose = srbench("report", "bicubic", "--results", run)
    assert loose.code == 2
    assert "add --compare" in loose.err
    assert not Path("comparison.html").exists()


def test_models_without_a_common_set_end_with_nothing_compared(tmp_path: Path) -> None:
    """Exit code 4, and no file."""
    run = journal(tmp_path / "run", a=ITEMS, b={"other": 30.0})
    with pytest.raises(NothingMeasured, match="a and b share"):
        write_comparison(run, ["a", "b"], tmp_path / "c.html")
    assert not (tmp_path / "c.html").exists()


def test_a_skipped_model_s_reason_is_told(tmp_path: Path) -> None:
    """What kept it from any score is why nothing can be compared."""
    run = journal(tmp_path / "run", a=ITEMS)
    with Journal(run / "journal.jsonl") as lines:
        cell = Cell("b", "set14", 4, "classic", "signature", "torch", "pixels")
        lines.append(Record(cell, "", 16, Status.SKIPPED, "weights can't be reached"))
    with pytest.raises(NothingMeasured, match=r"got no score of b \(skipped: weights can't be reached\)"):
        write_comparison(run, ["a", "b"], tmp_path / "c.html")


def test_more_models_than_fit_are_refused(tmp_path: Path) -> None:
    """The site is for those."""
    run = journal(tmp_path / "run", **{f"m{n}": ITEMS for n in range(9)})
    with pytest.raises(UsageError, match="at most 8 models"):
        compare_models(load_report(run), [f"m{n}" for n in range(9)])


def test_the_views_hold_the_numbers(tmp_path: Path) -> None:
    """Scores with the best marked, differences, images, in the order that was asked for."""
    better = {item: value + 0.5 for item, value in ITEMS.items()}
    run = journal(tmp_path / "run", bicubic=ITEMS, imdn=better)
    catalog = Catalog(metrics=METRICS, titles={"imdn": "IMDN", "bicubic": "Bicubic"})
    view = compare_models(load_report(run, catalog), ["imdn", "bicubic"])
    assert [model.title for model in view.models] == ["IMDN", "Bicubic"]
    assert [(value.text, value.mark) for value in view.scores[0].lines[0].values] == [
        ("38.00", "best"),
        ("37.50", ""),
    ]
    (line,) = view.against[0].lines
    assert (line.first, line.other, line.difference, line.word) == ("38.00", "37.50", "-0.5000", "worse")
    assert view.against[0].counts == "1 worse"
    (images,) = view.images
    assert images.title == "set14 x4, classic: PSNR-Y"
    assert len(images.rows) == 16
    assert [(value.text, value.mark) for value in images.rows[0][1]] == [("30.50", "best"), ("30.00", "")]
    assert load_scores(run)


def test_the_file_holds_all_that_it_shows(mini: str, srbench: Any) -> None:
    """Crops are part of it; it has no address of anything else, and the same run gives the same bytes."""
    argv = ["run", "-m", "bicubic,nearest,lanczos", "-d", mini, "-x", "4", "--metrics", "psnr_y"]
    assert srbench(*argv, "--save-predictions", "-q").code == 0
    ran = srbench("report", "--compare", "bicubic", "lanczos", "nearest", "--out", "c.html")
    assert (ran.code, ran.out) == (0, "c.html\n")
    page = Path("c.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") > 2 * 5
    addresses = re.findall(r"(?:src|href|data-errors|data-pictures)=\"([^\"]*)\"", page)
    assert all(one.startswith(("data:", "#")) for one in addresses)
    assert len(re.findall(r'class="crop"', page)) == 2 <= PLATES
    assert srbench("report", "--compare", "bicubic", "lanczos", "nearest", "--out", "d.html").code == 0
    assert Path("d.html").read_bytes() == Path("c.html").read_bytes()


def test_hostile_names_are_text(tmp_path: Path) -> None:
    """Of models and images, in headings, tables and plots."""
    hostile = "<script>alert(1)</script>"
    items = {f"{hostile}{n}": 30.0 + n for n in range(16)}
    run = journal(tmp_path / "run", **{hostile: items, "\"><img src=x onerror='alert(1)'>": items})
    out = write_comparison(
        run, list(dict.fromkeys(one.cell.model for one in load_scores(run))), tmp_path / "c.html"
    )
    page = out.read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
