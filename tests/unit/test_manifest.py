"""Manifests: the real ones against the published digests, bad ones refused, and writing that reads back."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbench.data.datasets import BUILTIN, dataset_manifest
from srbench.data.manifest import (
    Frame,
    Item,
    Manifest,
    dataset_name,
    dump_manifest,
    is_dataset_name,
    load_manifest,
    safe_path,
)
from srbench.errors import UsageError
from srbench.resources import datasets_folder, references_folder
from srbench.types import LocalPath, PackageResource, Url

FETCHED = ("set5", "set14", "bsd100", "urban100", "vid4", "t91", "bsds500-train", "davis14")
SHA = "ab" * 32
GOOD = f"""
schema = 1
name = "toy"
title = "Toy"
kind = "still"
scales = [2, 4]
licence = "free"
publish = "whole"
roots = ["https://example.org/toy/"]
frames = [
  {{ item = "a", path = "a.png", bytes = 10, shape = [4, 6, 3], sha256 = "{SHA}", pixels = "{SHA}" }},
  {{ item = "b", path = "b.png", bytes = 11, shape = [4, 6], sha256 = "{SHA}", pixels = "{SHA}" }},
]
"""


# ---------------------------------------------------------------------------- the real ones


@pytest.fixture(scope="module")
def published(shared: Path) -> dict[str, dict[str, str]]:
    """The published digests by address."""
    with (shared / "digests.csv").open(encoding="utf-8") as file:
        return {row["url"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize(
    ("name", "items", "frames"),
    [("set5", 5, 5), ("set14", 14, 14), ("bsd100", 100, 100), ("urban100", 100, 100), ("vid4", 4, 171)],
)
def test_every_frame_has_the_published_digests(
    name: str, items: int, frames: int, published: dict[str, dict[str, str]]
) -> None:
    """Each set is whole; each frame's size, shape and both digests are those published for its address."""
    manifest = dataset_manifest(name)
    listed = [frame for item in manifest.items for frame in item.frames]
    assert (len(manifest.items), len(listed)) == (items, frames)
    for frame in listed:
        row = published[manifest.roots[0] + frame.path]
        shape = "x".join(map(str, frame.shape))
        assert (str(frame.bytes), frame.sha256, frame.pixels, shape) == (
            row["bytes"],
            row["sha256"],
            row["pixels_sha256"],
            row["shape"],
        )


def test_items_carry_the_names_that_matlab_results_use(shared: Path) -> None:
    """Stored MATLAB results name their images as the manifests do, in the same order."""
    values = json.loads((shared / "oracles/matlab/selfexsr_bicubic.json").read_text("utf-8"))["values"]
    assert values
    for key, results in values.items():
        items = [item.name for item in dataset_manifest(key.split("_")[0].lower()).items]
        assert list(results) == items[: len(results)], key


def test_vid4_clips_have_their_lengths() -> None:
    """Vid4 is calendar 41, city 34, foliage 49 and walk 47 frames, numbered from 1 without a gap."""
    lengths = {}
    for item in dataset_manifest("vid4").items:
        lengths[item.name] = len(item.frames)
        assert [int(frame.name.split()[-1]) for frame in item.frames] == list(range(1, len(item.frames) + 1))
    assert lengths == {"calendar": 41, "city": 34, "foliage": 49, "walk": 47}


@pytest.mark.parametrize("name", FETCHED)
def test_addresses_are_encoded_and_at_a_fixed_commit(name: str) -> None:
    """Every address names a 40-digit commit, has no blank, and decodes to its root and path."""
    manifest = dataset_manifest(name)
    for item in manifest.items:
        for frame in item.frames:
            (source,) = manifest.asset(frame).sources
            assert isinstance(source, Url)
            assert re.search(r"/[0-9a-f]{40}/", source.address)
            assert re.fullmatch(r"https://[A-Za-z0-9._/%-]+", source.address)
            assert unquote(source.address) == manifest.roots[0] + frame.path


@pytest.mark.parametrize("name", BUILTIN)
def test_a_manifest_is_complete_and_written_as_it_would_be_again(name: str) -> None:
    """A shipped file says who made the set, what is allowed with it, and is what `dump_manifest` writes."""
    manifest = dataset_manifest(name)
    assert manifest.name == name
    assert all((manifest.title, manifest.licence, manifest.citation))
    assert manifest.publish == ("whole" if name.startswith("embedded") else "crops")
    assert manifest.scales == ((4,) if manifest.kind == "clip" else (2, 3, 4))
    assert (datasets_folder() / f"{name}.toml").read_text("utf-8") == dump_manifest(manifest)


def test_every_shipped_manifest_is_a_known_set() -> None:
    """No manifest is shipped that `dataset_names` would not list."""
    assert sorted(file.name for file in datasets_folder().iterdir()) == sorted(
        f"{name}.toml" for name in BUILTIN
    )


