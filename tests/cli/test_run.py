"""What a run computes, what it takes from the journal, and what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srbench.cli.planning import human
from srbench.cli.run import WAITING, parse_budget
from srbench.errors import UsageError
from srbench.image.io import write_png
from srbench.store.journal import read_journal

JOURNAL = Path("results/runs/main/journal.jsonl")
ONE = ("run", "-m", "bicubic", "-d", "embedded", "-x", "4")


def counts(ran: Any) -> tuple[int, int]:
    """Images computed and known before, as the summary says."""
    assert ran.code == 0, ran.err
    line = next(line for line in ran.err.splitlines() if "images computed" in line)
    words = line.replace(",", "").split()
    return int(words[0]), int(words[3])


def test_a_second_run_computes_nothing(srbench: Callable[..., Any]) -> None:
    """The journal answers; no record is added."""
    assert counts(srbench(*ONE, "--metrics", "psnr_y")) == (5, 0)
    before = JOURNAL.read_bytes()
    assert counts(srbench(*ONE, "--metrics", "psnr_y")) == (0, 5)
    assert JOURNAL.read_bytes() == before


def test_an_added_metric_keeps_the_old_values(srbench: Callable[..., Any]) -> None:
    """Adding SSIM invalidates no PSNR: both stand in one row."""
    first = srbench(*ONE, "--metrics", "psnr_y", "--json").json()["cells"][0]["items"]
    both = srbench(*ONE, "--metrics", "psnr_y,ssim_y", "--json").json()["cells"][0]["items"]
    assert {name: scores["psnr_y"] for name, scores in both.items()} == {
        name: scores["psnr_y"] for name, scores in first.items()
    }
    assert all("ssim_y" in scores for scores in both.values())


def test_an_added_metric_needs_no_second_inference(
    srbench: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With kept predictions, a metric added later is computed although the model can't run any more."""
    from srbench.adapters.interpolation import Interpolation

    assert counts(srbench(*ONE, "--metrics", "psnr_y", "--save-predictions")) == (5, 0)
    monkeypatch.setattr(Interpolation, "upscale", lambda *_: pytest.fail("inference ran again"))
    assert counts(srbench(*ONE, "--metrics", "psnr_y,ssim_y")) == (5, 0)


def test_a_part_is_another_dataset_and_its_scores_serve_the_whole(srbench: Callable[..., Any]) -> None:
    """`--limit 2` is `embedded[2]`; the whole set later takes over its two images."""
    part = srbench(*ONE, "--limit", "2", "--metrics", "psnr_y", "--json")
    assert part.json()["cells"][0]["dataset"] == "embedded[2]"
    whole = srbench(*ONE, "--metrics", "psnr_y")
    assert counts(whole) == (3, 2)
    names = {record.cell.dataset: record.items for record in read_journal(JOURNAL)}
    assert names == {"embedded[2]": 2, "embedded": 5}


