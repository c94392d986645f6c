"""What every test may use: the real data beside the checkout, and a private cache."""

from __future__ import annotations

import json
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from srbench.types import Record, Timing

# How long an example takes says nothing about the code on a busy machine.
settings.register_profile("srbench", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("srbench")

SHARED = Path(__file__).resolve().parents[2] / "shared"
REAL_DATA = (SHARED / "mirror").is_dir()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of mirrored downloads and oracles beside the checkout; without it the test is skipped."""
    if not REAL_DATA:
        pytest.skip("left out: no folder `shared` with real data and oracles beside the checkout")
    return SHARED


@pytest.fixture(scope="session")
def session_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the whole test session, so that real data is verified once."""
    return tmp_path_factory.mktemp("srbench-home")


@pytest.fixture(autouse=True)
def private_cache(session_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's own cache, or a results folder outside its own."""
    monkeypatch.setenv("SRBENCH_HOME", str(session_home))
    for name in ("SRBENCH_MIRROR", "SRBENCH_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own: nothing was fetched into it and no set was added to it before."""
    monkeypatch.setenv("SRBENCH_HOME", str(tmp_path / "empty-home"))
    return tmp_path / "empty-home"


@pytest.fixture
def mirror(shared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Downloads are read from the mirror beside the checkout, through the same verified fetch."""
    monkeypatch.setenv("SRBENCH_MIRROR", str(shared / "mirror"))
    return shared / "mirror"


@pytest.fixture
def fresh_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a plugin registers is forgotten after the test."""
    from srbench import registry

    registry.models()
    monkeypatch.setattr(registry, "_models", dict(registry._models))
    monkeypatch.setattr(registry, "_metrics", dict(registry._metrics))
    monkeypatch.setattr(registry, "_datasets", dict(registry._datasets))


@pytest.fixture
def mini(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A test set of two small parts of real photographs, the second one gray, added as a user adds one."""
    from skimage import data

    from srbench.cli import run_main
    from srbench.image.io import write_png

    monkeypatch.setenv("SRBENCH_HOME", str(tmp_path / "home"))
    (tmp_path / "mini").mkdir()
    coffee, camera = (cast(Any, photograph)() for photograph in (data.coffee, data.camera))
    write_png(tmp_path / "mini" / "coffee.png", coffee[80:208, 200:360])
    write_png(tmp_path / "mini" / "camera.png", camera[100:196, 180:292])
    assert run_main(["data", "add", "mini", str(tmp_path / "mini")]) == 0
    return "mini"


@pytest.fixture
def short_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Timings watch the machine for a moment, not for half a second: their tests need no precise record."""
    monkeypatch.setattr("srbench.timing.conditions.LEAST_SECONDS", 0.05)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say plainly when the real data was not there."""
    if not REAL_DATA:
        terminalreporter.write_line(
            "left out: what needs real test sets and oracles (no `shared` folder beside the checkout)"
        )


@dataclass(frozen=True)
class Ran:
    """What a command line printed, and its exit code."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The one object on stdout."""
        return json.loads(self.out)


@pytest.fixture
def srbench(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run a command line in this process, exactly as the console script does."""
    from srbench.cli import run_main

    def run(*argv: str | Path) -> Ran:
        capsys.readouterr()
        code = run_main([str(part) for part in argv])
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    return run


Stranger = Callable[[str, int], str]


@pytest.fixture
def stranger(tmp_path: Path) -> Stranger:
    """Someone's model as a file or a command, by the adapter's name and scale: the argument that names it.

    All of them enlarge by repetition, so that their answers are known.
    """

    def make(kind: str, scale: int) -> str:
        folder = tmp_path / "strangers"
        folder.mkdir(exist_ok=True)
        return _STRANGERS[kind](folder, scale)

    return make


def _spandrel_file(folder: Path, scale: int) -> str:
    """A Compact (SRVGGNet) whose last convolution is zero: what is left is its global skip, repetition."""
    import torch
    from spandrel.architectures import Compact

    state = {
        "body.0.weight": torch.randn(8, 3, 3, 3),
        "body.0.bias": torch.zeros(8),
        "body.1.weight": torch.full((8,), 0.25),
        "body.2.weight": torch.randn(8, 8, 3, 3),
        "body.2.bias": torch.zeros(8),
        "body.3.weight": torch.full((8,), 0.25),
        "body.4.weight": torch.zeros(3 * scale**2, 8, 3, 3),
        "body.4.bias": torch.zeros(3 * scale**2),
    }
    assert Compact.CompactArch().detect(state)
    torch.save({"params": state}, folder / f"compact{scale}.pth")
    return str(folder / f"compact{scale}.pth")


def _trained_file(folder: Path, scale: int) -> str:
    """An EDSR whose convolutions pass their input on, each channel to all pixels of its square."""
    import torch
    from safetensors.torch import save_file

    from srbench.archs.build import build
    from srbench.archs.descriptions import EDSR, network_table

    described = EDSR(scale, blocks=1, features=3, value_range=1.0)
    tensors = {name: torch.zeros_like(tensor) for name, tensor in build(described).state_dict().items()}
    for name, tensor in tensors.items():
        if name.endswith("weight") and name.startswith(("conv_first", "upsample", "conv_last")):
            copies = len(tensor) // 3
            for channel in range(len(tensor)):
                tensor[channel, channel // copies, 1, 1] = 1
    said = {"network": network_table(described), "recipe": "repetition", "digest": "none", "steps": 1}
    path = folder / f"trained{scale}.safetensors"
    save_file(tensors, path, {"srbench": json.dumps(said)})
    return str(path)


def _torchscript_file(folder: Path, scale: int) -> str:
    import torch

    with warnings.catch_warnings(action="ignore"):
        script: Any = torch.jit.script
        script(torch.nn.Upsample(scale_factor=scale)).save(str(folder / f"script{scale}.pt"))
    return str(folder / f"script{scale}.pt")


def _onnx_file(folder: Path, scale: int) -> str:
    """A graph of one transposed convolution: every pixel becomes a square of its own value."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper, save

    ones = numpy_helper.from_array(np.ones((3, 1, scale, scale), np.float32), "ones")
    node = helper.make_node(
        "ConvTranspose", ["lr", "ones"], ["sr"], strides=[scale, scale], group=3, kernel_shape=[scale, scale]
    )
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3, h, w])
        for name, h, w in (("lr", "h", "w"), ("sr", "H", "W"))
    ]
    graph = helper.make_graph([node], "net", ports[:1], ports[1:], [ones])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    save(model, folder / f"net{scale}.onnx")
    return str(folder / f"net{scale}.onnx")


def _python_file(folder: Path, scale: int) -> str:
    (folder / "mine.py").write_text(
        "class Model:\n"
        "    def info(self):\n"
        "        return {'scales': [2, 3, 4, 8], 'receptive_field': 1}\n"
        "    def load(self, scale, device, dtype):\n"
        "        self.scale = scale\n"
        "    def predict(self, lr):\n"
        "        return lr.repeat_interleave(self.scale, 2).repeat_interleave(self.scale, 3)\n",
        encoding="utf-8",
    )
    return str(folder / "mine.py")


def _command(folder: Path, scale: int) -> str:
    (folder / "enlarge.py").write_text(
        "import sys\n"
        "from PIL import Image\n"
        "image = Image.open(sys.argv[1])\n"
        "scale = int(sys.argv[3])\n"
        "image.resize((image.width * scale, image.height * scale), Image.NEAREST).save(sys.argv[2])\n",
        encoding="utf-8",
    )
    return shlex.join([sys.executable, str(folder / "enlarge.py"), "{input}", "{output}", "{scale}"])


_STRANGERS: dict[str, Callable[[Path, int], str]] = {
    "spandrel": _spandrel_file,
    "trained": _trained_file,
    "torchscript": _torchscript_file,
    "onnx": _onnx_file,
    "python": _python_file,
    "command": _command,
}


@dataclass(frozen=True)
class Rung:
    """What a made-up result set says of one model; 0 ms where it was not timed."""

    psnr: float
    lpips: float
    ms: float
    params: int


RUNGS = {
    "nearest": Rung(24.0, 0.45, 1.0, 0),
    "bicubic": Rung(26.0, 0.40, 3.0, 0),
    "vdsr": Rung(28.0, 0.31, 900.0, 665_000),
    "srresnet": Rung(28.5, 0.28, 400.0, 1_550_000),
    "srgan": Rung(26.1, 0.12, 410.0, 1_550_000),
    "imdn": Rung(28.6, 0.27, 60.0, 715_000),
    "carn-m": Rung(28.4, 0.28, 50.0, 412_000),
    "srbench-edsr-s": Rung(28.0, 0.30, 0.0, 0),
}


@dataclass(frozen=True)
class Ladder:
    """Makes result sets as a run leaves them; the numbers are made up."""

    below: Path
    rungs: Mapping[str, Rung]

    def __call__(
        self,
        rungs: Mapping[str, Rung] | None = None,
        dataset: str = "set16",
        images: int = 16,
        folder: str = "ladder",
    ) -> Path:
        """The run's folder: models at x4 on one set of images, with timings of all that have milliseconds."""
        from srbench.store.journal import Journal
        from srbench.store.timings import TimingFile

        run, chosen = self.below / folder, self.rungs if rungs is None else rungs
        with Journal(run / "journal.jsonl") as journal:
            for place, (model, rung) in enumerate(chosen.items()):
                for record in _ladder_records(model, place, rung, dataset, images):
                    journal.append(record)
        with TimingFile(run) as timings:
            for model, rung in chosen.items():
                if rung.ms:
                    timings.append(_ladder_timing(model, rung))
        return run


@pytest.fixture
def ladder(tmp_path: Path) -> Ladder:
    """Result sets of eight models (or others) on one set of 16 images at x4, seven of them timed."""
    return Ladder(tmp_path, RUNGS)


def _ladder_records(model: str, place: int, rung: Rung, dataset: str, images: int) -> Iterator[Record]:
    """Images differ by up to 4 dB, models' differences from image to image by up to 0.4."""
    from srbench.protocols import get_protocol
    from srbench.types import Cell, Record, Score, Status

    signature = get_protocol("classic", 4).signature
    cell = Cell(model, dataset, 4, "classic", signature, "torch|float32|cpu|whole", "0123456789abcdef")
    for i in range(images):
        psnr = rung.psnr + 4 * (i * 7 % images) / images + 0.4 * ((i * 5 + place * 3) % 8) / 8
        scores = {"psnr_y": Score("psnr|y", "k", (psnr,)), "lpips": Score("lpips|rgb", "k", (rung.lpips,))}
        yield Record(cell, f"image{i:02}", images, Status.DONE, scores=scores, time="2026-01-01T00:00:00Z")


def _ladder_timing(model: str, rung: Rung) -> Timing:
    from srbench.types import Conditions, Status, Timing, TimingSpec

    spec = TimingSpec(
        model=model,
        fingerprint="0123456789abcdef",
        weights="card",
        scale=4,
        point="720p",
        height=180,
        width=320,
        kind="still",
        frames=1,
        inference="torch|float32|cpu|whole",
        engine="torch 2.9.1",
        torch="2.9.1",
        dtype="float32",
        device="cpu",
        threads=2,
        memory_format="contiguous",
        tf32=False,
        cudnn="deterministic",
        compiled=False,
        machine="fedcba9876543210",
    )
    return Timing(
        spec,
        Status.DONE,
        step="whole",
        wall_ms=(rung.ms,) * 9,
        params=rung.params or None,
        macs=rung.params * 57_600 or None,
        conditions=Conditions("AMD EPYC, 2 cores", "", 0.0, 0.0, 1.0, 0.0, 0.0),
    )
