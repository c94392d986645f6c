"""MATLAB's colour conversions, exact to their ties."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from srbench.errors import ImageError
from srbench.image.color import rgb2gray, rgb2y, rgb2ycbcr, round_u8, ycbcr2rgb

PIXELS = hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)))
BT601 = (("65.481", "128.553", "24.966"), ("-37.797", "-74.203", "112"), ("112", "-93.786", "-18.214"))


@pytest.mark.parametrize(
    ("rgb", "ycbcr"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((255, 0, 0), (81, 90, 240)),
        ((0, 255, 0), (145, 54, 34)),
        ((0, 0, 255), (41, 240, 110)),
        ((255, 255, 0), (210, 16, 146)),
        ((128, 128, 128), (126, 128, 128)),
    ],
)
def test_known_colours(rgb: tuple[int, ...], ycbcr: tuple[int, ...]) -> None:
    """The primaries have the studio-range values of BT.601 (MATLAB's rgb2ycbcr of uint8)."""
    np.testing.assert_array_equal(round_u8(rgb2ycbcr(np.array(rgb, np.uint8))), ycbcr)


@pytest.mark.parametrize("rgb", [(0, 204, 68), (2, 44, 141), (4, 194, 109), (5, 65, 25)])
def test_ties_fall_as_in_matlab(rgb: tuple[int, int, int]) -> None:
    """Where the true luma ends in exactly .5, the premultiplied sum ends just below and rounds down."""
    true = 16 + sum(Fraction(c) * v for c, v in zip(BT601[0], rgb, strict=True)) / 255
    divided_last = 16 + (65.481 * rgb[0] + 128.553 * rgb[1] + 24.966 * rgb[2]) / 255
    ours = rgb2y(np.array(rgb, np.uint8))
    assert true % 1 == Fraction(1, 2)
    assert round_u8(ours) == int(true)
    assert round_u8(divided_last) == int(true) + 1


@given(PIXELS)
def test_luma_is_within_rounding_of_the_definition(rgb: np.ndarray) -> None:
    """Y = 16 + (65.481 R + 128.553 G + 24.966 B) / 255, not rounded, in 16..235."""
    y = rgb2y(rgb)
    expected = 16 + (rgb.astype(np.float64) @ [65.481, 128.553, 24.966]) / 255
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)
    assert y.shape == rgb.shape[:2]
    assert y.dtype == np.float64
    assert y.min() >= 16
    assert y.max() <= 235 + 1e-9


@given(PIXELS)
def test_luma_is_the_first_plane_of_ycbcr(rgb: np.ndarray) -> None:
    """rgb2y and rgb2ycbcr agree to the last bit."""
    np.testing.assert_array_equal(rgb2y(rgb), rgb2ycbcr(rgb)[..., 0])


@given(PIXELS)
def test_float_input_is_the_same_scale(rgb: np.ndarray) -> None:
    """0..255 floats give what uint8 gives, to the last bit."""
    np.testing.assert_array_equal(rgb2ycbcr(rgb.astype(np.float64)), rgb2ycbcr(rgb))
    np.testing.assert_array_equal(rgb2y(rgb.astype(np.float32)), rgb2y(rgb))


@given(PIXELS)
def test_there_and_back(rgb: np.ndarray) -> None:
    """ycbcr2rgb undoes rgb2ycbcr when nothing is rounded between."""
    np.testing.assert_allclose(ycbcr2rgb(rgb2ycbcr(rgb)), rgb, rtol=0, atol=1e-11)


def test_the_inverse_is_the_exact_one() -> None:
    """Unit steps of Y, Cb, Cr move RGB by 255 times the exactly inverted matrix."""
    m = [[Fraction(c) for c in row] for row in BT601]
    steps = ycbcr2rgb(np.eye(3)) - ycbcr2rgb(np.zeros((1, 3)))
    back = [
        [sum(Fraction(s) * m[j][k] for k, s in enumerate(row)) / 255 for j in range(3)]
        for row in steps.tolist()
    ]
    np.testing.assert_allclose(np.array(back, dtype=np.float64), np.eye(3), rtol=0, atol=2e-13)


def test_full_range_gray_differs_from_luma() -> None:
    """White is 255 in rgb2gray and 235 in Y: 20 log10(255 / 219) = 1.32 dB between the two."""
    white = np.full((1, 1, 3), 255, np.uint8)
    assert rgb2gray(white)[0, 0] == 255
    assert rgb2y(white)[0, 0] == pytest.approx(235)


@pytest.mark.parametrize(("rgb", "gray"), [((255, 0, 0), 76), ((0, 255, 0), 150), ((0, 0, 255), 29)])
def test_known_grays(rgb: tuple[int, ...], gray: int) -> None:
    """The primaries have MATLAB's rgb2gray values; uint8 stays uint8, float is not rounded."""
    ours = rgb2gray(np.array([rgb], np.uint8))
    assert ours.dtype == np.uint8
    assert ours[0] == gray
    assert abs(float(rgb2gray(np.array([rgb], np.float64))[0]) - gray) < 0.5


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.5, 1),
        (1.5, 2),
        (2.5, 3),
        (0.49999999999999994, 0),
        (2.4999999999999996, 2),
        (254.5, 255),
        (-0.5, 0),
        (-7.0, 0),
        (255.4, 255),
        (1e300, 255),
        (float("inf"), 255),
        (float("-inf"), 0),
        (float("nan"), 0),
    ],
)
def test_rounding_is_half_away_from_zero_then_clipped(value: float, expected: int) -> None:
    """MATLAB's uint8(x): halves go up, the double just below a half doesn't, NaN is 0."""
    assert round_u8(value) == expected
    assert round_u8(np.array([value])).dtype == np.uint8


@given(st.floats(0, 255))
def test_rounding_is_exact(value: float) -> None:
    """Every double in range is rounded as exact arithmetic rounds it."""
    assert int(round_u8(value)) == int(Fraction(value) + Fraction(1, 2))


@given(hnp.arrays(np.uint8, hnp.array_shapes(max_dims=4)))
def test_rounding_keeps_uint8(image: np.ndarray) -> None:
    """Rounding what is already uint8 changes nothing."""
    np.testing.assert_array_equal(round_u8(image), image)


@pytest.mark.parametrize("function", [rgb2y, rgb2ycbcr, ycbcr2rgb, rgb2gray])
@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4), (4, 4, 1), (3, 4, 4), ()])
def test_anything_but_three_channels_is_refused(function: object, shape: tuple[int, ...]) -> None:
    """A gray plane, RGBA or channels-first is refused in one line that names its shape."""
    assert callable(function)
    with pytest.raises(ImageError, match="three channels last") as caught:
        function(np.zeros(shape, np.uint8))
    assert str(shape) in str(caught.value)
