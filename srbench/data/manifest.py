"""What a test or training set consists of: one TOML file per set; files and decoded pixels pinned by digest.

A manifest names its set, says what may be done with it, where its files come from, and has one line
per frame. Frames of one item stand together; a still is an item of one frame::

    schema = 1
    name = "set5"
    kind = "still"
    ...
    roots = ["https://host/owner/repository/commit/folder/"]
    frames = [
      { item = "baby", path = "baby.png", bytes = 371264, shape = [512, 512, 3], sha256 = "", pixels = "" },
    ]

Nothing in a manifest is trusted before it is checked: unknown fields, paths that leave their folder
and malformed digests are refused in one line.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import quote

from srbench.errors import UsageError
from srbench.types import Asset, LocalPath, PackageResource, Source, Url

ClipKind = Literal["still", "clip"]
Publish = Literal["whole", "crops"]
Purpose = Literal["", "train"]
SCHEMA = 1

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
SHA256 = re.compile(r"[0-9a-f]{64}")
_GENERATED = re.compile(r"(camera-path:[0-9]{1,3})?")
_ROOT = re.compile(r"https://(?!.*/\.\./)[^/\s]+/\S*/")
_HINT = "correct it"


@dataclass(frozen=True)
class Frame:
    """One ground-truth frame.

    Attributes:
        path: below each root, the package or the folder of the manifest; forward slashes.
        bytes: size of the file.
        shape: of the decoded uint8 array: ``(H, W)`` gray or ``(H, W, 3)`` RGB.
        sha256: of the file.
        pixels: sha256 of the decoded pixels, row-major uint8.
        generated: ``camera-path:N`` if the frame is view N of `srbench.data.builtin` over the file's
            photograph (`shape` and `pixels` are the view's); empty if the file is the frame.
    """

    path: str
    bytes: int
    shape: tuple[int, ...]
    sha256: str
    pixels: str
    generated: str = ""

    @property
    def name(self) -> str:
        """The file's name without its ending; of a generated frame its number, three digits."""
        return self.generated.rpartition(":")[2].zfill(3) if self.generated else PurePosixPath(self.path).stem


@dataclass(frozen=True)
class Item:
    """A still, or a clip of several frames, under its common name."""

    name: str
    frames: tuple[Frame, ...]

    @property
    def pixels(self) -> str:
        """The frame's pixel digest; of a clip the sha256 over its frames' digests in order."""
        if len(self.frames) == 1:
            return self.frames[0].pixels
        return hashlib.sha256("\n".join(frame.pixels for frame in self.frames).encode()).hexdigest()


@dataclass(frozen=True)
class Manifest:
    """A test set.

    Attributes:
        publish: what a page may show of it: ``whole`` images, or only ``crops``.
        roots: addresses (https, ending in a slash) below which every frame's path is found, the best first.
        also_at: other known addresses of the set; for people, never read by srbench: no digest pins them.
        package: importable package that ships the files, or empty.
        folder: absolute folder of a user's own set, or empty.
        purpose: ``train``: never taken as a test set unless it is named in full; empty: a test set.
    """

    name: str
    title: str
    kind: ClipKind
    scales: tuple[int, ...]
    licence: str
    publish: Publish
    citation: str
    items: tuple[Item, ...]
    roots: tuple[str, ...] = ()
    also_at: tuple[str, ...] = ()
    package: str = ""
    folder: str = ""
    purpose: Purpose = ""

    def asset(self, frame: Frame) -> Asset:
        """The file behind a frame, with its sources: folder, package, then addresses."""
        sources: list[Source] = []
        if self.folder:
            sources.append(LocalPath(str(Path(self.folder) / frame.path)))
        if self.package:
            sources.append(PackageResource(self.package, frame.path))
        sources += [Url(root + quote(frame.path)) for root in self.roots]
        return Asset(PurePosixPath(frame.path).name, tuple(sources), frame.sha256, frame.bytes)


# --------------------------------------------------------------------------------- reading


@cache  # by its text: a run asks for the same manifest several times
def load_manifest(text: str, origin: str = "manifest") -> Manifest:
    """Read and check a manifest.

    Args:
        text: TOML.
        origin: the file's name, for messages.

    Raises:
        UsageError: not TOML, an unknown, missing or malformed field, a path that leaves its folder,
            or items that are empty, doubled or torn apart.
    """
    table = Table(parse_toml(text, origin), origin, _MANIFEST_FIELDS)
    table.schema()
    manifest = Manifest(
        name=dataset_name(table.text("name")),
        title=table.text("title"),
        kind="clip" if table.choice("kind", ("still", "clip")) == "clip" else "still",
        scales=table.numbers("scales"),
        licence=table.text("licence"),
        publish="whole" if table.choice("publish", ("whole", "crops")) == "whole" else "crops",
        citation=table.text("citation", ""),
        items=_items(table),
        roots=table.texts("roots", _ROOT, "https addresses that end in a slash"),
        also_at=table.texts("also_at", _ROOT_OR_FILE, "https addresses"),
        package=table.text("package", ""),
        folder=_absolute(table.text("folder", ""), origin),
        purpose="train" if table.choice("purpose", ("", "train"), "") else "",
    )
    if not (manifest.roots or manifest.package or manifest.folder):
        raise table.refuse("roots, a package or a folder to read from", "none")
    return manifest


def dataset_name(name: str) -> str:
    """The name if it may name a dataset: a file's name, a selector and a label are made of it.

    Raises:
        UsageError: it may not.
    """
    if not is_dataset_name(name):
        expected = "a dataset name of a-z, 0-9, - and _ (at most 64)"
        raise UsageError(expected, repr(name), "choose another name")
    return name


def is_dataset_name(name: str) -> bool:
    """True for up to 64 of a-z, 0-9, ``-`` and ``_`` that start with a letter or digit."""
    return _NAME.fullmatch(name) is not None


def safe_path(path: str, origin: str) -> str:
    """The path if it stays in its folder: relative, with forward slashes, and only plain parts.

    Raises:
        UsageError: absolute, with ``..``, ``.`` or empty parts, a backslash, a colon or a control character.
    """
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts) or any(c in "\\:" or not c.isprintable() for c in path):
        raise UsageError("a plain relative path", f"{path!r} in {origin}", _HINT)
    return path


