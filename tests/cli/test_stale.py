"""A result is computed again when any file that made it has changed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ASKED = ("-d", "embedded", "-x", "2", "--limit", "1", "--metrics", "psnr_y", "--json", "--quiet")
NET = """
import torch.nn.functional as F
from helper import MODE

class Model:
    def info(self):
        return {"scales": [2]}
    def load(self, scale, device, dtype):
        pass
    def predict(self, lr):
        return F.interpolate(lr, scale_factor=2, mode=MODE)
"""
PLUGIN = """
import torch.nn.functional as F
from helper import MODE
from srbench import Adapter, ModelInfo, register_model

class Net(Adapter):
    def predict(self, lr):
        return F.interpolate(lr, scale_factor=2, mode=MODE)

register_model(ModelInfo(name="net", title="Net", family="x", scales=(2,)), Net)
"""
ENLARGE = """
import sys
from PIL import Image
image = Image.open(sys.argv[1])
way = int(open(sys.argv[3].partition("=")[2]).read())
image.resize((image.width * 2, image.height * 2), way).save(sys.argv[2])
"""


def psnr(*model: str) -> float:
    """The score of a model, in a process of its own."""
    command = [sys.executable, "-m", "srbench", "run", *model, *ASKED]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    (cell,) = json.loads(ran.stdout)["cells"]
    return float(cell["metrics"]["psnr_y"])


@pytest.mark.parametrize(
    ("source", "model"),
    [(NET, ("-m", "python:net.py")), (PLUGIN, ("-m", "net", "--plugin", "net.py"))],
    ids=["python:FILE", "--plugin"],
)
def test_a_module_beside_the_model_counts(
    monkeypatch: pytest.MonkeyPatch, source: str, model: tuple[str, ...]
) -> None:
    """Editing `helper.py`, which the model imports, gives the new helper's score, not the old one."""
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()), prepend=":")
    Path("net.py").write_text(source)
    Path("helper.py").write_text("MODE = 'nearest'\n")
    nearest = psnr(*model)
    Path("helper.py").write_text("MODE = 'bicubic'\n")
    assert psnr(*model) > nearest + 1


def test_a_file_given_to_an_option_of_a_command_counts() -> None:
    """Editing the file behind `--way=FILE` runs the command again."""
    Path("enlarge.py").write_text(ENLARGE)
    command = f"command:{sys.executable} enlarge.py {{input}} {{output}} --way=way.txt"
    Path("way.txt").write_text("0")
    nearest = psnr("-m", command)
    Path("way.txt").write_text("3")
    assert psnr("-m", command) > nearest + 1
