"""Networks: tensors as in the files people have, parameters as published, and what each switch does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from srbench.archs.carn import CARN
from srbench.archs.checkpoints import unwrapped
from srbench.archs.edsr import EDSR, named
from srbench.archs.fsrcnn import FSRCNN
from srbench.archs.imdn import IMDN, ContrastAwareAttention
from srbench.archs.srcnn import SRCNN
from srbench.archs.srresnet import Discriminator, SRResNet
from srbench.archs.vdsr import VDSR
from srbench.registry import models

CONV = ("weight", "bias")
NORM = ("weight", "bias", "running_mean", "running_var")


def count(net: nn.Module) -> int:
    """Number of parameters."""
    return sum(p.numel() for p in net.parameters())


def shapes(net: nn.Module) -> dict[str, tuple[int, ...]]:
    """Every stored tensor's shape; PyTorch's counters of batches, which older files lack, left out."""
    tensors = net.state_dict().items()
    return {name: tuple(t.shape) for name, t in tensors if not name.endswith("num_batches_tracked")}


def large_edsr(scale: int) -> EDSR:
    """The full EDSR."""
    return EDSR(scale, 32, 256, residual_scale=0.1)


# --------------------------------------------------------------- published counts and names


@pytest.mark.parametrize(
    ("net", "params", "tensors"),
    [
        (lambda: VDSR(), 665_921, 40),
        (lambda: SRCNN(), 8_129, 6),
        (lambda: FSRCNN(2), 12_809, 23),
        (lambda: SRResNet(4), 1_550_659, 225),
        (lambda: SRResNet(2, 5, end="prelu", slopes="shared"), 586_379, 76),
        (lambda: SRResNet(4, 5, end="prelu", slopes="shared"), 734_092, 79),
        (lambda: Discriminator(), 23_565_505, 48),
        (lambda: EDSR(2), 1_369_859, 72),
        (lambda: EDSR(3), 1_554_499, 72),
        (lambda: EDSR(4), 1_517_571, 74),
        (lambda: IMDN(2), 694_404, 92),
        (lambda: IMDN(3), 703_059, 92),
        (lambda: IMDN(4), 715_176, 92),
        (lambda: CARN(2, groups=4), 414_811, 58),
        (lambda: CARN(4), 1_591_963, 76),
    ],
)
def test_parameters_and_tensors(net: Callable[[], nn.Module], params: int, tensors: int) -> None:
    """Parameters and stored tensors are as many as the published file has."""
    built = net()
    assert count(built) == params
    assert len(shapes(built)) == tensors


def test_vdsr_is_twenty_convolutions() -> None:
    """conv1 to conv20, 3x3, 64 channels inside."""
    found = shapes(VDSR())
    assert list(found) == [f"conv{n}.{part}" for n in range(1, 21) for part in CONV]
    assert found["conv1.weight"] == (64, 1, 3, 3)
    assert found["conv2.weight"] == (64, 64, 3, 3)
    assert found["conv20.weight"] == (1, 64, 3, 3)


def test_srresnet_has_the_names_of_its_five_block_file() -> None:
    """The 5-block variant: one slope a PReLU, and the seventh block ends in one."""
    blocks = [
        f"block{n}.{layer}.{part}"
        for n in range(2, 7)
        for layer, parts in (
            ("conv1", CONV),
            ("bn1", NORM),
            ("prelu", ("weight",)),
            ("conv2", CONV),
            ("bn2", NORM),
        )
        for part in parts
    ]
    ends = ["block7.0.weight", "block7.0.bias", "block7.1.weight"]
    up = ["block8.0.conv.weight", "block8.0.conv.bias", "block8.0.prelu.weight"]
    found = shapes(SRResNet(2, 5, end="prelu", slopes="shared"))
    head = ["block1.0.weight", "block1.0.bias", "block1.1.weight"]
    assert list(found) == [*head, *blocks, *ends, *up, "block8.1.weight", "block8.1.bias"]
    assert found["block1.0.weight"] == (64, 3, 9, 9)
    assert found["block1.1.weight"] == found["block7.1.weight"] == (1,)
    assert found["block8.0.conv.weight"] == (256, 64, 3, 3)
    assert found["block8.1.weight"] == (3, 64, 9, 9)


def test_srresnet_of_the_paper_ends_its_trunk_in_normalisation() -> None:
    """Sixteen blocks, a slope a channel, batch normalisation in block 18, two enlargements."""
    found = shapes(SRResNet(4))
    assert found["block18.1.running_var"] == (64,)
    assert found["block19.1.prelu.weight"] == (64,)
    assert found["block19.2.weight"] == (3, 64, 9, 9)
    assert "block20" not in {name.split(".")[0] for name in found}
    assert "block18.1.weight" not in shapes(SRResNet(4, end="none"))


def test_discriminator_of_the_paper() -> None:
    """Eight convolutions, two dense layers on 6x6x512 features; or an average, for images of any size."""
    found = shapes(Discriminator())
    convs = {name: shape for name, shape in found.items() if len(shape) == 4}
    assert [shape[0] for shape in convs.values()] == [64, 64, 128, 128, 256, 256, 512, 512]
    assert list(convs) == [f"net.{n}.weight" for n in (0, 2, 5, 8, 11, 14, 17, 20)]
    assert found["net.24.weight"] == (1024, 512 * 6 * 6)
    assert found["net.26.weight"] == (1, 1024)
    assert shapes(Discriminator(None))["net.24.weight"] == (1024, 512, 1, 1)
    assert shapes(Discriminator(64))["net.24.weight"] == (1024, 512 * 4 * 4)


@pytest.mark.parametrize(("patch", "size"), [(96, (96, 96)), (None, (50, 34)), (32, (32, 32))])
def test_discriminator_gives_a_logit_an_image(patch: int | None, size: tuple[int, int]) -> None:
    """One number an image, of any sign."""
    torch.manual_seed(0)
    out = Discriminator(patch).eval()(torch.rand(2, 3, *size))
    assert out.shape == (2,)
    assert out.requires_grad


def test_fsrcnn_has_the_papers_weights() -> None:
    """12,464 filter weights (table 1: 25d + sd + 9ms² + ds + 81d), beside biases and slopes."""
    net = FSRCNN(3)
    filters = sum(p.numel() for name, p in net.named_parameters() if p.ndim == 4)
    assert filters == 12_464
    assert shapes(net)["first_part.0.weight"] == (56, 1, 5, 5)
    assert shapes(net)["mid_part.10.weight"] == (56, 12, 1, 1)
    assert shapes(net)["last_part.weight"] == (56, 1, 9, 9)


@pytest.mark.parametrize(("scale", "out"), [(2, 12), (3, 27), (4, 48)])
def test_imdn_names(scale: int, out: int) -> None:
    """Six blocks of five convolutions and an attention; the head has 3 * scale² channels."""
    block = ("c1", "c2", "c3", "c4", "cca.conv_du.0", "cca.conv_du.2", "c5")
    names = ["fea_conv", *(f"IMDB{n}.{part}" for n in range(1, 7) for part in block)]
    names += ["c.0", "LR_conv", "upsampler.0"]
    found = shapes(IMDN(scale))
    assert set(found) == {f"{name}.{part}" for name in names for part in CONV}
    assert found["IMDB1.c2.weight"] == (64, 48, 3, 3)
    assert found["IMDB1.c4.weight"] == (16, 48, 3, 3)
    assert found["IMDB1.cca.conv_du.0.weight"] == (4, 64, 1, 1)
    assert found["c.0.weight"] == (64, 384, 1, 1)
    assert found["upsampler.0.weight"] == (out, 64, 3, 3)


def test_carn_m_names() -> None:
    """One residual-E block a cascade, groups of 16 channels, heads of three scales, the mean's shifters."""
    found = shapes(CARN(2, groups=4))
    cascade = ["b1.body.0", "b1.body.2", "b1.body.4", "c1.body.0", "c2.body.0", "c3.body.0"]
    names = [f"b{n}.{part}" for n in (1, 2, 3) for part in cascade]
    names += ["sub_mean.shifter", "add_mean.shifter", "entry", "exit"]
    names += ["c1.body.0", "c2.body.0", "c3.body.0"]
    heads = ("up2.body.0", "up3.body.0", "up4.body.0", "up4.body.3")
    names += [f"upsample.{part}" for part in heads]
    assert set(found) == {f"{name}.{part}" for name in names for part in CONV}
    assert found["b1.b1.body.0.weight"] == (64, 16, 3, 3)
    assert found["b1.b1.body.4.weight"] == (64, 64, 1, 1)
    assert found["c3.body.0.weight"] == (64, 256, 1, 1)
    assert found["upsample.up3.body.0.weight"] == (576, 16, 3, 3)
    assert "b1.b3.body.2.weight" in shapes(CARN(2))


