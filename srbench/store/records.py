"""One record as one line of JSON, and back: nothing lost, nothing guessed, nothing unknown let in.

The text is strict JSON in ASCII with sorted keys and no blanks. A float is written with the digits
that read back to the same bits; infinities and NaN, which JSON lacks, are the strings ``"inf"``,
``"-inf"`` and ``"nan"``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from srbench.errors import IntegrityError
from srbench.types import SCHEMA_VERSION, Cell, Record, Score, Status, field_names

T = TypeVar("T")

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


def decode(line: str | bytes) -> Record:
    """The record of one line.

    Raises:
        NotJsonError: the line is no JSON object.
        IntegrityError: a newer schema, or an unknown, missing or wrongly typed field.
    """
    named = _parse(line)
    _check_schema(named)
    _check_fields(named, Record, "record")
    return Record(
        cell=_cell(named["cell"]),
        item=_text(named, "item"),
        items=_count(named, "items"),
        status=_status(named["status"]),
        reason=_text(named, "reason"),
        frames=_count(named, "frames"),
        prediction=_text(named, "prediction"),
        key_fields={name: _text(named["key_fields"], name) for name in _mapping(named, "key_fields")},
        scores={name: _score(named["scores"][name]) for name in _mapping(named, "scores")},
        seconds=_number(named["seconds"], "seconds"),
        megapixels=_number(named["megapixels"], "megapixels"),
        provenance=_text(named, "provenance"),
        time=_text(named, "time"),
        schema=named["schema"],
    )


def _parse(line: str | bytes) -> dict[str, Any]:
    try:
        named = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError too
        raise NotJsonError(str(error)) from error
    if not isinstance(named, dict):
        raise NotJsonError(f"a JSON {type(named).__name__}")
    return named


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _check_schema(named: Mapping[str, Any]) -> None:
    schema = named.get("schema")
    if type(schema) is not int or schema < 1:
        raise IntegrityError(
            "a record with its schema's number", repr(schema), "is this a journal of srbench?"
        )
    if schema > SCHEMA_VERSION:
        raise IntegrityError(
            f"a record of schema {SCHEMA_VERSION} or older", f"schema {schema}", "upgrade srbench to read it"
        )


def _check_fields(named: object, noun: type, what: str) -> None:
    if not isinstance(named, dict):
        raise _wrong(f"a {what}", named)
    unknown, missing = set(named) - field_names(noun), field_names(noun) - set(named)
    if unknown:
        raise IntegrityError(f"the fields of a {what}", f"unknown {_listed(unknown)}", "upgrade srbench?")
    if missing:
        raise IntegrityError(f"the fields of a {what}", f"none named {_listed(missing)}", "restore the file")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, sorted(names)))[:200]


def _cell(named: Any) -> Cell:
    named = {"average": "", **named} if isinstance(named, dict) else named
    _check_fields(named, Cell, "cell")
    texts = {name: _text(named, name) for name in field_names(Cell) - {"scale"}}
    return Cell(scale=_count(named, "scale"), **texts)


def _score(named: Any) -> Score:
    _check_fields(named, Score, "score")
    values = _typed(named["values"], list, "values")
    return Score(
        signature=_text(named, "signature"),
        key=_text(named, "key"),
        values=tuple(_number(value, "values") for value in values),
        reason=_text(named, "reason"),
    )


def _status(value: Any) -> Status:
    return _convert(Status, value, "status")


def _number(value: Any, name: str) -> float:
    if isinstance(value, str) and value in _NON_FINITE:
        return _NON_FINITE[value]
    if type(value) not in (int, float):
        raise _wrong(f"a number in {name!r}", value)
    return _convert(float, value, name)


def _convert(maker: Callable[[Any], T], value: Any, name: str) -> T:
    try:
        return maker(value)
    except (ValueError, OverflowError) as error:
        raise _wrong(f"a valid {name!r}", value) from error


def _text(named: Mapping[str, Any], name: str) -> str:
    return _typed(named[name], str, name)


def _count(named: Mapping[str, Any], name: str) -> int:
    value = named[name]
    if type(value) is not int or value < 0:  # a bool is an int too, but not a count
        raise _wrong(f"a count in {name!r}", value)
    return value


def _mapping(named: Mapping[str, Any], name: str) -> dict[str, Any]:
    return _typed(named[name], dict, name)


def _typed(value: Any, kind: type[T], name: str) -> T:
    if not isinstance(value, kind):
        raise _wrong(f"{kind.__name__} in {name!r}", value)
    return value


def _wrong(expected: str, value: object) -> IntegrityError:
    return IntegrityError(expected, repr(value)[:80], "restore the file")
