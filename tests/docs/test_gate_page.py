"""What docs/gate.md and docs/statistics.md say is so."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from srbench.gate.compare import compare
from srbench.gate.outputs import judgement_json
from srbench.gate.policy import DEFAULTS, Override, Policy, parse_policy
from srbench.stats import MIN_IMAGES
from srbench.store.scores import CellScores, MetricScores
from srbench.types import Cell, MetricInfo

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="left out: the docs are not beside the tests")


def page(name: str) -> str:
    """A page's text."""
    return (DOCS / name).read_text(encoding="utf-8")


def test_the_policy_shown_is_one() -> None:
    """It parses, and its numbers are the defaults where it says nothing else."""
    (source,) = re.findall(r"```toml\n(.*?)```", page("gate.md"), re.S)
    policy = parse_policy(source)
    assert policy.metrics == DEFAULTS
    assert policy.overrides == (Override("psnr_y", "srgan*", tolerance=0.05),)
    assert (policy.level, policy.evidence) == (Policy().level, Policy().evidence)


def test_the_table_of_tolerances_is_the_default() -> None:
    """Each row's numbers are those of its metrics."""
    rows = re.findall(
        r"^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \| ([\d.]+)[^|]*\| ([\d.]+)[^|]*\| ([\d.]+)", page("gate.md"), re.M
    )
    named = {name: tuple(map(float, row[1:])) for row in rows for name in re.findall(r"`(.*?)`", row[0])}
    assert named == {name: (x.tolerance, x.image_tolerance, x.noise) for name, x in DEFAULTS.items()}


def test_the_commands_shown_exist(srbench: Callable[..., Any]) -> None:
    """Each option of each command shown is one that the command has."""
    (block,) = re.findall(r"```sh\n(.*?)```", page("gate.md"), re.S)
    for line in block.splitlines():
        _, command, *arguments = shlex.split(line.partition(" #")[0])
        text = srbench(command, "--help").out
        assert all(part.partition("=")[0] in text for part in arguments if part.startswith("--"))


def test_the_commands_shown_work_in_a_fresh_clone(srbench: Callable[..., Any]) -> None:
    """Those of the page in their order, then the README's: with what is committed, and a package index."""
    shutil.copytree(ROOT / "results" / "blessed", "results/blessed")
    (source,) = re.findall(r"```toml\n(.*?)```", page("gate.md"), re.S)
    Path("gate.toml").write_text(source, encoding="utf-8")
    (block,) = re.findall(r"```sh\n(.*?)```", page("gate.md"), re.S)
    for line in block.splitlines():
        ran = srbench(*shlex.split(line.partition(" #")[0])[1:])
        if "no lpips" in ran.err:
            pytest.skip(f"left out: {ran.err}")
        assert ran.code == 0, line + ran.out + ran.err
    assert Path("gate.xml").exists()
    shutil.rmtree("results/blessed")
    shutil.copytree(ROOT / "results" / "blessed", "results/blessed")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^srbench (?:gate|compare|bless) .*", readme, re.M)
    assert len(lines) == 3
    for line in lines:
        ran = srbench(*shlex.split(line.partition(" #")[0])[1:])
        assert ran.code == 0, line + ran.out + ran.err


def test_the_fields_of_the_json_object_are_named() -> None:
    """Every field of the object and of its verdicts stands on the page."""
    cell = Cell("m", "d", 4, "classic", "s", "i", "p")
    scores = CellScores(cell, "done", "", 1, (MetricScores("psnr_y", "1", {"a": (30.0,)}),))
    info = {"psnr_y": MetricInfo("psnr_y", "PSNR-Y", "dB", "higher", 2, "y", True, "")}
    found = judgement_json(compare([scores], [scores], Policy(), info))
    for name in [*found, *found["verdicts"][0]]:
        assert f"`{name}`" in page("gate.md"), name


def test_every_printed_coverage_is_within_its_bounds() -> None:
    """In the study's table: 93 to 97 wherever srbench prints an interval, a dash below its least number."""
    rows = re.findall(r"^\| (\d+) \| .* \| ([\d.]+|-) \|$", page("statistics.md"), re.M)
    assert len(rows) == 24
    for n, covered in rows:
        assert (covered == "-") if int(n) < MIN_IMAGES else (93 <= float(covered) <= 97)
