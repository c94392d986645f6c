"""Classical interpolation: which kernel, which flavour, on which planes."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srbench import registry
from srbench.adapters.base import BaseAdapter, Settings
from srbench.adapters.interpolation import Bicubic, Interpolation
from srbench.adapters.planning import inference_signature, load_model, skip_reason
from srbench.errors import UsageError
from srbench.image.resize import KernelName, imresize
from srbench.protocols import RECIPES, get_protocol
from srbench.types import FLAVOURS, ClipSpec, Flavour, Job

KERNELS: dict[str, KernelName] = {
    "nearest": "nearest",
    "bilinear": "bilinear",
    "bicubic": "bicubic",
    "lanczos": "lanczos3",
}
LR = np.random.default_rng(0).integers(0, 256, (2, 7, 5, 3), dtype=np.uint8)


def job(scale: int, protocol: str) -> Job:
    """A job for one small clip."""
    return Job(ClipSpec("toy", "clip", 2, scale, "bi", ""), get_protocol(protocol, scale))


def started(name: str, argument: str = "", scale: int = 2) -> BaseAdapter:
    """A registered interpolation, ready."""
    return load_model(registry.models()[name], argument, scale=scale)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("protocol", ["classic", "selfexsr", "rgb", "video"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_alone_it_uses_the_protocols_flavour(name: str, protocol: str, scale: int) -> None:
    """Without an argument each frame is enlarged by imresize in the protocol's own flavour."""
    asked = job(scale, protocol)
    sr = started(name, scale=scale)(LR, asked)
    for got, frame in zip(sr, LR, strict=True):
        expected = imresize(frame, scale, kernel=KERNELS[name], flavour=asked.protocol.flavour)
        np.testing.assert_array_equal(got, expected)
        assert got.dtype == expected.dtype


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_argument_chooses_the_flavour(flavour: Flavour) -> None:
    """``bicubic:FLAVOUR`` enlarges by that flavour whatever the protocol's is."""
    sr = started("bicubic", flavour)(LR, job(2, "classic"))
    np.testing.assert_array_equal(sr[1], imresize(LR[1], 2, flavour=flavour))
    assert sr.dtype == (np.float64 if flavour == "matlab-symmetric-double" else np.uint8)


def test_double_flavour_is_not_rounded() -> None:
    """The double flavour's frames keep their fractions, and their overshoot."""
    lr = np.zeros((1, 8, 8, 3), np.uint8)
    lr[:, :, 4:] = 255
    sr = started("bicubic", "matlab-symmetric-double")(lr, job(2, "classic"))
    assert (sr != np.round(sr)).any()
    assert sr.min() < 0
    assert sr.max() > 255


@pytest.mark.parametrize("channels", [1, 3])
def test_gray_and_rgb(channels: int) -> None:
    """A frame leaves with the channels it came with."""
    assert started("lanczos")(LR[..., :channels], job(2, "selfexsr")).shape == (2, 14, 10, channels)


def test_luma_plane_in_double() -> None:
    """Under vdsr the float64 plane is enlarged in double, not clipped, not rounded."""
    lr = np.random.default_rng(1).uniform(16, 235, (1, 6, 5, 1))
    np.testing.assert_array_equal(started("bicubic")(lr, job(2, "vdsr"))[0], imresize(lr[0], 2))


@pytest.mark.parametrize("flavour", FLAVOURS[:2])
def test_uint8_flavours_skip_a_luma_plane_in_double(flavour: Flavour) -> None:
    """A uint8 flavour can't take vdsr's plane: the reason says so."""
    reason = skip_reason(registry.models()["bicubic"], flavour, get_protocol("vdsr", 2))
    assert reason == f"{flavour} needs uint8; protocol vdsr gives a luma plane in double"
    assert skip_reason(registry.models()["bicubic"], flavour, get_protocol("classic", 2)) is None


def test_overridden_flavour_of_vdsr_is_skipped_too() -> None:
    """The reason looks at the flavour that would be used, not at the protocol's name."""
    protocol = get_protocol("vdsr", 2, flavour="matlab-replicate-u8")
    assert "needs uint8" in str(skip_reason(registry.models()["bicubic"], "", protocol))
    assert skip_reason(registry.models()["bicubic"], "matlab-symmetric-double", protocol) is None


def test_scale_that_the_card_lacks_is_skipped() -> None:
    """A scale outside the card's list is a reason, whatever the flavour."""
    assert skip_reason(registry.models()["nearest"], "", get_protocol("classic", 5)) is not None


@pytest.mark.parametrize("protocol", RECIPES)
@pytest.mark.parametrize("name", KERNELS)
def test_signature_says_kernel_and_flavour(name: str, protocol: str) -> None:
    """The inference signature names the kernel and the flavour that was used, asked for or not."""
    p = get_protocol(protocol, 4)
    entry = registry.models()[name]
    assert inference_signature(entry, "", p) == f"imresize:{KERNELS[name]}|{p.flavour}"
    for flavour in FLAVOURS:
        assert inference_signature(entry, flavour, p) == f"imresize:{KERNELS[name]}|{flavour}"


def test_settings_do_not_change_its_signature() -> None:
    """Device, dtype and tiles mean nothing to an interpolation: its rows are the same under all of them."""
    entry, protocol = registry.models()["bicubic"], get_protocol("classic", 2)
    asked = inference_signature(entry, "", protocol, Settings("cuda", "float16", 32))
    assert asked == inference_signature(entry, "", protocol)


@pytest.mark.parametrize("argument", ["matlab", "MATLAB-symmetric-u8", "double"])
def test_unknown_flavour_is_refused(argument: str) -> None:
    """An argument that is no flavour is an error that lists the flavours."""
    with pytest.raises(UsageError, match=rf"an imresize flavour, got '{argument}'; use one of matlab-repl"):
        load_model(registry.models()["bicubic"], argument, scale=2)


def test_every_kernel_is_one_that_imresize_knows() -> None:
    """Each class names a kernel of imresize, and no two the same."""
    kernels = [one.kernel for one in Interpolation.__subclasses__()]
    assert set(kernels) <= set(get_args(KernelName))
    assert len(set(kernels)) == len(kernels) == 4
    assert Bicubic in Interpolation.__subclasses__()


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(sorted(KERNELS)), st.integers(0, 255), st.sampled_from([2, 3, 4]))
def test_flat_image_stays_flat(name: str, level: int, scale: int) -> None:
    """Any kernel keeps a flat image: its weights sum to one."""
    lr = np.full((1, 4, 6, 3), level, np.uint8)
    sr = started(name, scale=scale)(lr, job(scale, "classic"))
    np.testing.assert_array_equal(sr, np.full((1, 4 * scale, 6 * scale, 3), level))
