"""Weights that ship with srbench: whole, small, described, and better than bicubic with no network."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from srbench import registry
from srbench.ablation.declared import load_ablation, trials
from srbench.ablation.experiment import Place, finished
from srbench.adapters.trained_file import read_trained
from srbench.archs.build import build
from srbench.archs.descriptions import promise
from srbench.fetch.digests import sha256_of
from srbench.resources import ablations_folder, recipes_folder, weights_folder
from srbench.train.recipes import load_recipe
from srbench.types import ModelInfo, PackageResource

UNTRAINED = {"scaling"}
"""Ablations that are declared, without weights of their levels: docs/training.md says so too."""
OWN = [entry.info for name, entry in registry.models().items() if name.startswith("srbench-")]


def test_the_family_is_small() -> None:
    """All files together stay below 15 MB."""
    files = list(weights_folder().iterdir())
    assert len(files) > 4
    assert sum(file.stat().st_size for file in files) < 15_000_000


@pytest.mark.parametrize("info", OWN, ids=lambda info: info.name)
def test_cards_say_what_files_say(info: ModelInfo) -> None:
    """Digest, size, promise and training sets of a card are its files'; the record is of this file."""
    assert {weights.scales for weights in info.weights} == {(scale,) for scale in info.scales}
    reach = set()
    for weights in info.weights:
        (source,) = weights.asset.sources
        assert isinstance(source, PackageResource)
        path = weights_folder() / source.path.removeprefix("weights/")
        assert (sha256_of(path), path.stat().st_size) == (weights.asset.sha256, weights.asset.size)
        network, training = read_trained(path)
        told = promise(network, info.name, info.title)
        same = ("family", "channels", "pre_upsampled", "planes", "kind", "size_multiple", "tiling")
        assert [getattr(info, field) for field in same] == [getattr(told, field) for field in same]
        reach.add(told.receptive_field)
        assert info.trained_on == training.trained_on
        recipe = load_recipe((recipes_folder() / f"{training.recipe}.toml").read_text("utf-8"), "recipe")
        assert (recipe.digest, recipe.steps) == (training.digest, training.steps)
        last = json.loads(path.with_suffix(".jsonl").read_text("utf-8").splitlines()[-1])
        assert (last["event"], last["sha256"]) == ("end", weights.asset.sha256)
        if network.scale == info.scales[0]:
            assert sum(p.numel() for p in build(network).parameters()) == info.params
    assert max(reach) == info.receptive_field


def test_a_shipped_ablation_has_all_its_levels_trained_or_is_said_to_have_none() -> None:
    """``--pretrained`` evaluates at once: each level's weights are of just that recipe."""
    for file in ablations_folder().iterdir():
        ablation = load_ablation(file.read_text("utf-8"), file.name)
        place = Place(weights_folder(), pretrained=True)
        missing = [trial.name for trial in trials(ablation) if not finished(trial, place)]
        assert bool(missing) == (ablation.name in UNTRAINED), missing


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_own_networks_beat_bicubic_with_no_network(
    scale: int, srbench: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a photograph that is installed: bicubic, then SRCNN, then the EDSR-style network."""
    monkeypatch.setenv("SRBENCH_OFFLINE", "1")
    names = [info.name for info in OWN if scale in info.scales and info.kind == "still"]
    ran = srbench(
        "run", "-m", ",".join(["bicubic", *names]), "-d", "embedded", "-x", str(scale),
        "--limit", "1", "--metrics", "psnr_y", "--json", "-q",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    score = {cell["model"]: cell["metrics"]["psnr_y"] for cell in ran.json()["cells"]}
    assert min(score[name] for name in names) > score["bicubic"] + 0.3
    assert score["srbench-edsr-s"] == max(score.values())
