"""piq's metrics by name: what is called, with what, and what never is."""

from __future__ import annotations

from typing import Any

import numpy as np
import piq
import pytest
import torch

import srbench.metrics.dists
from srbench.errors import ContractError, Unavailable, UsageError
from srbench.metrics.backbones import Tensors
from srbench.metrics.catalog import _TABLE
from srbench.metrics.dists import DISTS
from srbench.metrics.piq import RECIPES, Piq
from srbench.types import MetricInfo

INFOS = {info.name: info for info, _, _ in _TABLE}
CHANNELS = 1475


def metric(name: str) -> Piq:
    """A loaded metric of piq's."""
    one = Piq(INFOS[name], name)
    one.load("cpu")
    return one


def images(height: int = 176, width: int = 180) -> Any:
    """A smooth picture with grain and a noisier one, uint8 RGB."""
    rng = np.random.default_rng(0)
    ramp = np.add.outer(np.arange(height), np.arange(width))[..., None] % 200 + np.array([10, 20, 30])
    return (np.clip(ramp + rng.normal(0, spread, ramp.shape), 0, 255).astype(np.uint8) for spread in (3, 15))


@pytest.fixture(autouse=True)
def no_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Piq's own unverified downloads fail the test."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("an unverified download")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", refuse)
    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
    monkeypatch.setattr("urllib.request.urlopen", refuse)


@pytest.mark.parametrize("name", RECIPES)
def test_the_prediction_comes_first_and_values_are_bytes(name: str) -> None:
    """VIF and MDSI aren't symmetric: piq's order is prediction, ground truth; the range is 0..255."""
    hr, sr = images()
    one = metric(name)
    unit = [torch.from_numpy(image / 255).permute(2, 0, 1)[None] for image in (sr, hr)]
    expected = float(getattr(piq, RECIPES[name].function)(*unit, data_range=1.0))
    assert one.score(sr, one.prepare(hr)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", RECIPES)
def test_equal_images_give_the_declared_edge(name: str) -> None:
    """1 for similarities, 0 for distances, and noise is worse."""
    hr, sr = images()
    one = metric(name)
    best = 1 if one.info.direction == "higher" else 0
    assert f"equal images give {best}" in one.info.edge
    assert one.score(hr, one.prepare(hr)) == pytest.approx(best, abs=1e-8)
    assert abs(one.score(sr, one.prepare(hr)) - best) > 1e-3


@pytest.mark.parametrize("name", RECIPES)
def test_the_least_side_is_where_piq_begins(name: str) -> None:
    """A number at the declared side; a reason one pixel below it."""
    side = RECIPES[name].least_side
    rng = np.random.default_rng(0)
    sr, hr = rng.integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    one = metric(name)
    assert np.isfinite(one.score(sr, one.prepare(hr)))
    assert f"undefined below {side} x {side} pixels" in one.info.edge
    with pytest.raises(Unavailable, match=f"at least {side} x {side} pixels"):
        one.prepare(hr[1:])


@pytest.mark.parametrize("name", [n for n, r in RECIPES.items() if r.least_side > 2])
def test_piq_itself_refuses_what_is_smaller(name: str) -> None:
    """The declared sides are piq's own."""
    side = RECIPES[name].least_side
    tensor = torch.rand(1, 3, side - 1, side + 9, dtype=torch.float64) * 255
    with pytest.raises(ValueError, match=r"size|Size"):
        getattr(piq, RECIPES[name].function)(tensor, tensor, data_range=255.0)


def test_nothing_is_changed() -> None:
    """Images and what was prepared are as before."""
    hr, sr = images()
    before = hr.copy(), sr.copy()
    one = metric("gmsd")
    prepared = one.prepare(hr)
    assert one.score(sr, prepared) == one.score(sr, prepared)
    np.testing.assert_array_equal(hr, before[0])
    np.testing.assert_array_equal(sr, before[1])


def test_images_of_different_shapes_are_refused() -> None:
    """Nothing is resized."""
    one = metric("gmsd")
    with pytest.raises(ContractError, match=r"a prediction of shape \(20, 20, 3\)"):
        one.score(np.zeros((20, 21, 3), np.uint8), one.prepare(np.zeros((20, 20, 3), np.uint8)))


def test_scoring_before_loading_is_refused() -> None:
    """A metric says that it wasn't loaded."""
    hr, sr = images()
    one = Piq(INFOS["gmsd"], "gmsd")
    with pytest.raises(ContractError, match="call load first"):
        one.score(sr, one.prepare(hr))


def test_the_signature_names_the_librarys_version() -> None:
    """Another piq is another signature."""
    assert Piq(INFOS["vif"], "vif").signature == (
        f"vif|pixel-domain|luma|piq:{piq.__version__}|rgb|whole|peak:255|float64|srbench:1"
    )


def test_an_unknown_metric_is_refused() -> None:
    """The message names those there are."""
    with pytest.raises(UsageError, match="got 'brisque'; use one of fsim, vif"):
        Piq(INFOS["vif"], "brisque")


# --------------------------------------------------------------------------------- dists


def made_up_vgg16() -> Tensors:
    """Random convolutions of VGG16's shapes."""
    from torchvision.models import vgg16

    torch.manual_seed(0)
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in vgg16(weights=None).features.state_dict().items()}
    return {
        f"features.{n}": (torch.randn(s) / max(s[1:].numel(), 1) ** 0.5).numpy() for n, s in shapes.items()
    }


