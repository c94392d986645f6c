"""Model cards: TOML to `ModelInfo`; unknown fields and wrong types are refused in one line."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from srbench.errors import PluginError
from srbench.typed import Reader
from srbench.types import Asset, ModelInfo

_READER = Reader(PluginError, "correct the card")
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
        raise _READER.refused("adapter as 'module:attribute'", repr(adapter), origin)
    info = _READER.read(ModelInfo, table, origin)
    for weights in info.weights:
        if not _pinned(weights.asset):
            raise _READER.refused("a whole sha256", repr(weights.asset.sha256), f"{origin}: weights")
    return info, adapter


def _pinned(asset: Asset) -> bool:
    """By a whole sha256, or by its first digits if these are all that the file's name tells of it."""
    return len(asset.sha256) == _SHA256_DIGITS or f"-{asset.sha256}." in asset.name


def info_from(table: Mapping[str, Any], origin: str) -> ModelInfo:
    """The model that a card's fields describe.

    Raises:
        PluginError: a field is unknown, missing or of another type.
    """
    return _READER.read(ModelInfo, table, origin)
