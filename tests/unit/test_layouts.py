"""Folders as people have them: which images are taken, and which frames of a known set they hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from srbench.data.layouts import Layout, find_layout, find_layouts, match_layout
from srbench.data.manifest import Frame, Item, Manifest
from srbench.errors import UsageError
from srbench.image.io import pixels_sha256, write_png

U8 = NDArray[np.uint8]


def noise(*shape: int, seed: int = 0) -> U8:
    """An image of random values."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def touch(folder: Path, *names: str) -> None:
    """Files whose content no layout looks at."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def names(layout: Layout) -> dict[str, list[str]]:
    """Items and their files, relative to the layout's folder."""
    return {
        item: [p.relative_to(layout.folder).as_posix() for p in paths] for item, paths in layout.items.items()
    }


# --------------------------------------------------------------------------------- finding

LAYOUTS = {
    "EDSR": (("HR/baby.png", "LR_bicubic/X2/babyx2.png"), "EDSR", {"baby": ["baby.png"]}),
    "EDSR, its benchmark folder": (
        ("Set5/HR/baby.png", "Set14/HR/zebra.png"),
        "EDSR",
        {"baby": ["baby.png"]},
    ),
    "BasicSR": (
        ("original/baby.png", "GTmod12/baby.png", "LRbicx4/baby.png"),
        "BasicSR (original)",
        {"baby": ["baby.png"]},
    ),
    "BasicSR, cropped": (
        ("GTmod12/baby.png", "LRbicx4/baby.png"),
        "BasicSR (GTmod12)",
        {"baby": ["baby.png"]},
    ),
    "BasicSR's video": (
        ("GT/walk/00000001.png", "GT/walk/00000000.png", "BIx4/walk/00000000.png"),
        "BasicSR (GT)",
        {"walk": ["walk/00000000.png", "walk/00000001.png"]},
    ),
    "SelfExSR": (
        (
            "image_SRF_4/img_001_SRF_4_HR.png",
            "image_SRF_4/img_001_SRF_4_LR.png",
            "image_SRF_2/img_001_SRF_2_HR.png",
        ),
        "SelfExSR (image_SRF_4)",
        {"img_001": ["img_001_SRF_4_HR.png"]},
    ),
    "SelfExSR, one scale's folder": (
        ("img_001_SRF_4_HR.png", "img_001_SRF_4_LR.png", "img_001_SRF_4_bicubic.png"),
        "plain",
        {"img_001": ["img_001_SRF_4_HR.png"]},
    ),
    "plain": (("b.JPG", "a.bmp", "notes.txt", ".hidden.png"), "plain", {"a": ["a.bmp"], "b": ["b.JPG"]}),
    "folders of frames": (
        ("c1/f10.png", "c1/f9.png", "c0/0.png", "empty/readme.md"),
        "plain",
        {"c0": ["c0/0.png"], "c1": ["c1/f9.png", "c1/f10.png"]},
    ),
}


@pytest.mark.parametrize("case", LAYOUTS)
def test_a_layout_is_recognised(case: str, tmp_path: Path) -> None:
    """The ground truth is found, the low-resolution and super-resolved images beside it are left."""
    files, title, expected = LAYOUTS[case]
    touch(tmp_path, *files)
    layout = find_layout(tmp_path, "set5")
    assert layout.title.startswith(title)
    assert names(layout) == expected
    assert list(layout.items) == list(expected)
    assert layout.kind == (
        "clip" if any("/" in file for paths in expected.values() for file in paths) else "still"
    )


def test_the_wanted_scales_folder_is_taken(tmp_path: Path) -> None:
    """Where a layout has a folder per scale, the asked-for scale wins over the largest."""
    touch(tmp_path, *(f"image_SRF_{n}/a_SRF_{n}_HR.png" for n in (2, 3, 4)))
    assert find_layout(tmp_path, scale=2).folder.name == "image_SRF_2"
    assert find_layout(tmp_path, scale=3).folder.name == "image_SRF_3"
    assert find_layout(tmp_path).folder.name == "image_SRF_4"


def test_a_folder_whose_crop_suits_the_scale_is_taken(tmp_path: Path) -> None:
    """Of GTmod4 and GTmod9, a x2 set takes the one that is a multiple of 2, and a x3 set that of 3."""
    touch(tmp_path, "GTmod4/a.png", "GTmod9/a.png")
    assert find_layout(tmp_path, scale=2).folder.name == "GTmod4"
    assert find_layout(tmp_path, scale=3).folder.name == "GTmod9"


def test_every_candidate_is_offered_the_best_first(tmp_path: Path) -> None:
    """Originals come before crops, crops before what lies beside them."""
    touch(tmp_path, "GTmod12/a.png", "original/a.png", "a.png")
    titles = [layout.title for layout in find_layouts(tmp_path)]
    assert titles == ["BasicSR (original)", "BasicSR (GTmod12)", "plain folder"]


def test_the_sets_other_name_is_known(tmp_path: Path) -> None:
    """EDSR's benchmark calls BSD100 `B100`."""
    touch(tmp_path, "B100/HR/101085.png", "Set5/HR/baby.png")
    assert list(find_layout(tmp_path, "bsd100").items) == ["101085"]


def test_the_folder_above_edsrs_benchmark_will_do(tmp_path: Path) -> None:
    """`benchmark/Set5/HR` is found from the folder that holds `benchmark`."""
    touch(tmp_path, "benchmark/Set5/HR/baby.png", "benchmark/Set14/HR/baboon.png")
    assert list(find_layout(tmp_path, "set5").items) == ["baby"]


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    """Which of a.png and a.bmp is meant can't be guessed."""
    touch(tmp_path, "a.png", "a.bmp")
    with pytest.raises(UsageError, match=r"a\.bmp and a\.png"):
        find_layout(tmp_path)


