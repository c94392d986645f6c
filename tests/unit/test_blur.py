"""BD degradations against SciPy's filters, their phases, and the protocol fields that name them."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import correlate, gaussian_filter

from srbench.data.blur import BLURS, blur_and_sample, gaussian
from srbench.data.degrade import degrade
from srbench.errors import UsageError
from srbench.image.color import round_u8
from srbench.protocols import RECIPES, get_protocol
from srbench.types import DEGRADATIONS

NAMES = sorted(BLURS)


def noise(h: int, w: int, seed: int = 0) -> NDArray[np.uint8]:
    """An RGB image."""
    return np.random.default_rng(seed).integers(0, 256, (h, w, 3), dtype=np.uint8)


def fspecial(taps: int, sigma: float) -> NDArray[np.float64]:
    """MATLAB's ``fspecial('gaussian', taps, sigma)``, in two dimensions as it is written."""
    half = (taps - 1) / 2
    x, y = np.meshgrid(np.arange(-half, half + 1), np.arange(-half, half + 1))
    h = np.exp(-(x * x + y * y) / (2 * sigma * sigma))
    h[h < np.finfo(float).eps * h.max()] = 0
    return np.asarray(h / h.sum())


@pytest.mark.parametrize(("taps", "sigma"), [(12, 1.6), (13, 1.6), (13, 1.5)])
def test_kernel_is_fspecials(taps: int, sigma: float) -> None:
    """One dimension's outer square is MATLAB's kernel."""
    line = gaussian(taps, sigma)
    np.testing.assert_allclose(np.outer(line, line), fspecial(taps, sigma), rtol=0, atol=1e-15)


@pytest.mark.parametrize("sigma", [1.6, 1.5])
def test_centred_kernel_is_scipys(sigma: float) -> None:
    """DUF's ``gkern``: SciPy's Gaussian filter of a single pixel, 13 taps wide."""
    dot = np.zeros(13)
    dot[6] = 1
    np.testing.assert_allclose(gaussian(13, sigma), gaussian_filter(dot, sigma), rtol=0, atol=1e-15)


@pytest.mark.parametrize("size", [(16, 24), (8, 8), (20, 12)])
def test_bd_basicvsr_is_imfilter_and_a_slice(size: tuple[int, int]) -> None:
    """MATLAB's ``imfilter(.., 'replicate')`` with an even kernel, then ``(2:4:end-2)``.

    SciPy puts an even kernel's centre one tap further on than ``imfilter`` does: hence the origin of -1.
    """
    image = noise(*size)
    kernel = fspecial(12, 1.6)
    planes = [
        correlate(image[..., c].astype(float), kernel, mode="nearest", origin=-1)[1 : size[0] - 2 : 4][
            :, 1 : size[1] - 2 : 4
        ]
        for c in range(3)
    ]
    np.testing.assert_array_equal(
        blur_and_sample(image, BLURS["bd-basicvsr"]), round_u8(np.stack(planes, axis=2))
    )


@pytest.mark.parametrize(("name", "sigma"), [("bd-duf", 1.6), ("bd-tecogan", 1.5)])
def test_centred_ones_are_a_filter_and_a_slice(name: str, sigma: float) -> None:
    """A reflected 13x13 filter, then ``[0::4, 0::4]``."""
    image = noise(16, 24)
    planes = [
        correlate(image[..., c].astype(float), fspecial(13, sigma), mode="mirror")[::4, ::4] for c in range(3)
    ]
    np.testing.assert_array_equal(blur_and_sample(image, BLURS[name]), round_u8(np.stack(planes, axis=2)))


@pytest.mark.parametrize(("name", "phase"), [("bd-basicvsr", 1.5), ("bd-duf", 0), ("bd-tecogan", 0)])
def test_phase(name: str, phase: float) -> None:
    """On a ramp a sample is its position: the cell's centre for BasicVSR, its first pixel for the others."""
    ramp = np.repeat(np.arange(96, dtype=np.uint8)[None, :, None] * 2, 8, axis=0)
    inside = slice(3, -3)
    got = blur_and_sample(ramp, BLURS[name])[0, inside, 0] / 2
    np.testing.assert_array_equal(got, (np.arange(24) * 4 + phase)[inside])


