"""What a plan knows of a model: signature, fingerprint and skip reason, without importing its network."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from srbench import registry
from srbench.adapters import source
from srbench.adapters.base import Frames, PlainAdapter, Settings
from srbench.adapters.planning import (
    clip_fingerprint,
    inference_signature,
    load_model,
    model_fingerprint,
    skip_reason,
)
from srbench.adapters.python_file import python_entry
from srbench.errors import ContractError, PluginError, UsageError
from srbench.protocols import get_protocol
from srbench.registry import ModelEntry
from srbench.types import Asset, ClipSpec, EvalProtocol, Job, ModelInfo, Url, Weights

INFO = ModelInfo(name="net", title="", family="", scales=(2, 3), receptive_field=5)
SRCNN = "srbench.adapters.srcnn:SRCNN"


@pytest.fixture(autouse=True)
def fresh_source_digests() -> Iterator[None]:
    """Digests are remembered for a process; these tests change files in between."""
    yield
    forget()


def forget() -> None:
    """Forget every remembered digest."""
    for remembered in (source.source_digest, source._imports, source._sha256):
        remembered.cache_clear()


def entry(**changes: object) -> ModelEntry:
    """A network that is never imported."""
    return ModelEntry(replace(INFO, **changes), SRCNN)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------- signature


@pytest.mark.parametrize(
    ("changes", "asked", "signature"),
    [
        ({}, None, "torch|float32|cpu|whole"),
        ({}, Settings(device="cuda"), "torch|float32|cuda|whole"),
        ({}, Settings(device="cuda:1"), "torch|float32|cuda|whole"),
        ({}, Settings(dtype="float16"), "torch|float16|cpu|whole"),
        ({}, Settings(tile=64), "torch|float32|cpu|tile:64+5"),
        ({"size_multiple": 8}, None, "torch|float32|cpu|whole|pad:reflect8"),
        ({"size_multiple": 8}, Settings(tile=60), "torch|float32|cpu|tile:64+8|pad:reflect8"),
        ({"pre_upsampled": True}, Settings(tile=64), "torch|float32|cpu|tile:192+5"),
        ({}, Settings(ensemble=True), "torch|float32|cpu|whole|ensemble:8"),
        ({"engine": "other"}, None, "other|float32|cpu|whole"),
        ({"receptive_field": 0, "tile_overlap": 9}, Settings(tile=64), "torch|float32|cpu|tile:64+9"),
    ],
)
def test_network_signature(changes: dict[str, object], asked: Settings | None, signature: str) -> None:
    """Each setting that moves a number shows in the signature, and nothing else does."""
    got = inference_signature(entry(**changes), "", get_protocol("classic", 3), asked)
    assert got == signature


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (None, None),
        (Settings(dtype="float16"), "no float16: net runs in float32"),
        (Settings(tile=32), None),
        (Settings(tile=-1), "no tiles of -1 pixels"),
        (Settings(ensemble=True), None),
    ],
)
def test_skip_reason_of_settings(settings: Settings | None, reason: str | None) -> None:
    """A network that can't run as asked is skipped with the reason, while planning."""
    assert skip_reason(entry(), "", get_protocol("classic", 2), settings) == reason


def test_self_ensemble_is_for_networks_of_stills() -> None:
    """A sequence model and an interpolation are skipped with the reason."""
    asked, eight = get_protocol("classic", 2), Settings(ensemble=True)
    sequence = entry(kind="sequence")
    assert skip_reason(sequence, "", asked, eight) == "no self-ensemble: net is no model of stills"
    bicubic = registry.models()["bicubic"]
    assert skip_reason(bicubic, "", asked, eight) == "no self-ensemble: bicubic has no network"


def test_skip_reason_of_the_protocol_comes_first() -> None:
    """What the protocol rules out is said before what the settings rule out."""
    asked = skip_reason(entry(), "", get_protocol("vdsr", 2), Settings(dtype="float16"))
    assert asked == "needs RGB; protocol vdsr gives a luma plane only"


# ----------------------------------------------------------------------------- fingerprint


def weights(sha256: str, *scales: int) -> Weights:
    """A checkpoint."""
    return Weights(scales, Asset("w.pth", (Url("https://host/w.pth"),), sha256), "torch", "MIT")


def test_fingerprint_is_stable() -> None:
    """The same card and files give the same fingerprint: 16 hex digits."""
    first = model_fingerprint(entry(), "", 2)
    forget()
    assert model_fingerprint(entry(), "", 2) == first
    assert len(first) == 16
    assert set(first) <= set("0123456789abcdef")


def test_fingerprint_follows_the_weights_of_its_scale() -> None:
    """Another checkpoint for a scale changes that scale's fingerprint, not another's."""
    old = entry(weights=(weights("a" * 64, 2), weights("b" * 64, 3)))
    new = entry(weights=(weights("c" * 64, 2), weights("b" * 64, 3)))
    assert model_fingerprint(old, "", 2) != model_fingerprint(new, "", 2)
    assert model_fingerprint(old, "", 3) == model_fingerprint(new, "", 3)


