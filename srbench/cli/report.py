"""``srbench report``."""

from __future__ import annotations

from pathlib import Path

import click

from srbench.cli.options import folder_option, plugin_option


@click.command()
@click.option(
    "--format", "formats", default="html,md,csv", show_default=True, metavar="NAMES", help="html, md, csv."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("reports"),
    show_default=True,
    metavar="DIR",
    help="Where to write.",
)
@folder_option
@plugin_option
def report(formats: str, out: Path, results: Path, plugins: tuple[Path, ...]) -> int:
    """Write the leaderboard: HTML, Markdown, CSV.

    One board per protocol signature; the page opens from its file and needs no network.

    \b
    srbench report
    srbench report --format md --out site
    """
    from srbench import registry
    from srbench.report.write import write_report

    for plugin in plugins:
        registry.load_plugin(plugin)
    for path in write_report(results, out, [part.strip() for part in formats.split(",")]):
        click.echo(path)
    return 0
