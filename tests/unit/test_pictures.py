"""Pictures of predictions: planted differences are found, errors are what they are, licences are kept."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from srbench.image.io import decode_image
from srbench.pictures.choose import Windows, choose_crops, disagreeing
from srbench.pictures.exhibits import find_galleries
from srbench.pictures.local import CEILING, Box, local_psnr, psnr_of, window_means
from srbench.pictures.maps import COLOURS, TOP, error_levels, error_png, palette, scale_png
from srbench.pictures.plates import CROP, SHARE, measure, plate_of, thumbnail
from srbench.store.aggregate import gather, load_cells
from srbench.store.files import write_whole
from srbench.store.journal import read_journal
from srbench.store.predictions import prediction_paths
from srbench.types import Cell

GRID = Windows(size=24, step=8)


def flat(value: float = 40.0, shape: tuple[int, int] = (96, 128)) -> np.ndarray:
    """The same squared error everywhere."""
    return np.full(shape, value)


# ---------------------------------------------------------------------------------------- windows


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 4))
def test_window_means_are_the_means_of_windows(seed: int, size: int, step: int) -> None:
    """Against every window cut out and averaged."""
    plane = np.random.default_rng(seed).random((13, 11))
    found = window_means(plane, size, step)
    rows, columns = (range(0, side - size + 1, step) for side in plane.shape)
    wanted = [[plane[r : r + size, c : c + size].mean() for c in columns] for r in rows]
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_local_psnr_has_a_ceiling_and_whole_psnr_has_none() -> None:
    """Above 40 dB nothing is told apart in a window; equal pictures are infinite."""
    assert local_psnr(np.array([0.0, 1.0, 6.5])) == pytest.approx([CEILING] * 3)
    assert local_psnr(np.array([40.0]))[0] == pytest.approx(10 * math.log10(255**2 / 40))
    assert (psnr_of(0.0), psnr_of(255.0**2)) == (math.inf, 0.0)


# ------------------------------------------------------------------------------------------ crops


def test_the_crop_is_where_the_difference_was_planted() -> None:
    """Of three models the two that differ are named, the better one first, with the gap in dB."""
    errors = [flat(), flat(), flat()]
    errors[1][40:64, 72:96] = 4000.0
    first = choose_crops(errors, GRID)[0]
    assert first.box == Box(40, 72, 24, 24)
    assert (first.why, first.worse) == ("differ", 1)
    assert first.better in (0, 2)
    assert first.gap == pytest.approx(20.0)


def test_models_without_a_difference_have_no_crop() -> None:
    """Equal errors, one model alone, none at all, and a picture smaller than a crop: nothing is chosen."""
    assert choose_crops([flat(), flat()], GRID) == []
    assert choose_crops([flat()], GRID) == []
    assert choose_crops([], GRID) == []
    assert choose_crops([flat(10.0, (16, 16)), flat(90.0, (16, 16))], GRID) == []


def test_differences_that_no_eye_sees_choose_nothing() -> None:
    """In a flat sky errors of 0.01 and 0.1 are 10 dB apart and mean nothing."""
    tiny, small = flat(0.01), flat(0.1)
    small[0:24, 0:24] = 20.0
    assert choose_crops([tiny, small], GRID)[0].box == Box(0, 0, 24, 24)


def test_the_border_that_protocols_leave_out_is_left_out() -> None:
    """A difference at the very edge is not what scores are made of."""
    errors = [flat(), flat()]
    errors[1][:4] = 100000.0
    errors[1][48:72, 40:64] = 400.0
    assert choose_crops(errors, replace(GRID, border=4))[0].box == Box(48, 40, 24, 24)
    assert choose_crops(errors, GRID)[0].box.top == 0


def test_crops_do_not_overlap_and_the_two_best_have_their_own() -> None:
    """The second crop is of the two best models, elsewhere."""
    errors = [flat(40), flat(50), flat(90)]
    errors[2][0:24, 0:24] = 40000.0
    errors[1][0:24, 0:24] = 40.0
    errors[1][64:88, 96:120] = 500.0
    wide, best = choose_crops(errors, GRID)
    assert (wide.why, wide.worse, wide.box) == ("differ", 2, Box(0, 0, 24, 24))
    assert (best.why, best.better, best.worse, best.box) == ("best", 0, 1, Box(64, 96, 24, 24))


def test_where_psnr_and_lpips_disagree_the_crop_is_where_psnr_prefers_its_choice_most() -> None:
    """PSNR's choice comes first, although the other may win elsewhere by more."""
    errors = [flat(40), flat(80)]
    errors[0][8:32, 8:32] = 800.0
    errors[1][56:80, 88:112] = 320.0
    assert psnr_of(errors[0].mean()) > psnr_of(errors[1].mean())
    found = {crop.why: crop for crop in choose_crops(errors, GRID, {0: 0.30, 1: 0.10})}
    crop = found["disagree"]
    assert (crop.box, crop.better, crop.worse) == (Box(56, 88, 24, 24), 0, 1)
    assert crop.gap == pytest.approx(9.0309, abs=1e-4)
    assert "disagree" not in {crop.why for crop in choose_crops(errors, GRID, {0: 0.10, 1: 0.30})}


