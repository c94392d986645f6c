"""Commands that only look load nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROBE = """
import json, sys
from srbench.cli import run_main
code = run_main(json.loads(sys.argv[1]))
print(json.dumps([code, sorted({name.split('.')[0] for name in sys.modules})]), file=sys.stderr)
"""
TORCH = {"torch", "torchvision", "lpips", "piq"}
JUDGING = {"pandas", "jinja2", "numpy", "cv2", "scipy", "PIL", "rich", "requests"}


def loaded_by(argv: list[str], folder: Path) -> set[str]:
    """Top-level modules in memory after a command, in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(argv)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0, done.stderr
    return set(modules)


@pytest.mark.parametrize("argv", [["--help"], ["--version"]], ids=" ".join)
def test_help_loads_neither_torch_nor_the_judging_libraries(argv: list[str], tmp_path: Path) -> None:
    """`srbench --help` answers from the standard library and click alone."""
    assert not loaded_by(argv, tmp_path) & (TORCH | JUDGING)


@pytest.mark.parametrize(
    "argv",
    [
        ["list", "models"],
        ["list", "metrics"],
        ["list", "datasets"],
        ["list", "protocols"],
        ["info", "srcnn"],
        ["run", "--all", "--plan"],
        ["run", "-d", "embedded", "--plan", "--json"],
        ["run", "--help"],
        ["time", "--plan", "--untrained", "--point", "720p,embedded"],
    ],
    ids=" ".join,
)
def test_listing_and_planning_load_no_torch(argv: list[str], tmp_path: Path) -> None:
    """`list`, `info` and `run --plan` work from cards and file bytes."""
    assert not loaded_by(argv, tmp_path) & TORCH


def test_scoring_a_folder_loads_no_torch(tmp_path: Path) -> None:
    """PSNR and SSIM of a classical interpolation need no torch either."""
    argv = [
        "run",
        "-m",
        "bicubic",
        "-d",
        "embedded",
        "-x",
        "4",
        "--limit",
        "1",
        "--metrics",
        "psnr_y,ssim_y",
        "--json",
    ]
    assert not loaded_by(argv, tmp_path) & TORCH


def test_a_report_with_pictures_loads_no_torch(tmp_path: Path) -> None:
    """Errors, crops and thumbnails are made of files alone, and a comparison of records."""
    argv = ["run", "-m", "bicubic,nearest", "-d", "embedded", "-x", "4", "--limit", "1", "-q"]
    assert not loaded_by([*argv, "--metrics", "psnr_y", "--save-predictions"], tmp_path) & TORCH
    assert not loaded_by(["report"], tmp_path) & TORCH
    assert (tmp_path / "reports" / "pictures" / "index.html").is_file()
    assert not loaded_by(["report", "--compare", "bicubic", "nearest"], tmp_path) & TORCH


def test_a_report_loads_no_torch(tmp_path: Path) -> None:
    """Pages, plots, pictures and every other format are made from records and files."""
    fixture = Path(__file__).parents[1] / "fixtures" / "journal-v1.jsonl"
    argv = ["report", "--results", str(fixture), "--format", "html,md,csv,json,latex,hf"]
    assert not loaded_by(argv, tmp_path) & TORCH


def test_every_command_named_in_the_help_exists() -> None:
    """No name in the table of commands leads nowhere."""
    from srbench.cli import COMMANDS, cli

    context = cli.make_context("srbench", ["list"])
    assert all(cli.get_command(context, name) for name in COMMANDS)