def test_a_metric_that_can_not_be_had_is_a_dash_with_a_reason(
    srbench: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without network or cache LPIPS is absent and says why; the exit code is 0, or 3 with --strict."""
    monkeypatch.setenv("SRBENCH_HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("SRBENCH_OFFLINE", "1")
    command = (*ONE, "--limit", "1", "--metrics", "psnr_y,lpips")
    cell = srbench(*command, "--json").json()["cells"][0]
    assert cell["status"] == "done"
    assert "psnr_y" in cell["metrics"]
    assert "SRBENCH_OFFLINE" in cell["absent"]["lpips"]
    before = JOURNAL.read_bytes()
    again = srbench(*command)
    assert "no lpips: " in again.err
    assert "lpips —" in again.out
    assert JOURNAL.read_bytes() == before, "nothing is computed again for a metric that is still absent"
    assert srbench(*command, "--strict").code == 3


def test_an_image_too_small_for_a_metric(
    srbench: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 12x12 image has a PSNR; SSIM's 11x11 window does not fit inside its border, and says so."""
    monkeypatch.setenv("SRBENCH_HOME", str(tmp_path / "home"))
    rng = np.random.default_rng(3)
    write_png(tmp_path / "tiny" / "a.png", rng.integers(0, 256, (12, 12, 3), np.uint8))
    assert srbench("data", "add", "tiny", tmp_path / "tiny").code == 0
    cell = srbench(
        "run", "-m", "nearest", "-d", "tiny", "-x", "2", "--metrics", "psnr_y,ssim_y", "--json"
    ).json()["cells"][0]
    assert "psnr_y" in cell["metrics"]
    assert "ssim_y" not in cell["metrics"]
    assert "11" in cell["absent"]["ssim_y"]


def test_rgb_metrics_under_a_luma_protocol(srbench: Callable[..., Any]) -> None:
    """Under `vdsr` there is no RGB: LPIPS is a dash with that reason, Y is scored."""
    cell = srbench(
        *ONE, "--limit", "1", "--protocol", "vdsr", "--metrics", "psnr_y,psnr_rgb", "--json"
    ).json()["cells"][0]
    assert list(cell["metrics"]) == ["psnr_y"]
    assert "vdsr" in cell["absent"]["psnr_rgb"]


def test_a_scale_a_model_lacks_is_a_skipped_row(srbench: Callable[..., Any]) -> None:
    """Asked for explicitly, it stays visible with its reason; skipping exits 0, with --strict 3."""
    command = (
        "run",
        "-m",
        "srcnn,nearest",
        "-d",
        "embedded",
        "-x",
        "2",
        "--limit",
        "1",
        "--metrics",
        "psnr_y",
    )
    cells = {cell["model"]: cell for cell in srbench(*command, "--json").json()["cells"]}
    assert cells["srcnn"]["status"] == "skipped"
    assert "x3" in cells["srcnn"]["reason"]
    assert cells["nearest"]["status"] == "done"
    assert srbench(*command).code == 0
    assert srbench(*command, "--strict").code == 3


def test_nothing_measured(srbench: Callable[..., Any]) -> None:
    """A run in which everything was skipped is neither a success nor a failure: code 4."""
    ran = srbench("run", "-m", "srcnn", "-d", "embedded", "-x", "2", "--metrics", "psnr_y")
    assert ran.code == 4
    assert "x3" in ran.err


@pytest.mark.usefixtures("fresh_registry")
def test_a_model_that_fails_on_its_second_image(srbench: Callable[..., Any], tmp_path: Path) -> None:
    """What it did before stays recorded, its row names the image, the other model is whole."""
    plugin = tmp_path / "flaky.py"
    plugin.write_text(
        "import torch.nn.functional as F\n"
        "from srbench import Adapter, ModelInfo, register_model\n"
        "class Flaky(Adapter):\n"
        "    calls = 0\n"
        "    def predict(self, lr):\n"
        "        Flaky.calls += 1\n"
        "        if Flaky.calls == 2: raise RuntimeError('second image')\n"
        "        return F.interpolate(lr, scale_factor=self.scale)\n"
        "register_model(ModelInfo(name='flaky', title='Flaky', family='x', scales=(4,)), Flaky)\n"
    )
    ran = srbench("run", "-m", "flaky,nearest", *ONE[3:], "--metrics", "psnr_y", "--plugin", plugin, "--json")
    assert ran.code == 3
    cells = {cell["model"]: cell for cell in ran.json()["cells"]}
    assert (cells["flaky"]["status"], cells["flaky"]["n"]) == ("failed", 1)
    assert "second image" in cells["flaky"]["reason"]
    assert (cells["nearest"]["status"], cells["nearest"]["n"]) == ("done", 5)


def test_clips_stand_under_the_video_protocol(srbench: Callable[..., Any]) -> None:
    """The embedded clip is one item of ten frames; each frame's value is kept."""
    cell = srbench("run", "-m", "bicubic", "-d", "embedded-clip", "--metrics", "psnr_y", "--json").json()[
        "cells"
    ][0]
    assert (cell["protocol"], cell["n"], cell["status"]) == ("video", 1, "done")
    (record,) = read_journal(JOURNAL)
    assert record.frames == len(record.scores["psnr_y"].values) == 10
    assert cell["metrics"]["psnr_y"] == pytest.approx(np.mean(record.scores["psnr_y"].values), abs=1e-12)


def test_video_models_run_on_stills_only_when_named(srbench: Callable[..., Any]) -> None:
    """All models on a still set are the still ones; named, a video model takes a still as a clip."""
    every = srbench("run", "-d", "embedded", "--plan", "--json").json()["cells"]
    assert not [cell for cell in every if cell["model"].startswith("basicvsr")]
    named = srbench("run", "-m", "basicvsr", "-d", "embedded", "--plan", "--json").json()["cells"]
    assert [cell["skip"] for cell in named] == [""]


def test_json_is_one_object_and_nothing_else(srbench: Callable[..., Any]) -> None:
    """Progress and summary go to stderr."""
    ran = srbench(*ONE, "--limit", "1", "--metrics", "psnr_y", "--json")
    assert set(json.loads(ran.out)) == {"cells"}
    assert "images computed" in ran.err


def test_why_names_the_field_that_differs(srbench: Callable[..., Any]) -> None:
    """`srbench why` says cached, never computed, or which named field changed."""
    asked = ("-m", "bicubic", "-d", "embedded", "-x", "4", "--limit", "1", "--metrics", "psnr_y")
    assert "bicubic on embedded[1] x4 astronaut: never computed" in srbench("why", *asked).out
    srbench("run", *asked)
    assert "astronaut: cached" in srbench("why", *asked).out
    other = srbench("why", *asked, "--flavour", "matlab-replicate-u8", "--json").json()["items"][0]["why"]
    assert any(reason.startswith("degradation: bi:matlab-symmetric-u8") for reason in other)
    assert "ssim_y: not scored" in srbench("why", *asked[:-1], "psnr_y,ssim_y").out
    journal = JOURNAL.read_text()
    fingerprint = json.loads(journal)["key_fields"]["fingerprint"]
    JOURNAL.write_text(
        journal.replace(fingerprint, "0" * 16).replace(
            json.loads(journal)["scores"]["psnr_y"]["key"], "1" * 16
        )
    )
    assert f"fingerprint: {'0' * 16} then, {fingerprint} now" in srbench("why", *asked).out


def test_plan_prints_cells_cache_and_reasons(srbench: Callable[..., Any]) -> None:
    """The plan counts what is cached and to do, and says why a cell would be skipped."""
    srbench(*ONE, "--limit", "2", "--metrics", "psnr_y")
    plan = srbench(
        "run",
        "-m",
        "bicubic,srcnn",
        "-d",
        "embedded",
        "-x",
        "4",
        "--limit",
        "2",
        "--metrics",
        "psnr_y",
        "--plan",
    )
    assert "0 images to do, 2 cached" in plan.out
    assert "skip srcnn on embedded[2] x4" in plan.out
    cells = srbench("run", *ONE[1:], "--plan", "--json").json()["cells"]
    assert cells[0]["todo"] == ["astronaut", "camera", "chelsea", "coffee", "rocket"]
    assert cells[0]["seconds"] > 0


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("0s", 0), ("1.5s", 1.5)]
)
def test_budgets(text: str, seconds: float) -> None:
    """Seconds, minutes and hours, joined as people write them."""
    assert parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5", "10 m 3", "m"])
