"""Recipes: everything that decides a training, as a TOML file. Needs no torch.

::

    schema = 1
    name = "srcnn-x3"
    steps = 30000

    [network]                     # see srbench.archs.descriptions
    family = "srcnn"
    scale = 3

    [data]
    sets = ["t91"]
    patch = 33
    batch = 16

    [[losses]]
    kind = "l2"

    [optimizer]
    kind = "adam"
    rate = 1e-3
    milestones = [20000]
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from srbench.archs.descriptions import Network, network_table, promise, read_network
from srbench.errors import UsageError
from srbench.typed import Reader
from srbench.types import Flavour, ModelInfo, digest

SCHEMA = 1
READER = Reader(UsageError, "correct the recipe")
LossKind = Literal["l1", "l2", "charbonnier", "perceptual", "adversarial"]


@dataclass(frozen=True)
class Data:
    """What is trained on.

    Attributes:
        sets: names of datasets.
        patch: side of a patch of the small image in pixels (of the output where the input is enlarged
            beforehand).
        batch: patches a step.
        held_out: images (or clips) that are validated on and never trained on, evenly spread over the sets.
        shrink: the ground truth is first shrunk by this factor, which hides what JPEG did to it.
        flavour: of the degradation, MATLAB's ``imresize``.
        augment: patches are flipped and turned at random, the eight ways.
        frames: consecutive frames of a patch, of which a network of windows sees the middle ones, so that
            windows of any size are of the same frames; a network of sequences sees them all. 0 for the
            network's own window.
    """

    sets: tuple[str, ...]
    patch: int
    batch: int
    held_out: int = 4
    shrink: int = 1
    flavour: Flavour = "matlab-symmetric-u8"
    augment: bool = True
    frames: int = 0


@dataclass(frozen=True)
class Loss:
    """One term of the loss; see `srbench.train.losses`.

    Attributes:
        weight: its factor.
        epsilon: of ``charbonnier``, on the scale [0, 1].
        layer: of ``perceptual``: which of VGG16's activations are compared.
        rate: of ``adversarial``: the learning rate of its discriminator's Adam.
    """

    kind: LossKind
    weight: float = 1.0
    epsilon: float = 1e-3
    layer: Literal["relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"] = "relu5_3"
    rate: float = 1e-4


@dataclass(frozen=True)
class Optimizer:
    """How steps are made.

    Attributes:
        rate: the learning rate.
        milestones: steps at which the rate is multiplied by ``factor``.
        warm_up: steps over which the rate rises linearly to ``rate``.
        momentum: of ``sgd``; ``adam`` takes ``betas``.
        clip: the gradient's norm is clipped to this, 0 for not at all.
    """

    kind: Literal["adam", "sgd"] = "adam"
    rate: float = 1e-4
    milestones: tuple[int, ...] = ()
    factor: float = 0.5
    warm_up: int = 0
    betas: tuple[float, float] = (0.9, 0.999)
    momentum: float = 0.9
    clip: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Course:
    """A training but for its network, whose own fields depend on its family.

    Attributes:
        seed: of the initialisation and of the patches.
        ema: decay of the average of weights that is kept in the end; 0 for the last weights themselves.
        validate_every: steps; 0 for at the end only.
        checkpoint_every: steps after which a killed run can go on; they change no weight.
        mixed: bfloat16 where it is safe, on a GPU only.
        start: weights to go on from, a ``.safetensors`` file or the name of one that comes with srbench: of
            the same network, or of one with fewer frames; empty to begin at random.
    """

    name: str
    data: Data
    losses: tuple[Loss, ...]
    steps: int
    optimizer: Optimizer = field(default_factory=Optimizer)
    seed: int = 0
    ema: float = 0.0
    validate_every: int = 0
    checkpoint_every: int = 500
    mixed: bool = False
    start: str = ""


@dataclass(frozen=True, kw_only=True)
class Recipe(Course):
    """One training, whole."""

    network: Network

    @property
    def digest(self) -> str:
        """Of every field that decides the weights: not of the name, nor of when checkpoints are written."""
        return digest({k: v for k, v in recipe_table(self).items() if k not in _WITHOUT_EFFECT})


_WITHOUT_EFFECT = ("name", "validate_every", "checkpoint_every")


def recipe_table(recipe: Recipe) -> dict[str, Any]:
    """The table that `recipe_from` reads back to an equal recipe."""
    table = {f.name: getattr(recipe, f.name) for f in fields(Recipe)}
    parts = {
        "network": network_table(recipe.network),
        # A field that came later stands there only if it is used: digests of earlier recipes hold.
        "data": {k: v for k, v in asdict(recipe.data).items() if k != "frames" or v},
        "losses": [asdict(loss) for loss in recipe.losses],
        "optimizer": asdict(recipe.optimizer),
    }
    return {**table, **parts}


def load_recipe(text: str, where: str) -> Recipe:
    """A recipe from TOML.

    Raises:
        UsageError: not TOML, another schema, or a field that is unknown, missing or senseless.
    """
    return recipe_from(read_toml(text, where, "recipe"), where)


def read_toml(text: str, where: str, what: str) -> dict[str, Any]:
    """A table of schema 1; ``schema`` itself is taken off.

    Raises:
        UsageError: not TOML, or another schema.
    """
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"a TOML {what}", f"{where}: {error}", f"correct the {what}") from error
    schema = table.pop("schema", None)
    if schema != SCHEMA:
        raise UsageError(f"schema = {SCHEMA}", f"{schema!r} in {where}", f"correct the {what}")
    return table


def recipe_from(table: Mapping[str, Any], where: str) -> Recipe:
    """A recipe from a table.

    Raises:
        UsageError: a field is unknown, missing or senseless.
    """
    plain = {key: value for key, value in table.items() if key != "network"}
    network = read_network(table.get("network"), f"{where}: network", READER)
    course = READER.read(Course, plain, where)
    recipe = Recipe(network=network, **{f.name: getattr(course, f.name) for f in fields(Course)})
    for expected, holds, got in _rules(recipe):
        if not holds:
            raise READER.refused(expected, got, where)
    return recipe


NAMES = "of letters, digits, dots, dashes, underscores and plus signs that begins with a letter or digit"


def fits_in_a_path(name: str) -> bool:
    """Whether files and folders can be called so: names of recipes, ablations and their levels."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}", name) is not None