@pytest.mark.parametrize("content", [(), ("readme.md",), ("sub/readme.md",)])
def test_a_folder_without_images_is_refused(content: tuple[str, ...], tmp_path: Path) -> None:
    """The line says what was looked for."""
    touch(tmp_path, *content)
    with pytest.raises(UsageError, match="images, or folders of frames"):
        find_layout(tmp_path)


@pytest.mark.parametrize("name", ["nowhere", "a.png"])
def test_what_is_no_folder_is_refused(name: str, tmp_path: Path) -> None:
    """A missing folder and a file get the same plain line."""
    touch(tmp_path, "a.png")
    with pytest.raises(UsageError, match="a folder of images"):
        find_layout(tmp_path / name)


# -------------------------------------------------------------------------------- matching


def toy(images: dict[str, list[U8]]) -> Manifest:
    """A manifest that promises these frames."""
    items = tuple(
        Item(
            name,
            tuple(Frame(f"{n}.png", 1, f.shape, "0" * 64, pixels_sha256(f)) for n, f in enumerate(frames)),
        )
        for name, frames in images.items()
    )
    return Manifest("toy", "Toy", "still", (2,), "free", "whole", "", items, folder="/nowhere")


def test_files_are_matched_by_their_pixels_whatever_their_name_and_encoding(tmp_path: Path) -> None:
    """A renamed file and one of another format hold the frames; a stranger's image holds none."""
    a, b = noise(6, 8, 3, seed=1), noise(6, 8, 3, seed=2)
    Image.fromarray(a).save(tmp_path / "renamed.bmp")
    write_png(tmp_path / "b.png", b)
    write_png(tmp_path / "stranger.png", noise(6, 8, 3, seed=3))
    match = match_layout(toy({"a": [a], "b": [b]}), find_layout(tmp_path))
    assert {sha: path.name for sha, path in match.found.items()} == {
        pixels_sha256(a): "renamed.bmp",
        pixels_sha256(b): "b.png",
    }
    assert (match.missing, match.refused) == ({}, {})


def test_files_that_swapped_names_are_matched_by_what_they_show(tmp_path: Path) -> None:
    """A name never lies: a.png with b's pixels is b."""
    a, b = noise(6, 8, 3, seed=1), noise(6, 8, 3, seed=2)
    write_png(tmp_path / "a.png", b)
    write_png(tmp_path / "b.png", a)
    found = match_layout(toy({"a": [a], "b": [b]}), find_layout(tmp_path)).found
    assert (found[pixels_sha256(a)].name, found[pixels_sha256(b)].name) == ("b.png", "a.png")


def test_a_gray_original_is_found_in_three_equal_channels(tmp_path: Path) -> None:
    """Set14's bridge in EDSR's benchmark is the gray original three times."""
    gray = noise(6, 8)
    write_png(tmp_path / "bridge.png", np.dstack([gray] * 3))
    assert match_layout(toy({"bridge": [gray]}), find_layout(tmp_path)).missing == {}


def test_a_cropped_copy_is_named_as_such(tmp_path: Path) -> None:
    """GTmod12 of a 30 x 40 image is 24 x 36: it can't stand for the original, and both sizes are said."""
    image = noise(30, 40, 3)
    (tmp_path / "GTmod12").mkdir()
    write_png(tmp_path / "GTmod12" / "a.png", image[:24, :36])
    match = match_layout(toy({"a": [image]}), find_layout(tmp_path))
    assert match.found == {}
    assert match.missing["a"] == "a.png is 24x36, the original 30x40: a cropped copy can't stand for it"


def test_other_reasons_are_told_apart(tmp_path: Path) -> None:
    """Resized, changed, unreadable and absent each have their own words."""
    images = {
        name: [noise(30, 40, 3, seed=n)] for n, name in enumerate(("small", "lossy", "broken", "absent"))
    }
    write_png(tmp_path / "small.png", images["small"][0][:15, :20])
    Image.fromarray(images["lossy"][0]).save(tmp_path / "lossy.jpg")
    (tmp_path / "broken.png").write_bytes(b"<html>not found</html>")
    match = match_layout(toy(images), find_layout(tmp_path))
    assert "a resized copy" in match.missing["small"]
    assert "other pixels" in match.missing["lossy"]
    assert "no file has its pixels" in match.missing["broken"]
    assert "no file has its pixels" in match.missing["absent"]
    ((path, reason),) = match.refused.items()
    assert path.name == "broken.png"
    assert "web page" in reason


def test_a_clip_says_how_many_frames_it_lacks(tmp_path: Path) -> None:
    """A clip is missing while one frame is; the reason counts."""
    frames = [noise(6, 8, 3, seed=n) for n in range(3)]
    for n, frame in enumerate(frames[:2]):
        write_png(tmp_path / "walk" / f"{n}.png", frame)
    match = match_layout(toy({"walk": frames}), find_layout(tmp_path))
    assert len(match.found) == 2
    assert match.missing["walk"].startswith("1 of 3 frames: ")


def test_generated_frames_are_never_matched(tmp_path: Path) -> None:
    """A file can't stand for a frame that is made from another file."""
    image = noise(6, 8, 3)
    write_png(tmp_path / "a.png", image)
    frame = Frame("a.png", 1, image.shape, "0" * 64, pixels_sha256(image), "camera-path:0")
    manifest = Manifest(
        "toy", "Toy", "clip", (4,), "free", "whole", "", (Item("a", (frame,)),), package="skimage"
    )
    assert match_layout(manifest, find_layout(tmp_path)).found == {}
