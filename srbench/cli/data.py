"""``srbench data``: fetch, verify, list and add test and training sets; look for leaks between them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from srbench.cli.options import json_option
from srbench.errors import SrbenchError, UsageError

if TYPE_CHECKING:
    from srbench.data.datasets import Dataset

EXIT_MISSING, EXIT_LEAK, EXIT_INTEGRITY = 3, 4, 5


@click.group()
def data() -> None:
    """Fetch, verify, list and add test and training sets.

    Images live in a cache (SRBENCH_HOME), each verified by the sha256 of its file and of its pixels.
    SRBENCH_MIRROR=DIR reads DIR/HOST/PATH before https://HOST/PATH; SRBENCH_OFFLINE=1 forbids the network.
    """


@data.command()
@click.argument("names", nargs=-1, required=True, metavar="DATASET...")
@click.option(
    "--workers", type=click.IntRange(1, 64), default=8, show_default=True, help="Downloads at once."
)
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
def fetch(names: tuple[str, ...], workers: int, quiet: bool) -> int:
    """Fetch test sets: verified, in parallel, resumed where they stopped.

    \b
    srbench data fetch set5 set14
    srbench data fetch '*'
    """
    from srbench.cli.progress import fetch_with_progress
    from srbench.errors import IntegrityError
    from srbench.runner.request import choose_datasets

    code = 0
    for name in choose_datasets(names):
        report = fetch_with_progress(name, quiet=quiet, workers=workers)
        click.echo(f"{name}: {here_of(report.dataset)}, {report.fetched} files fetched")
        for line in summary_of(report.failed):
            click.echo(f"{name}: {line}", err=True)
        if report.failed:
            wrong = any(isinstance(error, IntegrityError) for error in report.failed.values())
            code = max(code, EXIT_INTEGRITY if wrong else EXIT_MISSING)
    return code


def here_of(dataset: Dataset) -> str:
    """``24 of 100 images here``; of a set of clips, its clips are counted."""
    noun = "clips" if dataset.kind == "clip" else "images"
    return f"{len(dataset.items)} of {len(dataset.manifest.items)} {noun} here"


def summary_of(failed: Mapping[str, SrbenchError]) -> list[str]:
    """The reasons of failed items, each reason once with the items it holds for."""
    by_reason: dict[str, list[str]] = {}
    for item, error in failed.items():
        by_reason.setdefault(str(error).replace(item, "..."), []).append(item)
    return [f"{_items(items)} not fetched: {failed[items[0]]}" for items in by_reason.values()]


def _items(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{items[0]} and {len(items) - 1} more"


@data.command()
@click.argument("names", nargs=-1, metavar="[DATASET]...")
def verify(names: tuple[str, ...]) -> int:
    """Hash and decode every file that is here again; exit code 5 if one is not what it should be.

    \b
    srbench data verify set5
    """
    from srbench.data.datasets import open_dataset, verify_dataset
    from srbench.runner.request import choose_datasets

    code = 0
    for name in choose_datasets(names):
        problems = verify_dataset(name)
        dataset = open_dataset(name)
        click.echo(f"{name}: {here_of(dataset)}, {len(problems)} wrong")
        for problem in problems:
            click.echo(f"{name}: {problem.item}: {problem.reason}", err=True)
            code = EXIT_INTEGRITY
    return code


@data.command("list")
@click.argument("names", nargs=-1, metavar="[DATASET]...")
@json_option
def list_(names: tuple[str, ...], as_json: bool) -> int:
    """What is here of each test set, its licence and what may be published of it."""
    from srbench.data.datasets import open_dataset, training_sets
    from srbench.runner.request import choose_datasets

    chosen = choose_datasets(names)
    rows = [_row(open_dataset(name)) for name in (*chosen, *(() if names else training_sets()))]
    if as_json:
        click.echo(json.dumps({"datasets": rows}, indent=1))
        return 0
    for row in rows:
        here = f"{row['here']} of {row['items']}"
        scales = ",".join(f"x{scale}" for scale in row["scales"])
        click.echo(
            f"{row['name']:14} {here:>11}  {row['kind']:5} {scales:9} {row['title']}; {row['licence']}"
        )
    return 0


def _row(dataset: Dataset) -> dict[str, Any]:
    manifest = dataset.manifest
    return {
        "name": dataset.name,
        "label": dataset.label,
        "kind": dataset.kind,
        "purpose": manifest.purpose or "test",
        "scales": list(dataset.scales),
        "items": len(manifest.items),
        "here": len(dataset.items),
        "title": manifest.title,
        "licence": manifest.licence,
        "publish": manifest.publish,
        "citation": manifest.citation,
    }


@data.command()
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("-x", "--scale", type=click.IntRange(2, 16), help="The only scale of a set of your own.")
def add(name: str, folder: Path, scale: int | None) -> int:
    """Use images that you already have, where they lie.

    A known name (set5 ...) takes the files whose pixels are that set's, whatever they are called and
    however they are encoded; EDSR's, BasicSR's and SelfExSR's folders are recognised. Any other name
    makes a set of your own; folders of frames become clips.

    \b
    srbench data add set5 ~/benchmark
    srbench data add mine ~/photos -x 4
    """
    from srbench.data.datasets import add_dataset

    if not folder.is_dir():
        raise UsageError("a folder of images", f"{str(folder)!r}, which is not a folder", "check the path")
    added = add_dataset(name, folder, scale=scale)
    dataset = added.dataset
    replaced = ", in place of the set of that name" if added.replaced else ""
    click.echo(f"{name}: {here_of(dataset)}, from {added.layout.title}{replaced}")
    for item, reason in (added.match.missing if added.match else {}).items():
        click.echo(f"{name}: {item}: {reason}", err=True)
    return 0


@data.command()
@click.argument("train")
@click.option(
    "--against", "tests", multiple=True, metavar="NAMES", help="Test sets; all that are here if omitted."
)
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
@json_option
def leaks(train: str, tests: tuple[str, ...], quiet: bool, as_json: bool) -> int:
    """Look for test images in a training set: equal pixels, crops, other sizes, turned ones.

    Exit code 4 if there are any: what is trained on them is not comparable. Both sets must be here whole.

    \b
    srbench data leaks bsds500-train --against set5,set14
    """
    from srbench.data.datasets import dataset_manifest, open_dataset
    from srbench.data.leaks import find_leaks
    from srbench.runner.request import choose_datasets

    dataset_manifest(train)
    trained = _whole(open_dataset(train))
    found, looked_at = [], []
    for test in map(open_dataset, choose_datasets(tests)):
        if test.name == train or not (tests or test.complete):
            continue
        _whole(test)
        if not quiet:
            click.echo(f"{train} ({here_of(trained)}) against {test.name} ({here_of(test)})", err=True)
        found += find_leaks(trained, test)
        looked_at.append(test.name)
    if not looked_at:
        raise UsageError(f"test sets other than {train}", "none", "name some, or fetch them")
    if as_json:
        click.echo(json.dumps({"leaks": [asdict(leak) for leak in found]}, indent=1))
    for leak in found if not as_json else ():
        how = f"{leak.inliers} keypoints agree" if leak.how == "content" else "equal pixels"
        click.echo(f"{leak.train} shows what {leak.test} does: {how}")
    if not as_json and not found:
        click.echo(f"no image of {', '.join(looked_at)} in {train}")
    return EXIT_LEAK if found else 0


def _whole(dataset: Dataset) -> Dataset:
    """Nothing can be said of what isn't here."""
    if not dataset.complete:
        expected, do = f"all of {dataset.name}", f"srbench data fetch {dataset.name}"
        raise UsageError(expected, here_of(dataset), do)
    return dataset
