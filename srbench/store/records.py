"""One record as one line of JSON, and back: nothing lost, nothing guessed, nothing unknown let in.

The text is strict JSON in ASCII with sorted keys and no blanks. A float is written with the digits
that read back to the same bits; infinities and NaN, which JSON lacks, are the strings ``"inf"``,
``"-inf"`` and ``"nan"``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from sys import intern
from typing import Any, TypeVar

import orjson

from srbench.errors import IntegrityError
from srbench.types import MODEL_FIELD, SCHEMA_VERSION, Cell, Record, Score, Status, field_names

T = TypeVar("T")

_TEXT, _FLOAT = frozenset({str}), frozenset({float})
_STATUSES = {status.value: status for status in Status}
_NON_FINITE = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


class NotJsonError(ValueError):
    """A line that is no JSON object at all: cut short, or never a record."""


def encode_number(value: float) -> float | str:
    """A float as JSON can hold it: itself, or ``"inf"``, ``"-inf"``, ``"nan"``."""
    number = float(value)
    if math.isnan(number):
        return "nan"
    if math.isinf(number):
        return "inf" if number > 0 else "-inf"
    return number


def encode(record: Record) -> str:
    """A record as one line of JSON, without the newline."""
    named = {name: getattr(record, name) for name in field_names(Record)}
    named["cell"] = _encode_cell(record.cell)
    named["status"] = record.status.value
    named["key_fields"] = dict(record.key_fields)
    named["scores"] = {name: _encode_score(score) for name, score in record.scores.items()}
    named["seconds"] = encode_number(record.seconds)
    named["megapixels"] = encode_number(record.megapixels)
    return json.dumps(named, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _encode_cell(cell: Cell) -> dict[str, Any]:
    """Without ``average`` where it is empty, as it nearly always is."""
    named = {name: getattr(cell, name) for name in field_names(Cell)}
    return named if cell.average else {name: value for name, value in named.items() if name != "average"}


def _encode_score(score: Score) -> dict[str, Any]:
    return {
        "signature": score.signature,
        "key": score.key,
        "values": [encode_number(value) for value in score.values],
        "reason": score.reason,
    }


def decode(line: str | bytes, *, lean: bool = False) -> Record:
    """The record of one line.

    Args:
        line: JSON.
        lean: check everything, but keep nothing of how the scores came about: of keys and their fields
            the prediction's and the model's alone. A large journal takes a third of the memory.

    Raises:
        NotJsonError: the line is no JSON object.
        IntegrityError: a newer schema, or an unknown, missing or wrongly typed field.
    """
    named = parse_object(line)
    check_schema(named, SCHEMA_VERSION)
    check_fields(named, Record, "record")
    key_fields, provenance, time = _origin(named)
    return Record(
        cell=cell_of(named["cell"]),
        item=intern(text_of(named, "item")),
        items=count_of(named, "items"),
        status=_status(named["status"]),
        reason=text_of(named, "reason"),
        frames=count_of(named, "frames"),
        prediction=text_of(named, "prediction"),
        key_fields=_model_alone(key_fields.get(MODEL_FIELD, "")) if lean else key_fields,
        scores={name: _score(score, lean) for name, score in _mapping(named, "scores").items()},
        seconds=number_of(named["seconds"], "seconds"),
        megapixels=number_of(named["megapixels"], "megapixels"),
        provenance="" if lean else provenance,
        time="" if lean else time,
        schema=named["schema"],
    )


def _origin(named: dict[str, Any]) -> tuple[dict[str, str], str, str]:
    return _texts(_mapping(named, "key_fields")), text_of(named, "provenance"), text_of(named, "time")


@lru_cache(maxsize=65_536)
def _model_alone(fingerprint: str) -> Mapping[str, str]:
    return {MODEL_FIELD: fingerprint}


def parse_object(line: str | bytes) -> dict[str, Any]:
    """One line's JSON object.

    Raises:
        NotJsonError: it is none.
    """
    try:
        named = orjson.loads(line)
    except orjson.JSONDecodeError:
        named = _parse_slowly(line)
    if not isinstance(named, dict):
        raise NotJsonError(f"a JSON {type(named).__name__}")
    return named


def _parse_slowly(line: str | bytes) -> Any:
    """What orjson refuses: an error with its place, or the lone surrogate of a file name that is no UTF-8."""
    try:
        return json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError too
        raise NotJsonError(str(error)) from error


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def check_schema(named: Mapping[str, Any], newest: int) -> None:
    """Refuse a record of a schema that this srbench doesn't know.

    Raises:
        IntegrityError: none, or a newer one.
    """
    schema = named.get("schema")
    if type(schema) is not int or schema < 1:
        raise IntegrityError(
            "a record with its schema's number", repr(schema), "is this a journal of srbench?"
        )
    if schema > newest:
        raise IntegrityError(
            f"a record of schema {newest} or older", f"schema {schema}", "upgrade srbench to read it"
        )


def check_fields(named: object, noun: type, what: str) -> None:
    """Refuse anything but a JSON object of exactly a noun's fields.

    Raises:
        IntegrityError: it is something else, or has unknown or missing fields.
    """
    if not isinstance(named, dict):
        raise wrong(f"a {what}", named)
    if named.keys() == field_names(noun):
        return
    unknown, missing = set(named) - field_names(noun), field_names(noun) - set(named)
    if unknown:
        raise IntegrityError(f"the fields of a {what}", f"unknown {_listed(unknown)}", "upgrade srbench?")
    if missing:
        raise IntegrityError(f"the fields of a {what}", f"none named {_listed(missing)}", "restore the file")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, sorted(names)))[:200]


def cell_of(named: Any) -> Cell:
    """The cell of a JSON object; one for equal fields, as a journal names a cell once for every image.

    Raises:
        IntegrityError: an unknown, missing or wrongly typed field.
    """
    if not isinstance(named, dict):
        raise wrong("a cell", named)
    try:
        return _known_cell(tuple(named), *named.values())
    except TypeError as error:  # a list or an object can't be looked up
        raise wrong("texts and a count in 'cell'", named) from error


@lru_cache(maxsize=65_536, typed=True)
def _known_cell(names: tuple[str, ...], *values: Any) -> Cell:
    named = {"average": "", **dict(zip(names, values, strict=True))}
    check_fields(named, Cell, "cell")
    count_of(named, "scale")
    _texts({name: value for name, value in named.items() if name != "scale"})
    return Cell(**named)


def _score(named: Any, lean: bool) -> Score:
    check_fields(named, Score, "score")
    values = typed(named["values"], list, "values")
    if not _FLOAT.issuperset(map(type, values)):
        values = [number_of(value) for value in values]
    key = text_of(named, "key")
    # Interned: a journal has a handful of signatures, a thousand times each.
    return Score(
        intern(text_of(named, "signature")), "" if lean else key, tuple(values), text_of(named, "reason")
    )


def _status(value: Any) -> Status:
    known = _STATUSES.get(value) if type(value) is str else None
    return known if known is not None else convert(Status, value, "status")


def number_of(value: Any, name: str = "values") -> float:
    """A float, infinities and NaN included; IntegrityError for anything else."""
    if type(value) is float:
        return value
    if isinstance(value, str) and value in _NON_FINITE:
        return _NON_FINITE[value]
    if type(value) not in (int, float):
        raise wrong(f"a number in {name!r}", value)
    return convert(float, value, name)


def convert(maker: Callable[[Any], T], value: Any, name: str) -> T:
    """What `maker` makes of a value; IntegrityError where it refuses."""
    try:
        return maker(value)
    except (ValueError, OverflowError) as error:
        raise wrong(f"a valid {name!r}", value) from error


def text_of(named: Mapping[str, Any], name: str) -> str:
    """A text field; IntegrityError for anything else."""
    value = named[name]
    return value if type(value) is str else typed(value, str, name)


def _texts(named: dict[str, Any]) -> dict[str, str]:
    if not _TEXT.issuperset(map(type, named.values())):
        for name in named:
            text_of(named, name)
    return named


def count_of(named: Mapping[str, Any], name: str) -> int:
    """A field that counts: a whole number from 0; IntegrityError for anything else."""
    value = named[name]
    if type(value) is not int or value < 0:  # a bool is an int too, but not a count
        raise wrong(f"a count in {name!r}", value)
    return value


def _mapping(named: Mapping[str, Any], name: str) -> dict[str, Any]:
    return typed(named[name], dict, name)


def typed(value: Any, kind: type[T], name: str) -> T:
    """A value of one of JSON's types; IntegrityError for another."""
    if not isinstance(value, kind):
        raise wrong(f"{kind.__name__} in {name!r}", value)
    return value


def wrong(expected: str, value: object) -> IntegrityError:
    """The error for a field's value."""
    return IntegrityError(expected, repr(value)[:80], "restore the file")
