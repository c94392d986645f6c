"""From frames to planes: quantisation, luma, the gray rule, the border, and what doesn't apply."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from srbench.errors import ContractError, Unavailable
from srbench.image.color import rgb2y, round_u8
from srbench.metrics.planes import Planes, quantise
from srbench.protocols import RECIPES, get_protocol
from srbench.types import MetricInfo, Plane

FRAMES = hnp.arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6), st.sampled_from([1, 3])))
RGB = np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)
GRAY = RGB[..., :1]


def info(needs: Plane, *, crop: bool = True) -> MetricInfo:
    """A metric that needs a plane."""
    return MetricInfo("m", "M", "", "higher", 2, needs, crop=crop, edge="")


# ------------------------------------------------------------------------------ quantise


def test_predictions_are_rounded_half_away_from_zero_and_clipped() -> None:
    """As MATLAB's uint8 does, not to the even neighbour."""
    sr = np.array([[[-3.0], [0.5], [1.5], [2.4999], [254.5], [300.0]]])
    assert quantise(sr, get_protocol("classic", 4)).ravel().tolist() == [0, 1, 2, 2, 255, 255]


def test_luma_predictions_are_clipped_to_the_protocols_range() -> None:
    """The vdsr protocol: 16..235."""
    sr = np.array([[[0.0], [15.6], [128.5], [235.4], [236.0]]])
    assert quantise(sr, get_protocol("vdsr", 2)).ravel().tolist() == [16, 16, 129, 235, 235]


@given(hnp.arrays(np.uint8, (2, 3, 4, 3)), st.sampled_from(list(RECIPES)))
def test_quantising_is_idempotent(frames: Any, name: str) -> None:
    """An image that was stored and read again scores as before."""
    once = quantise(frames.astype(np.float64), get_protocol(name, 2))
    np.testing.assert_array_equal(quantise(once, get_protocol(name, 2)), once)
    assert once.dtype == np.uint8
    assert once.shape == frames.shape


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_predictions_that_are_not_finite_are_refused(value: float) -> None:
    """A NaN must not become a black pixel."""
    with pytest.raises(ContractError, match="finite values, got NaN or infinity"):
        quantise(np.full((2, 2, 3), value), get_protocol("classic", 2))


def test_quantising_leaves_the_prediction_alone() -> None:
    """Under a clipping protocol a uint8 prediction is copied, not changed."""
    sr = np.array([[[3], [250]]], np.uint8)
    assert quantise(sr, get_protocol("vdsr", 2)).ravel().tolist() == [16, 235]
    assert sr.ravel().tolist() == [3, 250]


# ---------------------------------------------------------------------------------- luma


def test_classic_luma_is_not_rounded() -> None:
    """Float Y of uint8 RGB: rounding it would cost 0.09 dB in the tables of EDSR's line."""
    np.testing.assert_array_equal(Planes(RGB, get_protocol("classic", 2)).y, rgb2y(RGB))


@pytest.mark.parametrize("name", ["selfexsr", "vdsr"])
def test_old_protocols_round_luma(name: str) -> None:
    """MATLAB's rgb2ycbcr of a uint8 image gives whole numbers."""
    y = Planes(RGB, get_protocol(name, 2)).y
    assert y.dtype == np.float64
    np.testing.assert_array_equal(y, round_u8(rgb2y(RGB)))


@pytest.mark.parametrize("name", ["selfexsr", "vdsr"])
def test_a_gray_image_counts_as_luma_where_the_protocol_says_so(name: str) -> None:
    """Left as it is, 0..255: neither scaled to the studio range nor, as ground truth, clipped."""
    np.testing.assert_array_equal(Planes(GRAY, get_protocol(name, 2)).y, GRAY[..., 0])


def test_a_gray_image_is_three_equal_channels_where_the_protocol_says_so() -> None:
    """Its studio-range luma is 219/255 as wide, which is worth 1.32 dB."""
    y = Planes(GRAY, get_protocol("classic", 2)).y
    np.testing.assert_allclose(y, 16 + GRAY[..., 0] * (219 / 255), rtol=0, atol=1e-11)


@given(FRAMES, st.sampled_from(["classic", "selfexsr", "rgb", "video"]))
def test_planes_have_the_frames_size(frame: Any, name: str) -> None:
    """Y is float64 (H, W) and rgb uint8 (H, W, 3), of color and gray frames alike."""
    planes = Planes(frame, get_protocol(name, 2))
    assert planes.y.shape == frame.shape[:2]
    assert planes.rgb.shape == (*frame.shape[:2], 3)
    assert (planes.y.dtype.name, planes.rgb.dtype.name) == ("float64", "uint8")


def test_each_plane_is_computed_once() -> None:
    """All metrics of a frame share one luma plane."""
    planes = Planes(RGB, get_protocol("classic", 2))
    assert planes.y is planes.y
    assert np.shares_memory(planes.for_metric(info("y")), planes.y)


# ---------------------------------------------------------------------------- for_metric


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("needs", ["y", "rgb"])
def test_the_protocols_border_is_cut_off(scale: int, needs: Plane) -> None:
    """Scale pixels on each side under the protocols for stills."""
    planes = Planes(RGB, get_protocol("classic", scale))
    whole = planes.y if needs == "y" else planes.rgb
    np.testing.assert_array_equal(planes.for_metric(info(needs)), whole[scale:-scale, scale:-scale])


def test_video_has_no_border() -> None:
    """Vid4's tables score whole frames."""
    assert Planes(RGB, get_protocol("video", 4)).for_metric(info("y")).shape == (20, 24)


def test_metrics_of_the_whole_image_keep_the_border() -> None:
    """LPIPS sees everything; a gray frame as three equal channels."""
    got = Planes(GRAY, get_protocol("classic", 4)).for_metric(info("rgb", crop=False))
    np.testing.assert_array_equal(got, np.repeat(GRAY, 3, axis=2))


def test_rgb_metrics_do_not_apply_to_luma_predictions() -> None:
    """Under vdsr only Y is predicted: a reason that names the protocol, no number."""
    with pytest.raises(Unavailable, match="got protocol vdsr, which predicts the Y plane only"):
        Planes(RGB, get_protocol("vdsr", 2)).for_metric(info("rgb"))


def test_luma_metrics_do_not_apply_where_rgb_is_scored() -> None:
    """Under rgb there is no luma to score."""
    with pytest.raises(Unavailable, match="got protocol rgb, which scores RGB only"):
        Planes(RGB, get_protocol("rgb", 2)).for_metric(info("y"))


@pytest.mark.parametrize("shape", [(8, 40, 3), (40, 8, 3), (1, 1, 3)])
def test_an_image_that_is_all_border_is_a_reason(shape: tuple[int, ...]) -> None:
    """A border of 4 leaves nothing of 8 pixels: Unavailable, so that only this metric is a dash."""
    planes = Planes(np.zeros(shape, np.uint8), get_protocol("classic", 4))
    with pytest.raises(Unavailable, match="undefined for so small an image"):
        planes.for_metric(info("y"))
    assert planes.for_metric(info("rgb", crop=False)).shape == shape


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((4, 4, 3)),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
    ],
)
def test_frames_that_were_not_quantised_are_refused(frame: Any) -> None:
    """Floats, missing or extra dimensions and alpha never reach a metric."""
    with pytest.raises(ContractError, match=r"a uint8 frame \(H, W, 1 or 3\)"):
        Planes(frame, get_protocol("classic", 2))
