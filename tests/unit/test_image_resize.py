"""MATLAB's imresize: its rules, one by one, and what must hold for any image."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from srbench.errors import ImageError, SrbenchError, UsageError
from srbench.image.color import round_u8
from srbench.image.resize import KERNELS, KernelName, _cubed, contributions, imresize
from srbench.types import FLAVOURS, Flavour

U8_FLAVOURS: tuple[Flavour, ...] = ("matlab-replicate-u8", "matlab-symmetric-u8")
SCALES = st.sampled_from([1 / 8, 1 / 4, 1 / 3, 0.37, 1 / 2, 0.9, 1.0, 1.3, 2.0, 3.0, 4.0])
KERNEL_NAMES = st.sampled_from(list(KERNELS))


def images(min_side: int = 1, max_side: int = 20) -> st.SearchStrategy[Any]:
    """Gray and RGB images of any pixels."""
    sides = st.integers(min_side, max_side)
    shapes = st.one_of(st.tuples(sides, sides), st.tuples(sides, sides, st.sampled_from([1, 3])))
    return hnp.arrays(np.uint8, shapes)


def direct(image: np.ndarray, sizes: tuple[int, int], scale: float, flavour: Flavour) -> np.ndarray:
    """What ``imresize`` means, written out pixel by pixel in exact fractions (kernel by Keys)."""

    def cubic(x: Fraction) -> Fraction:
        a = abs(x)
        if a <= 1:
            return (3 * a**3 - 5 * a**2 + 2) / 2
        return (-(a**3) + 5 * a**2 - 8 * a + 4) / 2 if a <= 2 else Fraction(0)

    def row(values: list[Fraction], n: int) -> list[Fraction]:
        s, out = Fraction(scale), []
        shrink = min(s, Fraction(1))
        for x in range(1, n + 1):
            u = x / s + (1 - 1 / s) / 2
            reach = range(int(u - 2 / shrink) - 2, int(u + 2 / shrink) + 3)
            weights = {k: cubic(shrink * (u - k)) for k in reach}
            total = sum(weights.values())
            out.append(
                sum((w * values[place(k - 1, len(values))] for k, w in weights.items()), start=0 * s) / total
            )
        return [rounded(v) for v in out]

    def place(k: int, n: int) -> int:
        if flavour == "matlab-replicate-u8":
            return min(max(k, 0), n - 1)
        while not 0 <= k < n:
            k = -k - 1 if k < 0 else 2 * n - 1 - k
        return k

    def rounded(v: Fraction) -> Fraction:
        if flavour == "matlab-symmetric-double":
            return v
        return Fraction(min(max(math.floor(v + Fraction(1, 2)), 0), 255))

    columns = [row([Fraction(v) for v in column], sizes[0]) for column in image.T.tolist()]
    rows = [row(list(values), sizes[1]) for values in zip(*columns, strict=True)]
    return np.array(rows, dtype=np.float64)


# ---------------------------------------------------------------------------- MATLAB's own rules


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("scale", [0.25, 0.5, 0.125, 2.0, 4.0])
@pytest.mark.parametrize("shape", [(9, 13), (8, 8), (3, 2), (1, 1), (1, 7)])
def test_exact_arithmetic_gives_the_same_pixels(
    flavour: Flavour, scale: float, shape: tuple[int, int]
) -> None:
    """Where weights are exact in binary every tie falls as in exact fractions, also in tiny images."""
    image = np.random.default_rng(7).integers(0, 256, shape, dtype=np.uint8)
    ours = imresize(image, scale, flavour=flavour)
    expected = direct(image, (ours.shape[0], ours.shape[1]), scale, flavour)
    if flavour == "matlab-symmetric-double":
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12)
    else:
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("flavour", U8_FLAVOURS)
@pytest.mark.parametrize("scale", [1 / 3, 3.0, 1 / 5])
def test_thirds_and_fifths_agree_with_exact_arithmetic(flavour: Flavour, scale: float) -> None:
    """At scales whose weights are not exact in binary the pixels still are those of exact fractions."""
    image = np.random.default_rng(8).integers(0, 256, (11, 14), dtype=np.uint8)
    ours = imresize(image, scale, flavour=flavour)
    np.testing.assert_array_equal(ours, direct(image, (ours.shape[0], ours.shape[1]), scale, flavour))


def test_output_size_is_the_ceiling_of_scale_times_input() -> None:
    """A side that the scale doesn't divide is rounded up, and positions still follow the scale."""
    image = np.random.default_rng(0).integers(0, 256, (7, 10), dtype=np.uint8)
    by_scale = imresize(image, 1 / 3)
    assert by_scale.shape == (3, 4)
    assert not np.allclose(by_scale, imresize(image, size=(3, 4)))


