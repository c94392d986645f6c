"""Training: recipes, patches, losses and the loop on a set of five small images."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import nn

from srbench.archs.descriptions import (
    EDSR,
    EDVR,
    FSRCNN,
    SRCNN,
    VDSR,
    BasicVSR,
    Network,
    network_table,
    promise,
)
from srbench.data.datasets import add_dataset
from srbench.errors import UsageError
from srbench.image.io import write_png
from srbench.train.checkpoint import load_checkpoint, save_checkpoint
from srbench.train.loop import CHECKPOINT, Trainer, decay_at, learning_rate, saved_bytes
from srbench.train.losses import Adversary, charbonnier, criterion
from srbench.train.patches import Pair, Patches, load_pairs, split
from srbench.train.recipes import Data, Loss, Optimizer, Recipe, load_recipe, recipe_from, recipe_table

SET = "tiny-training"
RECIPE = f"""
schema = 1
name = "tiny"
steps = 12
ema = 0.9
checkpoint_every = 4

[network]
family = "edsr"
scale = 2
blocks = 1
features = 4
norm = true

[data]
sets = ["{SET}"]
patch = 8
batch = 2
held_out = 1

[[losses]]
kind = "l1"

[optimizer]
kind = "adam"
rate = 1e-3
milestones = [6]
clip = 1.0
"""


@pytest.fixture
def tiny_set(tmp_path: Path, empty_home: Path) -> str:
    """Five images of random smooth colours, 40x48, as a set of the user's own."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "tiny"
    folder.mkdir()
    for n in range(5):
        coarse = rng.integers(0, 256, (10, 12, 3), np.uint8)
        write_png(folder / f"{n}.png", np.kron(coarse, np.ones((4, 4, 1), np.uint8)).astype(np.uint8))
    add_dataset(SET, folder, scale=2)
    return SET


def add_clips(folder: Path, size: tuple[int, int]) -> None:
    """Two clips of four frames of noise, height and width given, as the user's set ``tiny-clips``, x4."""
    rng = np.random.default_rng(0)
    for number in range(2):
        for n in range(4):
            write_png(folder / f"{number}/{n}.png", rng.integers(0, 256, (*size, 3), np.uint8))
    add_dataset("tiny-clips", folder, scale=4)


@pytest.fixture
def recipe() -> Recipe:
    """Twelve steps of a small network with batch normalisation."""
    return load_recipe(RECIPE, "tiny.toml")


# ------------------------------------------------------------------------------------ recipes


def test_a_recipe_reads_back_to_itself(recipe: Recipe) -> None:
    """A table written from a recipe is that recipe, and so has its digest."""
    again = recipe_from(json.loads(json.dumps(recipe_table(recipe))), "again")
    assert again == recipe
    assert again.digest == recipe.digest


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("steps = 12", "step = 12", "only the fields"),
        ("steps = 12", "steps = 0", "steps of at least 1"),
        ('name = "tiny"', 'name = "../tiny"', "a name of letters, digits"),
        ('name = "tiny"', 'name = ""', "a name of letters, digits"),
        ('name = "tiny"', 'name = "a\\nb"', "a name of letters, digits"),
        ("steps = 12", "steps = " + "[" * 20_000, "a TOML recipe"),
        ("steps = 12", 'steps = "12"', "a value of type int"),
        ("steps = 12", "steps = true", "a value of type int"),
        ("schema = 1", "schema = 2", "schema = 1"),
        ('family = "edsr"', 'family = "esdr"', "family to be srcnn, fsrcnn"),
        ("blocks = 1", "depth = 1", "only the fields scale, blocks"),
        ("scale = 2", "scale = 5", "a scale that the family has"),
        ('kind = "l1"', 'kind = "l3"', "l1 or l2 or charbonnier"),
        ('kind = "adam"', 'kind = "adamw"', "adam or sgd"),
        ("ema = 0.9", "ema = 1.0", "ema of at least 0 and below 1"),
        ("milestones = [6]", "milestones = 6", "a list"),
        ("held_out = 1", "held_out = 0", "at least one held-out image"),
        ("[data]", "[date]", "only the fields"),
        ("rate = 1e-3", "rate = ", "a TOML recipe"),
    ],
)
def test_a_wrong_recipe_is_refused_in_one_line(old: str, new: str, expected: str) -> None:
    """What was expected, what was found, and what to do; no typo is swallowed."""
    assert old in RECIPE
    with pytest.raises(UsageError) as refused:
        load_recipe(RECIPE.replace(old, new), "tiny.toml")
    assert expected in str(refused.value)
    assert "tiny.toml" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_digest_is_of_what_decides_the_weights(recipe: Recipe) -> None:
    """Names and the times of checkpoints change nothing; seeds, losses and sets do."""
    assert replace(recipe, name="other", checkpoint_every=7, validate_every=3).digest == recipe.digest
    others = [
        replace(recipe, seed=1),
        replace(recipe, losses=(Loss("l2"),)),
        replace(recipe, data=replace(recipe.data, sets=("t91",))),
        replace(recipe, network=EDSR(2, blocks=1, features=4)),
    ]
    assert len({recipe.digest, *(other.digest for other in others)}) == 5


