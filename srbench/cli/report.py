"""``srbench report``."""

from __future__ import annotations

from pathlib import Path

import click

from srbench.cli.options import folder_option, plugin_option, there_if_given, timed_machines, timings_option
from srbench.errors import UsageError

PRIVATE = (
    "For your eyes alone: pictures show what a licence withholds, and stay in DIR until a report "
    "with html and without --private is written there."
)


@click.command()
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option("--compare", is_flag=True, help="Instead: one file that compares the MODELs named.")
@click.option(
    "--format",
    "formats",
    default="html,md,csv",
    show_default=True,
    metavar="NAMES",
    help="html, md, csv, json, latex, hf.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where to write: reports, or with --compare the file comparison.html.",
)
@timings_option
@click.option("--private", is_flag=True, help=PRIVATE)
@click.option("--url", default="", metavar="URL", help="Where the site will stand: the source that hf names.")
@click.option(
    "--ablations",
    type=click.Path(path_type=Path),
    callback=there_if_given,
    default=Path("results/ablations"),
    show_default=True,
    metavar="DIR",
    help="What srbench ablate wrote; a page for each.",
)
@folder_option
@plugin_option
def report(
    models: tuple[str, ...],
    compare: bool,
    formats: str,
    out: Path | None,
    timed: Path,
    private: bool,
    ablations: Path,
    url: str,
    results: Path,
    plugins: tuple[Path, ...],
) -> int:
    """Write the leaderboard: a site of HTML pages, and files for papers, scripts and model cards.

    One board per protocol signature, a page for each model and each test set; all open from their files and
    need no network. Beside the quality of each model stands what it costs, machine by machine, where it was
    timed (srbench time).

    With --compare, two or more models of the results stand beside each other in one file that can be mailed:
    scores, paired differences with intervals, images, costs, and crops where predictions were kept.

    \b
    html   index.html and its pages       md     leaderboard.md
    csv    one line for each number       json   all of it (srbench schema leaderboard)
    latex  tables for \\input, booktabs    hf     huggingface/MODEL.yaml, a card's model-index

    \b
    srbench report
    srbench report --format latex --out paper --results results/leaderboard
    srbench report --format hf --url https://example.org/leaderboard
    srbench report --compare bicubic imdn --out imdn.html
    """
    from srbench import registry
    from srbench.report.write import HUB, write_report

    for plugin in plugins:
        registry.load_plugin(plugin)
    machines = timed_machines(timed)
    if compare:
        if private:
            raise UsageError("--compare without --private", "both", "a comparison shows crops alone: drop it")
        click.echo(_compared(results, models, out, machines))
        return 0
    if models:
        raise UsageError("options alone", models[0], "to compare models, add --compare")
    out = out or Path("reports")
    chosen = [part.strip() for part in formats.split(",")]
    written = write_report(
        results, out, chosen, timed=machines, private=private, ablations=ablations, url=url
    )
    for path in written:
        if path.parent == out or path.parent.name == HUB:
            click.echo(path)
    return 0


def _compared(run: Path, models: tuple[str, ...], out: Path | None, machines: list[Path]) -> Path:
    from srbench.comparison.write import write_comparison

    file = out or Path("comparison.html")
    return write_comparison(run, models, file / "comparison.html" if file.is_dir() else file, machines)
