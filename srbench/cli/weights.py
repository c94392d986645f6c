"""``srbench weights``: list, fetch and verify checkpoints."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from srbench import registry
from srbench.cli.options import json_option, plugin_option
from srbench.errors import IntegrityError, SrbenchError, Unavailable, UsageError
from srbench.types import ModelInfo, Weights

EXIT_MISSING, EXIT_INTEGRITY = 3, 5
scale_option = click.option(
    "-x", "--scale", "scales", multiple=True, metavar="SCALES", help="2,3,4; all if omitted."
)


@click.group()
def weights() -> None:
    """List, fetch and verify checkpoints.

    They live in a cache (SRBENCH_HOME), each verified by its sha256; nothing in a file is ever run.
    SRBENCH_MIRROR=DIR reads DIR/HOST/PATH before https://HOST/PATH; SRBENCH_OFFLINE=1 forbids the network.
    """


@weights.command("list")
@click.argument("names", nargs=-1, metavar="[MODEL]...")
@scale_option
@json_option
@plugin_option
def list_(names: tuple[str, ...], scales: tuple[str, ...], as_json: bool, plugins: tuple[Path, ...]) -> int:
    """Checkpoints: for which scales, what file, its size and licence, and whether it is here.

    \b
    srbench weights list
    srbench weights list 'srgan*' --json
    """
    rows = [_row(info, checkpoint) for info, checkpoint in _chosen(names, scales, plugins)]
    if as_json:
        click.echo(json.dumps({"weights": rows}, indent=1))
        return 0
    for row in rows:
        sizes = ",".join(f"x{scale}" for scale in row["scales"])
        here = "here" if row["here"] else "not here"
        size = "? MB" if row["size"] is None else f"{row['size'] / 1e6:.1f} MB"
        click.echo(f"{row['model']:14} {sizes:9} {here:8} {size:>9}  {row['file']}; licence {row['licence']}")
    return 0


def _row(info: ModelInfo, checkpoint: Weights) -> dict[str, Any]:
    from srbench.fetch import cached

    asset = checkpoint.asset
    here = cached(asset)
    return {
        "model": info.name,
        "scales": list(checkpoint.scales),
        "file": asset.name,
        "sha256": asset.sha256,
        "size": asset.size if asset.size is not None or here is None else here.stat().st_size,
        "format": checkpoint.format,
        "licence": checkpoint.licence,
        "degradation": checkpoint.degradation,
        "here": here is not None,
    }


@weights.command()
@click.argument("names", nargs=-1, required=True, metavar="MODEL...")
@scale_option
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
@plugin_option
def fetch(names: tuple[str, ...], scales: tuple[str, ...], quiet: bool, plugins: tuple[Path, ...]) -> int:
    """Fetch checkpoints: verified, in parallel, resumed where they stopped.

    \b
    srbench weights fetch vdsr imdn
    srbench weights fetch edsr -x 4
    srbench weights fetch '*'
    """
    from srbench.fetch import fetch_many

    chosen = _chosen(names, scales, plugins)
    with _progress(quiet=quiet) as watcher:
        found = fetch_many((checkpoint.asset for _, checkpoint in chosen), progress=watcher)
    code = 0
    for info, checkpoint in chosen:
        got = found[checkpoint.asset]
        if isinstance(got, SrbenchError):
            click.echo(f"{info.name}: not fetched: {got}", err=True)
            code = max(code, EXIT_INTEGRITY if isinstance(got, IntegrityError) else EXIT_MISSING)
        else:
            click.echo(f"{info.name}: {checkpoint.asset.name} is here")
    return code


def _progress(*, quiet: bool) -> Any:
    from srbench.cli.progress import download_bar

    return nullcontext(None) if quiet else download_bar("weights")


@weights.command()
@click.argument("names", nargs=-1, metavar="[MODEL]...")
@scale_option
@plugin_option
def verify(names: tuple[str, ...], scales: tuple[str, ...], plugins: tuple[Path, ...]) -> int:
    """Hash every checkpoint that is here again; exit code 5 if one is not what it should be.

    \b
    srbench weights verify
    """
    code = 0
    for info, checkpoint in _chosen(names, scales, plugins):
        verdict, wrong = _verdict(checkpoint)
        click.echo(f"{info.name}: {checkpoint.asset.name}: {verdict}", err=wrong)
        code = EXIT_INTEGRITY if wrong else code
    return code


def _verdict(checkpoint: Weights) -> tuple[str, bool]:
    from srbench.fetch import verify as rehash

    try:
        rehash(checkpoint.asset)
    except Unavailable:
        return "not here", False
    except IntegrityError as error:
        return str(error), True
    return "right", False


def _chosen(
    names: Iterable[str], scales: tuple[str, ...], plugins: Iterable[Path]
) -> list[tuple[ModelInfo, Weights]]:
    """The checkpoints of the models named by comma lists and globs, of all if none is named; of some scales.

    Raises:
        UsageError: a name is unknown, or none of them has weights (for these scales).
    """
    from srbench.runner.request import parse_scales

    for plugin in plugins:
        registry.load_plugin(plugin)
    known = registry.models()
    asked = registry.select(names, known, "model") or list(known)
    wanted = set(parse_scales(scales) or ())
    chosen = [(known[name].info, one) for name in asked for one in known[name].info.weights]
    chosen = [(info, one) for info, one in chosen if not wanted or wanted & set(one.scales)]
    if not chosen:
        expected = "a model with weights" + (
            f" for x{', x'.join(map(str, sorted(wanted)))}" if wanted else ""
        )
        raise UsageError(expected, ", ".join(asked), "srbench weights list names those that have some")
    return chosen