@pytest.mark.parametrize(
    ("file", "net"),
    [(f"edsr_m_x{s}", (EDSR, s)) for s in (2, 3, 4)] + [(f"edsr_l_x{s}", (large_edsr, s)) for s in (2, 3, 4)],
)
def test_edsr_has_exactly_the_listed_tensors(
    shared: Path, file: str, net: tuple[Callable[[int], EDSR], int]
) -> None:
    """Names and shapes equal the list of BasicSR's files, in order, and so does the number of parameters."""
    listed = json.loads((shared / "weights" / "keys" / f"{file}.json").read_text("utf-8"))
    with torch.device("meta"):
        built = net[0](net[1])
    assert shapes(built) == {name: tuple(shape) for name, shape in listed["tensors"].items()}
    assert count(built) == listed["parameters"]


@pytest.mark.parametrize(("scale", "params"), [(2, 40_729_603), (3, 43_680_003), (4, 43_089_923)])
def test_full_edsr(scale: int, params: int) -> None:
    """32 blocks of 256 channels have the published number of parameters."""
    with torch.device("meta"):
        net = large_edsr(scale)
    assert count(net) == params
    assert shapes(net)["body.31.conv2.weight"] == (256, 256, 3, 3)
    assert ("upsample.2.weight" in shapes(net)) is (scale == 4)


