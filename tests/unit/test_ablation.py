"""Ablations: declared, trained, scored and judged on a tiny set; effects against sums by hand."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srbench.ablation.declared import load_ablation, trials
from srbench.ablation.effects import Effect, effects_of, stretches, verdict
from srbench.ablation.tables import findings, markdown, picture
from srbench.data.datasets import add_dataset
from srbench.errors import NothingMeasured, UsageError
from srbench.image.io import write_png
from srbench.resources import ablations_folder
from srbench.stats import Interval, mean_interval
from srbench.store.scores import CellScores, MetricScores
from srbench.types import Cell

ABLATION = """
schema = 1
name = "tiny"
title = "Tiny <b>"
seeds = [0, 1]
datasets = ["tiny-test"]
metrics = ["psnr_y"]

[[factors]]
name = "bn"
claim = "without it PSNR is higher"
source = "a paper"
base = "bn"
better = "plain"
[[factors.levels]]
name = "bn"
set.network.norm = true
[[factors.levels]]
name = "plain"

[[factors]]
name = "loss"
claim = "l1 is better"
source = "a paper"
base = "l2"
better = "l1"
[[factors.levels]]
name = "l1"
[[factors.levels]]
name = "l2"
set.losses = [{ kind = "l2" }]

[recipe]
steps = 3
losses = [{ kind = "l1" }]
[recipe.network]
family = "edsr"
scale = 2
blocks = 1
features = 4
[recipe.data]
sets = ["tiny-train"]
patch = 8
batch = 2
held_out = 1
"""


def test_levels_differ_in_their_factor_alone() -> None:
    """Each training is the base recipe with its levels' fields; seeds are the same for all."""
    ablation = load_ablation(ABLATION, "tiny.toml")
    made = {trial.name: trial.recipe for trial in trials(ablation) if trial.recipe}
    assert len(made) == 2 * 2 * 2
    assert {recipe.seed for recipe in made.values()} == {0, 1}
    assert {(n.split(".")[1], r.network.norm) for n, r in made.items()} == {("bn", True), ("plain", False)}  # type: ignore[union-attr]
    assert {(n.split(".")[2], r.losses[0].kind) for n, r in made.items()} == {("l1", "l1"), ("l2", "l2")}
    assert len({recipe.data for recipe in made.values()}) == 1
    assert len({recipe.digest for recipe in made.values()}) == 8


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("seeds = [0, 1]", "seed = [0, 1]", "only the fields"),
        ("seeds = [0, 1]", "seeds = []", "factors, seeds, datasets"),
        ('better = "plain"', 'better = "none"', "different levels of bn"),
        ("set.network.norm = true", "set.network.nrom = true", "only the fields scale, blocks"),
        ("steps = 3", 'steps = 3\nname = "x"', "without name and seed"),
        ("[recipe.network]", "[recipe.net]", "a recipe with a network"),
    ],
)
def test_a_wrong_ablation_is_refused_before_anything_is_trained(old: str, new: str, expected: str) -> None:
    """A typo in one level's recipe is found when the file is read."""
    assert old in ABLATION
    with pytest.raises(UsageError) as refused:
        load_ablation(ABLATION.replace(old, new), "tiny.toml")
    assert expected in str(refused.value)


MODELS = """
schema = 1
name = "models"
title = "Models"
seeds = [0]
datasets = ["tiny-test"]
metrics = ["lpips"]
scale = 2
[[factors]]
name = "filter"
claim = "a cubic is nearer"
source = "a paper"
base = "near"
better = "cubic"
[[factors.levels]]
name = "near"
model = "nearest"
[[factors.levels]]
name = "cubic"
model = "bicubic"
"""


def test_models_can_be_levels() -> None:
    """Nothing is trained then, and a lower LPIPS is the better one."""
    ablation = load_ablation(MODELS, "models.toml")
    assert [(t.model, t.recipe) for t in trials(ablation)] == [("nearest", None), ("bicubic", None)]
    values = np.linspace(0.2, 0.3, 20)
    (effect,) = effects_of(ablation, cells({"nearest": values, "bicubic": values**2}, metric="lpips"))
    assert (effect.level, effect.seed_spread, effect.verdict) == ("cubic", None, "confirmed")
    assert effect.mean == pytest.approx(float(np.mean(values**2 - values)))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("scale = 2", "", "the models' scale"),
        ("seeds = [0]", "seeds = [0, 1]", "one factor and one seed"),
        ('model = "nearest"', "", "one factor and one seed"),
        ("scale = 2", "scale = 2\n[recipe]\nsteps = 1", "one factor and one seed"),
    ],
)
def test_models_stand_alone(old: str, new: str, expected: str) -> None:
    """They can't be trained again, so neither seeds nor a recipe goes with them."""
    with pytest.raises(UsageError) as refused:
        load_ablation(MODELS.replace(old, new), "models.toml")
    assert expected in str(refused.value)