def test_disagreement_needs_both_metrics_and_a_real_order() -> None:
    """The widest contradiction in LPIPS is taken; a hundredth of a decibel orders nothing."""
    assert disagreeing([30.0, 29.0, 28.0], {0: 0.3, 1: 0.2, 2: 0.1}) == [(0, 2)]
    assert disagreeing([30.0, 29.99], {0: 0.3, 1: 0.1}) == []
    assert disagreeing([30.0, 29.0], {0: 0.3}) == []


def test_all_crops_together_keep_to_their_share() -> None:
    """A quarter of a small picture is one crop, whatever else would be worth showing."""
    errors = [flat(40, (48, 48)), flat(50, (48, 48)), flat(90, (48, 48))]
    errors[2][0:24, 0:24] = 40000.0
    errors[1][24:48, 24:48] = 500.0
    assert len(choose_crops(errors, GRID)) == 2
    assert len(choose_crops(errors, replace(GRID, share=0.25))) == 1


# ------------------------------------------------------------------------------------- error maps


def test_an_error_has_the_colour_of_its_size() -> None:
    """Half a level a colour, absolute, the last one from 32 levels on."""
    hr = np.full((1, 6), 100.0)
    sr = hr + np.array([[0, 0.49, -0.5, 10, -31.9, 90]])
    assert error_levels(sr, hr).tolist() == [[0, 0, 1, 20, 63, 63]]
    assert (TOP, COLOURS) == (32, 64)


def test_a_map_is_a_picture_in_the_colours_of_its_scale() -> None:
    """Decoded, each pixel has its colour of the palette; the scale shows all colours; both never change."""
    sr, hr = np.arange(64.0).reshape(8, 8) / 2, np.zeros((8, 8))
    image = decode_image(error_png(sr, hr), "map")
    assert image.tolist() == palette().reshape(8, 8, 3).tolist()
    scale = decode_image(scale_png(), "scale")
    assert scale.tolist() == [palette().tolist()]
    assert error_png(sr, hr) == error_png(sr, hr)


def test_the_colours_become_lighter_all_the_way() -> None:
    """So that a map reads the same without colour vision, and in print."""
    luma = palette() @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(luma) > 0).all()


# -------------------------------------------------------------------------- kept predictions, real ones


@pytest.fixture
def run(mini: str, srbench: Any) -> Path:
    """A run with kept predictions: bicubic, nearest and Lanczos on two small photographs."""
    argv = ["run", "-m", "bicubic,nearest,lanczos", "-d", mini, "-x", "4", "--metrics", "psnr_y"]
    assert srbench(*argv, "--save-predictions", "-q").code == 0
    return Path("results/runs/main")


def test_predictions_are_found_by_their_keys_beside_their_ground_truth(run: Path) -> None:
    """The error of what was found gives the very PSNR that was recorded."""
    (gallery,) = find_galleries(run, load_cells(run))
    assert [exhibit.item for exhibit in gallery.exhibits] == ["camera", "coffee"]
    for exhibit in gallery.exhibits:
        assert [kept.model for kept in exhibit.kept] == ["bicubic", "nearest", "lanczos"]
        for kept, error in zip(exhibit.kept, measure(exhibit).errors, strict=True):
            assert psnr_of(error[4:-4, 4:-4].mean()) == pytest.approx(kept.scores["psnr_y"], abs=1e-9)


def test_what_was_not_kept_is_said_and_nothing_kept_is_no_gallery(run: Path, srbench: Any) -> None:
    """A model without predictions is named with the option that keeps them."""
    srbench("run", "-m", "bilinear", "-d", "mini", "-x", "4", "--metrics", "psnr_y", "-q")
    (gallery,) = find_galleries(run, load_cells(run))
    assert [model for model, _ in gallery.absent] == ["bilinear"]
    assert "--save-predictions" in gallery.absent[0][1]
    assert find_galleries(run / "elsewhere", load_cells(run)) == []


