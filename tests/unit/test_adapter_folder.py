"""A folder of outputs: paired by name, never by position; whatever is doubtful is refused by name."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from srbench import registry
from srbench.adapters.base import Settings
from srbench.adapters.folder import Folder
from srbench.adapters.pairing import IMAGES, in_order, owners, strength, words
from srbench.adapters.planning import (
    clip_fingerprint,
    inference_signature,
    load_model,
    model_fingerprint,
    skip_reason,
)
from srbench.errors import ImageError, Unavailable, UsageError
from srbench.image.color import rgb2gray
from srbench.image.io import write_png
from srbench.protocols import get_protocol
from srbench.types import ClipSpec, Job

SET5 = ("baby", "bird", "butterfly", "head", "woman")


def spec(name: str, *, dataset: str = "set5", scale: int = 4, frames: int = 1) -> ClipSpec:
    """An item."""
    return ClipSpec(dataset, name, frames, scale, "bi", "")


def adapter(root: Path, scale: int = 4) -> Folder:
    """``folder:root``, started."""
    started = load_model(registry.models()["folder"], str(root), scale=scale)
    assert isinstance(started, Folder)
    return started


def save(path: Path, seed: int = 0, shape: tuple[int, ...] = (8, 12, 3)) -> NDArray[np.uint8]:
    """Write noise as PNG; the pixels written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    write_png(path, image)
    return image


def score(root: Path, name: str, lr: NDArray[Any] | None = None, protocol: str = "classic") -> NDArray[Any]:
    """What the folder answers for a still of 2x3 LR pixels at x4."""
    noise = np.random.default_rng(99).integers(0, 256, (1, 2, 3, 3), dtype=np.uint8)
    return adapter(root)(noise if lr is None else lr, Job(spec(name), get_protocol(protocol, 4)))


def found(root: Path, name: str, **item: Any) -> list[str]:
    """The files that belong to an item, below the folder."""
    return [path.relative_to(root).as_posix() for path in adapter(root, 4).files(spec(name, **item))]


# ------------------------------------------------------------------------------------ stills


@pytest.mark.parametrize(
    "file",
    [
        "baby.png",
        "BABY.PNG",
        "baby_RDN_x4.png",
        "baby_x4.png",
        "babyx4.png",
        "BabyX4.bmp",
        "Set5_baby.png",
        "Set5-baby-SwinIR.png",
        "baby_SRF_4_SR.png",
        "baby (4x).png",
        "0001_baby_SRx4.png",
    ],
)
def test_names_people_use_are_matched(tmp_path: Path, file: str) -> None:
    """A file whose name holds the item's name as words belongs to the item."""
    save((tmp_path / file).with_suffix(".png")).tobytes()
    (tmp_path / file).with_suffix(".png").rename(tmp_path / file)
    assert found(tmp_path, "baby") == [file]


@pytest.mark.parametrize(
    "file",
    [
        "babylon.png",
        "mybaby.png",
        "baby_x2.png",
        "babyx2.png",
        "baby_SRF_2_HR.png",
        "baby.txt",
        ".baby.png",
        "bab.png",
    ],
)
def test_other_names_and_other_scales_are_not_matched(tmp_path: Path, file: str) -> None:
    """Parts of words, other scales, other kinds of files and hidden files belong to nobody."""
    save(tmp_path / "tmp.png")
    (tmp_path / "tmp.png").rename(tmp_path / file)
    with pytest.raises(Unavailable, match=r"an image named 'baby' \(x4\), got none in"):
        found(tmp_path, "baby")


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("baby_RDN_x2.png", "baby_RDN_x2.png is marked x2"),
        ("babyx3.png", "babyx3.png is marked x3"),
        ("baby_SRF_2_HR.png", "baby_SRF_2_HR.png is marked x2"),
        ("Babby.png", "the nearest is Babby.png"),
    ],
)
def test_the_file_that_may_have_been_meant_is_named(tmp_path: Path, file: str, words: str) -> None:
    """A file of another scale, or one with nearly the item's name, stands in the line."""
    save(tmp_path / file)
    with pytest.raises(Unavailable) as caught:
        found(tmp_path, "baby")
    assert caught.value.got.endswith(f"(of set5: 0 of 5); {words}")


