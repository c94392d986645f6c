"""Ablations: declared, trained, scored and judged on a tiny set; effects against sums by hand."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srbench.ablation.declared import load_ablation, trials
from srbench.ablation.effects import Effect, effects_of, verdict
from srbench.ablation.tables import markdown, picture
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
    made = {trial.name: trial.recipe for trial in trials(ablation)}
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


def test_every_shipped_ablation_is_sound() -> None:
    """Each is read, with every recipe in it, and is called as its file."""
    files = [file for file in ablations_folder().iterdir() if file.name.endswith(".toml")]
    assert files
    for file in files:
        assert load_ablation(file.read_text("utf-8"), file.name).name == file.name.removesuffix(".toml")


def cells(scores: dict[str, np.ndarray], dataset: str = "tiny-test") -> list[CellScores]:
    """Records of made-up scores: by model, one value an image."""
    found = []
    for model, values in scores.items():
        cell = Cell(model, dataset, 2, "classic", "signature", "torch", "pixels")
        items = {f"image{n:03}": (float(value),) for n, value in enumerate(values)}
        found.append(CellScores(cell, "done", metrics=(MetricScores("psnr_y", "psnr", items),)))
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
        return Effect("bn", "set14", "psnr_y", "", (low + high) / 2, Interval(low, high), seeds, 1.0, 14)

    assert effect(0.1, 0.2, 0.4, -0.1).verdict == "undecided"
    assert effect(-0.2, -0.1, -0.2, -0.1).verdict == "not confirmed"
    assert verdict([effect(0.1, 0.2, 0.1), few]) == "confirmed"
    assert verdict([effect(0.1, 0.2, 0.1), effect(-0.1, 0.2, 0.1)]) == "undecided"
    assert verdict([few]) == "undecided"
    assert math.isnan(effect(0.1, 0.2, 0.1).seed_spread)


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
    assert len(list(root.iter("{http://www.w3.org/2000/svg}circle"))) == 2 * len(effects)
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
    folder = Path("results/ablations/tiny")
    assert json.loads((folder / "ablation.json").read_text()) == found
    assert "srbench ablate tiny" in (folder / "ablation.md").read_text()
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*.safetensors")}
    assert len(before) == 8
    again = srbench("ablate", "tiny.toml")
    assert again.code == 0
    assert "0 images computed" in again.err
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*.safetensors")} == before
    assert srbench("ablate", "tiny.toml", "--pretrained").code == 3
    assert srbench("ablate", "nothing").code == 2