def test_a_record_of_other_pixels_or_with_a_path_for_a_key_shows_nothing(run: Path) -> None:
    """A journal from elsewhere can't have a picture of a changed set shown, or a file from elsewhere."""
    records = read_journal(run / "journal.jsonl")
    strangers = {
        "other pixels": [
            replace(record, key_fields={**record.key_fields, "pixels": "0" * 64}) for record in records
        ],
        "a path": [replace(record, prediction="../../../secret") for record in records],
        "no such item": [replace(record, item="../../coffee") for record in records],
    }
    for what, changed in strangers.items():
        assert find_galleries(run, gather(changed)) == [], what


def test_a_plate_of_whole_pictures_has_the_pixels_and_numbers_of_its_inputs(run: Path) -> None:
    """Truth, input and predictions are the very pixels; PSNRs are of just the part that is shown."""
    (gallery,) = find_galleries(run, load_cells(run))
    exhibit = gallery.exhibits[1]
    plate = plate_of(exhibit, "whole", ["a", "b", "c"])
    whole, crop = plate.scenes[:2]
    truth, lr, first = whole.panels[:3]
    assert decode_image(plate.files[truth.pictures[0]], "").tolist() == exhibit.source.hr(0).tolist()
    assert decode_image(plate.files[lr.pictures[0]], "").tolist() == exhibit.source.lr(0).tolist()
    kept = Image.open(exhibit.kept[0].paths[0])
    assert decode_image(plate.files[first.pictures[0]], "").tolist() == np.array(kept).tolist()
    assert (first.label, first.height, first.width) == ("a", 128, 160)
    errors = measure(exhibit).errors
    assert [panel.psnr for panel in whole.models] == [psnr_of(error.mean()) for error in errors]
    assert [p.psnr for p in crop.models] == [psnr_of(float(crop.box.of(error).mean())) for error in errors]
    assert crop.crop is not None
    better, worse = (crop.models[place].psnr for place in (crop.crop.better, crop.crop.worse))
    assert better is not None
    assert worse is not None
    assert max(better, worse) < CEILING
    assert better - worse == pytest.approx(crop.crop.gap)
    shown = decode_image(plate.files[crop.models[0].pictures[0]], "")
    assert shown.tolist() == crop.box.of(np.array(kept)).tolist()
    assert first.errors
    assert not crop.models[0].errors


def test_the_same_inputs_give_the_same_bytes(run: Path) -> None:
    """Names and contents of all files."""
    plates = [
        plate_of(gallery.exhibits[0], "whole", ["a", "b", "c"])
        for gallery in find_galleries(run, load_cells(run)) * 2
    ]
    assert plates[0].files == plates[1].files


def test_where_crops_alone_are_allowed_no_file_is_larger_and_no_quarter_is_passed(run: Path) -> None:
    """Not one PNG shows more than a crop, nor all of an item's crops more than a quarter of it."""
    (gallery,) = find_galleries(run, load_cells(run))
    for exhibit in gallery.exhibits:
        plate = plate_of(exhibit, "crops", ["a", "b", "c"])
        assert plate.scenes
        assert all(scene.crop is not None for scene in plate.scenes)
        for content in plate.files.values():
            width, height = Image.open(io.BytesIO(content)).size
            assert max(width, height) <= min(CROP, plate.height // 2, plate.width // 2)
        assert sum(scene.box.area for scene in plate.scenes) <= SHARE * plate.height * plate.width
        assert all(panel.errors for scene in plate.scenes for panel in scene.models)


def test_a_thumbnail_is_the_whole_picture_made_small_or_a_part_of_its_middle() -> None:
    """What the licence allows decides, and small pictures are halved at least."""
    frame = np.random.default_rng(0).integers(0, 256, (200, 400, 3), np.uint8)
    assert thumbnail(frame, "whole").shape == (80, 160, 3)
    assert thumbnail(frame, "crops").tolist() == frame[52:148, 152:248].tolist()
    assert thumbnail(frame[:40, :60], "crops").shape == (20, 20, 3)


def test_a_plane_of_luma_beside_rgb_shows_all_as_luma(mini: str, srbench: Any) -> None:
    """Under a protocol of the Y plane predictions have one channel, and nothing is compared in colour."""
    argv = [
        "run",
        "-m",
        "bicubic,nearest",
        "-d",
        mini,
        "-x",
        "2",
        "--protocol",
        "vdsr",
        "--metrics",
        "psnr_y",
    ]
    assert srbench(*argv, "--save-predictions", "-q").code == 0
    (gallery,) = find_galleries(Path("results/runs/main"), load_cells(Path("results/runs/main")))
    exhibit = gallery.exhibits[1]
    for kept, error in zip(exhibit.kept, measure(exhibit).errors, strict=True):
        assert psnr_of(error[2:-2, 2:-2].mean()) == pytest.approx(kept.scores["psnr_y"], abs=1e-9)
    plate = plate_of(exhibit, "whole", ["a", "b"])
    assert {
        decode_image(content, "").ndim for name, content in plate.files.items() if "error" not in name
    } == {2}


# ---------------------------------------------------------------------------------------------- clips


@pytest.fixture
def clip_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, srbench: Any) -> Path:
    """Predictions of a clip of 18 frames in which a bright bar moves right by 2 pixels a frame."""
    from srbench.image.io import write_png

    monkeypatch.setenv("SRBENCH_HOME", str(tmp_path / "home"))
    rng = np.random.default_rng(0)
    ground = rng.integers(40, 60, (64, 96, 3), np.uint8)
    for t in range(18):
        frame = ground.copy()
        frame[24:40, 20 + 2 * t : 28 + 2 * t] = 220
        write_png(tmp_path / "bars" / "bar" / f"{t:03}.png", frame)
    assert srbench("data", "add", "bars", tmp_path / "bars", "-x", "4").code == 0
    argv = ["run", "-m", "bicubic,nearest", "-d", "bars", "-x", "4", "--metrics", "psnr_y"]
    assert srbench(*argv, "--save-predictions", "-q").code == 0
    return Path("results/runs/main")