@given(st.integers(0, 255), st.sampled_from(NAMES), st.integers(1, 6), st.integers(1, 6))
def test_a_flat_image_stays_flat(level: int, name: str, h: int, w: int) -> None:
    """Weights sum to 1 at every border, down to images smaller than the kernel."""
    image = np.full((4 * h, 4 * w, 3), level, np.uint8)
    np.testing.assert_array_equal(blur_and_sample(image, BLURS[name]), np.full((h, w, 3), level))


# ------------------------------------------------------------------------------ the protocol


def test_the_four_degradations_make_four_images() -> None:
    """No two of them agree on an image."""
    hr = noise(32, 32)
    made = [degrade(hr, get_protocol("video", 4, degradation=name)) for name in DEGRADATIONS]
    assert all(lr.shape == (8, 8, 3) for lr in made)
    assert not any(np.array_equal(a, b) for a, b in combinations(made, 2))


def test_the_four_degradations_have_four_signatures() -> None:
    """They never share a board; a blur is signed by its name, imresize by its flavour."""
    signatures = [get_protocol("video", 4, degradation=name).signature for name in DEGRADATIONS]
    assert len(set(signatures)) == 4
    assert signatures[0] == get_protocol("video", 4).signature
    assert signatures[0].split("|")[1] == "bi:matlab-symmetric-double"
    assert signatures[1] == "x4|bd-basicvsr|y:bt601-studio|gray:rgb|border:0|mod:4|u8|mean:clip|v1"


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ({"border": 8}, "border:8"),
        ({"border": 0}, "border:0"),
        ({"mean": "frame"}, "mean:frame"),
        ({"mean": "clip"}, "mean:clip"),
        ({"flavour": "matlab-replicate-u8"}, "bi:matlab-replicate-u8"),
        ({"degradation": "bd-duf"}, "bd-duf"),
    ],
)
def test_each_field_shows_in_the_signature(asked: dict[str, Any], part: str) -> None:
    """What is asked for is signed, and nothing else changes."""
    plain, changed = (get_protocol("video", 4, **fields).signature.split("|") for fields in ({}, asked))
    assert part in changed
    assert len(set(plain) ^ set(changed)) in (0, 2)


def test_blurred_frames_are_enlarged_as_uint8() -> None:
    """Interpolations use ``matlab-symmetric-u8`` on blurred frames, unless another flavour is asked for."""
    assert get_protocol("video", 4, degradation="bd-basicvsr").flavour == "matlab-symmetric-u8"
    asked = get_protocol("video", 4, degradation="bd-basicvsr", flavour="matlab-symmetric-double")
    assert asked.flavour == "matlab-symmetric-double"
    assert asked.signature == replace(asked, flavour="matlab-symmetric-u8").signature


@pytest.mark.parametrize(
    ("name", "scale", "degradation", "message"),
    [
        ("video", 2, "bd-duf", "expected x4 for bd-duf, got x2"),
        ("vdsr", 4, "bd-duf", "expected bi under vdsr, got bd-duf"),
        ("video", 4, "bd", "expected a degradation, got 'bd'"),
    ],
)
def test_what_does_not_go_together_is_refused(name: str, scale: int, degradation: Any, message: str) -> None:
    """Another scale, a luma plane, an unknown name: one line each."""
    with pytest.raises(UsageError, match=message):
        get_protocol(name, scale, degradation=degradation)


def test_no_recipe_changed_its_signature() -> None:
    """The signatures that results were written under before blur was known."""
    assert {name: get_protocol(name, 4).signature for name in RECIPES} == {
        "classic": "x4|bi:matlab-symmetric-u8|y:bt601-studio|gray:rgb|border:4|mod:4|u8|mean:image|v1",
        "vdsr": "x4|bi:matlab-symmetric-double:y|y:bt601-studio-u8|gray:y|border:4|mod:4|u8:16-235"
        "|mean:image|v1",
        "selfexsr": "x4|bi:matlab-replicate-u8|y:bt601-studio-u8|gray:y|border:4|mod:4|u8|mean:image|v1",
        "rgb": "x4|bi:matlab-symmetric-u8|rgb|gray:rgb|border:4|mod:4|u8|mean:image|v1",
        "video": "x4|bi:matlab-symmetric-double|y:bt601-studio|gray:rgb|border:0|mod:4|u8|mean:clip|v1",
    }