def _surrounds(frames: int, info: ModelInfo) -> bool:
    """Whether a patch of so many frames has a network's window in its middle."""
    more = frames - (info.frames_before + 1 + info.frames_after)
    return info.kind == "sequence" or frames == 0 or (more >= 0 and more % 2 == 0)


def _rules(recipe: Recipe) -> list[tuple[str, bool, str]]:
    """What must hold beyond the types: expected, whether it does, got."""
    data = recipe.data
    counts = {"patch": data.patch, "batch": data.batch, "shrink": data.shrink, "steps": recipe.steps}
    info = promise(recipe.network, recipe.name, recipe.name)
    multiple, seen = info.size_multiple, info.frames_before + 1 + info.frames_after
    adversarial = [loss for loss in recipe.losses if loss.kind == "adversarial"]
    return [
        (f"a name {NAMES}", fits_in_a_path(recipe.name), repr(recipe.name)),
        ("at least one training set", bool(data.sets), "none"),
        *((f"{name} of at least 1", count > 0, f"{count}") for name, count in counts.items()),
        (f"a patch of a multiple of {multiple} pixels", data.patch % multiple == 0, f"{data.patch}"),
        ("frames of 2 or more, for a sequence", info.kind != "sequence" or data.frames > 1, f"{data.frames}"),
        (f"frames of 0, or {seen} and an even number more", _surrounds(data.frames, info), f"{data.frames}"),
        ("at least one held-out image", data.held_out > 0, f"{data.held_out}"),
        ("at least one loss", bool(recipe.losses), "none"),
        ("one adversarial loss at most", len(adversarial) < 2, f"{len(adversarial)}"),
        ("a positive rate", recipe.optimizer.rate > 0, f"{recipe.optimizer.rate}"),
        ("ema of at least 0 and below 1", 0 <= recipe.ema < 1, f"{recipe.ema}"),
        ("a positive checkpoint_every", recipe.checkpoint_every > 0, f"{recipe.checkpoint_every}"),
        ("validate_every of at least 0", recipe.validate_every >= 0, f"{recipe.validate_every}"),
        ("a seed of at least 0", recipe.seed >= 0, f"{recipe.seed}"),
    ]