def parse_toml(text: str, origin: str) -> Mapping[str, Any]:
    """TOML as plain values.

    Raises:
        UsageError: not TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError("a TOML file", f"{origin}: {error}", _HINT) from error


class Table:
    """A TOML table whose fields are all known and of the type asked for."""

    def __init__(self, values: Any, where: str, known: Iterable[str]) -> None:
        self.where = where
        if not isinstance(values, Mapping):
            raise self.refuse("a table", repr(values))
        self.values: Mapping[str, Any] = values
        names = sorted(known)
        unknown = sorted(set(values) - set(names))
        if unknown:
            raise self.refuse(f"only the fields {', '.join(names)}", repr(unknown[0]))

    def refuse(self, expected: str, got: str) -> UsageError:
        """The error for this table: what was expected, and what it holds."""
        return UsageError(expected, f"{got} in {self.where}", _HINT)

    def schema(self) -> None:
        """Refuse a file of another (newer) schema."""
        if self.number("schema") != SCHEMA:
            raise self.refuse(f"schema {SCHEMA}", repr(self.values["schema"]))

    def text(self, key: str, default: str | None = None, shape: re.Pattern[str] | None = None) -> str:
        """A string field."""
        value = self.values.get(key, default)
        if not isinstance(value, str) or not (shape is None or shape.fullmatch(value)):
            raise self.refuse(f"{key} as text" + (f" like {shape.pattern}" if shape else ""), repr(value))
        return value

    def choice(self, key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        """A string field that is one of a few words."""
        value = self.text(key, default)
        if value not in allowed:
            raise self.refuse(f"{key} to be {' or '.join(allowed)}", repr(value))
        return value

    def texts(self, key: str, shape: re.Pattern[str], expected: str) -> tuple[str, ...]:
        """A list of strings, empty if absent."""
        values = self.values.get(key, [])
        if not isinstance(values, list) or not all(isinstance(v, str) and shape.fullmatch(v) for v in values):
            raise self.refuse(f"{key} as a list of {expected}", repr(values))
        return tuple(values)

    def number(self, key: str) -> int:
        """A positive integer."""
        value = self.values.get(key)
        if not _positive(value):
            raise self.refuse(f"{key} as a positive integer", repr(value))
        return int(value)  # type: ignore[arg-type]  # _positive has just checked it

    def numbers(self, key: str) -> tuple[int, ...]:
        """A list of one or more positive integers."""
        values = self.values.get(key)
        if not isinstance(values, list) or not values or not all(map(_positive, values)):
            raise self.refuse(f"{key} as a list of positive integers", repr(values))
        return tuple(values)

    def tables(self, key: str) -> list[Any]:
        """A list of one or more tables, not yet checked."""
        values = self.values.get(key)
        if not isinstance(values, list) or not values:
            raise self.refuse(f"{key} as a list with at least one entry", repr(values))
        return values


def _positive(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _items(table: Table) -> tuple[Item, ...]:
    rows = [_frame(row, f"frame {n} of {table.where}") for n, row in enumerate(table.tables("frames"), 1)]
    items = tuple(
        Item(name, tuple(frame for _, frame in group)) for name, group in groupby(rows, lambda row: row[0])
    )
    torn = _repeated(item.name for item in items)
    if torn:
        raise table.refuse("the frames of an item together", f"{torn!r} in two places")
    for item in items:
        _check_item(item, table)
    return items


def _check_item(item: Item, table: Table) -> None:
    twice = _repeated(frame.name for frame in item.frames)
    if twice:
        raise table.refuse("another name for each frame", f"{twice!r} twice in {item.name!r}")
    if len({frame.shape for frame in item.frames}) > 1:
        raise table.refuse("one shape for all frames of an item", f"several in {item.name!r}")
    if table.values.get("kind") == "still" and len(item.frames) > 1:
        raise table.refuse("one frame for each still", f"{len(item.frames)} for {item.name!r}")


def _repeated(names: Iterable[str]) -> str | None:
    counts = Counter(names)
    return next((name for name, count in counts.items() if count > 1), None)


def _frame(row: Any, where: str) -> tuple[str, Frame]:
    table = Table(row, where, _FRAME_FIELDS)
    shape = table.numbers("shape")
    if len(shape) not in (2, 3) or shape[2:] not in ((), (3,)):
        raise table.refuse("a shape [H, W] or [H, W, 3]", repr(list(shape)))
    frame = Frame(
        path=safe_path(table.text("path"), where),
        bytes=table.number("bytes"),
        shape=shape,
        sha256=table.text("sha256", shape=SHA256),
        pixels=table.text("pixels", shape=SHA256),
        generated=table.text("generated", "", _GENERATED),
    )
    item = safe_path(table.text("item"), where)
    if "/" in item:
        raise table.refuse("an item name without slashes", repr(item))
    return item, frame


def _absolute(folder: str, origin: str) -> str:
    if folder and not Path(folder).is_absolute():
        raise UsageError("an absolute folder", f"{folder!r} in {origin}", _HINT)
    return folder


_FRAME_FIELDS = (*(f.name for f in fields(Frame)), "item")
_MANIFEST_FIELDS = (*(f.name for f in fields(Manifest) if f.name != "items"), "frames", "schema")
_ROOT_OR_FILE = re.compile(r"https://\S+")


# --------------------------------------------------------------------------------- writing


def dump_manifest(manifest: Manifest) -> str:
    """The manifest as TOML, which `load_manifest` reads back to an equal value."""
    head = {f.name: getattr(manifest, f.name) for f in fields(Manifest) if f.name != "items"}
    lines = [f"schema = {SCHEMA}"]
    lines += [f"{key} = {toml_value(value)}" for key, value in head.items() if value not in ((), "")]
    lines.append("frames = [")
    lines += [f"  {_frame_row(item.name, frame)}," for item in manifest.items for frame in item.frames]
    return "\n".join([*lines, "]", ""])


def _frame_row(item: str, frame: Frame) -> str:
    row = {"item": item, **{f.name: getattr(frame, f.name) for f in fields(Frame)}}
    return "{ " + ", ".join(f"{k} = {toml_value(v)}" for k, v in row.items() if v != "") + " }"


def toml_value(value: str | int | tuple[str | int, ...]) -> str:
    """A string, an integer or a list of them, written as TOML."""
    if isinstance(value, tuple):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    # JSON's strings are TOML's, but for DEL, which JSON may leave bare.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
