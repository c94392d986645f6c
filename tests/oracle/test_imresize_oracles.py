"""The image core against what MATLAB itself, and authors who used it, have stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import loadmat

from srbench.image import resize
from srbench.image.color import rgb2y, round_u8
from srbench.image.crop import modcrop, shave
from srbench.image.io import read_image
from srbench.image.resize import _cubed, imresize
from srbench.types import Flavour

SET5 = "JingyunLiang/SwinIR/6545850fbf8df298df73d81f3e8cba638787c8bd/testsets/Set5"
URBAN = "jbhuang0604/SelfExSR/8f6dd8c1d20cb7e8792a7177b4f6fd677633f598/data/Urban100/image_SRF_4"
SETS = {
    "Set5": f"{SET5}/HR/*.png",
    "Set14": "daitao/SAN/7c1e61f0d17b58e3400a14e631d9185dde1881b6/TestCode/OriginalTestData/Set14/*.bmp",
    "BSD100": "BIDS/BSDS500/a04b7c6c3a9f0ace74bf205c72a43d32e1c72722/BSDS500/data/images/val/*.jpg",
    "Urban100": f"{URBAN}/*.png",
}
COMPARED = {"Set5": 5, "Set14": 14, "BSD100": 20, "Urban100": 24}
"""How many images of each set are both stored by the authors and mirrored."""

# What each stored R2019b array is of: side of the input 0, 1, 2 ... (row-major), and the scale if
# MATLAB was given one; otherwise it was given the array's own size.
R2019B: dict[str, tuple[int, float | None]] = {
    "down_down_aa": (8, None),
    "down_down_noaa": (8, None),
    "down_down_irregular_aa": (8, None),
    "down_down_irregular_noaa": (8, None),
    "down_down_small_aa": (4, None),
    "down_down_small_noaa": (4, None),
    "down_down_x2_aa": (8, 1 / 2),
    "down_down_x3_aa": (15, 1 / 3),
    "down_down_x4_aa": (8, 1 / 4),
    "down_down_x5_aa": (15, 1 / 5),
    "up_up_irregular_aa": (8, None),
    "up_up_irregular_noaa": (8, None),
}
PHOTOS = ("down_down_butterfly_irregular_aa", "down_down_butterfly_irregular_noaa")
CORNERS = ("up_up_topleft_noaa", "up_up_bottomright_noaa")


@pytest.fixture
def oracles(shared: Path) -> Path:
    """Where others' results lie."""
    return shared / "oracles"


@pytest.fixture
def github(shared: Path) -> Path:
    """Where the mirrored images lie."""
    return shared / "mirror" / "raw.githubusercontent.com"


def stored(oracles: Path, name: str) -> np.ndarray:
    """One of R2019b's arrays."""
    return np.asarray(loadmat(str(oracles / "imresize" / "r2019b" / f"{name}.mat"))[name])


# ------------------------------------------------------------------------------- stored images


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", ["baby", "bird", "butterfly", "head", "woman"])
def test_stored_set5_low_resolution_is_reproduced_bit_for_bit(github: Path, name: str, scale: int) -> None:
    """Shrinking Set5 by matlab-symmetric-u8 gives every stored LR image, every byte."""
    (hr,) = (github / SET5 / "HR").glob(f"{name}*.png")
    (lr,) = (github / SET5 / "LR_bicubic" / f"X{scale}").glob(f"{name}x{scale}.png")
    ours = imresize(modcrop(read_image(hr), scale), 1 / scale, flavour="matlab-symmetric-u8")
    np.testing.assert_array_equal(ours, read_image(lr))


def test_r2015b_uint8_is_reproduced_bit_for_bit(oracles: Path) -> None:
    """R2015b's uint8 result at an irregular size is reproduced, every byte."""
    folder = oracles / "imresize" / "r2015b"
    ours = imresize(read_image(folder / "lena_512x512.png"), size=(123, 234), flavour="matlab-symmetric-u8")
    np.testing.assert_array_equal(ours, read_image(folder / "lena_123x234_uint8.png"))


def test_r2015b_double_is_reproduced_bit_for_bit(oracles: Path) -> None:
    """R2015b's double result, rounded once to be stored, is reproduced, every byte."""
    folder = oracles / "imresize" / "r2015b"
    ours = round_u8(imresize(read_image(folder / "lena_512x512.png"), size=(123, 234)))
    np.testing.assert_array_equal(ours, read_image(folder / "lena_123x234_double.png"))


def test_the_flavours_can_be_told_apart_on_the_stored_image(oracles: Path) -> None:
    """The stored uint8 image is not what the other two flavours give: the tests above can fail."""
    folder = oracles / "imresize" / "r2015b"
    image, expected = read_image(folder / "lena_512x512.png"), read_image(folder / "lena_123x234_uint8.png")
    replicate = imresize(image, size=(123, 234), flavour="matlab-replicate-u8")
    double = round_u8(imresize(image, size=(123, 234)))
    assert (replicate != expected).sum() == 264
    assert (double != expected).mean() > 0.05


# ------------------------------------------------------------------------------- R2019b doubles


def test_every_stored_r2019b_array_has_its_test(oracles: Path) -> None:
    """No stored array is left out of the cases below."""
    names = {path.stem for path in (oracles / "imresize" / "r2019b").glob("*.mat")}
    assert names == {*R2019B, *PHOTOS, *CORNERS}


