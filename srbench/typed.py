"""TOML and JSON tables as frozen dataclasses: a field that is unknown, missing or of another type is refused.

So a typo in a card or a recipe is never swallowed. Nested dataclasses, tuples, mappings, literals,
``X | None`` and unions of dataclasses (told apart by their fields) are understood. Where a float is
declared an integer becomes one; nothing else is converted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from srbench.errors import UsageError

Noun = TypeVar("Noun")


@dataclass(frozen=True)
class Reader:
    """Reads tables.

    Attributes:
        error: what is raised.
        hint: what to do about it.
    """

    error: type[UsageError]
    hint: str

    def read(self, noun: type[Noun], table: Any, where: str) -> Noun:
        """The table as a value of a dataclass.

        Args:
            noun: the dataclass.
            table: its fields by name.
            where: for messages.

        Raises:
            UsageError: (or its subclass `error`) a field is unknown, missing or of another type.
        """
        if not isinstance(table, Mapping):
            raise self.refused("a table", repr(table), where)
        kind: Any = noun
        hints = _hints(kind)
        unknown = sorted(set(table) - set(hints))
        if unknown:
            raise self.refused(f"only the fields {', '.join(hints)}", repr(unknown[0]), where)
        missing = [name for name in _required(kind) if name not in table]
        if missing:
            raise self.refused(f"the field {missing[0]}", "none", where)
        return noun(
            **{key: self._value(hints[key], value, f"{where}: {key}") for key, value in table.items()}
        )

    def refused(self, expected: str, got: str, where: str) -> UsageError:
        """The error, in one line."""
        return self.error(expected, f"{got} in {where}", self.hint)

    def _value(self, hint: Any, value: Any, where: str) -> Any:
        """The value as the type that a field declares."""
        if get_origin(hint) is tuple:
            return self._tuple(get_args(hint), value, where)
        if get_origin(hint) is Literal:
            if value not in get_args(hint) or isinstance(value, bool):
                raise self.refused(" or ".join(map(str, get_args(hint))), repr(value), where)
            return value
        if get_origin(hint) is Mapping:  # free in its keys: whoever reads it further refuses
            if not isinstance(value, Mapping):
                raise self.refused("a table", repr(value), where)
            return value
        if is_dataclass(hint):
            return self.read(hint, value, where)  # type: ignore[arg-type]
        if value is not None and _is_optional_noun(hint):
            return self._value(_members(hint)[0], value, where)
        if all(is_dataclass(one) for one in _members(hint)):
            return self._told_apart(_members(hint), value, where)
        return self._plain(hint, value, where)

    def _tuple(self, types: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise self.refused("a list", repr(value), where)
        if types[-1] is Ellipsis:
            types = (types[0],) * len(value)
        if len(types) != len(value):
            raise self.refused(f"a list of {len(types)}", repr(value), where)
        return tuple(self._value(hint, one, where) for hint, one in zip(types, value, strict=True))

    def _told_apart(self, nouns: tuple[Any, ...], table: Any, where: str) -> Any:
        fitting = [n for n in nouns if isinstance(table, Mapping) and set(table) == set(_hints(n))]
        if fitting:
            return self.read(fitting[0], table, where)
        kinds = "; ".join(", ".join(_hints(noun)) for noun in nouns)
        raise self.refused(f"a table with the fields {kinds}", repr(table), where)

    def _plain(self, hint: Any, value: Any, where: str) -> Any:
        kinds = _members(hint)
        if float in kinds and type(value) is int:
            return float(value)
        if type(value) not in kinds:
            raise self.refused(f"a value of type {kinds[0].__name__}", repr(value), where)
        return value


def _members(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if isinstance(hint, UnionType) or get_origin(hint) is Union else (hint,)


def _is_optional_noun(hint: Any) -> bool:
    """``Noun | None``."""
    members = _members(hint)
    return len(members) == 2 and is_dataclass(members[0]) and members[1] is type(None)


@cache
def _hints(noun: Any) -> dict[str, Any]:
    return get_type_hints(noun)


@cache
def _required(noun: Any) -> tuple[str, ...]:
    return tuple(f.name for f in fields(noun) if f.default is MISSING and f.default_factory is MISSING)