def test_each_level_is_compared_with_the_base() -> None:
    """A third level has its own effect; the claim is judged by the one that it names."""
    third = 'set.losses = [{ kind = "l2" }]\n[[factors.levels]]\nname = "other"\n'
    third += 'set.losses = [{ kind = "charbonnier" }]\n'
    ablation = load_ablation(ABLATION.replace('set.losses = [{ kind = "l2" }]\n', third), "tiny.toml")
    rng, base = np.random.default_rng(0), np.linspace(28, 34, 20)
    gain = {"l1": 0.5, "l2": 0.0, "other": -0.3}
    scores = {t.model: base + gain[t.levels[1]] + rng.normal(0, 0.01, 20) for t in trials(ablation)}
    effects = effects_of(ablation, cells(scores))
    means = {e.level: e.mean for e in effects if e.factor == "loss" and not e.where}
    assert means == pytest.approx({"l1": 0.5, "other": -0.3}, abs=0.02)
    assert findings(ablation, effects, [], [])["factors"][1]["verdict"] == "confirmed"


def test_clips_have_an_interval_over_their_stretches() -> None:
    """A clip's frames are cut into tens; the mean is the protocol's: that of the clips, however long."""
    rng = np.random.default_rng(0)
    clips = [rng.normal(0.2, 0.1, 97), rng.normal(0.6, 0.1, 52)]
    mean = float(np.mean([frames.mean() for frames in clips]))
    samples = stretches(clips, mean)
    assert len(samples) == 10 + 5
    assert samples.mean() == pytest.approx(mean)
    assert np.ptp(samples) > 0.3  # clips differ
    ablation = load_ablation(ABLATION, "tiny.toml")
    found = []
    for trial in trials(ablation):
        items = {f"clip{n}": tuple(frames * (trial.levels[0] == "plain")) for n, frames in enumerate(clips)}
        cell = Cell(trial.model, "clips", 2, "video", "signature", "torch", "pixels")
        found.append(CellScores(cell, "done", metrics=(MetricScores("psnr_y", "psnr", items),)))
    (effect,) = [e for e in effects_of(ablation, found) if (e.factor, e.where) == ("bn", "")]
    assert (effect.n, effect.stretches) == (2, 15)
    assert effect.mean == pytest.approx(mean)
    assert effect.seeds == pytest.approx([mean, mean])
    assert effect.interval == mean_interval(samples)
    page = markdown(ablation, [effect], [], "srbench ablate tiny")
    assert "2 clips, 15 stretches" in page
    assert "says nothing of others" in page


def test_every_shipped_ablation_is_sound() -> None:
    """Each is read, with every recipe in it, and is called as its file."""
    files = [file for file in ablations_folder().iterdir() if file.name.endswith(".toml")]
    assert files
    for file in files:
        assert load_ablation(file.read_text("utf-8"), file.name).name == file.name.removesuffix(".toml")


def cells(scores: dict[str, np.ndarray], metric: str = "psnr_y") -> list[CellScores]:
    """Records of made-up scores: by model, one value an image."""
    found = []
    for model, values in scores.items():
        cell = Cell(model, "tiny-test", 2, "classic", "signature", "torch", "pixels")
        items = {f"image{n:03}": (float(value),) for n, value in enumerate(values)}
        found.append(CellScores(cell, "done", metrics=(MetricScores(metric, metric, items),)))
    return found


def made_up(images: int) -> dict[str, np.ndarray]:
    """Scores of all trials: plain is 0.5 dB better for seed 0 and 0.7 for seed 1; l1 and l2 are noise."""
    rng = np.random.default_rng(0)
    base = rng.normal(30, 3, images)
    return {
        trial.model: base
        + (0.5 + 0.2 * trial.seed) * (trial.levels[0] == "plain")
        + rng.normal(0, 0.1, images)
        for trial in trials(load_ablation(ABLATION, "tiny.toml"))
    }


