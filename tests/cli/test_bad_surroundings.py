"""A broken cache, manifest or mirror costs what needs it, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RUN = ("run", "-m", "nearest", "-d", "embedded", "-x", "4", "--limit", "1")


def test_a_cache_that_can_not_be_used(
    srbench: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PSNR and SSIM need no download: LPIPS alone is a dash, and its reason names SRBENCH_HOME."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SRBENCH_HOME", str(tmp_path / "file"))
    ran = srbench(*RUN, "--json")
    assert ran.code == 0, ran.err
    (cell,) = ran.json()["cells"]
    assert set(cell["metrics"]) == {"psnr_y", "ssim_y"}
    assert "SRBENCH_HOME" in cell["absent"]["lpips"]
    both = srbench(
        "run",
        "-m",
        "nearest",
        "-d",
        "set5,embedded",
        "-x",
        "4",
        "--limit",
        "1",
        "--metrics",
        "psnr_y",
        "--json",
    )
    assert both.code == 0, both.err
    assert {c["dataset"]: c["status"] for c in both.json()["cells"]} == {
        "set5": "skipped",
        "embedded[1]": "done",
    }


def test_a_broken_manifest_beside_the_good_ones(
    srbench: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is left out with its reason wherever it was not asked for by name; `doctor` names it."""
    monkeypatch.setenv("SRBENCH_HOME", str(tmp_path / "home"))
    folder = tmp_path / "home" / "datasets"
    folder.mkdir(parents=True)
    (folder / "bad.toml").write_text("x = [")
    listed = srbench("list", "datasets")
    assert listed.code == 0
    assert "left out: dataset bad" in listed.err
    assert srbench("run", "-m", "nearest", "--all", "--plan").code == 0
    assert "bad" in srbench("doctor").out
    assert srbench("run", "-m", "nearest", "-d", "bad").code == 2


def test_each_reason_of_a_failed_fetch_is_told(
    srbench: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page where an image should be, and files that are not there, are two different lines."""
    from srbench.data.datasets import dataset_manifest

    manifest = dataset_manifest("set5")
    address = manifest.roots[0].removeprefix("https://") + manifest.items[0].frames[0].path
    page = tmp_path / "mirror" / address
    page.parent.mkdir(parents=True)
    page.write_text("<html>sign in</html>")
    monkeypatch.setenv("SRBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SRBENCH_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setenv("SRBENCH_OFFLINE", "1")
    ran = srbench("data", "fetch", "set5")
    assert ran.code == 5
    assert "baby not fetched" in ran.err
    assert "HTML page" in ran.err
    assert "SRBENCH_OFFLINE" in ran.err


@pytest.mark.parametrize("command", [("list", "models"), ("doctor",), ("schema", "verdicts"), ("--help",)])
def test_a_reader_who_has_enough_ends_a_command_quietly(command: tuple[str, ...]) -> None:
    """`srbench list models | head -1`: code 0 and nothing on stderr, whoever prints (rich, click, print)."""
    left = subprocess.Popen(
        [sys.executable, "-m", "srbench", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert left.stdout is not None
    left.stdout.close()
    _, err = left.communicate()
    assert (left.returncode, err) == (0, "")
