"""Metrics through the protocols' planes, against what MATLAB, authors and papers have stored."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from srbench import registry
from srbench.errors import Unavailable
from srbench.image.color import rgb2gray
from srbench.image.crop import modcrop
from srbench.image.io import read_image
from srbench.image.resize import imresize
from srbench.metrics.base import Metric
from srbench.metrics.planes import Planes, quantise
from srbench.metrics.ssim import ssim, statistics
from srbench.protocols import get_protocol
from srbench.types import EvalProtocol

Image = NDArray[Any]

SETS = {
    "Set5": "JingyunLiang/SwinIR/6545850fbf8df298df73d81f3e8cba638787c8bd/testsets/Set5/HR/*.png",
    "Set14": "daitao/SAN/7c1e61f0d17b58e3400a14e631d9185dde1881b6/TestCode/OriginalTestData/Set14/*.bmp",
    "BSD100": "BIDS/BSDS500/a04b7c6c3a9f0ace74bf205c72a43d32e1c72722/BSDS500/data/images/val/*.jpg",
    "Urban100": "jbhuang0604/SelfExSR/8f6dd8c1d20cb7e8792a7177b4f6fd677633f598/data/Urban100/*/*_HR.png",
}
VID4_CITY = "yhjo09/VSR-DUF/f6b3c92b4fb746e9072953df4876168b1a83e449/inputs/G/city/*.png"
PAIRS = ("I03", "I04", "I06", "I08", "I19")


@pytest.fixture
def github(shared: Path) -> Path:
    """Where the mirrored images lie."""
    return shared / "mirror" / "raw.githubusercontent.com"


def build(name: str) -> Metric:
    """A built-in metric, not loaded."""
    entry = registry.metrics()[name]
    metric: Metric = registry.build(entry.target, entry.info, entry.argument)
    return metric


def score(name: str, sr: Planes, hr: Planes) -> float:
    """One metric of one frame, as a run computes it."""
    metric = build(name)
    return metric.score(sr.for_metric(metric.info), metric.prepare(hr.for_metric(metric.info)))


def psnr_ssim(sr: Planes, hr: Planes) -> tuple[float, float]:
    """The two columns of every table."""
    return score("psnr_y", sr, hr), score("ssim_y", sr, hr)


def frame(path: Path, multiple: int) -> Image:
    """A ground truth as a frame (H, W, C), gray kept gray, mod-cropped."""
    return modcrop(np.atleast_3d(read_image(path)), multiple)


def means(rows: list[tuple[float, float]]) -> tuple[float, float]:
    """Mean PSNR and SSIM over images."""
    psnr, similarity = np.mean(rows, axis=0)
    return float(psnr), float(similarity)


# ------------------------------------------------------------------------------ selfexsr


def selfexsr_cases(shared: Path, github: Path) -> Iterator[tuple[str, Path, int, dict[str, float]]]:
    """Case, file, scale and the authors' values of everything both stored and mirrored."""
    stored = json.loads((shared / "oracles" / "matlab" / "selfexsr_bicubic.json").read_text(encoding="utf-8"))
    for key, images in stored["values"].items():
        files = {path.stem.split("_SRF")[0]: path for path in github.glob(SETS[key.split("_x")[0]])}
        for name, expected in images.items():
            yield f"{key}/{name}", files[name], int(key[-1]), expected


def selfexsr_bicubic(hr: Image, protocol: EvalProtocol) -> Image:
    """Down and up, uint8 after each pass, in old MATLAB's flavour."""
    lr = imresize(hr, 1 / protocol.scale, flavour=protocol.flavour)
    return quantise(np.atleast_3d(imresize(lr, protocol.scale, flavour=protocol.flavour)), protocol)


