"""Networks' base class: the door, padding, tiles. The networks here are small and their answers known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn

from srbench.adapters.base import Settings
from srbench.adapters.network import Adapter
from srbench.adapters.tiles import reflected, tiles
from srbench.image.color import rgb2gray, rgb2y, rgb2ycbcr, ycbcr2rgb
from srbench.image.resize import imresize
from srbench.protocols import get_protocol
from srbench.types import ClipSpec, Job, ModelInfo

RGB = ModelInfo(name="rgbnet", title="", family="test", scales=(2, 3, 4))
LUMA = replace(RGB, name="ynet", channels="y", planes=("rgb", "y"))
ENLARGED = replace(LUMA, name="prenet", pre_upsampled=True)
EPS = 255 * 2**-23  # a float32 door on the 0..255 scale


class Net(Adapter):
    """Answers with a function, and notes what it was given."""

    def __init__(self, info: ModelInfo, answer: Callable[[Tensor], Tensor]) -> None:
        super().__init__(info)
        self.answer = answer
        self.seen: list[Tensor] = []

    def predict(self, lr: Tensor) -> Tensor:
        """The answer."""
        self.seen.append(lr.clone())
        return self.answer(lr)


def run(net: Net, lr: NDArray[Any], scale: int = 2, protocol: str = "classic", tile: int = 0) -> NDArray[Any]:
    """Start and call."""
    net.start(scale, Settings(tile=tile))
    return net(lr, Job(ClipSpec("toy", "clip", len(lr), scale, "bi", ""), get_protocol(protocol, scale)))


def frames(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    """Noise."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def nearest(lr: Tensor) -> Tensor:
    """x2 by repetition."""
    return lr.repeat_interleave(2, 2).repeat_interleave(2, 3)


def same(lr: Tensor) -> Tensor:
    """For networks behind an enlargement."""
    return lr


def convolving(scale: int, radius: int, channels: int, seed: int = 0) -> Callable[[Tensor], Tensor]:
    """A zero-padded convolution of a radius, then a shuffle to the scale."""
    torch.manual_seed(seed)
    kernel = 2 * radius + 1
    conv = nn.Conv2d(channels, channels * scale**2, kernel, padding=radius).double()
    shuffle = nn.PixelShuffle(scale)
    return lambda lr: shuffle(conv(lr.double()))


# ---------------------------------------------------------------------------------- the door


def test_rgb_network_sees_unit_range() -> None:
    """An RGB network gets channels first, float32, value / 255, and its answer comes back times 255."""
    lr = frames(1, 3, 4, 3)
    net = Net(RGB, nearest)
    sr = run(net, lr)
    assert net.seen[0].dtype == torch.float32
    np.testing.assert_array_equal(net.seen[0].numpy(), (lr / 255).transpose(0, 3, 1, 2).astype(np.float32))
    np.testing.assert_allclose(sr, lr.repeat(2, 1).repeat(2, 2), atol=EPS)


def test_nothing_is_rounded_or_clipped_at_the_door() -> None:
    """Values between levels and beyond the range leave as the network gave them."""
    sr = run(Net(RGB, lambda lr: nearest(lr) * 0 + 1.25 + 1 / 1024), frames(1, 2, 2, 3))
    np.testing.assert_allclose(sr, (1.25 + 1 / 1024) * 255, rtol=0, atol=1e-12)


def test_stills_go_frame_by_frame_and_sequences_whole() -> None:
    """A still model gets T = 1 each time; a sequence model gets the clip at once."""
    lr = frames(3, 2, 2, 3)
    still, sequence = Net(RGB, nearest), Net(replace(RGB, kind="sequence"), nearest)
    np.testing.assert_array_equal(run(still, lr), run(sequence, lr))
    assert [len(x) for x in still.seen] == [1, 1, 1]
    assert [len(x) for x in sequence.seen] == [3]


def test_luma_network_sees_studio_luma() -> None:
    """A luma network gets Y / 255 of BT.601's studio range, not rounded."""
    lr = frames(1, 3, 4, 3)
    net = Net(LUMA, nearest)
    run(net, lr)
    np.testing.assert_array_equal(net.seen[0].numpy()[0, 0], (rgb2y(lr[0]) / 255).astype(np.float32))


def test_luma_network_leaves_chroma_to_bicubic() -> None:
    """The network's luma meets chroma enlarged by MATLAB's bicubic in double, nothing rounded."""
    lr = frames(1, 6, 5, 3)
    sr = run(Net(LUMA, lambda lr: nearest(lr) * 0 + 0.5), lr)
    expected = imresize(rgb2ycbcr(lr[0]), 2)
    expected[..., 0] = 127.5
    np.testing.assert_allclose(sr[0], ycbcr2rgb(expected), rtol=0, atol=1e-10)


