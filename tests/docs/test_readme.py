"""The README's commands and code run as they stand."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8") if (ROOT / "README.md").exists() else ""
pytestmark = pytest.mark.skipif(not README, reason="left out: the README is not beside the tests")


def blocks(language: str) -> list[str]:
    """Fenced code blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


def test_ci_runs_the_readmes_test_command() -> None:
    """The second command of the README stands, to the letter, in what CI runs."""
    command = blocks("sh")[1].strip()
    assert "tox" in command
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_every_command_shown_exists(srbench: Callable[..., Any]) -> None:
    """Each `srbench` line of a code block names options that its command has."""
    lines = [line.partition(" #")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    shown = [shlex.split(line) for line in lines if line.startswith("srbench ")]
    assert len(shown) > 6
    for _, command, *arguments in shown:
        text = srbench(command, "--help").out
        assert all(part in text for part in arguments if re.fullmatch(r"--?[a-z-]+", part)), arguments


@pytest.mark.usefixtures("fresh_registry")
def test_the_model_of_the_readme_runs(srbench: Callable[..., Any]) -> None:
    """The ten-line plugin is scored beside bicubic, by the command shown."""
    (source,) = blocks("python")
    Path("mynet.py").write_text(source, encoding="utf-8")
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    (command,) = (line for line in lines if "--plugin mynet.py" in line)
    ran = srbench(*shlex.split(command)[1:], "--limit", "1", "--metrics", "psnr_y", "--json", "--quiet")
    assert ran.code == 0, ran.err
    scores = {cell["model"]: cell["metrics"]["psnr_y"] for cell in ran.json()["cells"]}
    assert scores["mynet"] == pytest.approx(scores["bicubic"], abs=1.5)  # another bicubic kernel (a = -0.75)


@pytest.mark.skipif(
    not (ROOT / "results" / "leaderboard").is_dir(),
    reason="left out: no results/leaderboard beside the tests",
)
def test_the_leaderboard_is_in_step_with_the_results(srbench: Callable[..., Any]) -> None:
    """The command that the block names makes the same bytes again, of the text and of the plot."""
    (command,) = re.findall(r"^`(srbench readme README\.md [^`]+)` makes this block", README, re.M)
    told = [f"{ROOT}/{part}" if (ROOT / part).exists() else part for part in shlex.split(command)[1:]]
    ran = srbench(*told, "--timings", ROOT / "results" / "timings", "--check")
    assert ran.code == 0, ran.err
