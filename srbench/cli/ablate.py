"""``srbench ablate``."""

from __future__ import annotations

import json
import sys
from collections.abc import Set
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from srbench.cli.options import json_option
from srbench.errors import UsageError

if TYPE_CHECKING:
    from srbench.ablation.declared import Ablation
    from srbench.ablation.experiment import Place
    from srbench.ablation.tables import Cost, Curve
    from srbench.runner.plan import Plan
    from srbench.train.recipes import Recipe

EXIT_FAILED = 3
POINTS = 50
"""Of a training curve in the findings."""


@click.command()
@click.argument("ablation", metavar="NAME")
@click.option("--pretrained", is_flag=True, help="Evaluate the levels that come with srbench; train nothing.")
@click.option("--plan", "only_plan", is_flag=True, help="Print the trainings and which are done.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("results/ablations"),
    show_default=True,
    metavar="DIR",
    help="The ablation's files come into DIR/NAME.",
)
@click.option("--device", default="cpu", show_default=True, metavar="DEVICE", help="To train on.")
@click.option("--threads", type=click.IntRange(min=0), default=0, help="CPU threads; torch's own if omitted.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="First N images of each set.")
@click.option("--save-predictions", is_flag=True, help="Keep the super-resolved images as PNG, for its page.")
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
@json_option
def ablate(
    ablation: str,
    pretrained: bool,
    only_plan: bool,
    out: Path,
    device: str,
    threads: int,
    limit: int | None,
    save_predictions: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Test a claim of the literature: train its levels, and compare them.

    NAME is an ablation that comes with srbench (srbench list ablations), or a TOML file. Everything
    but the factor is equal: recipe, patches, seeds. Prints paired differences with their intervals, and
    whether the claim holds; writes them as Markdown, JSON and one picture. The same command goes on after
    a kill.

    \b
    srbench ablate bn-loss --pretrained
    srbench ablate bn-loss --plan
    srbench ablate mine.toml --threads 1
    """
    from srbench.ablation.experiment import Place, train_missing

    declared = find_ablation(ablation)
    place = Place(out / declared.name, pretrained)
    _check_sets(declared)
    if only_plan:
        return _print_plan(declared, place, as_json)
    with redirect_stdout(sys.stderr):
        train_missing(declared, place, partial(_train, device=device, threads=threads, quiet=quiet))
        plan, failed = _evaluate(declared, place, limit, quiet, keep=save_predictions)
    if failed:
        return EXIT_FAILED
    return _tell(declared, place, {planned.cell.dataset for planned in plan.cells}, as_json)


def find_ablation(text: str) -> Ablation:
    """An ablation by its file, or by the name of one that comes with srbench.

    Raises:
        UsageError: there is none, or it is wrong.
    """
    from srbench.ablation.declared import load_ablation
    from srbench.cli.train import shipped_or_file
    from srbench.resources import ablations_folder

    return load_ablation(*shipped_or_file(text, ablations_folder(), "ablation"))


def _train(recipe: Recipe, folder: Path, *, device: str, threads: int, quiet: bool) -> None:
    from srbench.adapters.network import check_device
    from srbench.cli.train import progress
    from srbench.train.loop import Trainer

    check_device(device)
    trainer = Trainer(recipe, folder, device=device, threads=threads)
    with progress(recipe, trainer.step, quiet=quiet) as listener:
        trainer.run(listener)


def _check_sets(declared: Ablation) -> None:
    """Before hours of training: every set is known, and used with this scale."""
    from srbench.data.datasets import open_dataset

    for name in declared.datasets:
        scales = open_dataset(name).scales
        if declared.scale not in scales:
            used = f"{name}, which is used with {', '.join(f'x{scale}' for scale in scales)}"
            raise UsageError(f"test sets for x{declared.scale}", used, "name other sets, or another scale")


def _evaluate(
    declared: Ablation, place: Place, limit: int | None, quiet: bool, *, keep: bool
) -> tuple[Plan, bool]:
    """Run every level; the plan, and whether one failed or a set is not here (that is said, quiet or not)."""
    from srbench.ablation.experiment import evaluate_trials
    from srbench.cli.outcome import print_summary
    from srbench.cli.progress import fetch_with_progress, run_listener

    for name in declared.datasets:
        fetch_with_progress(name, quiet=quiet)
    listen = partial(run_listener, quiet=quiet)
    plan, outcome, _ = evaluate_trials(declared, place, listen, limit=limit, keep=keep)
    failed = bool(outcome.failed or outcome.skipped)
    print_summary(plan, outcome, quiet=quiet and not failed)
    return plan, failed


def _tell(declared: Ablation, place: Place, sets: Set[str], as_json: bool) -> int:
    from srbench.ablation.effects import effects_of
    from srbench.ablation.experiment import scores_of_trials
    from srbench.ablation.tables import findings, markdown, picture

    effects = effects_of(declared, scores_of_trials(declared, place, sets))
    costs = _costs(declared, place)
    found = findings(declared, effects, costs, _curves(declared, place))
    command = f"srbench ablate {declared.name}{' --pretrained' if place.pretrained else ''}"
    _write(place.folder / "ablation.md", markdown(declared, effects, costs, command))
    _write(place.folder / "ablation.svg", picture(declared, effects))
    _write(place.folder / "ablation.json", json.dumps(found, indent=1) + "\n")
    if as_json:
        click.echo(json.dumps(found))
    else:
        _show(declared, found, effects)
        click.echo(f"{place.folder / 'ablation.md'}, .svg and .json", err=True)
    return 0


def _write(path: Path, text: str) -> None:
    from srbench.image.io import write_atomically

    write_atomically(path, text.encode())


def _show(declared: Ablation, found: dict[str, Any], effects: list[Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    from srbench.ablation.tables import HEAD, rows_of
    from srbench.report.plain import plain

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 120
    for factor in found["factors"]:
        claim = f"{factor['name']}: {factor['claim']} ({factor['source']}): {factor['verdict']}"
        console.print(plain(claim), markup=False, soft_wrap=True)
        table = Table(*HEAD, box=None, pad_edge=False)
        own = [e for e in effects if e.factor == factor["name"]]
        for row in rows_of(own, factor["better"], declared.metrics[0]):
            table.add_row(*map(plain, row))
        console.print(table)


def _costs(declared: Ablation, place: Place) -> list[Cost]:
    """Means over the trainings of each level, from their records."""
    from srbench.ablation.declared import trials
    from srbench.ablation.tables import Cost

    costs = []
    for at, factor in enumerate(declared.factors):
        for level in factor.levels:
            chosen = [t for t in trials(declared) if t.recipe and t.levels[at] == level.name]
            lines = [place.record(trial).lines() for trial in chosen]
            known = [(own[0], own[-1]) for own in lines if own and own[-1]["event"] == "end"]
            if known:
                begun, ended = zip(*known, strict=True)
                means = [_mean(begun, "params"), _mean(begun, "saved_bytes"), _mean(ended, "seconds")]
                costs.append(Cost(factor.name, level.name, *means))
    return costs


def _curves(declared: Ablation, place: Place) -> list[Curve]:
    """Each training's losses and validations, from its record."""
    from srbench.ablation.declared import trials
    from srbench.ablation.tables import Curve

    curves = []
    for trial in trials(declared):
        lines = place.record(trial).lines() if trial.recipe else []
        told = [[line for line in lines if line["event"] == event] for event in ("loss", "validation")]
        losses = [(line["step"], float(f"{line['loss']:.5g}")) for line in told[0]]
        scores = [(line["step"], round(line["psnr_y"], 4)) for line in told[1]]
        if losses:
            thinned = losses[:: max(1, len(losses) // POINTS)]
            curves.append(Curve(trial.name, trial.levels, trial.seed, tuple(thinned), tuple(scores)))
    return curves


def _mean(lines: tuple[dict[str, Any], ...], key: str) -> float:
    return float(sum(line[key] for line in lines) / len(lines))


def _print_plan(declared: Ablation, place: Place, as_json: bool) -> int:
    from srbench.ablation.declared import trials
    from srbench.ablation.experiment import finished, shipped

    rows = [
        {
            "name": t.name,
            "digest": t.recipe.digest if t.recipe else "",
            "steps": t.recipe.steps if t.recipe else 0,
            "trained": finished(t, place),
            "ships": t.recipe is None or t.recipe.digest in shipped(),
        }
        for t in trials(declared)
    ]
    if as_json:
        click.echo(json.dumps({"trials": rows}, indent=1))
        return 0
    for row in rows:
        state = "trained" if row["trained"] else f"to train{' (or --pretrained)' if row['ships'] else ''}"
        click.echo(f"{row['name']:40} {row['steps']:>7} steps  {state}")
    click.echo(f"then x{declared.scale} on {', '.join(declared.datasets)}: {', '.join(declared.metrics)}")
    return 0
