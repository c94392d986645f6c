"""SSIM against scikit-image, LPIPS against the lpips package: one thread, 1024 x 644, the same values."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import cv2
import lpips
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

import srbench.metrics.lpips
from srbench import registry
from srbench.metrics.base import Metric
from srbench.metrics.lpips import LPIPS

MODELS = 5
"""How many predictions share one ground truth in the LPIPS groups."""

SSIM_GROUP = "SSIM-Y, one image of 1024 x 644"
LPIPS_GROUP = f"LPIPS (AlexNet), {MODELS} models on one image of 1024 x 644"


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """OpenCV and PyTorch on one thread; scikit-image has no other."""
    before = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    yield
    cv2.setNumThreads(before[0])
    torch.set_num_threads(before[1])


def picture(seed: int) -> NDArray[np.uint8]:
    """Smooth structure with grain, uint8 RGB."""
    rng = np.random.default_rng(seed)
    smooth = gaussian_filter(rng.random((644, 1024, 3)), (4, 4, 0))
    smooth = (smooth - smooth.min()) / np.ptp(smooth) * 220 + 16
    noisy: NDArray[np.uint8] = np.clip(smooth + rng.normal(0, 5, smooth.shape), 0, 255).astype(np.uint8)
    return noisy


def metric(name: str) -> Any:
    """A built-in metric."""
    entry = registry.metrics()[name]
    return registry.build(entry.target, entry.info, entry.argument)


# ---------------------------------------------------------------------------------- SSIM

HR_Y, SR_Y = (picture(seed)[..., 1].astype(np.float64) for seed in (0, 1))


def scikit_image() -> float:
    """scikit-image's settings that match Wang et al., windows inside the image only."""
    similarity = structural_similarity(  # type: ignore[no-untyped-call]
        HR_Y,
        SR_Y,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        full=True,
    )[1]
    return float(similarity[5:-5, 5:-5].mean())


def against(benchmark: BenchmarkFixture, base: str, promised: float) -> None:
    """Note what the ratio is taken to, and what it should at least be."""
    benchmark.extra_info.update(against=base, promised=promised)


@pytest.mark.benchmark(group=SSIM_GROUP)
def test_ssim_scikit_image(benchmark: BenchmarkFixture) -> None:
    """What a user would otherwise call."""
    benchmark(scikit_image)


@pytest.mark.benchmark(group=SSIM_GROUP)
@pytest.mark.parametrize(("name", "promised"), [("ssim_y", 2.5), ("ssim_y_fast", 4.0)])
def test_ssim_with_preparation(benchmark: BenchmarkFixture, name: str, promised: float) -> None:
    """Ours from scratch, the ground truth's statistics included: the same work as scikit-image's."""
    against(benchmark, "test_ssim_scikit_image", promised)
    ours: Metric = metric(name)
    got = benchmark(lambda: ours.score(SR_Y, ours.prepare(HR_Y)))
    assert got == pytest.approx(scikit_image(), abs=1e-13 if name == "ssim_y" else 1e-6)


@pytest.mark.benchmark(group=SSIM_GROUP)
@pytest.mark.parametrize(("name", "promised"), [("ssim_y", 2.5), ("ssim_y_fast", 4.0)])
def test_ssim_of_a_further_model(benchmark: BenchmarkFixture, name: str, promised: float) -> None:
    """Ours with the ground truth prepared before, as for every model after the first."""
    against(benchmark, "test_ssim_scikit_image", promised)
    ours: Metric = metric(name)
    prepared = ours.prepare(HR_Y)
    got = benchmark(ours.score, SR_Y, prepared)
    assert got == pytest.approx(scikit_image(), abs=1e-13 if name == "ssim_y" else 1e-6)


# --------------------------------------------------------------------------------- LPIPS


@pytest.fixture(scope="module")
def package() -> Any:
    """The package's module; its backbone is random, because values don't change the time."""
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)


@pytest.fixture(scope="module")
def ours(package: Any) -> LPIPS:
    """Our metric with the same backbone."""
    state = package.net.state_dict().items()
    tensors = {"features." + ".".join(name.split(".")[1:]): tensor.numpy() for name, tensor in state}
    built: LPIPS = metric("lpips")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(srbench.metrics.lpips, "load_backbone", lambda _: tensors)
        built.load("cpu")
    return built


@pytest.fixture(scope="module")
def images() -> list[NDArray[np.uint8]]:
    """The ground truth, then the predictions."""
    return [picture(seed) for seed in range(1 + MODELS)]


def by_package(package: Any, images: list[NDArray[np.uint8]]) -> list[float]:
    """The package called once for each prediction, without gradients."""
    with torch.no_grad():
        return [float(package(lpips.im2tensor(images[0]), lpips.im2tensor(sr))) for sr in images[1:]]


def by_us(ours: LPIPS, images: list[NDArray[np.uint8]]) -> list[float]:
    """The ground truth prepared once, preparation included."""
    prepared = ours.prepare(images[0])
    return [ours.score(sr, prepared) for sr in images[1:]]


@pytest.mark.benchmark(group=LPIPS_GROUP)
def test_lpips_package(benchmark: BenchmarkFixture, package: Any, images: list[NDArray[np.uint8]]) -> None:
    """What a user would otherwise call."""
    benchmark.pedantic(  # type: ignore[no-untyped-call]
        by_package, (package, images), rounds=7, warmup_rounds=1
    )


@pytest.mark.benchmark(group=LPIPS_GROUP)
def test_lpips_ours(
    benchmark: BenchmarkFixture, ours: LPIPS, package: Any, images: list[NDArray[np.uint8]]
) -> None:
    """The same five distances to 1e-6."""
    against(benchmark, "test_lpips_package", 2.0)
    got = benchmark.pedantic(  # type: ignore[no-untyped-call]
        by_us, (ours, images), rounds=7, warmup_rounds=1
    )
    assert got == pytest.approx(by_package(package, images), abs=1e-6)
