"""The committed baseline: small, sorted, one line a cell with its per-image values, made for a diff.

``baseline.jsonl`` begins with a line that says its version, how many cells follow and their sha256: a file
that was cut short, merged or edited by hand is refused. Values have six decimals (1e-6 dB): every tolerance
is far above, and runs that differ in their last bits have equal lines. ``blessings.jsonl`` beside it says
when and why it was changed, what changed, and the means before.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NoReturn

from srbench.errors import IntegrityError, UsageError
from srbench.store.aggregate import DONE, PARTIAL
from srbench.store.files import write_whole
from srbench.store.records import (
    NotJsonError,
    cell_of,
    count_of,
    encode_number,
    number_of,
    parse_object,
    text_of,
    typed,
    wrong,
)
from srbench.store.scores import CellScores, MetricScores, Values
from srbench.types import Cell, Status

BASELINE = "baseline.jsonl"
BLESSINGS = "blessings.jsonl"
SCHEMA = 1
DECIMALS = 6

_HEADER = frozenset({"baseline", "cells", "sha256"})
_CELL = [f.name for f in fields(Cell)]
_REST = ("expected", "status", "reason", "metrics")
_LEFT_OUT = {"inference": "", "pixels": "", "average": "", "status": DONE, "reason": ""}
"""What a line does without where it is empty, or done."""
_HINT = "restore it, or bless results again after removing it"


def baseline_path(folder: Path) -> Path:
    """The baseline inside a folder."""
    return folder / BASELINE


# ------------------------------------------------------------------------------------------- reading


def read_baseline(path: Path) -> list[CellScores]:
    """The cells of a baseline; nothing is guessed, and nothing is written.

    Raises:
        UsageError: the file can't be read.
        IntegrityError: it was cut short, changed since it was blessed, or is of a newer schema.
    """
    header, lines = _checked(path)
    cells = [_cell_scores(line, number, path) for number, line in enumerate(lines, 2)]
    if len(cells) != header["cells"]:
        _refuse(f"{header['cells']} cells", f"{len(cells)}", path)
    twice = [cell for cell, count in Counter(scores.cell for scores in cells).items() if count > 1]
    if twice:
        _refuse("each cell once", f"{_named(twice[0])} twice", path)
    return cells


def digest_of(path: Path) -> str:
    """The digest in a baseline's header, the file checked against it; empty where there is no file.

    Raises:
        IntegrityError: as `read_baseline`.
    """
    return str(_checked(path)[0]["sha256"]) if path.exists() else ""


def _checked(path: Path) -> tuple[dict[str, Any], list[str]]:
    """The header, and the lines that its digest vouches for."""
    try:
        # Line ends that a version control system has converted are no change.
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise IntegrityError("a baseline in UTF-8", f"{path}: {error.reason}", _HINT) from error
    except OSError as error:
        raise UsageError(
            "a baseline that can be read", f"{path}: {error.strerror}", "check the path"
        ) from error
    header = _header(lines[0] if lines else "", path)
    if _digest(lines[1:]) != header["sha256"]:
        _refuse("the cells that its first line vouches for", _what_changed(header, lines), path)
    return header, lines[1:]


def _header(line: str, path: Path) -> dict[str, Any]:
    try:
        header = parse_object(line)
    except NotJsonError:
        header = {}
    version = header.get("baseline")
    if type(version) is not int:
        _refuse("a first line with its version and digest", repr(line[:60]), path)
    if version > SCHEMA:
        expected, got = f"a baseline of schema {SCHEMA} or older", f"schema {version} in {path}"
        raise IntegrityError(expected, got, "upgrade srbench to read it")
    cells = header.get("cells")
    if header.keys() != _HEADER or version != SCHEMA or type(cells) is not int or cells < 0:
        _refuse("a first line with its version, cells and digest", repr(line[:60]), path)
    return header


def _what_changed(header: Mapping[str, Any], lines: list[str]) -> str:
    if any(line.startswith(("<<<<<<<", "=======", ">>>>>>>")) for line in lines):
        return "marks of a merge conflict"
    found = len(lines) - 1
    if found < header["cells"]:
        return f"{found} of {header['cells']} cells (cut short?)"
    return f"{found} lines that were changed since (edited by hand?)"


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def _refuse(expected: str, got: str, path: Path) -> NoReturn:
    raise IntegrityError(expected, f"{got} in {path}", _HINT)


def _cell_scores(line: str, number: int, path: Path) -> CellScores:
    """One line's cell; the digest vouches for it, but a stranger's tool may have written both."""
    try:
        return _scores_of(parse_object(line))
    except IntegrityError as error:
        _refuse(error.expected, f"{error.got} on line {number}", path)
    except NotJsonError as error:
        _refuse("a cell with its values", f"line {number}, {error}", path)


def _scores_of(named: dict[str, Any]) -> CellScores:
    known = {**_LEFT_OUT, **named}
    odd = min(known.keys() ^ {*_CELL, *_REST}, default=None)
    if odd is not None:
        got = f"{'unknown' if odd in named else 'none named'} {odd!r}"
        raise IntegrityError("the fields of a cell", got, _HINT)
    status = text_of(known, "status")
    if status not in (*Status, PARTIAL):
        raise wrong("the status of a cell", status)
    metrics = typed(known["metrics"], dict, "metrics")
    return CellScores(
        cell_of({name: known[name] for name in _CELL}),
        status,
        text_of(known, "reason"),
        count_of(known, "expected"),
        tuple(_metric(name, metric) for name, metric in metrics.items()),
    )


def _metric(name: str, metric: Any) -> MetricScores:
    table = typed(metric, dict, name)
    if table.keys() != {"signature", "values"}:
        raise wrong(f"signature and values of {name}", sorted(table))
    items = typed(table["values"], dict, f"values of {name}")
    return MetricScores(
        name, text_of(table, "signature"), {item: _numbers(values, item) for item, values in items.items()}
    )


def _numbers(values: Any, item: str) -> Values:
    numbers = tuple(number_of(value, item) for value in (values if isinstance(values, list) else [values]))
    if not numbers or any(map(math.isnan, numbers)):
        raise wrong(f"numbers of {item}", values)
    return numbers


# ------------------------------------------------------------------------------------------- writing


def dump_baseline(cells: Iterable[CellScores]) -> str:
    """A baseline's text; the same cells give the same bytes in any order."""
    lines = [_line(scores) for scores in sorted(cells, key=_order)]
    header = {"baseline": SCHEMA, "cells": len(lines), "sha256": _digest(lines)}
    return "".join(f"{line}\n" for line in [_json(header), *lines])


