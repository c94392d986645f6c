"""Names from outside as names of files: safe everywhere, unique even where case does not count."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from srbench.report.views import Board
from srbench.store.aggregate import CellResult

_PLAIN = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LONGEST = 48
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "index"} | {f"{d}{n}" for d in ("com", "lpt") for n in range(10)}
)
"""What Windows takes for a device, whatever stands after a dot; and a folder's own page."""


def file_names(names: Iterable[str]) -> dict[str, str]:
    """A file's name, without its ending, for each name: ``imdn``, or ``edsr-7c1d0e42`` for ``EDSR+``.

    A name of lower-case letters, digits and single hyphens stands for itself; any other is cut down to such
    and gets eight digits of its digest, so that it depends on no other name but one made to collide.
    """
    taken: dict[str, str] = {}
    for name in sorted(set(names), key=lambda name: (not _is_plain(name), name)):
        chosen = name if _is_plain(name) else f"{_stem(name)}{_digest(name)[:8]}"
        taken[name] = chosen if chosen not in taken.values() else f"{_stem(name)}{_digest(name)}"
    return taken


def _is_plain(name: str) -> bool:
    return len(name) <= _LONGEST and name not in _DEVICES and _PLAIN.fullmatch(name) is not None


def _stem(name: str) -> str:
    readable = re.sub(r"[^a-z0-9]+", "-", name[: 4 * _LONGEST].lower()).strip("-")[:_LONGEST].strip("-")
    return f"{readable}-" if readable else "x-"


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Paths:
    """Where pages stand in the site, relative to its folder, with forward slashes.

    Attributes:
        models: by a cell's ``model``.
        datasets: by a cell's ``dataset``, which may be a part of a set (``urban100[24]``).
        boards: by a board's `key`, its protocol's signature.
    """

    models: Mapping[str, str]
    datasets: Mapping[str, str]
    boards: Mapping[str, str]


def paths_of(results: Iterable[CellResult], boards: Iterable[Board]) -> Paths:
    """The pages of all that occurs in results."""
    cells = [result.cell for result in results]
    named = {board.key: board.name.replace(" ", "-") for board in boards}
    files = _below("boards", named.values())
    return Paths(
        _below("models", {cell.model for cell in cells}),
        _below("datasets", {cell.dataset for cell in cells}),
        {key: files[name] for key, name in named.items()},
    )


def _below(folder: str, names: Iterable[str]) -> dict[str, str]:
    return {name: f"{folder}/{file}.html" for name, file in file_names(names).items()}


def stem(path: str) -> str:
    """``imdn`` of ``models/imdn.html``."""
    return path.rpartition("/")[2].removesuffix(".html")
