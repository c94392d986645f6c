"""Adapters of networks: each file layout becomes the right tensors, and a wrong file is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from srbench.adapters import srcnn, srresnet, vdsr
from srbench.adapters.network import Adapter
from srbench.archs.carn import CARN
from srbench.archs.edsr import EDSR
from srbench.archs.imdn import IMDN
from srbench.archs.srresnet import SRResNet
from srbench.protocols import get_protocol
from srbench.registry import models, resolve
from srbench.types import Asset, ClipSpec, Job, LocalPath, Weights


def adapter_of(name: str, scale: int, file: Path, format: str = "torch") -> Adapter:
    """The built-in adapter, its card pointing at a file on this machine."""
    entry = models()[name]
    sha = hashlib.sha256(file.read_bytes()).hexdigest()
    weights = Weights((scale,), Asset(file.name, (LocalPath(str(file)),), sha), format, "")
    adapter: Adapter = resolve(entry.target)(replace(entry.info, weights=(weights,)))
    adapter.start(scale)
    return adapter


def saved(tensors: Mapping[str, Any], folder: Path) -> Path:
    """A PyTorch checkpoint."""
    torch.save(dict(tensors), folder / "checkpoint.pth")
    return folder / "checkpoint.pth"


def synthesised(listed: Mapping[str, Any], seed: int = 0) -> dict[str, Tensor]:
    """Small random tensors of listed names and shapes."""
    torch.manual_seed(seed)
    return {name: torch.randn(shape) * 0.02 for name, shape in listed.items()}


def super_resolve(adapter: Adapter, size: tuple[int, int] = (6, 5)) -> tuple[Tensor, Tensor]:
    """The network's input and output of a random image, (1, 3, h, w) in [0, 1]."""
    lr = np.random.default_rng(0).integers(0, 256, (1, *size, 3), np.uint8)
    protocol = get_protocol("classic", adapter.scale)
    sr = adapter(lr, Job(ClipSpec("toy", "clip", 1, adapter.scale, "bi", ""), protocol))
    return torch.from_numpy(lr / 255).float().permute(0, 3, 1, 2), torch.from_numpy(sr / 255).permute(
        0, 3, 1, 2
    )


# ----------------------------------------------------------------------------------- EDSR

EDSR_FILES = [("edsr-baseline", "edsr_m", s) for s in (2, 3, 4)] + [("edsr", "edsr_l", 2)]


@pytest.mark.parametrize(("name", "keys", "scale"), EDSR_FILES)
@pytest.mark.parametrize("spelling", ["BasicSR", "EDSR-PyTorch"])
def test_edsr_loads_a_checkpoint_of_the_official_names(
    shared: Path, tmp_path: Path, name: str, keys: str, scale: int, spelling: str
) -> None:
    """A file of exactly the listed tensors loads and computes, under BasicSR's or the authors' names."""
    listed = json.loads((shared / "weights" / "keys" / f"{keys}_x{scale}.json").read_text("utf-8"))
    tensors = synthesised(listed["tensors"])
    basicsr: dict[str, Any] = {"params": tensors}
    file = saved(basicsr if spelling == "BasicSR" else authors_names(tensors), tmp_path)
    adapter = adapter_of(name, scale, file)
    x, sr = super_resolve(adapter)
    net = EDSR(scale) if name == "edsr-baseline" else EDSR(scale, 32, 256, residual_scale=0.1)
    net.load_state_dict(tensors)
    with torch.inference_mode():
        expected = net(x).double()
    assert torch.allclose(sr, expected, atol=1e-6)


def authors_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """EDSR-PyTorch's names and mean shifts."""
    blocks = max(int(name.split(".")[1]) for name in tensors if name.startswith("body.")) + 1
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        part = name.rpartition(".")[2]
        match name.split("."):
            case ["conv_first", _]:
                found[f"head.0.{part}"] = tensor
            case ["body", n, conv, _]:
                found[f"body.{n}.body.{0 if conv == 'conv1' else 2}.{part}"] = tensor
            case ["conv_after_body", _]:
                found[f"body.{blocks}.{part}"] = tensor
            case ["upsample", n, _]:
                found[f"tail.0.{n}.{part}"] = tensor
            case _:
                found[f"tail.1.{part}"] = tensor
    eye, mean = torch.eye(3).view(3, 3, 1, 1), torch.tensor([0.4488, 0.4371, 0.4040]) * 255
    shifts = {"sub_mean.weight": eye, "sub_mean.bias": -mean, "add_mean.weight": eye, "add_mean.bias": mean}
    return {**shifts, **found}