def test_how_much_of_the_set_is_here_is_told(tmp_path: Path) -> None:
    """Two of five outputs are here, and none resembles the third."""
    save(tmp_path / "baby.png")
    save(tmp_path / "bird_x4.png")
    with pytest.raises(Unavailable) as caught:
        found(tmp_path, "woman")
    assert caught.value.got == f"none in {tmp_path} (of set5: 2 of 5)"


def test_pairs_by_name_not_by_position(tmp_path: Path) -> None:
    """Files whose order in the folder differs from the dataset's still go to their own items."""
    files = ["z_baby.png", "y_bird.png", "x_butterfly.png", "w_head.png", "v_woman.png"]
    images = {file.split("_")[1][:-4]: save(tmp_path / file, seed) for seed, file in enumerate(files)}
    for name in SET5:
        np.testing.assert_array_equal(score(tmp_path, name)[0], images[name])


def test_exact_name_wins(tmp_path: Path) -> None:
    """``baby.png`` is taken before ``baby_bicubic.png``, in either order of writing."""
    for file in ("baby_bicubic.png", "baby.png", "abc_baby.png"):
        save(tmp_path / file)
    assert found(tmp_path, "baby") == ["baby.png"]


@pytest.mark.parametrize(
    "files", [("baby_RDN.png", "baby_RCAN.png"), ("baby.png", "baby.bmp"), ("Set5_baby.png", "baby_x4.png")]
)
def test_two_equal_matches_are_refused_naming_both(tmp_path: Path, files: tuple[str, str]) -> None:
    """Two files that fit alike are an error with both names, never a choice."""
    for file in files:
        save(tmp_path / "tmp.png")
        (tmp_path / "tmp.png").rename(tmp_path / file)
    with pytest.raises(UsageError, match="one match for 'baby'") as caught:
        found(tmp_path, "baby")
    assert all(repr(file) in str(caught.value) for file in files)


def test_items_that_begin_alike_are_never_confused(tmp_path: Path) -> None:
    """Urban100's img_001 takes img_001_SRF_4_HR and nothing of img_010 or img_0010."""
    for file in ("img_0010.png", "img_010_SRF_4.png", "img_001_SRF_4_SR.png", "img_011x4.png"):
        save(tmp_path / file)
    assert found(tmp_path, "img_001", dataset="urban100") == ["img_001_SRF_4_SR.png"]
    assert found(tmp_path, "img_010", dataset="urban100[24]") == ["img_010_SRF_4.png"]
    assert found(tmp_path, "img_011", dataset="urban100") == ["img_011x4.png"]
    with pytest.raises(Unavailable):
        found(tmp_path, "img_002", dataset="urban100")


def test_item_inside_another_items_name() -> None:
    """A file goes to the item that explains more of its name, even if the shorter one has no other file."""
    paths = (Path("a_b_net.png"), Path("a_c.png"))
    assert owners(paths, ("a", "a_b"), 4) == {"a_b": [paths[0]], "a": [paths[1]]}
    assert owners(paths[:1], ("a", "a_b"), 4) == {"a_b": [paths[0]]}


def test_file_that_names_two_items_is_refused() -> None:
    """``head_bird.png`` could be either: an error that names both items and the file."""
    with pytest.raises(UsageError, match=r"got bird and head in 'head_bird.png'|got head and bird in"):
        owners((Path("head_bird.png"),), ("bird", "head"), 4)


@given(
    st.lists(st.sampled_from(SET5), unique=True, min_size=1),
    st.sampled_from(["_x4", "x4", "_net", "", "-SRx4"]),
)
def test_every_file_finds_its_own_item(names: list[str], suffix: str) -> None:
    """Whatever part of a set is there, each file belongs to exactly the item that it is named after."""
    paths = tuple(Path(f"{name}{suffix}.png") for name in names)
    assert owners(paths, SET5, 4) == {name: [path] for name, path in zip(names, paths, strict=True)}