def test_the_folder_of_references_is_found() -> None:
    """Published figures are found beside the manifests."""
    assert references_folder().is_dir()


# ------------------------------------------------------------------------------- reading


def test_a_manifest_reads_as_its_fields_say() -> None:
    """Fields arrive as they stand in the file; optional ones have their defaults."""
    manifest = load_manifest(GOOD)
    assert (manifest.name, manifest.kind, manifest.scales, manifest.publish) == (
        "toy",
        "still",
        (2, 4),
        "whole",
    )
    assert manifest.items[1] == Item("b", (Frame("b.png", 11, (4, 6), SHA, SHA),))
    assert (manifest.citation, manifest.also_at, manifest.package, manifest.folder) == ("", (), "", "")


def _frames(*rows: str) -> str:
    return GOOD[: GOOD.index("frames")] + "frames = [" + ", ".join(rows) + "]"


def _row(**changes: str) -> str:
    fields = {
        "item": '"a"',
        "path": '"a.png"',
        "bytes": "10",
        "shape": "[4, 6, 3]",
        "sha256": f'"{SHA}"',
        "pixels": f'"{SHA}"',
    }
    return (
        "{ " + ", ".join(f"{key} = {value}" for key, value in {**fields, **changes}.items() if value) + " }"
    )


BAD = {
    "no TOML": ("schema = [", "a TOML file"),
    "an unknown field": (GOOD.replace("title", "titel"), "'titel'"),
    "an unknown field of a frame": (_frames(_row(digest='"x"')), "'digest'"),
    "another schema": (GOOD.replace("schema = 1", "schema = 2"), "schema 1, got 2"),
    "no schema": (GOOD.replace("schema = 1", ""), "schema"),
    "no name": (GOOD.replace('name = "toy"', ""), "name as text"),
    "a name with a slash": (GOOD.replace('"toy"', '"../toy"'), "a dataset name"),
    "a number as title": (GOOD.replace('"Toy"', "3"), "title as text"),
    "another kind": (GOOD.replace('"still"', '"video"'), "still or clip"),
    "another publish": (GOOD.replace('"whole"', '"all"'), "whole or crops"),
    "no scales": (GOOD.replace("[2, 4]", "[]"), "scales"),
    "a scale of 0": (GOOD.replace("[2, 4]", "[0]"), "scales"),
    "true as a scale": (GOOD.replace("[2, 4]", "[true]"), "scales"),
    "an http root": (GOOD.replace("https:", "http:"), "https addresses"),
    "a root that is no folder": (GOOD.replace("toy/", "toy"), "https addresses"),
    "a root that climbs": (GOOD.replace("toy/", "toy/../"), "https addresses"),
    "nowhere to read from": (re.sub("roots.*", "", GOOD), "roots, a package or a folder"),
    "a relative folder": (GOOD.replace("title", 'folder = "data"\ntitle'), "an absolute folder"),
    "no frames": (_frames(), "frames as a list"),
    "a frame that is no table": (_frames("3"), "a table"),
    "a climbing path": (_frames(_row(path='"../a.png"')), "a plain relative path"),
    "a dot in a path": (_frames(_row(path='"./a.png"')), "a plain relative path"),
    "an absolute path": (_frames(_row(path='"/etc/a.png"')), "a plain relative path"),
    "a Windows path": (_frames(_row(path='"C:a.png"')), "a plain relative path"),
    "a backslash": (_frames(_row(path='"b\\\\a.png"')), "a plain relative path"),
    "a null byte": (_frames(_row(path='"a\\u0000.png"')), "a plain relative path"),
    "an item with a slash": (_frames(_row(item='"a/b"')), "without slashes"),
    "an empty item": (_frames(_row(item='""')), "a plain relative path"),
    "a short digest": (_frames(_row(sha256='"abcd"')), "sha256 as text"),
    "no pixel digest": (_frames(_row(pixels="")), "pixels as text"),
    "no bytes": (_frames(_row(bytes="0")), "bytes as a positive integer"),
    "four channels": (_frames(_row(shape="[4, 6, 4]")), "a shape"),
    "one number as shape": (_frames(_row(shape="[4]")), "a shape"),
    "an unknown generator": (_frames(_row(generated='"noise:1"')), "generated as text"),
    "a still of two frames": (_frames(_row(), _row(path='"b.png"')), "one frame for each still"),
    "a frame twice": (_frames(_row(), _row()), "another name for each frame"),
    "a torn item": (_frames(_row(), _row(item='"b"'), _row(path='"c.png"')), "together"),
    "two shapes in a clip": (_frames(_row(), _row(path='"b.png"', shape="[8, 6, 3]")), "one shape"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_manifest_is_refused_in_one_line(case: str) -> None:
    """Whatever is wrong is named in one line: what was expected, what was found, in which file."""
    text, said = BAD[case]
    with pytest.raises(UsageError) as error:
        load_manifest(text, "toy.toml")
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert "toy" in str(error.value)


# --------------------------------------------------------------------------------- paths


@given(st.text())
def test_an_accepted_path_stays_in_its_folder(path: str) -> None:
    """A path is refused, or names something below the folder it is joined to."""
    try:
        safe_path(path, "toy.toml")
    except UsageError:
        return
    pure = PurePosixPath(path)
    assert not pure.is_absolute()
    assert ".." not in pure.parts
    assert pure.as_posix() == path


@pytest.mark.parametrize("path", ["calendar/Frame 001.png", "a.png", "ü/日本.png", "..a/b..png"])
def test_an_ordinary_path_is_accepted(path: str) -> None:
    """Blanks, other scripts and dots inside names are no escape."""
    assert safe_path(path, "toy.toml") == path


@given(st.text(max_size=70))
def test_a_dataset_name_is_also_a_file_name_and_no_selector(name: str) -> None:
    """An accepted name has no character that means something to a path, a glob, a list or a label."""
    assert is_dataset_name(name) == bool(re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name))


def test_a_bad_dataset_name_is_refused() -> None:
    """The refusal says which characters a name may have."""
    with pytest.raises(UsageError, match="a-z, 0-9, - and _"):
        dataset_name("Set 5")


# -------------------------------------------------------------------------------- assets


def test_an_asset_comes_from_the_folder_then_the_package_then_the_addresses() -> None:
    """Sources are in the order folder, package, roots; an address is percent-encoded, a local path is not."""
    roots = ("https://one.org/x/", "https://two.org/y/")
    manifest = replace(load_manifest(GOOD), roots=roots, package="skimage", folder="/data")
    frame = replace(manifest.items[0].frames[0], path="clip/Frame 1.png")
    asset = manifest.asset(frame)
    assert asset.sources == (
        LocalPath(str(Path("/data/clip/Frame 1.png"))),
        PackageResource("skimage", "clip/Frame 1.png"),
        Url("https://one.org/x/clip/Frame%201.png"),
        Url("https://two.org/y/clip/Frame%201.png"),
    )
    assert (asset.name, asset.sha256, asset.size) == ("Frame 1.png", SHA, 10)


def test_an_address_known_only_by_hearsay_is_never_read() -> None:
    """`also_at` is information for people: it is no source of any asset."""
    manifest = load_manifest(GOOD.replace("title", 'also_at = ["https://else.org/toy.tar.gz"]\ntitle'))
    assert manifest.also_at == ("https://else.org/toy.tar.gz",)
    assert "else.org" not in str(manifest.asset(manifest.items[0].frames[0]))


def test_an_items_digest_is_its_frames_in_order() -> None:
    """One frame: its own digest. Several: a digest that changes with any frame and with their order."""
    a, b = (Frame(f"{n}.png", 1, (4, 4), SHA, n * 64) for n in "ab")
    assert Item("x", (a,)).pixels == a.pixels
    assert Item("x", (a, b)).pixels == hashlib.sha256(f"{a.pixels}\n{b.pixels}".encode()).hexdigest()
    assert Item("x", (a, b)).pixels != Item("x", (b, a)).pixels


def test_a_frames_name_is_its_files_or_its_number() -> None:
    """A frame is called as its file without the ending; a generated one by its number, so that they sort."""
    assert Frame("walk/Frame 07.png", 1, (4, 4), SHA, SHA).name == "Frame 07"
    assert Frame("data/astronaut.png", 1, (4, 4), SHA, SHA, "camera-path:7").name == "007"


# ------------------------------------------------------------------------------- writing

_sha = st.text("0123456789abcdef", min_size=64, max_size=64)
_word = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
_part = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8).filter(
    lambda part: not set(part) & set("/\\:") and part.isprintable() and part not in (".", "..")
)
_shape = st.tuples(st.integers(1, 9), st.integers(1, 9)) | st.tuples(
    st.integers(1, 9), st.integers(1, 9), st.just(3)
)
_frame = st.builds(Frame, _part, st.integers(1, 10**9), _shape, _sha, _sha)
_items = st.lists(st.builds(lambda name, f: Item(name, (f,)), _part, _frame), min_size=1, max_size=4).filter(
    lambda items: len({item.name for item in items}) == len(items)
)


@given(
    st.builds(
        Manifest,
        name=st.from_regex(r"[a-z0-9][a-z0-9_-]{0,9}", fullmatch=True),
        title=_word,
        kind=st.sampled_from(("still", "clip")),
        scales=st.lists(st.integers(1, 9), min_size=1).map(tuple),
        licence=_word,
        publish=st.sampled_from(("whole", "crops")),
        citation=_word,
        items=_items.map(tuple),
        roots=st.just(("https://example.org/a%20b/",)),
        package=_word,
    )
)
def test_what_is_written_reads_back_equal(manifest: Manifest) -> None:
    """Any manifest survives writing and reading: quotes, line breaks, control characters and all."""
    assert load_manifest(dump_manifest(manifest)) == manifest
