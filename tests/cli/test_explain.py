"""`srbench explain` from the command line: the recipe is named, on parts of real photographs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srbench.data.datasets import open_dataset
from srbench.image.color import rgb2y
from srbench.image.io import write_png
from srbench.metrics.psnr import psnr
from srbench.protocols import get_protocol

BICUBIC = ("-m", "bicubic", "-d", "mini", "-x", "4", "-q")
CLASSIC = get_protocol("classic", 4)


pytestmark = pytest.mark.usefixtures("mini")


@pytest.fixture
def outputs(tmp_path: Path, mini: str) -> Path:
    """Somebody's outputs for the two photographs: the ground truth with noise of known seed."""
    folder, dataset = tmp_path / "outputs", open_dataset(mini)
    folder.mkdir()
    rng = np.random.default_rng(1)
    for item in dataset.items:
        hr = dataset.source(item, CLASSIC).hr(0)
        noise = rng.normal(0, 5 if item.name == "camera" else 2, hr.shape)
        write_png(folder / f"{item.name}.png", np.clip(np.rint(hr + noise), 0, 255).astype(np.uint8))
    return folder


def frames(outputs: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each output and its ground truth, the border of 4 pixels cut off."""
    from srbench.image.io import read_image

    dataset = open_dataset("mini")
    pairs = [
        (read_image(outputs / f"{item.name}.png"), dataset.source(item, CLASSIC).hr(0))
        for item in dataset.items
    ]
    return [(sr[4:-4, 4:-4], hr[4:-4, 4:-4]) for sr, hr in pairs]


def explained(srbench: Callable[..., Any], figure: float, *asked: Any) -> Any:
    """The answer about a figure printed with two decimals, as the JSON object."""
    ran = srbench("explain", "--claimed", f"{figure:.2f}", *asked, "--json")
    assert ran.code == 0, ran.err
    return ran.json()


def full_range(outputs: Path) -> float:
    """The mean PSNR of 0.299 R + 0.587 G + 0.114 B, computed here."""
    weights = np.array([0.299, 0.587, 0.114])
    return float(np.mean([psnr(sr @ weights, hr @ weights) for sr, hr in frames(outputs)]))


def rounded(outputs: Path) -> float:
    """The mean PSNR of studio luma that is rounded first."""
    return float(np.mean([psnr(np.rint(rgb2y(sr)), np.rint(rgb2y(hr))) for sr, hr in frames(outputs)]))


def pooled(outputs: Path) -> float:
    """The PSNR of the mean of the images' MSEs."""
    errors = [np.mean((rgb2y(sr) - rgb2y(hr)) ** 2) for sr, hr in frames(outputs)]
    return float(10 * np.log10(255**2 / np.mean(errors)))


def of_rgb(outputs: Path) -> float:
    """The mean PSNR over three channels."""
    return float(np.mean([psnr(sr, hr) for sr, hr in frames(outputs)]))


@pytest.mark.parametrize(
    ("compute", "words"),
    [
        (full_range, "classic, but full-range luma (0..255, not 16..235)"),
        (rounded, "classic, but Y rounded to uint8"),
        (pooled, "classic, but one PSNR of the mean MSE (not the mean of PSNRs)"),
        (of_rgb, "rgb"),
    ],
)
def test_the_mistake_behind_a_folders_figure_is_named(
    srbench: Callable[..., Any], outputs: Path, compute: Callable[[Path], float], words: str
) -> None:
    """The figure is computed here by the mistaken formula; the first line says which it was."""
    found = explained(srbench, compute(outputs), "--outputs", outputs, "-d", "mini", "-x", "4", "-q")
    assert words in (found["recipes"][0]["recipe"], *found["recipes"][0]["same"]), found["verdict"]
    assert words in found["verdict"]
    assert found["recipes"][0]["value"] == pytest.approx(compute(outputs), abs=1e-3)
    assert found["reproduced"] is True


def test_a_protocol_is_named_and_the_table_follows(srbench: Callable[..., Any]) -> None:
    """One line of answer, then what agrees, then the other protocols; progress is not on stdout."""
    cell = srbench("run", *BICUBIC, "--protocol", "vdsr", "--metrics", "psnr_y", "--json").json()["cells"][0]
    figure = cell["metrics"]["psnr_y"]
    ran = srbench("explain", "--claimed", f"{figure:.3f}", *BICUBIC)
    first, header, *rows = ran.out.splitlines()
    assert ran.code == 0
    assert first.startswith(f"{figure:.3f} is vdsr ({figure:.5f}"), first
    assert header.split() == ["recipe", "value", "difference"]
    assert rows[0].startswith("agrees  vdsr")
    assert all(any(row.strip().startswith(name) for row in rows) for name in ("classic", "selfexsr", "rgb"))


def test_another_programs_bicubic_is_named(srbench: Callable[..., Any]) -> None:
    """The bicubic row of someone who shrank and enlarged with OpenCV."""
    import cv2

    dataset, scores = open_dataset("mini"), []
    for item in dataset.items:
        hr = dataset.source(item, CLASSIC).hr(0)
        height, width = hr.shape[:2]
        lr = cv2.resize(hr, (width // 4, height // 4), interpolation=cv2.INTER_CUBIC)
        sr = cv2.resize(lr, (width, height), interpolation=cv2.INTER_CUBIC)
        scores.append(psnr(rgb2y(sr)[4:-4, 4:-4], rgb2y(hr)[4:-4, 4:-4]))
    found = explained(srbench, float(np.mean(scores)), *BICUBIC)
    assert "classic, but down and up by OpenCV's bicubic (not antialiased)" in found["verdict"]


def test_an_ssim_is_known_by_its_size(srbench: Callable[..., Any], outputs: Path) -> None:
    """scikit-image's default on luma, computed here."""
    from skimage import metrics

    ssim: Callable[..., float] = metrics.structural_similarity
    pairs = [(rgb2y(sr), rgb2y(hr)) for sr, hr in frames(outputs)]
    figure = np.mean([ssim(sr, hr, data_range=255) for sr, hr in pairs])
    ran = srbench("explain", "--claimed", f"{figure:.4f}", "--outputs", outputs, "-d", "mini", "-x", "4")
    assert ran.code == 0, ran.err
    assert "classic, but SSIM by uniform 7x7 windows (scikit-image's)" in ran.out.splitlines()[0]


def test_a_figure_of_no_recipe_exits_with_4_and_names_the_nearest(
    srbench: Callable[..., Any], outputs: Path
) -> None:
    """Something was measured, but nothing agrees."""
    ran = srbench("explain", "--claimed", "55.55", "--outputs", outputs, "-d", "mini", "-x", "4", "-q")
    assert ran.code == 4
    assert ran.out.startswith("55.55 is none of")
    assert "the nearest is " in ran.out.splitlines()[0]
    assert ran.err == ""


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("--claimed", "28.4", "-d", "mini", "-x", "4"), "got neither"),
        (("--claimed", "28.4", *BICUBIC, "--outputs", "."), "got both"),
        (("--claimed", "28,4", *BICUBIC), "as it was printed"),
        (("--claimed", "28.4", "-m", "bi*", "-d", "mini", "-x", "4"), "expected one model"),
        (("--claimed", "28.4", "-m", "bicubic", "-d", "mini", "-x", "3,4"), "expected one scale"),
        (("--claimed", "28.4", "-m", "bicubic", "-d", "mini,set5", "-x", "4"), "expected one dataset"),
        (("--claimed", "28.4", "--outputs", "nowhere", "-d", "mini", "-x", "4"), "not a folder"),
    ],
)
def test_a_wrong_question_is_answered_in_one_line(
    srbench: Callable[..., Any], asked: tuple[str, ...], message: str
) -> None:
    """Exit code 2, and what was expected."""
    ran = srbench("explain", *asked)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert ran.err.count("\n") == 1


def test_an_image_without_an_output_is_refused(
    srbench: Callable[..., Any], outputs: Path, tmp_path: Path
) -> None:
    """A claim is about the whole set."""
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "coffee.png").write_bytes((outputs / "coffee.png").read_bytes())
    asked = ("--outputs", tmp_path / "part", "-d", "mini", "-x", "4")
    ran = srbench("explain", "--claimed", "30.1", *asked)
    assert ran.code == 2
    assert "of mini: 1 of 2" in ran.err


def test_clips_are_explained_under_the_video_protocol(srbench: Callable[..., Any]) -> None:
    """The protocol of clips and what is done otherwise there, such as a border."""
    asked = ("-m", "bicubic", "-d", "embedded-clip", "-x", "4", "-q")
    cell = srbench("run", *asked, "--metrics", "psnr_y", "--border", "8", "--json").json()["cells"][0]
    found = explained(srbench, cell["metrics"]["psnr_y"], *asked)
    assert "video, but a border of 8 pixels cut off" in found["verdict"]
