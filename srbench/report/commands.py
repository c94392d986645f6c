"""The command that makes one row of a board again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from srbench.protocols import RECIPES, get_protocol
from srbench.types import Cell

_KEPT = (
    "--flavour", "--gray", "--degradation", "--border", "--mean", "--tile", "--split", "--device",
    "--metrics", "--limit", "--timeout", "--plugin",
)  # fmt: skip
"""Options of ``run`` and ``score`` that move a number or without which it can't be had."""


def command_of(cell: Cell, argv: Sequence[str]) -> str:
    """The command of a cell alone, to be pasted into a shell.

    Args:
        cell: model x dataset x scale x protocol.
        argv: the command that measured it, among others perhaps, as its provenance has it; empty if not kept.

    Returns:
        Empty where the protocol's fields were replaced and the command that did so was not kept.
    """
    kept = list(_kept(argv))
    usual = cell.protocol in RECIPES and get_protocol(cell.protocol, cell.scale).signature == cell.signature
    if not (usual or kept):
        return ""
    return shlex.join(
        ["srbench", *_what(cell, argv), "-x", str(cell.scale), "--protocol", cell.protocol, *kept]
    )


def _what(cell: Cell, argv: Sequence[str]) -> list[str]:
    dataset = cell.dataset.partition("[")[0]
    if not cell.model.startswith("folder:"):
        return ["run", "-m", cell.model, "-d", dataset]
    outputs = next((part for part in argv[1:2] if argv[0] == "score"), "DIR")
    return ["score", outputs, "--against", dataset, "--as", cell.model.removeprefix("folder:")]


def _kept(argv: Sequence[str]) -> Iterator[str]:
    """The options of `_KEPT` with their values, as they were given."""
    for place, word in enumerate(argv):
        name, equals, _ = word.partition("=")
        if name in _KEPT:
            yield from [word] if equals else argv[place : place + 2]