def test_the_dimension_with_the_smaller_scale_goes_first() -> None:
    """With rounding between the passes the order shows: it is the same for an image and its transpose."""
    image = np.random.default_rng(1).integers(0, 256, (40, 40), dtype=np.uint8)
    tall = imresize(image, size=(31, 11), flavour="matlab-symmetric-u8")
    wide = imresize(image.T, size=(11, 31), flavour="matlab-symmetric-u8")
    np.testing.assert_array_equal(tall, wide.T)


def test_rows_go_first_on_a_tie() -> None:
    """Equal scales: rows, then columns; the other order rounds otherwise."""
    image = np.random.default_rng(2).integers(0, 256, (40, 40), dtype=np.uint8)
    ours = imresize(image, 0.5, flavour="matlab-symmetric-u8")
    turned = imresize(image.T, 0.5, flavour="matlab-symmetric-u8").T
    np.testing.assert_array_equal(ours, direct(image, (20, 20), 0.5, "matlab-symmetric-u8"))
    assert (ours != turned).any()


def test_symmetric_padding_repeats_in_images_smaller_than_the_kernel() -> None:
    """Indices run back and forth through [0 1 1 0] as often as the kernel needs."""
    taps = contributions(2, 1, 1 / 8, "bicubic", antialias=True, replicate=False)
    # The one output pixel lies at 4.5; the 32 taps nearer than 16 start at -11 (1-based).
    np.testing.assert_array_equal(taps.indices[0], np.tile([0, 1, 1, 0], 8))


def test_replicate_padding_clamps() -> None:
    """Indices outside the image are its edge's."""
    taps = contributions(4, 8, 2.0, "bicubic", antialias=True, replicate=True)
    # The first output pixel lies at 0.75: taps -1, 0, 1, 2 (1-based); the last at 4.25: 3, 4, 5, 6.
    np.testing.assert_array_equal(taps.indices[[0, -1]], [[0, 0, 0, 1], [2, 3, 3, 3]])


@pytest.mark.parametrize(("scale", "taps"), [(2.0, 4), (4.0, 4), (0.5, 8), (0.25, 16), (1 / 3, 9)])
def test_columns_of_zero_weights_are_dropped(scale: float, taps: int) -> None:
    """Of ceil(width) + 2 candidate taps those that no output pixel uses are removed.

    At 1/3 the taps fall on distances 0, 1/3, 2/3 ...; the kernel is zero at 1, and they go too.
    """
    weights = contributions(24, int(24 * scale), scale, "bicubic", antialias=True, replicate=False).weights
    assert weights.shape[1] == taps
    assert weights.any(axis=0).all()


def test_nearest_is_a_box_that_is_not_widened() -> None:
    """'nearest' picks pixels when shrinking, 'box' averages them, and the flag turns one into the other."""
    image = np.arange(64, dtype=np.float64).reshape(8, 8)
    nearest, box = imresize(image, 0.5, kernel="nearest"), imresize(image, 0.5, kernel="box")
    assert np.isin(nearest, image).all()
    np.testing.assert_allclose(box, image.reshape(4, 2, 4, 2).mean(axis=(1, 3)))
    np.testing.assert_array_equal(imresize(image, 0.5, kernel="box", antialias=False), nearest)
    np.testing.assert_array_equal(imresize(image, 0.5, kernel="nearest", antialias=True), box)


def test_nearest_enlarges_by_repeating() -> None:
    """Twice as large by 'nearest' is every pixel twice."""
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    ours = imresize(image, 2, kernel="nearest", flavour="matlab-symmetric-u8")
    np.testing.assert_array_equal(ours, image.repeat(2, axis=0).repeat(2, axis=1))


def test_bilinear_midpoints() -> None:
    """Twice as large by 'bilinear' mixes neighbours 3 to 1."""
    ours = imresize(np.array([[0.0, 100.0]]), size=(1, 4), kernel="bilinear")
    np.testing.assert_allclose(ours, [[0, 25, 75, 100]])


@pytest.mark.parametrize(("kernel", "lobes"), [("lanczos2", 2), ("lanczos3", 3)])
def test_lanczos_is_a_windowed_sinc(kernel: KernelName, lobes: int) -> None:
    """The Lanczos kernels are sinc(x) sinc(x / lobes), zero from the last lobe on."""
    function, width = KERNELS[kernel]
    x = np.linspace(-4, 4, 1601)
    expected = np.sinc(x) * np.sinc(x / lobes) * (np.abs(x) < lobes)
    np.testing.assert_allclose(function(x), expected, atol=1e-14)
    assert width == 2 * lobes