@given(st.text(min_size=1, max_size=12).filter(words), st.text(min_size=1, max_size=12).filter(words))
def test_strength_of_any_names(stem: str, item: str) -> None:
    """Any name is its own exact match, and a match always holds all words of the item."""
    assert strength(item, item, 4) == (True, len(words(item)), len(item))
    matched = strength(stem, item, 4)
    if matched and not matched[0]:
        assert "".join(words(item)) in "".join(words(stem))


# ----------------------------------------------------------------------------------- places


@pytest.mark.parametrize("place", [".", "x4", "X4", "4x", "Set5", "Set5/x4", "x4/Set5", "set-5/X4", "RDN_x4"])
def test_subfolders_by_scale_and_dataset(tmp_path: Path, place: str) -> None:
    """The images may lie in the folder itself, or below it by scale, dataset or both."""
    save(tmp_path / place / "baby.png")
    save(tmp_path / "x2" / "baby.png", 1)
    save(tmp_path / "Set14" / "baby.png", 2)
    assert found(tmp_path, "baby") == [(Path(place) / "baby.png").as_posix()]


def test_bsd100_is_also_called_b100(tmp_path: Path) -> None:
    """The EDSR benchmark's folder name for BSD100 is understood."""
    save(tmp_path / "B100" / "X4" / "101085x4.png")
    assert found(tmp_path, "101085", dataset="bsd100") == ["B100/X4/101085x4.png"]


@pytest.mark.parametrize(("one", "other"), [(".", "x4"), ("x4", "Set5"), ("Set5/x4", "x4/Set5")])
def test_two_places_are_refused_naming_both(tmp_path: Path, one: str, other: str) -> None:
    """Outputs for one dataset and scale in two places are an error that names both."""
    save(tmp_path / one / "baby.png")
    save(tmp_path / other / "bird.png")
    with pytest.raises(UsageError, match="one folder with outputs for set5 x4") as caught:
        found(tmp_path, "baby")
    assert str(tmp_path / one) in str(caught.value)
    assert str(tmp_path / other) in str(caught.value)


@pytest.mark.parametrize("other", ["x2", "Set14", "old/x4", "x4/old", "Set5/x2", ".x4"])
def test_folders_of_other_names_are_not_entered(tmp_path: Path, other: str) -> None:
    """Only folders named by the scale or the dataset are looked into."""
    save(tmp_path / "x4" / "baby.png")
    save(tmp_path / other / "baby.png", 1)
    assert found(tmp_path, "baby") == ["x4/baby.png"]


def test_changes_in_the_folder_are_seen(tmp_path: Path) -> None:
    """A file added after the first look is found."""
    save(tmp_path / "baby.png")
    folder = adapter(tmp_path)
    folder.files(spec("baby"))
    save(tmp_path / "bird.png")
    assert [p.name for p in folder.files(spec("bird"))] == ["bird.png"]


# ----------------------------------------------------------------------------------- pixels


@pytest.mark.parametrize("shape", [(8, 11, 3), (9, 12, 3), (2, 3, 3), (16, 24, 3)])
def test_wrong_size_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """Another size, also that of the uncropped ground truth, is one line: expected, got, what to check."""
    save(tmp_path / "baby.png", shape=shape)
    with pytest.raises(
        UsageError, match=f"8x12 pixels .*got {shape[0]}x{shape[1]} in baby.png; .*multiple of 4"
    ):
        score(tmp_path, "baby")


def test_gray_file_for_a_colour_image_is_refused(tmp_path: Path) -> None:
    """A gray file where the truth has colour is not coloured silently."""
    save(tmp_path / "baby.png", shape=(8, 12))
    with pytest.raises(UsageError, match=r"an RGB image, got a gray one, baby.png"):
        score(tmp_path, "baby")


