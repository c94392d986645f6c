"""``srbench list``, ``srbench info`` and ``srbench doctor``: what is known, without loading any model."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from srbench import registry
from srbench.cli.options import SHIPPED_TIMINGS, folder_option, json_option, plugin_option, timed_machines
from srbench.errors import UsageError
from srbench.protocols import RECIPES, get_protocol
from srbench.types import ModelInfo

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

Rows = list[dict[str, Any]]


def _models() -> Rows:
    return [_model_row(entry.info, entry.origin) for entry in registry.models().values()]


def _model_row(info: ModelInfo, origin: str) -> dict[str, Any]:
    return {
        "name": info.name if info.selectable else f"{info.name}:...",
        "scales": ",".join(f"x{scale}" for scale in info.scales),
        "input": info.channels,
        "params": info.params,
        "trained on": ", ".join(info.trained_on),
        "title": info.title,
        "from": origin,
    }


def _datasets() -> Rows:
    from srbench.data.datasets import open_dataset, select_datasets

    return [_dataset_row(open_dataset(name)) for name in select_datasets()]


def _dataset_row(dataset: Any) -> dict[str, Any]:
    total = len(dataset.items) + len(dataset.missing)
    return {
        "name": dataset.name,
        "kind": dataset.kind,
        "scales": ",".join(f"x{scale}" for scale in dataset.scales),
        "here": f"{len(dataset.items)} of {total}",
        "title": dataset.manifest.title,
    }


def _metrics() -> Rows:
    return [
        {
            "name": entry.info.name,
            "better": entry.info.direction,
            "unit": entry.info.unit,
            "needs": entry.info.needs,
            "title": entry.info.title,
            "from": entry.origin,
        }
        for entry in registry.metrics().values()
    ]


def _protocols() -> Rows:
    return [
        {"name": name, "signature at x4": get_protocol(name, 4).signature, "title": recipe.title}
        for name, recipe in RECIPES.items()
    ]


def _recipes() -> Rows:
    from srbench.resources import recipes_folder
    from srbench.train.recipes import load_recipe, recipe_table

    found = (load_recipe(*_text_of(file)) for file in _toml_files(recipes_folder()))
    return [
        {
            "name": recipe.name,
            "network": recipe_table(recipe)["network"]["family"],
            "scale": f"x{recipe.network.scale}",
            "steps": recipe.steps,
            "trained on": ", ".join(recipe.data.sets),
        }
        for recipe in found
    ]


def _ablations() -> Rows:
    from srbench.ablation.declared import load_ablation
    from srbench.resources import ablations_folder

    found = (load_ablation(*_text_of(file)) for file in _toml_files(ablations_folder()))
    return [
        {
            "name": ablation.name,
            "levels": " x ".join("/".join(level.name for level in f.levels) for f in ablation.factors),
            "seeds": len(ablation.seeds),
            "scale": f"x{ablation.scale}",
            "tested on": ", ".join(ablation.datasets),
            "title": ablation.title,
        }
        for ablation in found
    ]


def _toml_files(folder: Traversable) -> list[Traversable]:
    return sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)


def _text_of(file: Traversable) -> tuple[str, str]:
    return file.read_text("utf-8"), file.name


TABLES: dict[str, Callable[[], Rows]] = {
    "models": _models,
    "datasets": _datasets,
    "metrics": _metrics,
    "protocols": _protocols,
    "recipes": _recipes,
    "ablations": _ablations,
}


@click.command()
@click.argument("what", type=click.Choice([*TABLES, "results"]), default="models")
@folder_option
@json_option
@plugin_option
def list_(what: str, results: Path, as_json: bool, plugins: tuple[Path, ...]) -> int:
    """What is known: models, datasets, metrics, protocols, recipes, ablations, results.

    \b
    srbench list models
    srbench list datasets --json
    srbench list results
    """
    for plugin in plugins:
        registry.load_plugin(plugin)
    if what == "results":
        from srbench.cli.outcome import print_results
        from srbench.store.aggregate import load_cells
        from srbench.store.timings import read_timings

        print_results(load_cells(results), None, read_timings(results), as_json=as_json)
        return 0
    _print(TABLES[what](), what, as_json=as_json)
    _warn_of_broken_plugins()
    return 0


def _print(rows: Rows, what: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({what: rows}, indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(*rows[0], box=None, pad_edge=False)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    if not console.is_terminal:
        console.width = 200
    console.print(table, markup=False)


def _warn_of_broken_plugins() -> None:
    from srbench.data.datasets import broken_datasets

    for plugin in registry.broken():
        click.echo(f"left out: plugin {plugin.name}: {plugin.reason}", err=True)
    for name, reason in broken_datasets().items():
        click.echo(f"left out: dataset {name}: {reason}", err=True)


@click.command()
@click.argument("name")
@folder_option
@plugin_option
def info(name: str, results: Path, plugins: tuple[Path, ...]) -> int:
    """Everything about one model, dataset, metric or protocol, as JSON.

    Of a model, what it costs too: as papers print it, and as it was timed (srbench time).

    \b
    srbench info srcnn
    srbench info set5
    """
    from srbench.data.datasets import dataset_names, open_dataset

    for plugin in plugins:
        registry.load_plugin(plugin)
    if name in registry.models():
        found: Any = {**asdict(registry.models()[name].info), **_costs(registry.models()[name].info, results)}
    elif name in registry.metrics():
        found = asdict(registry.metrics()[name].info)
    elif name in RECIPES:
        found = {
            "name": name,
            **{f"x{s}": get_protocol(name, s).signature for s in (2, 3, 4)},
            **asdict(RECIPES[name]),
        }
    elif name in dataset_names():
        dataset = open_dataset(name)
        found = {
            **_dataset_row(dataset),
            **_notes(dataset),
            "items": [i.name for i in dataset.items],
            "missing": dataset.missing,
        }
    else:
        known = [*registry.models(), *registry.metrics(), *RECIPES, *dataset_names()]
        near = ", ".join(get_close_matches(name.lower(), known, n=3)) or "srbench list"
        raise UsageError("a known model, dataset, metric or protocol", repr(name), f"try {near}")
    print(json.dumps(found, indent=1, default=str))
    return 0


def _costs(info: ModelInfo, results: Path) -> dict[str, Any]:
    from srbench.report.catalog import installed
    from srbench.report.costs import printed_costs, timing_json
    from srbench.store.timings import latest, read_timings

    catalog = installed()
    folders = [*timed_machines(SHIPPED_TIMINGS), results]
    mine = [t for folder in folders for t in read_timings(folder) if t.spec.model == info.name and t.wall_ms]
    return {
        "printed": {f"x{scale}": printed_costs(info.name, scale, catalog) for scale in info.scales},
        "timed": [timing_json(timing, catalog) for timing in latest(mine).values()],
    }


def _notes(dataset: Any) -> dict[str, str]:
    manifest = dataset.manifest
    return {"licence": manifest.licence, "publish": manifest.publish, "citation": manifest.citation}


@click.command()
@json_option
def doctor(as_json: bool) -> int:
    """This machine, the libraries, the cache, broken plugins."""
    from srbench.data.datasets import broken_datasets
    from srbench.fetch import home
    from srbench.store.provenance import collect

    found = {
        **asdict(collect([])),
        "cache": str(home()),
        "broken plugins": [asdict(p) for p in registry.broken()],
        "broken datasets": broken_datasets(),
    }
    print(json.dumps(found, indent=None if as_json else 1, default=str))
    return 0
