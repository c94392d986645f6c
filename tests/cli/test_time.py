"""``srbench time``: figures, resume, plan, JSON, interleaved pairs; and where they show."""

from __future__ import annotations

import json
import re
import statistics
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


@pytest.mark.usefixtures("empty_home")
def test_a_plan_says_what_the_run_then_does(
    srbench: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With random weights or not: what is to time is timed, what is skipped is skipped for that reason."""
    monkeypatch.setenv("SRBENCH_OFFLINE", "1")
    argv = ("time", "-m", "srbench-srcnn,srcnn,bicubic", "-x", "3", *QUICK, "--results", tmp_path)
    plan = srbench(*argv, "--untrained", "--plan").out.splitlines()
    why = "no random weights for srbench-srcnn, whose own file or code says what it is: leave --untrained out"
    assert f"srbench-srcnn x3 at 24x32: skip: {why}" in plan
    assert "srcnn x3 at 24x32: to time" in plan
    ran = srbench(*argv, "--untrained", "--json")
    assert {one["model"] for one in ran.json()["timings"]} == {"srcnn", "bicubic"}
    assert ran.json()["skipped"] == {"srbench-srcnn x3 at 24x32": why}
    plan = srbench(*argv, "--plan").out.splitlines()
    assert "srbench-srcnn x3 at 24x32: to time" in plan
    (told,) = [line for line in plan if line.startswith("srcnn ")]
    assert re.fullmatch(r"srcnn x3 at 24x32: to time, if \S+ can be fetched", told)


def test_quiet_still_says_why_something_was_not_timed(srbench: Callable[..., Any], tmp_path: Path) -> None:
    """No progress and no counts; the reasons stay."""
    ran = srbench("time", "-m", "bicubic,srcnn", *QUICK, "--results", tmp_path, "-q")
    said = [line for line in ran.err.splitlines() if "not quiet" not in line]
    assert said == ["skipped srcnn x4 at 24x32: no x4: srcnn has x3"]


def test_a_size_is_timed_once_however_often_and_however_it_is_asked_for(
    srbench: Callable[..., Any], tmp_path: Path
) -> None:
    """``24`` is ``24x24``, ``256x256`` is ``256``, and each is timed once."""
    argv = ("-m", "nearest", "--threads", "1", "--budget", "0.1s", "--results", tmp_path)
    ran = srbench("time", *argv, "--point", "24,24x24,024", "--point", "24x24,256x256,256", "--json")
    assert [one["point"] for one in ran.json()["timings"]] == ["24x24", "256"]


def test_what_is_not_tiled_is_not_said_to_be(srbench: Callable[..., Any], tmp_path: Path) -> None:
    """An interpolation is timed as a whole, whatever ``--tile`` says."""
    ran = srbench("time", "-m", "bicubic", *QUICK, "--tile", "16", "--results", tmp_path, "--json")
    (found,) = ran.json()["timings"]
    assert found["signature"].endswith("|whole")
    assert "tile" not in found["signature"]


def test_a_set_is_one_line_of_sums(srbench: Callable[..., Any], tmp_path: Path, mini: str) -> None:
    """Each image is timed and kept; the board and the answer have their sum."""
    argv = ("--threads", "1", "--budget", "0.1s", "--results", tmp_path)
    ran = srbench("time", "-m", "nearest", "--point", mini, *argv)
    heads = [line for line in ran.out.splitlines() if "cost " in line]
    assert len(heads) == 1
    assert heads[0].startswith("x4, cost of mini, sum of 2 images (memory: the largest): cpu:1, float32")
    kept = [json.loads(line) for line in (tmp_path / "timings.jsonl").read_text().splitlines()]
    assert [one["spec"]["point"] for one in kept] == ["mini/camera", "mini/coffee"]
    told = re.search(r"nearest  latency ([\d.]+) ms .*sum of the medians of 2 images", ran.out)
    assert told is not None
    medians = [statistics.median(one["wall_ms"]) for one in kept]
    assert float(told[1]) == pytest.approx(sum(medians), rel=0.01)
    scored = ("-m", "nearest", "-d", mini, "-x", "4", "--metrics", "psnr_y", "--results", tmp_path)
    assert srbench("run", *scored).out.count("cost of mini") == 1


CLIPS = """
from srbench import Adapter, ModelInfo, register_model

class Clip(Adapter):
    def predict(self, lr):
        return lr.repeat_interleave(self.scale, 2).repeat_interleave(self.scale, 3)

register_model(ModelInfo(name="clip", title="", family="own", scales=(4,), kind="sequence"), Clip)
"""


def test_what_sets_two_compared_models_apart_is_said(
    srbench: Callable[..., Any], tmp_path: Path, fresh_registry: None
) -> None:
    """A still model and one of clips are compared by the frame of output; random weights are named."""
    plugin = tmp_path / "clips.py"
    plugin.write_text(CLIPS)
    ran = srbench("time", "--interleaved", "nearest", "clip", *QUICK, "--frames", "2", "--plugin", plugin)
    frames = "frames that enter in one call: 2 (clip) and 1 (nearest)"
    assert ran.out.splitlines()[2:] == [
        f"remark: the ratio is of a frame of output; {frames}",
        "remark: clip: per output frame, of a sequence of 2",
    ]
    ran = srbench("time", "--interleaved", "nearest", "srcnn", "-x", "3", "--untrained", *QUICK)
    assert ran.out.splitlines()[2:] == ["remark: srcnn: timed with random weights"]


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("-m", "nobody"), 2),
        (("-m", "bicubic", "--point", "nowhere"), 2),
        (("-m", "bicubic", "--device", "cuda:99"), 2),
        (("-m", "bicubic", "--budget", "soon"), 2),
        (("-m", "bicubic", "--dtype", "int8"), 2),
        (("-m", "bicubic", "--dtype", "half"), 2),
        (("-m", "bicubic", "--threads", "4096"), 2),
        (("-m", "bicubic", "--device", "cuda:99", "--plan"), 2),
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
    assert (found["frames_a"], found["frames_b"], found["remarks"]) == (1, 1, [])
    assert found["low"] <= found["ratio"] <= found["high"]
    ran = srbench(*argv)
    assert "remark" not in ran.out
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
    assert re.search(
        r"bicubic  cost at LR 24x32 \(HxW\): .*latency \S+ ms .*throughput \S+ Mpx/s .*memory \S+ MB", ran.out
    )
    assert "cost at LR 24x32 (HxW)" in srbench("list", "results", "--results", tmp_path).out
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
