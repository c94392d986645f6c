"""Models that arrive without a line of code: a checkpoint, a graph, an archive, a Python file, a command."""

from __future__ import annotations

import os
import pickle
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from srbench.adapters import command
from srbench.adapters.base import BaseAdapter, Settings
from srbench.adapters.file_argument import file_digests
from srbench.adapters.planning import inference_signature, load_model, model_fingerprint, skip_reason
from srbench.errors import (
    IntegrityError,
    PluginError,
    SrbenchError,
    TimedOut,
    Unavailable,
    UsageError,
)
from srbench.protocols import get_protocol
from srbench.registry import models
from srbench.runner.request import ModelChoice, choose_models
from srbench.types import ClipSpec, Job

Stranger = Callable[[str, int], str]
KINDS = ("spandrel", "torchscript", "onnx", "python", "command")
FILES = ("spandrel", "torchscript", "onnx")


def choice(spec: str) -> ModelChoice:
    """The one model that a spec means."""
    (chosen,) = choose_models((spec,))
    return chosen


def started(spec: str, scale: int, settings: Settings | None = None) -> BaseAdapter:
    """The model, loaded."""
    chosen = choice(spec)
    return load_model(chosen.entry, chosen.argument, scale=scale, settings=settings)


def enlarged(adapter: BaseAdapter, lr: NDArray[np.uint8]) -> NDArray[Any]:
    """Its answer to one frame ``(h, w, C)``."""
    job = Job(ClipSpec("toy", "clip", 1, adapter.scale, "bi", ""), get_protocol("classic", adapter.scale))
    sr: NDArray[Any] = adapter(lr[None], job)[0]
    return sr


def noise(*shape: int) -> NDArray[np.uint8]:
    """An image."""
    return np.random.default_rng(3).integers(0, 256, shape, dtype=np.uint8)


