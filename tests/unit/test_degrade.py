"""Frames: against stored low-resolution sets, the gray rule, the checks of pixels, and laziness."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from srbench.data import degrade as module
from srbench.data.datasets import open_dataset
from srbench.data.degrade import FrameSource, apply_gray_rule, decode_frame, degrade, without_copies
from srbench.data.manifest import Frame
from srbench.errors import ImageError, IntegrityError
from srbench.image.io import pixels_sha256, read_image, write_png
from srbench.image.resize import imresize
from srbench.protocols import RECIPES, get_protocol
from srbench.types import ClipSpec

U8 = NDArray[np.uint8]


def noise(*shape: int, seed: int = 0) -> U8:
    """An image no two of whose pixels agree by design."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def frame_of(image: U8, path: Path) -> tuple[Frame, Path]:
    """The image, written to a file, and the frame that promises it."""
    write_png(path, image)
    return Frame(path.name, path.stat().st_size, image.shape, "0" * 64, pixels_sha256(image)), path


def source(images: list[U8], folder: Path, protocol: str = "classic", scale: int = 2) -> FrameSource:
    """The images as the frames of one clip."""
    frames = [frame_of(image, folder / f"{n}.png") for n, image in enumerate(images)]
    spec = ClipSpec("toy", "clip", len(frames), scale, "bi", "0" * 64)
    return FrameSource(spec, frames, get_protocol(protocol, scale))


# --------------------------------------------------------------------------------- oracles


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_classic_reproduces_the_stored_low_resolution_images(scale: int, mirror: Path) -> None:
    """Every Set5 LR image that SwinIR's authors stored is reproduced bit for bit."""
    dataset = open_dataset("set5")
    (folder,) = mirror.glob("raw.githubusercontent.com/JingyunLiang/SwinIR/*/testsets/Set5/LR_bicubic")
    assert len(dataset.items) == 5
    for item in dataset.items:
        stored = read_image(folder / f"X{scale}" / f"{item.name}x{scale}.png")
        assert np.array_equal(dataset.source(item, get_protocol("classic", scale)).lr(0), stored), item.name


def test_a_real_gray_image_follows_the_gray_rule(mirror: Path) -> None:
    """Set14's bridge is three equal channels under `classic`, and one plane that counts as Y under `vdsr`."""
    dataset = open_dataset("set14")
    bridge = next(item for item in dataset.items if item.name == "bridge")
    (path,) = dataset.files["bridge"]
    gray = read_image(path)
    classic = dataset.source(bridge, get_protocol("classic", 4))
    vdsr = dataset.source(bridge, get_protocol("vdsr", 4))
    assert np.array_equal(classic.hr(0), np.dstack([gray] * 3))
    assert classic.lr(0).shape == (128, 128, 3)
    assert np.array_equal(vdsr.hr(0), gray[..., None])
    assert np.array_equal(vdsr.lr(0)[..., 0], imresize(gray.astype(np.float64), 0.25))


# ----------------------------------------------------------------------------- degradation


def test_luma_is_rounded_before_and_not_after_it_is_shrunk() -> None:
    """Under `vdsr` an RGB frame becomes rounded studio-range Y, then a double that no rounding touches."""
    hr = noise(12, 16, 3)
    weighted = hr.astype(np.float64) @ np.array([65.481, 128.553, 24.966]) / 255 + 16
    expected = imresize(np.floor(weighted + 0.5), 0.25)
    lr = degrade(hr, get_protocol("vdsr", 4))
    assert lr.dtype == np.float64
    assert lr.shape == (3, 4, 1)
    assert np.abs(lr[..., 0] - expected).max() < 1e-12
    assert not np.array_equal(lr, np.round(lr))


def test_video_is_shrunk_in_double_and_rounded_once() -> None:
    """The double flavour of an image protocol gives uint8, rounded after both passes."""
    hr = noise(16, 20, 3)
    expected = np.clip(np.floor(imresize(hr, 0.25) + 0.5), 0, 255)
    lr = degrade(hr, get_protocol("video", 4))
    assert lr.dtype == np.uint8
    assert np.array_equal(lr, expected)


