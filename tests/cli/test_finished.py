"""A finished plan costs looking it up: nothing is computed, hashed again or loaded for computing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srbench.image.io import write_png

KERNELS = ("nearest", "bilinear", "bicubic", "lanczos")
FLAVOURS = ("matlab-replicate-u8", "matlab-symmetric-u8", "matlab-symmetric-double")
MODELS = [*KERNELS, *(f"{kernel}:{flavour}" for kernel in KERNELS for flavour in FLAVOURS)]
NETWORK = """
from srbench import Adapter


class Repeat(Adapter):
    def predict(self, lr):
        return lr.repeat_interleave(self.scale, 2).repeat_interleave(self.scale, 3)
"""
PLUGIN = """
from srbench import ModelInfo, register_model

for number in range(4):
    info = ModelInfo(name=f"net{number}", title="Net", family="mine", scales=(2,))
    register_model(info, "finished_network:Repeat")  # by name: nothing of torch to list or plan
"""
PROBE = """
import json, sys
from srbench.fetch import digests
hashed, real = [], digests.sha256_of
digests.sha256_of = lambda path: (hashed.append(str(path)), real(path))[1]
from srbench.cli import run_main
code = run_main(json.loads(sys.argv[1]))
print(json.dumps([code, hashed, sorted(set(sys.modules) & {"torch", "lpips"})]), file=sys.stderr)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own, with five sets of small images of the user's."""
    from srbench.data.datasets import add_dataset

    monkeypatch.setenv("SRBENCH_HOME", str(tmp_path / "home"))
    chance = np.random.default_rng(0)
    for number in range(5):
        for image in ("a", "b"):
            pixels = chance.integers(0, 256, (24, 32, 3), dtype=np.uint8)
            file = tmp_path / f"own{number}" / f"{image}.png"
            write_png(file, pixels)
            os.utime(file, (1e9, 1e9))  # what was written just now would be hashed once more
        add_dataset(f"own{number}", tmp_path / f"own{number}")
    return tmp_path / "home"


def test_a_finished_plan_of_twenty_models_and_five_sets_is_only_looked_up(
    home: Path, tmp_path: Path, srbench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second run: the same answer and journal; no image computed, no file hashed, no torch imported."""
    (tmp_path / "plugin.py").write_text(PLUGIN, "utf-8")
    (tmp_path / "finished_network.py").write_text(NETWORK, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    models = ",".join([*MODELS, *(f"net{number}" for number in range(4))])
    command = ["run", "-m", models, "-d", "own*", "-x", "2", "--metrics", "psnr_y,ssim_y"]
    command += ["--plugin", "plugin.py", "--results", "runs", "--json"]
    first = srbench(*command)
    assert "200 images computed, 0 known before" in first.err
    journal = (tmp_path / "runs" / "journal.jsonl").read_bytes()

    again = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(command)], capture_output=True, text=True, check=True
    )
    assert "0 images computed, 200 known before" in again.stderr
    assert json.loads(again.stdout) == first.json()
    code, hashed, computing = json.loads(again.stderr.splitlines()[-1])
    assert (code, hashed, computing) == (0, [], [])
    assert (tmp_path / "runs" / "journal.jsonl").read_bytes() == journal