def test_antialias_off_uses_the_narrow_kernel() -> None:
    """Without antialiasing a shrinking bicubic takes four taps, and gives other pixels."""
    image = np.random.default_rng(3).random((16, 16))
    assert contributions(16, 4, 0.25, "bicubic", antialias=False, replicate=False).weights.shape[1] == 4
    assert not np.allclose(imresize(image, 0.25), imresize(image, 0.25, antialias=False))


@given(hnp.arrays(np.float64, 20, elements=st.floats(0, 8, allow_subnormal=False)))
def test_cubes_are_rounded_once(values: np.ndarray) -> None:
    """The cube is the double nearest to the true one, on any processor."""
    usable = values[values > 1e-30]
    expected = [float(Fraction(v) ** 3) for v in usable.tolist()]
    np.testing.assert_array_equal(_cubed(usable), expected)


# ------------------------------------------------------------------------------------ properties


@given(images(), st.sampled_from(U8_FLAVOURS), SCALES, KERNEL_NAMES)
def test_u8_flavours_keep_dtype_channels_and_size_rule(
    image: np.ndarray, flavour: Flavour, scale: float, kernel: KernelName
) -> None:
    """uint8 in, uint8 out; sides by the ceiling; channels and number of dimensions kept."""
    ours = imresize(image, scale, flavour=flavour, kernel=kernel)
    assert ours.dtype == np.uint8
    assert ours.shape == (*(int(np.ceil(scale * n)) for n in image.shape[:2]), *image.shape[2:])
    assert ours.flags["C_CONTIGUOUS"]


@given(images(), SCALES)
def test_double_keeps_shape_rule_and_gives_float64(image: np.ndarray, scale: float) -> None:
    """Any real dtype in, float64 out."""
    for dtype in (np.uint8, np.float32, np.int16):
        ours = imresize(image.astype(dtype), scale)
        assert ours.dtype == np.float64
        assert ours.shape[:2] == tuple(int(np.ceil(scale * n)) for n in image.shape[:2])


@given(st.integers(0, 255), SCALES, KERNEL_NAMES, st.sampled_from(FLAVOURS))
def test_a_constant_image_stays_constant(
    level: int, scale: float, kernel: KernelName, flavour: Flavour
) -> None:
    """Weights sum to one under every kernel, scale and padding."""
    ours = imresize(np.full((9, 5), level, np.uint8), scale, flavour=flavour, kernel=kernel)
    np.testing.assert_allclose(ours, level, rtol=0, atol=1e-12)


@given(images(), st.sampled_from(FLAVOURS), st.sampled_from(["bicubic", "bilinear", "box", "nearest"]))
def test_scale_one_changes_nothing(image: np.ndarray, flavour: Flavour, kernel: KernelName) -> None:
    """At scale 1 every pixel stays what it is."""
    np.testing.assert_array_equal(imresize(image, 1, flavour=flavour, kernel=kernel), image)


