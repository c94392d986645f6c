"""Multiply-adds by PyTorch's counter against sums made by hand from the papers' layer tables."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from srbench.adapters.planning import load_model
from srbench.archs.fsrcnn import FSRCNN
from srbench.archs.srcnn import SRCNN
from srbench.registry import models
from srbench.timing.counts import count, parameters, weight_bytes
from srbench.timing.untrained import BUILDERS

HR = 720 * 1280
LR = {2: 360 * 640, 3: 240 * 427, 4: 180 * 320}
SIDES = {2: (360, 640), 3: (240, 427), 4: (180, 320)}
STEPS = {2: (2,), 3: (3,), 4: (2, 2)}


def conv(pixels: int, inputs: int, outputs: int, kernel: int, groups: int = 1) -> int:
    """Multiply-adds of a convolution that gives so many pixels."""
    return pixels * inputs * outputs * kernel**2 // groups


def enlarged(pixels: int, scale: int, features: int, groups: int = 1) -> int:
    """Sub-pixel convolutions, one after the other."""
    total = 0
    for factor in STEPS[scale]:
        total += conv(pixels, features, features * factor**2, 3, groups)
        pixels *= factor**2
    return total


def srcnn(kernels: tuple[int, int, int]) -> int:
    """Three convolutions on the enlarged image."""
    first, second, third = kernels
    return conv(HR, 1, 64, first) + conv(HR, 64, 32, second) + conv(HR, 32, 1, third)


def vdsr() -> int:
    """Twenty 3x3 convolutions on the enlarged image."""
    return conv(HR, 1, 64, 3) + 18 * conv(HR, 64, 64, 3) + conv(HR, 64, 1, 3)


def edsr(scale: int, blocks: int, features: int) -> int:
    """Head, blocks of two, one more, enlargement, tail."""
    p = LR[scale]
    trunk = conv(p, 3, features, 3) + (2 * blocks + 1) * conv(p, features, features, 3)
    return trunk + enlarged(p, scale, features) + conv(p * scale**2, features, 3, 3)


def srresnet(scale: int, blocks: int) -> int:
    """As EDSR's baseline, with 9x9 at both ends."""
    p = LR[scale]
    trunk = conv(p, 3, 64, 9) + (2 * blocks + 1) * conv(p, 64, 64, 3)
    return trunk + enlarged(p, scale, 64) + conv(p * scale**2, 64, 3, 9)


def imdn(scale: int) -> int:
    """Six distillation blocks; their attention works on one pixel."""
    p = LR[scale]
    distil = conv(p, 64, 64, 3) + 2 * conv(p, 48, 64, 3) + conv(p, 48, 16, 3) + conv(p, 64, 64, 1)
    block = distil + conv(1, 64, 4, 1) + conv(1, 4, 64, 1)
    ends = conv(p, 3, 64, 3) + conv(p, 64, 64, 3) + conv(p, 64, 3 * scale**2, 3)
    return 6 * block + conv(p, 6 * 64, 64, 1) + ends


def carn(scale: int, groups: int) -> int:
    """A cascade of three cascades of three blocks; 1x1 fusions of 2, 3 and 4 inputs; colour shifts."""
    p, out = LR[scale], LR[scale] * scale**2
    mixed = conv(p, 64, 64, 1) if groups > 1 else 0
    block = 2 * conv(p, 64, 64, 3, groups) + mixed
    fusions = sum(conv(p, 64 * n, 64, 1) for n in (2, 3, 4))
    ends = conv(p, 3, 3, 1) + conv(p, 3, 64, 3) + conv(out, 64, 3, 3) + conv(out, 3, 3, 1)
    return 3 * (3 * block + fusions) + fusions + enlarged(p, scale, 64, groups) + ends


def fsrcnn(scale: int) -> int:
    """FSRCNN(56, 12, 4): its deconvolution counts its input's pixels."""
    p = LR[scale]
    body = conv(p, 1, 56, 5) + 2 * conv(p, 56, 12, 1) + 4 * conv(p, 12, 12, 3)
    return body + conv(p, 56, 1, 9)


