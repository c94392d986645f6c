"""Sets by name: what is present, fetched, verified and added, offline and against the real data."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from srbench.data import datasets
from srbench.data.datasets import (
    BUILTIN,
    add_dataset,
    broken_datasets,
    dataset_manifest,
    dataset_names,
    fetch_dataset,
    open_dataset,
    select_datasets,
    training_sets,
    verify_dataset,
)
from srbench.data.local import local_copies, local_file
from srbench.data.manifest import Frame, Item, Manifest, dump_manifest
from srbench.errors import ImageError, IntegrityError, SrbenchError, StorageError, Unavailable, UsageError
from srbench.fetch import home
from srbench.image.io import pixels_sha256, write_png
from srbench.protocols import get_protocol

U8 = NDArray[np.uint8]


def noise(*shape: int, seed: int = 0) -> U8:
    """An image of random values."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@dataclass(frozen=True)
class Toy:
    """Two known sets of small images, and a mirror folder that holds them."""

    mirror: Path
    shipped: Path
    images: dict[str, U8]

    def file(self, path: str) -> Path:
        """Where the mirror keeps a file."""
        return self.mirror / "example.org" / "toy" / path


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """`toy` has stills a, b and gray c; `clips` has walk with three frames. Nothing is fetched yet."""
    monkeypatch.setenv("SRBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SRBENCH_OFFLINE", "1")
    images = {
        "a.png": noise(8, 12, 3, seed=1),
        "b 1.png": noise(9, 13, 3, seed=2),
        "c.png": noise(8, 8, seed=3),
    }
    images |= {f"walk/Frame {n}.png": noise(8, 12, 3, seed=10 + n) for n in range(3)}
    made = Toy(tmp_path / "mirror", tmp_path / "shipped", images)
    for path, image in images.items():
        write_png(made.file(path), image)
    frames = {path: _frame(made.file(path), path, image) for path, image in images.items()}
    stills = tuple(Item(path[0], (frame,)) for path, frame in frames.items() if "/" not in path)
    walk = Item("walk", tuple(frame for path, frame in frames.items() if "/" in path))
    made.shipped.mkdir()
    head = Manifest("toy", "Toy", "still", (2, 4), "free", "whole", "", stills, ("https://example.org/toy/",))
    for manifest in (head, replace(head, name="clips", kind="clip", items=(walk,))):
        (made.shipped / f"{manifest.name}.toml").write_text(dump_manifest(manifest), "utf-8")
    monkeypatch.setattr(datasets, "datasets_folder", lambda: made.shipped)
    monkeypatch.setattr(datasets, "BUILTIN", ("toy", "clips"))
    return made


def _frame(file: Path, path: str, image: U8) -> Frame:
    data = file.read_bytes()
    return Frame(path, len(data), image.shape, hashlib.sha256(data).hexdigest(), pixels_sha256(image))


