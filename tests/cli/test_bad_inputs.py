"""Whatever goes in, one line comes out: expected, got, what to do; and the right exit code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from srbench.data.datasets import open_dataset
from srbench.image.io import write_png

FAST = ("--metrics", "psnr_y", "--quiet")
SCORE = ("--against", "embedded", "-x", "4", "--limit", "1", *FAST)
RUN = ("run", "-m", "nearest", "-d", "embedded", "-x", "4", "--limit", "1", *FAST)


def complaint(ran: Any, code: int) -> str:
    """The one line a failed command leaves on stderr."""
    assert ran.code == code, ran.err
    assert "Traceback" not in ran.err
    lines: list[str] = [line for line in ran.err.splitlines() if line.startswith("srbench: error: ")]
    assert len(lines) == 1, ran.err
    return lines[0]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["rnu"], ["'rnu'", "run"]),
        (["run"], ["--all", "srbench run -d embedded"]),
        (["run", "--foo"], ["--foo", "srbench run --help"]),
        (["run", "-m", "bicubik", "-d", "embedded"], ["'bicubik'", "bicubic"]),
        (["run", "-m", "bicubic", "-d", "set55"], ["'set55'", "set5"]),
        (["run", "-m", "bicubic:matlab", "-d", "embedded"], ["'matlab'", "matlab-symmetric-u8"]),
        (["run", "-d", "embedded", "--metrics", "psnr"], ["'psnr'", "psnr_y"]),
        (["run", "-d", "embedded", "--protocol", "clasic"], ["'clasic'", "classic"]),
        (["run", "-d", "embedded", "--flavour", "pil"], ["'pil'", "matlab-symmetric-u8"]),
        (["run", "-d", "embedded", "-x", "abc"], ["'abc'", "-x 4"]),
        (["run", "-d", "embedded", "-x", "1"], ["'1'", "-x 4"]),
        (["run", "-d", "embedded", "-x", "99"], ["x99", "x2, x3, x4"]),
        (["run", "-d", "embedded", "--limit", "0"], ["--limit", "0"]),
        (["run", "-d", "embedded", "--budget", "soon"], ["'soon'", "10m"]),
        (["run", "-d", "embedded", "--gray", "blue"], ["blue", "rgb"]),
        (["run", "-d", "embedded", "--plugin", "nowhere.py"], ["nowhere.py", "--plugin"]),
        (["score", "nowhere", "--against", "set5", "-x", "4"], ["'nowhere'", "DIR"]),
        (["score", ".", "--against", "set55", "-x", "4"], ["'set55'", "set5"]),
        (["score", ".", "--against", "embedded"], ["scale", "-x 4"]),
        (["score", ".", *SCORE], ["'astronaut'", "add it"]),
        (["data", "fetch", "sett5"], ["'sett5'", "set5"]),
        (["data", "add", "mine", "nowhere"], ["'nowhere'", "path"]),
        (["data", "add", "mine", "."], ["images", "none"]),
        (["data", "add", "../mine", "."], ["'../mine'", "name"]),
        (["info", "srcn"], ["'srcn'", "srcnn"]),
        (["list", "modles"], ["modles", "models"]),
        (["report", "--results", "nowhere"], ["nowhere", "run srbench first"]),
        (["report", "--format", "pdf"], ["'pdf'", "html"]),
        (["list", "results", "--results", "nowhere"], ["nowhere", "run srbench first"]),
    ],
    ids=lambda part: (
        " ".join(part) if isinstance(part, list) and part[0] in ("run", "score", "data") else None
    ),
)
def test_bad_arguments(srbench: Callable[..., Any], argv: list[str], words: list[str]) -> None:
    """A wrong name, number or path is a usage error that names it and what would do."""
    line = complaint(srbench(*argv), 2)
    for word in words:
        assert word in line


# ------------------------------------------------------------------------- images one can't score


@pytest.fixture
def truth() -> np.ndarray:
    """The first embedded photograph: uint8 (512, 512, 3)."""
    dataset = open_dataset("embedded", limit=1)
    with Image.open(dataset.files["astronaut"][0]) as image:
        return np.asarray(image)


def _truncated(path: Path, truth: np.ndarray) -> None:
    write_png(path, truth)
    path.write_bytes(path.read_bytes()[:5000])


def _save(path: Path, image: Image.Image) -> None:
    image.save(path)


BAD_IMAGES: dict[str, tuple[Callable[[Path, np.ndarray], object], str]] = {
    "empty": (lambda path, truth: path.write_bytes(b""), "empty"),
    "truncated": (_truncated, "astronaut.png"),
    "html": (lambda path, truth: path.write_text("<!doctype html><title>404</title>"), "HTML"),
    "text": (lambda path, truth: path.write_text("not an image"), "astronaut.png"),
    "16-bit": (
        lambda path, truth: _save(path, Image.fromarray(truth[..., 0].astype(np.uint16) * 257)),
        "more than 8 bits",
    ),
    "alpha": (lambda path, truth: _save(path, Image.fromarray(truth).convert("RGBA")), "alpha"),
    "gray": (lambda path, truth: write_png(path, truth[..., 0]), "gray"),
    "1x1": (lambda path, truth: write_png(path, truth[:1, :1]), "1x1"),
    "wrong size": (lambda path, truth: write_png(path, truth[:510]), "510x512"),
    "wrong scale": (lambda path, truth: write_png(path, truth[::2, ::2]), "256x256"),
    "folder": (lambda path, truth: path.mkdir(), "astronaut"),
}


@pytest.mark.parametrize("kind", BAD_IMAGES)
def test_outputs_that_can_not_be_scored(
    srbench: Callable[..., Any], tmp_path: Path, truth: np.ndarray, kind: str
) -> None:
    """A bad output is named in one line, nothing is scored, and the exit code is not 0."""
    make, word = BAD_IMAGES[kind]
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    make(outputs / "astronaut.png", truth)
    ran = srbench("score", outputs, *SCORE[:-1])
    assert ran.code in (2, 3), ran.err
    assert "Traceback" not in ran.err
    assert word in ran.err
    assert "psnr" not in ran.out.lower() or "—" in ran.out


def test_a_right_output_among_them_is_scored(
    srbench: Callable[..., Any], tmp_path: Path, truth: np.ndarray
) -> None:
    """The same folder with the ground truth itself scores infinite, stored as the string inf."""
    write_png(tmp_path / "outputs" / "astronaut_MyNet_x4.png", truth)
    ran = srbench("score", tmp_path / "outputs", *SCORE, "--json")
    assert ran.code == 0, ran.err
    cell = ran.json()["cells"][0]
    assert cell["metrics"]["psnr_y"] == "inf"
    assert cell["n_inf"] == {"psnr_y": 1}
    assert cell["dataset"] == "embedded[1]"


def test_two_outputs_for_one_image(srbench: Callable[..., Any], tmp_path: Path, truth: np.ndarray) -> None:
    """Two files that fit equally well are both named; none is chosen silently."""
    for name in ("astronaut_a.png", "astronaut_b.png"):
        write_png(tmp_path / "outputs" / name, truth)
    line = complaint(srbench("score", tmp_path / "outputs", *SCORE), 2)
    assert "astronaut_a.png" in line
    assert "astronaut_b.png" in line


# -------------------------------------------------------------------------------- broken plugins

PLUGINS = {
    "syntax error": ("def broken(:\n", 2, "SyntaxError"),
    "raises": ("raise RuntimeError('no GPU here')\n", 2, "no GPU here"),
    "registers nothing": ("x = 1\n", 2, "register_model"),
    "taken name": ("REGISTER('bicubic', lambda x, s: x)\n", 2, "bicubic"),
    "fails": ("REGISTER('mine', lambda x, s: 1 / 0)\n", 3, "ZeroDivisionError"),
    "wrong scale": ("REGISTER('mine', lambda x, s: x)\n", 3, "scale"),
    "not finite": ("REGISTER('mine', lambda x, s: up(x, s) * float('nan'))\n", 3, "finite"),
    "wrong channels": ("REGISTER('mine', lambda x, s: up(x, s)[:, :1])\n", 3, "channels"),
    "not a tensor": ("REGISTER('mine', lambda x, s: 'image')\n", 3, "str"),
}
PRELUDE = """
import torch.nn.functional as F
from srbench import Adapter, ModelInfo, register_model