def edvr(
    features: int,
    frames: int,
    extraction: int,
    reconstruction: int,
    groups: int = 8,
    tail: int = 64,
    *,
    tsa: bool = True,
) -> int:
    """Features of each frame, alignment on three levels, attention, reconstruction (figures 2 to 4)."""
    f, whole, half, quarter = features, LR[4], LR[4] // 4, LR[4] // 16
    pyramid = conv(whole, 3, f, 3) + 2 * extraction * conv(whole, f, f, 3)
    pyramid += 2 * conv(half, f, f, 3) + 2 * conv(quarter, f, f, 3)

    def deformed(pixels: int) -> int:
        return conv(pixels, f, groups * 27, 3) + conv(pixels, f, f, 3)

    def level(pixels: int) -> int:
        return 3 * conv(pixels, 2 * f, f, 3) + conv(pixels, f, f, 3) + deformed(pixels)

    coarsest = conv(quarter, 2 * f, f, 3) + conv(quarter, f, f, 3) + deformed(quarter)
    cascade = conv(whole, 2 * f, f, 3) + conv(whole, f, f, 3) + deformed(whole)
    aligned = coarsest + level(half) + level(whole) + cascade
    temporal = (frames + 1) * conv(whole, f, f, 3) + conv(whole, frames * f, f, 1)
    spatial = conv(whole, frames * f, f, 1) + conv(half, 2 * f, f, 1) + conv(half, f, f, 1)
    spatial += conv(quarter, 2 * f, f, 3) + conv(quarter, f, f, 3) + conv(half, f, f, 3) + conv(half, f, f, 1)
    spatial += conv(whole, f, f, 3) + 2 * conv(whole, f, f, 1)
    restored = 2 * reconstruction * conv(whole, f, f, 3) + conv(whole, f, 4 * f, 3)
    restored += conv(4 * whole, f, 4 * tail, 3) + conv(16 * whole, tail, tail, 3)
    restored += conv(16 * whole, tail, 3, 3)
    fused = temporal + spatial if tsa else conv(whole, frames * f, f, 1)
    return frames * (pyramid + aligned) + fused + restored


def basicvsr(frames: int) -> int:
    """Two trunks of 30 blocks a frame, flows between neighbours both ways, reconstruction."""
    p = LR[4]
    widths = (8, 32, 64, 32, 16, 2)
    height, width = 192, 320  # 180x320 as SPyNet sees it: multiples of 32
    pixels = sum((height >> n) * (width >> n) for n in range(6))
    flow = sum(conv(pixels, a, b, 7) for a, b in pairwise(widths))
    trunk = conv(p, 67, 64, 3) + 60 * conv(p, 64, 64, 3)
    restored = conv(p, 128, 64, 1) + conv(p, 64, 256, 3) + conv(4 * p, 64, 256, 3)
    restored += conv(16 * p, 64, 64, 3) + conv(16 * p, 64, 3, 3)
    return frames * (2 * trunk + restored) + 2 * (frames - 1) * flow


BY_HAND: dict[tuple[str, int], Callable[[], int]] = {
    ("srcnn", 3): lambda: srcnn((9, 1, 5)),
    ("srcnn-jn", 3): lambda: srcnn((9, 1, 5)),
    ("vdsr", 4): vdsr,
    ("srresnet", 4): lambda: srresnet(4, 16),
    ("srgan", 4): lambda: srresnet(4, 16),
    ("srgan-5", 2): lambda: srresnet(2, 5),
    ("srgan-5", 4): lambda: srresnet(4, 5),
    **{("edsr-baseline", scale): lambda scale=scale: edsr(scale, 16, 64) for scale in LR},  # type: ignore[misc]
    **{("edsr", scale): lambda scale=scale: edsr(scale, 32, 256) for scale in LR},  # type: ignore[misc]
    **{("imdn", scale): lambda scale=scale: imdn(scale) for scale in LR},  # type: ignore[misc]
    **{("carn-m", scale): lambda scale=scale: carn(scale, 4) for scale in LR},  # type: ignore[misc]
    ("edvr-m", 4): lambda: edvr(64, 5, 5, 10),
    ("edvr-l", 4): lambda: edvr(128, 7, 5, 40),
    ("basicvsr", 4): lambda: basicvsr(2),
    ("basicvsr-bd", 4): lambda: basicvsr(2),
    ("basicvsr-reds4", 4): lambda: basicvsr(2),
}


def given(name: str, scale: int) -> tuple[int, ...]:
    """The shape that a network takes at 720p."""
    info = models()[name].info
    if info.kind != "still":
        return 1, 2 if info.kind == "sequence" else info.frames_before + 1 + info.frames_after, 3, *SIDES[4]
    channels = 1 if info.channels == "y" else 3
    return (1, channels, *((720, 1280) if info.pre_upsampled else SIDES[scale]))


@pytest.mark.parametrize(("name", "scale"), BY_HAND, ids=lambda value: str(value))
def test_the_counter_agrees_with_a_count_by_hand(name: str, scale: int) -> None:
    """Each built-in network at 720p: to the last multiply-add; FLOPs are twice the MACs."""
    counted = count(BUILDERS[name](scale).eval(), torch.rand(given(name, scale)))
    by_hand = BY_HAND[name, scale]()
    assert (counted.macs, counted.flops) == (by_hand, 2 * by_hand)


