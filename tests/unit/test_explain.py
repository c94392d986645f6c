"""The parts of `srbench explain`: what is tried, how it is computed, and what the answer says."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import color, metrics

from srbench.data.datasets import open_dataset
from srbench.errors import NothingMeasured, UsageError
from srbench.explain.looks import Looks, stored
from srbench.explain.measure import METRICS, Figure, figures
from srbench.explain.resizers import RESIZERS
from srbench.explain.variants import Setting, Variant, variants
from srbench.explain.verdict import parse_claim, rank, verdict
from srbench.explain.windows import SSIMS
from srbench.image.color import rgb2y
from srbench.metrics.ssim import C1, C2, ssim, statistics, window
from srbench.protocols import get_protocol
from srbench.runner.api import evaluate
from srbench.runner.request import choose_models
from srbench.types import Flavour

CLASSIC, VDSR, SELFEXSR, RGB = (get_protocol(name, 4) for name in ("classic", "vdsr", "selfexsr", "rgb"))
ALL = Setting(predicts=True, bicubic=True, gray=True, several=True, ssim=False)
Plane = NDArray[np.float64]


def pair(height: int = 40, width: int = 33) -> tuple[Plane, Plane]:
    """A smooth plane and a noisy one near it."""
    rng = np.random.default_rng(3)
    hr = np.add.outer(np.linspace(0, 120, height), np.linspace(20, 130, width))
    return hr + rng.normal(0, 9, hr.shape), hr


# ------------------------------------------------------------------------------ what is tried


def test_named_protocols_come_first_then_one_deviation_then_two() -> None:
    """The order in which agreeing recipes are listed."""
    counts = [len(v.changes) for v in variants((CLASSIC, VDSR, SELFEXSR, RGB), ALL)]
    assert counts == sorted(counts)
    assert counts.count(0) == 4
    assert max(counts) == 2


def test_no_recipe_is_tried_twice() -> None:
    """SelfExSR's protocol with Y not rounded is `classic` with two changes: only one of them stays."""
    tried = variants((CLASSIC, VDSR, SELFEXSR, RGB), ALL)
    assert len({v.recipe for v in tried}) == len(tried)


def test_two_deviations_never_replace_the_same_part() -> None:
    """No recipe has two borders or two lumas."""
    for variant in variants((CLASSIC,), ALL):
        for word in ("luma", "border", "bicubic", "MSE", "SR "):
            assert sum(word in change for change in variant.changes) <= 1, variant.words


@pytest.mark.parametrize(
    ("setting", "absent"),
    [
        (Setting(predicts=False, bicubic=False, gray=True, several=True, ssim=False), "bicubic"),
        (Setting(predicts=True, bicubic=False, gray=True, several=True, ssim=False), "down and up"),
        (Setting(predicts=True, bicubic=True, gray=False, several=True, ssim=False), "gray images"),
        (Setting(predicts=True, bicubic=True, gray=True, several=False, ssim=False), "MSE"),
        (Setting(predicts=True, bicubic=True, gray=True, several=True, ssim=True), "MSE"),
        (Setting(predicts=True, bicubic=True, gray=True, several=True, ssim=False), "SSIM"),
    ],
)
def test_what_can_not_matter_is_not_tried(setting: Setting, absent: str) -> None:
    """A folder has no other LR, a set without gray images no gray rule, one image no mean."""
    assert not [v.words for v in variants((CLASSIC, RGB), setting) if absent in v.words]


# ------------------------------------------------------------------------------ how it is computed


@pytest.mark.parametrize("metric", METRICS)
def test_named_protocols_give_what_a_run_gives(metric: str, mini: str) -> None:
    """Bit for bit, also where one image is gray."""
    dataset, choice = open_dataset(mini), choose_models(("bicubic",))[0]
    found = figures(choice, dataset, 4, metric)
    named = {f.variant.protocol.name: f.value for f in found.found if not f.variant.changes}
    assert named.keys() == {"classic", "vdsr", "selfexsr", "rgb"}
    for name, value in named.items():
        plane = "psnr_rgb" if metric == "psnr_y" else "ssim_rgb"
        wanted = plane if name == "rgb" else metric
        cell = evaluate("bicubic", mini, 4, protocol=name, metrics=[wanted])
        assert cell["metrics"][wanted] == value, name