def up(x, s):
    return F.interpolate(x, scale_factor=s, mode="nearest")

def REGISTER(name, forward):
    class Mine(Adapter):
        def predict(self, lr):
            return forward(lr, self.scale)
    register_model(ModelInfo(name=name, title=name, family="mine", scales=(2, 3, 4)), Mine)
"""


@pytest.mark.usefixtures("fresh_registry")
@pytest.mark.parametrize("kind", PLUGINS)
def test_broken_plugins(srbench: Callable[..., Any], tmp_path: Path, kind: str) -> None:
    """A plugin that can't be loaded is a usage error; one that breaks the contract fails its cell alone."""
    source, code, word = PLUGINS[kind]
    plugin = tmp_path / "plugin.py"
    plugin.write_text(PRELUDE + source)
    models = ["-m", "mine,nearest"] if code == 3 else ["-m", "nearest"]
    ran = srbench("run", *models, *RUN[3:], "--plugin", plugin, "--json")
    assert ran.code == code, ran.err
    assert "Traceback" not in ran.err
    said = ran.err if code == 2 else json.dumps(ran.json())
    assert word in said
    if code == 3:
        cells = {cell["model"]: cell["status"] for cell in ran.json()["cells"]}
        assert cells == {"mine": "failed", "nearest": "done"}