def test_gray_file_for_a_gray_image_becomes_three_channels(tmp_path: Path) -> None:
    """Where the truth is gray (as three equal channels), a gray file is what one expects."""
    image = save(tmp_path / "baby.png", shape=(8, 12))
    lr = np.repeat(np.arange(6, dtype=np.uint8).reshape(1, 2, 3, 1), 3, axis=3)
    np.testing.assert_array_equal(score(tmp_path, "baby", lr)[0], np.repeat(image[..., None], 3, axis=2))


@pytest.mark.parametrize("shape", [(8, 12), (8, 12, 3)])
def test_truth_that_is_kept_gray(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """Where gray stays gray, a gray file is taken as it is and an RGB file through rgb2gray."""
    image = save(tmp_path / "baby.png", shape=shape)
    lr = np.arange(6, dtype=np.uint8).reshape(1, 2, 3, 1)
    sr = score(tmp_path, "baby", lr, "selfexsr")
    np.testing.assert_array_equal(sr[0, ..., 0], image if len(shape) == 2 else rgb2gray(image))


def test_file_that_is_no_image_is_refused(tmp_path: Path) -> None:
    """What can't be read as an image is the reader's one-line error, which names the file."""
    (tmp_path / "baby.png").write_bytes(b"<html>not found</html>")
    with pytest.raises(ImageError, match=r"baby\.png"):
        score(tmp_path, "baby")


# ------------------------------------------------------------------------------------ clips


def clip(root: Path, names: Sequence[str], shape: tuple[int, ...] = (8, 8, 3)) -> list[NDArray[np.uint8]]:
    """Frames of different noise."""
    return [save(root / name, seed, shape) for seed, name in enumerate(names)]


@pytest.mark.parametrize(
    "pattern",
    [
        "{:03d}.png",
        "Frame {:03d}.png",
        "im{}.png",
        "calendar_{:02d}_x4.png",
        "{:08d}_BasicVSR.png",
        "f{}_run7.png",
    ],
)
@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("place", ["calendar", "Vid4/calendar", "x4/calendar_BIx4", "Calendar"])
def test_clips_are_ordered_by_number(tmp_path: Path, pattern: str, first: int, place: str) -> None:
    """Frames go by the number in their names (2 before 10), counted from 0 or from 1."""
    images = clip(tmp_path / place, [pattern.format(n) for n in range(first, first + 12)])
    lr = np.zeros((12, 2, 2, 3), np.uint8)
    item = spec("calendar", dataset="vid4", frames=12)
    sr = adapter(tmp_path)(lr, Job(item, get_protocol("video", 4)))
    np.testing.assert_array_equal(sr, np.stack(images))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["1.png", "2.png"], "2 images"),
        (["1.png", "2.png", "3.png", "4.png"], "4 images"),
        (["1.png", "2.png", "4.png"], "3 different numbers from 1 to 4"),
        (["2.png", "3.png", "4.png"], "3 different numbers from 2 to 4"),
        (["1.png", "01.png", "2.png"], "2 different numbers from 1 to 2"),
        (["a.png", "b.png", "c.png"], "'a' beside 'c'; name the frames alike"),
        (["1.png", "2.png", "x.png"], "name the frames alike"),
        (["1_5.png", "2_6.png", "3_7.png"], "several numbers that change"),
        (["net7.png", "Net7.png", "NET7.png"], "1 different numbers from 7 to 7"),
    ],
)
def test_doubtful_numbers_are_refused(names: list[str], message: str) -> None:
    """Missing, doubled, shifted or unclear frames are refused, never guessed."""
    with pytest.raises(UsageError, match=f"frames 0 to 2 or 1 to 3 of walk, .*{message}"):
        in_order([Path(name) for name in names], 3, "walk")


def test_clip_that_is_missing(tmp_path: Path) -> None:
    """A clip without a folder of frames says what it looked for; loose images are no clip."""
    save(tmp_path / "calendar.png")
    with pytest.raises(Unavailable, match=r"a folder of frames named 'calendar' \(x4\)"):
        found(tmp_path, "calendar", dataset="vid4", frames=41)