def test_lumas_are_what_they_are_called() -> None:
    """Full range is BT.601 without offset; swapped is studio luma of B, G, R; BT.709 is scikit-image's."""
    rgb = np.random.default_rng(0).integers(0, 256, (9, 8, 3), np.uint8)
    looks = Looks(rgb)
    bare = get_protocol("classic", 4, border=0)
    planes = {luma: looks.plane(Variant(bare, luma=luma)) for luma in ("studio", "full", "bt709", "bgr")}
    np.testing.assert_array_equal(planes["studio"], rgb2y(rgb))
    np.testing.assert_allclose(planes["full"], rgb @ [0.299, 0.587, 0.114], atol=0.03)
    np.testing.assert_allclose(planes["full"], (rgb2y(rgb) - 16) * 255 / 219, atol=0.03)
    np.testing.assert_array_equal(planes["bgr"], rgb2y(rgb[..., ::-1]))
    np.testing.assert_allclose(planes["bt709"], color.rgb2gray(rgb) * 255, atol=1e-9)


def test_predictions_are_stored_as_named() -> None:
    """Rounded half away from zero, cut off, clipped, or left alone; VDSR's range is 16..235."""
    sr = np.array([[[-3.0], [2.5], [99.9], [260.0]]])
    as_stored = {
        how: stored(sr, how, CLASSIC).ravel().tolist() for how in ("u8", "floor", "clipped", "float")
    }
    assert as_stored == {
        "u8": [0, 3, 100, 255],
        "floor": [0, 2, 99, 255],
        "clipped": [0, 2.5, 99.9, 255],
        "float": [-3, 2.5, 99.9, 260],
    }
    assert stored(sr, "clipped", VDSR).ravel().tolist() == [16, 16, 99.9, 235]


def brute_ssim(x: Plane, y: Plane) -> float:
    """SSIM's mean by explicit windows, each of them 11 x 11 and inside the planes."""
    weights = np.outer(window("float64"), window("float64"))
    scores = []
    for i in range(x.shape[0] - 10):
        for j in range(x.shape[1] - 10):
            a, b = x[i : i + 11, j : j + 11], y[i : i + 11, j : j + 11]
            ma, mb = (weights * a).sum(), (weights * b).sum()
            va, vb = (weights * (a - ma) ** 2).sum(), (weights * (b - mb) ** 2).sum()
            cov = (weights * (a - ma) * (b - mb)).sum()
            scores.append((2 * ma * mb + C1) * (2 * cov + C2) / ((ma**2 + mb**2 + C1) * (va + vb + C2)))
    return float(np.mean(scores))


def test_padded_ssim_has_a_window_at_every_pixel() -> None:
    """MATLAB's `ssim` repeats the edge pixel: the valid SSIM of planes padded so by five pixels."""
    x, y = pair()
    padded = [np.pad(plane, 5, mode="edge") for plane in (x, y)]
    assert SSIMS["gauss-same"](x, y) == pytest.approx(brute_ssim(*padded), abs=1e-12)


def test_uniform_ssim_is_scikit_images_default() -> None:
    """7 x 7, sample covariances, peak 255."""
    x, y = pair()
    score: Callable[..., float] = metrics.structural_similarity
    expected = score(x, y, data_range=255)
    assert SSIMS["uniform-7"](x, y) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("size", "factor"), [((300, 256), 1), ((500, 512), 2), ((760, 800), 3)])
def test_downsampled_ssim_averages_and_takes_every_fth_pixel(size: tuple[int, int], factor: int) -> None:
    """Wang's `ssim.m`: the mean of f x f pixels about every f-th one, mirrored at the edge."""
    x, y = pair(*size)
    left = (factor - 1) // 2
    small = []
    for plane in (x, y):
        padded = np.pad(plane, factor, mode="symmetric")[factor - left :, factor - left :]
        boxes = np.lib.stride_tricks.sliding_window_view(padded, (factor, factor)).mean(axis=(2, 3))
        small.append(boxes[: size[0] : factor, : size[1] : factor])
    assert SSIMS["downsampled"](x, y) == pytest.approx(ssim(small[0], statistics(small[1])), abs=1e-12)


@pytest.mark.parametrize("name", RESIZERS)
@pytest.mark.parametrize("channels", [1, 3])
def test_resizers_keep_channels_and_flat_images(name: str, channels: int) -> None:
    """Every program's bicubic leaves a flat image flat, at the size that was asked for."""
    resize: Callable[..., NDArray[np.uint8]] = {str(n): r for n, r in RESIZERS.items()}[name]
    small = resize(np.full((24, 36, channels), 77, np.uint8), (6, 9))
    assert small.shape == (6, 9, channels)
    assert (small == 77).all()


