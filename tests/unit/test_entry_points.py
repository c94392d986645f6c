"""Installed packages bring models, metrics and datasets; broken ones are named and left out."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srbench.image.io import pixels_sha256, read_image, write_png

ADAPTER = """
import srbench

class Twice(srbench.Adapter):
    def load(self, device, dtype):
        pass
    def predict(self, lr):
        return lr.repeat_interleave(2, 2).repeat_interleave(2, 3)
"""
SPOTS = """
from srbench.metrics.base import Metric

class Spots(Metric):
    signature = "spots:tinysr-1.0"
    def prepare(self, hr):
        return hr
    def score(self, sr, hr):
        return float((sr != hr).any(axis=2).sum())
"""
PLUGIN = """
from pathlib import Path
from srbench import ModelInfo, MetricInfo, register_dataset, register_metric, register_model

def models():
    register_model(ModelInfo(name="twice", title="Twice", family="tiny", scales=(2,)), "tinysr.adapter:Twice")

def metrics():
    info = MetricInfo("spots", "Differing pixels", "", "lower", 0, "rgb", False, "0 for equal images")
    register_metric(info, "tinysr.spots:Spots")

def datasets():
    register_dataset("tinyset", Path(__file__).parent / "tinyset.toml")

def misnamed():
    register_dataset("othername", Path(__file__).parent / "tinyset.toml")

def missing():
    register_dataset("nofile", Path(__file__).parent / "gone.toml")

def failing():
    raise RuntimeError("no licence")

def taken():
    register_model(ModelInfo(name="bicubic", title="", family="", scales=(2,)), "tinysr.adapter:Twice")
"""
ENTRY_POINTS = """
[srbench.models]
twice = tinysr.plugin:models
failing = tinysr.plugin:failing
unimportable = tinysr.nowhere:models
thief = tinysr.plugin:taken

[srbench.metrics]
spots = tinysr.plugin:metrics

[srbench.datasets]
tinyset = tinysr.plugin:datasets
misnamed = tinysr.plugin:misnamed
missing = tinysr.plugin:missing
"""


@dataclass(frozen=True)
class Site:
    """A folder of installed packages."""

    folder: Path

    def srbench(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """A command line of a fresh interpreter that has these packages installed."""
        code = f"import sys; sys.path.insert(0, {str(self.folder)!r}); from srbench.cli import main; main()"
        return subprocess.run(
            [sys.executable, "-c", code, *argv], capture_output=True, text=True, check=False
        )


@pytest.fixture
def site(tmp_path: Path, empty_home: Path) -> Site:
    """`tinysr` as an installer leaves it: the package, and its metadata beside it."""
    package, metadata = tmp_path / "site" / "tinysr", tmp_path / "site" / "tinysr-1.0.dist-info"
    package.mkdir(parents=True)
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: tinysr\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    for name, text in {"__init__": "", "adapter": ADAPTER, "spots": SPOTS, "plugin": PLUGIN}.items():
        (package / f"{name}.py").write_text(text)
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    write_png(package / "noise.png", image)
    (package / "tinyset.toml").write_text(_manifest(package / "noise.png"))
    return Site(tmp_path / "site")


def _manifest(image: Path) -> str:
    import hashlib

    content, pixels = image.read_bytes(), pixels_sha256(read_image(image))
    frame = f'item = "noise", path = "noise.png", bytes = {len(content)}, shape = [48, 64, 3]'
    return f"""
schema = 1
name = "tinyset"
title = "Noise"
kind = "still"
scales = [2]
licence = "CC0"
publish = "whole"
package = "tinysr"
frames = [
  {{ {frame}, sha256 = "{hashlib.sha256(content).hexdigest()}", pixels = "{pixels}" }},
]
"""


def test_package_brings_a_model_a_metric_and_a_dataset(site: Site) -> None:
    """What an installed package registers runs together, without a word on the command line."""
    ran = site.srbench("run", "-m", "twice", "-d", "tinyset", "--metrics", "psnr_y,spots", "--json")
    assert ran.returncode == 0, ran.stderr
    (cell,) = json.loads(ran.stdout)["cells"]
    assert (cell["model"], cell["dataset"], cell["scale"], cell["status"]) == ("twice", "tinyset", 2, "done")
    assert 0 < cell["metrics"]["spots"] <= 48 * 64
    assert cell["metrics"]["psnr_y"] > 5


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("failing", "RuntimeError: no licence"),
        ("unimportable", "ModuleNotFoundError: No module named 'tinysr.nowhere'"),
        ("thief", "expected a new name, got 'bicubic', taken (built in)"),
    ],
)
def test_broken_entry_point_is_named_and_left_out(site: Site, name: str, reason: str) -> None:
    """An entry point that fails is named with its reason; everything else goes on."""
    ran = site.srbench("list", "models")
    assert ran.returncode == 0
    assert f"left out: plugin {name}: " in ran.stderr
    assert reason in ran.stderr
    assert "twice" in ran.stdout
    assert "bicubic" in ran.stdout


@pytest.mark.parametrize(
    ("name", "reason"), [("othername", "the manifest of othername, got 'tinyset'"), ("nofile", "gone.toml")]
)
def test_broken_dataset_is_named_and_left_out(site: Site, name: str, reason: str) -> None:
    """A manifest that can't be read is named when sets are listed; its set isn't offered."""
    ran = site.srbench("list", "datasets", "--json")
    assert [row["name"] for row in json.loads(ran.stdout)["datasets"]][-1] == "tinyset"
    ran = site.srbench("list", "datasets")
    assert f"left out: plugin {name}: " in ran.stderr
    assert reason in ran.stderr


def test_doctor_names_broken_plugins(site: Site) -> None:
    """`srbench doctor` lists what was left out."""
    found: dict[str, Any] = json.loads(site.srbench("doctor", "--json").stdout)
    assert {"failing", "unimportable", "thief"} <= {plugin["name"] for plugin in found["broken plugins"]}


def test_plugins_set_keeps_its_name(site: Site) -> None:
    """A user can't shadow a set that a plugin brings."""
    ran = site.srbench("data", "add", "tinyset", str(site.folder / "tinysr"))
    assert ran.returncode == 2
    assert "got 'tinyset', which a plugin brings" in ran.stderr
