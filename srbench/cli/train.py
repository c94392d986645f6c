"""``srbench train``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from srbench.cli.options import json_option
from srbench.errors import UsageError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from srbench.train.recipes import Recipe

PLAIN_INTERVAL = 30.0


@click.command()
@click.argument("recipe", metavar="RECIPE")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("results/training"),
    show_default=True,
    metavar="DIR",
    help="The training's files come into DIR/NAME.",
)
@click.option("--device", default="cpu", show_default=True, metavar="DEVICE", help="cpu, cuda, cuda:1 ...")
@click.option("--threads", type=click.IntRange(min=0), default=0, help="CPU threads; torch's own if omitted.")
@click.option("--plan", "only_plan", is_flag=True, help="Time a few steps, print what a training takes.")
@click.option("--stop-after", type=click.IntRange(min=1), metavar="N", help="Stop after step N; resumable.")
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
@json_option
def train(
    recipe: str,
    out: Path,
    device: str,
    threads: int,
    only_plan: bool,
    stop_after: int | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Train a network from a recipe, the same to the bit when repeated.

    RECIPE is a TOML file, or the name of one that comes with srbench (srbench list recipes). The same
    command goes on after a kill and ends in the same weights. Training sets are fetched first: t91,
    bsds500-train, davis14.

    \b
    srbench data fetch t91
    srbench train srcnn-x3 --plan
    srbench train srcnn-x3
    srbench run -m trained:results/training/srcnn-x3/srcnn-x3.safetensors -d set5 -x 3
    """
    from srbench.adapters.network import check_device
    from srbench.train.loop import Trainer

    check_device(device)
    loaded = find_recipe(recipe)
    if only_plan:
        return _print_plan(loaded, device, threads, as_json)
    trainer = Trainer(loaded, out / loaded.name, device=device, threads=threads)
    with progress(loaded, trainer.step, quiet=quiet) as listener:
        found = trainer.run(listener, stop_after=stop_after)
    said = {
        "recipe": loaded.name,
        "digest": loaded.digest,
        "step": trainer.step,
        "finished": found.finished,
        "weights": str(found.weights),
        "sha256": found.sha256,
        "psnr_y": found.psnr_y,
        "seconds": round(found.seconds, 1),
    }
    if as_json:
        click.echo(json.dumps(said))
    else:
        click.echo(
            f"{loaded.name}: {trainer.step} of {loaded.steps} steps in {found.seconds:.0f} s, "
            f"{found.psnr_y:.3f} dB on held-out images, {found.weights}"
        )
    return 0


def _print_plan(recipe: Recipe, device: str, threads: int, as_json: bool) -> int:
    """What a training is, and how long it takes by the pace of a few steps; leaves no file but the pairs."""
    from tempfile import TemporaryDirectory

    from srbench.train.loop import Trainer

    with TemporaryDirectory() as folder:
        trainer = Trainer(recipe, Path(folder), device=device, threads=threads)
        pace = trainer.seconds_a_step()
    said = {
        "recipe": recipe.name,
        "digest": recipe.digest,
        "params": sum(p.numel() for p in trainer.net.parameters()),
        "steps": recipe.steps,
        "seconds_a_step": round(pace, 5),
        "seconds": round(pace * recipe.steps, 1),
    }
    if as_json:
        click.echo(json.dumps(said))
    else:
        click.echo(
            f"{recipe.name}: {said['params']:,} parameters, {recipe.steps} steps of {1000 * pace:.0f} ms: "
            f"about {pace * recipe.steps / 60:.1f} min, validations not counted"
        )
    return 0


def find_recipe(text: str) -> Recipe:
    """A recipe by its file, or by the name of one that comes with srbench.

    Raises:
        UsageError: there is none, or it is wrong.
    """
    from srbench.resources import recipes_folder
    from srbench.train.recipes import load_recipe

    return load_recipe(*shipped_or_file(text, recipes_folder(), "recipe"))


def shipped_or_file(text: str, folder: Traversable, noun: str) -> tuple[str, str]:
    """A TOML file's text and name: the user's own, or one of a folder that comes with srbench.

    Raises:
        UsageError: there is none.
    """
    from srbench.registry import unknown

    path = Path(text)
    if path.suffix == ".toml":
        if not path.is_file():
            raise UsageError(f"a file of a {noun}", f"{text!r}, which is none", "check the path")
        return _read(path, noun), path.name
    known = {file.name.removesuffix(".toml"): file for file in folder.iterdir()}
    if text not in known:
        raise unknown(noun, text, sorted(known))
    return known[text].read_text("utf-8"), f"{text}.toml"


def _read(path: Path, noun: str) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"a {noun} in UTF-8", f"{path.name}: {error}", "save it as UTF-8") from error


class _Log:
    """Plain lines, one now and then."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self._spoke = time.monotonic()

    def stepped(self, step: int) -> None:
        if time.monotonic() - self._spoke > PLAIN_INTERVAL:
            print(f"{self.recipe.name}: step {step} of {self.recipe.steps}", file=sys.stderr, flush=True)
            self._spoke = time.monotonic()

    def validated(self, step: int, psnr_y: float) -> None:
        print(f"{self.recipe.name}: step {step}: {psnr_y:.3f} dB", file=sys.stderr, flush=True)


class _Bar:
    """A bar on a terminal."""

    def __init__(self, recipe: Recipe, bar: Any, done: int) -> None:
        self.bar = bar
        self.task = bar.add_task(recipe.name, total=recipe.steps, completed=done, psnr="")

    def stepped(self, step: int) -> None:
        self.bar.update(self.task, completed=step)

    def validated(self, step: int, psnr_y: float) -> None:
        self.bar.update(self.task, psnr=f"{psnr_y:.2f} dB")


@contextmanager
def progress(recipe: Recipe, done: int, *, quiet: bool) -> Iterator[_Log | _Bar | None]:
    """Who is told how a training goes on: a bar on a terminal, plain lines elsewhere, nobody if quiet."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from srbench.cli.progress import stderr_console

    console = stderr_console()
    if quiet:
        yield None
        return
    if not console.is_terminal:
        yield _Log(recipe)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[psnr]}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield _Bar(recipe, bar, done)
