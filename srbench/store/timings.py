"""The timings beside a run's journal: one `Timing` a line, all its samples, in ``timings.jsonl``.

Read and written by the journal's own machinery. Fields are checked against the nouns' annotations, so that
an unknown, missing or wrongly typed one is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from srbench.store.lines import AppendedFile, LineFormat, read_lines
from srbench.store.records import (
    check_fields,
    check_schema,
    convert,
    encode_number,
    number_of,
    parse_object,
    typed,
    wrong,
)
from srbench.types import TIMING_SCHEMA, Conditions, GpuState, Status, Timing, TimingSpec

TIMINGS = "timings.jsonl"
"""The file's name inside a run's folder."""

Noun = TypeVar("Noun")


def encode_timing(timing: Timing) -> str:
    """A timing as one line of strict JSON, without the newline."""
    return json.dumps(_plain(asdict(timing)), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return encode_number(value) if isinstance(value, float) else value


def decode_timing(line: str | bytes) -> Timing:
    """The timing of one line.

    Raises:
        NotJsonError: the line is no JSON object.
        IntegrityError: a newer schema, or an unknown, missing or wrongly typed field.
    """
    named = parse_object(line)
    check_schema(named, TIMING_SCHEMA)
    return _noun(Timing, _walked_forward(named))


def _walked_forward(named: dict[str, Any]) -> dict[str, Any]:
    """Schema 1 did not say how many items a set has: its timings of items stand for themselves."""
    return {**named, "items": 0, "schema": TIMING_SCHEMA} if named["schema"] == 1 else named


_HINTS: dict[type, Any] = {noun: get_type_hints(noun) for noun in (Timing, TimingSpec, Conditions, GpuState)}


def _noun(noun: type[Noun], named: Any) -> Noun:
    check_fields(named, noun, noun.__name__.lower())
    return noun(**{name: _value(hint, named[name], name) for name, hint in _HINTS[noun].items()})


def _value(hint: Any, value: Any, name: str) -> Any:
    """A JSON value as the type that a field declares."""
    if isinstance(hint, UnionType):
        (inner,) = (kind for kind in get_args(hint) if kind is not NoneType)
        return None if value is None else _value(inner, value, name)
    if get_origin(hint) is tuple:
        return tuple(_value(get_args(hint)[0], one, name) for one in typed(value, list, name))
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise wrong(f"{' or '.join(map(repr, get_args(hint)))} in {name!r}", value)
        return value
    return _single(hint, value, name)


def _single(kind: Any, value: Any, name: str) -> Any:
    if isinstance(kind, type) and is_dataclass(kind):
        return _noun(kind, value)
    if kind is Status:
        return convert(Status, value, name)
    if kind is float:
        return number_of(value, name)
    if kind is int and (type(value) is not int or value < 0):  # a bool is an int too, but not a count
        raise wrong(f"a count in {name!r}", value)
    return typed(value, kind, name)


_FORM = LineFormat[Timing](b'{"conditions":', encode_timing, decode_timing)


def read_timings(folder_or_file: Path) -> list[Timing]:
    """All whole timings of a run's folder, oldest first; none where there is no file.

    Raises:
        IntegrityError: as `srbench.store.lines.read_lines`.
    """
    path = folder_or_file / TIMINGS if folder_or_file.is_dir() else folder_or_file
    return read_lines(path, _FORM) if path.is_file() else []


def latest(timings: Iterable[Timing]) -> dict[str, Timing]:
    """The last timing of each key."""
    return {timing.spec.key: timing for timing in timings}


class TimingFile(AppendedFile[Timing]):
    """``timings.jsonl`` opened for appending; as `srbench.store.lines.AppendedFile`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / TIMINGS, _FORM)
