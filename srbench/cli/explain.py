"""``srbench explain``: which recipe, or which usual mistake, gives a figure that somebody printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from srbench.cli.options import json_option, plugin_option
from srbench.cli.run import inference_options, parse_split
from srbench.errors import UsageError

if TYPE_CHECKING:
    from srbench.data.dataset import Dataset
    from srbench.explain.measure import Figures
    from srbench.explain.verdict import Claim, Row
    from srbench.runner.request import ModelChoice

EXIT_NONE = 4
Thing = TypeVar("Thing")


@click.command()
@click.option("--claimed", required=True, metavar="FIGURE", help="As printed: its digits are the tolerance.")
@click.option(
    "--metric",
    type=click.Choice(["psnr_y", "ssim_y"]),
    help="What the figure is; by its size if omitted.",
)
@click.option("-m", "--model", metavar="NAME", help="The model that is said to reach it.")
@click.option("--outputs", type=click.Path(path_type=Path), metavar="DIR", help="Or its images.")
@click.option("-d", "--dataset", required=True, metavar="NAME")
@click.option("-x", "--scale", required=True, metavar="SCALE")
@click.option("--top", type=click.IntRange(min=1), default=10, show_default=True, help="Rows shown.")
@inference_options
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
@plugin_option
@json_option
def explain(
    claimed: str,
    metric: str | None,
    model: str | None,
    outputs: Path | None,
    dataset: str,
    scale: str,
    top: int,
    tile: int | None,
    split: str | None,
    device: str,
    quiet: bool,
    plugins: tuple[Path, ...],
    as_json: bool,
) -> int:
    """Which recipe gives a claimed figure: every protocol and its usual mistakes are tried.

    The answer stands in the first line; then come all recipes that agree to the printed digits, fewest
    deviations first, and the nearest others. The mistakes: another luma, RGB, border, rounding, bicubic, gray
    rule, mean or SSIM window, alone and in pairs. A model is run again for each other LR; a folder is only
    scored again. Exit code 4 if no recipe agrees.

    \b
    srbench explain --claimed 28.42 -m bicubic -d set5 -x 4
    srbench explain --claimed 0.8987 -m imdn -d set5 -x 4
    srbench explain --claimed 32.38 --outputs results/RDN/x4 -d set5 -x 4
    """
    from srbench.adapters.base import Settings
    from srbench.cli.progress import item_progress
    from srbench.explain.measure import figures
    from srbench.explain.verdict import parse_claim, rank, verdict

    claim = parse_claim(claimed)
    metric = metric or ("ssim_y" if claim.value <= 1 else "psnr_y")
    with redirect_stdout(sys.stderr):
        choice = _model(model, outputs, plugins)
        found_set, factor = _dataset(dataset, scale, quiet=quiet)
        settings = Settings(device=device, tile=tile or 0, split=parse_split(split), ensemble=choice.ensemble)
        with item_progress(len(found_set.items), quiet=quiet) as tell:
            found = figures(choice, found_set, factor, metric, settings, tell)
    rows = rank(claim, found.found)
    answer = verdict(claim, rows, f"{metric} of {choice.name} on {found_set.name} x{factor}")
    asked = {"claimed": claim.text, "metric": metric, "model": choice.name, "dataset": found_set.name}
    if as_json:
        print(json.dumps({**asked, "scale": factor, **_json(answer, rows, found)}, indent=1))
    else:
        _print(claim, answer, rows, found, top)
    return 0 if any(row.agrees for row in rows) else EXIT_NONE


def _model(model: str | None, outputs: Path | None, plugins: tuple[Path, ...]) -> ModelChoice:
    from srbench import registry
    from srbench.runner.request import ModelChoice, choose_models, folder_label

    if (model is None) == (outputs is None):
        got = "neither" if model is None else "both"
        raise UsageError("a model (-m) or its images (--outputs)", got, "name one of the two")
    for plugin in plugins:
        registry.load_plugin(plugin)
    if outputs is not None:
        return ModelChoice(registry.models()["folder"], str(outputs), f"folder:{folder_label(outputs)}")
    return _only(list(choose_models((str(model),))), "model", lambda choice: choice.name)


def _dataset(name: str, scale: str, *, quiet: bool) -> tuple[Dataset, int]:
    """The set, what is missing of it fetched, and the scale as a number."""
    from srbench.cli.progress import fetch_with_progress
    from srbench.runner.request import choose_datasets, parse_scales

    chosen = _only(choose_datasets((name,)), "dataset", str)
    factor = _only(parse_scales((scale,), (chosen,)) or (), "scale", str)
    report = fetch_with_progress(chosen, quiet=quiet)
    for error in report.failed.values():
        raise error
    return report.dataset, factor


def _only(found: Sequence[Thing], what: str, name: Callable[[Thing], str]) -> Thing:
    if len(found) != 1:
        raise UsageError(f"one {what}", ", ".join(map(name, found)) or "none", "ask one at a time")
    return found[0]


def _json(answer: str, rows: list[Row], found: Figures) -> dict[str, Any]:
    from srbench.store.records import encode_number

    recipes = [
        {
            "recipe": row.figure.variant.words,
            "protocol": row.figure.variant.protocol.name,
            "deviations": list(row.figure.variant.changes),
            "same": list(row.figure.same),
            "value": encode_number(row.figure.value),
            "difference": encode_number(row.difference),
            "agrees": row.agrees,
            "agrees_if_cut_off": row.cut,
        }
        for row in rows
    ]
    reproduced = any(row.agrees for row in rows)
    return {"reproduced": reproduced, "verdict": answer, "recipes": recipes, "left_out": found.left_out}


def _print(claim: Claim, answer: str, rows: list[Row], found: Figures, top: int) -> None:
    """The answer, all that agree, the named protocols and the nearest others; what was left out."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 160
    console.print(answer, markup=False, soft_wrap=True)
    table = Table("", "recipe", "value", "difference", box=None, pad_edge=False)
    digits = claim.decimals
    shown = [row for i, row in enumerate(rows) if row.agrees or i < top or not row.deviations]
    for row in shown:
        mark = "agrees" if row.agrees else ""
        words = " = ".join((row.figure.variant.words, *row.figure.same))
        table.add_row(mark, Text(words), f"{row.figure.value:.{digits}f}", f"{row.difference:+.{digits}f}")
    console.print(table)
    console.print(f"{len(rows)} recipes tried, {len(shown)} shown", style="dim")
    for name, reason in found.left_out.items():
        console.print(f"left out: {name}: {reason}", markup=False, soft_wrap=True)