def test_the_authors_matlab_values_image_by_image(shared: Path, github: Path) -> None:
    """PSNR and SSIM of all 101 stored and mirrored images of Set5, Set14, BSD100 and Urban100 to 1e-9."""
    cases = list(selfexsr_cases(shared, github))
    assert len(cases) == 15 + 42 + 20 + 24
    for case, path, scale, expected in cases:
        protocol = get_protocol("selfexsr", scale)
        hr = frame(path, scale)
        got = psnr_ssim(Planes(selfexsr_bicubic(hr, protocol), protocol), Planes(hr, protocol))
        assert got[0] == pytest.approx(expected["psnr"], abs=1e-9), case
        assert got[1] == pytest.approx(expected["ssim"], abs=1e-9), case


# ---------------------------------------------------------------------------------- vdsr


def vdsr_bicubic(path: Path, protocol: EvalProtocol) -> tuple[Planes, Planes]:
    """Bicubic on the luma plane in double, and the ground truth."""
    hr = Planes(frame(path, protocol.scale), protocol)
    sr = imresize(imresize(hr.y, 1 / protocol.scale), protocol.scale)
    return Planes(quantise(sr[..., None], protocol), protocol), hr


@pytest.mark.parametrize(
    ("dataset", "scale", "psnr", "similarity"),
    [
        ("Set5", 2, 33.66, 0.9299),
        ("Set5", 3, 30.39, 0.8682),
        ("Set5", 4, 28.42, 0.8104),
        ("Set14", 2, 30.24, 0.8688),
        ("Set14", 3, 27.55, 0.7742),
        ("Set14", 4, 26.00, 0.7027),
    ],
)
def test_the_bicubic_rows_of_papers(
    github: Path, dataset: str, scale: int, psnr: float, similarity: float
) -> None:
    """To the printed digits; Set14's need its gray image as luma, unclipped, its prediction clipped."""
    protocol = get_protocol("vdsr", scale)
    rows = [psnr_ssim(*vdsr_bicubic(path, protocol)) for path in github.glob(SETS[dataset])]
    got = means(rows)
    assert (round(got[0], 2), round(got[1], 4)) == (psnr, similarity)


def test_the_gray_ground_truth_is_not_clipped(github: Path) -> None:
    """With `bridge` clipped to 16..235 too, Set14 x2 would print 30.25 / 0.8690: not the papers' row."""
    protocol = get_protocol("vdsr", 2)
    rows = []
    for path in github.glob(SETS["Set14"]):
        sr, hr = vdsr_bicubic(path, protocol)
        clipped = Planes(quantise(hr.y[..., None], protocol), protocol)
        rows.append(psnr_ssim(sr, clipped))
    got = means(rows)
    assert (round(got[0], 2), round(got[1], 4)) == (30.25, 0.8690)


# ------------------------------------------------------------------------- classic, video


@pytest.mark.parametrize(
    ("scale", "psnr", "similarity"), [(2, 38.24, 0.9614), (3, 34.71, 0.9296), (4, 32.47, 0.8990)]
)
def test_rdns_stored_outputs_give_its_papers_row(
    shared: Path, github: Path, scale: int, psnr: float, similarity: float
) -> None:
    """The images that RDN's authors published, against Set5, under `classic`."""
    protocol = get_protocol("classic", scale)
    rows = []
    for path in github.glob(SETS["Set5"]):
        (stored,) = (shared / "oracles" / "rdn" / "Set5" / f"x{scale}").glob(f"{path.stem}_*.png")
        rows.append(psnr_ssim(Planes(read_image(stored), protocol), Planes(frame(path, scale), protocol)))
    got = means(rows)
    assert (round(got[0], 2), round(got[1], 4)) == (psnr, similarity)


def test_bicubic_on_a_clip_gives_the_bi_value(github: Path) -> None:
    """Vid4's city, 34 frames, down and up in double and rounded once: 25.1648 / 0.6028 under `video`."""
    protocol = get_protocol("video", 4)
    rows = []
    for path in github.glob(VID4_CITY):
        hr = frame(path, 4)
        lr = quantise(imresize(hr, 1 / 4), protocol)
        sr = quantise(imresize(lr, 4), protocol)
        rows.append(psnr_ssim(Planes(sr, protocol), Planes(hr, protocol)))
    got = means(rows)
    assert len(rows) == 34
    assert (round(got[0], 4), round(got[1], 4)) == (25.1648, 0.6028)


