"""``srbench compare``, ``srbench gate`` and ``srbench bless``."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from srbench.cli.options import plugin_option
from srbench.cli.timing import SPEED_OPTIONS, speed_options, timed_pair
from srbench.errors import NothingMeasured, StorageError, Unfinished, UsageError

if TYPE_CHECKING:
    from srbench.gate.baseline import Blessing
    from srbench.gate.policy import Policy
    from srbench.gate.verdicts import Judgement
    from srbench.store.scores import CellScores

_NAMED = 3

only_option = click.option(
    "--only",
    "patterns",
    multiple=True,
    metavar="PATTERNS",
    callback=lambda ctx, option, texts: _comma_list(texts),
    help="MODEL[/DATASET[/xSCALE[/PROTOCOL]]], globs; a comma list.",
)
baseline_folder_option = click.option(
    "--baseline",
    "folder",
    type=click.Path(path_type=Path),
    default=Path("results/blessed"),
    show_default=True,
    metavar="DIR",
    help="Folder of the committed baseline.",
)


def judging_options(command: Any) -> Any:
    """What ``compare`` and ``gate`` have in common."""
    for option in (
        plugin_option,
        click.option("--json", "as_json", is_flag=True, help="The same as --format json."),
        click.option(
            "--format",
            "formats",
            multiple=True,
            metavar="NAME[=FILE]",
            help="text, md, junit, github, json; to stdout, or to a file. May be given several times.",
        ),
        only_option,
        click.option(
            "--policy",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Tolerances, in TOML (docs/gate.md).",
        ),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("baseline", metavar="A")
@click.argument("candidate", metavar="B")
@judging_options
def compare(baseline: str, candidate: str, **options: Any) -> int:
    """Compare two result sets, image by image: what is worse in B than in A, where and by how much.

    A and B are run folders, journals, committed baselines, names of runs in results/runs, or ids of runs.
    Only numbers under the same protocol, pixels and metric signatures are compared. It informs: nothing has
    to be there, and the exit code is 0 whether or not B is worse (srbench gate judges), 4 if nothing could be
    compared.

    \b
    srbench compare results/blessed results/runs/main
    srbench compare main mine --only 'imdn/set*/x4' --format md
    """
    return _judged(baseline, candidate, informs=True, **options).exit_code


@click.command()
@click.argument("candidate", metavar="[CANDIDATE]", default="results/runs/main")
@click.option(
    "--baseline", default="results/blessed", show_default=True, metavar="SET", help="What to hold against."
)
@click.option(
    "--time", "pair", nargs=2, default=None, metavar="A B", help="Instead: is model B slower than model A?"
)
@speed_options
@judging_options
def gate(candidate: str, baseline: str, pair: tuple[str, str] | None, **options: Any) -> int:
    """Exit with 1 if a result set is worse than its baseline: for CI.

    A mean that lost more than its tolerance, or one image that broke, is worse. CANDIDATE (results/runs/main
    if omitted) and SET are what srbench compare takes. All cells of the baseline must be compared, unless
    --only or the policy's `require` asks for less.

    \b
    srbench run -m bicubic -d embedded && srbench gate --only bicubic/embedded
    srbench gate --baseline results/blessed results/runs/pr --policy gate.toml
    srbench gate --format text --format junit=gate.xml --format md=summary.md

    With --time nothing stored is read: two models are timed here, interleaved (srbench time --interleaved).
    B is worse if it takes longer by more than the policy's [speed] allows; on a machine that was not quiet
    nothing is decided (4), and what was seen is said.

    \b
    srbench gate --time imdn spandrel:mine.pth -x 4 --point 128x128

    \b
    Exit codes: 1 something is worse; else 3 a cell failed; else 4 nothing compared, or not all that had
                to be; 5 the baseline is not as it was blessed, or a journal has a broken line; 2 usage;
                0 ok.
    """
    speed = {name: options.pop(name) for name in SPEED_OPTIONS}
    if pair is None:
        _refuse_speed_options(speed)
        return _judged(baseline, candidate, **options).exit_code
    return _timed(pair, speed, **options).exit_code


def _refuse_speed_options(given: Mapping[str, Any]) -> None:
    ctx = click.get_current_context()
    default = click.core.ParameterSource.DEFAULT
    named = [name for name in given if ctx.get_parameter_source(name) is not default]
    if named:
        raise UsageError("--time A B", f"{named[0]} without it", "say which models to time")


def _timed(
    pair: tuple[str, str],
    speed: Mapping[str, Any],
    *,
    policy: Path | None,
    patterns: tuple[str, ...],
    formats: tuple[str, ...],
    as_json: bool,
    plugins: tuple[Path, ...],
) -> Judgement:
    from srbench.gate.speed import judge_speed
    from srbench.gate.verdicts import Judgement
    from srbench.types import Cell

    if patterns:
        raise UsageError("two models after --time", "--only as well", "leave --only out")
    targets = _targets(formats, as_json=as_json)
    rules = _policy(policy, ())
    found = timed_pair(pair, plugins, **speed)
    b = found.b
    cell = Cell(b.model, b.point, b.scale, "time", b.signature, b.inference, b.machine)
    verdict = judge_speed(found.ratio, cell, rules.speed, found.conditions.disturbances)
    judgement = Judgement(pair[0], pair[1], (verdict,))
    _write(judgement, targets)
    return judgement


def _judged(
    baseline: str,
    candidate: str,
    *,
    informs: bool = False,
    policy: Path | None,
    patterns: tuple[str, ...],
    formats: tuple[str, ...],
    as_json: bool,
    plugins: tuple[Path, ...],
) -> Judgement:
    from srbench import registry
    from srbench.gate.compare import compare as compare_sets
    from srbench.gate.policy import check_metrics
    from srbench.gate.sources import load_sides

    targets = _targets(formats, as_json=as_json)
    for plugin in plugins:
        registry.load_plugin(plugin)
    metrics = {name: entry.info for name, entry in registry.metrics().items()}
    rules = _policy(policy, patterns)
    check_metrics(rules, metrics)
    before, after = (_chosen(side, patterns) for side in load_sides(baseline, candidate))
    _remark_on_idle(rules, patterns if informs else (), [*before, *after])
    judgement = compare_sets(before, after, rules, metrics, names=(baseline, candidate), informs=informs)
    _write(judgement, targets)
    return judgement


def _remark_on_idle(policy: Policy, patterns: Sequence[str], cells: Sequence[CellScores]) -> None:
    """On stderr: what fits nothing here, which may be a typo, or a policy made for more than this."""
    from srbench.gate.policy import covers, idle_overrides

    measured = ((scores.cell, metric.name) for scores in cells for metric in scores.metrics)
    for override in idle_overrides(policy, measured):
        click.echo(f"remark: nothing here is what an override of the policy speaks of: {override}", err=True)
    for pattern in patterns:
        if not any(covers(pattern, scores.cell) for scores in cells):
            click.echo(f"remark: nothing on either side is {pattern}", err=True)


def _policy(path: Path | None, patterns: Sequence[str]) -> Policy:
    """The file's, or the default; what was left out by ``--only`` isn't required."""
    from dataclasses import replace

    from srbench.gate.policy import Policy, load_policy

    policy = Policy() if path is None else load_policy(path)
    return replace(policy, require=tuple(patterns)) if patterns else policy


def _chosen(cells: list[CellScores], patterns: Sequence[str]) -> list[CellScores]:
    from srbench.gate.policy import covers

    if not patterns:
        return cells
    return [scores for scores in cells if any(covers(pattern, scores.cell) for pattern in patterns)]


def _comma_list(texts: Sequence[str]) -> tuple[str, ...]:
    for text in texts:
        if not all(part.strip() for part in text.split(",")):
            raise UsageError("patterns after --only", repr(text), "name what is meant; is a variable empty?")
    return tuple(part.strip() for text in texts for part in text.split(","))


def _targets(formats: Sequence[str], *, as_json: bool) -> list[tuple[str, str]]:
    """Each format with its file, empty for stdout."""
    from srbench.gate.outputs import FORMATS

    given = [*formats, *(["json"] if as_json and "json" not in formats else [])] or ["text"]
    targets = [_target(text) for text in given]
    for name, _ in targets:
        if name not in FORMATS:
            raise UsageError("a format", repr(name), f"use one of {', '.join(FORMATS)}")
    printed = [name for name, path in targets if not path]
    if "json" in printed and len(printed) > 1:
        got = ", ".join(name for name in printed if name != "json")
        raise UsageError("JSON alone on stdout", f"{got} as well", "write one of them to a file: NAME=FILE")
    files = [path for _, path in targets if path]
    if len(set(files)) < len(files):
        raise UsageError("a file for each format", f"{', '.join(files)}", "name other files")
    return targets


def _target(text: str) -> tuple[str, str]:
    name, to_file, path = text.partition("=")
    if to_file and not path:
        raise UsageError("NAME=FILE", repr(text), "name the file; is a variable empty?")
    return name, path


def _write(judgement: Judgement, targets: Sequence[tuple[str, str]]) -> None:
    """To stdout first: a file that can't be written hides no verdict, and neither does a reader who left.

    Raises:
        UsageError: a file can't be written; all else has been.
    """
    from srbench.gate.outputs import FORMATS

    failed: list[tuple[str, str]] = []
    for name, path in sorted(targets, key=lambda target: bool(target[1])):
        text = FORMATS[name](judgement)
        try:
            _put(text, path)
        except BrokenPipeError:
            continue
        except StorageError as error:
            failed.append((path, error.got.rpartition(": ")[2]))
        except OSError as error:
            if not path:
                raise
            failed.append((path, error.strerror or str(error)))
    if failed and all(path for _, path in targets):
        click.echo(FORMATS["text"](judgement), nl=False)
    for path, why in failed:
        raise UsageError("a file that can be written", f"{path!r}: {why}", "check --format")


def _put(text: str, path: str) -> None:
    from srbench.store.files import write_whole

    if not path:
        click.echo(text, nl=False)
    elif path == os.environ.get("GITHUB_STEP_SUMMARY"):
        # Other steps' commands write there too.
        with Path(path).open("a", encoding="utf-8") as summary:
            summary.write(text)
    else:
        write_whole(Path(path), text)


@click.command()
@click.argument("run", metavar="RUN")
@click.option(
    "-m", "--message", required=True, metavar="WHY", help="Why these are the results to hold against."
)
@only_option
@click.option("--unfinished", is_flag=True, help="Bless failed and unfinished cells too, as what they are.")
@click.option("--prune", is_flag=True, help="Take cells that RUN does not have out of the baseline.")
@baseline_folder_option
def bless(
    run: str, message: str, patterns: tuple[str, ...], unfinished: bool, prune: bool, folder: Path
) -> int:
    """Promote results to the committed baseline, with a record of when, why and what changed.

    The baseline (baseline.jsonl: one line a cell, with its per-image values) and the record of what it held
    before (blessings.jsonl) are made to be committed. Cells that RUN does not have stay as they are.

    \b
    srbench bless main -m "IMDN: the authors' weights"
    srbench bless results/runs/main -m "Set14 added" --only '*/set14'
    """
    from srbench.gate.baseline import bless as bless_cells
    from srbench.gate.sources import load_side

    if not message.strip():
        raise UsageError("a reason", "an empty one", 'say why: -m "..."')
    cells = _chosen(load_side(run), patterns)
    if not any(scores.metrics for scores in cells):
        raise NothingMeasured("results to bless", f"none in {run}", "run srbench first, or check --only")
    if not unfinished:
        _refuse_unfinished(cells)
    blessing = bless_cells(folder, cells, prune=prune, record=lambda: _record(message, run))
    _tell(blessing, folder)
    return 0


def _refuse_unfinished(cells: list[CellScores]) -> None:
    from srbench.gate.baseline import unfinished

    left = unfinished(cells)
    if left:
        named = ", ".join(
            f"{s.cell.model} on {s.cell.dataset} x{s.cell.scale} ({s.status})" for s in left[:_NAMED]
        )
        more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        hint = "finish the run, choose with --only, or add --unfinished"
        raise Unfinished("finished cells to bless", f"{named}{more}", hint)


def _record(message: str, run: str) -> dict[str, Any]:
    """When, why, by what code; never by whom or where."""
    from srbench.store.provenance import collect, shorten_paths

    known = collect(sys.argv[1:])
    code = {"srbench": known.srbench, "commit": known.commit, "dirty": known.dirty}
    return {"time": known.time, "why": message, "run": shorten_paths(run), **code}


def _tell(blessing: Blessing, folder: Path) -> None:
    if blessing.empty:
        click.echo(f"nothing changed: {folder} holds these results already")
        return
    cells = len({change.cell for change in blessing.changed})
    added, removed = len(blessing.added), len(blessing.removed)
    click.echo(
        f"blessed: {added} cells added, {cells} changed, {removed} removed, {blessing.unchanged} as before; "
        f"commit {folder}"
    )
    for change in blessing.changed[:10]:
        old, new = ("none" if mean is None else f"{mean:.4f}" for mean in (change.old, change.new))
        cell = change.cell
        click.echo(
            f"  {cell.model} on {cell.dataset} x{cell.scale} ({cell.protocol}) {change.metric} {old} → {new}"
        )
