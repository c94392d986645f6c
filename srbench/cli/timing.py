"""``srbench time``: what models cost, and how much longer one takes than another."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from srbench.cli.options import folder_option, json_option, plugin_option
from srbench.cli.run import parse_budget
from srbench.errors import NothingMeasured, UsageError

if TYPE_CHECKING:
    from srbench.runner.timings import PlannedTiming, TimeOutcome, TimeRatio, TimeRequest
    from srbench.types import Conditions, Timing

EXIT_FAILED, EXIT_INTEGRITY = 3, 5
_TOLD = 3
"""Timings that are named one by one where the machine was not quiet."""


@dataclass(frozen=True)
class TimeOptions:
    """What ``srbench time`` is given, as click gives it."""

    scales: tuple[str, ...]
    points: tuple[str, ...]
    device: str
    dtype: str
    threads: int | None
    untrained: bool
    budget: str | None
    plugins: tuple[Path, ...]
    models: tuple[str, ...] = ()
    tile: int | None = None
    frames: int = 5
    channels_last: bool = False
    tf32: bool = False
    cudnn: str = "deterministic"
    compiled: bool = False
    again: bool = False
    results: Path = Path("results/runs/main")


budget_option = click.option(
    "--budget", metavar="TIME", help="For samples of one figure (20s); three at least."
)
untrained_option = click.option("--untrained", is_flag=True, help="Built-in networks with random weights.")
threads_option = click.option(
    "--threads", type=click.IntRange(min=1), metavar="N", help="On the processor; its cores if omitted."
)
dtype_option = click.option(
    "--dtype",
    type=click.Choice(["float32", "float16", "bfloat16", "float64"]),
    default="float32",
    show_default=True,
    help="Of networks, where their cards allow it.",
)
device_option = click.option(
    "--device", default="cpu", show_default=True, metavar="DEVICE", help="cpu, cuda ..."
)
point_option = click.option(
    "--point",
    "points",
    multiple=True,
    metavar="POINTS",
    help="720p, 256, HxW (height by width in LR pixels) or a dataset; 720p,256 if omitted.",
)
scale_option = click.option(
    "-x", "--scale", "scales", multiple=True, metavar="SCALES", help="2,3,4; 4 if omitted."
)
SPEED_OPTIONS = ("scales", "points", "device", "dtype", "threads", "untrained", "budget")
"""What a comparison of two models' times can be asked, by the names of `TimeOptions`."""


def speed_options(command: Any) -> Any:
    """The options of `SPEED_OPTIONS`."""
    for option in (
        budget_option,
        untrained_option,
        threads_option,
        dtype_option,
        device_option,
        point_option,
        scale_option,
    ):
        command = option(command)
    return command


def timing_options(command: Any) -> Any:
    """How models are timed; the options of `TimeOptions` but the models."""
    for option in (
        folder_option,
        plugin_option,
        click.option("--again", is_flag=True, help="Time what is known, too."),
        click.option("--compile", "compiled", is_flag=True, help="By torch.compile."),
        click.option(
            "--cudnn",
            type=click.Choice(["deterministic", "benchmark"]),
            default="deterministic",
            show_default=True,
            help="Repeatable algorithms, or the fastest found.",
        ),
        click.option("--tf32/--no-tf32", default=False, help="float32 products on a GPU as TF32; off."),
        click.option("--channels-last", is_flag=True, help="Memory format of input and weights."),
        click.option(
            "--frames",
            type=click.IntRange(min=1),
            default=5,
            show_default=True,
            metavar="N",
            help="Length of a sequence model's clip.",
        ),
        click.option("--tile", type=click.IntRange(min=16), metavar="N", help="LR tiles of NxN."),
        speed_options,
    ):
        command = option(command)
    return command


@click.command("time")
@click.option("-m", "--model", "models", multiple=True, metavar="NAMES", help="Comma list; all if omitted.")
@click.option(
    "--interleaved", "pair", nargs=2, default=None, metavar="A B", help="Only how much longer B takes than A."
)
@click.option("--plan", "only_plan", is_flag=True, help="Print what would be timed, and why not the rest.")
@click.option("--quiet", "-q", is_flag=True, help="On stderr only why something was not timed.")
@json_option
@timing_options
def time(pair: tuple[str, str] | None, only_plan: bool, quiet: bool, as_json: bool, **given: Any) -> int:
    """Time models: latency, memory, multiply-adds; alone on the machine.

    At 720p (the LR size of a 1280x720 output) and at 256x256 LR, until the median is known to 5 %. All
    samples, and what the machine did meanwhile, are kept beside the journal; what is known is not timed
    again. The leaderboards of run and report then show the costs beside the quality.

    \b
    srbench time -m imdn,carn-m --point 720p
    srbench time -m 'srgan*' -x 4 --threads 1 --budget 60s
    srbench time --interleaved imdn carn-m --point 64x64
    """
    options = TimeOptions(**given)
    request = time_request(options)
    if pair is not None:
        return _compare(options, request, pair, as_json=as_json)
    if only_plan:
        return _plan_only(request, as_json=as_json)
    return _execute(request, as_json=as_json, quiet=quiet)


