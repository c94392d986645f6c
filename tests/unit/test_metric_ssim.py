"""SSIM: against scikit-image and the paper's formula, its float32 form, its edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

from srbench.errors import ContractError, Unavailable, UsageError
from srbench.metrics.ssim import SSIM, Dtype, ssim, statistics, window
from srbench.types import MetricInfo, Plane

SHAPES = st.tuples(st.integers(11, 40), st.integers(11, 40))
BYTES = st.integers(0, 255).map(float)
PAIRS = SHAPES.flatmap(lambda s: st.tuples(*[hnp.arrays(np.float64, s, elements=BYTES)] * 2))


def metric(needs: Plane = "y", argument: str = "") -> SSIM:
    """SSIM on a plane."""
    return SSIM(MetricInfo("ssim", "SSIM", "", "higher", 4, needs, crop=True, edge=""), argument)


def matlab_equivalent(x: Any, y: Any) -> float:
    """scikit-image with the settings its documentation says match Wang et al., valid windows only."""
    similarity = structural_similarity(  # type: ignore[no-untyped-call]
        x, y, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, full=True
    )[1]
    return float(similarity[5:-5, 5:-5].mean())


def hr_with_errors(noise: Any, hr: Any) -> tuple[Any, Any]:
    """A prediction that is off by at most 10 levels, as `noise` in 0..255 says, and its ground truth."""
    return np.clip(hr + (noise / 255 * 20 - 10), 0, 255), hr


def photograph(height: int, width: int, seed: int = 0) -> tuple[Any, Any]:
    """Smooth structure with grain, and a blurred copy of it as a super-resolver would give; 0..255."""
    rng = np.random.default_rng(seed)
    smooth = gaussian_filter(rng.random((height, width)), 4)
    smooth = (smooth - smooth.min()) / np.ptp(smooth) * 200 + 20
    hr = np.clip(np.rint(smooth + rng.normal(0, 4, smooth.shape)), 0, 255)
    return np.clip(np.rint(gaussian_filter(hr, 1)), 0, 255), hr


@settings(max_examples=60)
@given(PAIRS)
def test_float64_equals_scikit_image(pair: tuple[Any, Any]) -> None:
    """Any pair of any size: the MATLAB-equivalent setting to 1e-11."""
    sr, hr = pair
    assert ssim(sr, statistics(hr)) == pytest.approx(matlab_equivalent(sr, hr), abs=1e-11)


@pytest.mark.parametrize(
    "shape", [(11, 11), (11, 300), (300, 11), (106, 30), (107, 30), (203, 64), (250, 97)]
)
def test_bands_leave_no_seam(shape: tuple[int, int]) -> None:
    """Heights around the bands' limits, and the smallest image: 1e-13 for photographs."""
    sr, hr = photograph(*shape)
    assert ssim(sr, statistics(hr)) == pytest.approx(matlab_equivalent(sr, hr), abs=1e-13)


def test_one_window_is_the_papers_formula() -> None:
    """An 11 x 11 image has one window: eq. 13 with the weighted moments written out."""
    sr, hr = photograph(11, 11)
    weights = np.outer(window("float64"), window("float64"))
    mx, my = (weights * sr).sum(), (weights * hr).sum()
    vx, vy = (weights * (sr - mx) ** 2).sum(), (weights * (hr - my) ** 2).sum()
    covariance = (weights * (sr - mx) * (hr - my)).sum()
    c1, c2 = 6.5025, 58.5225
    expected = (2 * mx * my + c1) * (2 * covariance + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    assert ssim(sr, statistics(hr)) == pytest.approx(expected, abs=1e-13)


@settings(max_examples=60)
@given(PAIRS)
def test_float32_is_within_a_millionth_of_float64(pair: tuple[Any, Any]) -> None:
    """Any ground truth, any errors of up to 10 levels."""
    sr, hr = hr_with_errors(*pair)
    assert ssim(sr, statistics(hr, "float32")) == pytest.approx(ssim(sr, statistics(hr)), abs=1e-6)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (100, 140), (100, 200), (252, 255), (235, 16), (0, 255)])
def test_float32_keeps_flat_areas(low: float, high: float) -> None:
    """Flat areas, where subtracting squares loses every digit: still within 1e-6."""
    sr, hr = np.full((40, 40), float(high)), np.full((40, 40), float(low))
    assert ssim(sr, statistics(hr, "float32")) == pytest.approx(ssim(sr, statistics(hr)), abs=1e-6)
    expected = 1 - (high - low) ** 2 / (high**2 + low**2 + 6.5025)
    assert ssim(sr, statistics(hr)) == pytest.approx(expected, abs=1e-12)


