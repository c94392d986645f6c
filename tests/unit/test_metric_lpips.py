"""LPIPS on tensors made up here: the package's definition, run once per ground truth."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import lpips
import numpy as np
import pytest
import torch

import srbench.metrics.lpips
from srbench.errors import ContractError, IntegrityError, Unavailable, UsageError
from srbench.fetch import fetch
from srbench.fetch.arrays import load_arrays
from srbench.metrics.backbones import Backbone, Tensors
from srbench.metrics.lpips import LINEAR, LPIPS
from srbench.types import Asset, LocalPath, MetricInfo

NETS = ("alex", "vgg")
INFO = MetricInfo("lpips", "LPIPS", "", "lower", 4, "rgb", crop=False, edge="")


def package(net: str) -> Any:
    """The package's own module, its backbone random, its linear layers the published ones."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lpips.LPIPS(net=net, pnet_rand=True, verbose=False)


def backbone_of(module: Any) -> Tensors:
    """The module's convolutions by torchvision's names."""
    state = module.net.state_dict()
    return {"features." + ".".join(name.split(".")[1:]): tensor.numpy() for name, tensor in state.items()}


@pytest.fixture(scope="module", params=NETS)
def both(request: pytest.FixtureRequest) -> tuple[LPIPS, Any]:
    """Our metric and the package's module with the same made-up backbone."""
    module = package(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(srbench.metrics.lpips, "load_backbone", lambda _: backbone_of(module))
        metric = LPIPS(INFO, request.param)
        metric.load("cpu")
    return metric, module


def images(height: int, width: int, count: int = 2) -> Any:
    """Noise, uint8 RGB."""
    return np.random.default_rng(height * width).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("shape", [(31, 31), (31, 90), (64, 64), (97, 51)])
def test_equals_the_package(both: tuple[LPIPS, Any], shape: tuple[int, int]) -> None:
    """The package's module, its own conversion of images, the same tensors: 1e-6."""
    metric, module = both
    sr, hr = images(*shape)
    with torch.no_grad():
        expected = float(module(lpips.im2tensor(sr), lpips.im2tensor(hr)))
    assert expected > 1e-3
    assert metric.score(sr, metric.prepare(hr)) == pytest.approx(expected, abs=1e-6)


def test_the_linear_layers_are_the_published_ones(both: tuple[LPIPS, Any]) -> None:
    """The pinned files hold what the package itself loads."""
    metric, module = both
    arrays = load_arrays(fetch(LINEAR[metric.net]), "torch")
    for number, layer in enumerate(module.lins):
        np.testing.assert_array_equal(
            arrays[f"lin{number}.model.1.weight"], layer.model[-1].weight.detach().numpy()
        )


def test_equal_images_give_zero(both: tuple[LPIPS, Any]) -> None:
    """Exactly."""
    metric, _ = both
    (hr,) = images(40, 50, 1)
    assert metric.score(hr, metric.prepare(hr)) == 0.0


def test_a_prepared_ground_truth_serves_many_predictions(both: tuple[LPIPS, Any]) -> None:
    """Scoring changes neither what was prepared nor the images."""
    metric, _ = both
    hr, first, second = images(40, 50, 3)
    before = hr.copy(), first.copy()
    prepared = metric.prepare(hr)
    scores = [metric.score(image, prepared) for image in (first, second, first)]
    assert scores[0] == scores[2] != scores[1]
    np.testing.assert_array_equal(hr, before[0])
    np.testing.assert_array_equal(first, before[1])


def test_cropped_views_score_as_their_copies(both: tuple[LPIPS, Any]) -> None:
    """A view of a larger image needs no copy by the caller."""
    metric, _ = both
    sr, hr = images(50, 60)
    view = metric.score(sr[4:-4, 4:-4], metric.prepare(hr[4:-4, 4:-4]))
    assert view == metric.score(sr[4:-4, 4:-4].copy(), metric.prepare(hr[4:-4, 4:-4].copy()))


def test_no_network_is_trained(both: tuple[LPIPS, Any]) -> None:
    """Features carry no gradients, whatever the caller's mode is."""
    metric, _ = both
    (hr,) = images(40, 40, 1)
    assert not any(feature.requires_grad for feature in metric.prepare(hr)[1])


def test_loading_draws_nothing_at_random(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run's seed is its own: building the network leaves PyTorch's generator where it was."""
    tensors = backbone_of(package("alex"))
    monkeypatch.setattr(srbench.metrics.lpips, "load_backbone", lambda _: tensors)
    before = torch.random.get_rng_state()
    LPIPS(INFO).load("cpu")
    assert torch.equal(before, torch.random.get_rng_state())


def test_loading_downloads_nothing_unverified(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the package nor torchvision may fetch weights by themselves."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("an unverified download")

    tensors = backbone_of(package("alex"))
    monkeypatch.setattr(srbench.metrics.lpips, "load_backbone", lambda _: tensors)
    monkeypatch.setattr("torch.hub.load_state_dict_from_url", refuse)
    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
    monkeypatch.setattr("urllib.request.urlopen", refuse)
    LPIPS(INFO).load("cpu")


def test_the_device_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch's meta device has no values, so a network that went there can't give any."""
    tensors = backbone_of(package("alex"))
    monkeypatch.setattr(srbench.metrics.lpips, "load_backbone", lambda _: tensors)
    metric = LPIPS(INFO)
    metric.load("meta")
    (hr,) = images(40, 40, 1)
    assert {feature.device.type for feature in metric.prepare(hr)[1]} == {"meta"}


def test_linear_layers_that_were_changed_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An installed package whose weights differ from the published ones gives no scores."""
    path = tmp_path / "alex.pth"
    path.write_bytes(b"other weights")
    changed = Asset("alex.pth", (LocalPath(str(path)),), LINEAR["alex"].sha256)
    tensors = backbone_of(package("alex"))
    monkeypatch.setattr(srbench.metrics.lpips, "load_backbone", lambda _: tensors)
    monkeypatch.setitem(LINEAR, "alex", changed)
    with pytest.raises(IntegrityError):
        LPIPS(INFO).load("cpu")


def test_without_weights_the_reason_is_the_backbones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unavailable passes through, so that the column is a dash with its reason."""

    def nowhere(backbone: Backbone) -> Tensors:
        raise Unavailable(f"{backbone.title}'s weights", "no network", "connect")

    monkeypatch.setattr(srbench.metrics.lpips, "load_backbone", nowhere)
    with pytest.raises(Unavailable, match="expected VGG16's weights, got no network; connect"):
        LPIPS(INFO, "vgg").load("cpu")


@pytest.mark.parametrize(("net", "side"), [("alex", 31), ("vgg", 16)])
def test_images_too_small_for_the_backbone_are_a_reason(net: str, side: int) -> None:
    """One pixel less than the least side, in either dimension."""
    for shape in ((side - 1, 99, 3), (99, side - 1, 3)):
        with pytest.raises(Unavailable, match=f"at least {side} x {side} pixels for LPIPS"):
            LPIPS(INFO, net).prepare(np.zeros(shape, np.uint8))


def test_the_least_sides_are_the_packages_own() -> None:
    """The package fails one pixel below, and not at, the declared side."""
    for net, side in (("alex", 31), ("vgg", 16)):
        module = package(net)
        with torch.no_grad():
            assert torch.isfinite(module(torch.zeros(1, 3, side, side), torch.ones(1, 3, side, side))).all()
            with pytest.raises(RuntimeError, match=r"too small|size"):
                module(torch.zeros(1, 3, side - 1, side), torch.ones(1, 3, side - 1, side))


def test_images_of_different_shapes_are_refused(both: tuple[LPIPS, Any]) -> None:
    """Nothing is resized."""
    metric, _ = both
    with pytest.raises(ContractError, match=r"a prediction of shape \(40, 40, 3\)"):
        metric.score(np.zeros((40, 41, 3), np.uint8), metric.prepare(np.zeros((40, 40, 3), np.uint8)))


def test_scoring_before_loading_is_refused() -> None:
    """A metric says that it wasn't loaded."""
    with pytest.raises(ContractError, match="call load first"):
        LPIPS(INFO).prepare(np.zeros((40, 40, 3), np.uint8))


def test_signatures_need_no_pytorch() -> None:
    """Listing and planning render them in a process that never imports PyTorch."""
    code = (
        "import sys; from srbench.metrics.catalog import register; register()\n"
        "from srbench.registry import _metrics, build\n"
        "for e in _metrics.values(): print(build(e.target, e.info, e.argument).signature)\n"
        "assert not {'torch', 'torchvision', 'lpips', 'piq', 'pandas'} & set(sys.modules)"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(srbench.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "lpips|net:alex|v0.1|lpips:" in done.stdout
    assert len(set(lines)) == len(lines) > 10


def test_the_signature_names_the_backbones_tensors_not_their_source() -> None:
    """Two backbones are two signatures."""
    alex, vgg = (LPIPS(INFO, net).signature for net in NETS)
    assert alex.startswith("lpips|net:alex|v0.1|lpips:")
    assert "|rgb|whole|range:-1:1|float32|" in alex
    assert alex != vgg


def test_an_unknown_backbone_is_refused() -> None:
    """The message names the two."""
    with pytest.raises(UsageError, match="alex or vgg, got 'squeeze'"):
        LPIPS(INFO, "squeeze")