def test_the_flavour_is_the_protocols() -> None:
    """Old and new MATLAB pad differently, so that borders differ and the inside does not."""
    hr = noise(40, 40, 3)
    new, old = (degrade(hr, get_protocol(name, 4)) for name in ("classic", "selfexsr"))
    assert np.array_equal(new[2:-2, 2:-2], old[2:-2, 2:-2])
    assert not np.array_equal(new, old)


@given(
    st.integers(4, 40),
    st.integers(4, 40),
    st.booleans(),
    st.sampled_from(sorted(RECIPES)),
    st.sampled_from([2, 3, 4]),
)
def test_shapes_and_types_follow_the_protocol(h: int, w: int, gray: bool, name: str, scale: int) -> None:
    """Any image, protocol and scale: LR is HR / scale, C and dtype are what the protocol degrades."""
    protocol = get_protocol(name, scale)
    image = (
        noise(h // scale * scale, w // scale * scale)
        if gray
        else noise(h // scale * scale, w // scale * scale, 3)
    )
    hr = apply_gray_rule(image, protocol)
    lr = degrade(hr, protocol)
    channels = 1 if gray and protocol.gray == "y" else 3
    assert hr.shape == (*image.shape[:2], channels)
    assert lr.shape == (h // scale, w // scale, 1 if protocol.degraded == "y" else channels)
    assert lr.dtype == (np.float64 if protocol.degraded == "y" else np.uint8)


@given(st.integers(0, 255), st.sampled_from(sorted(RECIPES)))
def test_a_flat_gray_image_stays_flat(level: int, name: str) -> None:
    """Shrinking a constant gives that constant under every protocol."""
    protocol = get_protocol(name, 4)
    lr = degrade(apply_gray_rule(np.full((8, 12), level, np.uint8), protocol), protocol)
    assert np.abs(lr - float(level)).max() < 1e-12


# ------------------------------------------------------------------------------- decoding


def test_other_pixels_than_promised_are_refused(tmp_path: Path) -> None:
    """A readable image with one changed value ends in one line that names the file."""
    image = noise(6, 8, 3)
    frame, path = frame_of(image, tmp_path / "a.png")
    changed = image.copy()
    changed[3, 3, 1] ^= 1
    write_png(path, changed)
    with pytest.raises(IntegrityError, match=r"a\.png") as error:
        decode_frame(frame, path)
    assert "\n" not in str(error.value)


def test_the_same_bytes_in_another_shape_are_refused(tmp_path: Path) -> None:
    """The pixel digest has no shape in it, so the shape is checked by itself."""
    image = noise(6, 8, 3)
    frame, path = frame_of(image, tmp_path / "a.png")
    write_png(path, image.reshape(8, 6, 3))
    with pytest.raises(IntegrityError, match=r"expected the 6x8 RGB pixels .* got 8x6 RGB"):
        decode_frame(frame, path)


def test_a_gray_frame_may_be_stored_as_three_equal_channels(tmp_path: Path) -> None:
    """The copy of a gray original that the EDSR line of papers uses decodes to the original."""
    gray = noise(6, 8)
    frame, path = frame_of(gray, tmp_path / "a.png")
    write_png(path, np.dstack([gray] * 3))
    assert np.array_equal(decode_frame(frame, path), gray)


def test_an_rgb_frame_is_not_taken_from_a_gray_file(tmp_path: Path) -> None:
    """An original of three equal channels keeps them: gray is another image under the gray rule."""
    gray = noise(6, 8)
    frame, path = frame_of(np.dstack([gray] * 3), tmp_path / "a.png")
    write_png(path, gray)
    with pytest.raises(IntegrityError):
        decode_frame(frame, path)


def test_only_equal_channels_are_copies() -> None:
    """One differing value in one channel makes it an RGB image."""
    gray = noise(5, 5)
    rgb = np.dstack([gray] * 3)
    assert np.array_equal(without_copies(rgb), gray)
    assert without_copies(gray) is gray
    rgb[4, 4, 2] ^= 1
    assert without_copies(rgb) is rgb


# ------------------------------------------------------------------------------- sources


def test_ground_truth_is_cropped_from_the_top_left(tmp_path: Path) -> None:
    """A 7 x 10 image at x3 is its upper left 6 x 9 part."""
    image = noise(7, 10, 3)
    frames = source([image], tmp_path, scale=3)
    assert np.array_equal(frames.hr(0), image[:6, :9])
    assert frames.lr(0).shape == (2, 3, 3)


def test_an_image_smaller_than_the_scale_is_refused_by_name(tmp_path: Path) -> None:
    """A 1 x 1 image has nothing to shrink; the line names its file."""
    with pytest.raises(ImageError, match=r"at least 2 x 2.*0\.png"):
        source([noise(1, 1, 3)], tmp_path).lr(0)


def test_a_clip_keeps_its_order_and_names(tmp_path: Path) -> None:
    """Frame t is the t-th frame of the manifest, under its name."""
    images = [noise(6, 8, 3, seed=n) for n in range(3)]
    frames = source(images, tmp_path)
    assert len(frames) == 3
    assert frames.frame_names == ("0", "1", "2")
    assert all(np.array_equal(frames.hr(t), images[t]) for t in (2, 0, 1))
    assert np.array_equal(frames.lr(1), degrade(images[1], get_protocol("classic", 2)))


def test_a_frame_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    """A missing file hurts no other frame, and raises its own error when its turn comes."""
    frames = source([noise(6, 8, 3, seed=n) for n in range(2)], tmp_path)
    (tmp_path / "1.png").unlink()
    assert frames.hr(0).shape == (6, 8, 3)
    with pytest.raises(ImageError, match=r"1\.png"):
        frames.hr(1)


def test_a_frame_is_decoded_once_for_all_who_ask_in_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HR and LR of one frame, asked for again and again, cost one decoding."""
    decoded: list[str] = []

    def counting(path: Path) -> U8:
        decoded.append(path.name)
        return read_image(path)

    monkeypatch.setattr(module, "read_image", counting)
    frames = source([noise(6, 8, 3, seed=n) for n in range(2)], tmp_path)
    for t in (0, 0, 1):
        frames.lr(t)
        frames.hr(t)
    assert decoded == ["0.png", "1.png"]


def test_no_more_than_the_latest_frames_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clip longer than memory streams: frames are freed, oldest first, when they exceed their bytes."""
    frame = 6 * 8 * 3
    monkeypatch.setattr(module, "KEPT_BYTES", 3 * frame)
    frames = source([noise(6, 8, 3, seed=n) for n in range(4)], tmp_path)
    kept = [weakref.ref(frames.hr(t)) for t in range(4)]
    gc.collect()
    assert [one() is None for one in kept] == [True, False, False, False]
    assert frames.hr(1) is kept[1]()


def test_frames_larger_than_their_bytes_are_kept_one_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ground truth and its degraded frame are there for every model, however large they are."""
    monkeypatch.setattr(module, "KEPT_BYTES", 0)
    frames = source([noise(6, 8, 3, seed=n) for n in range(2)], tmp_path)
    first = weakref.ref(frames.hr(0))
    frames.lr(0)
    assert frames.hr(0) is first()
    frames.lr(1)
    gc.collect()
    assert first() is None


def test_frames_are_made_once_whichever_threads_ask(tmp_path: Path) -> None:
    """Reading ahead in other threads gives every caller the same arrays."""
    frames = source([noise(6, 8, 3, seed=n) for n in range(3)], tmp_path)
    with ThreadPoolExecutor(4) as pool:
        found = [[pool.submit(frames.lr, t) for t in range(3)] for _ in range(8)]
        for t in range(3):
            assert len({id(row[t].result()) for row in found}) == 1


def test_frames_cannot_be_changed(tmp_path: Path) -> None:
    """A model or metric that writes into a frame is stopped, not silently believed by the next one."""
    frames = source([noise(6, 8, 3)], tmp_path)
    for array in (frames.hr(0), frames.lr(0)):
        assert array.flags.c_contiguous
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 0