def test_every_built_in_network_has_a_count_by_hand() -> None:
    """No network is left out; files that describe their own network are no sizes of ours."""
    built_in = {name: entry for name, entry in models().items() if entry.origin == "built in"}
    networks = {name for name, entry in built_in.items() if entry.info.dtypes and not entry.info.argument}
    described = {name for name, entry in built_in.items() if str(entry.target).endswith(":Trained")}
    assert networks - described == set(BUILDERS) == {name for name, _ in BY_HAND}


@pytest.mark.parametrize(
    ("name", "scale", "by_hand"),
    [("srbench-srcnn", scale, lambda: srcnn((9, 1, 5))) for scale in LR]
    + [("srbench-edvr-s", 4, lambda: edvr(16, 5, 1, 4, 2, 16, tsa=False))]
    + [("srbench-fsrcnn", scale, lambda scale=scale: fsrcnn(scale)) for scale in LR]
    + [("srbench-edsr-s", scale, lambda scale=scale: edsr(scale, 8, 16)) for scale in LR],
)
def test_shipped_networks_agree_with_a_count_by_hand(
    name: str, scale: int, by_hand: Callable[[], int]
) -> None:
    """The networks that srbench trained, filled from their files, at 720p."""
    adapter = load_model(models()[name], scale=scale)
    assert count(cast(Any, adapter).net, torch.rand(given(name, scale))).macs == by_hand()


@pytest.mark.parametrize(
    ("name", "scale", "printed"),
    [
        ("imdn", 2, 158.8),
        ("imdn", 3, 71.5),
        ("imdn", 4, 40.9),
        ("carn-m", 2, 91.2),
        ("carn-m", 4, 32.5),
        ("vdsr", 4, 612.6),
    ],
)
def test_counts_agree_with_figures_printed_in_papers(name: str, scale: int, printed: float) -> None:
    """To the digits printed in CARN's and SwinIR's tables, which call them multi-adds or FLOPs alike."""
    by_hand = BY_HAND[name, 4 if name == "vdsr" else scale]() / 1e9
    assert round(by_hand, 1) == printed


def test_the_count_of_srcnn_9_5_5_agrees_with_carns_table() -> None:
    """None of the built-in files is of that size: they are 9-1-5."""
    counted = count(SRCNN((9, 5, 5)), torch.rand(1, 1, 720, 1280)).macs
    assert counted == srcnn((9, 5, 5))
    assert round(counted / 1e9, 1) == 52.7


@pytest.mark.parametrize("name", BUILDERS)
def test_random_weights_are_as_many_as_the_cards_file_has(name: str) -> None:
    """A card tells the parameters of its first scale."""
    info = models()[name].info
    assert parameters([BUILDERS[name](info.scales[0])]) == info.params


def test_a_deconvolution_counts_its_input_pixels() -> None:
    """FSRCNN(56, 12, 4): 5x5, 1x1, four 3x3, 1x1, and 9x9 weights for each input pixel."""
    p = 40 * 60
    by_hand = conv(p, 1, 56, 5) + 2 * conv(p, 56, 12, 1) + 4 * conv(p, 12, 12, 3) + conv(p, 56, 1, 9)
    assert count(FSRCNN(3), torch.rand(1, 1, 40, 60)).macs == by_hand


def test_what_is_not_counted_is_said() -> None:
    """Activations never count; sampling is named where the network samples."""
    plain = count(nn.Conv2d(3, 3, 1), torch.rand(1, 3, 8, 8)).counted
    assert "not counted: activations" in plain
    assert "sampl" not in plain
    assert "grid_sample" in count(BUILDERS["basicvsr"](4), torch.rand(1, 2, 3, 32, 32)).counted
    assert "deformable sampling" in count(BUILDERS["edvr-m"](4).eval(), torch.rand(1, 5, 3, 16, 16)).counted


def test_a_network_that_looks_at_its_values_is_counted_while_it_computes() -> None:
    """Shapes alone do not tell what it does."""

    class Branching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 5, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return cast(Tensor, self.conv(x)) if float(x.sum()) > 0 else x

    assert count(Branching(), torch.ones(1, 3, 6, 7)).macs == conv(42, 3, 5, 3)


def test_an_engine_outside_pytorch_counts_nothing_and_says_so() -> None:
    """No zero stands for an unknown number."""
    counted = count(lambda lr: torch.from_numpy(lr.numpy() * 2), torch.rand(1, 3, 4, 4))
    assert counted.macs is counted.flops is None
    assert "not counted" in counted.counted


def test_parameters_and_bytes_count_shared_tensors_once() -> None:
    """A tied weight is one weight; buffers are bytes, not parameters."""
    one = nn.Conv2d(2, 3, 3, bias=False)
    norm = nn.BatchNorm2d(3)
    both = nn.ModuleList([one, one, norm])
    assert parameters([both, one]) == 54 + 6
    assert weight_bytes([both]) == 4 * (54 + 6 + 6) + 8