def test_an_effect_is_the_mean_of_paired_differences() -> None:
    """Against the sums written out: images averaged over seeds and the other factor, the interval on top."""
    ablation, scores = load_ablation(ABLATION, "tiny.toml"), made_up(20)
    found = {(e.factor, e.where): e for e in effects_of(ablation, cells(scores))}
    assert set(found) == {
        ("bn", ""),
        ("bn", "l1"),
        ("bn", "l2"),
        ("loss", ""),
        ("loss", "bn"),
        ("loss", "plain"),
    }
    per_seed = [
        sum(
            scores[f"trained:tiny.plain.{loss}.s{s}"] - scores[f"trained:tiny.bn.{loss}.s{s}"]
            for loss in ("l1", "l2")
        )
        / 2
        for s in (0, 1)
    ]
    whole = found["bn", ""]
    assert whole.mean == pytest.approx(float(np.mean(per_seed)))
    assert whole.seeds == pytest.approx([float(np.mean(one)) for one in per_seed])
    assert whole.seed_spread == pytest.approx(float(np.std([np.mean(one) for one in per_seed], ddof=1)))
    wanted = mean_interval(np.mean(per_seed, axis=0))
    assert whole.interval is not None
    assert wanted is not None
    assert (whole.interval.low, whole.interval.high) == pytest.approx((wanted.low, wanted.high))
    at_l2 = np.mean(
        [scores[f"trained:tiny.plain.l2.s{s}"] - scores[f"trained:tiny.bn.l2.s{s}"] for s in (0, 1)]
    )
    assert found["bn", "l2"].mean == pytest.approx(float(at_l2))
    assert whole.verdict == "confirmed"
    assert found["loss", ""].verdict == "undecided"


def test_few_images_say_nothing_and_disagreeing_seeds_neither() -> None:
    """Five images have no interval; an interval without zero is not enough if seeds differ in sign."""
    ablation = load_ablation(ABLATION, "tiny.toml")
    (few,) = [e for e in effects_of(ablation, cells(made_up(5))) if (e.factor, e.where) == ("bn", "")]
    assert (few.interval, few.verdict) == (None, "undecided")

    def effect(low: float, high: float, *seeds: float) -> Effect:
        return Effect(
            "bn", "plain", "set14", "psnr_y", "", (low + high) / 2, Interval(low, high), seeds, 1.0, 14
        )

    assert effect(0.1, 0.2, 0.4, -0.1).verdict == "undecided"
    assert effect(-0.2, -0.1, -0.2, -0.1).verdict == "not confirmed"
    assert verdict([effect(0.1, 0.2, 0.1, 0.2), few]) == "confirmed"
    assert verdict([effect(0.1, 0.2, 0.1, 0.2), effect(-0.1, 0.2, 0.1, 0.1)]) == "undecided"
    assert effect(0.1, 0.2, 0.1).verdict == "undecided"  # one training knows nothing of others
    assert verdict([few]) == "undecided"
    assert effect(0.1, 0.2, 0.1).seed_spread is None


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("seeds = [0, 1]", "seeds = [0, 0]", "different seeds"),
        ('better = "plain"', 'better = "bn"', "a level of bn that is better than its base"),
        ("set.network.norm = true", "", "levels that differ"),
        ("set.network.norm = true", "set.seed = 5", "levels that set neither name nor seed"),
        ("set.network.norm = true", "set.network.scale = 3", "one scale, got x2, x3"),
        ('name = "tiny"', 'name = "../../tiny"', "names of letters"),
        ('name = "l2"', 'name = "l/2"', "names of letters"),
    ],
)
def test_an_experiment_that_means_nothing_is_refused(old: str, new: str, expected: str) -> None:
    """Before anything is trained: no level is compared with itself, no seed counts twice."""
    text = ABLATION.replace('base = "l2"', 'base = "l/2"') if "l/2" in new else ABLATION
    with pytest.raises(UsageError, match=expected):
        load_ablation(text.replace(old, new, 1), "tiny.toml")


def test_only_the_level_of_the_claim_confirms_it() -> None:
    """A third level, which the claim is not of, is better or worse than the base; so says the site's page."""
    from srbench.ablation.tables import rows_of
    from srbench.report.findings import Effect, says

    ablation = load_ablation(ABLATION, "tiny.toml")
    effects = [e for e in effects_of(ablation, cells(made_up(20))) if (e.factor, e.where) == ("bn", "")]
    assert [row[-1] for row in rows_of(effects, "plain", effects[0].metric)] == ["confirmed"]
    assert [row[-1] for row in rows_of(effects, "other", effects[0].metric)] == ["better"]
    (read,) = (Effect(**{**asdict(e), "seed_spread": e.seed_spread, "verdict": e.verdict}) for e in effects)
    assert [says(read, level, read.metric) for level in ("plain", "other")] == ["confirmed", "better"]


