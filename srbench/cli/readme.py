"""``srbench readme``: a README's leaderboard, in step with results."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from srbench.cli.options import (
    SHIPPED_TIMINGS,
    folder_option,
    plugin_option,
    timed_machines,
    timings_option,
)
from srbench.errors import IntegrityError, UsageError


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--board", default="", metavar="NAME", help="'classic x4' ...; the first one if omitted.")
@click.option("-d", "--dataset", "datasets", metavar="NAMES", help="Comma list; all if omitted.")
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    metavar="SVG",
    help="Where the plot goes; reports/leaderboard.svg beside FILE if omitted.",
)
@timings_option
@click.option("--check", is_flag=True, help="Write nothing; exit with 5 if FILE or the plot is out of step.")
@folder_option
@plugin_option
def readme(
    file: Path,
    board: str,
    datasets: str | None,
    picture: Path | None,
    timed: Path,
    check: bool,
    results: Path,
    plugins: tuple[Path, ...],
) -> int:
    """Write a board and one plot into a README, between two marks.

    The marks are two lines of FILE; what stands between them is replaced:

    \b
    <!-- srbench readme: begin -->
    <!-- srbench readme: end -->

    The same results give the same bytes, so CI can tell whether they are in step.

    \b
    srbench readme README.md --results results/leaderboard --dataset set5,set14
    srbench readme README.md --results results/leaderboard --dataset set5,set14 --check
    """
    from srbench import registry
    from srbench.report.load import load_report
    from srbench.report.readme import replaced, shown
    from srbench.store.files import write_whole

    for plugin in plugins:
        registry.load_plugin(plugin)
    if not file.is_file():
        raise UsageError("a file to write into", f"no {file}", "name a README with the two marks")
    plot = file.parent / "reports" / "leaderboard.svg" if picture is None else picture
    machines = timed_machines(timed)
    said = ["srbench", "readme", file.name, "--results", _from(file, results)]
    said += ["--board", board] if board else []
    said += ["--dataset", datasets] if datasets else []
    said += ["--picture", _from(file, picture)] if picture is not None else []
    sets = [name.strip() for name in (datasets or "").split(",") if name.strip()]
    report = load_report(results, timed=machines)
    command = shlex.join(said)
    made = shown(report, board, _from(file, plot), command, sets)
    before = file.read_text(encoding="utf-8")
    wanted = {file: replaced(before, made.text), plot: made.picture}
    stale = [path for path, text in wanted.items() if _differs(path, text)]
    if check and stale:
        given = [] if timed == SHIPPED_TIMINGS else ["--timings", _from(file, timed)]
        advice = shlex.join([*said, *given])
        raise IntegrityError(f"{stale[0]} in step with {results}", "another text", f"run {advice}")
    for path in stale:
        click.echo(write_whole(path, wanted[path]))
    return 0


def _from(file: Path, path: Path) -> str:
    """The way from a file to another one, with forward slashes."""
    return Path(os.path.relpath(path, file.parent)).as_posix()


def _differs(path: Path, text: str) -> bool:
    return not path.is_file() or path.read_bytes() != text.encode()