def time_request(options: TimeOptions) -> TimeRequest:
    """The request of a command line.

    Raises:
        UsageError: an unknown model or scale, or a broken option.
    """
    from srbench import registry
    from srbench.runner import request as asked
    from srbench.runner.timings import TimeRequest, check_threads, default_threads
    from srbench.timing.measure import Limits
    from srbench.timing.points import STANDARD

    check_threads(options.threads or default_threads())
    with redirect_stdout(sys.stderr):  # what a plugin prints is no result
        for plugin in options.plugins:
            registry.load_plugin(plugin)
        models = asked.choose_models(options.models)
    budget = parse_budget(options.budget)
    return TimeRequest(
        models=models,
        scales=asked.parse_scales(options.scales) or (4,),
        points=tuple(part.strip() for text in options.points for part in text.split(",")) or STANDARD,
        device=options.device,
        dtype=options.dtype,
        threads=options.threads or 0,
        tile=options.tile or 0,
        frames=options.frames,
        channels_last=options.channels_last,
        tf32=options.tf32,
        benchmark=options.cudnn == "benchmark",
        compiled=options.compiled,
        untrained=options.untrained,
        again=options.again,
        limits=Limits() if budget is None else Limits(budget=budget),
        folder=options.results,
    )


# ------------------------------------------------------------------------------------------ figures


def _plan_only(request: TimeRequest, *, as_json: bool) -> int:
    from srbench.runner.timings import check_time_device, plan_timings
    from srbench.store.provenance import this_machine

    check_time_device(request.device)
    plan = plan_timings(request, this_machine())
    if as_json:
        print(json.dumps({"timings": [_planned_json(planned) for planned in plan]}, indent=1))
        return 0
    for planned in plan:
        print(f"{planned.label}: {_planned_words(planned)}")
    todo = [planned for planned in plan if planned.spec is not None and not _known(planned)]
    most = len(todo) * request.limits.budget * 1.25
    print(f"{len(todo)} to time, in {most:.0f} s at the most unless single calls are slow")
    return 0


def _known(planned: PlannedTiming) -> bool:
    return planned.known is not None and bool(planned.known.wall_ms)


def _planned_words(planned: PlannedTiming) -> str:
    from srbench.runner.timings import missing_weights

    if planned.skip:
        return f"skip: {planned.skip}"
    if _known(planned):
        return "known"
    fetched = missing_weights(planned)
    return f"to time, if {fetched} can be fetched" if fetched else "to time"


def _planned_json(planned: PlannedTiming) -> dict[str, Any]:
    from srbench.runner.timings import missing_weights

    return {
        "label": planned.label,
        "signature": planned.spec.signature if planned.spec is not None else "",
        "known": _known(planned),
        "fetch": missing_weights(planned),
        "skip": planned.skip,
    }


def _execute(request: TimeRequest, *, as_json: bool, quiet: bool) -> int:
    from srbench.runner.timings import execute_timings

    def began(planned: PlannedTiming, number: int, total: int) -> None:
        if not quiet:
            print(f"{number} of {total}: {planned.label}", file=sys.stderr)

    with redirect_stdout(sys.stderr):
        outcome = execute_timings(request, began, sys.argv[1:])
    found = [*outcome.known, *outcome.taken]
    if as_json:
        print(json.dumps(_outcome_json(outcome), indent=1))
    else:
        _print_table(found)
    if not quiet:
        _say(f"{len(outcome.taken)} timed, {len(outcome.known)} known before; timings in {request.folder}")
    _say_reasons(outcome)
    if outcome.failed:
        return EXIT_INTEGRITY if outcome.integrity else EXIT_FAILED
    if not found:
        raise NothingMeasured("at least one timing", "none", "see the reasons above, or srbench time --plan")
    return 0


def _outcome_json(outcome: TimeOutcome) -> dict[str, Any]:
    from srbench.report.catalog import installed
    from srbench.report.costs import timing_json

    catalog = installed()
    return {
        "timings": [timing_json(timing, catalog) for timing in (*outcome.known, *outcome.taken)],
        "skipped": outcome.skipped,
        "failed": outcome.failed,
    }


def _print_table(timings: Iterable[Timing]) -> None:
    from rich.console import Console

    from srbench.report.catalog import installed
    from srbench.report.terminal import show_costs

    show_costs(list(timings), installed(), Console(highlight=False))


def _say_reasons(outcome: TimeOutcome) -> None:
    """Why something was not timed, or not as it should be."""
    for words, labels in _by_reason(outcome.skipped):
        _say(f"skipped {labels}: {words}")
    for words, labels in _by_reason(outcome.failed):
        _say(f"failed {labels}: {words}")
    disturbed = [timing for timing in outcome.taken if timing.conditions and not timing.conditions.quiet]
    for timing in disturbed[:_TOLD]:
        assert timing.conditions is not None  # noqa: S101 - chosen so
        spec = timing.spec
        _say(f"{spec.model} x{spec.scale} at {spec.point}: {_quietness(timing.conditions)}")
    if len(disturbed) > _TOLD:
        _say(f"nor was it quiet at {len(disturbed) - _TOLD} more, as their records say")


