"""Published figures: what papers and repositories print, each with its source and its protocol.

One TOML file per source in ``results/references``. Figures keep the digits that were printed. A figure's
protocol is the recipe it was computed under: one of srbench's own, where that is known to reproduce the
source's kind of figure, or one of `OTHER_PROTOCOLS`, under which nothing is ever compared.
"""

from __future__ import annotations

import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import cache
from importlib.resources.abc import Traversable
from typing import Any, Literal

from srbench import resources
from srbench.errors import IntegrityError
from srbench.protocols import RECIPES
from srbench.types import field_names

FIGURES = ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb", "lpips")

OTHER_PROTOCOLS: dict[str, str] = {
    "unstated": "the network's or the source's own pipeline, not known to be one of srbench's",
    "srgan": "SRGAN's paper: Y, 4 pixels of border, an SSIM of its own",
    "rgb-shave6": "RGB, a border of scale + 6: EDSR's DIV2K validation",
    "bd": "RDN's BD: blurred by a 7x7 Gaussian of sigma 1.6, then x3",
    "dn": "RDN's DN: bicubic x3, then noise of level 30",
    "video-bd": "Y; blurred, then sampled: kernel, phase and border differ from source to source",
    "video-bd-crop8": "as video-bd, with a border of 8 pixels",
    "video-tecogan": "TecoGAN's own crop and range of frames, blur of sigma 1.5",
    "video-tecogan-bi": "TecoGAN's own crop and range of frames, bicubic",
}
"""Protocols of published figures that srbench does not compute, and what they are."""

COMPARABLE: dict[str, frozenset[str]] = {
    "classic": frozenset({"psnr_y", "ssim_y"}),
    "vdsr": frozenset({"psnr_y", "ssim_y"}),
    "selfexsr": frozenset({"psnr_y", "ssim_y"}),
    # PSNR over three channels is one formula; toolkits average SSIM over channels differently.
    "rgb": frozenset({"psnr_rgb"}),
    "video": frozenset({"psnr_y", "ssim_y", "psnr_rgb"}),
}
"""By protocol, the figures that the same recipe of srbench reproduces."""


@dataclass(frozen=True)
class Reference:
    """One published row.

    Attributes:
        model: as printed; the training set is added where one source prints a model twice.
        protocol: a name of `srbench.protocols`, or of `OTHER_PROTOCOLS`.
        figures: by metric name, with the digits printed.
        source: title, repository, commit and place.
        own: the source is the model's own paper or repository.
        params: as printed, like ``43M``.
        flops: as printed; `note` may say at which size.
    """

    model: str
    scale: int
    dataset: str
    protocol: str
    figures: Mapping[str, Decimal]
    source: str
    own: bool = False
    params: str = ""
    flops: str = ""
    trained_on: str = ""
    note: str = ""

    def comparable(self, metric: str) -> Decimal | None:
        """The figure, if srbench computes the same quantity under the protocol of the same name."""
        return self.figures.get(metric) if metric in COMPARABLE.get(self.protocol, ()) else None


@dataclass(frozen=True)
class _File:
    """The fields of a reference file."""

    title: str
    own: tuple[str, ...]
    tables: tuple[Any, ...]
    repository: str = ""
    commit: str = ""


@dataclass(frozen=True)
class _Table:
    """The fields of one table of a source; its note holds for each of its results."""

    place: str
    results: tuple[Any, ...]
    note: str = ""


_RESULT_FIELDS = (field_names(Reference) - {"figures", "source", "own"}) | set(FIGURES)
_REQUIRED = ("model", "scale", "dataset", "protocol")


def load_references(folder: Traversable | None = None) -> list[Reference]:
    """Every published row, files in alphabetical order; srbench's own folder by default.

    Raises:
        IntegrityError: a file is no TOML, or has an unknown field, protocol or type; the file is named.
    """
    found = resources.references_folder() if folder is None else folder
    files = sorted(
        (path for path in found.iterdir() if path.name.endswith(".toml")), key=lambda path: path.name
    )
    return [reference for path in files for reference in parse_references(path.read_text("utf-8"), path.name)]


def parse_references(text: str, name: str) -> list[Reference]:
    """The rows of one file; `name` stands in error messages.

    Raises:
        IntegrityError: as `load_references`.
    """
    try:
        named = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise IntegrityError("TOML", f"{name}: {error}", "correct the file") from error
    file = _made(_File, named, name)
    return [
        _reference(file, _made(_Table, table, name), row, name)
        for table in file.tables
        for row in table["results"]
    ]


