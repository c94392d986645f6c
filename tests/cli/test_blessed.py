"""The baseline committed here: whole, and what a fresh run of today's code still scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BLESSED = Path(__file__).resolve().parents[2] / "results" / "blessed"
pytestmark = pytest.mark.skipif(
    not BLESSED.is_dir(), reason="left out: results/blessed is not beside the tests"
)


def test_the_baseline_is_as_it_was_blessed(srbench: Callable[..., Any]) -> None:
    """Its digest fits, and against itself nothing is worse."""
    ran = srbench("gate", BLESSED, "--baseline", BLESSED)
    assert (ran.code, ran.out.splitlines()[0].partition(":")[0]) == (0, "NOTHING IS WORSE")


def test_a_fresh_run_is_not_worse_than_the_baseline(srbench: Callable[..., Any]) -> None:
    """Interpolations on the embedded photographs, image by image; equal to far below the tolerance."""
    run = [
        "run",
        "-m",
        "nearest,bicubic",
        "-d",
        "embedded",
        "-x",
        "4",
        "--metrics",
        "psnr_y,ssim_y",
        "--quiet",
    ]
    assert srbench(*run, "--results", "fresh").code == 0
    only = ["--only", "nearest/embedded/x4", "--only", "bicubic/embedded/x4"]
    found = srbench("compare", BLESSED, "fresh", *only, "--json").json()
    compared = [v for v in found["verdicts"] if v["metric"] in ("psnr_y", "ssim_y")]
    assert [v["outcome"] for v in compared] == ["ok"] * 4
    assert all(abs(v["delta"]) < 2e-6 for v in compared)
