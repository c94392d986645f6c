"""Model cards: TOML to `ModelInfo`; unknown fields and wrong types are refused in one line."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from types import UnionType
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from srbench.errors import PluginError
from srbench.types import Asset, LocalPath, ModelInfo, PackageFile, PackageResource, Source, Url, Weights

Noun = TypeVar("Noun")
_SOURCES: tuple[type[Any], ...] = (Url, PackageFile, PackageResource, LocalPath)
_HINTS = {noun: get_type_hints(noun) for noun in (ModelInfo, Weights, Asset, *_SOURCES)}
_SHA256_DIGITS = 64


def read_card(text: str, origin: str = "card") -> tuple[ModelInfo, str]:
    """A card's model, and the ``module:attribute`` of its adapter.

    A card holds the fields of `ModelInfo`, ``adapter``, and for each checkpoint a table ``[[weights]]``
    with the fields of `Weights`; its ``asset`` holds those of `Asset`, its ``sources`` are told apart by
    their fields (``address``; ``package``, ``version`` ...; ``path``).

    Args:
        text: TOML.
        origin: the card's name, for messages.

    Raises:
        PluginError: not TOML, a field is unknown, missing or of another type, or a digest isn't whole (unless
            its first digits are all that the file's name gives: ``edsr_x2-0edfb8a3.pt``, PyTorch hub's way).
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PluginError("a TOML card", f"{origin}: {error}", "correct the card") from error
    adapter = table.pop("adapter", None)
    if not isinstance(adapter, str) or ":" not in adapter:
        raise _refused("adapter as 'module:attribute'", repr(adapter), origin)
    info = _noun(ModelInfo, table, origin)
    for weights in info.weights:
        if not _pinned(weights.asset):
            raise _refused("a whole sha256", repr(weights.asset.sha256), f"{origin}: weights")
    return info, adapter


def _pinned(asset: Asset) -> bool:
    """By a whole sha256, or by its first digits if these are all that the file's name tells of it."""
    return len(asset.sha256) == _SHA256_DIGITS or f"-{asset.sha256}." in asset.name


def info_from(table: Mapping[str, Any], origin: str) -> ModelInfo:
    """The model that a card's fields describe.

    Raises:
        PluginError: a field is unknown, missing or of another type.
    """
    return _noun(ModelInfo, table, origin)


def _noun(noun: type[Noun], table: Any, where: str) -> Noun:
    if not isinstance(table, Mapping):
        raise _refused("a table", repr(table), where)
    hints = _HINTS[noun]
    unknown = sorted(set(table) - set(hints))
    if unknown:
        raise _refused(f"only the fields {', '.join(hints)}", repr(unknown[0]), where)
    missing = [f.name for f in fields(noun) if f.default is MISSING and f.name not in table]  # type: ignore[arg-type]
    if missing:
        raise _refused(f"the field {missing[0]}", "none", where)
    return noun(**{key: _value(hints[key], value, f"{where}: {key}") for key, value in table.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    """The TOML value as the type that a field declares."""
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise _refused("a list", repr(value), where)
        return tuple(_value(get_args(hint)[0], one, where) for one in value)
    if hint == Source:
        return _source(value, where)
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise _refused(" or ".join(get_args(hint)), repr(value), where)
        return value
    if hint in (Weights, Asset):
        return _noun(hint, value, where)
    return _plain(hint, value, where)


def _plain(hint: Any, value: Any, where: str) -> Any:
    kinds = get_args(hint) if get_origin(hint) is UnionType or isinstance(hint, UnionType) else (hint,)
    kinds = (*kinds, int) if float in kinds else kinds
    if type(value) not in kinds:
        raise _refused(f"a value of type {kinds[0].__name__}", repr(value), where)
    return value


def _source(table: Any, where: str) -> Source:
    fitting = [n for n in _SOURCES if isinstance(table, Mapping) and set(table) == set(_HINTS[n])]
    if fitting:
        return cast(Source, _noun(fitting[0], table, where))
    kinds = "; ".join(", ".join(_HINTS[noun]) for noun in _SOURCES)
    raise _refused(f"a source with the fields {kinds}", repr(table), where)


def _refused(expected: str, got: str, where: str) -> PluginError:
    return PluginError(expected, f"{got} in {where}", "correct the card")
