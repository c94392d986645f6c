"""Crops: mod-crop from the top left, and borders."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbench.errors import ImageError
from srbench.image.crop import modcrop, shave

LAYOUTS = [(), (1,), (3,)]
SIDES = st.integers(1, 40)


@pytest.mark.parametrize("channels", LAYOUTS)
def test_modcrop_keeps_the_top_left(channels: tuple[int, ...]) -> None:
    """What goes is the right and the bottom."""
    image = np.arange(7 * 10 * int(np.prod(channels))).reshape(7, 10, *channels)
    np.testing.assert_array_equal(modcrop(image, 3), image[:6, :9])


def test_clips_are_cropped_frame_by_frame() -> None:
    """(T, H, W, C) keeps every frame and channel."""
    clip = np.arange(2 * 9 * 11 * 3).reshape(2, 9, 11, 3)
    np.testing.assert_array_equal(modcrop(clip, 4), clip[:, :8, :8])
    np.testing.assert_array_equal(shave(clip, 2), clip[:, 2:7, 2:9])


@given(SIDES, SIDES, st.integers(1, 8))
def test_modcrop_gives_the_largest_multiple(h: int, w: int, multiple: int) -> None:
    """Both sides become multiples, less than one multiple is lost, and images too small are refused."""
    image = np.zeros((h, w, 3), np.uint8)
    if min(h, w) < multiple:
        with pytest.raises(ImageError, match=f"{h} x {w}"):
            modcrop(image, multiple)
        return
    cropped = modcrop(image, multiple).shape
    assert all(c % multiple == 0 and 0 <= n - c < multiple for n, c in zip((h, w), cropped, strict=False))
    assert cropped == modcrop(modcrop(image, multiple), multiple).shape


@given(SIDES, SIDES, st.integers(0, 9))
def test_shave_takes_the_border_from_every_side(h: int, w: int, border: int) -> None:
    """Each side loses the border; nothing left is an error."""
    image = np.arange(h * w).reshape(h, w)
    if min(h, w) <= 2 * border:
        with pytest.raises(ImageError, match=f"{h} x {w}"):
            shave(image, border)
        return
    assert shave(image, border).shape == (h - 2 * border, w - 2 * border)
    assert shave(image, border)[0, 0] == image[border, border]
    assert shave(image, border)[-1, -1] == image[h - 1 - border, w - 1 - border]


def test_crops_are_views() -> None:
    """Nothing is copied."""
    image = np.zeros((9, 9), np.uint8)
    assert np.shares_memory(modcrop(image, 4), image)
    assert np.shares_memory(shave(image, 4), image)


@pytest.mark.parametrize("shape", [(), (5,), (1, 2, 3, 4, 5)])
def test_what_is_no_image_is_refused(shape: tuple[int, ...]) -> None:
    """One line names the shape."""
    for crop in (modcrop, shave):
        with pytest.raises(ImageError, match="shape"):
            crop(np.zeros(shape), 1)