@given(
    images(2), st.sampled_from([1 / 4, 1 / 2, 2.0, 4.0]), st.sampled_from(FLAVOURS), st.sampled_from([0, 1])
)
def test_a_flip_before_is_a_flip_after(image: np.ndarray, scale: float, flavour: Flavour, axis: int) -> None:
    """Where the scale divides the sides, a mirrored image becomes the mirrored result."""
    step = max(1, round(1 / scale))
    whole = image[: max(image.shape[0] // step * step, step), : max(image.shape[1] // step * step, step)]
    if whole.shape[0] % step or whole.shape[1] % step:
        whole = np.resize(image, (step, step))
    flipped = imresize(np.flip(whole, axis), scale, flavour=flavour)
    np.testing.assert_array_equal(np.flip(flipped, axis), imresize(whole, scale, flavour=flavour))


@given(images(), SCALES)
def test_channels_do_not_mix(image: np.ndarray, scale: float) -> None:
    """Each channel is resized as if alone."""
    planes = image.reshape(*image.shape[:2], -1)
    alone = [imresize(planes[..., c], scale, flavour="matlab-symmetric-u8") for c in range(planes.shape[2])]
    together = imresize(planes, scale, flavour="matlab-symmetric-u8")
    np.testing.assert_array_equal(together, np.stack(alone, axis=-1))


@given(images(), st.sampled_from([1 / 4, 1 / 3, 1 / 2, 2.0, 3.0, 4.0]))
def test_rounding_between_the_passes_moves_a_pixel_by_little(image: np.ndarray, scale: float) -> None:
    """The u8 flavour differs from the double one by the rounding of two passes, and by no more.

    The first pass is off by half a level at most where it doesn't clip; the second weighs that by the
    sum of its weights' magnitudes (below 1.5 for bicubic) and rounds once more.
    """
    calm = (image // 4 + 96).astype(np.uint8)  # no overshoot reaches 0 or 255
    u8 = imresize(calm, scale, flavour="matlab-symmetric-u8").astype(np.float64)
    assert np.abs(u8 - imresize(calm, scale)).max() <= 0.5 * 1.5 + 0.5


@given(images(2), SCALES, st.sampled_from(["bicubic", "lanczos3"]))
def test_double_is_linear(image: np.ndarray, scale: float, kernel: KernelName) -> None:
    """A sum of images becomes the sum of the results."""
    other = image[::-1].astype(np.float64)
    both = imresize(image + 2 * other, scale, kernel=kernel)
    apart = imresize(image, scale, kernel=kernel) + 2 * imresize(other, scale, kernel=kernel)
    np.testing.assert_allclose(both, apart, rtol=0, atol=1e-9)


@settings(max_examples=30)
@given(images(8, 24))
def test_paddings_agree_inside(image: np.ndarray) -> None:
    """The two u8 flavours differ near the border only."""
    flavours = [imresize(image, 2, flavour=flavour) for flavour in U8_FLAVOURS]
    np.testing.assert_array_equal(flavours[0][4:-4, 4:-4], flavours[1][4:-4, 4:-4])


@given(images())
def test_the_input_is_left_alone(image: np.ndarray) -> None:
    """Resizing reads its input and never writes to it, nor returns a view of it."""
    image.flags.writeable = False
    before = image.copy()
    for flavour in FLAVOURS:
        assert not np.shares_memory(imresize(image, 1, flavour=flavour), image)
    np.testing.assert_array_equal(image, before)


@given(images(2), SCALES)
def test_views_are_resized_as_their_copies(image: np.ndarray, scale: float) -> None:
    """Memory layout doesn't matter: a strided view gives what its copy gives."""
    view = image[::-1, ::2]
    np.testing.assert_array_equal(
        imresize(view, scale, flavour="matlab-symmetric-u8"),
        imresize(view.copy(), scale, flavour="matlab-symmetric-u8"),
    )


def test_double_rounded_once_is_what_is_stored() -> None:
    """The double flavour overshoots at edges; rounding clips it to uint8."""
    step = np.array([[0, 0, 255, 255]], np.uint8)
    ours = imresize(step, size=(1, 16))
    assert ours.min() < 0
    assert ours.max() > 255
    assert round_u8(ours).min() == 0
    assert round_u8(ours).max() == 255


# ------------------------------------------------------------------------------------- refusals

GRAY = np.zeros((4, 4), np.uint8)


@pytest.mark.parametrize(
    ("image", "options", "error", "words"),
    [
        (np.zeros((2, 3, 4, 1), np.uint8), {"scale": 2}, ImageError, "one frame at a time"),
        (np.zeros(5), {"scale": 2}, ImageError, "shape (5,)"),
        (np.zeros((0, 4)), {"scale": 2}, ImageError, "shape (0, 4)"),
        (np.zeros((4, 4)), {"scale": 2, "flavour": "matlab-symmetric-u8"}, ImageError, "got float64"),
        (np.zeros((4, 4), complex), {"scale": 2}, ImageError, "real numbers"),
        (GRAY, {}, UsageError, "scale=None, size=None"),
        (GRAY, {"scale": 2, "size": (8, 8)}, UsageError, "one of the two"),
        (GRAY, {"scale": 0}, UsageError, "scale=0"),
        (GRAY, {"scale": -1}, UsageError, "scale=-1"),
        (GRAY, {"scale": float("nan")}, UsageError, "scale=nan"),
        (GRAY, {"scale": float("inf")}, UsageError, "scale=inf"),
        (GRAY, {"size": (0, 4)}, UsageError, "size=(0, 4)"),
        (GRAY, {"scale": 2, "kernel": "cubic-ish"}, UsageError, "bicubic"),
        (GRAY, {"scale": 2, "flavour": "matlab"}, UsageError, "matlab-symmetric-double"),
    ],
)
def test_what_cannot_be_resized_is_refused(
    image: np.ndarray, options: dict[str, Any], error: type[SrbenchError], words: str
) -> None:
    """Each refusal is one line that names what was given or what to use."""
    with pytest.raises(error) as caught:
        imresize(image, **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