def test_identity_behind_enlargement_is_bicubic() -> None:
    """A pre-upsampled network that changes nothing gives MATLAB's bicubic of the RGB image."""
    lr = frames(2, 7, 6, 3)
    sr = run(Net(ENLARGED, same), lr, scale=3)
    for got, frame in zip(sr, lr, strict=True):
        np.testing.assert_allclose(got, imresize(frame, 3), rtol=0, atol=1e-4)


def test_enlarged_luma_is_not_clipped() -> None:
    """Overshoot of the enlargement reaches the network."""
    lr = np.zeros((1, 8, 8, 3), np.uint8)
    lr[:, :, 4:] = 255
    net = Net(ENLARGED, same)
    run(net, lr)
    assert net.seen[0].max() > 235 / 255
    assert net.seen[0].min() < 16 / 255


def test_luma_plane_under_vdsr() -> None:
    """Under a protocol that degrades luma, the float64 plane itself is enlarged and comes back as a plane."""
    lr = np.random.default_rng(1).uniform(16, 235, (1, 5, 6, 1))
    net = Net(ENLARGED, same)
    sr = run(net, lr, protocol="vdsr")
    up = imresize(lr[0], 2)
    np.testing.assert_array_equal(net.seen[0].numpy()[0, 0], (up[..., 0] / 255).astype(np.float32))
    np.testing.assert_allclose(sr[0], up, rtol=0, atol=EPS)


def test_gray_frame_is_a_luma_networks_luma() -> None:
    """A gray frame that is kept gray counts as luma: no studio range in between."""
    lr = frames(1, 4, 4, 1)
    net = Net(LUMA, nearest)
    np.testing.assert_allclose(run(net, lr, protocol="selfexsr"), lr.repeat(2, 1).repeat(2, 2), atol=EPS)
    np.testing.assert_array_equal(net.seen[0].numpy()[0, 0], (lr[0, ..., 0] / 255).astype(np.float32))


def test_gray_frame_enters_an_rgb_network_three_times() -> None:
    """A gray frame enters an RGB network as three equal channels and leaves through rgb2gray."""
    lr = frames(1, 4, 4, 1)
    tint = torch.tensor([0.1, 0.0, -0.2]).view(1, 3, 1, 1)
    net = Net(RGB, lambda x: nearest(x) + tint)
    sr = run(net, lr, protocol="selfexsr")
    assert torch.equal(net.seen[0][:, 0], net.seen[0][:, 2])
    rgb = lr.repeat(2, 1).repeat(2, 2) + 255 * tint.numpy().reshape(1, 1, 1, 3)
    np.testing.assert_allclose(sr[..., 0], rgb2gray(rgb), atol=2 * EPS)


# --------------------------------------------------------------------------- padding and tiles


@pytest.mark.parametrize(("h", "w"), [(8, 8), (5, 7), (1, 1), (2, 9), (1, 6)])
def test_input_is_padded_to_the_multiple_and_output_cropped(h: int, w: int) -> None:
    """The network gets multiples of size_multiple, reflected at the bottom and right; the result is cut."""
    lr = frames(1, h, w, 3)
    net = Net(replace(RGB, size_multiple=8), nearest)
    sr = run(net, lr)
    up = (-h % 8, -w % 8)
    padded = np.pad(lr[0], ((0, up[0]), (0, up[1]), (0, 0)), mode="reflect")
    np.testing.assert_array_equal(
        net.seen[0].numpy()[0], (padded / 255).transpose(2, 0, 1).astype(np.float32)
    )
    np.testing.assert_allclose(sr, lr.repeat(2, 1).repeat(2, 2), atol=EPS)


@given(st.integers(1, 40), st.integers(1, 16))
def test_reflected_indices_match_numpy(length: int, multiple: int) -> None:
    """Any length from 1 on is lengthened to the next multiple by indices inside the image."""
    indices = reflected(length, multiple)
    assert len(indices) % multiple == 0
    assert len(indices) - length < multiple
    assert indices[:length].tolist() == list(range(length))
    assert set(indices.tolist()) <= set(range(length))
    if length > 1:
        assert (np.abs(np.diff(indices)) == 1).all()


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 30), st.integers(0, 9))
def test_tiles_answer_for_every_pixel_once(height: int, width: int, side: int, overlap: int) -> None:
    """Tiles partition the image; each sees its overlap, or up to the border."""
    count = np.zeros((height, width), int)
    for rows, cols in tiles(height, width, side, overlap):
        count[rows.placed(1), cols.placed(1)] += 1
        for span, length in ((rows, height), (cols, width)):
            assert span.start == max(span.first - overlap, 0)
            assert span.stop == min(span.last + overlap, length)
            assert 0 < span.last - span.first <= side
    assert (count == 1).all()