def test_a_temporal_profile_is_one_row_of_each_frame(clip_run: Path) -> None:
    """Row t of the picture is the chosen row of frame t, of the truth and of each model."""
    (gallery,) = find_galleries(clip_run, load_cells(clip_run))
    (exhibit,) = gallery.exhibits
    plate = plate_of(exhibit, "whole", ["a", "b"])
    profile = plate.profile
    assert profile is not None
    assert 24 <= profile.row < 40, "where the bar moves"
    assert (profile.left, profile.width, profile.frames) == (0, 96, 18)
    files = dict(profile.files)
    truth = decode_image(plate.files[files[""]], "")
    assert truth.tolist() == [exhibit.source.hr(t)[profile.row].tolist() for t in range(18)]
    second = decode_image(plate.files[files["b"]], "")
    assert second.tolist() == [np.array(Image.open(p))[profile.row].tolist() for p in exhibit.kept[1].paths]
    assert {len(panel.pictures) for scene in plate.scenes for panel in scene.panels} == {16}


def test_a_profile_of_a_crop_keeps_to_the_crop(clip_run: Path) -> None:
    """Where crops alone are allowed a profile is as wide as one."""
    (gallery,) = find_galleries(clip_run, load_cells(clip_run))
    plate = plate_of(gallery.exhibits[0], "crops", ["a", "b"])
    assert plate.profile is not None
    box = plate.scenes[0].box
    assert (plate.profile.left, plate.profile.width) == (box.left, box.width)
    assert box.top <= plate.profile.row < box.top + box.height


def test_a_path_of_a_prediction_is_what_it_always_was() -> None:
    """The rule is on disks already: a part of a set lies with the whole, a name keeps its letters."""
    cell = Cell("spandrel:a/b c", "set5[2]", 4, "classic", "", "", "")
    assert [p.as_posix() for p in prediction_paths(Path("run"), cell, "baby", "0" * 16, 1)] == [
        f"run/predictions/spandrel_a_b_c/set5_x4_classic/baby_{'0' * 16}.png"
    ]
    clip = prediction_paths(Path("run"), cell, "city", "0" * 16, 2)
    assert [p.name for p in clip] == ["00000.png", "00001.png"]
    assert clip[0].parent.name == f"city_{'0' * 16}"
    (long,) = prediction_paths(Path("run"), cell, "x" * 100, "0" * 16, 1)
    assert long.name == f"{'x' * 100}_{'0' * 16}.png"


def test_a_name_that_no_file_may_have_is_cut_and_told_apart(tmp_path: Path) -> None:
    """Of 320 characters, of four bytes each, of an item or a model: it can be written, and no two are one."""
    names = [*("x" * 320 + end for end in "ab"), *("🚀" * 320 + end for end in "ab")]
    cell = Cell("m" * 320, "set5", 4, "classic", "", "", "")
    for frames in (1, 2):
        found = [prediction_paths(tmp_path, cell, name, "0" * 16, frames)[-1] for name in names]
        for path in found:
            write_whole(path, b"")
        assert len(set(found)) == len(names)
