"""The embedded clip: against MATLAB's antialiased resize, its motion, and pixels that hang on no platform."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from srbench.data import builtin
from srbench.data.builtin import FRAMES, PHOTO, VIEW, camera_path, render
from srbench.data.datasets import dataset_manifest
from srbench.errors import UsageError
from srbench.image.io import pixels_sha256, read_image
from srbench.image.resize import imresize


@pytest.fixture(scope="module")
def photo() -> NDArray[np.uint8]:
    """The photograph the camera glides over."""
    spec = find_spec("skimage")
    assert spec is not None
    assert spec.origin is not None
    return read_image(Path(spec.origin).parent / "data" / "astronaut.png")


def test_the_first_view_is_matlabs_antialiased_shrink(photo: NDArray[np.uint8]) -> None:
    """View 0 has no rotation and lies on the grid of `imresize` by 2/3, which is exact against MATLAB."""
    margin = 6  # photograph pixels around the view, so that no border is seen
    crop = photo[197 - margin : 197 + 288 + margin, 45 - margin : 45 + 384 + margin]
    expected = imresize(crop.astype(np.float64), size=(200, 264))[4:-4, 4:-4]
    rows, columns, zoom = camera_path(0)
    assert np.abs(builtin._resample(photo, rows, columns, zoom) - expected).max() < 1e-11


def test_the_pixels_are_those_of_the_manifest(photo: NDArray[np.uint8]) -> None:
    """Every view has the pinned digest, and there are as many views as frames."""
    (item,) = dataset_manifest("embedded-clip").items
    assert [frame.generated for frame in item.frames] == [f"camera-path:{i}" for i in range(FRAMES)]
    for frame in item.frames:
        view = render(frame.generated, photo)
        assert (view.shape, pixels_sha256(view)) == (frame.shape, frame.pixels)


def test_no_pixel_hangs_on_the_last_bit(photo: NDArray[np.uint8]) -> None:
    """No value is nearer to a rounding tie than 2e-6, ten million times the rounding error of its sum."""
    for i in range(FRAMES):
        rows, columns, zoom = camera_path(i)
        values = builtin._resample(photo, rows, columns, zoom)
        assert np.abs(values - np.floor(values) - 0.5).min() > 2e-6


def test_the_views_stay_inside_the_photograph() -> None:
    """No view reads beyond the photograph's border, the kernel's width included."""
    for i in range(FRAMES):
        rows, columns, zoom = camera_path(i)
        for positions, length in ((rows, PHOTO[0]), (columns, PHOTO[1])):
            assert positions.shape == VIEW
            assert positions.min() - 2 * zoom >= 0
            assert positions.max() + 2 * zoom <= length - 1


def test_the_camera_moves_by_parts_of_a_low_resolution_pixel() -> None:
    """Anywhere in the view, each step is a part of a x4 pixel, and the steps sample it at many phases."""
    paths = [camera_path(i) for i in range(FRAMES)]
    for y, x in ((0, 0), (95, 127), (191, 255)):
        columns = np.array([path[1][y, x] / (4 * path[2]) for path in paths])
        steps = np.abs(np.diff(columns))
        assert ((steps > 0.05) & (steps < 0.95)).all()
        assert len(np.unique(np.floor((columns % 1) * 5))) >= 4


def test_the_camera_turns_and_zooms() -> None:
    """The motion is no mere shift: the view's edges turn and its width in the photograph shrinks."""
    first, last = camera_path(0), camera_path(FRAMES - 1)
    assert np.ptp(first[0][0]) == 0
    assert np.ptp(last[0][0]) > 3
    assert np.ptp(last[1]) < np.ptp(first[1])


def test_rotation_keeps_lengths() -> None:
    """A step along a row and one along a column are both as long as the zoom, at any angle."""
    for i in range(FRAMES):
        rows, columns, zoom = camera_path(i)
        along_x = np.hypot(rows[0, 1] - rows[0, 0], columns[0, 1] - columns[0, 0])
        along_y = np.hypot(rows[1, 0] - rows[0, 0], columns[1, 0] - columns[0, 0])
        assert along_x == pytest.approx(zoom, abs=1e-12)
        assert along_y == pytest.approx(zoom, abs=1e-12)


@pytest.mark.parametrize("level", [0, 1, 137, 255])
def test_a_flat_photograph_stays_flat(level: int) -> None:
    """The kernel's weights add up to 1 everywhere."""
    assert (render("camera-path:7", np.full(PHOTO, level, np.uint8)) == level).all()


def test_channels_do_not_mix(photo: NDArray[np.uint8]) -> None:
    """Reversing the channels of the photograph reverses those of the view, and nothing else."""
    assert np.array_equal(
        render("camera-path:4", photo[..., ::-1]), render("camera-path:4", photo)[..., ::-1]
    )


@pytest.mark.parametrize("generated", ["camera-path:10", "camera-path:", "camera-path:-1", "noise:1", ""])
def test_an_unknown_view_is_refused(generated: str, photo: NDArray[np.uint8]) -> None:
    """Only the ten views exist; the message says so."""
    with pytest.raises(UsageError, match="camera-path:0 to camera-path:9"):
        render(generated, photo)


def test_another_photograph_is_refused(photo: NDArray[np.uint8]) -> None:
    """The path is laid out for 512 x 512 RGB."""
    with pytest.raises(UsageError, match="512"):
        render("camera-path:0", photo[:500])