def _by_reason(reasons: dict[str, str]) -> Iterator[tuple[str, str]]:
    grouped: dict[str, list[str]] = {}
    for label, reason in reasons.items():
        grouped.setdefault(reason, []).append(label)
    for reason, labels in grouped.items():
        more = f" and {len(labels) - 3} more" if len(labels) > 3 else ""
        yield reason, ", ".join(labels[:3]) + more


def _quietness(conditions: Conditions) -> str:
    if conditions.quiet:
        return "the machine was quiet"
    return f"the machine was not quiet: {'; '.join(conditions.disturbances)}"


def _say(text: str) -> None:
    print(text, file=sys.stderr)


# -------------------------------------------------------------------------------------- interleaved


def _compare(options: TimeOptions, request: TimeRequest, pair: tuple[str, str], *, as_json: bool) -> int:
    found = _interleaved(options, request, pair)
    if as_json:
        print(json.dumps(ratio_json(found), indent=1))
    else:
        print(ratio_words(found))
    return 0


def timed_pair(pair: tuple[str, str], plugins: tuple[Path, ...], **given: Any) -> TimeRatio:
    """Two models interleaved, for a gate; `given` are the options of `SPEED_OPTIONS`.

    Raises:
        SrbenchError: as `srbench.runner.timings.compare_times`.
    """
    options = TimeOptions(plugins=plugins, **given)
    return _interleaved(options, time_request(options), pair)


def _interleaved(options: TimeOptions, request: TimeRequest, pair: tuple[str, str]) -> TimeRatio:
    from srbench.runner.timings import compare_times
    from srbench.timing.measure import RATIO_LIMITS

    budget = parse_budget(options.budget)
    limits = RATIO_LIMITS if budget is None else replace(RATIO_LIMITS, budget=budget)
    with redirect_stdout(sys.stderr):
        return compare_times(request, _pair(options, pair), limits)


def _pair(options: TimeOptions, names: tuple[str, str]) -> Any:
    from srbench.runner.request import choose_models

    if options.models:
        raise UsageError("two models after --interleaved", "-m as well", "leave -m out")
    chosen = [choose_models((name,)) for name in names]
    if any(len(one) != 1 for one in chosen):
        raise UsageError("two models after --interleaved", " and ".join(names), "use names without globs")
    return chosen[0][0], chosen[1][0]


def ratio_words(found: TimeRatio) -> str:
    """What a comparison came to, in two lines, and what sets the two apart."""
    ratio, spec = found.ratio, found.a
    low, high = ratio.interval.low, ratio.interval.high
    verdict = "no difference shown" if low <= 1 <= high else ("slower" if low > 1 else "faster")
    lines = [
        f"{found.b.model} takes {ratio.ratio:.3f} times as long as {found.a.model} "
        f"({ratio.interval.coverage:.1%} interval {low:.3f} to {high:.3f}: {verdict})",
        f"medians {ratio.b:.3f} and {ratio.a:.3f} ms over {ratio.rounds} rounds, x{spec.scale} at "
        f"{spec.point}, {spec.setup}; {_quietness(found.conditions)}",
        *(f"remark: {remark}" for remark in ratio_remarks(found)),
    ]
    return "\n".join(lines)


def ratio_remarks(found: TimeRatio) -> list[str]:
    """What sets the two apart besides their time: frames of a call, random weights."""
    from srbench.report.costs import spec_remarks

    told = {spec.model: spec_remarks(spec) for spec in (found.a, found.b)}
    remarks = [f"{model}: {'; '.join(words)}" for model, words in told.items() if words]
    if (found.a.kind, found.a.frames) != (found.b.kind, found.b.frames):
        frames = " and ".join(f"{one.frames} ({one.model})" for one in (found.b, found.a))
        remarks.insert(0, f"the ratio is of a frame of output; frames that enter in one call: {frames}")
    return remarks


def ratio_json(found: TimeRatio) -> dict[str, Any]:
    """The ``--json`` object of a comparison."""
    return {
        "a": found.a.model,
        "b": found.b.model,
        "signature_a": found.a.signature,
        "signature_b": found.b.signature,
        "ratio": found.ratio.ratio,
        "low": found.ratio.interval.low,
        "high": found.ratio.interval.high,
        "coverage": found.ratio.interval.coverage,
        "rounds": found.ratio.rounds,
        "median_a_ms": found.ratio.a,
        "median_b_ms": found.ratio.b,
        "stopped": found.stopped,
        "frames_a": found.a.frames,
        "frames_b": found.b.frames,
        "remarks": ratio_remarks(found),
        "quiet": found.conditions.quiet,
        "conditions": asdict(found.conditions),
    }
