"""PSNR: the definition, its edge, and what it refuses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.metrics import peak_signal_noise_ratio

from srbench.errors import ContractError
from srbench.metrics.psnr import PSNR, psnr
from srbench.types import MetricInfo, Plane

PAIRS = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda shape: st.tuples(*[hnp.arrays(np.uint8, (*shape, 3))] * 2)
)


def metric(needs: Plane) -> PSNR:
    """PSNR on a plane."""
    return PSNR(MetricInfo("psnr", "PSNR", "dB", "higher", 2, needs, crop=True, edge=""))


@given(PAIRS)
def test_equals_scikit_image(pair: tuple[Any, Any]) -> None:
    """Peak 255, one MSE over all pixels and channels, as scikit-image computes it in float64."""
    sr, hr = pair
    if (sr == hr).all():
        assert psnr(sr, hr) == math.inf
    else:
        expected = peak_signal_noise_ratio(  # type: ignore[no-untyped-call]
            hr.astype(float), sr.astype(float), data_range=255
        )
        assert psnr(sr, hr) == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize(("error", "decibels"), [(255, 0.0), (25.5, 20.0), (2.55, 40.0)])
def test_a_constant_error_has_a_known_psnr(error: float, decibels: float) -> None:
    """An error of a tenth of the peak is 20 dB."""
    assert psnr(np.full((4, 5), error), np.zeros((4, 5))) == pytest.approx(decibels, abs=1e-12)


def test_unsigned_bytes_do_not_wrap_around() -> None:
    """0 against 255 in uint8 is an error of 255, not of 1."""
    assert psnr(np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8)) == 0.0


@given(PAIRS)
def test_is_symmetric_and_leaves_its_arguments_alone(pair: tuple[Any, Any]) -> None:
    """Swapping prediction and ground truth changes nothing, and nothing is written to them."""
    sr, hr = pair
    before = sr.copy(), hr.copy()
    assert psnr(sr, hr) == psnr(hr, sr)
    np.testing.assert_array_equal(sr, before[0])
    np.testing.assert_array_equal(hr, before[1])


def test_views_of_larger_images_score_as_their_copies() -> None:
    """A cropped view needs no copy."""
    image, other = np.random.default_rng(0).random((2, 9, 9, 3)) * 255
    assert psnr(image[2:-2, 2:-2], other[2:-2, 2:-2]) == psnr(
        image[2:-2, 2:-2].copy(), other[2:-2, 2:-2].copy()
    )


def test_equal_images_give_inf() -> None:
    """Inf is the value, not an error: the store counts it and leaves it out of means."""
    image = np.arange(12.0).reshape(3, 4)
    assert metric("y").score(image, metric("y").prepare(image)) == math.inf


def test_images_of_different_shapes_are_refused() -> None:
    """Nothing is resized or broadcast silently."""
    with pytest.raises(ContractError, match=r"shape \(4, 5\), got shape \(5, 4\)"):
        metric("y").score(np.zeros((5, 4)), metric("y").prepare(np.zeros((4, 5))))


def test_signature_says_plane_and_peak() -> None:
    """Luma and RGB are never compared with each other."""
    assert metric("y").signature == "psnr|y|peak:255|border:protocol|float64|srbench:1"
    assert metric("rgb").signature == "psnr|rgb|peak:255|border:protocol|float64|srbench:1"
