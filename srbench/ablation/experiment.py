"""From a declared ablation to records: train what is missing, then run all of it through the runner."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from srbench.ablation.declared import Ablation, Trial, trials
from srbench.adapters.trained_file import read_trained
from srbench.errors import Unavailable
from srbench.resources import weights_folder
from srbench.runner.evaluate import Listener as RunListener
from srbench.runner.evaluate import Outcome
from srbench.runner.execute import execute
from srbench.runner.plan import Plan
from srbench.runner.request import Request, choose_datasets, choose_metrics, choose_models
from srbench.store.scores import CellScores, load_scores
from srbench.train.recipes import Recipe
from srbench.train.record import TrainingRecord
from srbench.types import Record


@dataclass(frozen=True)
class Place:
    """Where an ablation's files are.

    Attributes:
        folder: of this ablation.
        pretrained: weights that come with srbench are evaluated, nothing is trained.
    """

    folder: Path
    pretrained: bool = False

    def weights(self, trial: Trial) -> Path:
        """The file of a trial's weights, whether it is there or not.

        Of those that come with srbench it is one of the same recipe, whatever ablation it was made for.
        """
        name = f"{trial.name}.safetensors"
        if not self.pretrained:
            return self.folder / "training" / trial.name / name
        return shipped().get(trial.recipe.digest if trial.recipe else "", weights_folder() / name)

    def record(self, trial: Trial) -> TrainingRecord:
        """The record of a trial's training."""
        path = self.weights(trial)
        return TrainingRecord(path.with_suffix(".jsonl") if self.pretrained else path.parent / "record.jsonl")


@cache
def shipped() -> Mapping[str, Path]:
    """The weights that come with srbench, by their recipes' digests."""
    return {read_trained(path)[1].digest: path for path in sorted(weights_folder().glob("*.safetensors"))}


def finished(trial: Trial, place: Place) -> bool:
    """Whether a trial's weights are there, of just this recipe and all its steps; always of a model."""
    if trial.recipe is None:
        return True
    path = place.weights(trial)
    if not path.is_file():
        return False
    _, training = read_trained(path)
    return (training.digest, training.steps) == (trial.recipe.digest, trial.recipe.steps)


Train = Callable[[Recipe, Path], None]
"""Trains a recipe in a folder of its own."""


def train_missing(ablation: Ablation, place: Place, train: Train) -> None:
    """Train every trial whose weights are not there.

    Raises:
        Unavailable: they should come with srbench and don't.
    """
    for trial in trials(ablation):
        if trial.recipe is None or finished(trial, place):
            continue
        if place.pretrained:
            got = f"no weights of {trial.name}'s recipe"
            raise Unavailable(
                f"all trained levels of {ablation.name}", got, "leave --pretrained out to train"
            )
        train(trial.recipe, place.folder / "training" / trial.name)


def evaluate_trials(
    ablation: Ablation,
    place: Place,
    listen: Callable[[Plan], AbstractContextManager[RunListener]],
    *,
    limit: int | None = None,
    keep: bool = False,
) -> tuple[Plan, Outcome, list[Record]]:
    """Score every trial's weights on the test sets; what the journal has is not computed again.

    With `keep`, predictions are stored, and computed again where they are missing.
    """
    models = tuple(
        f"trained:{place.weights(trial)}" if trial.recipe else trial.model for trial in trials(ablation)
    )
    request = Request(
        models=choose_models(models),
        datasets=choose_datasets(ablation.datasets),
        scales=(ablation.scale,),
        metrics=choose_metrics(ablation.metrics),
        limit=limit,
        save_predictions=keep,
        folder=place.folder,
    )
    return execute(request, listen, sys.argv[1:])


def scores_of_trials(ablation: Ablation, place: Place, sets: Set[str]) -> list[CellScores]:
    """What `evaluate_trials` recorded, under the trials' names, whatever their weights' files are called.

    Args:
        ablation: what was evaluated.
        place: the folder, which may know more from earlier on: other sets, or parts of them.
        sets: the cells' datasets that count.
    """
    names = {f"trained:{place.weights(t).stem}": t.model for t in trials(ablation) if t.recipe}
    return [
        replace(one, cell=replace(one.cell, model=names.get(one.cell.model, one.cell.model)))
        for one in load_scores(place.folder)
        if one.cell.dataset in sets
    ]