def test_fingerprint_follows_argument_and_card() -> None:
    """The argument and those fields of the card that change the prediction count; prose doesn't."""
    base = model_fingerprint(entry(), "", 2)
    assert model_fingerprint(entry(), "big", 2) != base
    assert model_fingerprint(entry(channels="y"), "", 2) != base
    assert model_fingerprint(entry(pre_upsampled=True), "", 2) != base
    assert model_fingerprint(entry(kind="sequence"), "", 2) != base
    assert model_fingerprint(entry(title="Another", paper="x", published_as="y"), "", 2) == base


PACKAGE = {
    "__init__.py": "",
    "adapter.py": "import torch\nfrom . import layers\nfrom toy_models.deep import block\nimport numpy\n",
    "layers.py": "from .deep.block import Block\n",
    "deep/__init__.py": "",
    "deep/block.py": "Block = 1\n",
    "unused.py": "x = 1\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package of models, never imported."""
    root = tmp_path / "toy_models"
    for name, text in PACKAGE.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    forget()
    return root


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ("adapter.py", True),
        ("layers.py", True),
        ("deep/block.py", True),
        ("deep/__init__.py", True),
        ("unused.py", False),
    ],
)
def test_fingerprint_follows_the_source_that_is_imported(package: Path, changed: str, counts: bool) -> None:
    """A changed line anywhere in what the adapter imports of its own package changes the fingerprint."""
    model = ModelEntry(INFO, "toy_models.adapter:Net")
    before = model_fingerprint(model, "", 2)
    with (package / changed).open("a", encoding="utf-8") as file:
        file.write("y = 2\n")
    forget()
    assert (model_fingerprint(model, "", 2) != before) is counts
    assert not {name for name in sys.modules if name.startswith("toy_models")}


def test_line_endings_do_not_count(package: Path) -> None:
    """A checkout with Windows line endings has the same fingerprint."""
    model = ModelEntry(INFO, "toy_models.adapter:Net")
    before = model_fingerprint(model, "", 2)
    path = package / "adapter.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    forget()
    assert model_fingerprint(model, "", 2) == before


def test_source_of_a_network_is_its_family_and_its_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    """SRCNN's digest covers the adapter and the network; what all models share answers by its version."""
    seen: list[dict[str, object]] = []

    def noted(named: dict[str, object]) -> str:
        seen.append(named)
        return ""

    monkeypatch.setattr(source, "digest", noted)
    forget()
    source.source_digest(SRCNN)
    assert set(seen[0]) == {"contract", "srbench.adapters.srcnn", "srbench.archs", "srbench.archs.srcnn"}


def test_source_follows_what_one_family_takes_from_another() -> None:
    """A command's outputs are read as a folder's are: both files count."""
    files: dict[str, Path] = {}
    source._follow("srbench.adapters.command", "srbench", files)
    assert {"srbench.adapters.folder", "srbench.adapters.pairing"} <= set(files)