@pytest.fixture
def mirrored(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """The toy sets with the mirror folder in use."""
    monkeypatch.setenv("SRBENCH_MIRROR", str(toy.mirror))
    return toy


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any attempt to open a socket fails the test."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


# ------------------------------------------------------------------------------ real data


@pytest.mark.usefixtures("no_network")
def test_the_embedded_sets_are_always_here() -> None:
    """With nothing fetched and no network, five photographs and a clip of ten frames open and verify."""
    stills, clip = open_dataset("embedded"), open_dataset("embedded-clip")
    assert [item.name for item in stills.items] == ["astronaut", "camera", "chelsea", "coffee", "rocket"]
    assert [len(item.frames) for item in clip.items] == [10]
    assert (stills.label, clip.label, stills.kind, clip.kind) == (
        "embedded",
        "embedded-clip",
        "still",
        "clip",
    )
    assert verify_dataset("embedded") == verify_dataset("embedded-clip") == []


def test_embedded_frames_come_out_in_every_shape() -> None:
    """A gray photograph, one whose sides are no multiples of 4, and a generated clip all degrade."""
    stills, clip = open_dataset("embedded"), open_dataset("embedded-clip")
    sizes = {item.name: stills.source(item, get_protocol("classic", 4)).hr(0).shape for item in stills.items}
    assert sizes["camera"] == (512, 512, 3)
    assert sizes["chelsea"] == (300, 448, 3)
    frames = clip.source(clip.items[0], get_protocol("video", 4))
    assert len(frames) == 10
    assert frames.frame_names[9] == "009"
    assert (frames.hr(9).shape, frames.lr(9).shape) == ((192, 256, 3), (48, 64, 3))


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize(
    ("name", "label", "missing"),
    [
        ("set5", "set5", 0),
        ("set14", "set14", 0),
        ("bsd100", "bsd100", 0),
        ("urban100", "urban100[24]", 76),
        ("vid4", "vid4", 0),
    ],
)
def test_the_real_sets_open_and_every_pixel_is_right(name: str, label: str, missing: int) -> None:
    """Every mirrored file has its digest and decodes to its pixels; a part of a set says so in its label."""
    dataset = open_dataset(name)
    assert (dataset.label, len(dataset.missing)) == (label, missing)
    assert verify_dataset(name) == []


@pytest.mark.usefixtures("mirror")
def test_a_real_clips_frames_are_read() -> None:
    """Vid4's calendar gives 576 x 720 frames and quarters of them."""
    dataset = open_dataset("vid4", limit=1)
    frames = dataset.source(dataset.items[0], get_protocol("video", 4))
    assert (dataset.label, frames.spec.name, len(frames)) == ("vid4[1]", "calendar", 41)
    assert (frames.hr(40).shape, frames.lr(40).shape) == ((576, 720, 3), (144, 180, 3))


def test_ones_own_copy_of_set5_needs_no_fetch(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EDSR's folder of Set5, saved with another compression, makes the set complete without a download."""
    (hr,) = mirror.glob("raw.githubusercontent.com/JingyunLiang/SwinIR/*/testsets/Set5/HR")
    mine = tmp_path / "benchmark" / "Set5" / "HR"
    mine.mkdir(parents=True)
    for path in hr.iterdir():
        Image.open(path).save(mine / path.name, compress_level=1)
    monkeypatch.setenv("SRBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SRBENCH_MIRROR")
    assert open_dataset("set5").label == "set5[0]"
    added = add_dataset("set5", tmp_path / "benchmark")
    assert (added.dataset.label, added.layout.title) == ("set5", "EDSR benchmark (HR)")
    assert verify_dataset("set5") == []


# --------------------------------------------------------------------------------- opening


def test_the_known_sets_come_first(toy: Toy, tmp_path: Path) -> None:
    """Names are the shipped sets in their order, then the user's own sorted, each once."""
    folder = toy.file("a.png").parent / "walk"
    for name in ("zz", "mine", "toy"):
        if name == "toy":
            add_dataset(name, toy.file("a.png").parent)
        else:
            add_dataset(name, folder)
    (home() / "datasets" / "Not A Name.toml").write_text("", "utf-8")
    assert dataset_names() == ["toy", "clips", "mine", "zz"]


def test_shipped_names_are_the_fields() -> None:
    """The sets are called what users type; those to train on come last."""
    tests = ("set5", "set14", "bsd100", "urban100", "vid4", "embedded", "embedded-clip")
    assert (*tests, "t91", "bsds500-train", "davis14") == BUILTIN


def test_training_sets_are_no_test_sets() -> None:
    """Neither "all" nor a glob takes a set to train on as a test set; its full name does."""
    assert training_sets() == ["t91", "bsds500-train", "davis14"]
    assert not set(training_sets()) & set(select_datasets())
    assert not set(training_sets()) & set(select_datasets(["*"]))
    assert select_datasets(["t91,set5"]) == ["t91", "set5"]
    with pytest.raises(UsageError):
        select_datasets(["t9*"])


def test_the_picture_that_holds_a_test_image_is_no_training_image() -> None:
    """BSDS500's 302003 contains Set5's woman: 199 of the 200 images are trained on."""
    items = dataset_manifest("bsds500-train").items
    assert len(items) == 199
    assert "302003" not in {item.name for item in items}


def test_an_unknown_set_is_answered_with_the_nearest_names() -> None:
    """A typo is told what was probably meant."""
    with pytest.raises(UsageError, match="set5"):
        open_dataset("set6")


@pytest.mark.usefixtures("no_network")
def test_what_is_not_here_is_missing_with_a_reason(toy: Toy) -> None:
    """Opening never fetches: nothing is present, each item says how to get it, the label counts 0."""
    dataset = open_dataset("toy")
    assert (dataset.label, dataset.items, dataset.complete) == ("toy[0]", (), False)
    assert set(dataset.missing) == {"a", "b", "c"}
    assert dataset.missing["a"] == "not fetched (srbench data fetch toy)"
    assert not home().exists()


@pytest.mark.usefixtures("no_network")
def test_files_of_the_mirror_folder_are_present_where_they_lie(mirrored: Toy) -> None:
    """With a mirror folder the whole set is here, blanks in names and all, and nothing is copied."""
    dataset = open_dataset("toy")
    assert (dataset.label, dataset.missing, dataset.complete) == ("toy", {}, True)
    assert dataset.files["b"] == (mirrored.file("b 1.png"),)
    assert not (home() / "assets").exists()


def test_a_part_of_a_set_is_another_dataset(mirrored: Toy) -> None:
    """A missing file, a limit and the whole have three labels and three digests; the name is the same."""
    whole, limited = open_dataset("toy"), open_dataset("toy", limit=1)
    mirrored.file("a.png").unlink()
    part = open_dataset("toy")
    assert [d.label for d in (whole, limited, part)] == ["toy", "toy[1]", "toy[2]"]
    assert len({d.pixels for d in (whole, limited, part)}) == 3
    assert {d.name for d in (whole, limited, part)} == {"toy"}
    assert limited.missing == {"b": "beyond the limit of 1", "c": "beyond the limit of 1"}


def test_a_limit_counts_present_items(mirrored: Toy) -> None:
    """The first two items that are here are taken, not those among the first two."""
    mirrored.file("a.png").unlink()
    assert [item.name for item in open_dataset("toy", limit=2).items] == ["b", "c"]


@pytest.mark.usefixtures("mirrored")
def test_a_limit_beyond_the_set_is_the_whole_set() -> None:
    """Three of three images are the set itself, with its plain label and its digest."""
    assert open_dataset("toy", limit=3).label == "toy"
    assert open_dataset("toy", limit=9).pixels == open_dataset("toy").pixels


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_refused(limit: int) -> None:
    """A run of no images is a mistake."""
    with pytest.raises(UsageError, match="limit"):
        open_dataset("embedded", limit=limit)


def test_a_clip_that_lacks_a_frame_is_missing(mirrored: Toy) -> None:
    """A clip is present only when all its frames are; the reason counts those that aren't."""
    mirrored.file("walk/Frame 1.png").unlink()
    assert open_dataset("clips").missing == {"walk": "1 of 3 frames not fetched (srbench data fetch clips)"}


def test_a_file_with_other_bytes_is_not_present(mirrored: Toy) -> None:
    """A changed file in the mirror folder is never scored."""
    write_png(mirrored.file("a.png"), noise(8, 12, 3, seed=99))
    assert "a" in open_dataset("toy").missing


def test_frames_of_a_missing_item_are_refused(toy: Toy) -> None:
    """Asking for frames that are not here says so, with the reason."""
    dataset = open_dataset("toy")
    with pytest.raises(UsageError, match=r"'a': not fetched"):
        dataset.source(dataset.manifest.items[0], get_protocol("classic", 2))


@pytest.mark.usefixtures("mirrored")
def test_a_source_knows_what_it_is() -> None:
    """The spec names set, item, frames, scale, recipe and the digest of the ground truth."""
    dataset = open_dataset("clips")
    spec = dataset.source(dataset.items[0], get_protocol("video", 4)).spec
    assert (spec.dataset, spec.name, spec.frames, spec.scale) == ("clips", "walk", 3, 4)
    assert spec.degradation == "bi:matlab-symmetric-double:rgb"
    assert spec.pixels == dataset.items[0].pixels


# -------------------------------------------------------------------------------- fetching


def test_a_fetch_brings_the_set_into_the_cache(mirrored: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a fetch the set is whole without the mirror; a second fetch finds everything here."""
    report = fetch_dataset("toy", workers=2)
    assert (report.present, report.fetched, report.failed) == (0, 3, {})
    monkeypatch.delenv("SRBENCH_MIRROR")
    assert open_dataset("toy").complete
    again = fetch_dataset("toy")
    assert (again.present, again.fetched, again.dataset.label) == (3, 0, "toy")


def test_a_fetch_goes_on_past_what_it_cannot_get(mirrored: Toy) -> None:
    """A web page and a missing file fail by item, each with its own error; the rest arrives."""
    mirrored.file("a.png").write_bytes(b"<!DOCTYPE html><html>404</html>")
    mirrored.file("c.png").unlink()
    report = fetch_dataset("toy")
    assert isinstance(report.failed["a"], IntegrityError)
    assert isinstance(report.failed["c"], Unavailable)
    assert (report.fetched, report.dataset.label) == (1, "toy[1]")


def test_a_fetch_into_an_unwritable_cache_is_one_error(
    mirrored: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file where the cache should be ends the fetch with a usage error, not with a count of images."""
    (tmp_path / "file").write_text("in the way", "utf-8")
    monkeypatch.setenv("SRBENCH_HOME", str(tmp_path / "file"))
    with pytest.raises(UsageError, match="SRBENCH_HOME") as error:
        fetch_dataset("toy")
    assert error.value.exit_code == 2


def test_a_clips_first_error_stands_for_it(toy: Toy) -> None:
    """Offline and without a mirror all frames fail; the clip is listed once."""
    report = fetch_dataset("clips")
    assert list(report.failed) == ["walk"]
    assert isinstance(report.failed["walk"], SrbenchError)


# ------------------------------------------------------------------------------- verifying


@pytest.mark.usefixtures("mirrored")
def test_verifying_finds_a_cached_file_that_rotted() -> None:
    """One flipped byte with size and time of change kept is found, by item; what is missing is no problem."""
    fetch_dataset("toy")
    (path,) = open_dataset("toy").files["b"]
    data, stat = bytearray(path.read_bytes()), path.stat()
    data[-20] ^= 1
    path.write_bytes(bytes(data))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    (problem,) = verify_dataset("toy")
    assert problem.item == "b"
    assert "sha256" in problem.reason
    assert "\n" not in problem.reason


def test_verifying_what_is_not_here_finds_no_problem(toy: Toy) -> None:
    """An absent file is missing, not wrong."""
    assert verify_dataset("toy") == []


def test_verifying_compares_decoded_pixels(mirrored: Toy) -> None:
    """A file with the right bytes that decodes to other pixels than promised is a problem of the decoder."""
    manifest = mirrored.shipped / "toy.toml"
    right = pixels_sha256(mirrored.images["a.png"])
    manifest.write_text(manifest.read_text("utf-8").replace(right, "0" * 64), "utf-8")
    (problem,) = verify_dataset("toy")
    assert problem.item == "a"
    assert "pixels" in problem.reason


# ---------------------------------------------------------------------------------- adding


@pytest.fixture
def mine(toy: Toy, tmp_path: Path) -> Path:
    """A folder with the toy's a and b in other encodings, a cropped c, and a stranger's image."""
    folder = tmp_path / "mine"
    folder.mkdir()
    Image.fromarray(toy.images["a.png"]).save(folder / "a.bmp")
    Image.fromarray(toy.images["b 1.png"]).save(folder / "other name.png", compress_level=0)
    write_png(folder / "c.png", toy.images["c.png"][:6, :6])
    write_png(folder / "stranger.png", noise(4, 4))
    return folder


@pytest.mark.usefixtures("no_network")
def test_ones_own_files_stand_for_a_known_sets(mine: Path) -> None:
    """Files with the set's pixels are used where they lie; what did not match is said."""
    added = add_dataset("toy", mine)
    assert added.dataset.label == "toy[2]"
    assert added.dataset.files["a"] == (mine / "a.bmp",)
    assert added.match is not None
    assert added.match.missing == {"c": "c.png is 6x6, the original 8x8: a cropped copy can't stand for it"}
    assert open_dataset("toy").pixels == added.dataset.pixels
    assert verify_dataset("toy") == []


def test_the_same_pixels_are_the_same_dataset(mine: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set read from one's own files has the digest of the fetched one."""
    shutil.copy(toy.file("c.png"), mine / "c.png")
    own = add_dataset("toy", mine).dataset
    monkeypatch.setenv("SRBENCH_HOME", str(home().parent / "other"))
    monkeypatch.setenv("SRBENCH_MIRROR", str(toy.mirror))
    assert own.complete
    assert open_dataset("toy").pixels == own.pixels


def test_ones_own_copy_is_the_first_source(mine: Path, mirrored: Toy) -> None:
    """Where both are here, the user's folder is read and not the mirror's."""
    add_dataset("toy", mine)
    files = open_dataset("toy").files
    assert files["a"] == (mine / "a.bmp",)
    assert files["c"] == (mirrored.file("c.png"),)


def test_the_folder_with_most_of_the_set_is_taken(toy: Toy, tmp_path: Path) -> None:
    """Cropped copies in the folder that comes first don't hide the originals in a later one."""
    for name in ("a.png", "b 1.png"):
        write_png(tmp_path / "two" / "image_SRF_4" / name, toy.images[name][:4, :4])
        write_png(tmp_path / "two" / "image_SRF_3" / name, toy.images[name])
    added = add_dataset("toy", tmp_path / "two")
    assert (added.layout.title, added.dataset.label) == ("SelfExSR (image_SRF_3)", "toy[2]")


@pytest.mark.usefixtures("toy")
def test_another_picture_under_the_same_name_is_another_dataset(tmp_path: Path) -> None:
    """A set's digest follows the pixels, not the names."""
    digests = set()
    for seed in (1, 2):
        write_png(tmp_path / "own" / "a.png", noise(4, 4, 3, seed=seed))
        digests.add(add_dataset("own", tmp_path / "own").dataset.pixels)
    assert len(digests) == 2


@pytest.mark.parametrize("name", ["own", "toy"])
def test_a_path_that_cannot_be_written_down_is_refused(name: str, toy: Toy, tmp_path: Path) -> None:
    """A line break in a folder's name ends in one line, and nothing is recorded."""
    write_png(tmp_path / "line\nbreak" / "a.png", toy.images["a.png"])
    with pytest.raises(UsageError, match="printable") as error:
        add_dataset(name, tmp_path / "line\nbreak")
    assert "\n" not in str(error.value)
    assert not local_file(name).exists()


def test_a_fetch_leaves_out_what_is_in_ones_own_folder(
    mine: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the item without a local copy is downloaded."""
    add_dataset("toy", mine)
    monkeypatch.setenv("SRBENCH_MIRROR", str(toy.mirror))
    report = fetch_dataset("toy")
    assert (report.present, report.fetched, report.dataset.label) == (2, 1, "toy")


def test_two_folders_add_up(mine: Path, toy: Toy, tmp_path: Path) -> None:
    """A second folder adds to what the first one gave."""
    add_dataset("toy", mine)
    second = tmp_path / "second"
    second.mkdir()
    write_png(second / "c.png", toy.images["c.png"])
    assert add_dataset("toy", second).dataset.complete


def test_a_copy_that_changed_is_no_longer_used(mine: Path) -> None:
    """A changed file is missing again, and verifying names it."""
    add_dataset("toy", mine)
    write_png(mine / "other name.png", noise(9, 13, 3, seed=50))
    assert "b" in open_dataset("toy").missing
    assert [problem.item for problem in verify_dataset("toy")] == ["b"]


def test_a_copy_that_went_away_is_replaced_by_the_fetched_file(mine: Path, mirrored: Toy) -> None:
    """The user's folder is the first source, not the only one."""
    add_dataset("toy", mine)
    (mine / "a.bmp").unlink()
    assert open_dataset("toy").files["a"] == (mirrored.file("a.png"),)


def test_only_cropped_copies_are_refused_plainly(toy: Toy, tmp_path: Path) -> None:
    """A folder without one original under a known name is no silent success, and nothing is recorded."""
    write_png(tmp_path / "crops" / "a.png", toy.images["a.png"][:4, :4])
    with pytest.raises(
        UsageError, match=r"images with the pixels of toy.*4x4, the original 8x12: a cropped copy"
    ):
        add_dataset("toy", tmp_path / "crops")
    assert not local_file("toy").exists()


def test_foreign_images_cannot_take_a_known_name(toy: Toy, tmp_path: Path) -> None:
    """Someone else's photographs do not become `toy`."""
    write_png(tmp_path / "foreign" / "x.png", noise(8, 8, 3, seed=77))
    with pytest.raises(UsageError, match="another name"):
        add_dataset("toy", tmp_path / "foreign")


def test_a_folder_of_images_becomes_a_set(toy: Toy, mine: Path) -> None:
    """An unknown name makes a set of its own, with gray images kept gray, that verifies and is listed."""
    added = add_dataset("my-photos", mine)
    assert added.match is None
    assert (added.dataset.label, added.dataset.kind, added.dataset.scales) == (
        "my-photos",
        "still",
        (2, 3, 4),
    )
    assert [item.name for item in added.dataset.items] == ["a", "c", "other name", "stranger"]
    assert added.dataset.items[1].frames[0].shape == (6, 6)
    assert added.dataset.manifest.publish == "crops"
    assert verify_dataset("my-photos") == []
    assert "my-photos" in dataset_names()
    assert dataset_manifest("my-photos").folder == str(mine)


def test_a_folder_of_folders_becomes_clips(toy: Toy) -> None:
    """Each folder of frames is a clip, its frames in natural order; a given scale is the only one."""
    for still in toy.file("a.png").parent.glob("*.png"):
        still.unlink()
    added = add_dataset("my-clips", toy.file("a.png").parent, scale=2)
    assert (added.dataset.kind, added.dataset.scales) == ("clip", (2,))
    assert [frame.name for frame in added.dataset.items[0].frames] == ["Frame 0", "Frame 1", "Frame 2"]


def test_a_file_of_ones_own_set_that_changed_is_missing(mine: Path) -> None:
    """The manifest pins the files as they were added; a changed one is missing and says where it was."""
    add_dataset("my-photos", mine)
    write_png(mine / "c.png", noise(7, 7))
    assert open_dataset("my-photos").label == "my-photos[3]"
    assert str(mine) in open_dataset("my-photos").missing["c"]
    assert add_dataset("my-photos", mine).dataset.label == "my-photos"


@pytest.mark.parametrize("name", ["", "My Photos", "a/b", "..", "urban100[24]", "a,b", "-x", "ä"])
def test_a_bad_name_is_refused(name: str, tmp_path: Path) -> None:
    """A name that a path, a selector or a label would misread is refused before any image is read."""
    write_png(tmp_path / "a.png", noise(4, 4))
    with pytest.raises(UsageError, match="a dataset name"):
        add_dataset(name, tmp_path)


def _sixteen_bit(path: Path) -> None:
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(path)


def _alpha(path: Path) -> None:
    Image.new("RGBA", (4, 4)).save(path)


def _web_page(path: Path) -> None:
    path.write_bytes(b"<html></html>")


def _truncated(path: Path) -> None:
    write_png(path, noise(30, 30, 3))
    path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.parametrize("spoil", [_sixteen_bit, _alpha, _web_page, _truncated])
def test_a_file_that_cannot_be_scored_stops_adding(
    spoil: Callable[[Path], None], toy: Toy, tmp_path: Path
) -> None:
    """The line names the file and what is wrong with it; nothing is recorded."""
    folder = tmp_path / "own"
    write_png(folder / "a.png", noise(4, 4, 3))
    spoil(folder / "b.png")
    with pytest.raises(ImageError, match=r"b\.png") as error:
        add_dataset("own", folder)
    assert "\n" not in str(error.value)
    assert "own" not in dataset_names()


def test_a_clip_of_two_sizes_is_refused(toy: Toy, tmp_path: Path) -> None:
    """The frames of a clip have one shape."""
    write_png(tmp_path / "own" / "c" / "0.png", noise(4, 4, 3))
    write_png(tmp_path / "own" / "c" / "1.png", noise(4, 6, 3))
    with pytest.raises(UsageError, match="one shape"):
        add_dataset("own", tmp_path / "own")
    assert not local_file("own").exists()


def test_a_broken_file_of_the_users_is_named_and_hurts_no_other(toy: Toy, mine: Path) -> None:
    """A damaged manifest still leaves the list of names, and opening it says which file is broken."""
    add_dataset("own", mine)
    local_file("own").write_bytes(b"\xff\xfe not text")
    assert "own" in dataset_names()
    with pytest.raises(UsageError, match=r"own\.toml"):
        open_dataset("own")
    local_file("toy").write_text('schema = 1\nname = "toy"\ncopies = [{ pixels = "x" }]\n', "utf-8")
    with pytest.raises(UsageError, match=r"toy\.toml"):
        local_copies("toy")


def test_a_broken_set_is_left_out_unless_it_is_named(toy: Toy, mine: Path) -> None:
    """All sets, and those of a pattern, are the readable ones; a broken one is found by its full name."""
    add_dataset("own", mine)
    local_file("bad").write_text("x = [", "utf-8")
    assert select_datasets() == ["toy", "clips", "own"]
    assert select_datasets(["*"]) == ["toy", "clips", "own"]
    assert select_datasets(["toy, bad"]) == ["toy", "bad"]
    with pytest.raises(UsageError, match="a TOML file"):
        open_dataset("bad")
    with pytest.raises(UsageError, match="'sett'"):
        select_datasets(["sett"])
    assert [name for name in select_datasets() if open_dataset(name).manifest.name != name] == []


def test_what_is_broken_is_told_with_its_reason(toy: Toy, mine: Path) -> None:
    """A damaged manifest and a damaged list of copies each have one line that names the file."""
    add_dataset("own", mine)
    assert broken_datasets() == {}
    local_file("bad").write_text("x = [", "utf-8")
    local_file("toy").write_text("schema = 1\ncopies = 3\n", "utf-8")
    found = broken_datasets()
    assert list(found) == ["bad", "toy"]
    for name, reason in found.items():
        assert f"{name}.toml" in reason
        assert "\n" not in reason
    assert select_datasets() == ["clips", "own"]


def test_adding_again_says_that_it_replaced(toy: Toy, mine: Path) -> None:
    """A set of one's own is new the first time; copies of a known set replace nothing."""
    assert not add_dataset("own", mine).replaced
    assert add_dataset("own", mine).replaced
    assert not add_dataset("toy", mine).replaced
    assert not add_dataset("toy", mine).replaced


def test_the_advice_for_ones_own_set_is_to_add_it_again(toy: Toy, mine: Path) -> None:
    """A file that changed or went away can't be fetched: opening, fetching and verifying say what helps."""
    add_dataset("own", mine)
    (mine / "a.bmp").unlink()
    write_png(mine / "c.png", noise(7, 7))
    advice = f"run srbench data add own {mine} again"
    assert all(why.endswith(advice) for why in open_dataset("own").missing.values())
    failed = fetch_dataset("own").failed
    assert [(item, type(error), error.hint) for item, error in failed.items()] == [
        ("a", Unavailable, advice),
        ("c", IntegrityError, advice),
    ]
    assert [problem.reason.endswith(advice) for problem in verify_dataset("own")] == [True]


def test_a_manifest_under_another_name_is_refused(mine: Path) -> None:
    """A renamed file would make one set answer for another."""
    add_dataset("own", mine)
    local_file("own").rename(local_file("other"))
    with pytest.raises(UsageError, match="the manifest of other"):
        open_dataset("other")


def test_a_cache_that_cannot_be_written_is_one_line(
    toy: Toy, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file where the cache folder should be stops adding with a plain line."""
    (tmp_path / "occupied").write_text("", "utf-8")
    monkeypatch.setenv("SRBENCH_HOME", str(tmp_path / "occupied"))
    with pytest.raises((UsageError, StorageError), match="occupied"):
        add_dataset("own", mine)


def test_an_interrupted_write_leaves_the_old_list(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of copies is replaced whole: a failing disk leaves the former one and no fragment."""
    add_dataset("toy", mine)
    before = local_file("toy").read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StorageError):
        add_dataset("toy", mine)
    assert local_file("toy").read_bytes() == before
    assert [path.name for path in local_file("toy").parent.iterdir()] == ["toy.toml"]