@pytest.mark.parametrize(
    "network",
    [SRCNN(3), FSRCNN(2), VDSR(4), EDSR(3, upsampling="before"), EDVR(4, frames=3), BasicVSR(4, flow="dis")],
    ids=str,
)
def test_a_network_reads_back_from_its_table(network: Network) -> None:
    """What stands in a file's header builds the same network again."""
    from srbench.archs.descriptions import read_network
    from srbench.train.recipes import READER

    assert read_network(json.loads(json.dumps(network_table(network))), "header", READER) == network


# ------------------------------------------------------------------------------------ patches


STILL = promise(EDSR(2), "still", "still")


def ramp(height: int, width: int, factor: int) -> Pair:
    """A pair whose values are their own places: an input's pixel (i, j) holds 1000 i + j."""

    def planes(h: int, w: int, step: int) -> NDArray[np.float32]:
        rows, cols = np.meshgrid(np.arange(h) // step, np.arange(w) // step, indexing="ij")
        return (1000 * rows + cols).astype(np.float32)[None, None]

    return Pair("ramp", planes(height, width, 1), planes(height * factor, width * factor, factor))


@pytest.mark.parametrize("augment", [False, True])
def test_a_patch_and_its_target_lie_on_each_other(augment: bool) -> None:
    """Each target pixel is of the place that its input pixel holds, turned and flipped alike."""
    data = Data(sets=("x",), patch=5, batch=40, augment=augment)
    batch = Patches([ramp(11, 13, 3)], data, STILL, seed=0).batch(0)
    enlarged = batch.inputs[:, 0].repeat(3, axis=2).repeat(3, axis=3)
    np.testing.assert_array_equal(enlarged, batch.targets[:, 0])
    corners = {tuple(map(float, (p[0, 0, 0, 0], p[0, 0, 0, -1], p[0, 0, -1, 0]))) for p in batch.inputs}
    directions = {(round(b - a), round(c - a)) for a, b, c in corners}
    assert len(directions) == (8 if augment else 1)


def test_a_batch_depends_on_its_number_and_the_seed_alone() -> None:
    """Asked in any order, by any object, the same batch comes; another seed or number gives another."""
    data = Data(sets=("x",), patch=5, batch=4)
    one, other = (Patches([ramp(20, 30, 2)], data, STILL, seed=7) for _ in range(2))
    one.batch(0)
    np.testing.assert_array_equal(one.batch(5).inputs, other.batch(5).inputs)
    assert not np.array_equal(one.batch(5).inputs, one.batch(6).inputs)
    assert not np.array_equal(
        Patches([ramp(20, 30, 2)], data, STILL, seed=8).batch(5).inputs, one.batch(5).inputs
    )


def test_every_place_is_as_likely() -> None:
    """Places are drawn in proportion to an image's room for patches, over all of it."""
    data = Data(sets=("x",), patch=4, batch=4000, augment=False)
    small, large = ramp(4, 4, 1), ramp(7, 9, 1)
    small.inputs[...] += 500_000
    corner = Patches([small, large], data, STILL, seed=0).batch(0).inputs[:, 0, 0, 0, 0]
    places, counts = np.unique(corner, return_counts=True)
    assert len(places) == 1 + 4 * 6
    assert counts.min() > 100  # 160 expected, twelve and a half off at one standard deviation


def clip(frames: int) -> Pair:
    """A clip each of whose pixels holds its frame's number."""
    numbers = np.arange(frames, dtype=np.float32)[:, None, None, None]
    return Pair("clip", np.tile(numbers, (1, 1, 6, 6)), np.tile(numbers, (1, 1, 24, 24)))


def test_windows_of_any_size_are_of_the_same_frames() -> None:
    """With `frames`, one, three and five frames are about the same frame, and at the same places."""
    data = Data(sets=("x",), patch=4, batch=200, frames=5)
    sizes = (1, 3, 5)
    batches = [Patches([clip(9)], data, promise(EDVR(4, frames=n), "n", "n"), seed=0).batch(0) for n in sizes]
    for frames, batch in zip(sizes, batches, strict=True):
        assert batch.inputs.shape[:2] == (200, frames)
        seen = batch.inputs[:, :, 0, 0, 0]
        np.testing.assert_array_equal(np.diff(seen, axis=1), 1)
        np.testing.assert_array_equal(seen[:, frames // 2], batch.targets[:, 0, 0, 0, 0])
        np.testing.assert_array_equal(batch.targets, batches[0].targets)
    assert set(batches[0].targets[:, 0, 0, 0, 0]) == {2, 3, 4, 5, 6}


def test_a_sequence_has_a_target_for_every_frame() -> None:
    """A network of sequences is given consecutive frames, and told all of them."""
    data = Data(sets=("x",), patch=4, batch=3, frames=4)
    batch = Patches([clip(6)], data, promise(BasicVSR(4), "n", "n"), seed=0).batch(0)
    assert (batch.inputs.shape, batch.targets.shape) == ((3, 4, 1, 4, 4), (3, 4, 1, 16, 16))
    np.testing.assert_array_equal(batch.inputs[..., 0, 0], batch.targets[..., 0, 0])


def test_images_are_held_out_evenly() -> None:
    """Held-out images are spread over the set and never trained on."""
    pairs = [Pair(str(n), np.zeros((1, 1, 2, 2)), np.zeros((1, 1, 2, 2))) for n in range(20)]
    seen, held_out = split(pairs, 4)
    assert [pair.name for pair in held_out] == ["2", "7", "12", "17"]
    assert sorted(int(p.name) for p in (*seen, *held_out)) == list(range(20))
    with pytest.raises(UsageError, match="held_out below the 20 images"):
        split(pairs, 20)


def test_a_test_set_is_not_trained_on(recipe: Recipe, tmp_path: Path) -> None:
    """What srbench tests on is refused before anything is trained, whoever asks."""
    with pytest.raises(UsageError, match=r"sets to train on, got embedded, a test set; name t91"):
        Trainer(replace(recipe, data=replace(recipe.data, sets=("embedded",))), tmp_path / "t")


def test_what_is_trained_on_is_what_is_tested_on(tiny_set: str) -> None:
    """An input is the frame that a run's protocol degrades, through the same door."""
    from srbench.adapters import door
    from srbench.data.datasets import open_dataset
    from srbench.protocols import get_protocol

    dataset = open_dataset(tiny_set)
    source = dataset.source(dataset.items[3], get_protocol("classic", 2))
    for network in (EDSR(2), SRCNN(2), EDSR(2, upsampling="before")):
        info = promise(network, "n", "n")
        pair = load_pairs(Data((tiny_set,), 8, 2), info, 2)[3]
        wanted = door.enter(source.lr(0), info, 2).planes
        given = pair.inputs[0] / np.float32(255) if pair.inputs.dtype == np.uint8 else pair.inputs[0]
        np.testing.assert_allclose(given, wanted, atol=1e-7)


def test_pairs_are_made_once(tiny_set: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second training reads what the first one has made, and gets the same."""
    info = promise(EDSR(2), "n", "n")
    first = load_pairs(Data((tiny_set,), 8, 2), info, 2)
    monkeypatch.setattr("srbench.train.patches._made", None)
    for one, other in zip(first, load_pairs(Data((tiny_set,), 8, 2), info, 2), strict=True):
        np.testing.assert_array_equal(one.inputs, other.inputs)
        np.testing.assert_array_equal(one.targets, other.targets)


def test_a_set_that_is_not_here_is_told(recipe: Recipe, tmp_path: Path) -> None:
    """Training does not begin with a part of a set."""
    with pytest.raises(UsageError, match=r"all of t91, got 91 missing.*srbench data fetch t91"):
        Trainer(replace(recipe, data=replace(recipe.data, sets=("t91",))), tmp_path / "t")


# ------------------------------------------------------------------------------------- losses


def test_losses_are_their_formulas() -> None:
    """Against the sums written out."""
    generator = torch.Generator().manual_seed(0)
    sr, hr = (torch.rand((2, 3, 5, 7), generator=generator, dtype=torch.float64) for _ in range(2))
    d = (sr - hr).flatten().tolist()
    l1 = math.fsum(abs(x) for x in d) / len(d)
    l2 = math.fsum(x * x for x in d) / len(d)
    charb = math.fsum(math.sqrt(x * x + 0.01**2) for x in d) / len(d)
    assert float(criterion(Loss("l1"), "cpu")(sr, hr)) == pytest.approx(l1, rel=1e-12)
    assert float(criterion(Loss("l2"), "cpu")(sr, hr)) == pytest.approx(l2, rel=1e-12)
    assert float(criterion(Loss("charbonnier", epsilon=0.01), "cpu")(sr, hr)) == pytest.approx(
        charb, rel=1e-12
    )
    assert float(charbonnier(sr, sr, 1e-3)) == pytest.approx(1e-3)


def test_a_perceptual_loss_compares_activations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Zero for equal images; the squared difference of the named layer; its network is not trained."""
    from torchvision.models import vgg16

    torch.manual_seed(0)
    made_up = vgg16(weights=None).features.state_dict()
    monkeypatch.setattr(
        "srbench.metrics.backbones.load_backbone",
        lambda _: {f"features.{n}": t.numpy() for n, t in made_up.items()},
    )
    loss: Any = criterion(Loss("perceptual", layer="relu2_2"), "cpu")
    sr = torch.rand((1, 3, 16, 16), requires_grad=True)
    hr = torch.rand((1, 3, 16, 16))
    assert float(loss(hr, hr)) == 0
    layers = vgg16(weights=None).features
    layers.load_state_dict(made_up)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    a, b = (layers[:9](((image - mean) / std).detach()) for image in (sr, hr))
    assert float(loss(sr, hr).detach()) == pytest.approx(float(((a - b) ** 2).mean()), rel=1e-4)
    loss(sr, hr).backward()
    assert sr.grad is not None
    assert not any(p.requires_grad for p in loss.parameters())


def test_an_adversary_learns_to_tell(tmp_path: Path) -> None:
    """Its loss is -log D(SR); after some steps real images pass and others are found out."""
    torch.manual_seed(0)
    adversary = Adversary(Loss("adversarial", rate=1e-3), "cpu")
    real, fake = torch.rand((4, 3, 32, 32)) * 0.1 + 0.9, torch.rand((4, 3, 32, 32)) * 0.1
    for _ in range(5):
        adversary.learn(fake, real)
    adversary.net.eval()
    assert float(adversary(real, real)) < float(adversary(fake, real))
    logits = adversary.net(fake)
    assert float(adversary(fake, real)) == pytest.approx(float(-logits.sigmoid().log().mean()), rel=1e-4)


def test_the_rate_warms_up_and_falls_at_milestones() -> None:
    """Linearly over the warm-up, then a factor at each milestone."""
    optimizer = Optimizer(rate=1.0, warm_up=4, milestones=(6, 8), factor=0.5)
    rates = [learning_rate(optimizer, step) for step in range(9)]
    assert rates == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 0.5, 0.5, 0.25]


# ---------------------------------------------------------------------------------------- loop


def test_a_training_repeats_to_the_bit_and_learns(tiny_set: str, recipe: Recipe, tmp_path: Path) -> None:
    """The same recipe gives the same file; the loss falls; the record tells how."""
    longer = replace(recipe, steps=300, checkpoint_every=1000, optimizer=Optimizer(rate=1e-3))
    one, other = (Trainer(longer, tmp_path / name).run() for name in ("one", "other"))
    assert one.sha256 == other.sha256
    lines = [json.loads(line) for line in (tmp_path / "one/record.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if line["event"] == "loss"]
    assert losses[-1] < 0.7 * losses[0]
    assert lines[0]["event"] == "begin"
    assert lines[0]["saved_bytes"] > 0
    assert lines[-1]["event"] == "end"
    assert lines[-1]["sha256"] == one.sha256
    assert lines[-1]["psnr_y"] == one.psnr_y


@pytest.mark.parametrize("kind", ["adam", "sgd"])
@pytest.mark.parametrize("stop", [1, 4, 7, 11])
def test_a_stopped_training_ends_in_the_same_weights(
    tiny_set: str, recipe: Recipe, tmp_path: Path, stop: int, kind: Any
) -> None:
    """Network, average, moments and batch normalisation go on as if nothing had happened."""
    recipe = replace(recipe, optimizer=replace(recipe.optimizer, kind=kind))
    whole = Trainer(recipe, tmp_path / "whole").run()
    stopped = Trainer(recipe, tmp_path / "parts").run(stop_after=stop)
    assert not stopped.finished
    parts = Trainer(recipe, tmp_path / "parts").run()
    assert parts.finished
    assert parts.sha256 == whole.sha256
    assert not (tmp_path / "parts" / CHECKPOINT).exists()
    steps = [json.loads(line)["step"] for line in (tmp_path / "parts/record.jsonl").read_text().splitlines()]
    assert steps == sorted(steps)


def test_a_finished_training_answers_and_stays(tiny_set: str, recipe: Recipe, tmp_path: Path) -> None:
    """Asked again, or to stop earlier, it returns what it found; another recipe may not have its folder."""
    first = Trainer(recipe, tmp_path / "t").run()
    before = {file: file.read_bytes() for file in (tmp_path / "t").iterdir()}
    again = Trainer(recipe, tmp_path / "t")
    assert again.run(stop_after=2) == again.run()
    assert (again.run().sha256, again.run().psnr_y, again.step) == (first.sha256, first.psnr_y, 12)
    assert {file: file.read_bytes() for file in (tmp_path / "t").iterdir()} == before
    with pytest.raises(UsageError, match="a folder of this training alone"):
        Trainer(replace(recipe, seed=1), tmp_path / "t")
    assert {file: file.read_bytes() for file in (tmp_path / "t").iterdir()} == before


def test_a_diverged_training_ends_there(tiny_set: str, tmp_path: Path, srbench: Any) -> None:
    """No weights come of a loss that is not finite: the step is told, and the exit code is 3."""
    Path("wild.toml").write_text(RECIPE.replace("rate = 1e-3", "rate = 1e30").replace("clip = 1.0", ""))
    ran = srbench("train", "wild.toml", "-q")
    assert ran.code == 3
    assert "expected a finite loss, got nan at step " in ran.err
    assert not list(Path("results").rglob("*.safetensors"))


def test_text_that_is_no_utf8_is_refused(tmp_path: Path, srbench: Any) -> None:
    """In one line, as any other wrong recipe."""
    Path("latin.toml").write_bytes('name = "Größe"'.encode("latin-1"))
    for command in "train", "ablate":
        ran = srbench(command, "latin.toml")
        assert ran.code == 2
        assert "in UTF-8, got latin.toml" in ran.err


def test_an_adversary_is_gone_on_with(tiny_set: str, recipe: Recipe, tmp_path: Path) -> None:
    """A discriminator and its moments are part of the checkpoint."""
    recipe = replace(recipe, losses=(Loss("l1"), Loss("adversarial", weight=0.1)), steps=6)
    whole = Trainer(recipe, tmp_path / "whole").run()
    Trainer(recipe, tmp_path / "parts").run(stop_after=3)
    assert Trainer(recipe, tmp_path / "parts").run().sha256 == whole.sha256


def test_a_killed_training_ends_in_the_same_weights(tiny_set: str, tmp_path: Path) -> None:
    """Killed outright at a moment of chance, started again, killed again: bit for bit the same file."""
    text = RECIPE.replace("steps = 12", "steps = 400").replace(
        "checkpoint_every = 4", "checkpoint_every = 10"
    )
    (tmp_path / "tiny.toml").write_text(text)
    command = [sys.executable, "-m", "srbench", "train", "tiny.toml", "--threads", "1", "--out"]
    whole = Trainer(load_recipe(text, "tiny.toml"), tmp_path / "whole" / "tiny", threads=1).run()
    kills = 0
    rng = np.random.default_rng()
    for _ in range(2):
        process = subprocess.Popen([*command, "parts"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        checkpoint = tmp_path / "parts" / "tiny" / CHECKPOINT
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        while process.poll() is None and (not checkpoint.exists() or checkpoint.stat().st_mtime_ns == before):
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.1))
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills >= 1
    subprocess.run([*command, "parts"], check=True, capture_output=True)
    parts = tmp_path / "parts/tiny/tiny.safetensors"
    assert parts.read_bytes() == whole.weights.read_bytes()


def test_a_checkpoint_of_another_recipe_is_refused(tiny_set: str, recipe: Recipe, tmp_path: Path) -> None:
    """A folder's checkpoint is never mixed into another training."""
    Trainer(recipe, tmp_path / "t").run(stop_after=2)
    with pytest.raises(UsageError, match="a folder of this training alone"):
        Trainer(replace(recipe, seed=1), tmp_path / "t")


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    """A checkpoint holds tensors and plain values; anything else is refused, and nothing in it runs."""
    from srbench.errors import IntegrityError

    path = tmp_path / "c.safetensors"
    save_checkpoint(path, {"a": torch.arange(3.0)}, {"step": 3})
    tensors, state = load_checkpoint(path)
    assert (tensors["a"].tolist(), state) == ([0, 1, 2], {"step": 3})
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(IntegrityError, match="a checkpoint"):
        load_checkpoint(path)


def test_the_average_is_what_is_kept(tiny_set: str, recipe: Recipe, tmp_path: Path) -> None:
    """With ``ema`` the file holds the average over steps, without it the last weights."""
    plain = replace(recipe, ema=0.0, steps=1)
    last = load_file(Trainer(plain, tmp_path / "a").run().weights)
    torch.manual_seed(recipe.seed)
    from srbench.archs.build import build

    first = build(recipe.network).state_dict()
    averaged = load_file(Trainer(replace(plain, ema=0.75), tmp_path / "b").run().weights)
    name = "conv_first.weight"
    torch.testing.assert_close(averaged[name], 0.1 * first[name] + 0.9 * last[name])
    assert not torch.equal(first[name], last[name])


def test_the_average_forgets_its_random_beginning() -> None:
    """After a hundred steps nothing is left of the first weights, however long the average's memory."""
    share = math.prod(decay_at(0.9999, step) for step in range(100))
    assert share < 1e-9
    assert decay_at(0.999, 10**6) == 0.999
    assert decay_at(0.0, 50) == 0.0


def test_kept_bytes_are_counted_once_and_without_weights() -> None:
    """A convolution keeps its input; a ReLU keeps its output; weights are there anyway."""
    net = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.ReLU())
    x = torch.zeros((1, 2, 5, 5), requires_grad=True)
    with saved_bytes(net) as count:
        net(x)
    assert count() == 4 * (2 * 25 + 4 * 25)


def test_normalisation_costs_memory(tiny_set: str, recipe: Recipe, tmp_path: Path) -> None:
    """The record shows what batch normalisation adds to what a step keeps."""
    kept = []
    for norm in (True, False):
        network = EDSR(2, blocks=1, features=4, norm=norm)
        changed = replace(recipe, steps=1, network=network)
        Trainer(changed, tmp_path / str(norm)).run()
        kept.append(
            json.loads((tmp_path / f"{norm}/record.jsonl").read_text().splitlines()[0])["saved_bytes"]
        )
    assert kept[0] > kept[1]


def test_trained_weights_run_as_a_model(tiny_set: str, recipe: Recipe, tmp_path: Path, srbench: Any) -> None:
    """A file that training wrote is a model: ``trained:FILE`` gives what the trainer's network gives."""
    found = Trainer(recipe, tmp_path / "t").run()
    ran = srbench(
        "run", "-m", f"trained:{found.weights}", "-d", tiny_set, "-x", "2", "--metrics", "psnr_y", "--json"
    )
    assert ran.code == 0, ran.err
    (cell,) = ran.json()["cells"]
    assert cell["model"] == "trained:tiny"
    assert cell["items"]["2"]["psnr_y"] == pytest.approx(found.psnr_y, abs=1e-4)  # the held-out image


def test_a_wider_window_begins_as_the_narrower_one(empty_home: Path, recipe: Recipe, tmp_path: Path) -> None:
    """Weights of one frame start a network of three, that gives the same, whatever the others show."""
    from srbench.archs.build import build

    add_clips(tmp_path / "clips", (64, 64))
    small = EDVR(4, features=4, frames=1, groups=1, extraction=1, reconstruction=1, tsa=False, tail=4)
    data = Data(("tiny-clips",), patch=8, batch=2, held_out=1)
    one = replace(recipe, network=small, data=data, steps=2)
    found = Trainer(one, tmp_path / "one").run()
    wider = replace(one, network=replace(small, frames=3), start=str(found.weights))
    net = Trainer(wider, tmp_path / "three").net.eval()
    narrow = build(small)
    narrow.load_state_dict(load_file(found.weights))
    x = torch.rand(1, 3, 3, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(net(x), narrow.eval()(x[:, 1:2]))


@pytest.mark.parametrize("frames", [1, 3])
def test_a_network_of_windows_trains_on_clips(
    frames: int, empty_home: Path, recipe: Recipe, tmp_path: Path, srbench: Any
) -> None:
    """Sides that the network can't halve twice are cropped for validation; the weights run on clips."""
    add_clips(tmp_path / "clips", (72, 88))
    small = EDVR(4, features=4, frames=frames, groups=1, extraction=1, reconstruction=1, tsa=False, tail=4)
    data = Data(("tiny-clips",), patch=8, batch=2, held_out=1)
    found = Trainer(replace(recipe, network=small, data=data, steps=2), tmp_path / "t").run()
    ran = srbench(
        "run",
        "-m",
        f"trained:{found.weights}",
        "-d",
        "tiny-clips",
        "-x",
        "4",
        "--metrics",
        "psnr_y",
        "--json",
    )
    assert ran.code == 0, ran.err
    assert len(ran.json()["cells"][0]["items"]) == 2


@pytest.mark.parametrize("flow", ["dis", "none"])
def test_a_network_of_sequences_trains_on_clips(
    flow: Any, empty_home: Path, recipe: Recipe, tmp_path: Path, srbench: Any
) -> None:
    """It learns from every frame, the same when stopped between; the weights run on whole clips."""
    add_clips(tmp_path / "clips", (72, 88))
    data = Data(("tiny-clips",), patch=12, batch=2, held_out=1, frames=3)
    small = BasicVSR(4, features=4, blocks=1, tail=4, flow=flow)
    clips = replace(recipe, network=small, data=data, steps=4, losses=(Loss("charbonnier"),))
    whole = Trainer(clips, tmp_path / "whole").run()
    Trainer(clips, tmp_path / "parts").run(stop_after=2)
    assert Trainer(clips, tmp_path / "parts").run().sha256 == whole.sha256
    asked = ["-d", "tiny-clips", "-x", "4", "--metrics", "psnr_y", "--json"]
    ran = srbench("run", "-m", f"trained:{whole.weights}", *asked)
    assert ran.code == 0, ran.err
    assert len(ran.json()["cells"][0]["items"]) == 2


@pytest.mark.parametrize(
    ("network", "frames", "expected"),
    [
        ('family = "basicvsr"\nscale = 4', 0, "frames of 2 or more, for a sequence"),
        ('family = "edvr"\nscale = 4', 4, "frames of 0, or 5 and an even number more"),
        ('family = "edvr"\nscale = 4', 3, "frames of 0, or 5 and an even number more"),
        ('family = "edsr"\nscale = 2', 2, "frames of 0, or 1 and an even number more"),
    ],
)
def test_frames_that_no_network_can_take_are_refused(network: str, frames: int, expected: str) -> None:
    """A window must lie in the middle, a sequence must be one."""
    text = RECIPE.replace('family = "edsr"\nscale = 2\nblocks = 1\nfeatures = 4\nnorm = true', network)
    with pytest.raises(UsageError, match=expected):
        load_recipe(text.replace("patch = 8", f"patch = 8\nframes = {frames}"), "tiny.toml")


def test_digests_of_recipes_without_frames_stand() -> None:
    """A shipped file is still known as what its recipe trains."""
    from srbench.adapters.trained_file import read_trained
    from srbench.resources import recipes_folder, weights_folder

    text = (recipes_folder() / "srcnn-x3.toml").read_text()
    _, training = read_trained(weights_folder() / "srcnn-x3.safetensors")
    assert load_recipe(text, "srcnn-x3.toml").digest == training.digest


def test_a_file_that_says_nothing_is_refused(tmp_path: Path, srbench: Any) -> None:
    """Weights of elsewhere are not guessed at."""
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    ran = srbench("run", "-m", f"trained:{tmp_path / 'other.safetensors'}", "-d", "embedded", "-x", "2")
    assert ran.code == 2
    assert "weights that say what network they are of" in ran.err


def test_the_command_resumes_and_prints_one_object(tiny_set: str, tmp_path: Path, srbench: Any) -> None:
    """``srbench train`` stops, goes on and tells where the weights are."""
    Path("tiny.toml").write_text(RECIPE)
    planned = srbench("train", "tiny.toml", "--plan", "--json").json()
    assert (planned["steps"], planned["recipe"]) == (12, "tiny")
    assert planned["seconds"] == pytest.approx(12 * planned["seconds_a_step"], rel=0.1, abs=0.05)
    assert not Path("results/training").exists()
    first = srbench("train", "tiny.toml", "--stop-after", "5", "--json")
    assert (first.code, first.json()["step"], first.json()["finished"]) == (0, 5, False)
    second = srbench("train", "tiny.toml", "--json")
    assert second.json()["finished"]
    assert Path(second.json()["weights"]).is_file()
    assert srbench("train", "tinny").code == 2
    assert srbench("train", "missing.toml").code == 2