# ------------------------------------------------------------------------------------ all five


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_stranger_answers_as_its_network_does(kind: str, scale: int, stranger: Stranger) -> None:
    """An RGB image goes in and comes out enlarged by repetition: right channels, range and place."""
    lr = noise(7, 5, 3)
    sr = enlarged(started(f"{kind}:{stranger(kind, scale)}", scale), lr)
    np.testing.assert_allclose(sr, lr.repeat(scale, 0).repeat(scale, 1), rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", FILES)
def test_another_scale_is_a_reason_to_skip(kind: str, stranger: Stranger) -> None:
    """A network of x4 asked for x2 is skipped, and the reason says what it is."""
    with pytest.raises(Unavailable, match=r"expected a model for x2, got .*, which is x4"):
        started(f"{kind}:{stranger(kind, 4)}", 2)


@pytest.mark.parametrize("kind", [*FILES, "python"])
def test_row_is_named_by_the_files_stem(kind: str, stranger: Stranger) -> None:
    """A path of any length becomes a readable row."""
    argument = stranger(kind, 2)
    assert choice(f"{kind}:{argument}").name == f"{kind}:{Path(argument).stem}"
    assert choice(f"{kind}+:{argument}").name == f"{kind}:{Path(argument).stem}+"


def test_equal_stems_keep_their_paths(tmp_path: Path) -> None:
    """Two files of one name are two rows; the same file named twice is one."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "net.pth").write_bytes(folder.encode())
    chosen = choose_models(("spandrel:a/net.pth,spandrel:b/net.pth", "spandrel:a/net.pth"))
    assert [one.name for one in chosen] == ["spandrel:a/net.pth", "spandrel:b/net.pth"]


@pytest.mark.parametrize("kind", [*FILES, "python"])
def test_missing_file_is_one_line(kind: str) -> None:
    """No file, or none named, is said before anything is planned."""
    with pytest.raises(UsageError, match=r"expected a model's file, got 'gone\.x', which is not a file"):
        choose_models((f"{kind}:gone.x",))
    with pytest.raises(UsageError, match=f"expected {kind}:FILE, got {kind} alone"):
        choose_models((f"{kind}:",))


@pytest.mark.parametrize("kind", FILES)
def test_fingerprint_follows_the_files_bytes(kind: str, stranger: Stranger, tmp_path: Path) -> None:
    """Other bytes are another model; the same bytes under another name are the same."""
    first, copy = Path(stranger(kind, 2)), tmp_path / "copy"
    entry = models()[kind]
    before = model_fingerprint(entry, str(first), 2)
    copy.with_suffix(first.suffix).write_bytes(first.read_bytes())
    assert model_fingerprint(entry, str(copy.with_suffix(first.suffix)), 2) == before
    first.write_bytes(first.read_bytes() + b"\0")
    assert model_fingerprint(entry, str(first), 2) != before


@pytest.mark.parametrize(
    ("kind", "engine"), [("spandrel", "spandrel"), ("onnx", "onnxruntime"), ("torchscript", "torchscript")]
)
def test_signature_names_the_engine(kind: str, engine: str) -> None:
    """What runs the network is the first word of its inference signature."""
    signature = inference_signature(models()[kind], "x", get_protocol("classic", 2), Settings(tile=64))
    assert signature == f"{engine}|float32|cpu|tile:64+32"


@pytest.mark.parametrize("kind", [*FILES, "python"])
def test_file_that_is_no_model_is_one_line(kind: str, tmp_path: Path) -> None:
    """Bytes that mean nothing are refused in one line that names the file."""
    (tmp_path / "bad.onnx").write_bytes(b"\x00nothing")
    with pytest.raises(SrbenchError, match=r"bad\.onnx") as caught:
        started(f"{kind}:bad.onnx", 2)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("kind", "package"), [("spandrel", "spandrel"), ("onnx", "onnxruntime")])
def test_missing_library_is_a_reason_to_skip(
    kind: str, package: str, stranger: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its optional library a model is skipped, and the reason says how to get it."""
    argument = stranger(kind, 2)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(Unavailable, match=rf"the package {package}, got not installed; pip install 'srbench"):
        started(f"{kind}:{argument}", 2)


# ------------------------------------------------------------------------------------ spandrel


class Evil:
    """A pickle that would touch a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("name", ["evil.pth", "evil.pt", "evil.ckpt"])
def test_checkpoint_with_code_is_refused_and_not_run(name: str, tmp_path: Path) -> None:
    """A pickle that calls something is refused, under every ending, and what it calls doesn't happen."""
    done = tmp_path / "ran"
    torch.save({"params": {"w": Evil(done)}}, tmp_path / name)
    with pytest.raises(IntegrityError, match="a checkpoint of tensors only"):
        started(f"spandrel:{name}", 2)
    (tmp_path / name).write_bytes(pickle.dumps(Evil(done)))
    with pytest.raises(IntegrityError, match="a checkpoint of tensors only"):
        started(f"spandrel:{name}", 2)
    assert not done.exists()


def test_torchscript_archive_is_no_checkpoint(stranger: Stranger) -> None:
    """An archive with code is never opened as a checkpoint; the hint names the way for it."""
    with pytest.raises(IntegrityError, match=r"a TorchScript archive, which holds code; .*torchscript:FILE"):
        started(f"spandrel:{stranger('torchscript', 2)}", 2)


def test_safetensors_checkpoint(stranger: Stranger, tmp_path: Path) -> None:
    """The same tensors as safetensors give the same answer."""
    from safetensors.torch import save_file

    path = stranger("spandrel", 2)
    save_file(torch.load(path, weights_only=True)["params"], tmp_path / "net.safetensors")
    lr = noise(6, 6, 3)
    np.testing.assert_array_equal(
        enlarged(started("spandrel:net.safetensors", 2), lr), enlarged(started(f"spandrel:{path}", 2), lr)
    )


def test_unknown_architecture_is_named(tmp_path: Path) -> None:
    """Tensors that no architecture knows are refused with the file's name."""
    torch.save({"foo": torch.zeros(3)}, tmp_path / "odd.pth")
    with pytest.raises(IntegrityError, match=r"a checkpoint that spandrel knows, got odd\.pth"):
        started("spandrel:odd.pth", 2)


def test_tiles_of_a_strangers_network(stranger: Stranger) -> None:
    """A network of unknown receptive field may be tiled with the card's overlap."""
    spec = f"spandrel:{stranger('spandrel', 2)}"
    lr = noise(70, 40, 3)
    tiled = enlarged(started(spec, 2, Settings(tile=32)), lr)
    np.testing.assert_allclose(tiled, enlarged(started(spec, 2), lr), rtol=0, atol=1e-4)


# ---------------------------------------------------------------------------------------- onnx


def test_external_tensors_count(tmp_path: Path) -> None:
    """Tensors in a file beside the graph belong to its fingerprint."""
    from onnx import TensorProto, helper, numpy_helper, save

    ones = numpy_helper.from_array(np.ones((3, 1, 20, 20), np.float32), "ones")
    node = helper.make_node("ConvTranspose", ["lr", "ones"], ["sr"], strides=[20, 20], group=3)
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, "h", "w"]) for n in ("lr", "sr")]
    model = helper.make_model(helper.make_graph([node], "g", ports[:1], ports[1:], [ones]))
    save(model, tmp_path / "net.onnx", save_as_external_data=True, location="tensors.bin", size_threshold=0)
    before = file_digests("net.onnx")
    assert len(before) == 2
    data = bytearray((tmp_path / "tensors.bin").read_bytes())
    data[0] ^= 1
    (tmp_path / "tensors.bin").write_bytes(data)
    assert file_digests("net.onnx")[0] == before[0]
    assert file_digests("net.onnx")[1] != before[1]


