"""What a run remarks though nothing is wrong, once, on stderr; and that no reason is said three times."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Run = Callable[..., Any]
STILL = ("-d", "embedded", "-x", "4", "--limit", "1", "--metrics", "psnr_y")


def remarked(text: str) -> list[str]:
    """The lines of stderr that are remarks."""
    return [line.removeprefix("remark: ") for line in text.splitlines() if line.startswith("remark: ")]


@pytest.mark.parametrize(
    ("option", "remark"),
    [
        (("--split", "3+1"), "--split has no effect on bicubic: only sequence models are split"),
        (("--tile", "64"), "--tile has no effect on bicubic: only networks are tiled"),
        (("--timeout", "1m"), "--timeout has no effect on bicubic: it is for commands"),
        ((), None),
    ],
)
def test_an_option_without_effect_is_remarked(
    srbench: Run, option: tuple[str, ...], remark: str | None
) -> None:
    """An interpolation is neither split nor tiled; the run says so, and exits 0."""
    ran = srbench("run", "-m", "bicubic", *STILL, *option)
    assert ran.code == 0, ran.err
    assert remarked(ran.err) == ([remark] if remark else [])


def test_a_plan_has_the_remarks_too(srbench: Run) -> None:
    """Before anything runs: BasicVSR's weights and the blur that they were not trained for."""
    asked = ("-m", "basicvsr,basicvsr-bd", "-d", "embedded-clip", "-x", "4", "--plan")
    blurred = srbench("run", *asked, "--degradation", "bd-basicvsr").out
    assert "basicvsr on embedded-clip x4: weights trained for bi, measured on bd-basicvsr" in blurred
    assert (
        "basicvsr-bd on embedded-clip x4: weights trained for bd-basicvsr, measured on bi"
        in srbench("run", *asked).out
    )
    assert blurred.count("remark: ") == 1


@pytest.mark.parametrize(("ending", "lossy"), [("jpg", True), ("png", False)])
def test_lossy_outputs_are_remarked(srbench: Run, tmp_path: Path, ending: str, lossy: bool) -> None:
    """JPEG outputs are scored, and the run says that their compression is scored with them."""
    from srbench.data.datasets import open_dataset
    from srbench.protocols import get_protocol

    dataset = open_dataset("embedded", limit=1)
    truth = dataset.source(dataset.items[0], get_protocol("classic", 4)).hr(0)
    Image.fromarray(np.asarray(truth)).save(tmp_path / f"{dataset.items[0].name}.{ending}")
    ran = srbench("score", tmp_path, "--against", "embedded", *STILL[2:])
    assert ran.code == 0, ran.err
    assert len(remarked(ran.err)) == lossy
    assert ("1 of 1 outputs are JPEG: what compression lost is scored too" in ran.err) == lossy


def test_a_failure_is_told_live_and_in_the_summary(srbench: Run, tmp_path: Path) -> None:
    """The row only says that the cell failed; with --quiet, where there is no summary, it says why."""
    (tmp_path / "mine.py").write_text(
        "class Model:\n"
        "    def info(self): return {'scales': [4]}\n"
        "    def load(self, scale, device, dtype): raise ValueError('no such layer')\n"
        "    def predict(self, lr): return lr\n"
    )
    asked = ("run", "-m", f"python:{tmp_path / 'mine.py'},bicubic", *STILL)
    ran = srbench(*asked)
    assert ran.code == 3
    assert ran.out.count("failed") == 1
    assert "no such layer" not in ran.out
    assert ran.err.count("no such layer") == 2
    assert "no such layer" in srbench(*asked, "--quiet").out


def test_skips_are_reasoned_once(srbench: Run) -> None:
    """A scale that a model lacks: `skipped` in the row, why in the summary."""
    ran = srbench("run", "-m", "bicubic,srcnn", *STILL)
    assert "— (skipped)" in ran.out
    assert ran.err.count("no x4: srcnn has x3") == 1


def test_files_of_one_host_that_can_not_be_reached_are_one_line(srbench: Run) -> None:
    """Offline, a dozen checkpoints are missing for one reason: it is said once, with the first files."""
    ran = srbench("run", "-m", "imdn,edsr,vdsr,bicubic", *STILL[:2], "-x", "2,3", *STILL[4:], "--offline")
    assert ran.code == 0, ran.err
    (skipped,) = [line for line in ran.err.splitlines() if line.startswith("skipped ")]
    assert skipped.startswith("skipped edsr on embedded") or skipped.startswith("skipped imdn on embedded")
    assert " and 3 more: expected " in skipped
    assert ".pth" in skipped


def test_a_command_may_take_as_long_as_asked(srbench: Run, tmp_path: Path) -> None:
    """--timeout reaches the command: one that sleeps longer fails in one line that names the option."""
    (tmp_path / "slow.py").write_text("import time; time.sleep(30)")
    model = f"command:{sys.executable} {tmp_path / 'slow.py'} {{input}} {{output}}"
    ran = srbench("run", "-m", model, *STILL, "--timeout", "1s")
    assert ran.code == 3
    assert "still running after 1 s (--timeout)" in ran.err
    last = json.loads((tmp_path / "results" / "runs" / "main" / "journal.jsonl").read_text().splitlines()[-1])
    assert (last["status"], last["item"]) == ("timeout", "")
