"""``srbench gate --time A B``: two models timed here and now, and an exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from srbench.cli.schema import schema_text
from srbench.types import Conditions

pytestmark = pytest.mark.usefixtures("short_watch")
QUICK = ("--point", "16x16", "--threads", "1", "--budget", "0.2s")
PLUGIN = """
import time
from srbench import Adapter, ModelInfo, register_model

class Quick(Adapter):
    pause = 0.001
    def predict(self, lr):
        time.sleep(self.pause)
        return lr.repeat_interleave(self.scale, 2).repeat_interleave(self.scale, 3)

class Slow(Quick):
    pause = 0.004

for name, model in (("quick", Quick), ("slow", Slow)):
    register_model(ModelInfo(name=name, title=name, family="own", scales=(4,)), model)
"""


@pytest.fixture
def plugin(tmp_path: Path, fresh_registry: None) -> Path:
    """Two models, one of which sleeps four times as long."""
    path = tmp_path / "sleepers.py"
    path.write_text(PLUGIN)
    return path


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other processes do is left out of the record: the tests' machine is seldom quiet."""
    from dataclasses import replace

    from srbench.timing import cell

    real = cell.race

    def race(*given: Any, **named: Any) -> Any:
        found = real(*given, **named)
        conditions: Conditions = replace(found.conditions, disturbances=())
        return replace(found, conditions=conditions)

    monkeypatch.setattr(cell, "race", race)


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("a", "b", "code", "words"),
    [
        ("quick", "slow", 1, "regressed    slow on 16x16 x4 (time)"),
        ("slow", "quick", 0, "improved"),
        ("quick", "quick", 0, "NOTHING IS WORSE"),
    ],
)
def test_a_slower_model_is_a_regression(
    srbench: Callable[..., Any], plugin: Path, a: str, b: str, code: int, words: str
) -> None:
    """Exit code 1, the ratio and its interval; faster or the same is 0."""
    ran = srbench("gate", "--time", a, b, *QUICK, "--plugin", plugin)
    assert (ran.code, words in ran.out) == (code, True), ran.out + ran.err


@pytest.mark.usefixtures("quiet")
def test_a_policy_allows_more(srbench: Callable[..., Any], plugin: Path, tmp_path: Path) -> None:
    """Ten times as long, if it says so."""
    policy = tmp_path / "gate.toml"
    policy.write_text("[speed]\nrelative = 9.0\n")
    ran = srbench("gate", "--time", "quick", "slow", *QUICK, "--plugin", plugin, "--policy", policy)
    assert ran.code == 0, ran.out + ran.err


def test_a_machine_that_was_not_quiet_decides_nothing(
    srbench: Callable[..., Any], plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 4, the figures, and what was seen; the one verdict is counted as what it is."""
    monkeypatch.setattr("srbench.timing.conditions.disturbances", lambda *_: ["a neighbour"])
    ran = srbench("gate", "--time", "quick", "slow", *QUICK, "--plugin", plugin, "--json")
    assert ran.code == 4
    found = ran.json()
    jsonschema.Draft202012Validator(json.loads(schema_text("verdicts"))).validate(found)
    assert (found["verdict"], found["counts"]["undecided"]) == ("not decided", 1)
    (verdict,) = found["verdicts"]
    assert (verdict["advisory"], verdict["kind"], verdict["outcome"]) == (False, "speed", "undecided")
    assert verdict["why"] == "the machine was not quiet (a neighbour)"
    assert (verdict["unit"], verdict["delta_unit"]) == ("ms", "ratio - 1")
    assert verdict["delta"] > 1


@pytest.mark.parametrize(
    ("argv", "part"),
    [
        (("--point", "16x16"), "--time"),
        (("--time", "bicubic", "lanczos", "--only", "x"), "--only"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    srbench: Callable[..., Any], argv: tuple[str, ...], part: str
) -> None:
    """A point without --time, a pattern with it."""
    ran = srbench("gate", *argv)
    assert ran.code == 2
    assert part in ran.err
