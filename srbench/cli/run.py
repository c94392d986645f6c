"""``srbench run``, ``srbench score`` and ``srbench why``."""

from __future__ import annotations

import os
import re
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from srbench.adapters.base import DEFAULT_TIMEOUT
from srbench.cli.options import folder_option, json_option, plugin_option, protocol_options
from srbench.errors import IntegrityError, NothingMeasured, Unavailable, UsageError
from srbench.runner.request import Request

EXIT_FAILED, EXIT_INTEGRITY = 3, 5
WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "3000"}


def parse_budget(text: str | None, option: str = "--budget") -> float | None:
    """``90``, ``90s``, ``10m``, ``1h30m`` in seconds.

    Raises:
        UsageError: anything else.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?", text.strip())
    if not text.strip() or match is None:
        raise UsageError("a time such as 90s, 10m or 1h30m", repr(text), f"check {option}")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def parse_size(text: str | None) -> int | None:
    """``512M``, ``2G`` or ``1.5G`` in bytes, of 1024 x 1024 and 1024 times that.

    Raises:
        UsageError: anything else.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([MG])i?B?", text.strip(), re.IGNORECASE)
    if match is None:
        raise UsageError("a size such as 512M or 2G", repr(text), "check --share")
    return int(float(match[1]) * (2**20 if match[2].upper() == "M" else 2**30))