@pytest.mark.parametrize("target", [SRCNN, "srbench.adapters.interpolation:Bicubic"])
def test_another_version_of_the_shared_code_is_another_model(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Raising CONTRACT makes every record stale, a network's and an interpolation's."""
    before = source.source_digest(target)
    monkeypatch.setattr(source, "CONTRACT", source.CONTRACT + 1)
    forget()
    assert source.source_digest(target) != before


def test_class_given_directly_has_its_modules_source() -> None:
    """A class registered by a plugin's file counts like the file."""
    from srbench.adapters.interpolation import Bicubic

    assert source.source_digest(Bicubic) == source.source_digest("srbench.adapters.interpolation:Bicubic")


@pytest.mark.parametrize("target", ["no.such.module:Net", "no_such_module:Net", "builtins:int"])
def test_target_without_a_source_file_is_refused(target: str) -> None:
    """Without a file there is nothing to compare: the model can't be cached, and says why."""
    with pytest.raises(PluginError, match="an adapter whose source is a file, got module"):
        model_fingerprint(ModelEntry(INFO, target), "", 2)


# ------------------------------------------------------------------------------------ build


def test_network_whose_card_says_there_is_none_is_refused() -> None:
    """A plan never trusts an empty dtypes of a network: it is named."""
    wrong = ModelEntry(replace(INFO, dtypes=()), SRCNN)
    with pytest.raises(ContractError, match="net to name the dtypes"):
        inference_signature(wrong, "", get_protocol("classic", 3))


class Spoiled(PlainAdapter):
    """A model without a network that fails while it is planned with."""

    raised: ClassVar[BaseException]

    def skip(self, protocol: EvalProtocol) -> str | None:
        """Fails."""
        raise self.raised

    def inference(self, protocol: EvalProtocol) -> str:
        """Fails."""
        raise self.raised

    def clip_fingerprint(self, clip: ClipSpec) -> str:
        """Fails."""
        raise self.raised

    def upscale(self, lr: Frames, job: Job) -> Frames:
        """Nothing."""
        return lr


@pytest.mark.parametrize(
    ("raised", "kind", "told"),
    [
        (SystemExit(0), PluginError, r"expected net to answer while planning, got called sys.exit\(0\)"),
        (KeyError("k"), PluginError, r"expected net to answer while planning, got KeyError: 'k'"),
        (UsageError("a", "b", "c"), UsageError, "expected a, got b; c"),
        (KeyboardInterrupt("k"), KeyboardInterrupt, "k"),
    ],
)
def test_model_that_fails_while_planning(raised: BaseException, kind: type[BaseException], told: str) -> None:
    """A stranger's model that can't answer for itself is refused in one line that names it."""
    spoiled = ModelEntry(replace(INFO, dtypes=()), type("Spoiled", (Spoiled,), {"raised": raised}))
    protocol = get_protocol("classic", 2)
    with pytest.raises(kind, match=told):
        skip_reason(spoiled, "", protocol)
    with pytest.raises(kind, match=told):
        inference_signature(spoiled, "", protocol)
    with pytest.raises(kind, match=told):
        clip_fingerprint(spoiled, "", ClipSpec("toy", "clip", 1, 2, "bi", ""))


def test_target_that_is_no_adapter_is_refused() -> None:
    """Only subclasses of the base class are loaded."""
    with pytest.raises(PluginError, match=r"a subclass of srbench\.Adapter, got dict"):
        load_model(ModelEntry(INFO, lambda info, argument: {}), scale=2)
    with pytest.raises(PluginError, match="a PlainAdapter where a card's dtypes are empty, got dict"):
        skip_reason(
            ModelEntry(replace(INFO, dtypes=()), lambda info, argument: {}), "", get_protocol("rgb", 2)
        )


def test_planning_imports_no_torch(tmp_path: Path) -> None:
    """Reasons, signatures and fingerprints of every registered model load neither torch nor OpenCV."""
    code = (
        "import sys; from srbench.registry import _models as models; from srbench.adapters import catalog\n"
        "from srbench.adapters.planning import *; from srbench.protocols import get_protocol\n"
        "catalog.register(); p = get_protocol('classic', 3)\n"
        "for e in models.values():\n"
        "    a = {'folder': '.', 'command': 'env {input} {output}'}.get(e.info.name, '')\n"
        "    a = a or (e.info.argument and 'some.file')\n"
        "    skip_reason(e, a, p), inference_signature(e, a, p), model_fingerprint(e, a, 3)\n"
        "print(len(models), *{'torch', 'torchvision', 'cv2', 'pandas', 'lpips'} & set(sys.modules))"
    )
    (tmp_path / "some.file").touch()
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    count, *heavy = done.stdout.split()
    assert int(count) >= 6
    assert heavy == []


def test_registered_models_have_different_cells(tmp_path: Path) -> None:
    """No two registered networks share a fingerprint, so that none takes the other's predictions."""
    networks = [e for e in registry.models().values() if e.info.dtypes and e.origin == "built in"]
    (tmp_path / "net").touch()
    files = [str(tmp_path / "net") if e.info.argument else "" for e in networks]
    prints = [model_fingerprint(e, file, e.info.scales[0]) for e, file in zip(networks, files, strict=True)]
    assert networks
    assert len(set(prints)) == len(prints)


def test_fingerprint_follows_files_that_a_python_file_declares(tmp_path: Path) -> None:
    """A checkpoint beside it that changed is another model; without one the fingerprint is as ever."""
    info = "def info(): return {'scales': [2], 'files': ['net.pth']}"
    rest = "def load(*_): 0\ndef predict(lr): return lr"
    (tmp_path / "net.py").write_text(f"{info}\n{rest}\n", "utf-8")
    (tmp_path / "net.pth").write_bytes(b"one")
    argument = str(tmp_path / "net.py")

    def fingerprint() -> str:
        return model_fingerprint(python_entry(registry.models()["python"], argument), argument, 2)

    before = fingerprint()
    assert fingerprint() == before
    (tmp_path / "net.pth").write_bytes(b"other")
    assert fingerprint() != before
    (tmp_path / "net.pth").unlink()
    with pytest.raises(UsageError, match=r"net\.pth"):
        fingerprint()


def test_fingerprint_follows_files_that_a_card_declares(tmp_path: Path) -> None:
    """Of a plugin's network."""
    path = tmp_path / "net.pth"
    path.write_bytes(b"one")
    before = model_fingerprint(entry(files=(str(path),)), "", 2)
    path.write_bytes(b"other")
    assert (
        len({before, model_fingerprint(entry(files=(str(path),)), "", 2), model_fingerprint(entry(), "", 2)})
        == 3
    )