@pytest.fixture(scope="module")
def dists() -> DISTS:
    """DISTS on made-up tensors."""
    rng = np.random.default_rng(0)
    weights = {name: rng.random((1, CHANNELS, 1, 1)).astype(np.float32) for name in ("alpha", "beta")}
    one = DISTS(INFOS["dists"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(srbench.metrics.dists, "load_backbone", lambda _: made_up_vgg16())
        patch.setattr(srbench.metrics.dists, "fetch", lambda asset: asset)
        patch.setattr(srbench.metrics.dists, "load_arrays", lambda *_: weights)
        one.load("cpu")
    return one


def test_dists_of_equal_images_is_zero(dists: DISTS) -> None:
    """Up to float32 rounding, however the weights sum: they are normalised as in the paper."""
    hr, sr = images(40, 50)
    assert dists.score(hr, dists.prepare(hr)) == pytest.approx(0, abs=1e-6)
    assert dists.score(sr, dists.prepare(hr)) > 1e-3


def test_dists_sees_the_image_at_its_own_size(dists: DISTS) -> None:
    """Piq would shrink to 256 pixels first: 300 x 300 features are of 300 x 300 pixels."""
    hr, _ = images(300, 310)
    _, features = dists.prepare(hr)
    assert [tuple(feature.shape[1:]) for feature in features[:3]] == [
        (3, 300, 310),
        (64, 300, 310),
        (128, 150, 155),
    ]


def test_dists_serves_many_predictions(dists: DISTS) -> None:
    """Scoring changes nothing that was prepared."""
    hr, sr = images(40, 50)
    prepared = dists.prepare(hr)
    assert dists.score(sr, prepared) == dists.score(sr, prepared)


def test_dists_refuses_small_images_and_other_shapes(dists: DISTS) -> None:
    """16 pixels are the least; nothing is resized."""
    with pytest.raises(Unavailable, match="at least 16 x 16 pixels for DISTS"):
        dists.prepare(np.zeros((15, 40, 3), np.uint8))
    with pytest.raises(ContractError, match=r"a prediction of shape \(16, 16, 3\)"):
        dists.score(np.zeros((16, 17, 3), np.uint8), dists.prepare(np.zeros((16, 16, 3), np.uint8)))


def test_dists_without_weights_is_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Offline with an empty cache: Unavailable, and piq downloads nothing instead."""
    monkeypatch.setenv("SRBENCH_HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("SRBENCH_OFFLINE", "1")
    with pytest.raises(Unavailable):
        DISTS(INFOS["dists"]).load("cpu")


def test_dists_signature_names_both_weights() -> None:
    """VGG16's tensors and the channel weights, each by digest."""
    signature = DISTS(INFOS["dists"]).signature
    assert signature.startswith(f"dists|piq:{piq.__version__}|vgg16:")
    assert "|full-size|" in signature


def test_every_recipe_is_in_the_catalogue() -> None:
    """A metric of piq's is registered under its recipe's name."""
    listed = {argument: info for info, target, argument in _TABLE if target.endswith(":Piq")}
    assert listed.keys() == RECIPES.keys()
    assert all(isinstance(info, MetricInfo) and info.name == name for name, info in listed.items())