def onnx_graph(path: Path, shape: list[Any]) -> None:
    """A graph that gives back its input."""
    from onnx import TensorProto, helper, save

    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in ("lr", "sr")]
    node = helper.make_node("Identity", ["lr"], ["sr"])
    graph = helper.make_graph([node], "g", ports[:1], ports[1:])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


@pytest.mark.parametrize(
    ("shape", "error", "message"),
    [
        ([1, 3, 32, 32], Unavailable, "a graph for images of any size, got net.onnx: 32x32"),
        ([1, 1, "h", "w"], IntegrityError, r"one input, float \(N, 3, height, width\)"),
        (["n", "f"], IntegrityError, r"one input, float \(N, 3, height, width\)"),
        ([1, 3, "h", "w"], Unavailable, "a model for x2, got net.onnx, which is x1"),
    ],
)
def test_graph_that_cannot_be_used_is_named(
    shape: list[Any], error: type[SrbenchError], message: str, tmp_path: Path
) -> None:
    """Fixed sizes, other channels, other ranks and another scale are each said."""
    onnx_graph(tmp_path / "net.onnx", shape)
    with pytest.raises(error, match=message):
        started("onnx:net.onnx", 2)


# -------------------------------------------------------------------------------------- python

GOOD = """
def info():
    return {"scales": (2,), "channels": "y", "title": "Mine"}
def load(scale, device, dtype):
    pass
def predict(lr):
    return lr.repeat_interleave(2, 2).repeat_interleave(2, 3)
"""