def parse_split(text: str | None) -> tuple[int, int] | None:
    """``30+2``: pieces of 30 frames that see 2 more on each side; ``0`` for whole clips.

    Raises:
        UsageError: anything else.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)(?:\+(\d+))?", text.strip())
    if match is None:
        raise UsageError("frames and their overlap such as 30+2", repr(text), "check --split")
    return int(match[1]), int(match[2] or 0)


@dataclass(frozen=True)
class Options:
    """What ``run`` and ``score`` have in common, as click gives it."""

    scales: tuple[str, ...]
    protocol: str | None
    flavour: Any
    gray: Any
    degradation: Any
    border: int | None
    mean: Any
    metrics: tuple[str, ...]
    limit: int | None
    offline: bool
    quiet: bool
    strict: bool
    plugins: tuple[Path, ...]
    as_json: bool
    results: Path


def shared_options(command: Any) -> Any:
    """The options of `Options`."""
    for option in (
        folder_option,
        json_option,
        plugin_option,
        click.option("--strict", is_flag=True, help="Exit with 3 if anything was skipped."),
        click.option("--quiet", "-q", is_flag=True, help="No progress and no summary on stderr."),
        click.option("--offline", is_flag=True, help="Use only what is on this machine."),
        click.option("--limit", type=click.IntRange(min=1), metavar="N", help="First N images of each set."),
        click.option("--metrics", multiple=True, metavar="NAMES", help="Instead of the protocol's own."),
        protocol_options,
        click.option(
            "-x", "--scale", "scales", multiple=True, metavar="SCALES", help="2,3,4; all if omitted."
        ),
    ):
        command = option(command)
    return command


def inference_options(command: Any) -> Any:
    """How networks are asked to run."""
    for option in (
        click.option(
            "--device", default="cpu", show_default=True, metavar="DEVICE", help="cpu, cuda, cuda:1 ..."
        ),
        click.option(
            "--split", metavar="N+M", help="Sequence models: pieces of N frames that see M more on each side."
        ),
        click.option(
            "--tile",
            type=click.IntRange(min=16),
            metavar="N",
            help="LR tiles of NxN; whole images if omitted.",
        ),
    ):
        command = option(command)
    return command


def idle_threads_sleep() -> None:
    """Have OpenMP's threads soon sleep while they wait, unless the user chose how they do.

    They would spin on a core that reading and scoring could use. GNU's OpenMP spins 3000 times first, which
    bridges the gap from one operation of a network to the next. Both are read once, when torch is loaded.
    """
    if not os.environ.keys() & WAITING.keys():
        os.environ.update(WAITING)


@click.command()
@click.option(
    "-m", "--model", "models", multiple=True, metavar="NAMES", help="Comma list or globs; all if omitted."
)
@click.option("-d", "--dataset", "datasets", multiple=True, metavar="NAMES", help="Comma list or globs.")
@click.option("--all", "everything", is_flag=True, help="Every model on every dataset.")
@click.option("--plan", "only_plan", is_flag=True, help="Print what would be done, and why not the rest.")
@click.option("--budget", metavar="TIME", help="Begin no image after this time: 90s, 10m, 1h30m.")
@click.option("--timeout", metavar="TIME", help="For one image of a command: 90s, 10m; 10m if omitted.")
@click.option("--share", metavar="SIZE", help="Of memory, for ground truths all models share; 1G if omitted.")
@inference_options
@click.option("--save-predictions", is_flag=True, help="Keep the super-resolved images as PNG.")
@shared_options
def run(
    models: tuple[str, ...],
    datasets: tuple[str, ...],
    everything: bool,
    only_plan: bool,
    budget: str | None,
    timeout: str | None,
    share: str | None,
    tile: int | None,
    split: str | None,
    device: str,
    save_predictions: bool,
    **shared: Any,
) -> int:
    """Run models on test sets, and show the leaderboard.

    Finished images are never computed twice: the same command goes on where the last one stopped.

    \b
    srbench run -d embedded
    srbench run -m bicubic,srcnn -d 'set*' -x 3
    srbench run -m bicubic:matlab-replicate-u8 -d set14 --protocol selfexsr
    srbench run --all --budget 20m
    """
    if not (models or datasets or everything):
        raise UsageError("models (-m), datasets (-d) or --all", "none of them", "try srbench run -d embedded")
    idle_threads_sleep()
    options = Options(**shared)
    if device != "cpu":
        from srbench.adapters.network import check_device  # imports torch

        check_device(device)
    request = replace(
        _request(models, datasets, options),
        budget=parse_budget(budget),
        timeout=parse_budget(timeout, "--timeout") or DEFAULT_TIMEOUT,
        tile=tile or 0,
        split=parse_split(split),
        device=device,
        save_predictions=save_predictions,
        named=bool(models),
    )
    shared_bytes = parse_size(share)
    if shared_bytes is not None:
        request = replace(request, shared_bytes=shared_bytes)
    return _plan_only(request, options) if only_plan else _execute(request, options)


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--against", "dataset", required=True, metavar="DATASET", help="The ground truth, e.g. set5.")
@click.option("--as", "label", default="", metavar="NAME", help="The row's name; the folder's if omitted.")
@shared_options
def score(folder: Path, dataset: str, label: str, **shared: Any) -> int:
    """Score a folder of images that are already super-resolved.

    Files are paired by name, never by position: ``baby.png``, ``baby_x2.png`` or ``baby_RDN_x2.png``
    is the image ``baby``. An image without an output is an error.

    \b
    srbench score outputs/x2 --against set5 -x 2
    srbench score outputs --against vid4 -x 4 --as MyModel --json
    """
    from srbench import registry
    from srbench.runner.request import ModelChoice, folder_label

    if not folder.is_dir():
        raise UsageError("a folder of images", f"{str(folder)!r}, which is not a folder", "check DIR")
    options = Options(**shared)
    if not options.scales:
        raise UsageError("the scale of the images", "none", "add -x 2, -x 3 or -x 4")
    name = label or folder_label(folder)
    model = ModelChoice(registry.models()["folder"], str(folder), f"folder:{name}")
    request = replace(_request((), (dataset,), options), models=(model,))
    _check_outputs(request)
    return _execute(request, options)


def _check_outputs(request: Request) -> None:
    """Every image has its output, or nothing is scored: a part of a set must be asked for."""
    from srbench.adapters.folder import Folder, check_outputs
    from srbench.runner.execute import plan_run

    for planned in plan_run(request).cells:
        if planned.skip:
            continue
        folder = Folder(planned.model.entry.info, planned.model.argument)
        items = planned.dataset.items
        check_outputs(folder, (planned.dataset.source(item, planned.protocol).spec for item in items))


def _request(models: tuple[str, ...], datasets: tuple[str, ...], options: Options) -> Request:
    from srbench import registry
    from srbench.runner import request as asked

    with redirect_stdout(sys.stderr):  # what a plugin prints is no result
        for plugin in options.plugins:
            registry.load_plugin(plugin)
    chosen = asked.choose_datasets(datasets)
    return Request(
        models=asked.choose_models(models),
        datasets=chosen,
        scales=asked.parse_scales(options.scales, chosen),
        protocol=options.protocol,
        flavour=options.flavour,
        gray=options.gray,
        degradation=options.degradation,
        border=options.border,
        mean=options.mean,
        metrics=asked.choose_metrics(options.metrics),
        limit=options.limit,
        folder=options.results,
    )


def _fetched(request: Request, options: Options) -> tuple[Request, bool]:
    """Fetch what is missing; the request with why the rest was not to be had, and if a digest was wrong."""
    from srbench.cli.data import summary_of
    from srbench.cli.progress import fetch_with_progress

    errors: dict[str, str] = {}
    integrity = False
    for name in request.datasets:
        try:
            report = fetch_with_progress(name, quiet=options.quiet)
        except Unavailable as error:  # the cache can't be used: what needs no download still runs
            errors[name] = str(error)
            continue
        if report.failed:
            errors[name] = "; ".join(summary_of(report.failed))
            click.echo(f"{name}: {errors[name]}", err=True)
        integrity |= any(isinstance(error, IntegrityError) for error in report.failed.values())
    return replace(request, unfetched=errors), integrity


def _plan_only(request: Request, options: Options) -> int:
    from srbench.cli.planning import print_plan
    from srbench.runner.execute import plan_run

    print_plan(plan_run(request), as_json=options.as_json)
    return 0


def _execute(request: Request, options: Options) -> int:
    from srbench.cli.outcome import print_results, print_summary
    from srbench.cli.progress import run_listener
    from srbench.fetch import offline_mode
    from srbench.runner.execute import execute
    from srbench.store.aggregate import gather
    from srbench.store.timings import read_timings

    with offline_mode(options.offline), redirect_stdout(sys.stderr):
        request, wrong_digest = _fetched(request, options)
        plan, outcome, records = execute(request, partial(run_listener, quiet=options.quiet), sys.argv[1:])
    cells = {planned.cell for planned in plan.cells}
    timings = read_timings(request.folder)
    measured = print_results(
        gather(records), cells, timings, as_json=options.as_json, summarised=not options.quiet
    )
    print_summary(plan, outcome, quiet=options.quiet)
    if outcome.integrity or wrong_digest:
        return EXIT_INTEGRITY
    if outcome.failed or outcome.broken or (options.strict and (outcome.skipped or outcome.absent)):
        return EXIT_FAILED
    if not measured:
        raise NothingMeasured("at least one score", "none", "see the reasons above, or srbench run --plan")
    return 0


@click.command()
@click.option("-m", "--model", required=True, metavar="NAMES")
@click.option("-d", "--dataset", required=True, metavar="NAMES")
@inference_options
@shared_options
def why(model: str, dataset: str, tile: int | None, split: str | None, device: str, **shared: Any) -> int:
    """Why a result would be computed again: the field that differs.

    \b
    srbench why -m srcnn -d set5 -x 3
    """
    from srbench.cli.planning import print_why

    options = Options(**shared)
    request = replace(
        _request((model,), (dataset,), options), tile=tile or 0, split=parse_split(split), device=device
    )
    print_why(request, as_json=options.as_json)
    return 0