@pytest.mark.parametrize("name", R2019B)
def test_r2019b_doubles_of_ramps(oracles: Path, name: str) -> None:
    """R2019b's doubles of integer ramps are reproduced to 3e-14."""
    expected = stored(oracles, name)
    side, scale = R2019B[name]
    image = np.arange(side * side, dtype=np.float64).reshape(side, side)
    size = None if scale else (expected.shape[0], expected.shape[1])
    ours = imresize(image, scale, size=size, antialias=not name.endswith("noaa"))
    np.testing.assert_allclose(ours, expected, rtol=0, atol=3e-14)


@pytest.mark.parametrize("name", PHOTOS)
def test_r2019b_doubles_of_a_photograph(oracles: Path, name: str) -> None:
    """R2019b's doubles of a photograph in [0, 1] are reproduced to 3e-14."""
    image = read_image(oracles / "imresize" / "r2019b" / "butterfly.png") / 255
    ours = imresize(image, size=(123, 234), antialias=not name.endswith("noaa"))
    np.testing.assert_allclose(ours, stored(oracles, name), rtol=0, atol=3e-14)


def bright_corner(name: str) -> np.ndarray:
    """The input of the two corner cases; one is the other turned half way round."""
    image = np.zeros((4, 4))
    image[0], image[1, 0] = (100, 1, 0, 100), 10
    return np.rot90(image, 2) if "bottomright" in name else image


@pytest.mark.parametrize("name", CORNERS)
def test_r2019b_doubles_of_bright_corners(oracles: Path, name: str) -> None:
    """R2019b's enlarged corners, where padding shows, are reproduced to 1e-15 of their peak, 100."""
    ours = imresize(bright_corner(name), size=(5, 5))
    np.testing.assert_allclose(ours, stored(oracles, name), rtol=0, atol=100 * 1e-15)


@pytest.mark.parametrize("name", CORNERS)
def test_only_matlabs_own_cubes_set_the_corners_apart(
    oracles: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With five cubes a unit in the last place off the true ones, as R2019b's are, every bit is equal."""
    off = {1.7: 1, 0.3: -1, 1.3: -1}, {1.3: -1, 0.7: 1}  # the distances at the second and fourth position

    def cubed_by_matlab(distance: np.ndarray) -> np.ndarray:
        cube = _cubed(distance)
        for position, units in zip((1, 3), off, strict=True):
            for near, step in units.items():
                at = np.abs(distance[position] - near) < 1e-12
                cube[position, at] += step * np.spacing(cube[position, at])
        return cube

    monkeypatch.setattr(resize, "_cubed", cubed_by_matlab)
    np.testing.assert_array_equal(imresize(bright_corner(name), size=(5, 5)), stored(oracles, name))


# ----------------------------------------------------------------------- authors' own evaluation


def luma(image: np.ndarray) -> np.ndarray:
    """Y as uint8; a gray image counts as Y."""
    return image if image.ndim == 2 else round_u8(rgb2y(image))


def psnr_by_selfexsr(hr: np.ndarray, scale: int, flavour: Flavour) -> float:
    """PSNR of bicubic down and up, by the SelfExSR authors' evaluation."""
    lr = imresize(hr, 1 / scale, flavour=flavour)
    sr = imresize(lr, scale, flavour=flavour)
    error = shave(luma(hr), scale).astype(np.float64) - shave(luma(sr), scale)
    return float(10 * np.log10(255**2 / np.mean(error**2)))


def selfexsr_cases(oracles: Path, github: Path) -> list[tuple[str, str, Path, int, float]]:
    """Set, item, file, scale and the authors' PSNR of everything both stored and mirrored."""
    values: dict[str, dict[str, Any]] = json.loads((oracles / "matlab" / "selfexsr_bicubic.json").read_text())
    cases = []
    for key, images in values["values"].items():
        name, scale = key.split("_x")
        files = {path.stem.split("_SRF")[0]: path for path in github.glob(SETS[name])}
        known = [(item, files[item], value["psnr"]) for item, value in images.items() if item in files]
        cases += [(name, item, path, int(scale), float(psnr)) for item, path, psnr in known]
    return cases


def test_the_selfexsr_authors_psnr_is_reproduced(oracles: Path, github: Path) -> None:
    """Down, up, luma and border together give the authors' MATLAB PSNR of every image to 3e-14 dB."""
    cases = selfexsr_cases(oracles, github)
    worst = 0.0
    for _, _, path, scale, expected in cases:
        ours = psnr_by_selfexsr(modcrop(read_image(path), scale), scale, "matlab-replicate-u8")
        worst = max(worst, abs(ours - expected))
    assert {name: len({item for n, item, *_ in cases if n == name}) for name in COMPARED} == COMPARED
    assert worst < 3e-14


def test_another_flavour_is_not_the_selfexsr_authors(oracles: Path, github: Path) -> None:
    """With the other padding the authors' PSNR is missed by far more than rounding."""
    _, _, path, scale, expected = selfexsr_cases(oracles, github)[0]
    ours = psnr_by_selfexsr(modcrop(read_image(path), scale), scale, "matlab-symmetric-u8")
    assert abs(ours - expected) > 1e-6