def test_part_of_a_clip_is_refused(tmp_path: Path) -> None:
    """Frames are paired when all of them are there: a call with fewer than the clip has is an error."""
    clip(tmp_path / "walk", ["0.png", "1.png", "2.png"])
    item = spec("walk", dataset="vid4", frames=3)
    with pytest.raises(UsageError, match="2 frames of walk, got 3"):
        adapter(tmp_path)(np.zeros((2, 2, 2, 3), np.uint8), Job(item, get_protocol("video", 4)))


# ------------------------------------------------------------------------- planning and argument


def test_planning(tmp_path: Path) -> None:
    """Its signature is ``folder``; RGB outputs can't be judged under vdsr, and the reason says so."""
    entry = registry.models()["folder"]
    assert (
        inference_signature(entry, str(tmp_path), get_protocol("classic", 4), Settings(tile=64)) == "folder"
    )
    assert skip_reason(entry, str(tmp_path), get_protocol("classic", 4)) is None
    assert "luma plane only" in str(skip_reason(entry, str(tmp_path), get_protocol("vdsr", 4)))


def prints(root: Path, *names: str) -> list[str]:
    """Fingerprints of items."""
    return [clip_fingerprint(registry.models()["folder"], str(root), spec(name)) for name in names]


def test_fingerprint_follows_the_items_own_files(tmp_path: Path) -> None:
    """An item's fingerprint changes with its own file and with no other; a copy elsewhere has the same."""
    save(tmp_path / "a" / "baby.png", 0)
    save(tmp_path / "a" / "bird.png", 1)
    before = prints(tmp_path / "a", "baby", "bird")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert prints(tmp_path / "b", "baby", "bird") == before
    save(tmp_path / "a" / "bird.png", 2)
    after = prints(tmp_path / "a", "baby", "bird")
    assert after[0] == before[0]
    assert after[1] != before[1]
    assert "" not in before + after


def test_fingerprint_of_a_clip_follows_every_frame(tmp_path: Path) -> None:
    """Two frames exchanged change a clip's fingerprint."""
    entry, item = registry.models()["folder"], spec("walk", dataset="vid4", frames=2)
    clip(tmp_path / "walk", ["0.png", "1.png"])
    before = clip_fingerprint(entry, str(tmp_path), item)
    (tmp_path / "walk" / "0.png").rename(tmp_path / "walk" / "2.png")
    assert clip_fingerprint(entry, str(tmp_path), item) not in ("", before)


def test_fingerprint_is_empty_where_files_are_not_clear(tmp_path: Path) -> None:
    """A missing or doubtful file doesn't stop a plan: it has no fingerprint, and the prediction says why."""
    save(tmp_path / "bird_a.png")
    save(tmp_path / "bird_b.png")
    assert prints(tmp_path, "baby", "bird") == ["", ""]
    with pytest.raises(UsageError, match="one match for 'bird'"):
        score(tmp_path, "bird")


def test_fingerprint_of_the_model_is_the_same_for_all_folders(tmp_path: Path) -> None:
    """Where the folder lies isn't part of the model's own fingerprint: its files' digests are the clip's."""
    entry = registry.models()["folder"]
    assert model_fingerprint(entry, "a", 4) == model_fingerprint(entry, "b", 4)


@pytest.mark.parametrize("argument", ["", "no/such/folder", "file.png"])
def test_argument_must_be_a_folder(tmp_path: Path, argument: str) -> None:
    """``folder`` alone, a missing folder and a file are refused in one line."""
    save(tmp_path / "file.png")
    with pytest.raises(UsageError, match="folder"):
        load_model(registry.models()["folder"], argument, scale=4)


def test_folder_is_left_out_of_all() -> None:
    """A model that needs an argument is not one of ``run --all``."""
    assert not registry.models()["folder"].info.selectable


def test_image_endings_are_lower_case() -> None:
    """Endings are compared in lower case, so the table must be."""
    assert all(ending == ending.lower() and ending.startswith(".") for ending in IMAGES)
