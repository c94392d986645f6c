"""PSNR-Y and SSIM-Y of one pair of RGB images, as a table's row needs them, against other ways to get both.

One thread, 1024 x 644, x4's border. All start from two uint8 RGB images and find the same numbers, to what
their own precision allows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import piq
import pytest
import torch
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

from srbench import registry
from srbench.metrics.base import build_metric
from srbench.metrics.planes import Planes
from srbench.protocols import get_protocol

CLASSIC = get_protocol("classic", 4)
BORDER = CLASSIC.border
Pair = tuple[float, float]
"""PSNR and SSIM."""
Float = NDArray[Any]


def picture(grain: float) -> NDArray[np.uint8]:
    """Smooth structure, and grain of its own: a prediction is as near as super-resolution comes."""
    smooth = gaussian_filter(np.random.default_rng(0).random((644, 1024, 3)), (4, 4, 0))
    smooth = (smooth - smooth.min()) / np.ptp(smooth) * 200 + 20
    noise = np.random.default_rng(int(grain)).normal(0, grain, smooth.shape)
    noisy: NDArray[np.uint8] = np.clip(smooth + noise, 0, 255).astype(np.uint8)
    return noisy


HR, SR = picture(2), picture(5)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """OpenCV and PyTorch on one thread; scikit-image has no other."""
    before = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    yield
    cv2.setNumThreads(before[0])
    torch.set_num_threads(before[1])


def srbench() -> Pair:
    """Ours, ground truth and prediction from scratch."""
    truth, planes = Planes(HR, CLASSIC), Planes(SR, CLASSIC)
    psnr, ssim = (build_metric(registry.metrics()[name]) for name in ("psnr_y", "ssim_y"))
    first, second = (
        metric.score(planes.for_metric(metric.info), metric.prepare(truth.for_metric(metric.info)))
        for metric in (psnr, ssim)
    )
    return first, second


def luma(rgb: NDArray[np.uint8]) -> Float:
    """BasicSR's ``to_y_channel``, without its rounding: float32, studio range."""
    image = rgb.astype(np.float32) / 255
    y: Float = (image @ np.array([65.481, 128.553, 24.966], np.float32) + 16.0)[
        BORDER:-BORDER, BORDER:-BORDER
    ]
    return y


def basicsr() -> Pair:
    """BasicSR's ``calculate_psnr`` and ``calculate_ssim`` with ``test_y_channel``, written out."""
    x, y = (luma(image).astype(np.float64) for image in (HR, SR))
    psnr = 10 * np.log10(255.0**2 / np.mean((x - y) ** 2))
    kernel = cv2.getGaussianKernel(11, 1.5)
    window = np.outer(kernel, kernel.transpose())

    def mean(plane: Float) -> Float:
        filtered: Float = cv2.filter2D(plane, -1, window)[5:-5, 5:-5]
        return filtered

    mu1, mu2 = mean(x), mean(y)
    sigma1, sigma2, sigma12 = mean(x**2) - mu1**2, mean(y**2) - mu2**2, mean(x * y) - mu1 * mu2
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    ratio = ((2 * mu1 * mu2 + c1) * (2 * sigma12 + c2)) / ((mu1**2 + mu2**2 + c1) * (sigma1 + sigma2 + c2))
    return float(psnr), float(ratio.mean())


def scikit_image() -> Pair:
    """scikit-image's settings that match Wang et al."""
    x, y = (luma(image).astype(np.float64) for image in (HR, SR))
    psnr = 10 * np.log10(255.0**2 / np.mean((x - y) ** 2))
    ssim = structural_similarity(  # type: ignore[no-untyped-call]
        x, y, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, full=True
    )[1]
    return float(psnr), float(ssim[5:-5, 5:-5].mean())


def tensors() -> tuple[torch.Tensor, torch.Tensor]:
    """Both luma planes ``(1, 1, H, W)``, 0..255."""
    x, y = (torch.from_numpy(np.ascontiguousarray(luma(image)))[None, None] for image in (SR, HR))
    return x, y


def by_piq() -> Pair:
    """Piq's two functions."""
    x, y = tensors()
    return float(piq.psnr(x, y, data_range=255.0)), float(piq.ssim(x, y, data_range=255.0, downsample=False))


def torchmetrics() -> Pair:
    """Torchmetrics' two functions; its SSIM averages over the whole image, whose edges are reflected."""
    functional = pytest.importorskip("torchmetrics.functional.image", reason="torchmetrics: extra [bench]")
    x, y = tensors()
    psnr = functional.peak_signal_noise_ratio(x, y, data_range=255.0)
    ssim = functional.structural_similarity_index_measure(x, y, data_range=255.0, sigma=1.5)
    return float(psnr), float(ssim)


@pytest.mark.benchmark(group="PSNR-Y and SSIM-Y, one pair of 1024 x 644")
@pytest.mark.parametrize("way", [basicsr, scikit_image, by_piq, torchmetrics])
def test_other(benchmark: BenchmarkFixture, way: Callable[[], Pair]) -> None:
    """What a user would otherwise call finds what we do, to float32's precision."""
    psnr, ssim = benchmark(way)
    expected = srbench()
    assert psnr == pytest.approx(expected[0], abs=1e-3)
    assert ssim == pytest.approx(expected[1], abs=1e-3)


@pytest.mark.benchmark(group="PSNR-Y and SSIM-Y, one pair of 1024 x 644")
@pytest.mark.parametrize("way", ["basicsr", "scikit_image", "by_piq", "torchmetrics"])
def test_srbench(benchmark: BenchmarkFixture, way: str) -> None:
    """Ours, nothing prepared before."""
    benchmark.extra_info.update(against=f"test_other[{way}]")
    benchmark(srbench)