# ------------------------------------------------------------------------- EDSR's three names


def edsr_pytorch(net: EDSR, value_range: float = 255.0) -> dict[str, Tensor]:
    """The same tensors under EDSR-PyTorch's names, with its mean shifts."""
    blocks = len(net.body)
    names = {"conv_first": "head.0", "conv_after_body": f"body.{blocks}", "conv_last": "tail.1"}
    names |= {f"body.{n}.conv{k}": f"body.{n}.body.{2 * (k - 1)}" for n in range(blocks) for k in (1, 2)}
    names |= {f"upsample.{n}": f"tail.0.{n}" for n in (0, 2, 4)}
    renamed = {
        f"{names[name.rpartition('.')[0]]}.{name.rpartition('.')[2]}": tensor
        for name, tensor in net.state_dict().items()
    }
    eye, mean = torch.eye(3).view(3, 3, 1, 1), torch.tensor([0.4488, 0.4371, 0.4040]) * value_range
    shifts = {"sub_mean.weight": eye, "sub_mean.bias": -mean, "add_mean.weight": eye, "add_mean.bias": mean}
    return {**shifts, **renamed}


def openmmlab(net: EDSR) -> dict[str, Tensor]:
    """The same tensors as OpenMMLab stores them, beside what its training leaves there."""
    found = {
        name.replace("upsample.0.", "upsample.0.upsample_conv.").replace(
            "upsample.2.", "upsample.1.upsample_conv."
        ): tensor
        for name, tensor in net.state_dict().items()
    }
    stored = {f"state_dict.generator.{name}": tensor for name, tensor in found.items()}
    return {"meta.epoch": torch.tensor(3), **stored, "state_dict.step_counter": torch.tensor(1)}