# --------------------------------------------------------------------------- files that are not right


def test_a_results_folder_that_is_a_file(srbench: Callable[..., Any], tmp_path: Path) -> None:
    """Results that can't be written are said so before anything is computed."""
    (tmp_path / "file").write_text("")
    line = complaint(srbench(*RUN, "--results", tmp_path / "file"), 2)
    assert "file" in line


def test_a_journal_damaged_in_the_middle(srbench: Callable[..., Any], tmp_path: Path) -> None:
    """A line that is broken before the last one is an integrity error, and nothing is rewritten."""
    assert srbench(*RUN, "--results", tmp_path / "r").code == 0
    journal = tmp_path / "r" / "journal.jsonl"
    damaged = journal.read_text().replace('"scores"', '"scor', 1) + journal.read_text()
    journal.write_text(damaged)
    line = complaint(srbench(*RUN, "--results", tmp_path / "r"), 5)
    assert "line 1" in line
    assert journal.read_text() == damaged


def test_a_journal_of_a_newer_srbench(srbench: Callable[..., Any], tmp_path: Path) -> None:
    """A newer schema asks for an upgrade instead of guessing."""
    assert srbench(*RUN, "--results", tmp_path / "r").code == 0
    journal = tmp_path / "r" / "journal.jsonl"
    journal.write_text(journal.read_text().replace('"schema":1', '"schema":99'))
    assert "upgrade" in complaint(srbench(*RUN, "--results", tmp_path / "r"), 5)


def test_a_user_manifest_with_an_unknown_field(
    srbench: Callable[..., Any], tmp_path: Path, truth: np.ndarray
) -> None:
    """A typo in a dataset's manifest is refused, not swallowed."""
    write_png(tmp_path / "mine" / "a.png", truth)
    assert srbench("data", "add", "mine", tmp_path / "mine").code == 0
    manifest = Path(os.environ["SRBENCH_HOME"]) / "datasets" / "mine.toml"
    manifest.write_text("scalez = [2]\n" + manifest.read_text())
    try:
        assert "scalez" in complaint(srbench("run", "-m", "nearest", "-d", "mine", *FAST), 2)
    finally:
        manifest.unlink()


def test_an_image_that_changed_after_it_was_added(
    srbench: Callable[..., Any], tmp_path: Path, truth: np.ndarray
) -> None:
    """A user's image with other pixels than were added is no longer that dataset."""
    write_png(tmp_path / "changing" / "a.png", truth)
    write_png(tmp_path / "changing" / "b.png", truth[::-1].copy())
    assert srbench("data", "add", "changing", tmp_path / "changing").code == 0
    write_png(tmp_path / "changing" / "a.png", truth[:, ::-1].copy())
    try:
        verified = srbench("data", "verify", "changing")
        assert verified.code == 5
        assert "a" in verified.err
        ran = srbench("run", "-m", "nearest", "-d", "changing", "-x", "4", *FAST, "--json")
        assert [cell["dataset"] for cell in ran.json()["cells"]] == ["changing[1]"]
    finally:
        (Path(os.environ["SRBENCH_HOME"]) / "datasets" / "changing.toml").unlink()


