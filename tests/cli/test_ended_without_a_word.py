"""A model that ends the whole process: nothing is lost, and the next run says which one it was."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from srbench.runner.unfinished import NAME, Unfinished

MODEL = (
    "import {module}\n"
    "class Model:\n"
    "    def info(self): return {{'scales': [4]}}\n"
    "    def load(self, scale, device, dtype): self.images = 0\n"
    "    def predict(self, lr):\n"
    "        self.images += 1\n"
    "        if self.images == 2: {end}\n"
    "        return lr.repeat_interleave(4, 2).repeat_interleave(4, 3)\n"
)
ENDS = {"leaves": ("os", "os._exit(0)"), "crashes": ("ctypes", "ctypes.string_at(0)")}


def run(folder: Path, model: str) -> subprocess.CompletedProcess[str]:
    """A run in a process of its own."""
    asked = ("-m", f"nearest,{model}", "-d", "embedded", "-x", "4", "--limit", "3", "--metrics", "psnr_y")
    argv = [sys.executable, "-m", "srbench", "run", *asked]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("end", ENDS)
def test_the_next_run_names_the_model(tmp_path: Path, end: str) -> None:
    """What was finished stays; the file names model, set and image; the next run says so and goes on."""
    module, statement = ENDS[end]
    mine = tmp_path / "mine.py"
    mine.write_text(MODEL.format(module=module, end=statement))
    first = run(tmp_path, "python:mine.py")
    assert "without a word" not in first.stderr
    if end == "crashes":
        assert "Segmentation fault" in first.stderr
        assert "mine.py" in first.stderr
    left = (tmp_path / "results/runs/main" / NAME).read_text()
    assert left.startswith("python:mine on embedded[3] x4 (")
    mine.write_text(MODEL.format(module=module, end="pass"))
    again = run(tmp_path, "python:mine.py")
    assert again.returncode == 0, again.stderr
    assert (
        again.stderr.count(f"ended without a word while it computed {left.strip()}: it was killed, or") == 1
    )
    assert not (tmp_path / "results/runs/main" / NAME).exists()


def test_an_error_or_an_interruption_leaves_no_file(tmp_path: Path) -> None:
    """Whatever Python still handles is an end with a word."""
    for error in (KeyboardInterrupt, RuntimeError, SystemExit):
        with suppress(error), Unfinished(tmp_path) as unfinished:
            unfinished.note("a longer name than the next")
            unfinished.note("short")
            assert (tmp_path / NAME).read_text().strip() == "short"
            raise error
        assert not (tmp_path / NAME).exists()