def test_a_missing_level_is_told() -> None:
    """An effect is never computed from a part of the trials."""
    scores = made_up(5)
    del scores["trained:tiny.bn.l2.s1"]
    with pytest.raises(NothingMeasured, match=r"tiny\.bn\.l2\.s1 missing"):
        effects_of(load_ablation(ABLATION, "tiny.toml"), cells(scores))


def test_the_page_and_the_picture_escape_and_show_every_effect() -> None:
    """Text from a file does nothing in Markdown or SVG; each set and level has its row and its bar."""
    ablation = load_ablation(ABLATION, "tiny.toml")
    effects = effects_of(ablation, cells(made_up(20)))
    drawn = picture(ablation, effects)
    root = ET.fromstring(drawn)  # noqa: S314 - our own picture
    assert "Tiny <b>" in [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    dots = [path.get("d", "") for path in root.iter("{http://www.w3.org/2000/svg}path")]
    assert sum(d.count("h0") for d in dots) == 2 * len(effects), "a dot for each seed"
    page = markdown(ablation, effects, [], "srbench ablate tiny")
    assert "<b>" not in page
    assert page.count("| tiny-test |".replace("-", "\\-")) + page.count("| tiny-test |") == len(effects)


@pytest.mark.usefixtures("empty_home")
def test_an_ablation_runs_from_its_file_to_its_page(tmp_path: Path, srbench: Any) -> None:
    """Trained, scored by the runner, judged, written; a second call trains and scores nothing again."""
    rng = np.random.default_rng(0)
    for name in ("train", "test"):
        for n in range(4):
            write_png(tmp_path / name / f"{n}.png", rng.integers(0, 256, (40, 40, 3), np.uint8))
        add_dataset(f"tiny-{name}", tmp_path / name, scale=2)
    Path("tiny.toml").write_text(ABLATION, encoding="utf-8")
    planned = srbench("ablate", "tiny.toml", "--plan", "--json").json()["trials"]
    assert [trial["trained"] for trial in planned] == [False] * 8
    ran = srbench("ablate", "tiny.toml", "--json", "-q")
    assert ran.code == 0, ran.err
    found = ran.json()
    assert [factor["verdict"] for factor in found["factors"]] == ["undecided"] * 2
    assert {cost["level"] for cost in found["costs"]} == {"bn", "plain", "l1", "l2"}
    curves = {curve["trial"]: curve for curve in found["curves"]}
    assert set(curves) == {trial["name"] for trial in planned}
    curve = curves["tiny.bn.l1.s0"]
    assert (curve["levels"], curve["seed"]) == (["bn", "l1"], 0)
    assert [step for step, _ in curve["loss"]] == [step for step, _ in curve["psnr_y"]] == [3]
    folder = Path("results/ablations/tiny")
    assert json.loads((folder / "ablation.json").read_text()) == found
    assert "srbench ablate tiny" in (folder / "ablation.md").read_text()
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*.safetensors")}
    assert len(before) == 8
    again = srbench("ablate", "tiny.toml")
    assert again.code == 0
    assert "0 images computed" in again.err
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*.safetensors")} == before
    # What the folder knows of other sets, or of a part of this one, takes no part.
    other = ABLATION.replace('datasets = ["tiny-test"]', 'datasets = ["tiny-test", "embedded-clip"]')
    Path("other.toml").write_text(other, encoding="utf-8")
    refused = srbench("ablate", "other.toml", "-q")
    assert refused.code == 2
    assert "test sets for x2, got embedded-clip" in refused.err
    assert srbench("ablate", "tiny.toml", "--limit", "2", "-q").code == 0
    assert srbench("ablate", "tiny.toml", "--json", "-q").json() == found
    assert srbench("ablate", "tiny.toml", "--save-predictions", "-q").code == 0
    assert srbench("report", "--results", folder, "--out", "site").code == 0
    page = Path("site/ablations/tiny.html").read_text()
    crops = re.findall(r'src="(tiny/factor-0/[^"]+-m1-000\.png)"', page)
    assert crops
    assert all((Path("site/ablations") / crop).is_file() for crop in crops)
    assert srbench("ablate", "tiny.toml", "--pretrained").code == 3
    assert srbench("ablate", "nothing").code == 2
