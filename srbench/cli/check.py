"""``srbench check``: the conformance suite on anyone's model."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from srbench.cli.options import json_option, plugin_option
from srbench.errors import NothingMeasured, SrbenchError, Unavailable, UsageError

if TYPE_CHECKING:
    from srbench.adapters.conformance import Verdict
    from srbench.runner.request import ModelChoice

EXIT_FAILED = 3
STYLES = {"ok": "green", "failed": "bold red", "left out": "dim"}
FURTHER_SCALES = 30.0
"""Seconds after which no further scale is begun that wasn't asked for."""


@dataclass
class Checked:
    """One model at one scale: its rules' verdicts, or why it was left out."""

    model: str
    scale: int
    left_out: str = ""
    rules: list[Verdict] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """True if it breaks a rule."""
        return any(verdict.result == "failed" for verdict in self.rules)


@click.command()
@click.argument("target", metavar="TARGET")
@click.option("-x", "--scale", "scales", multiple=True, metavar="SCALES", help="2,3,4; its own if omitted.")
@click.option("--device", default="cpu", show_default=True, metavar="DEVICE", help="cpu, cuda, cuda:1 ...")
@plugin_option
@json_option
def check(target: str, scales: tuple[str, ...], device: str, plugins: tuple[Path, ...], as_json: bool) -> int:
    """Try a model against every rule of the contract: shape, range, colours, place, tiles, memory ...

    TARGET is a model, as for ``run -m``, or a plugin's file: then all that it registers.

    \b
    srbench check srcnn
    srbench check my_plugin.py
    srbench check spandrel:net.pth -x 4
    """
    from srbench.runner.request import parse_scales

    checked: list[Checked] = []
    for model in _models(target, plugins):
        steps = _checked(model, parse_scales(scales), device)
        while (one := _silently(steps)) is not None:
            checked.append(one)
            if not as_json:
                _print(one)
    if as_json:
        print(json.dumps({"checked": [asdict(one) for one in checked]}, indent=1))
    if not any(one.rules for one in checked):
        raise NothingMeasured("a model that can be tried", checked[0].left_out, "see the reasons")
    return EXIT_FAILED if any(one.failed for one in checked) else 0


def _silently(steps: Iterator[Checked]) -> Checked | None:
    """The next step, with what a stranger's model prints kept off stdout; None at the end."""
    with redirect_stdout(sys.stderr):
        return next(steps, None)


def _models(target: str, plugins: tuple[Path, ...]) -> list[ModelChoice]:
    from srbench import registry
    from srbench.runner.request import ModelChoice, choose_models

    for plugin in plugins:
        registry.load_plugin(plugin)
    if not target.endswith(".py") or ":" in target:
        return list(choose_models((target,)))
    before = set(registry.models())
    registry.load_plugin(Path(target))
    new = [entry for name, entry in registry.models().items() if name not in before]
    if not new:
        raise UsageError("a plugin that registers a model", f"none in {target}", "name a model")
    return [ModelChoice(entry) for entry in new]


def _checked(model: ModelChoice, asked: tuple[int, ...] | None, device: str) -> Iterator[Checked]:
    from srbench.adapters.base import Settings
    from srbench.adapters.conformance import examine
    from srbench.adapters.trial import Trial

    if model.entry.info.family == "folder":
        raise UsageError("a model that computes", model.name, "a folder is scored: srbench score DIR")
    began = time.monotonic()
    for scale in asked or model.entry.info.scales:
        if asked is None and time.monotonic() - began > FURTHER_SCALES:
            yield Checked(model.name, scale, f"not tried, to stay short: add -x {scale}")
            continue
        try:
            trial = Trial(
                model.entry, model.argument, scale, Settings(device=device, ensemble=model.ensemble)
            )
        except Unavailable as why:
            yield Checked(model.name, scale, str(why))
            continue
        except SrbenchError:
            raise
        except Exception as error:  # noqa: BLE001 - a stranger's code: whatever it raises is the finding
            yield Checked(model.name, scale, rules=[_unloaded(error)])
            continue
        yield Checked(model.name, scale, rules=list(examine(trial)))


def _unloaded(error: Exception) -> Verdict:
    from srbench.adapters.conformance import Verdict
    from srbench.adapters.trial import in_a_line

    return Verdict("loads", "It loads.", "failed", in_a_line(error))


def _print(one: Checked) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    if one.left_out:
        console.print(f"{one.model} x{one.scale}: left out: {one.left_out}", markup=False, soft_wrap=True)
        return
    counts = {result: sum(v.result == result for v in one.rules) for result in STYLES}
    title = ", ".join(f"{count} {result}" for result, count in counts.items() if count)
    console.print(f"{one.model} x{one.scale}: {title}", markup=False, soft_wrap=True)
    for verdict in one.rules:
        found = f"{verdict.says} {verdict.found}" if verdict.result == "failed" else verdict.found
        result = Text(f"{verdict.result:<8}", STYLES[verdict.result])
        console.print(Text.assemble(f"  {verdict.rule:<15}  ", result, f"  {found}"), soft_wrap=True)