@pytest.mark.parametrize("scale", [2, 4])
def test_openmmlabs_edsr_sees_unit_range(tmp_path: Path, scale: int) -> None:
    """OpenMMLab's networks were trained on [0, 1]: the same tensors mean another network there."""
    torch.manual_seed(0)
    net = EDSR(scale, 2, 8, value_range=1.0)
    stored = {
        f"generator.{name}".replace("upsample.0.", "upsample.0.upsample_conv.").replace(
            "upsample.2.", "upsample.1.upsample_conv."
        ): tensor
        for name, tensor in net.state_dict().items()
    }
    adapter = adapter_of(
        "edsr-baseline", scale, saved({"meta": {"epoch": 1}, "state_dict": stored}, tmp_path)
    )
    x, sr = super_resolve(adapter)
    with torch.inference_mode():
        assert torch.allclose(sr, net(x).double(), atol=1e-6)


@pytest.mark.parametrize("change", ["missing", "extra", "shape"])
def test_a_checkpoint_that_does_not_fit_is_refused(tmp_path: Path, change: str) -> None:
    """A tensor too few, one too many, or one of another shape: nothing is loaded in part."""
    tensors = dict(EDSR(2, 2, 8).state_dict())
    if change == "missing":
        del tensors["conv_last.bias"]
    elif change == "extra":
        tensors["conv_more.bias"] = torch.zeros(1)
    else:
        tensors["conv_last.bias"] = torch.zeros(4)
    with pytest.raises(RuntimeError, match=r"conv_(last|more)\.bias"):
        adapter_of("edsr-baseline", 2, saved(tensors, tmp_path))


# --------------------------------------------------------------------------------- SRResNet


@pytest.mark.parametrize("end", ["bn", "prelu", "none"])
@pytest.mark.parametrize("slopes", ["shared", "channel"])
@pytest.mark.parametrize("norm", [True, False])
def test_srresnets_variant_is_read_from_its_file(tmp_path: Path, end: Any, slopes: Any, norm: bool) -> None:
    """Blocks, normalisation, slopes, and how the trunk ends: the file says it, the output follows."""
    torch.manual_seed(0)
    net = SRResNet(2, 3, end=end, slopes=slopes, norm=norm).eval()
    for name, tensor in net.state_dict().items():
        if "running_mean" in name:
            tensor.normal_(0, 0.1)
    x, sr = super_resolve(adapter_of("srgan-5", 2, saved(net.state_dict(), tmp_path)))
    with torch.inference_mode():
        assert torch.allclose(sr, net(x).double(), atol=1e-6)


def test_files_without_batch_counters_load(tmp_path: Path) -> None:
    """Files from before PyTorch 0.4 lack num_batches_tracked, which inference does not need."""
    old = {
        k: v for k, v in SRResNet(2, 5, end="prelu", slopes="shared").state_dict().items() if "num_b" not in k
    }
    adapter_of("srgan-5", 2, saved(old, tmp_path))
    with pytest.raises(RuntimeError, match="running_var"):
        adapter_of(
            "srgan-5", 2, saved({k: v for k, v in old.items() if k != "block2.bn1.running_var"}, tmp_path)
        )


def keras_file(folder: Path, blocks: int, first: int) -> tuple[Path, dict[str, Tensor]]:
    """A Keras SRResNet x4 whose layers count on from ``first``, as a second model of one session does."""
    h5py = pytest.importorskip("h5py", reason="left out: h5py is not installed (the extra `keras`)")
    torch.manual_seed(0)
    convs = [(9, 3, 64), *[(3, 64, 64)] * (2 * blocks + 1), (3, 64, 256), (3, 64, 256), (9, 64, 3)]
    layers: dict[str, Tensor] = {}

    def add(kind: str, number: int, part: str, value: Tensor) -> None:
        suffix = f"_{first + number}" if first + number else ""
        layers[f"{kind}{suffix}/{kind}{suffix}/{part}:0"] = value

    for n, (k, i, o) in enumerate(convs):
        add("conv2d", n, "kernel", torch.randn(k, k, i, o) * 0.03)
        add("conv2d", n, "bias", torch.randn(o) * 0.1)
    for n in range(2 * blocks + 1):
        for part in ("gamma", "beta", "moving_mean", "moving_variance"):
            add("batch_normalization_v1", n, part, torch.rand(64) * (1e-3 if part[-1] == "e" else 1))
    for n in range(blocks + 3):
        add("p_re_lu", n, "alpha", torch.rand(1, 1, 64))
    with h5py.File(folder / "weights.h5", "w") as file:
        for name, value in layers.items():
            file[name] = value.numpy()
    return folder / "weights.h5", layers


