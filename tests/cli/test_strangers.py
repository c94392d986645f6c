"""Plugins that end the program, talk, or register nonsense: each is told in one line, no more is hurt."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from srbench import registry

pytestmark = pytest.mark.usefixtures("fresh_registry")

PLUGIN = """
import sys
from srbench import Adapter, Metric, MetricInfo, ModelInfo, register_metric, register_model
{top}

class Mine(Adapter):
    def load(self, device, dtype):
        {load}

    def predict(self, lr):
        {predict}
        return lr.repeat_interleave(4, 2).repeat_interleave(4, 3)

class Zero(Metric):
    signature = "zero|v1"

    def load(self, device="cpu"):
        {metric_load}

    def prepare(self, hr):
        {prepare}

    def score(self, sr, prepared):
        {score}
        return 0.0

register_model(ModelInfo(name="{name}", title="Mine", family="mine", scales={scales}), Mine)
register_metric(MetricInfo("zero", "Zero", "", "{direction}", 2, "rgb", crop=False, edge="0"), Zero)
"""
HONEST = {"scales": "(4,)", "name": "mine", "direction": "lower"}
BODIES = ("top", "load", "predict", "metric_load", "prepare", "score")
RUN = ("-d", "embedded", "-x", "4", "--limit", "1", "--json")
Run = Callable[..., Any]


@pytest.fixture
def plugin(tmp_path: Path) -> Callable[..., Path]:
    """A plugin's file; what isn't given is honest."""

    def write(**parts: str) -> Path:
        path = tmp_path / "plugin.py"
        path.write_text(PLUGIN.format(**dict.fromkeys(BODIES, "pass") | HONEST | parts))
        return path

    return write


def by_model(ran: Any) -> dict[str, Any]:
    """The cells of a run's one JSON object."""
    return {cell["model"]: cell for cell in json.loads(ran.out)["cells"]}


@pytest.mark.parametrize("code", ["0", "", "'no licence'"])
def test_plugin_that_exits_while_it_is_imported(srbench: Run, plugin: Callable[..., Path], code: str) -> None:
    """`sys.exit` in a plugin's file is a usage error in one line, never a silent success."""
    ran = srbench("run", "--plugin", plugin(top=f"sys.exit({code})"), "-m", "nearest", *RUN)
    assert ran.code == 2
    assert f"got called sys.exit({code}) in plugin.py; correct it" in ran.err
    assert ran.out == ""


@pytest.mark.parametrize("where", ["load", "predict"])
def test_model_that_exits_fails_alone(srbench: Run, plugin: Callable[..., Path], where: str) -> None:
    """`sys.exit` in `load` or `predict` fails this model's cell; the others are measured."""
    path = plugin(**{where: "sys.exit(0)"})
    ran = srbench("run", "--plugin", path, "-m", "mine,nearest", "--metrics", "psnr_y", *RUN)
    assert ran.code == 3, ran.err
    cells = by_model(ran)
    assert {name: cell["status"] for name, cell in cells.items()} == {"mine": "failed", "nearest": "done"}
    assert "called sys.exit(0)" in cells["mine"]["reason"]


def test_check_of_a_model_that_exits(srbench: Run, plugin: Callable[..., Path]) -> None:
    """`srbench check` says so too, and fails."""
    ran = srbench("check", plugin(load="sys.exit(0)"), "-x", "4")
    assert ran.code == 3
    assert "called sys.exit(0)" in ran.out + ran.err


@pytest.mark.parametrize("where", ["metric_load", "prepare", "score"])
def test_metric_that_exits_fails_alone(srbench: Run, plugin: Callable[..., Path], where: str) -> None:
    """`sys.exit` in a metric is that metric's failure, code 3; what the others say is kept."""
    asked = ("-m", "nearest", "--metrics", "psnr_y,zero", *RUN)
    ran = srbench("run", "--plugin", plugin(**{where: "sys.exit(0)"}), *asked)
    assert ran.code == 3, ran.err
    cell = by_model(ran)["nearest"]
    assert cell["status"] == "done"
    assert set(cell["metrics"]) == {"psnr_y"}
    assert "called sys.exit(0); check the metric" in cell["absent"]["zero"]
    assert "failed zero: expected" in ran.err