def test_python_file_of_functions(tmp_path: Path) -> None:
    """Three functions do as well as a class; what info says is the model's card."""
    (tmp_path / "net.py").write_text(GOOD)
    chosen = choice("python:net.py")
    assert chosen.name == "python:net"
    assert (chosen.entry.info.title, chosen.entry.info.scales) == ("Mine", (2,))
    assert skip_reason(chosen.entry, "net.py", get_protocol("classic", 3)) == "no x3: python has x2"
    lr = noise(5, 6, 3)
    assert enlarged(started("python:net.py", 2), lr).shape == (10, 12, 3)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("def predict", "def guess", "info, load and predict, got no predict in the file, net.py"),
        ('"scales"', '"scale"', "got 'scale' in net.py"),
        ("return {", "raise KeyError({", r"got .*SyntaxError"),
        ("return {", "1 / 0; return {", "info.. that works, got ZeroDivisionError"),
        (
            '{"scales": (2,), "channels": "y", "title": "Mine"}',
            "None",
            "to return a dictionary, got NoneType",
        ),
        ('"channels": "y"', '"dtypes": []', "dtypes that the model runs in, got none"),
    ],
)
def test_python_file_that_breaks_its_word_is_one_line(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    """What is missing, misspelt or failing is named, with the file."""
    (tmp_path / "net.py").write_text(GOOD.replace(old, new))
    with pytest.raises(PluginError, match=message):
        choose_models(("python:net.py",))


# ------------------------------------------------------------------------------------- command


def test_command_gets_arguments_and_no_shell(tmp_path: Path) -> None:
    """What a shell would act on reaches the program as it is written."""
    (tmp_path / "up.py").write_text(
        "import sys; from PIL import Image; i = Image.open(sys.argv[1])\n"
        "open('seen', 'w').write(repr(sys.argv[3:]))\n"
        "i.resize((i.width * 2, i.height * 2), 0).save(sys.argv[2])\n"
    )
    line = f"{sys.executable} up.py {{input}} {{output}} '$HOME; touch x' '*' >y s={{scale}},{{x}}"
    lr = noise(4, 3, 3)
    chosen = choice(f"command:{line}")
    assert chosen.name == "command:up"
    sr = enlarged(started(f"command:{line}", 2), lr)
    np.testing.assert_array_equal(sr, lr.repeat(2, 0).repeat(2, 1))
    assert (tmp_path / "seen").read_text() == repr(["$HOME; touch x", "*", ">y", "s=2,{x}"])
    assert not (tmp_path / "y").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("env {input}", "a command with {input} and {output}, got 'env {input}'"),
        ("", "a command with {input} and {output}, got ''"),
        ("env '{input} {output}", "a command line, got No closing quotation"),
        ("no-such-program {input} {output}", "a program, got 'no-such-program', which is not found"),
    ],
)
def test_command_that_cannot_run_is_refused(line: str, message: str) -> None:
    """Missing placeholders, open quotes and missing programs are said before anything runs."""
    with pytest.raises(UsageError, match=message):
        started(f"command:{line}", 2)


def script(tmp_path: Path, text: str, settings: Settings | None = None) -> BaseAdapter:
    """A command that runs this Python."""
    (tmp_path / "c.py").write_text(text)
    return started(f"command:{sys.executable} c.py {{input}} {{output}}", 2, settings)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import sys; print('warm'); sys.exit('no weights\\n')", "got exit code 1: no weights; try"),
        ("pass", "command to write {output}, got no file there"),
        (
            "import sys, shutil; shutil.copy(*sys.argv[1:])",
            r"shape \(1, 8, 6, 3\).* got shape \(1, 4, 3, 3\)",
        ),
        ("import sys; open(sys.argv[2], 'w').write('<html>')", r"output\.png"),
    ],
)
def test_command_that_fails_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    """The reason is the program's last line, or what is wrong with its output."""
    with pytest.raises(SrbenchError, match=message) as caught:
        enlarged(script(tmp_path, text), noise(4, 3, 3))
    assert "\n" not in str(caught.value)


def test_command_that_hangs_is_ended(tmp_path: Path) -> None:
    """After its time (`--timeout`) a command is killed with what it started."""
    text = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "open('child', 'w').write(str(child.pid)); time.sleep(60)\n"
    )
    began = time.monotonic()
    with pytest.raises(TimedOut, match="to end in time, got still running after 1 s"):
        enlarged(script(tmp_path, text, Settings(timeout=1.0)), noise(4, 3, 3))
    assert time.monotonic() - began < 20
    child = int((tmp_path / "child").read_text())
    for _ in range(50):
        if not _alive(child):
            return
        time.sleep(0.1)
    pytest.fail("the command's child is still alive")


