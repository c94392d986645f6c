"""A model's results as the ``model-index`` of a model card on the Hugging Face Hub (YAML).

Structure: the Hub's model card specification, as `huggingface_hub.model_index_to_eval_results` reads it.
A text is a JSON string, which YAML reads as it is. Only complete results are told: the Hub shows no reason
beside a number.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from srbench import __version__
from srbench.report.entries import Column, Entry
from srbench.report.load import Report
from srbench.report.names import stem
from srbench.report.plain import plain
from srbench.report.views import Board, Row

_TYPES = {"psnr_y": "psnr", "psnr_rgb": "psnr", "ssim_y": "ssim", "ssim_rgb": "ssim"}
"""The Hub's words for metrics; the name and the signature say which one it is."""

_NOT_YAML = re.compile("[^\n -~\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""YAML 1.2, 5.1; the byte order mark is left out as well."""


@dataclass(frozen=True)
class Card:
    """One model's metadata: `name` is a file's, without its ending."""

    name: str
    text: str


def cards(report: Report) -> Iterator[Card]:
    """The metadata of each model that has a complete result.

    Each result names its source, the model's page, if the report knows the address of its site: the Hub takes
    a source's name with an address alone.
    """
    rows: dict[str, list[tuple[Board, Row]]] = {}
    for board in report.boards:
        for row in board.rows:
            rows.setdefault(row.key[0], []).append((board, row))
    for model, found in rows.items():
        source = f"{report.url.rstrip('/')}/{report.paths.models[model]}" if report.url else ""
        results = [line for board, row in found for line in _results(board, row, report, source)]
        if results:
            head = ["model-index:", f"- name: {_text(found[0][1].title)}", "  results:"]
            yield Card(stem(report.paths.models[model]), "\n".join([*head, *results, ""]))


def _results(board: Board, row: Row, report: Report, source: str) -> Iterator[str]:
    """A result for each dataset of a board."""
    start = 0
    for group in board.groups:
        places = range(start, start + group.columns)
        start += group.columns
        told = [(board.columns[p], row.entries[p]) for p in places if _complete(row.entries[p])]
        if told and not group.cost:
            manifest = report.manifests.get(group.key[0])
            title = plain(manifest.title) if manifest is not None else group.dataset
            yield from _result(board, row, told, title, source)


def _complete(entry: Entry) -> bool:
    return entry.ranked and entry.value is not None and math.isfinite(entry.value)


def _result(
    board: Board, row: Row, told: Sequence[tuple[Column, Entry]], title: str, source: str
) -> Iterator[str]:
    column = told[0][0]
    yield "  - task:"
    yield "      type: image-to-image"
    yield f"      name: {_text(f'Super-resolution x{board.scale}')}"
    yield "    dataset:"
    yield f"      type: {_text(column.dataset)}"
    yield f"      name: {_text(title)}"
    yield f"      config: {_text(_config(board, row))}"
    yield "      split: test"
    yield "      args:"
    yield f"        protocol: {_text(board.signature)}"
    yield f"        inference: {_text(row.inference)}"
    yield f"        pixels: {_text(column.pixels)}"
    yield "    metrics:"
    for one, entry in told:
        yield f"    - type: {_text(_TYPES.get(one.metric, one.metric))}"
        yield f"      name: {_text(one.title)}"
        yield f"      value: {entry.text}"
        yield "      args:"
        yield f"        signature: {_text(one.signature)}"
    if source:
        yield "    source:"
        yield f"      name: {_text(f'srbench {__version__}')}"
        yield f"      url: {_text(source)}"


def _config(board: Board, row: Row) -> str:
    return f"{board.name}, {row.inference}" if row.inference else board.name


def _text(text: str) -> str:
    """A JSON string; a character that YAML does not take as it is, is written by its number."""
    return _NOT_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))