def test_metric_that_failed_is_tried_again(srbench: Run, plugin: Callable[..., Path]) -> None:
    """The same run fails again, not `known before`; once the metric is mended its score joins the others."""
    asked = ("-m", "nearest", "--metrics", "psnr_y,zero", *RUN)
    for _ in range(2):
        assert srbench("run", "--plugin", plugin(score="raise ValueError('odd')"), *asked).code == 3
        registry._models.pop("mine"), registry._metrics.pop("zero")
    ran = srbench("run", "--plugin", plugin(), *asked)
    assert ran.code == 0, ran.err
    assert set(by_model(ran)["nearest"]["metrics"]) == {"psnr_y", "zero"}
    assert by_model(ran)["nearest"]["absent"] == {}


def test_prints_leave_json_alone(srbench: Run, plugin: Callable[..., Path]) -> None:
    """Whatever a plugin prints goes to stderr; stdout has one JSON object."""
    talking = {body: f"print('talking in {body}')" for body in BODIES}
    ran = srbench("run", "--plugin", plugin(**talking), "-m", "mine", "--metrics", "zero", *RUN)
    assert ran.code == 0, ran.err
    assert by_model(ran)["mine"]["metrics"] == {"zero": 0.0}
    assert all(f"talking in {body}\n" in ran.err for body in BODIES)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scales": "'4'"}, "expected scales to be a tuple of int of 0 or more, got '4'; correct mine"),
        ({"scales": "()"}, "expected scales such as (2, 3, 4), got (); correct mine"),
        ({"name": "My Net:é,*"}, "begins with a letter or digit, got 'My Net:é,*'; choose another name"),
        ({"direction": "sideways"}, "expected direction to be 'higher' or 'lower', got 'sideways'; correct"),
    ],
)
@pytest.mark.parametrize("command", ["run", "check"])
def test_nonsense_is_refused(
    srbench: Run, plugin: Callable[..., Path], command: str, wrong: dict[str, str], message: str
) -> None:
    """A field that can't be meant is a usage error in one line that names it."""
    path = plugin(**wrong)
    ran = srbench("run", "--plugin", path, "-m", "mine", *RUN) if command == "run" else srbench("check", path)
    assert ran.code == 2
    assert message in ran.err
    assert len(ran.err.splitlines()) == 1


def test_wrong_scale_of_values_is_told(srbench: Run, plugin: Callable[..., Path]) -> None:
    """A model that answers 0..255 is failed with what to do, not scored a few dB."""
    path = plugin(predict="return 255 * lr.repeat_interleave(4, 2).repeat_interleave(4, 3)")
    ran = srbench("run", "--plugin", path, "-m", "mine", "--metrics", "psnr_y", *RUN)
    assert ran.code == 3
    assert "divide by 255" in by_model(ran)["mine"]["reason"]


@pytest.mark.usefixtures("fresh_registry")
def test_a_metric_that_is_not_a_number_fails(srbench: Callable[..., Any], tmp_path: Path) -> None:
    """NaN from a metric is a failure that names the metric, as NaN from a model names the model."""
    plugin = tmp_path / "plugin.py"
    plugin.write_text(
        "from srbench import Metric, MetricInfo, register_metric\n"
        "class Odd(Metric):\n"
        "    signature = 'odd|v1'\n"
        "    def prepare(self, hr): return None\n"
        "    def score(self, sr, prepared): return float('nan')\n"
        "info = MetricInfo(name='odd', title='Odd', unit='', direction='higher', decimals=2,\n"
        "                  needs='y', crop=True, edge='none')\n"
        "register_metric(info, Odd)\n"
    )
    asked = ("-m", "nearest", "-d", "embedded", "-x", "4", "--limit", "1", "--metrics", "odd")
    ran = srbench("run", *asked, "--plugin", plugin)
    assert ran.code == 3
    assert "a number from odd" in ran.err


def test_a_border_larger_than_the_image_measures_nothing(srbench: Callable[..., Any]) -> None:
    """A dash for every image is no measurement: code 4, with the reason in the table."""
    asked = ("-m", "nearest", "-d", "embedded", "-x", "4", "--limit", "1", "--metrics", "psnr_y")
    ran = srbench("run", *asked, "--border", "9999")
    assert ran.code == 4
    assert "a border of 9999" in ran.out
