"""``srbench report``."""

from __future__ import annotations

from pathlib import Path

import click

from srbench.cli.options import SHIPPED_TIMINGS, folder_option, plugin_option


@click.command()
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
    default=Path("reports"),
    show_default=True,
    metavar="DIR",
    help="Where to write.",
)
@click.option(
    "--timings",
    "timed",
    type=click.Path(path_type=Path),
    default=SHIPPED_TIMINGS,
    show_default=True,
    metavar="DIR",
    help="Further timings, one folder for each machine.",
)
@click.option("--private", is_flag=True, help="For your eyes alone: pictures show what a licence withholds.")
@click.option("--url", default="", metavar="URL", help="Where the site will stand: the source that hf names.")
@folder_option
@plugin_option
def report(
    formats: str, out: Path, timed: Path, private: bool, url: str, results: Path, plugins: tuple[Path, ...]
) -> int:
    """Write the leaderboard: a site of HTML pages, and files for papers, scripts and model cards.

    One board per protocol signature, a page for each model and each test set; all open from their files and
    need no network. Beside the quality of each model stands what it costs, machine by machine, where it was
    timed (srbench time).

    \b
    html   index.html and its pages       md     leaderboard.md
    csv    one line for each number       json   all of it (srbench schema leaderboard)
    latex  tables for \\input, booktabs    hf     huggingface/MODEL.yaml, a card's model-index

    \b
    srbench report
    srbench report --format latex --out paper --results results/leaderboard
    srbench report --format hf --url https://example.org/leaderboard
    """
    from srbench import registry
    from srbench.report.write import HUB, write_report

    for plugin in plugins:
        registry.load_plugin(plugin)
    chosen = [part.strip() for part in formats.split(",")]
    machines = sorted(path.parent for path in timed.glob("*/timings.jsonl"))
    written = write_report(results, out, chosen, timed=machines, private=private, url=url)
    for path in written:
        if path.parent == out or path.parent.name == HUB:
            click.echo(path)
    return 0
