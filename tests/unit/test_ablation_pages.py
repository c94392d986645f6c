"""Pages of ablations: claim, verdict, differences, curves and costs, from the findings that were written."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from srbench.errors import UsageError
from srbench.report.ablation_pages import ablation_page
from srbench.report.findings import found_in, read_findings
from srbench.report.plots.curves import Curve, Curves, draw_curves
from srbench.report.plots.forest import Difference, Forest, draw_forest
from srbench.stats import Interval
from srbench.types import MetricInfo

METRICS = {"psnr_y": MetricInfo("psnr_y", "PSNR-Y", "dB", "higher", 2, "y", True, "")}
COMMITTED = Path(__file__).resolve().parents[2] / "results" / "ablations"
HOSTILE = "<script>alert(1)</script>"


def effect(dataset: str, mean: float, interval: tuple[float, float] | None, **more: Any) -> dict[str, Any]:
    """One effect as ``srbench ablate`` writes it."""
    ends = None if interval is None else {"low": interval[0], "high": interval[1], "level": 0.95}
    return {
        "factor": "bn", "level": "plain", "dataset": dataset, "metric": "psnr_y", "where": "", "mean": mean,
        "interval": ends, "seeds": [mean - 0.1, mean + 0.1], "size": 1.0, "n": 14, "seed_spread": 0.1414,
        "verdict": "confirmed" if interval else "undecided", "stretches": 0, "lower_is_better": False, **more,
    }  # fmt: skip


def findings(**changes: Any) -> dict[str, Any]:
    """An ablation of one factor and two trainings."""
    trained = [
        {"trial": f"tiny.{level}.s0", "levels": [level], "seed": 0, "loss": [[100, 0.1], [200, 0.05]],
         "psnr_y": [[100, 30.0], [200, 31.0 + place]]}
        for place, level in enumerate(("bn", "plain"))
    ]  # fmt: skip
    return {
        "name": "tiny", "title": "Tiny", "seeds": [0, 1], "scale": 2,
        "factors": [{"name": "bn", "claim": "without it PSNR is higher", "source": "a paper", "base": "bn",
                     "better": "plain", "verdict": "confirmed"}],
        "effects": [effect("set5", 0.8, None), effect("set14", 0.5, (0.3, 0.7))],
        "costs": [{"factor": "bn", "level": "plain", "params": 4e4, "saved_bytes": 5695488.0, "seconds": 9}],
        "curves": trained, **changes,
    }  # fmt: skip


def written(folder: Path, found: dict[str, Any]) -> Path:
    """The folder of an ablation with these findings."""
    folder.mkdir(parents=True)
    (folder / "ablation.json").write_text(json.dumps(found), encoding="utf-8")
    return folder


def test_a_page_shows_the_claim_and_all_that_was_measured(tmp_path: Path) -> None:
    """A row for each effect, an interval or why there is none, a plot for each metric, costs and curves."""
    page = ablation_page(read_findings(written(tmp_path / "tiny", findings())), METRICS, "tiny")
    (factor,) = page.factors
    assert (factor.claim, factor.source, factor.verdict) == (
        "without it PSNR is higher",
        "a paper",
        "confirmed",
    )
    assert factor.rows == (
        ("plain", "set5", "PSNR-Y", "all", "+0.800", "too few images", "0.141", "14", ""),
        ("plain", "set14", "PSNR-Y", "all", "+0.500", "+0.300 to +0.700", "0.141", "14", "confirmed"),
    )
    assert [figure.title for figure in factor.figures] == ["bn: PSNR-Y"]
    assert page.costs == (("bn", "plain", "40,000", "5.70", "9"),)
    assert [figure.title for figure in page.curves] == ["Training loss", "PSNR of held-out training images"]
    assert "plain, seed 0: 32 after 200 steps" in page.curves[1].svg
    assert page.keys == ((0, "bn"), (1, "plain"))


def test_a_forest_stands_where_its_numbers_are() -> None:
    """Zero between what is below and above it; the interval around the mean, a dot for each seed."""
    rows = (
        Difference("a", 0.5, Interval(0.2, 0.8), (0.4, 0.6), "a: +0.5"),
        Difference("b", -0.5, None, (), "b: -0.5"),
    )
    root = ET.fromstring(draw_forest(Forest("t", "d", "dB", rows), "slug"))  # noqa: S314 - our own picture
    groups = [g for g in root.iter("g") if g.get("class", "").startswith("point")]
    assert len(groups) == 2
    means = [float(re.findall(r"translate\(([\d.]+)", path.get("transform", ""))[0])
             for g in groups for path in g.iter("path") if path.get("class") == "mark"]  # fmt: skip
    (zero,) = [p for p in root.iter("path") if p.get("class") == "zero"]
    middle = float(re.findall(r"M([\d.]+)", zero.get("d", ""))[0])
    assert means[1] < middle < means[0]
    assert means[0] - middle == pytest.approx(middle - means[1], abs=0.2)
    lines = [p.get("d", "") for p in groups[0].iter("path") if p.get("class") == "line"]
    low, high = map(float, re.findall(r"[ML]([\d.]+) ", lines[0]))
    assert low < means[0] < high
    assert (high - low) / (means[0] - middle) == pytest.approx(0.6 / 0.5, abs=0.01)
    dots = [p.get("d", "") for p in groups[0].iter("path") if p.get("class") == "dots"]
    assert dots[0].count("h0") == 2
    assert not [p for p in groups[1].iter("path") if p.get("class") in ("line", "dots")]


def test_a_curve_goes_down_where_its_loss_does() -> None:
    """On paper larger is higher: y falls as the value rises."""
    line = Curve(0, "a", ((0, 1.0), (10, 0.1), (20, 0.01)))
    drawn = draw_curves(Curves("t", "d", "Step", "Loss", ("a",), (line,), log=True), "slug")
    d = re.findall(r'class="line" fill="none"/>|<path d="(M[^"]+)" class="line"', drawn)
    points = [tuple(map(float, pair.split())) for pair in re.findall(r"[ML]([\d.]+ [\d.]+)", "".join(d))]
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert [y for _, y in points] == sorted(y for _, y in points)
    assert points[1][1] - points[0][1] == pytest.approx(points[2][1] - points[1][1], abs=0.2), "log scale"


def test_findings_that_are_none_are_refused(tmp_path: Path) -> None:
    """A typo, a missing field, another type, no JSON: one line that says what to do."""
    wrong = {
        "typo": {**findings(), "efects": []},
        "missing": {k: v for k, v in findings().items() if k != "costs"},
        "type": findings(scale="two"),
        "interval": findings(effects=[effect("set5", 0.1, (0, 1)) | {"interval": {"low": 1}}]),
    }
    for name, found in wrong.items():
        with pytest.raises(UsageError, match="run srbench ablate again"):
            read_findings(written(tmp_path / name, found))
    (tmp_path / "typo" / "ablation.json").write_text("{", encoding="utf-8")
    with pytest.raises(UsageError, match="an ablation's findings"):
        read_findings(tmp_path / "typo")


@pytest.mark.skipif(not COMMITTED.is_dir(), reason="left out: no committed ablations beside the tests")
def test_committed_ablations_have_pages() -> None:
    """Each is read, and has a plot for each factor and metric, curves if it was trained."""
    folders = found_in(COMMITTED)
    assert folders
    for folder in folders:
        found = read_findings(folder)
        page = ablation_page(found, METRICS, folder.name)
        metrics = {effect.metric for effect in found.effects}
        assert [len(factor.figures) for factor in page.factors] == [len(metrics)] * len(found.factors)
        assert len(page.curves) == (2 if found.curves else 0)


def test_the_site_links_its_ablations_and_escapes_their_words(
    mini: str, tmp_path: Path, srbench: Any
) -> None:
    """In the navigation and the list; hostile words are text in pages and plots."""
    assert srbench("run", "-m", "bicubic", "-d", mini, "-x", "4", "--metrics", "psnr_y", "-q").code == 0
    factor = {**findings()["factors"][0], "claim": HOSTILE, "better": HOSTILE}
    effects = [effect(HOSTILE, 0.5, (0.3, 0.7), level=HOSTILE, where=HOSTILE)]
    hostile = findings(title=HOSTILE, factors=[factor], effects=effects)
    written(tmp_path / "ablations" / "tiny", hostile)
    assert srbench("report", "--out", "site", "--ablations", tmp_path / "ablations").code == 0
    assert 'href="ablations/index.html"' in Path("site/index.html").read_text(encoding="utf-8")
    assert "tiny.html" in Path("site/ablations/index.html").read_text(encoding="utf-8")
    for page in Path("site/ablations").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert HOSTILE not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert srbench("report", "--out", "none").code == 0
    assert not Path("none/ablations").exists()


def test_a_folder_that_was_given_must_exist(mini: str, tmp_path: Path, srbench: Any) -> None:
    """A mistyped one is told in a line; the defaults, absent here, are not asked for."""
    assert srbench("run", "-m", "bicubic", "-d", mini, "-x", "4", "--metrics", "psnr_y", "-q").code == 0
    for option in ("--ablations", "--timings"):
        ran = srbench("report", "--out", "none", option, tmp_path / "nothing")
        assert ran.code == 2
        assert f"expected a folder for {option}, got no folder {tmp_path / 'nothing'}" in ran.err
    assert not Path("none").exists()
    assert srbench("report", "--out", "none").code == 0


@pytest.mark.parametrize(
    ("seeds", "published", "about", "rule", "dots"),
    [
        ([0, 1], False, "x2, 2 seeds each", "every seed has the same sign", True),
        ([0], False, "x2, 1 seed", "One seed decides nothing", True),
        ([0], True, "x2, models as they were published", "its interval excludes zero.", False),
    ],
)
def test_a_page_tells_its_rule(
    tmp_path: Path, seeds: list[int], published: bool, about: str, rule: str, dots: bool
) -> None:
    """One seed decides nothing; published models have neither seeds nor dots of them."""
    effects = [effect("set14", 0.5, (0.3, 0.7), published=published)]
    found = read_findings(written(tmp_path / "tiny", findings(seeds=seeds, effects=effects)))
    page = ablation_page(found, METRICS, "tiny")
    (factor,) = page.factors
    assert page.about == about
    assert rule in page.rule
    assert {len(row) for row in factor.rows} == {len(page.head)}
    assert ("Seeds' SD" in page.head) is dots
    assert ("seed" in page.rule) is dots
    assert ("seed" in factor.figures[0].under) is dots
    assert ('class="dots"' in factor.figures[0].svg) is dots
