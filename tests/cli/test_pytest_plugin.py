"""A model's own repository gates itself in a test: the fixture `srbench_gate`, in a pytest of its own."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from srbench.gate.verdicts import NOT_COMPARED, Judgement, Outcome, Verdict
from srbench.pytest_plugin import Gate
from srbench.types import Cell

pytest_plugins = ("pytester",)

MODEL = """
import torch

class Model:
    def info(self):
        return {"scales": [4]}
    def load(self, scale, device, dtype):
        pass
    def predict(self, lr):
        sr = torch.nn.functional.interpolate(lr, scale_factor=4, mode="bicubic")
        return (SHARE * sr + (1 - SHARE) * lr.repeat_interleave(4, 2).repeat_interleave(4, 3)).clamp(0, 1)
"""
TEST = """
def test_quality(srbench_gate):
    judgement = srbench_gate(model="python:mynet.py", dataset="mini", scale=4, baseline="baseline")
    assert judgement.compared == 2
"""
CELL = "python:mynet/mini/x4/classic"
COMMAND = f'srbench bless .pytest_cache/d/srbench -m "why" --baseline baseline --only {CELL}'
BLESS = ("bless", ".pytest_cache/d/srbench", "-m", "first", "--baseline", "baseline", "--only", CELL)


@pytest.fixture
def project(mini: str, pytester: pytest.Pytester) -> pytest.Pytester:
    """Somebody's repository: a model and one test.

    The set is made first: `pytester` forgets what is imported after it, and NumPy can't be imported twice.
    """
    assert mini == "mini"
    write_model(pytester, 1.0)
    pytester.makepyfile(TEST)
    return pytester


def write_model(project: pytest.Pytester, share: float) -> None:
    """The model: bicubic, blended with repetition where `share` is below 1."""
    (project.path / "mynet.py").write_text(MODEL.replace("SHARE", str(share)), "utf-8")


def gated(project: pytest.Pytester, *more: str) -> pytest.RunResult:
    """Run the repository's tests; the plugin is named where this srbench was installed before it had one."""
    installed = any(point.value == "srbench.pytest_plugin" for point in entry_points(group="pytest11"))
    return project.runpytest_subprocess(*(() if installed else ("-p", "srbench.pytest_plugin")), *more)


def bless(project: pytest.Pytester) -> None:
    """What the failing test says to do."""
    done = project.run(sys.executable, "-m", "srbench", *BLESS)
    assert done.ret == 0, done.errlines


def test_a_model_that_keeps_its_quality_passes_and_a_worse_one_fails(project: pytest.Pytester) -> None:
    """Without a baseline the test says how to get one; a loss fails it with the verdict's words."""
    first = gated(project)
    first.assert_outcomes(failed=1)
    subject = "python:mynet on mini x4 (classic)"
    first.stdout.fnmatch_lines([f"*no baseline yet at baseline for {subject}; to make one: {COMMAND}"])
    first.stdout.no_fnmatch_line("*if this is meant*")
    bless(project)
    gated(project).assert_outcomes(passed=1)
    write_model(project, 0.3)
    worse = gated(project)
    worse.assert_outcomes(failed=1)
    meant = f"if this is meant: {COMMAND}"
    worse.stdout.fnmatch_lines(["*WORSE: 2 regressed*", f"*{subject}*psnr_y*", meant])
    worse.stdout.no_fnmatch_line("*Traceback*")


def test_a_policy_says_what_is_worse(project: pytest.Pytester) -> None:
    """What the default policy would refuse passes where the repository's own allows it.

    Model, baseline and policy are found from pytest's root, whatever folder the test is in.
    """
    gated(project)
    bless(project)
    write_model(project, 0.3)
    (project.path / "gate.toml").write_text(
        "[metrics.psnr_y]\ntolerance = 3\nimage_tolerance = 9\n"
        "[metrics.ssim_y]\ntolerance = 1\nimage_tolerance = 1\n"
    )
    moved = TEST.replace('baseline="baseline"', 'baseline="baseline", policy="gate.toml"')
    moved = moved.replace("(srbench_gate)", "(srbench_gate, monkeypatch, tmp_path)")
    moved = moved.replace("    judgement", "    monkeypatch.chdir(tmp_path)\n    judgement", 1)
    (project.path / "tests").mkdir()
    (project.path / "tests" / "test_moved.py").write_text(moved, "utf-8")
    (project.path / "pytest.ini").write_text("[pytest]\n", "utf-8")
    gated(project, "tests").assert_outcomes(passed=1)


def test_a_model_that_breaks_fails_with_the_reason(project: pytest.Pytester) -> None:
    """An exception in the model is no missing number."""
    gated(project)
    bless(project)
    (project.path / "mynet.py").write_text(MODEL.replace("SHARE * sr", "1 / 0 * sr"), "utf-8")
    broken = gated(project)
    broken.assert_outcomes(failed=1)
    broken.stdout.fnmatch_lines(["*ZeroDivisionError*"])
    broken.stdout.no_fnmatch_line("*srbench bless*")


def test_a_model_that_breaks_makes_no_baseline(project: pytest.Pytester) -> None:
    """Without a baseline the reason is told, and no command that would bless nothing."""
    (project.path / "mynet.py").write_text(MODEL.replace("SHARE * sr", "1 / 0 * sr"), "utf-8")
    broken = gated(project)
    broken.assert_outcomes(failed=1)
    broken.stdout.fnmatch_lines(["*python:mynet on mini x4 (classic): failed: *ZeroDivisionError*"])
    broken.stdout.no_fnmatch_line("*srbench bless*")


def test_what_no_blessing_would_bring_has_no_hint(tmp_path: Path) -> None:
    """A loss may be meant; a number that is missing, failed or can't be compared may not."""
    cell = Cell("m", "urban100[24]", 4, "classic", "s", "i", "p")
    named = {"model": "m", "dataset": "urban100[24]", "scale": 4, "protocol": "classic"}
    gate = Gate(tmp_path / "run", tmp_path)

    def hint(*outcomes: Outcome) -> str:
        judgement = Judgement("a", "b", tuple(Verdict(outcome, cell) for outcome in outcomes))
        return gate._hint(judgement, named, tmp_path / "base.jsonl")

    command = "srbench bless run -m \"why\" --baseline . --only 'm/urban100[24]/x4/classic'"
    assert hint(Outcome.REGRESSED, Outcome.OK) == f"\nif this is meant: {command}"
    assert {hint(o) for o in Outcome if o is not Outcome.REGRESSED} == {""}
    assert {hint(Outcome.REGRESSED, o) for o in NOT_COMPARED} == {""}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            'srbench_gate(model="bicubik", dataset="mini", scale=4, baseline="b")',
            "*expected a known model, got 'bicubik'*",
        ),
        (
            'srbench_gate(model="bicubic", dataset="mini", scale=4, baseline="mini")',
            "*no baseline yet at mini for bicubic on mini x4 (classic); to make one: srbench bless*",
        ),
    ],
)
def test_a_wrong_question_fails_in_one_line(project: pytest.Pytester, line: str, message: str) -> None:
    """No traceback through srbench."""
    project.makepyfile(f"def test_quality(srbench_gate):\n    {line}\n")
    ran = gated(project)
    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines([message])
    ran.stdout.no_fnmatch_line("*Traceback*")


def test_importing_the_plugin_is_cheap() -> None:
    """Each pytest does it in every project where srbench is installed."""
    heavy = {"numpy", "torch", "pandas", "click", "rich"}
    code = f"import sys, srbench.pytest_plugin; print(*{heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
