"""Which file belongs to which item: by the words of its name, never by its place in a listing.

A name is cut into words at everything that is neither letter nor digit, case ignored: ``Set5_baby_RDN_x2``
is *set5 baby rdn x2*. A file belongs to the item whose words it holds side by side; of several such items
to the one that says most (``img_001_b`` rather than ``img_001``); of several such files the one whose name
is exactly the item's wins. Words are compared whole, so that ``head`` never takes ``headshot``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from srbench.errors import UsageError

IMAGES = frozenset({".png", ".bmp", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})
_SCALE = re.compile(r"(?:sr|lr|hr|bi|bd)?x(\d{1,2})|(\d{1,2})x")
_OTHER_NAMES = {"bsd100": {"b100", "bsds100"}}

Strength = tuple[bool, int, int]
"""How much of a file's name an item explains: all of it, words, letters."""


def words(name: str) -> tuple[str, ...]:
    """``Set5_baby-RDN.x2`` is (set5, baby, rdn, x2)."""
    return tuple(re.findall(r"[^\W_]+", name.casefold()))


def images(folder: Path) -> list[Path]:
    """Image files directly in a folder, by name; hidden ones are nobody's outputs."""
    return [p for p in _visible(folder) if p.suffix.lower() in IMAGES and p.is_file()]


def clip_folders(folder: Path) -> list[Path]:
    """Folders directly in a folder that hold images, by name."""
    return [p for p in _visible(folder) if p.is_dir() and images(p)]


def places(root: Path, dataset: str, scale: int) -> list[Path]:
    """Where outputs may lie: in the folder itself, in ``x4``, ``Set5``, ``Set5/x4`` or ``x4/Set5``."""

    def named(folder: Path) -> list[Path]:
        found = [p for p in _visible(folder) if p.is_dir()]
        return [p for p in found if is_scale(p.name, scale) or is_dataset(p.name, dataset)]

    first = named(root)
    return [root, *first, *(deeper for place in first for deeper in named(place))]


def is_scale(name: str, scale: int) -> bool:
    """True for ``x4``, ``X4``, ``4x``, ``SRx4``."""
    return words(name) != () and _scales(words(name)[-1:]) == {scale}


def is_dataset(name: str, dataset: str) -> bool:
    """True for the dataset's name, whatever its case and punctuation (``B100`` is BSD100)."""
    known = {dataset, *_OTHER_NAMES.get(dataset, ())}
    return "".join(words(name)) in {"".join(words(one)) for one in known}


def strength(stem: str, item: str, scale: int) -> Strength | None:
    """How much of a file's name an item explains, or None if the file isn't the item's at this scale."""
    if stem.casefold() == item.casefold():
        return True, len(words(item)), len(item)
    have, want = words(stem), words(item)
    for start in range(len(have) - len(want) + 1):
        rest = have[:start] + have[start + len(want) :]
        if _same(have[start : start + len(want)], want, scale) and _scales(rest) <= {scale}:
            return False, len(want), len(item)
    return None


@lru_cache(maxsize=64)
def owners(paths: tuple[Path, ...], items: tuple[str, ...], scale: int) -> dict[str, list[Path]]:
    """The files of each item that has any, the exact names alone where there are such.

    Raises:
        UsageError: a file belongs to two items alike.
    """
    claims: dict[str, list[tuple[bool, Path]]] = {}
    for path in paths:
        found = {item: s for item in items if (s := strength(_stem(path), item, scale))}
        best = [item for item, s in found.items() if s == max(found.values())]
        if len(best) > 1:
            got = f"{' and '.join(best)} in {path.name!r}"
            raise UsageError("one item in a file's name", got, "rename it")
        for item in best:
            claims.setdefault(item, []).append((found[item][0], path))
    return {item: _exact(files) or [path for _, path in files] for item, files in claims.items()}


def near_miss(paths: Sequence[Path], item: str, scale: int) -> str:
    """The file that may have been meant when none is the item's: another scale's, else the nearest name.

    ``baby_RDN_x2.png is marked x2``, ``the nearest is babby.png``, or empty.
    """
    for path in paths:
        marks = {int(number) for number in re.findall(r"\d{1,2}", _stem(path))} - {scale}
        spoken = [mark for mark in sorted(marks) if strength(_stem(path), item, mark)]
        if spoken and not strength(_stem(path), item, scale):
            return f"{path.name} is marked x{spoken[0]}"
    stems = {_stem(path).casefold(): path.name for path in paths}
    near = get_close_matches(item.casefold(), stems, n=1)
    return f"the nearest is {stems[near[0]]}" if near else ""


def in_order(paths: Sequence[Path], frames: int, clip: str) -> list[Path]:
    """A clip's frames by the number in their names: every number once, without gaps, from 0 or from 1.

    Args:
        paths: files of one folder.
        frames: how many the clip has.
        clip: its name, for messages.

    Raises:
        UsageError: another count, no number or several that change, a gap, or another first number.
    """
    expected = f"frames 0 to {frames - 1} or 1 to {frames} of {clip}"
    if len(paths) != frames:
        raise UsageError(expected, f"{len(paths)} images", "give one image per frame, and nothing else")
    numbered = dict(zip(_numbers([_stem(p) for p in paths], expected), paths, strict=False))
    if len(numbered) != frames or sorted(numbered) not in (list(range(frames)), list(range(1, frames + 1))):
        got = f"{len(numbered)} different numbers from {min(numbered)} to {max(numbered)}"
        raise UsageError(expected, got, "number the frames without gaps")
    return [numbered[n] for n in sorted(numbered)]


def _numbers(stems: Sequence[str], expected: str) -> list[int]:
    """The one number in each name that changes from file to file; scale marks don't count."""
    rows = [re.findall(r"\d+", " ".join(w for w in words(s) if not _SCALE.fullmatch(w))) for s in stems]
    if len({len(row) for row in rows}) > 1 or not rows[0]:
        got = f"{stems[0]!r} beside {stems[-1]!r}"
        raise UsageError(expected, got, "name the frames alike, with a number")
    columns = list(zip(*rows, strict=True))
    changing = [column for column in columns if len(set(column)) > 1]
    if len(changing) > 1:
        got = f"several numbers that change, as in {stems[0]!r}"
        raise UsageError(expected, got, "leave one that counts")
    return [int(number) for number in (changing or columns)[0]]


def _exact(files: list[tuple[bool, Path]]) -> list[Path]:
    return [path for exact, path in files if exact]


def _same(have: tuple[str, ...], want: tuple[str, ...], scale: int) -> bool:
    """Equal words; the last may have the scale glued on, as in EDSR's ``babyx4``."""
    return have == want or have == (*want[:-1], f"{want[-1]}x{scale}")


def _scales(parts: tuple[str, ...]) -> set[int]:
    """Scales that words speak of: ``x4``, ``4x``, ``SRx4``, and SelfExSR's ``SRF_4``."""
    marks = [m for word in parts if (m := _SCALE.fullmatch(word))]
    spoken = {int(m[1] or m[2]) for m in marks}
    return spoken | {int(b) for a, b in pairwise(parts) if a == "srf" and b.isdecimal()}


def _stem(path: Path) -> str:
    return path.stem if path.suffix.lower() in IMAGES else path.name


def _visible(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if not p.name.startswith("."))
