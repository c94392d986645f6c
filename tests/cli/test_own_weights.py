"""Someone's own checkpoint in one of srbench's networks: ``srcnn:FILE``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from srbench.archs.edvr import EDVR
from srbench.archs.srcnn import SRCNN
from srbench.archs.srresnet import SRResNet

Run = Callable[..., Any]
STILL = ("-d", "embedded", "--limit", "1", "--metrics", "psnr_y", "--json")


def cells(ran: Any) -> dict[str, Any]:
    """The cells of a run by model."""
    return {cell["model"]: cell for cell in ran.json()["cells"]}


def srcnn(path: Path, seed: int) -> Path:
    """A 9-5-5 network of noise, small enough that its output stays in range."""
    torch.manual_seed(seed)
    net = SRCNN((9, 5, 5))
    state = {name: tensor / 10 for name, tensor in net.state_dict().items()}
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return path


def test_a_file_fills_the_network(srbench: Run, tmp_path: Path) -> None:
    """Any scale, for a network that works on the enlarged image; another format of the same tensors."""
    made = {"net.pth": 0, "same.safetensors": 0, "b.pkl": 1}
    files = [srcnn(tmp_path / name, seed) for name, seed in made.items()]
    ran = srbench("run", "-m", ",".join(f"srcnn:{file}" for file in files), *STILL, "-x", "2")
    assert ran.code == 0, ran.err
    psnr = {name: cell["metrics"]["psnr_y"] for name, cell in cells(ran).items()}
    assert set(psnr) == {"srcnn:net", "srcnn:same", "srcnn:b"}
    assert psnr["srcnn:net"] == psnr["srcnn:same"] != psnr["srcnn:b"]


def test_another_file_of_that_name_is_another_model(srbench: Run, tmp_path: Path) -> None:
    """The file's bytes are in the key; two files of one name are told apart by their paths."""
    path = srcnn(tmp_path / "net.pth", 0)
    asked = ("run", "-m", f"srcnn:{path}", *STILL, "-x", "2")
    first = cells(srbench(*asked))["srcnn:net"]["metrics"]
    srcnn(path, 1)
    ran = srbench(*asked)
    assert "replaced srcnn:net on embedded[1] x2" in ran.err
    assert cells(ran)["srcnn:net"]["metrics"] != first
    other = srcnn(tmp_path / "deeper" / "net.pth", 2)
    both = srbench("run", "-m", f"srcnn:{path},srcnn:{other}", *STILL, "-x", "2", "--plan").json()["cells"]
    assert [cell["model"] for cell in both] == [f"srcnn:{path}", f"srcnn:{other}"]


def test_the_network_is_of_the_files_size(srbench: Run, tmp_path: Path) -> None:
    """A small EDVR without attention and a narrow SRResNet: their sizes are read from the tensors."""
    torch.manual_seed(0)
    torch.save({"params": EDVR(8, 5, 2, 1, 1, tsa=False).state_dict()}, tmp_path / "small.pth")
    torch.save(SRResNet(2, 1, 8).state_dict(), tmp_path / "narrow.pt")
    narrow = srbench("run", "-m", f"srgan-5:{tmp_path / 'narrow.pt'}", *STILL, "-x", "2")
    assert narrow.code == 0, narrow.err
    asked = ("-m", f"edvr-m:{tmp_path / 'small.pth'}", "-d", "embedded-clip", *STILL[2:])
    small = srbench("run", *asked, "-x", "4")
    assert small.code == 0, small.err


@pytest.mark.parametrize(
    ("name", "model", "code", "message"),
    [
        ("net.onnx", "srcnn", 2, "expected a checkpoint (.mat, .h5, .hdf5, .safetensors, .pth"),
        ("net.pth", "vdsr", 3, "in loading state_dict for VDSR: "),
        ("net.pth", "imdn", 3, "for IMDN: Missing key(s)"),
        ("net.pth", "bicubic", 2, "expected an imresize flavour"),
        ("none.pth", "srcnn", 2, "which is not a file"),
    ],
)
def test_files_that_do_not_fit(
    srbench: Run, tmp_path: Path, name: str, model: str, code: int, message: str
) -> None:
    """Another format, another network's tensors, a model without weights, no file: one line each."""
    if name != "none.pth":
        srcnn(tmp_path / "x.pth", 0).rename(tmp_path / name)
    ran = srbench("run", "-m", f"{model}:{tmp_path / name}", *STILL, "-x", "2")
    assert ran.code == code, ran.err
    assert message in ran.err
    assert "Traceback" not in ran.err
    assert all(
        line.startswith(("failed", "srbench: error:")) or "computed" in line for line in ran.err.splitlines()
    )