def _order(scores: CellScores) -> tuple[str, ...]:
    cell = scores.cell
    rest = (cell.signature, cell.inference, cell.pixels, cell.average)
    return cell.model, cell.dataset, f"{cell.scale:04}", cell.protocol, *rest


def _line(scores: CellScores) -> str:
    """What identifies a cell stands first; what is empty is left out."""
    named: dict[str, Any] = {name: getattr(scores.cell, name) for name in _CELL}
    named["expected"] = scores.expected
    if scores.status != DONE:
        named |= {"status": scores.status, "reason": scores.reason}
    named["metrics"] = {metric.name: _metric_json(metric) for metric in scores.metrics}
    return _json({name: value for name, value in named.items() if value != ""})


def _metric_json(metric: MetricScores) -> dict[str, Any]:
    values = {item: [_rounded(value) for value in frames] for item, frames in sorted(metric.items.items())}
    # A still is a number, a clip a list.
    short = {item: frames[0] if len(frames) == 1 else frames for item, frames in values.items()}
    return {"signature": metric.signature, "values": short}


def _rounded(value: float) -> float | str:
    return encode_number(round(value, DECIMALS) if math.isfinite(value) else value)


def _json(named: Mapping[str, Any]) -> str:
    return json.dumps(named, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


# ------------------------------------------------------------------------------------------ blessing


@dataclass(frozen=True)
class Change:
    """One mean of a cell before and after a blessing; None where there was or is none."""

    cell: Cell
    metric: str
    old: float | None
    new: float | None


@dataclass(frozen=True)
class Blessing:
    """What a blessing did.

    Attributes:
        digest: of the baseline after it.
        before: of the baseline before it; empty for the first.
        added: cells that were not in the baseline.
        removed: cells that are no longer in it.
        changed: means that moved, of cells that were in it.
        unchanged: cells that stayed as they were.
    """

    digest: str
    before: str
    added: tuple[Cell, ...]
    removed: tuple[Cell, ...]
    changed: tuple[Change, ...]
    unchanged: int

    @property
    def empty(self) -> bool:
        """Nothing differs from what is blessed already."""
        return self.digest == self.before


def unfinished(cells: Iterable[CellScores]) -> list[CellScores]:
    """Cells that have failed, were not completed, or hold values that are no numbers."""
    return [scores for scores in cells if scores.status != Status.SKIPPED and not _is_whole(scores)]


def _is_whole(scores: CellScores) -> bool:
    return scores.status == DONE and bool(scores.metrics) and all(map(_is_numeric, scores.metrics))


def bless(
    folder: Path, cells: Iterable[CellScores], *, prune: bool, record: Callable[[], Mapping[str, Any]]
) -> Blessing:
    """Put cells into the baseline of a folder, in place of those that stand where they do; and log it.

    Args:
        folder: of the baseline; made if it is not there.
        cells: what to bless; skipped cells are left out.
        prune: take all other cells out of the baseline.
        record: called if anything changed: the fields of the log's line that say when, why and by what code.

    Raises:
        IntegrityError: the baseline that is there is not as it was blessed, or the log is no text; nothing
            is written.
        UsageError: one of them can't be read; nothing is written.
        StorageError: a file can't be written.
    """
    path = baseline_path(folder)
    before = digest_of(path)
    old = {scores.cell: scores for scores in read_baseline(path)} if before else {}
    new = {scores.cell: _numeric(_latest(scores)) for scores in cells if scores.status != Status.SKIPPED}
    replaced = {_place(cell) for cell in new}
    kept = {} if prune else {cell: scores for cell, scores in old.items() if _place(cell) not in replaced}
    text = dump_baseline([*kept.values(), *new.values()])
    # As the file will be read, so that rounding alone is no change.
    now = {scores.cell: scores for scores in _parsed(text, path)}
    blessing = Blessing(
        digest=str(json.loads(text.partition("\n")[0])["sha256"]),
        before=before,
        added=tuple(cell for cell in now if cell not in old),
        removed=tuple(cell for cell in old if cell not in now),
        changed=tuple(change for cell in now if cell in old for change in _changes(old[cell], now[cell])),
        unchanged=sum(old.get(cell) == scores for cell, scores in now.items()),
    )
    if not blessing.empty:
        entry = {**record(), **_log_entry(blessing)}  # before the baseline itself makes a checkout dirty
        log = _read_log(folder / BLESSINGS)
        write_whole(path, text)
        write_whole(folder / BLESSINGS, f"{log}{_json(entry)}\n")
    return blessing


def _parsed(text: str, path: Path) -> list[CellScores]:
    return [_cell_scores(line, number, path) for number, line in enumerate(text.splitlines()[1:], 2)]


def _place(cell: Cell) -> tuple[Any, ...]:
    """Where a cell stands on a leaderboard: results of another protocol version or pixels take its place."""
    return cell.model, cell.dataset, cell.scale, cell.protocol, cell.inference


def _latest(scores: CellScores) -> CellScores:
    """One signature a metric: of several the one over most items, then the latest."""
    chosen: dict[str, MetricScores] = {}
    for metric in scores.metrics:
        if metric.items and (
            metric.name not in chosen or len(metric.items) >= len(chosen[metric.name].items)
        ):
            chosen[metric.name] = metric
    return replace(scores, metrics=tuple(chosen.values()))


def _numeric(scores: CellScores) -> CellScores:
    """A baseline holds numbers alone: a metric that is none has failed its cell."""
    broken = [metric.name for metric in scores.metrics if not _is_numeric(metric)]
    if not broken:
        return scores
    kept = tuple(metric for metric in scores.metrics if _is_numeric(metric))
    status = Status.FAILED.value if scores.status == DONE else scores.status
    return replace(scores, status=status, reason=f"{', '.join(broken)} is not a number", metrics=kept)


def _is_numeric(metric: MetricScores) -> bool:
    return not any(math.isnan(value) for values in metric.items.values() for value in values)


def _changes(old: CellScores, new: CellScores) -> Iterator[Change]:
    before = {metric.name: metric for metric in old.metrics}
    after = {metric.name: metric for metric in new.metrics}
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            yield Change(old.cell, name, _mean(old, before.get(name)), _mean(new, after.get(name)))


def _mean(scores: CellScores, metric: MetricScores | None) -> float | None:
    return None if metric is None else scores.mean(metric)


def _log_entry(blessing: Blessing) -> dict[str, Any]:
    return {
        "added": [_named(cell) for cell in blessing.added],
        "removed": [_named(cell) for cell in blessing.removed],
        "changed": [
            {
                "cell": _named(change.cell),
                "metric": change.metric,
                "old": _logged(change.old),
                "new": _logged(change.new),
            }
            for change in blessing.changed
        ],
        "unchanged": blessing.unchanged,
        "before": blessing.before,
        "after": blessing.digest,
    }


def _logged(value: float | None) -> float | str | None:
    return None if value is None else _rounded(value)


def _named(cell: Cell) -> str:
    return f"{cell.model}/{cell.dataset}/x{cell.scale}/{cell.protocol}"


def _read_log(path: Path) -> str:
    """What was blessed before, whole lines of text."""
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    except UnicodeDecodeError as error:
        raise IntegrityError("blessings in UTF-8", f"{path}: {error.reason}", "restore it") from error
    except OSError as error:
        got = f"{path}: {error.strerror}"
        raise UsageError("a file of blessings that can be read", got, "check the path") from error
    return text if text.endswith("\n") or not text else f"{text}\n"
