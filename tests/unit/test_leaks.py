"""Training images that show what a test image shows are found; different pictures are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from srbench.data.datasets import add_dataset, open_dataset
from srbench.data.leaks import INLIERS, agreeing, find_leaks, keypoints
from srbench.fetch import fetch
from srbench.image.io import read_image, write_png

U8 = NDArray[np.uint8]
photographs: Any = data


@pytest.fixture
def photo() -> U8:
    """A photograph of 512x512."""
    image: U8 = np.ascontiguousarray(photographs.astronaut())
    return image


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p[100:330, 120:400],
        lambda p: cv2.resize(p, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
        lambda p: cv2.resize(p[50:400, 80:450], None, fx=1.6, fy=1.6, interpolation=cv2.INTER_CUBIC),
        lambda p: np.rot90(p[50:400, 80:450]),
        lambda p: cv2.imdecode(cv2.imencode(".jpg", p, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_COLOR),
        lambda p: p.mean(axis=2).astype(np.uint8),
    ],
    ids=["crop", "half", "larger crop", "turned", "jpeg", "gray"],
)
def test_a_changed_copy_is_found(photo: U8, change: Any) -> None:
    """A crop, another size, a turn, compression or the loss of colour hide nothing."""
    assert agreeing(keypoints(np.ascontiguousarray(change(photo))), keypoints(photo)) >= INLIERS


def test_other_pictures_are_not_found(photo: U8) -> None:
    """Different photographs, and images without any detail, do not agree."""
    others = [
        photographs.coffee(),
        photographs.chelsea(),
        photographs.rocket(),
        np.zeros((64, 64, 3), np.uint8),
    ]
    assert [agreeing(keypoints(photo), keypoints(np.ascontiguousarray(other))) for other in others] == [0] * 4


@pytest.mark.usefixtures("empty_home")
def test_leaks_are_told_by_pair_and_kind(photo: U8, tmp_path: Path, srbench: Any) -> None:
    """Equal pixels and equal content are told apart; the command ends with 4."""
    for name, images in {
        "mytrain": {"same": photo[:256, :256], "crop": photo[200:440, 60:300], "other": photographs.coffee()},
        "mytest": {"whole": photo, "part": photo[:256, :256]},
    }.items():
        for item, image in images.items():
            write_png(tmp_path / name / f"{item}.png", np.ascontiguousarray(image))
        add_dataset(name, tmp_path / name, scale=2)
    leaks = {
        (leak.train, leak.test): leak.how
        for leak in find_leaks(open_dataset("mytrain"), open_dataset("mytest"))
    }
    assert leaks[("mytrain/same", "mytest/part")] == "pixels"
    assert leaks[("mytrain/same", "mytest/whole")] == "content"
    assert leaks[("mytrain/crop", "mytest/whole")] == "content"
    assert not any(train == "mytrain/other" for train, _ in leaks)
    ran = srbench("data", "leaks", "mytrain", "--against", "mytest", "--json")
    assert ran.code == 4
    assert {(one["train"], one["test"]) for one in ran.json()["leaks"]} == set(leaks)
    assert srbench("data", "leaks", "mytest", "--against", "embedded").code == 4  # astronaut is embedded
    assert srbench("data", "leaks", "mytrain", "--against", "mytrain").code == 2


def test_of_what_is_not_here_nothing_is_said(empty_home: Path, srbench: Callable[..., Any]) -> None:
    """A set that is missing is none without leaks, trained on or tested on; unnamed ones are left out."""
    for train, test in ("davis14", "embedded"), ("embedded", "urban100"):
        ran = srbench("data", "leaks", train, "--against", test)
        assert ran.code == 2
        assert " here; srbench data fetch " in ran.err
    ran = srbench("data", "leaks", "embedded")
    assert "against embedded-clip" in ran.err
    assert "urban100" not in ran.out + ran.err


@pytest.mark.usefixtures("mirror", "empty_home")
def test_a_picture_that_contains_woman_is_found(tmp_path: Path) -> None:
    """What 302003 is: a photograph of which Set5's woman is a part, in another size."""
    from srbench.data.datasets import dataset_manifest, fetch_dataset

    set5 = fetch_dataset("set5").dataset
    woman = read_image(set5.files["woman"][0])
    manifest = dataset_manifest("bsds500-train")
    frame = manifest.items[7].frames[0]
    around = read_image(fetch(manifest.asset(frame))).copy()
    small = cv2.resize(woman, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)
    around[20 : 20 + small.shape[0], 30 : 30 + small.shape[1]] = small[:, : around.shape[1] - 30]
    write_png(tmp_path / "train" / "302003.png", around)
    add_dataset("with-302003", tmp_path / "train", scale=2)
    (leak,) = find_leaks(open_dataset("with-302003"), set5)
    assert (leak.train, leak.test, leak.how) == ("with-302003/302003", "set5/woman", "content")