def _made(noun: Any, named: Mapping[str, Any], name: str) -> Any:
    required = {f.name for f in fields(noun) if f.name in ("title", "own", "tables", "place", "results")}
    _check_names(set(named), required, field_names(noun), name)
    return noun(**named)


def _check_names(names: set[str], required: set[str], known: Iterable[str], where: str) -> None:
    unknown, missing = sorted(names - set(known)), sorted(required - names)
    if unknown or missing:
        got = f"unknown {', '.join(unknown)}" if unknown else f"no {', '.join(missing)}"
        raise IntegrityError("the fields of a published figure", f"{got} in {where}", "correct the file")


def _reference(file: _File, table: _Table, row: Mapping[str, Any], name: str) -> Reference:
    where = f"{name}: {row.get('model', '?')} x{row.get('scale', '?')} {row.get('dataset', '?')}"
    _check_names(set(row), set(_REQUIRED), _RESULT_FIELDS, where)
    _check_values(row, where)
    plain = {key: value for key, value in row.items() if key not in FIGURES and key != "note"}
    return Reference(
        **plain,
        figures={key: row[key] for key in FIGURES if key in row},
        source=_source(file, table),
        own=row["model"] in file.own,
        note="; ".join(note for note in (table.note, row.get("note", "")) if note),
    )


def _check_values(row: Mapping[str, Any], where: str) -> None:
    kinds = {"scale": int, **dict.fromkeys(FIGURES, Decimal)}
    wrong = [key for key, value in row.items() if type(value) is not kinds.get(key, str)]
    if wrong:
        raise IntegrityError(
            "text, a whole scale and decimal figures", f"{wrong[0]} in {where}", "correct the file"
        )
    if row["protocol"] not in RECIPES and row["protocol"] not in OTHER_PROTOCOLS:
        raise IntegrityError("a known protocol", f"{row['protocol']!r} in {where}", "correct the file")
    if not set(row) & set(FIGURES):
        raise IntegrityError("a figure", f"none in {where}", "correct the file")


def _source(file: _File, table: _Table) -> str:
    at = f"{file.repository}@{file.commit}" if file.commit else file.repository
    return ", ".join(part for part in (file.title, " ".join((at, table.place)).strip()) if part)


class References:
    """Published rows, looked up by model, dataset and scale."""

    def __init__(self, references: Iterable[Reference]) -> None:
        self._rows: dict[tuple[str, str, int], list[Reference]] = defaultdict(list)
        for reference in references:
            self._rows[reference.model, reference.dataset, reference.scale].append(reference)

    def candidates(self, model: str, dataset: str, scale: int) -> list[Reference]:
        """Every row printed for these, best first: the model's own source, then the most common figures."""
        rows = self._rows.get((model, dataset, scale), [])
        votes = Counter(_figures(row) for row in rows)
        return sorted(rows, key=lambda row: (not row.own, -votes[_figures(row)]))

    def published(self, model: str, dataset: str, scale: int, protocol: str) -> Reference | None:
        """The row to put beside a measurement under `protocol`; None when no source prints one."""
        return next((row for row in self.candidates(model, dataset, scale) if row.protocol == protocol), None)

    def printed(self, model: str, scale: int, field: Literal["params", "flops"]) -> Reference | None:
        """The row that prints parameters, or multiply-adds at 1280x720: the model's own, then most digits."""
        rows = [
            row
            for (name, _, factor), found in self._rows.items()
            for row in found
            if (name, factor) == (model, scale)
            and getattr(row, field)
            and (field == "params" or "1280x720" in row.note)
        ]
        return max(rows, key=lambda row: (row.own, len(getattr(row, field))), default=None)

    def figure(self, model: str, dataset: str, scale: int, metric: str, protocol: str) -> Reference | None:
        """The row that prints one metric: under `protocol` if there is one, else under any other."""
        rows = [row for row in self.candidates(model, dataset, scale) if metric in row.figures]
        return next((row for row in rows if row.protocol == protocol), rows[0] if rows else None)


def _figures(row: Reference) -> tuple[str, Decimal | None, Decimal | None]:
    """What two sources must agree on to print the same figure: the main metrics, digit for digit."""
    main, second = ("psnr_y", "ssim_y") if "psnr_y" in row.figures else ("psnr_rgb", "ssim_rgb")
    return row.protocol, row.figures.get(main), row.figures.get(second)


@cache
def shipped() -> References:
    """The published figures that come with srbench."""
    return References(load_references())


def published(model: str, dataset: str, scale: int, protocol: str) -> Reference | None:
    """`References.published` of the figures that come with srbench."""
    return shipped().published(model, dataset, scale, protocol)