def test_budgets_that_are_none(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(UsageError, match="10m"):
        parse_budget(text)


def test_times_for_people() -> None:
    """A plan's times are rounded to what they are worth."""
    assert [human(s) for s in (0, 0.2, 42.4, 200, 3900)] == ["0 s", "<1 s", "42 s", "3 min", "1 h 05 min"]


def test_openmp_waits_asleep_before_torch_is_loaded_unless_the_user_chose(tmp_path: Path) -> None:
    """`srbench run` leaves cores to reading and scoring: the policy is set in time, kept, and on record."""
    plugin = tmp_path / "seen.py"
    plugin.write_text(
        "import os, sys\n"
        "from srbench import ModelInfo, register_model\n"
        "print('torch' in sys.modules, os.environ['OMP_WAIT_POLICY'])\n"
        "register_model(ModelInfo(name='seen', title='seen', family='test', scales=(2,)), object)\n"
    )
    command = [sys.executable, "-m", "srbench", "run", "-m", "bicubic", "-d", "embedded"]
    command += ["-x", "4", "--limit", "1", "--metrics", "psnr_y"]
    for given, kept in ({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE"):
        folder = tmp_path / kept
        environment = {name: value for name, value in os.environ.items() if name not in WAITING} | given
        done = subprocess.run(
            [*command, "--plugin", str(plugin), "--results", str(folder)],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert f"False {kept}\n" in done.stderr
        (provenance,) = (folder / "provenance").iterdir()
        assert json.loads(provenance.read_text())["environment"]["OMP_WAIT_POLICY"] == kept