def _alive(pid: int) -> bool:
    """False for a process that is gone, or dead and not yet collected."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_commands_files_are_its_weights(tmp_path: Path) -> None:
    """An edited script is another model; another line is another signature."""
    adapter = script(tmp_path, "pass")
    spec = ClipSpec("toy", "clip", 1, 2, "bi", "")
    assert isinstance(adapter, command.Command)
    before = adapter.clip_fingerprint(spec)
    assert adapter.clip_fingerprint(spec) == before
    (tmp_path / "c.py").write_text("pass  # other")
    assert adapter.clip_fingerprint(spec) != before
    protocol = get_protocol("classic", 2)
    other = started(f"command:{sys.executable} c.py {{input}} {{output}} -v", 2)
    assert isinstance(other, command.Command)
    assert other.inference(protocol) != adapter.inference(protocol)


def test_command_keeps_its_commas(stranger: Stranger) -> None:
    """A comma in a command is part of it, not of a list of models."""
    (chosen,) = choose_models((f"command:{stranger('command', 2)} --pads 1,2",))
    assert chosen.argument.endswith("--pads 1,2")


# ------------------------------------------------------------------------------- self-ensemble


def test_plus_asks_for_self_ensemble() -> None:
    """``srcnn+`` is a row of its own beside ``srcnn``; globs and lists take the plus too."""
    assert [c.name for c in choose_models(("srcnn,srcnn+", "bi*+"))] == [
        "srcnn",
        "srcnn+",
        "bicubic+",
        "bilinear+",
    ]
    assert [c.name for c in choose_models(("imdn*",))] == ["imdn"]
    with pytest.raises(UsageError, match=r"a known model, got 'srcn'; try srcnn"):
        choose_models(("srcn+",))


def test_ensemble_row_has_its_own_predictions(srbench: Callable[..., Any], stranger: Stranger) -> None:
    """A run of ``NAME`` and ``NAME+`` computes both, and the signatures tell them apart."""
    argument = stranger("python", 2)
    models = ("-m", f"python:{argument},python+:{argument},nearest+", "-d", "embedded", "-x", "2")
    ran = srbench("run", *models, "--limit", "1", "--metrics", "psnr_y", "--json", "--results", "runs")
    cells = {cell["model"]: cell for cell in ran.json()["cells"]}
    assert cells["python:mine"]["status"] == cells["python:mine+"]["status"] == "done"
    psnr = [cells[name]["metrics"]["psnr_y"] for name in ("python:mine", "python:mine+")]
    assert psnr[0] == pytest.approx(psnr[1], abs=1e-6)  # repetition commutes with flips and turns
    assert cells["nearest+"]["reason"] == "no self-ensemble: nearest has no network"
    journal = Path("runs/journal.jsonl").read_text()
    assert "torch|float32|cpu|whole|ensemble:8" in journal


def test_network_that_must_not_be_tiled_is_skipped_with_tiles(tmp_path: Path) -> None:
    """Spandrel's word on tiling counts: SwinIR with --tile is a reason to skip, and no failure."""
    from spandrel.architectures.SwinIR.__arch.SwinIR import SwinIR

    net = SwinIR(
        img_size=16,
        window_size=8,
        depths=[2],
        embed_dim=12,
        num_heads=[2],
        mlp_ratio=2,
        upsampler="pixelshuffledirect",
        upscale=2,
    )
    torch.save(net.state_dict(), tmp_path / "swinir.pth")
    assert enlarged(started("spandrel:swinir.pth", 2), noise(9, 7, 3)).shape == (18, 14, 3)
    with pytest.raises(Unavailable, match=r"a network that may be tiled, got swinir\.pth \(SwinIR\)"):
        started("spandrel:swinir.pth", 2, Settings(tile=32))
    with pytest.raises(Unavailable, match="a network that runs in float16"):
        started("spandrel:swinir.pth", 2, Settings(dtype="float16"))
