"""SPyNet, BasicVSR and EDVR: published names and sizes, and each unusual part against plain loops."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from srbench.adapters.edvr import network_for
from srbench.archs.basicvsr import BasicVSR
from srbench.archs.checkpoints import unwrapped
from srbench.archs.edvr import EDVR, DeformableConv, PCDAlignment, TSAFusion, named
from srbench.archs.spynet import SPyNet
from srbench.archs.video import ResidualBlock, warp

Float = NDArray[np.float64]
L = {"features": 128, "frames": 7, "reconstruction": 40}


def count(net: nn.Module) -> int:
    """Parameters, without buffers."""
    return sum(p.numel() for p in net.parameters())


def shapes(net: nn.Module) -> dict[str, list[int]]:
    """Tensors by name, as a checkpoint has them."""
    return {name: list(tensor.shape) for name, tensor in net.state_dict().items()}


def randomised(net: nn.Module, scale: float = 0.3) -> nn.Module:
    """Every parameter noise in double, so that nothing is zero by its initialisation."""
    torch.manual_seed(0)
    for parameter in net.double().parameters():
        nn.init.normal_(parameter, std=scale)
    return net.eval()


def arrays(net: nn.Module) -> dict[str, Float]:
    """The tensors of a network as arrays."""
    return {name: tensor.numpy() for name, tensor in net.state_dict().items()}


# ---------------------------------------------------------------------------------- plain loops


def pixel(plane: Float, y: float, x: float) -> float:
    """Bilinear value at a position; zeros outside."""
    top, left = math.floor(y), math.floor(x)
    total = 0.0
    for j in (top, top + 1):
        for i in (left, left + 1):
            if 0 <= j < plane.shape[0] and 0 <= i < plane.shape[1]:
                total += (1 - abs(y - j)) * (1 - abs(x - i)) * plane[j, i]
    return total


def convolved(x: Float, weight: Float, bias: Float, stride: int = 1) -> Float:
    """``(C, H, W)``: zero-padded correlation, one output value at a time."""
    radius = weight.shape[2] // 2
    padded = np.pad(x, ((0, 0), (radius, radius), (radius, radius)))
    out = np.empty((len(weight), x.shape[1] // stride, x.shape[2] // stride))
    for o, y, z in np.ndindex(*out.shape):
        seen = padded[:, y * stride :, z * stride :][:, : weight.shape[2], : weight.shape[3]]
        out[o, y, z] = (seen * weight[o]).sum() + bias[o]
    return out


def deformed(x: Float, guide: Float, tensors: Mapping[str, Float], name: str) -> Float:
    """Modulated deformable convolution by definition: the sum of weight x mask x value at the offset."""
    predicted = convolved(guide, tensors[f"{name}conv_offset.weight"], tensors[f"{name}conv_offset.bias"])
    third = len(predicted) // 3
    groups = third // 9
    offset, mask = predicted[: 2 * third], 1 / (1 + np.exp(-predicted[2 * third :]))
    weight, bias = tensors[f"{name}weight"], tensors[f"{name}bias"]
    out = np.empty((len(weight), *x.shape[1:]))
    for o, y, z in np.ndindex(*out.shape):
        total = bias[o]
        for c, j, i in np.ndindex(*weight.shape[1:]):
            tap = c // (len(x) // groups) * 9 + j * 3 + i
            down, right = offset[2 * tap, y, z], offset[2 * tap + 1, y, z]
            value = pixel(x[c], y + j - 1 + down, z + i - 1 + right)
            total += weight[o, c, j, i] * mask[tap, y, z] * value
        out[o, y, z] = total
    return out


def doubled(x: Float) -> Float:
    """Twice the size, bilinear, pixel centres at halves, edges repeated."""
    out = np.empty((len(x), 2 * x.shape[1], 2 * x.shape[2]))
    for c, y, z in np.ndindex(*out.shape):
        at_y = min(max((y + 0.5) / 2 - 0.5, 0), x.shape[1] - 1)
        at_x = min(max((z + 0.5) / 2 - 0.5, 0), x.shape[2] - 1)
        out[c, y, z] = pixel(x[c], at_y, at_x)
    return out


def pooled(x: Float) -> Float:
    """Maxima, then means (padding counts), of 3x3 at every other pixel."""
    lowest = np.pad(x, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    zeros = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    out = np.empty((2 * len(x), x.shape[1] // 2, x.shape[2] // 2))
    for c, y, z in np.ndindex(len(x), *out.shape[1:]):
        out[c, y, z] = lowest[c, 2 * y : 2 * y + 3, 2 * z : 2 * z + 3].max()
        out[len(x) + c, y, z] = zeros[c, 2 * y : 2 * y + 3, 2 * z : 2 * z + 3].sum() / 9
    return out


def leaky(x: Float) -> Float:
    """Slope 0.1 below zero."""
    return np.where(x > 0, x, 0.1 * x)


class Loops:
    """A network's convolutions by name, in loops."""

    def __init__(self, net: nn.Module) -> None:
        self.tensors = arrays(net)

    def conv(self, name: str, *inputs: Float) -> Float:
        """The named convolution of stacked inputs."""
        return convolved(np.concatenate(inputs), self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"])

    def lrelu(self, name: str, *inputs: Float) -> Float:
        """The same, and a leaky ReLU."""
        return leaky(self.conv(name, *inputs))

    def pcd(self, near: list[Float], far: list[Float]) -> Float:
        """Figure 3 of EDVR, written out level by level."""
        offset3 = self.lrelu("offset_conv2.l3", self.lrelu("offset_conv1.l3", near[2], far[2]))
        feat3 = leaky(deformed(near[2], offset3, self.tensors, "dcn_pack.l3."))
        offset2 = self.lrelu("offset_conv1.l2", near[1], far[1])
        offset2 = self.lrelu("offset_conv3.l2", self.lrelu("offset_conv2.l2", offset2, 2 * doubled(offset3)))
        feat2 = deformed(near[1], offset2, self.tensors, "dcn_pack.l2.")
        feat2 = self.lrelu("feat_conv.l2", feat2, doubled(feat3))
        offset1 = self.lrelu("offset_conv1.l1", near[0], far[0])
        offset1 = self.lrelu("offset_conv3.l1", self.lrelu("offset_conv2.l1", offset1, 2 * doubled(offset2)))
        feat1 = deformed(near[0], offset1, self.tensors, "dcn_pack.l1.")
        feat1 = self.conv("feat_conv.l1", feat1, doubled(feat2))
        last = self.lrelu("cas_offset_conv2", self.lrelu("cas_offset_conv1", feat1, far[0]))
        return leaky(deformed(feat1, last, self.tensors, "cas_dcnpack."))

    def tsa(self, aligned: Float) -> Float:
        """Figure 4 of EDVR: ``(T, C, H, W)`` to ``(C, H, W)``."""
        reference = self.conv("temporal_attn1", aligned[len(aligned) // 2])
        weighted = np.empty_like(aligned)
        for t, frame in enumerate(aligned):
            embedded = self.conv("temporal_attn2", frame)
            for y, x in np.ndindex(*frame.shape[1:]):
                likeness = 1 / (1 + np.exp(-np.dot(embedded[:, y, x], reference[:, y, x])))
                weighted[t, :, y, x] = frame[:, y, x] * likeness
        stacked = weighted.reshape(-1, *aligned.shape[2:])
        half = self.lrelu("spatial_attn2", pooled(self.lrelu("spatial_attn1", stacked)))
        quarter = self.lrelu("spatial_attn_l2", pooled(self.lrelu("spatial_attn_l1", half)))
        quarter = self.lrelu("spatial_attn_l3", quarter)
        half = self.lrelu("spatial_attn3", half) + doubled(quarter)
        attention = self.conv("spatial_attn5", doubled(self.lrelu("spatial_attn4", half)))
        added = self.conv("spatial_attn_add2", self.lrelu("spatial_attn_add1", attention))
        return self.lrelu("feat_fusion", stacked) * (1 / (1 + np.exp(-attention))) * 2 + added


# ------------------------------------------------------------------------------------ EDVR


@pytest.mark.parametrize(("groups", "features"), [(1, 3), (2, 4)])
def test_deformable_convolution_is_its_definition(groups: int, features: int) -> None:
    """Offsets of both signs beyond the border, masks and groups: the loops give the same to 1e-12."""
    net = randomised(DeformableConv(features, groups), 1.0)
    x, guide = torch.randn(2, 1, features, 5, 6, dtype=torch.float64)
    with torch.no_grad():
        offsets = net.conv_offset(guide)[:, : 18 * groups]  # type: ignore[operator]
        assert offsets.min() < -3
        assert offsets.max() > 3
        got = net(x, guide)[0].numpy()
    np.testing.assert_allclose(got, deformed(x[0].numpy(), guide[0].numpy(), arrays(net), ""), atol=1e-12)


@pytest.mark.parametrize(("groups", "features"), [(1, 4), (2, 6)])
def test_training_samples_the_same_deformable_convolution(groups: int, features: int) -> None:
    """On a CPU it trains by another formula: values and all gradients are torchvision's to 1e-12."""
    net = randomised(DeformableConv(features, groups), 1.0)
    given = torch.randn(2, 2, features, 5, 6, dtype=torch.float64)
    found = []
    for training in (False, True):
        net.train(training).zero_grad()
        x, guide = given.clone().requires_grad_().unbind(0)
        x.retain_grad()
        guide.retain_grad()
        y = net(x, guide)
        y.square().sum().backward()
        found.append([y, x.grad, guide.grad, *(p.grad for p in net.parameters())])
    for direct, sampled in zip(*found, strict=True):
        torch.testing.assert_close(sampled, direct, rtol=1e-11, atol=1e-11)


def test_untrained_offsets_are_zero() -> None:
    """A fresh deformable convolution is half a plain one: offset 0, mask 1/2."""
    net = DeformableConv(4, 2)
    x = torch.rand(1, 4, 6, 7)
    plain = F.conv2d(x, net.weight / 2, net.bias, padding=1)
    torch.testing.assert_close(net(x, torch.rand_like(x)), plain)


def test_pcd_alignment_is_figure_3() -> None:
    """Pyramid, cascade and deformable convolutions equal plain loops on three levels."""
    net = randomised(PCDAlignment(4, 2))
    near, far = (
        [torch.randn(1, 4, 8 >> n, 12 >> n, dtype=torch.float64) for n in range(3)] for _ in range(2)
    )
    with torch.no_grad():
        got = net(near, far)[0].numpy()
    expected = Loops(net).pcd([x[0].numpy() for x in near], [x[0].numpy() for x in far])
    assert np.abs(got).max() > 0.1
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("frames", [3, 5])
def test_tsa_fusion_is_figure_4(frames: int) -> None:
    """Temporal and spatial attention equal plain loops."""
    net = randomised(TSAFusion(3, frames))
    aligned = torch.randn(1, frames, 3, 8, 12, dtype=torch.float64)
    with torch.no_grad():
        got = net(aligned)[0].numpy()
    np.testing.assert_allclose(got, Loops(net).tsa(aligned[0].numpy()), rtol=0, atol=1e-11)


@pytest.mark.parametrize(
    ("keys", "size", "params"), [("edvr_m_x4", {}, 3_300_131), ("edvr_l_vimeo_x4", L, 20_699_363)]
)
def test_edvr_has_the_official_tensors(keys: str, size: dict[str, Any], params: int, shared: Path) -> None:
    """Names, shapes and order of BasicSR's checkpoints of M and L, and their parameter counts."""
    official = json.loads((shared / f"weights/keys/{keys}.json").read_text())
    net = EDVR(**size)
    assert shapes(net) == official["tensors"]
    assert count(net) == official["parameters"] == params


@pytest.mark.parametrize("size", [{}, L, {"tsa": False}, {"frames": 3, "groups": 4, "extraction": 1}])
def test_size_is_read_from_the_tensors(size: dict[str, Any]) -> None:
    """A checkpoint of any width, window, depth and fusion finds its network."""
    tensors = EDVR(**size).state_dict()
    assert shapes(network_for(tensors)) == {name: list(tensor.shape) for name, tensor in tensors.items()}


def openmmlab(net: EDVR) -> dict[str, Tensor]:
    """The same tensors as OpenMMLab's restorer stores them; names were read from its edvr_net.py."""
    spatial = ("1", "2", "3", "4", "_l1", "_l2", "_l3", "_add1")
    activated = {f"fusion.spatial_attn{n}" for n in spatial} | {"fusion.feat_fusion"}  # its modules of two
    activated |= {f"pcd_align.offset_conv{n}.l{level}" for n in (1, 2, 3) for level in (1, 2, 3)}
    activated |= {"pcd_align.feat_conv.l1", "pcd_align.feat_conv.l2"}
    activated |= {"pcd_align.cas_offset_conv1", "pcd_align.cas_offset_conv2"}
    others = {f"conv_l{level}_{n}": f"feat_l{level}_conv{n}.conv" for level in (2, 3) for n in (1, 2)}
    others |= {f"upconv{n}": f"upsample{n}.upsample_conv" for n in (1, 2)}
    found = {}
    for name, tensor in net.state_dict().items():
        module, _, part = name.rpartition(".")
        module = f"{module}.conv" if module in activated else others.get(module, module)
        found[f"state_dict.generator.{module.replace('pcd_align.', 'pcd_alignment.')}.{part}"] = tensor
    return {"meta.epoch": torch.tensor(1), **found, "state_dict.step_counter": torch.tensor(1)}


@pytest.mark.parametrize("size", [{}, L, {"tsa": False}])
def test_edvr_loads_under_openmmlabs_names(size: dict[str, Any]) -> None:
    """Each of its tensors finds its place; BasicSR's own names stay as they are."""
    net = EDVR(**size)
    stored = openmmlab(net)
    assert "state_dict.generator.pcd_alignment.offset_conv1.l1.conv.weight" in stored
    assert "state_dict.generator.pcd_alignment.dcn_pack.l1.conv_offset.bias" in stored
    for tensors in (stored, {f"params.{name}": tensor for name, tensor in net.state_dict().items()}):
        loaded = named(unwrapped(tensors))
        assert set(loaded) == set(net.state_dict())
        assert all(torch.equal(loaded[name], tensor) for name, tensor in net.state_dict().items())


def test_edvr_restores_the_middle_frame() -> None:
    """Without its last convolution EDVR is the bilinear middle frame, whatever the others show."""
    net = EDVR(8, 3, 2, 1, 1).eval()
    nn.init.zeros_(net.conv_last.weight)
    nn.init.zeros_(net.conv_last.bias)  # type: ignore[arg-type]
    x = torch.rand(2, 3, 3, 8, 12)
    with torch.no_grad():
        y = net(x)
    torch.testing.assert_close(y, F.interpolate(x[:, 1], scale_factor=4, mode="bilinear"))


@pytest.mark.parametrize("tsa", [True, False])
def test_every_frame_of_the_window_counts(tsa: bool) -> None:
    """Each of the frames moves the result."""
    net = randomised(EDVR(8, 3, 2, 1, 1, tsa=tsa), 0.1)
    x = torch.rand(1, 3, 3, 8, 8, dtype=torch.float64)
    with torch.no_grad():
        whole = net(x)
        for t in range(3):
            other = x.clone()
            other[:, t] += 0.1
            assert (net(other) - whole).abs().max() > 1e-6


# ---------------------------------------------------------------------------------- SPyNet


@pytest.mark.parametrize("padding", ["zeros", "border"])
def test_warp_fetches_from_where_the_flow_points(padding: Any) -> None:
    """Flow is (right, down) in pixels; plain bilinear loops give the same, at the borders too."""
    torch.manual_seed(0)
    x = torch.rand(1, 2, 5, 7, dtype=torch.float64)
    flow = torch.randn(1, 2, 5, 7, dtype=torch.float64) * 3
    got = warp(x, flow, padding)[0].numpy()
    for y, z in np.ndindex(5, 7):
        right, down = flow[0, :, y, z].tolist()
        at_y, at_x = y + down, z + right
        if padding == "border":
            at_y, at_x = min(max(at_y, 0), 4), min(max(at_x, 0), 6)
        expected = [pixel(plane, at_y, at_x) for plane in x[0].numpy()]
        np.testing.assert_allclose(got[:, y, z], expected, atol=1e-12)


def test_warp_of_a_line_of_one_pixel() -> None:
    """A dimension of one pixel is no division by zero."""
    assert torch.isfinite(warp(torch.rand(1, 1, 1, 4), torch.zeros(1, 2, 1, 4))).all()


def spynet_as_published(net: SPyNet, reference: Tensor, other: Tensor) -> Tensor:
    """BasicSR's way: the flow begins at half of the smallest level and is doubled on every level."""
    height, width = reference.shape[2:]
    size = (math.ceil(height / 32) * 32, math.ceil(width / 32) * 32)
    levels = []
    for image in (reference, other):
        image = F.interpolate(image, size=size, mode="bilinear", align_corners=False)
        pyramid = [(image - net.mean) / net.std]
        for _ in range(5):
            pyramid.insert(0, F.avg_pool2d(pyramid[0], kernel_size=2, stride=2, count_include_pad=False))
        levels.append(pyramid)
    flow = levels[0][0].new_zeros(len(reference), 2, size[0] // 64, size[1] // 64)
    for module, near, far in zip(net.basic_module, *levels, strict=True):
        up = F.interpolate(flow, scale_factor=2, mode="bilinear", align_corners=True) * 2.0
        up = F.pad(up, (0, near.shape[3] - up.shape[3], 0, near.shape[2] - up.shape[2]), mode="replicate")
        flow = module(torch.cat([near, warp(far, up, "border"), up], 1)) + up
    flow = F.interpolate(flow, size=(height, width), mode="bilinear", align_corners=False)
    flow[:, 0] *= width / size[1]
    flow[:, 1] *= height / size[0]
    return flow


@pytest.mark.parametrize("size", [(64, 96), (70, 90), (96, 65)])
def test_spynet_is_the_published_procedure(size: tuple[int, int]) -> None:
    """Resizing, pyramid, doubling and scaling back: equal to the procedure written out, at any size."""
    net = randomised(SPyNet(), 0.02)
    assert isinstance(net, SPyNet)
    reference, other = torch.rand(2, 1, 3, *size, dtype=torch.float64)
    with torch.no_grad():
        got, expected = net(reference, other), spynet_as_published(net, reference, other)
    assert expected.abs().max() > 0.01
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-10)


def test_spynet_has_the_published_size() -> None:
    """1,440,300 parameters; a mean and a deviation per channel as buffers; the finest level is the last."""
    net = SPyNet()
    assert count(net) == 1_440_300
    assert shapes(net)["basic_module.5.basic_module.8.weight"] == [2, 16, 7, 7]
    assert shapes(net)["mean"] == shapes(net)["std"] == [1, 3, 1, 1]


# -------------------------------------------------------------------------------- BasicVSR


def test_basicvsr_has_the_published_size() -> None:
    """6,291,311 parameters, under BasicSR's names."""
    net = BasicVSR()
    assert count(net) == 6_291_311
    assert {name.partition(".")[0] for name in shapes(net)} == {
        "spynet", "backward_trunk", "forward_trunk", "fusion", "upconv1", "upconv2", "conv_hr", "conv_last"
    }  # fmt: skip
    assert shapes(net)["backward_trunk.main.0.weight"] == [64, 67, 3, 3]
    assert shapes(net)["forward_trunk.main.2.29.conv2.weight"] == [64, 64, 3, 3]


def basicvsr_as_published(net: BasicVSR, x: Tensor) -> Tensor:
    """Section 3 written out frame by frame: backward, forward, fusion, in lists by frame number."""
    frames = list(x.unbind(1))
    nothing = x.new_zeros(len(x), net.features, *x.shape[3:])
    back, ahead = {}, {}
    state = nothing
    for t in range(len(frames) - 1, -1, -1):
        if t < len(frames) - 1:
            state = warp(state, net.spynet(frames[t], frames[t + 1]))
        state = back[t] = net.backward_trunk(torch.cat([frames[t], state], 1))
    state = nothing
    for t in range(len(frames)):
        if t > 0:
            state = warp(state, net.spynet(frames[t], frames[t - 1]))
        state = ahead[t] = net.forward_trunk(torch.cat([frames[t], state], 1))
    outputs = []
    for t, frame in enumerate(frames):
        y = F.leaky_relu(net.fusion(torch.cat([back[t], ahead[t]], 1)), 0.1)
        y = F.leaky_relu(F.pixel_shuffle(net.upconv1(y), 2), 0.1)
        y = F.leaky_relu(F.pixel_shuffle(net.upconv2(y), 2), 0.1)
        y = net.conv_last(F.leaky_relu(net.conv_hr(y), 0.1))
        outputs.append(y + F.interpolate(frame, scale_factor=4, mode="bilinear", align_corners=False))
    return torch.stack(outputs, 1)


@pytest.mark.parametrize("frames", [1, 3])
def test_basicvsr_propagates_both_ways(frames: int) -> None:
    """Equal to the paper's section 3 written out with every state kept, for clips of one frame too."""
    net = randomised(BasicVSR(6, 1), 0.05)
    assert isinstance(net, BasicVSR)
    x = torch.rand(1, frames, 3, 33, 40, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(net(x), basicvsr_as_published(net, x), rtol=0, atol=1e-12)


def test_every_frame_knows_of_every_other() -> None:
    """The first frame's change reaches the last one's restoration, and the other way round."""
    net = randomised(BasicVSR(6, 1), 0.05)
    x = torch.rand(1, 3, 3, 32, 32, dtype=torch.float64)
    with torch.no_grad():
        whole = net(x)
        for changed, seen in ((0, 2), (2, 0)):
            other = x.clone()
            other[:, changed] += 0.1
            assert (net(other) - whole)[:, seen].abs().max() > 1e-9


def test_residual_block_adds_to_its_input() -> None:
    """With a zero second convolution a block gives its input."""
    block = ResidualBlock(4)
    nn.init.zeros_(block.conv2.weight)
    nn.init.zeros_(block.conv2.bias)  # type: ignore[arg-type]
    x = torch.randn(1, 4, 5, 5)
    torch.testing.assert_close(block(x), x)


# -------------------------------------------------------------------------- flow without weights


def test_dis_flow_finds_a_shift() -> None:
    """Content that moved three pixels to the right and one up is found there, and comes back by `warp`."""
    from srbench.archs.dis_flow import dis_flow

    torch.manual_seed(0)
    scene = F.interpolate(torch.rand(2, 3, 16, 16), size=(80, 80), mode="bicubic").clamp(0, 1)
    reference, other = scene[..., 8:72, 8:72], scene[..., 9:73, 5:69]
    flow = dis_flow(reference, other)
    assert flow.shape == (2, 2, 64, 64)
    inner = flow[..., 8:-8, 8:-8]
    assert (inner - inner.new_tensor([3.0, -1.0]).view(1, 2, 1, 1)).abs().median() < 0.1
    aligned = (warp(other, flow) - reference)[..., 8:-8, 8:-8].abs().mean()
    assert aligned < 0.1 * (other - reference)[..., 8:-8, 8:-8].abs().mean()


def test_dis_flow_is_the_same_on_any_number_of_threads() -> None:
    """OpenCV cuts its search into equal parts, however many threads take them."""
    import cv2

    from srbench.archs.dis_flow import dis_flow

    torch.manual_seed(0)
    images = torch.rand(2, 1, 3, 96, 128)
    before = cv2.getNumThreads()
    try:
        found = []
        for threads in (1, 2, 5):
            cv2.setNumThreads(threads)
            found.append(dis_flow(images[0], images[1]))
    finally:
        cv2.setNumThreads(before)
    assert all(torch.equal(found[0], other) for other in found[1:])


def test_without_alignment_features_stay_where_they_are() -> None:
    """Both small BasicVSR have the same tensors; on a clip that stands still they give the same, else not."""
    nets = [BasicVSR(4, 1, tail=4, flow=flow).eval() for flow in ("dis", "none")]
    nets[1].load_state_dict(nets[0].state_dict())
    torch.manual_seed(0)
    still = F.interpolate(torch.rand(1, 3, 8, 8), size=(32, 32), mode="bicubic").clamp(0, 1)
    clip = still[:, None].repeat(1, 3, 1, 1, 1)
    moving = torch.stack([still, still.roll(2, 3), still.roll(4, 3)], 1)
    with torch.no_grad():
        torch.testing.assert_close(nets[0](clip), nets[1](clip), atol=1e-5, rtol=0)
        assert (nets[0](moving) - nets[1](moving)).abs().max() > 1e-4