def keras_model(layers: Mapping[str, Tensor], blocks: int, first: int, x: Tensor) -> Tensor:
    """The model as Keras computes it, layer by layer: kernels HWIO, BN of eps 1e-3, depth-to-space."""

    def get(kind: str, n: int, part: str) -> Tensor:
        suffix = f"_{first + n}" if first + n else ""
        return layers[f"{kind}{suffix}/{kind}{suffix}/{part}:0"].double()

    def conv(x: Tensor, n: int) -> Tensor:
        kernel = get("conv2d", n, "kernel").permute(3, 2, 0, 1)
        return F.conv2d(x, kernel, get("conv2d", n, "bias"), padding=kernel.shape[-1] // 2)

    def norm(x: Tensor, n: int) -> Tensor:
        parts = ("gamma", "beta", "moving_mean", "moving_variance")
        gamma, beta, mean, variance = (get("batch_normalization_v1", n, p).view(1, -1, 1, 1) for p in parts)
        return gamma * (x - mean) / torch.sqrt(variance + 1e-3) + beta

    def prelu(x: Tensor, n: int) -> Tensor:
        return torch.where(x > 0, x, x * get("p_re_lu", n, "alpha").view(1, -1, 1, 1))

    def depth_to_space(x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        out = torch.empty(n, c // 4, 2 * h, 2 * w, dtype=x.dtype)
        for dy in (0, 1):
            for dx in (0, 1):
                block = 2 * dy + dx
                out[:, :, dy::2, dx::2] = x[:, block * (c // 4) : (block + 1) * (c // 4)]
        return out

    head = trunk = prelu(conv(x, 0), 0)
    for b in range(blocks):
        inner = prelu(norm(conv(trunk, 2 * b + 1), 2 * b), b + 1)
        trunk = trunk + norm(conv(inner, 2 * b + 2), 2 * b + 1)
    trunk = head + norm(conv(trunk, 2 * blocks + 1), 2 * blocks)
    for u in (0, 1):
        trunk = prelu(depth_to_space(conv(trunk, 2 * blocks + 2 + u)), blocks + 1 + u)
    return (torch.tanh(conv(trunk, 2 * blocks + 4)) + 1) / 2


@pytest.mark.parametrize("first", [0, 37])
def test_keras_file_computes_what_keras_does(tmp_path: Path, first: int) -> None:
    """Layers in the order of their numbers (10 after 9); kernels, slopes, eps, depth-to-space are Keras's."""
    file, layers = keras_file(tmp_path, 6, first)
    x, sr = super_resolve(adapter_of("srresnet", 4, file, "keras"))
    expected = keras_model(layers, 6, first, x.double())
    assert torch.allclose(sr, expected, atol=2e-5)


def test_depth_to_space_order_matters(tmp_path: Path) -> None:
    """Left in TensorFlow's order, the channels of the enlargement give another image."""
    file, _ = keras_file(tmp_path, 2, 0)
    adapter = adapter_of("srresnet", 4, file, "keras")
    _, right = super_resolve(adapter)
    up = adapter.net.get_submodule("block5.0.conv")  # type: ignore[attr-defined]
    with torch.no_grad():
        up.weight.copy_(up.weight.reshape(64, 4, 64, 3, 3).transpose(0, 1).flatten(0, 1))
    assert not torch.allclose(super_resolve(adapter)[1], right, atol=1e-3)


def test_keras_eps_belongs_to_keras(tmp_path: Path) -> None:
    """PyTorch's files keep PyTorch's eps."""
    file, _ = keras_file(tmp_path, 1, 0)
    keras = adapter_of("srresnet", 4, file, "keras").net  # type: ignore[attr-defined]
    torch_ = adapter_of("srresnet", 4, saved(SRResNet(4, 1).state_dict(), tmp_path)).net  # type: ignore[attr-defined]
    assert (keras.block2.bn1.eps, torch_.block2.bn1.eps) == (srresnet.KERAS_EPS, 1e-5)


# -------------------------------------------------------------------- MATLAB's two layouts


def test_srcnn_matlab_filters_are_column_major_images() -> None:
    """``reshape(weights_conv1(:, i), 9, 9)`` in MATLAB's order, channels and filters as SRCNN.m has them."""
    rng = np.random.default_rng(0)
    filters = [rng.random(shape) for shape in ((64, 1, 9, 9), (32, 64, 1, 1), (1, 32, 5, 5))]
    biases = [rng.random((n, 1)) for n in (64, 32, 1)]
    columns = [np.stack([[k.ravel(order="F") for k in one] for one in kernels]) for kernels in filters]
    stored = {
        "weights_conv1": columns[0][:, 0].T,
        "weights_conv2": columns[1].transpose(1, 2, 0),
        "weights_conv3": columns[2][0],
        **{f"biases_conv{n}": bias for n, bias in enumerate(biases, 1)},
    }
    assert stored["weights_conv1"].shape == (81, 64)
    assert stored["weights_conv2"].shape == (64, 1, 32)
    found = srcnn.from_matlab({name: torch.from_numpy(a.copy()) for name, a in stored.items()})
    for n, (kernels, bias) in enumerate(zip(filters, biases, strict=True), 1):
        np.testing.assert_array_equal(found[f"conv{n}.weight"].numpy(), kernels)
        np.testing.assert_array_equal(found[f"conv{n}.bias"].numpy(), bias[:, 0])


def test_srcnn_955_is_read_from_its_file(tmp_path: Path) -> None:
    """The sizes of a file's kernels choose between 9-1-5 and 9-5-5."""
    from srbench.archs.srcnn import SRCNN

    adapter = adapter_of("srcnn", 3, saved(SRCNN((9, 5, 5)).state_dict(), tmp_path))
    assert adapter.net.kernels == (9, 5, 5)  # type: ignore[attr-defined]


def test_vdsr_cells_are_matconvnet_kernels() -> None:
    """Kernels (k, k, in, out), the last one without its dimension of one; any depth."""
    rng = np.random.default_rng(0)
    kernels = [rng.random(shape) for shape in ((3, 3, 1, 4), (3, 3, 4, 4), (3, 3, 4))]
    stored = {f"model.weight.{n}": torch.from_numpy(k) for n, k in enumerate(kernels)}
    stored |= {f"model.bias.{n}": torch.from_numpy(rng.random((m, 1))) for n, m in enumerate((4, 4, 1))}
    found = vdsr.from_matlab(stored)
    assert {name: tuple(t.shape) for name, t in found.items() if t.ndim == 4} == {
        "conv1.weight": (4, 1, 3, 3),
        "conv2.weight": (4, 4, 3, 3),
        "conv3.weight": (1, 4, 3, 3),
    }
    assert found["conv2.weight"][3, 1, 0, 2] == kernels[1][0, 2, 1, 3]
    assert found["conv3.weight"][0, 2, 1, 0] == kernels[2][1, 0, 2]
    assert found["conv3.bias"].shape == (1,)


# --------------------------------------------------------------------------- IMDN and CARN-M

NETS: dict[str, Callable[[int], torch.nn.Module]] = {"imdn": IMDN, "carn-m": lambda s: CARN(s, groups=4)}


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_state_dicts_load_with_or_without_dataparallels_prefix(
    tmp_path: Path, name: str, scale: int, prefix: str
) -> None:
    """Saved from DataParallel or not, the same network is loaded."""
    torch.manual_seed(0)
    net = NETS[name](scale).eval()
    file = saved({prefix + k: v for k, v in net.state_dict().items()}, tmp_path)
    x, sr = super_resolve(adapter_of(name, scale, file))
    with torch.inference_mode():
        assert torch.allclose(sr, net(x).double(), atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", NETS)
def test_half_precision_agrees_with_float32(tmp_path: Path, name: str, dtype: str) -> None:
    """Half precision, which the cards offer, gives the image to within its own digits."""
    from srbench.adapters.base import Settings

    torch.manual_seed(0)
    file = saved(NETS[name](2).state_dict(), tmp_path)
    full, half = adapter_of(name, 2, file), adapter_of(name, 2, file)
    half.settings = Settings(dtype=dtype)
    half.load("cpu", dtype)
    difference = (super_resolve(full)[1] - super_resolve(half)[1]).abs().max()
    assert 0 < difference < (2e-3 if dtype == "float16" else 2e-2)