# -------------------------------------------------------------------- official codes' values


def official(shared: Path, method: str) -> list[float]:
    """The official code's values of five TID2013 pairs, as they were printed."""
    with (shared / "oracles" / "pyiqa-calibra" / "results_official.csv").open(encoding="utf-8") as file:
        row = next(row for row in csv.DictReader(file) if row["Method"] == method)
    return [float(row[f"{name}.bmp"]) for name in PAIRS]


@pytest.fixture
def pairs(shared: Path) -> list[tuple[Image, Image]]:
    """Distorted image and reference of the five pairs, uint8 RGB."""
    folder = shared / "oracles" / "pyiqa-calibra"
    return [
        (read_image(folder / "dist_dir" / f"{name}.bmp"), read_image(folder / "ref_dir" / f"{name}.bmp"))
        for name in PAIRS
    ]


def measured(name: str, pairs: list[tuple[Image, Image]]) -> list[float]:
    """A built-in metric on the pairs; the test is skipped where its weights can't be had."""
    metric = build(name)
    try:
        metric.load("cpu")
    except Unavailable as why:
        pytest.skip(f"left out: {why}")
    return [metric.score(sr, metric.prepare(hr)) for sr, hr in pairs]


def test_psnr_of_rgb_equals_the_official_values(shared: Path, pairs: list[tuple[Image, Image]]) -> None:
    """One MSE over three channels, to the printed digits."""
    got = measured("psnr_rgb", pairs)
    assert [round(value, 2) for value in got] == official(shared, "psnr")


def test_ssim_equals_the_official_values(shared: Path, pairs: list[tuple[Image, Image]]) -> None:
    """Wang's code takes MATLAB's rgb2gray, rounded: on that plane, to the printed digits."""
    planes = [[rgb2gray(image).astype(np.float64) for image in pair] for pair in pairs]
    got = [ssim(sr, statistics(hr)) for sr, hr in planes]
    assert [round(value, 4) for value in got] == official(shared, "ssim")


@pytest.mark.network
def test_lpips_equals_the_official_values(shared: Path, pairs: list[tuple[Image, Image]]) -> None:
    """Whole RGB images, AlexNet v0.1: 0.7237, 0.2572, 0.05079, 0.05205, 0.4253, to the printed digits."""
    got = measured("lpips", pairs)
    expected = official(shared, "lpips")
    assert expected == [0.7237, 0.2572, 0.05079, 0.05205, 0.4253]
    assert [float(f"{value:.4g}") for value in got] == expected


@pytest.mark.network
def test_dists_equals_the_official_values(shared: Path, pairs: list[tuple[Image, Image]]) -> None:
    """Piq's features at the image's own size with the authors' weights, to the printed digits."""
    got = measured("dists", pairs)
    assert [float(f"{value:.4g}") for value in got] == official(shared, "dists")


def test_fsim_equals_the_official_values(shared: Path, pairs: list[tuple[Image, Image]]) -> None:
    """FSIMc to the four digits printed (0.689 is printed with three, and is 0.68908)."""
    got = measured("fsim", pairs)
    np.testing.assert_allclose(got, official(shared, "fsim"), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("gmsd", 2e-4, 3e-4), ("vsi", 0.012, 0.013), ("ms_ssim", 0.047, 0.05), ("vif", 0.05, 0.054)],
)
def test_declared_differences_to_the_official_values_are_true(
    shared: Path, pairs: list[tuple[Image, Image]], name: str, least: float, most: float
) -> None:
    """Where piq's definition is another one, the catalogue says so, and this is by how much at most."""
    got = measured(name, pairs)
    worst = float(np.abs(np.subtract(got, official(shared, name))).max())
    assert least < worst < most
    assert len(registry.metrics()[name].info.edge.split(";")) > 2