@settings(deadline=None, max_examples=40)
@given(
    size=st.tuples(st.integers(1, 33), st.integers(1, 33)),
    tile=st.integers(1, 20),
    radius=st.integers(1, 4),
    scale=st.integers(2, 4),
    multiple=st.sampled_from([1, 2, 4]),
    seed=st.integers(0, 99),
)
def test_tiled_equals_whole(
    size: tuple[int, int], tile: int, radius: int, scale: int, multiple: int, seed: int
) -> None:
    """With the receptive field as overlap, tiles give what the whole image gives."""
    info = replace(RGB, receptive_field=radius, size_multiple=multiple)
    lr = frames(1, *size, 3, seed=seed)
    net = Net(info, convolving(scale, radius, 3, seed))
    whole = run(net, lr, scale)
    np.testing.assert_allclose(run(net, lr, scale, tile=tile), whole, rtol=0, atol=1e-10)


def test_too_small_an_overlap_shows() -> None:
    """A receptive field declared too small shows: tiles and whole image differ."""
    info = replace(RGB, receptive_field=1)
    lr = frames(1, 24, 24, 3)
    net = Net(info, convolving(2, 4, 3))
    assert np.abs(run(net, lr, tile=8) - run(net, lr)).max() > 0.1


def test_tiles_of_an_enlarged_input_are_counted_in_lr_pixels() -> None:
    """A tile of 4 LR pixels is 12 pixels of the enlarged input at x3, plus the overlap."""
    net = Net(replace(ENLARGED, receptive_field=2), same)
    run(net, frames(1, 12, 12, 3), scale=3, tile=4)
    assert len(net.seen) == 9
    assert net.seen[4].shape[2:] == (16, 16)


def test_tiling_bounds_what_the_network_sees() -> None:
    """No tile is larger than its side plus an overlap on each side: memory is bounded by it."""
    net = Net(replace(RGB, receptive_field=3), nearest)
    run(net, frames(1, 50, 41, 3), tile=16)
    assert max(max(x.shape[2:]) for x in net.seen) == 16 + 2 * 3


def test_float32_is_float32() -> None:
    """While a network predicts, TF32 is off and cuDNN is deterministic; afterwards all is as before."""
    seen: list[tuple[bool, bool]] = []

    def noting(lr: Tensor) -> Tensor:
        seen.append((torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic))
        return nearest(lr)

    before = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic
    run(Net(RGB, noting), frames(1, 2, 2, 3))
    assert seen == [(False, True)]
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic) == before


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_other_dtypes_reach_the_network(dtype: str) -> None:
    """The input has the dtype that was asked for; the frames that come back are float64."""
    net = Net(replace(RGB, dtypes=("float32", "float16", "bfloat16")), nearest)
    net.start(2, Settings(dtype=dtype))
    sr = net(frames(1, 3, 3, 3), Job(ClipSpec("toy", "clip", 1, 2, "bi", ""), get_protocol("classic", 2)))
    assert net.seen[0].dtype == getattr(torch, dtype)
    assert sr.dtype == np.float64


# ------------------------------------------------------------------------------- self-ensemble


def test_self_ensemble_is_the_mean_over_the_eight_symmetries() -> None:
    """Each flip and turn of the input is enlarged, undone by its own inverse, and averaged."""
    lr = frames(1, 6, 9, 3)
    net = Net(RGB, convolving(2, 2, 3))
    alone = run(net, lr)
    net.start(2, Settings(ensemble=True))
    sr = net(lr, Job(ClipSpec("toy", "clip", 1, 2, "bi", ""), get_protocol("classic", 2)))
    expected = np.zeros_like(alone[0])
    for turns in range(4):
        expected += np.rot90(run(net, np.rot90(lr, turns, (1, 2)).copy())[0], -turns)
        mirrored = np.rot90(lr[:, ::-1], turns, (1, 2)).copy()
        expected += np.rot90(run(net, mirrored)[0], -turns)[::-1]
    np.testing.assert_allclose(sr[0], expected / 8, rtol=0, atol=1e-9)
    assert np.abs(sr - alone).max() > 1


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_self_ensemble_commutes_with_every_symmetry(height: int, width: int, seed: int) -> None:
    """Whatever the network, the ensemble of a turned image is the turned ensemble, to rounding."""
    lr = frames(1, height, width, 3, seed=seed)
    net = Net(replace(RGB, size_multiple=4), convolving(2, 1, 3, seed))
    net.start(2, Settings(ensemble=True))
    job = Job(ClipSpec("toy", "clip", 1, 2, "bi", ""), get_protocol("classic", 2))
    turned = net(np.rot90(lr, 1, (1, 2)).copy(), job)
    np.testing.assert_allclose(turned, np.rot90(net(lr, job), 1, (1, 2)), rtol=0, atol=1e-9)


def test_self_ensemble_of_a_symmetric_network_changes_nothing() -> None:
    """Repetition commutes with flips and turns: its ensemble is itself."""
    lr = frames(2, 5, 4, 3)
    net = Net(RGB, nearest)
    alone = run(net, lr)
    net.start(2, Settings(ensemble=True))
    job = Job(ClipSpec("toy", "clip", 2, 2, "bi", ""), get_protocol("classic", 2))
    np.testing.assert_allclose(net(lr, job), alone, rtol=0, atol=EPS)
