"""``srbench weights``: what is listed, fetched and verified, and the exit codes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from srbench import registry
from srbench.types import Asset, LocalPath, ModelInfo, Url, Weights

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of its own, and no network."""
    monkeypatch.setenv("SRBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SRBENCH_OFFLINE", "1")


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model whose checkpoint lies in a mirror, at HOST/PATH; the path is that file's."""
    mirror = tmp_path / "mirror" / "host.example" / "toy.pth"
    mirror.parent.mkdir(parents=True)
    mirror.write_bytes(b"weights")
    monkeypatch.setenv("SRBENCH_MIRROR", str(tmp_path / "mirror"))
    sha = hashlib.sha256(b"weights").hexdigest()
    asset = Asset("toy.pth", (Url("https://host.example/toy.pth"),), sha, 7)
    info = ModelInfo("toy", "Toy", "toy", (2, 4), weights=(Weights((2, 4), asset, "torch", "MIT", "bd"),))
    add(info, monkeypatch)
    return mirror


def add(info: ModelInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Register a model for one test."""
    monkeypatch.setitem(registry.models(), info.name, registry.ModelEntry(info, "a.b:C"))


def test_list_names_every_checkpoint(srbench: Run) -> None:
    """Each built-in checkpoint is a line: model, scales, here or not, size, file, licence."""
    lines = srbench("weights", "list").out.splitlines()
    assert len(lines) == sum(len(entry.info.weights) for entry in registry.models().values())
    (vdsr,) = (line for line in lines if line.startswith("vdsr "))
    for word in ("x2,x3,x4", "not here", "2.5 MB", "VDSR_Official.mat", "licence MIT"):
        assert word in vdsr


def test_list_is_one_json_object(srbench: Run, toy: Path) -> None:
    """--json prints the card's facts and whether the file is here; fetching makes it so."""
    (row,) = srbench("weights", "list", "toy", "--json").json()["weights"]
    assert row == {
        "model": "toy",
        "scales": [2, 4],
        "file": "toy.pth",
        "sha256": hashlib.sha256(b"weights").hexdigest(),
        "size": 7,
        "format": "torch",
        "licence": "MIT",
        "degradation": "bd",
        "here": False,
    }
    assert srbench("weights", "fetch", "toy").out == "toy: toy.pth is here\n"
    assert srbench("weights", "list", "toy", "--json").json()["weights"] == [{**row, "here": True}]


def test_size_that_no_card_knows_is_told_when_the_file_is_here(
    srbench: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file pinned by the digits in its name has no size until it has arrived."""
    assert "? MB" in srbench("weights", "list", "edsr").out
    file = tmp_path / "a.pth"
    file.write_bytes(b"1234")
    asset = Asset("a.pth", (LocalPath(str(file)),), hashlib.sha256(b"1234").hexdigest()[:8])
    info = ModelInfo("short", "Short", "toy", (2,), weights=(Weights((2,), asset, "torch", "MIT"),))
    add(info, monkeypatch)
    (row,) = srbench("weights", "list", "short", "--json").json()["weights"]
    assert (row["size"], row["here"]) == (4, True)


def test_fetch_tells_what_cannot_be_had(srbench: Run, toy: Path) -> None:
    """What is reachable is fetched; the rest is named with the reason, and the exit code is 3."""
    ran = srbench("weights", "fetch", "toy,vdsr")
    assert ran.code == 3
    assert "toy: toy.pth is here" in ran.out
    (line,) = ran.err.splitlines()
    assert line.startswith("vdsr: not fetched: expected VDSR_Official.mat, got ")
    assert "SRBENCH_OFFLINE" in line


def test_fetch_refuses_other_bytes(srbench: Run, toy: Path) -> None:
    """A file of another digest is not kept, and the exit code is 5."""
    toy.write_bytes(b"forgery")
    ran = srbench("weights", "fetch", "toy")
    assert ran.code == 5
    assert "toy: not fetched: expected toy.pth with sha256 " in ran.err
    assert not srbench("weights", "list", "toy", "--json").json()["weights"][0]["here"]


def test_verify_hashes_again(srbench: Run, toy: Path, tmp_path: Path) -> None:
    """A file that changed after it was fetched is found out: exit code 5; what is not here is only named."""
    assert srbench("weights", "verify", "toy").out == "toy: toy.pth: not here\n"
    srbench("weights", "fetch", "toy")
    right = srbench("weights", "verify", "toy")
    assert (right.code, right.out) == (0, "toy: toy.pth: right\n")
    (kept,) = (tmp_path / "home" / "assets").rglob("toy.pth")
    kept.write_bytes(b"weighty")
    wrong = srbench("weights", "verify", "toy")
    assert (wrong.code, wrong.out) == (5, "")
    assert wrong.err.startswith("toy: toy.pth: expected toy.pth with sha256 ")


@pytest.mark.usefixtures("empty_home")
def test_verify_all_without_any_here(srbench: Run) -> None:
    """Nothing here is nothing wrong; what srbench ships is here, and right."""
    ran = srbench("weights", "verify")
    assert ran.code == 0
    found = dict(line.rsplit(": ", 1) for line in ran.out.splitlines())
    shipped = {name for name in found if name.startswith("srbench-")}
    assert {found.pop(name) for name in shipped} == {"right"}
    assert set(found.values()) == {"not here"}


@pytest.mark.parametrize("command", ["list", "fetch", "verify"])
def test_unknown_models_and_models_without_weights(srbench: Run, command: str) -> None:
    """A typo is met with the nearest names, a model without weights with one line; both are exit code 2."""
    for name, words in (("vdrs", "'vdrs'; try vdsr"), ("bicubic", "a model with weights, got bicubic")):
        ran = srbench("weights", command, name)
        assert ran.code == 2
        assert words in ran.err
        assert len(ran.err.splitlines()) == 1


def test_fetch_needs_a_name(srbench: Run) -> None:
    """No name is a mistake, not a wish for everything."""
    assert srbench("weights", "fetch").code == 2


@pytest.mark.usefixtures("mirror")
def test_real_checkpoint_arrives_and_is_right(srbench: Run) -> None:
    """VDSR's file comes from the mirror, and its digest is the card's."""
    assert srbench("weights", "fetch", "vdsr", "--quiet").code == 0
    assert srbench("weights", "verify", "vdsr").out == "vdsr: VDSR_Official.mat: right\n"


@pytest.mark.parametrize("command", ["list", "fetch", "verify"])
def test_weights_of_some_scales(srbench: Run, command: str) -> None:
    """-x takes only the checkpoints of these scales; a scale nobody has is a usage error that names it."""
    ran = srbench("weights", command, "imdn", "-x", "3")
    assert "IMDN_x3.pth" in ran.out + ran.err
    assert "IMDN_x2.pth" not in ran.out + ran.err
    ran = srbench("weights", command, "imdn", "-x", "8")
    assert ran.code == 2
    assert "expected a model with weights for x8, got imdn" in ran.err