SPELLINGS: dict[str, tuple[Callable[[EDSR], Mapping[str, Tensor]], float]] = {
    "BasicSR": (lambda net: net.state_dict(), 255.0),
    "BasicSR, params": (lambda net: {f"params.{k}": v for k, v in net.state_dict().items()}, 255.0),
    "EDSR-PyTorch": (edsr_pytorch, 255.0),
    "EDSR-PyTorch, range 1": (lambda net: edsr_pytorch(net, 1.0), 1.0),
    "DataParallel": (lambda net: {f"module.{k}": v for k, v in edsr_pytorch(net).items()}, 255.0),
    "OpenMMLab": (openmmlab, 1.0),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_edsr_loads_under_every_name(spelling: str, scale: int) -> None:
    """Whoever wrote the file, each tensor finds its place, and the value range is the file's."""
    net = EDSR(scale, 3, 8)
    write, expected = SPELLINGS[spelling]
    tensors, value_range = named(unwrapped(write(net)))
    assert value_range == expected
    assert set(tensors) == set(net.state_dict())
    assert all(torch.equal(tensors[name], tensor) for name, tensor in net.state_dict().items())


def test_averaged_weights_come_first() -> None:
    """Of BasicSR's two sets, the averaged one is what its authors evaluate."""
    found = unwrapped({"params.a": torch.zeros(1), "params_ema.a": torch.ones(1)})
    assert found == {"a": torch.ones(1)}


def test_unknown_names_stay() -> None:
    """What has no wrapper is left as it is."""
    assert list(unwrapped({"a.b": torch.zeros(1), "c": torch.zeros(1)})) == ["a.b", "c"]


# ---------------------------------------------------------------------------- what they compute

STILLS: dict[str, Callable[[int], nn.Module]] = {
    "srresnet": lambda s: SRResNet(s, 2, 8),
    "edsr": lambda s: EDSR(s, 2, 8),
    "imdn": lambda s: IMDN(s, 16),
    "carn": lambda s: CARN(s, 16),
    "carn-m": lambda s: CARN(s, 16, groups=4),
}


@pytest.mark.parametrize("name", STILLS)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_images_grow_by_the_scale(name: str, scale: int) -> None:
    """Any size from one pixel on, grown by the scale, finite."""
    torch.manual_seed(0)
    net = STILLS[name](scale).eval()
    for size in ((7, 5), (1, 1)):
        out = net(torch.rand(2, 3, *size))
        assert out.shape == (2, 3, size[0] * scale, size[1] * scale)
        assert torch.isfinite(out).all()


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_fsrcnn_grows_by_the_scale(scale: int) -> None:
    """The deconvolution gives exactly scale times the size."""
    assert FSRCNN(scale)(torch.rand(1, 1, 5, 8)).shape == (1, 1, 5 * scale, 8 * scale)


def zeroed(net: nn.Module) -> nn.Module:
    """The network with all its weights zero."""
    for parameter in net.parameters():
        nn.init.zeros_(parameter)
    return net.eval()


def test_global_skip_of_vdsr() -> None:
    """With a silent chain the input comes out; without the skip, nothing."""
    x = torch.rand(1, 1, 4, 6)
    assert torch.equal(zeroed(VDSR(4, 8))(x), x)
    assert torch.equal(zeroed(VDSR(4, 8, global_skip=False))(x), torch.zeros_like(x))


def test_silent_edsr_gives_the_mean() -> None:
    """The mean is taken off first and put back last."""
    out = zeroed(EDSR(2, 1, 4))(torch.rand(1, 3, 3, 3))
    assert torch.allclose(out, torch.tensor([0.4488, 0.4371, 0.4040]).view(1, 3, 1, 1).expand(1, 3, 6, 6))


def test_value_range_of_edsr_scales_what_is_inside() -> None:
    """A network without biases is linear up to its ReLUs: the range leaves its output alone."""
    torch.manual_seed(0)
    wide, narrow = EDSR(2, 1, 4), EDSR(2, 1, 4, value_range=1.0)
    for name, parameter in wide.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
    narrow.load_state_dict(wide.state_dict())
    x = torch.rand(1, 3, 4, 4)
    assert torch.allclose(wide(x), narrow(x), atol=1e-6)
    nn.init.ones_(wide.get_parameter("conv_last.bias"))
    assert torch.allclose(wide(x), narrow(x) + 1 / 255, atol=1e-6)


@pytest.mark.parametrize(
    ("with_", "without"),
    [
        (lambda **k: EDSR(2, 2, 8, **k), {"residual_scale": 0.0}),
        (lambda **k: SRResNet(2, 2, 8, **k), {"residual_scale": 0.0}),
        (lambda **k: EDSR(2, 2, 8, **k), {"global_skip": False}),
        (lambda **k: SRResNet(2, 2, 8, **k), {"global_skip": False}),
    ],
)
def test_switches_change_the_output_and_no_tensor(
    with_: Callable[..., nn.Module], without: dict[str, Any]
) -> None:
    """Residual scaling and the global skip change what is computed, not what is stored."""
    torch.manual_seed(0)
    one, other = with_().eval(), with_(**without).eval()
    other.load_state_dict(one.state_dict())
    x = torch.rand(1, 3, 5, 5)
    assert not torch.allclose(one(x), other(x), atol=1e-6)


@pytest.mark.parametrize("make", [lambda n: EDSR(2, 2, 8, norm=n), lambda n: SRResNet(2, 2, 8, norm=n)])
def test_normalisation_is_a_switch(make: Callable[[bool], nn.Module]) -> None:
    """With and without batch normalisation the convolutions keep their names."""
    plain, normed = shapes(make(False)), shapes(make(True))
    assert set(plain) < set(normed)
    extra = set(normed) - set(plain)
    assert all(".bn1." in name or ".bn2." in name for name in extra)
    assert len(extra) == 2 * 2 * 4


def test_residual_scale_multiplies_the_residual() -> None:
    """A block's output is its input plus the scaled residual."""
    torch.manual_seed(0)
    one, tenth = EDSR(2, 1, 8), EDSR(2, 1, 8, residual_scale=0.1)
    tenth.load_state_dict(one.state_dict())
    x = torch.rand(1, 8, 4, 4)
    assert torch.allclose(tenth.body(x) - x, (one.body(x) - x) * 0.1, atol=1e-6)


def test_attention_of_one_pixel_is_finite() -> None:
    """The standard deviation is the population's: a single pixel has contrast zero, not NaN."""
    attention = ContrastAwareAttention(16)
    x = torch.rand(1, 16, 1, 1)
    assert torch.allclose(attention(x), x * attention.conv_du(x))


def test_carn_m_uses_one_block_three_times() -> None:
    """A silent body leaves the unit's input, so that the recursion shows in the shared tensor's gradient."""
    torch.manual_seed(0)
    net = CARN(2, 16, groups=4).double()
    body = net.get_submodule("b1.b1.body.0")
    calls: list[int] = []
    body.register_forward_hook(lambda *_: calls.append(1))
    net(torch.rand(1, 3, 4, 4).double())
    assert len(calls) == 3


# ----------------------------------------------------------------------- cards tell the truth

CARDS: dict[str, Callable[[int], nn.Module]] = {
    "vdsr": lambda s: VDSR(),
    "srcnn": lambda s: SRCNN(),
    "srcnn-jn": lambda s: SRCNN(),
    "srresnet": lambda s: SRResNet(s),
    "srgan": lambda s: SRResNet(s),
    "srgan-5": lambda s: SRResNet(s, 5, end="prelu", slopes="shared"),
    "imdn": lambda s: IMDN(s),
    "carn-m": lambda s: CARN(s, groups=4),
    "edsr-baseline": lambda s: EDSR(s),
    "edsr": large_edsr,
    "srbench-srcnn": lambda s: SRCNN(),
    "srbench-edsr-s": lambda s: EDSR(s, 8, 16),
}


def macs(net: nn.Module, channels: int) -> float:
    """Multiplications of all convolutions per output pixel."""
    total = 0

    def add(layer: nn.Conv2d, _: Any, out: Tensor) -> None:
        nonlocal total
        total += out[0, 0].numel() * layer.weight.numel()

    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(add)
    with torch.device("meta"):
        out = net(torch.empty(1, channels, 1024, 1024))
    return total / int(out[0, 0].numel())


@pytest.mark.parametrize("name", CARDS)
def test_card_counts_what_the_network_has(name: str) -> None:
    """The card's parameters and cost are the network's at its first scale."""
    info = models()[name].info
    with torch.device("meta"):
        net = CARDS[name](info.scales[0])
    assert info.params == count(net)
    cost = macs(net.eval(), 1 if info.channels == "y" else 3)
    assert info.gmacs_per_megapixel == pytest.approx(cost / 1000, abs=6e-4)


SMALL: dict[str, Callable[[int], nn.Module]] = {
    **CARDS,
    "edsr-baseline": lambda s: EDSR(s, 16, 2),
    "edsr": lambda s: EDSR(s, 32, 2),
    "srresnet": lambda s: SRResNet(s, 16, 2),
    "srgan": lambda s: SRResNet(s, 16, 2),
    "srgan-5": lambda s: SRResNet(s, 5, 2, end="prelu"),
    "carn-m": lambda s: CARN(s, 8, groups=4),
    "vdsr": lambda s: VDSR(20, 2),
}
"""Narrow networks see as far as wide ones."""


def reach(net: nn.Module, channels: int, side: int) -> int:
    """How far from an output pixel an input pixel may lie that moves it, measured by the gradient."""
    for name, parameter in net.named_parameters():
        if "shifter" not in name:
            # Small averages: nothing saturates, and of pixels above the mean every ReLU stays open.
            nn.init.constant_(parameter, 0.0 if name.endswith("bias") else 0.1 / parameter[0].numel())
    x = torch.full((1, channels, side, side), 0.9, dtype=torch.float64, requires_grad=True)
    out = net.double().eval()(x)
    factor, middle = out.shape[2] // side, side // 2
    seen = 0
    for corner in (0, factor - 1):
        at = factor * middle + corner
        (gradient,) = torch.autograd.grad(out[0, :, at, at].sum(), x, retain_graph=True)
        rows = gradient.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
        seen = max(seen, middle - int(rows[0]), int(rows[-1]) - middle)
    return seen


@pytest.mark.parametrize("name", [name for name in SMALL if models()[name].info.receptive_field])
def test_receptive_field_covers_what_the_gradient_reaches(name: str) -> None:
    """No input pixel beyond the card's receptive field moves an output pixel, and the field is no larger."""
    info = models()[name].info
    side = 2 * info.receptive_field + 7
    found = max(reach(SMALL[name](s), 1 if info.channels == "y" else 3, side) for s in info.scales)
    assert info.receptive_field - 1 <= found <= info.receptive_field
