"""``srbench time``: figures, resume, plan, JSON, interleaved pairs; and where they show."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("short_watch")
QUICK = ("--threads", "1", "--budget", "0.2s", "--point", "24x32")


def test_models_are_timed_and_told(srbench: Callable[..., Any], tmp_path: Path) -> None:
    """A line for each model; skips with their reasons on stderr."""
    ran = srbench("time", "-m", "bicubic,srcnn", *QUICK, "--results", tmp_path)
    assert ran.code == 0, ran.err
    assert re.search(r"bicubic  latency [\d.]+ ms  throughput [\d.]+ Mpx/s  memory [\d.]+ MB", ran.out)
    assert "skipped srcnn x4 at 24x32: no x4: srcnn has x3" in ran.err


def test_json_is_one_object_and_nothing_else(srbench: Callable[..., Any], tmp_path: Path) -> None:
    """Derived figures in named units; the printed ones beside the measured."""
    ran = srbench("time", "-m", "imdn", "--untrained", *QUICK, "--results", tmp_path, "--json")
    (found,) = ran.json()["timings"]
    assert found["model"] == "imdn"
    assert found["flops"] == 2 * found["macs"]
    assert found["printed_params"] == "715K"
    assert found["call_ms"]["n"] >= 3
    assert found["latency"] == found["call_ms"]["median"]
    assert isinstance(found["quiet"], bool)


def test_the_same_again_times_nothing(srbench: Callable[..., Any], tmp_path: Path) -> None:
    """It answers from the file."""
    command = ("time", "-m", "bicubic", *QUICK, "--results", tmp_path)
    srbench(*command)
    before = (tmp_path / "timings.jsonl").read_bytes()
    ran = srbench(*command)
    assert "0 timed, 1 known before" in ran.err
    assert (tmp_path / "timings.jsonl").read_bytes() == before
    assert "1 timed" in srbench(*command, "--again").err


def test_a_plan_times_nothing(srbench: Callable[..., Any], tmp_path: Path) -> None:
    """It says what is to time, what is known and what is skipped."""
    ran = srbench("time", "-m", "bicubic,srcnn", *QUICK, "--results", tmp_path, "--plan")
    assert "bicubic x4 at 24x32: to time" in ran.out
    assert "srcnn x4 at 24x32: skip: no x4" in ran.out
    assert not (tmp_path / "timings.jsonl").exists()


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("-m", "nobody"), 2),
        (("-m", "bicubic", "--point", "nowhere"), 2),
        (("-m", "bicubic", "--device", "cuda:99"), 2),
        (("-m", "bicubic", "--budget", "soon"), 2),
        (("-m", "srcnn"), 4),
        (("--interleaved", "bicubic", "srcnn"), 4),
        (("--interleaved", "bicubic", "lanczos", "-m", "nearest"), 2),
    ],
)
def test_errors_are_one_line_with_their_code(
    srbench: Callable[..., Any], tmp_path: Path, argv: tuple[str, ...], code: int
) -> None:
    """Usage 2, nothing measured 4."""
    more = () if "--point" in argv else ("--point", "8x8")
    ran = srbench("time", *argv, *more, "--results", tmp_path)
    assert ran.code == code
    assert ran.err.splitlines()[-1].startswith("srbench: error: ")


def test_two_models_are_compared_interleaved(srbench: Callable[..., Any], tmp_path: Path) -> None:
    """The ratio, its interval, and whether the machine was quiet; nothing is stored."""
    argv = ("time", "--interleaved", "nearest", "lanczos", *QUICK, "--results", tmp_path)
    found = srbench(*argv, "--json").json()
    assert found["rounds"] >= 8
    assert found["low"] <= found["ratio"] <= found["high"]
    ran = srbench(*argv)
    assert re.match(r"lanczos takes \d+\.\d+ times as long as nearest \(99\.\d% interval", ran.out)
    assert "the machine was" in ran.out
    assert not (tmp_path / "timings.jsonl").exists()


def test_a_busy_second_process_is_told(srbench: Callable[..., Any], tmp_path: Path) -> None:
    """The machine was not quiet, with what was seen."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            ran = srbench("time", "-m", "bicubic", *QUICK, "--results", tmp_path)
        finally:
            busy.kill()
    assert re.search(r"bicubic x4 at 24x32: the machine was not quiet: other processes kept \d", ran.err)
    assert "not quiet, not ranked" in ran.out


def test_costs_show_on_leaderboards_and_in_info(srbench: Callable[..., Any], tmp_path: Path) -> None:
    """Of run, of list results, of report; and beside what papers print in info."""
    srbench("time", "-m", "bicubic", *QUICK, "--results", tmp_path)
    argv = ("-m", "bicubic", "-d", "embedded", "-x", "4", "--limit", "1", "--metrics", "psnr_y")
    ran = srbench("run", *argv, "--results", tmp_path)
    assert "bicubic  cost at LR 32x24" in ran.out
    assert "cost at LR 32x24" in srbench("list", "results", "--results", tmp_path).out
    srbench("report", "--results", tmp_path, "--out", tmp_path / "site")
    assert "Latency, ms" in (tmp_path / "site" / "index.html").read_text()
    told = json.loads(srbench("info", "bicubic", "--results", tmp_path).out)
    assert [one["point"] for one in told["timed"]] == ["24x32"]
    told = json.loads(srbench("info", "imdn", "--results", tmp_path).out)
    assert told["printed"]["x4"]["macs_at_720p"]["text"] == "40.9G"


def test_timings_of_other_machines_join_a_report(srbench: Callable[..., Any], tmp_path: Path) -> None:
    """``--timings DIR`` holds a folder for each; their provenance is on the page."""
    run, machines = tmp_path / "run", tmp_path / "machines"
    argv = ("-m", "bicubic", "-d", "embedded", "-x", "4", "--limit", "1", "--metrics", "psnr_y")
    srbench("run", *argv, "--results", run)
    srbench("time", "-m", "bicubic", *QUICK, "--results", machines / "other")
    srbench("report", "--results", run, "--out", tmp_path / "site", "--timings", machines)
    page = (tmp_path / "site" / "index.html").read_text()
    identity = json.loads((machines / "other" / "timings.jsonl").read_text())["provenance"]
    assert "Latency, ms" in page
    assert identity in page