def test_resizers_differ_where_antialiasing_matters() -> None:
    """Stripes whose bright half lies on the sampled places: seen as white unless the kernel is widened."""
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, 1::4] = stripes[:, 2::4] = 255
    means = {name: resize(stripes, (8, 8)).mean() for name, resize in RESIZERS.items()}
    assert means["opencv"] == means["no-antialias"] == 255
    assert means["pillow"] == pytest.approx(127.5, abs=3)


# ------------------------------------------------------------------------------ what the answer says


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [("32.46", 32.46, 0.01), (".8987", 0.8987, 1e-4), ("28", 28, 1), ("32.5", 32.5, 0.1)],
)
def test_a_claims_digits_are_its_tolerance(text: str, value: float, unit: float) -> None:
    """Half a unit of the last printed digit, either way."""
    claim = parse_claim(text)
    assert claim.value == value
    assert claim.unit == pytest.approx(unit)
    assert claim.rounds_from(value + 0.499 * unit)
    assert claim.rounds_from(value - 0.499 * unit)
    assert not claim.rounds_from(value + 0.501 * unit)
    assert claim.cut_from(value + 0.99 * unit)
    assert not claim.cut_from(value - 0.01 * unit)


@pytest.mark.parametrize("text", ["", "dB", "-3.1", "1e2", "nan", "32,46", "32.46/0.8987"])
def test_what_is_no_printed_figure_is_refused(text: str) -> None:
    """The message shows what was typed."""
    with pytest.raises(UsageError, match="as it was printed"):
        parse_claim(text)


def figure(value: float, *changes: str, name: str = "classic") -> Figure:
    """A figure of a named protocol with these deviations."""
    return Figure(Variant(get_protocol(name, 4), changes), value)


def answer(text: str, *found: Figure) -> str:
    """The first line of the answer."""
    return verdict(parse_claim(text), rank(parse_claim(text), list(found)), "here")


def test_a_named_protocol_comes_before_a_mistake_that_is_nearer() -> None:
    """How near a figure comes within the printed digits is no evidence."""
    found = (figure(28.4240), figure(28.4201, "rounded"))
    assert answer("28.42", *found) == "28.42 is classic (28.4240): here"


def test_equally_plausible_recipes_are_all_named() -> None:
    """Two of them by name and value; more than three are counted."""
    both = answer("28.42", figure(28.421), figure(28.424, name="vdsr"), figure(28.5, name="rgb"))
    assert both == "28.42 is classic (28.4210) or vdsr (28.4240): here"
    many = answer("28.42", *(figure(28.42, word) for word in "abcde"))
    assert many.endswith("classic, but c (28.4200) or 2 more: here")


def test_a_pair_of_deviations_is_called_weak_evidence() -> None:
    """Among so many recipes some agree by chance."""
    assert "2 of 3 recipes agree: weak evidence" in answer(
        "28.42", figure(28.42, "a", "b"), figure(28.42, "a", "c"), figure(30, "a")
    )


def test_without_agreement_the_nearest_and_the_cut_off_figure_are_named() -> None:
    """28.4290 is 28.43 rounded and 28.42 cut off; the nearest may be another recipe."""
    text = answer("28.42", figure(28.4290), figure(28.4140, "rounded"))
    assert text.startswith(
        "28.42 is none of 2 recipes: here; the nearest is classic, but rounded (28.4140), -0.0060"
    )
    assert text.endswith("cut off instead of rounded it would be classic (28.4290)")


def test_figures_that_are_no_number_are_left_out() -> None:
    """A mean without finite values agrees with nothing."""
    assert [row.figure.value for row in rank(parse_claim("1"), [figure(math.nan), figure(math.inf)])] == [
        math.inf
    ]


def test_other_names_of_the_same_number_are_kept() -> None:
    """Gray images aside, `selfexsr` scores a folder as `classic` does with Y rounded."""
    named = Figure(Variant(SELFEXSR), 32.45, ("classic, but Y rounded to uint8",))
    assert answer("32.45", named).startswith(
        "32.45 is selfexsr (32.4500, here the same as classic, but Y rounded"
    )


def test_a_part_of_a_set_explains_nothing() -> None:
    """The claim is about all of it."""
    with pytest.raises(NothingMeasured, match="all 5 items of embedded"):
        figures(choose_models(("bicubic",))[0], open_dataset("embedded", limit=2), 4, "psnr_y")


def test_a_protocol_the_model_can_not_run_under_is_left_out_with_the_reason(mini: str) -> None:
    """A bicubic of a uint8 flavour has no luma plane in double."""
    flavour: Flavour = "matlab-replicate-u8"
    choice = choose_models((f"bicubic:{flavour}",))[0]
    assert "needs uint8" in figures(choice, open_dataset(mini), 4, "psnr_y").left_out["vdsr"]
