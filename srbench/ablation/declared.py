"""A declared ablation: factors, their levels, and everything else held equal. Needs no torch.

::

    schema = 1
    name = "bn"
    title = "Batch normalisation"
    seeds = [0, 1, 2]
    datasets = ["set5", "set14", "bsd100"]

    [[factors]]
    name = "bn"
    claim = "Without batch normalisation PSNR is higher"
    source = "EDSR, CVPRW 2017, section 3.1"
    base = "bn"
    better = "plain"

    [[factors.levels]]
    name = "bn"
    [factors.levels.set.network]
    norm = true

    [[factors.levels]]
    name = "plain"

    [recipe]                          # as in a recipe, without its name and seed
    ...

Levels can be models that exist instead (``model = "srgan"``); then there is a ``scale``, and no recipe.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from srbench.errors import UsageError
from srbench.train.recipes import NAMES, Recipe, fits_in_a_path, read_toml, recipe_from
from srbench.typed import Reader

_READER = Reader(UsageError, "correct the ablation")


@dataclass(frozen=True)
class Level:
    """One way of doing it.

    Attributes:
        set: the fields of the recipe that it changes, tables in tables; a list replaces a list.
        model: a model that exists is this level; nothing is trained.
    """

    name: str
    set: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""


@dataclass(frozen=True)
class Factor:
    """What is varied, and what a paper says of it.

    Attributes:
        claim: in words: going from level `base` to level `better` makes the first metric better.
        source: of the claim.
        levels: two or more; each is compared with `base`, the claim is of `better` alone.
    """

    name: str
    claim: str
    source: str
    base: str
    better: str
    levels: tuple[Level, ...]


@dataclass(frozen=True)
class Ablation:
    """An experiment: every combination of levels, with every seed.

    Attributes:
        seeds: of initialisation and patches; each level sees the same ones.
        datasets: test sets.
        metrics: by name; the first one decides.
        recipe: a recipe's table without ``name`` and ``seed``; empty if models are the levels.
        scale: of the models that are levels; a recipe's own otherwise.
    """

    name: str
    title: str
    seeds: tuple[int, ...]
    datasets: tuple[str, ...]
    factors: tuple[Factor, ...]
    recipe: Mapping[str, Any] = field(default_factory=dict)
    scale: int = 0
    metrics: tuple[str, ...] = ("psnr_y", "ssim_y")


@dataclass(frozen=True)
class Trial:
    """One training of an ablation: a level of each factor, and a seed; or a model that exists.

    Attributes:
        name: ``bn-loss.plain.l1.s0``: the recipe's and the weights file's; or the model's.
        recipe: None for a model that exists.
    """

    name: str
    levels: tuple[str, ...]
    seed: int
    recipe: Recipe | None

    @property
    def model(self) -> str:
        """The name in records."""
        return f"trained:{self.name}" if self.recipe else self.name


def load_ablation(text: str, where: str) -> Ablation:
    """An ablation from TOML.

    Raises:
        UsageError: not TOML, or a field that is unknown, missing or senseless, in any of its recipes too.
    """
    ablation = _READER.read(Ablation, read_toml(text, where, "ablation"), where)
    _check(ablation, where)
    found = list(trials(ablation))  # every recipe is read, so that none is found wrong after hours
    recipes = [trial.recipe for trial in found if trial.recipe]
    if not recipes:
        return ablation
    _check_recipes(recipes, where)
    return replace(ablation, scale=recipes[0].network.scale)


def trials(ablation: Ablation) -> Iterator[Trial]:
    """Every training, seeds last; or every model."""
    for seed in ablation.seeds:
        for levels in product(*(factor.levels for factor in ablation.factors)):
            yield _trial(ablation, levels, seed)


def _trial(ablation: Ablation, levels: tuple[Level, ...], seed: int) -> Trial:
    names = tuple(level.name for level in levels)
    if levels[0].model:
        return Trial(levels[0].model, names, seed, None)
    table: dict[str, Any] = {**ablation.recipe}
    for level in levels:
        table = _merged(table, level.set)
    name = ".".join((ablation.name, *names, f"s{seed}"))
    return Trial(name, names, seed, recipe_from({**table, "name": name, "seed": seed}, name))


def _merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in change.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(old, value) if both else value  # type: ignore[arg-type] # both are mappings
    return merged


def _check(ablation: Ablation, where: str) -> None:
    levels = [level for factor in ablation.factors for level in factor.levels]
    if any(level.model for level in levels):
        _check_models(ablation, levels, where)
    elif {"name", "seed"} & set(ablation.recipe) or not isinstance(ablation.recipe.get("network"), Mapping):
        raise _READER.refused("a recipe with a network, without name and seed", "another", where)
    elif ablation.scale:
        raise _READER.refused("the recipe's scale alone", f"scale = {ablation.scale} beside it", where)
    if not (ablation.factors and ablation.seeds and ablation.datasets and ablation.metrics):
        raise _READER.refused("factors, seeds, datasets and metrics", "an empty list", where)
    if len(set(ablation.seeds)) != len(ablation.seeds):
        raise _READER.refused("different seeds", ", ".join(map(str, ablation.seeds)), where)
    for name in (ablation.name, *(level.name for level in levels)):
        if not fits_in_a_path(name):
            raise _READER.refused(f"names {NAMES}", repr(name), where)
    for level in levels:
        if {"name", "seed"} & set(level.set):
            raise _READER.refused("levels that set neither name nor seed", level.name, where)
    for factor in ablation.factors:
        if factor.base == factor.better:
            raise _READER.refused(f"a level of {factor.name} that is better than its base", "the base", where)
        names = [level.name for level in factor.levels]
        if len(set(names)) != len(names) or not {factor.base, factor.better} <= set(names):
            expected = f"different levels of {factor.name}, {factor.base} and {factor.better} among them"
            raise _READER.refused(expected, ", ".join(names) or "none", where)


def _check_recipes(recipes: Sequence[Recipe], where: str) -> None:
    """Levels differ, or there is nothing to compare; and have one scale, or there is no common test."""
    scales = sorted({recipe.network.scale for recipe in recipes})
    if len(scales) > 1:
        raise _READER.refused("one scale", ", ".join(f"x{scale}" for scale in scales), where)
    by_digest = {recipe.digest: recipe.name for recipe in recipes}
    for recipe in recipes:
        if by_digest[recipe.digest] != recipe.name:
            got = f"{recipe.name} and {by_digest[recipe.digest]}, which are the same"
            raise _READER.refused("levels that differ", got, where)


def _check_models(ablation: Ablation, levels: Sequence[Level], where: str) -> None:
    """Models can't be combined or trained again: one factor, one seed, each level a model, no recipe."""
    plain = all(level.model and not level.set for level in levels) and not ablation.recipe
    if not plain or len(ablation.factors) > 1 or len(ablation.seeds) != 1:
        expected = "one factor and one seed, and a model alone for each level"
        raise _READER.refused(expected, "models beside a recipe, factors or seeds", where)
    if ablation.scale < 1:
        raise _READER.refused("the models' scale", f"scale = {ablation.scale}", where)