def test_a_mirror_with_wrong_bytes(
    srbench: Callable[..., Any], shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is not what its digest promises is refused with code 5, and never scored."""
    folder = next((shared / "mirror").rglob("Set5/HR"))
    copy = tmp_path / "mirror" / folder.relative_to(shared / "mirror")
    shutil.copytree(folder, copy)
    (copy / "bird.png").write_bytes((copy / "baby.png").read_bytes())
    (copy / "head.png").write_text("<html>rate limited</html>")
    monkeypatch.setenv("SRBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SRBENCH_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setenv("SRBENCH_OFFLINE", "1")
    fetched = srbench("data", "fetch", "set5")
    assert fetched.code == 5, fetched.err
    assert "bird" in fetched.err
    ran = srbench("run", "-m", "nearest", "-d", "set5", "-x", "4", *FAST, "--json")
    assert [(cell["dataset"], cell["n"]) for cell in ran.json()["cells"]] == [("set5[3]", 3)]


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """A record that can't be written ends the run in one line; what was written before stays readable."""
    limited = (
        "import resource, sys\n"
        "sys.dont_write_bytecode = True\n"  # Python keeps a cut bytecode file, and every later import fails
        "from srbench.cli import run_main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))\n"
        "sys.exit(run_main(sys.argv[1:]))\n"
    )
    argv = ["run", "-m", "nearest", "-d", "embedded", "-x", "2,3,4", "--results", "r", *FAST]
    full = subprocess.run(
        [sys.executable, "-c", limited, *argv], cwd=tmp_path, capture_output=True, text=True
    )
    assert full.returncode == 3, full.stderr
    assert "Traceback" not in full.stderr
    assert "srbench: error:" in full.stderr
    kept = (tmp_path / "r" / "journal.jsonl").read_bytes()
    assert 0 < len(kept) <= 9000
    assert kept.endswith(b"\n")
    again = subprocess.run(
        [sys.executable, "-m", "srbench", *argv], cwd=tmp_path, capture_output=True, text=True
    )
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "r" / "journal.jsonl").read_bytes().startswith(kept)


def test_two_runs_into_one_folder(srbench: Callable[..., Any], tmp_path: Path) -> None:
    """A second writer is turned away; it does not wait, and does not mix its records in."""
    from srbench.store.journal import Journal

    with Journal(tmp_path / "r" / "journal.jsonl"):
        line = complaint(srbench(*RUN, "--results", tmp_path / "r"), 2)
    assert "another" in line


def test_a_gpu_that_is_not_there(srbench: Callable[..., Any]) -> None:
    """Asking for CUDA without it is a usage error, before anything is recorded."""
    import torch

    if torch.cuda.is_available():
        pytest.skip("left out: this machine has CUDA")
    line = complaint(srbench(*RUN, "--device", "cuda"), 2)
    assert "a device of this machine (cpu)" in line
    assert not Path("results").exists()


def test_a_pipe_that_closes_early(tmp_path: Path) -> None:
    """`srbench info vid4 | head -c 1` ends quietly, with code 0."""
    pipe = f"({sys.executable} -m srbench info vid4; echo code $? >&2) | head -c 1"
    done = subprocess.run(["sh", "-c", pipe], cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr == "code 0\n"


def test_output_that_can_not_be_written(tmp_path: Path) -> None:
    """A full disk behind stdout is one line and code 3, even where the text was still buffered."""
    command = f"{sys.executable} -m srbench list protocols > /dev/full"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert "No space left" in done.stderr


@pytest.mark.parametrize("argv", [(), ("data",)], ids=str)
def test_no_arguments_is_a_question(srbench: Callable[..., Any], argv: tuple[str, ...]) -> None:
    """`srbench` alone teaches, on stdout, with code 0."""
    ran = srbench(*argv)
    assert (ran.code, ran.err) == (0, "")
    assert "Commands:" in ran.out


@pytest.mark.usefixtures("fresh_registry")
def test_what_a_plugin_prints_is_no_result(srbench: Callable[..., Any], tmp_path: Path) -> None:
    """A plugin's prints, at import or while it runs, go to stderr: stdout stays one JSON object."""
    plugin = tmp_path / "plugin.py"
    talks = "print('hello')\nREGISTER('mine', lambda x, s: (print('working'), up(x, s))[1])\n"
    plugin.write_text(PRELUDE + talks)
    ran = srbench("run", "-m", "mine", *RUN[3:], "--plugin", plugin, "--json")
    assert ran.json()["cells"][0]["status"] == "done"
    assert "hello" in ran.err
    assert "working" in ran.err