def test_float32_keeps_flat_areas_with_unequal_errors() -> None:
    """Quarters of an image that are off by -10, -4, 5 and 10 levels: the worst that the bound covers."""
    hr = np.full((48, 48), 128.0)
    error = np.kron([[-10.0, -4.0], [5.0, 10.0]], np.ones((24, 24)))
    assert ssim(hr + error, statistics(hr, "float32")) == pytest.approx(
        ssim(hr + error, statistics(hr)), abs=1e-6
    )


@pytest.mark.parametrize("seed", range(4))
def test_float32_on_photographs_is_far_within_a_millionth(seed: int) -> None:
    """What it is used for: 1e-8."""
    sr, hr = photograph(240, 320, seed)
    assert ssim(sr, statistics(hr, "float32")) == pytest.approx(ssim(sr, statistics(hr)), abs=1e-8)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@given(hnp.arrays(np.float64, SHAPES, elements=BYTES))
def test_equal_images_give_exactly_one(dtype: Dtype, image: Any) -> None:
    """In either precision."""
    assert ssim(image, statistics(image, dtype)) == 1.0


@settings(max_examples=40)
@given(PAIRS)
def test_is_symmetric_and_at_most_one(pair: tuple[Any, Any]) -> None:
    """Prediction and ground truth may be swapped, up to rounding."""
    sr, hr = pair
    forward, backward = ssim(sr, statistics(hr)), ssim(hr, statistics(sr))
    assert forward == pytest.approx(backward, abs=1e-11)
    assert -1 <= forward <= 1 + 1e-12


def test_window_is_matlabs_gaussian() -> None:
    """fspecial('gaussian', [11 11], 1.5) is the outer product of the factor with itself, and sums to 1."""
    rows, cols = np.mgrid[-5:6, -5:6]
    gaussian = np.exp(-(rows**2 + cols**2) / (2 * 1.5**2))
    weights = np.outer(window("float64"), window("float64"))
    np.testing.assert_allclose(weights, gaussian / gaussian.sum(), rtol=1e-14, atol=0)
    assert weights.sum() == pytest.approx(1, abs=1e-15)


def test_rgb_is_the_mean_over_the_channels() -> None:
    """Each channel of a uint8 image is scored by itself."""
    rng = np.random.default_rng(1)
    sr, hr = rng.integers(0, 256, (2, 20, 24, 3), dtype=np.uint8)
    one = metric("rgb")
    expected = np.mean(
        [matlab_equivalent(sr[..., c].astype(float), hr[..., c].astype(float)) for c in range(3)]
    )
    assert one.score(sr, one.prepare(hr)) == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize("shape", [(10, 40), (40, 10), (1, 1)])
def test_images_smaller_than_the_window_are_a_reason(shape: tuple[int, int]) -> None:
    """Below 11 pixels there is no valid window: no number, but why."""
    with pytest.raises(Unavailable, match=f"11 x 11 window .*, got {shape[0]} x {shape[1]}"):
        metric().prepare(np.zeros(shape))


@pytest.mark.parametrize("shape", [(20, 21), (21, 20), (20, 20, 3)])
def test_images_of_different_shapes_are_refused(shape: tuple[int, ...]) -> None:
    """Nothing is cropped silently."""
    one = metric()
    with pytest.raises(ContractError, match="a prediction of shape"):
        one.score(np.zeros(shape), one.prepare(np.zeros((20, 20))))


@pytest.mark.parametrize("argument", ["", "float32"])
def test_arguments_are_not_changed_and_views_are_taken(argument: str) -> None:
    """A prepared ground truth outlives its array, and cropped views score as copies."""
    sr, hr = photograph(40, 44)
    one, before = metric(argument=argument), (sr.copy(), hr.copy())
    prepared = one.prepare(hr[2:-2, 2:-2])
    first = one.score(sr[2:-2, 2:-2], prepared)
    np.testing.assert_array_equal(sr, before[0])
    np.testing.assert_array_equal(hr, before[1])
    hr[:] = 0
    assert one.score(before[0][2:-2, 2:-2].copy(), prepared) == first


def test_signature_says_the_precision() -> None:
    """float64 and float32 are two signatures; so are luma and RGB."""
    fixed = "gauss:11:1.5|k:0.01:0.03|peak:255|valid|border:protocol"
    assert metric().signature == f"ssim|y|{fixed}|float64|srbench:1"
    assert metric(argument="float32").signature == f"ssim|y|{fixed}|float32|srbench:1"
    assert metric("rgb").signature == f"ssim|rgb|{fixed}|float64|srbench:1"


def test_an_unknown_precision_is_refused() -> None:
    """The message names the two."""
    with pytest.raises(UsageError, match="float64 or float32, got 'float16'"):
        metric(argument="float16")
