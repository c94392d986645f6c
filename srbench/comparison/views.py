"""A comparison as plain data: scores side by side, differences, images, costs, and where they differ most."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from markupsafe import Markup

from srbench.comparison.differences import Pair, pairs_of
from srbench.errors import NothingMeasured, SrbenchError, UsageError
from srbench.gate import words
from srbench.pictures.exhibits import Exhibit, Gallery, find_galleries
from srbench.pictures.plates import MODELS, Plate, plate_of
from srbench.registry import unknown
from srbench.report.load import Report
from srbench.report.picture_pages import Rule
from srbench.report.plain import plain
from srbench.report.plots.forest import Difference, Forest, described, draw_forest
from srbench.report.scenes import SceneView, data_uri, scene_views
from srbench.report.views import Board, boards
from srbench.store.scores import load_scores

PLATES = 8
"""The most items whose crops are in the file: those in which two of the models differ most."""

IMAGES = 120
"""The most images of a set in a table of images; a larger set is in the plot alone."""


@dataclass(frozen=True)
class Model:
    """A compared model; `inferences` under which it was run."""

    name: str
    title: str
    inferences: str


@dataclass(frozen=True)
class Value:
    """One score or cost; `mark` is ``best`` or empty, `note` what is to be known."""

    text: str
    mark: str
    note: str


@dataclass(frozen=True)
class Line:
    """One metric on one set, or one cost: a value for each model."""

    where: str
    what: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Table:
    """Scores under one protocol, or costs on one machine."""

    title: str
    signature: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class DifferenceLine:
    """One metric on one set; `word` says what is known."""

    where: str
    what: str
    first: str
    other: str
    difference: str
    interval: str
    effect: str
    p_value: str
    n: str
    word: str
    why: str


@dataclass(frozen=True)
class Against:
    """One model against the first: the table, and a plot for each metric."""

    first: str
    other: str
    counts: str
    lines: tuple[DifferenceLine, ...]
    figures: tuple[tuple[str, Markup], ...]


@dataclass(frozen=True)
class Images:
    """One metric on one set, image by image, a value for each model."""

    title: str
    rows: tuple[tuple[str, tuple[Value, ...]], ...]


@dataclass(frozen=True)
class ItemCrop:
    """Where two of the models differ most in one item."""

    item: str
    scene: SceneView


@dataclass(frozen=True)
class Comparison:
    """All of it."""

    models: tuple[Model, ...]
    measured: str
    scores: tuple[Table, ...]
    against: tuple[Against, ...]
    images: tuple[Images, ...]
    costs: tuple[Table, ...]
    crops: tuple[ItemCrop, ...]
    rule: Rule
    cut: bool
    """More items could have been shown."""


def compare_models(report: Report, names: Sequence[str], *, journal: Path | None = None) -> Comparison:
    """The comparison of models of a report.

    Args:
        report: whose results are compared.
        names: of models as records have them, the first one is what others are held against.
        journal: of the same results; the run's own by default.

    Raises:
        UsageError: fewer than two models, too many to stand beside each other, or a name without results.
        NothingMeasured: no two of them share a number.
    """
    models = list(dict.fromkeys(names))
    _check(report, models)
    cells = load_scores(journal or report.run)
    pairs = {other: pairs_of(models[0], other, cells, report.catalog.metrics) for other in models[1:]}
    if not any(pair.verdict.delta is not None for found in pairs.values() for pair in found):
        got = _unscored(report, models) or "no set, protocol and metric in common"
        raise NothingMeasured(f"scores that {' and '.join(models)} share", got, "run them on the same sets")
    drawn = boards([r for r in report.results if r.cell.model in models], report.catalog, report.timings)
    crops = _crops(report, models)
    return Comparison(
        models=tuple(_model(report, name) for name in models),
        measured=report.measured,
        scores=tuple(_table(board, models, cost=False) for board in drawn),
        against=tuple(
            _against(report, models[0], other, found, n) for n, (other, found) in enumerate(pairs.items())
        ),
        images=tuple(_images(report, models, pairs)),
        costs=tuple(table for board in drawn for table in _costs(board, models)),
        crops=tuple(crop for _, crop in crops[:PLATES]),
        rule=Rule("crops", "as each set's own note says"),
        cut=len(crops) > PLATES,
    )


def _check(report: Report, models: Sequence[str]) -> None:
    known = list(dict.fromkeys(result.cell.model for result in report.results))
    for name in models:
        if name not in known:
            error = unknown("model", name, known)
            hint = error.hint.replace("srbench list models", "srbench list results")
            raise UsageError(f"a model of {report.run}", error.got, hint)
    if len(models) < 2:
        hint = f"name another one, such as {next((k for k in known if k not in models), 'one that you run')}"
        raise UsageError("two models or more to compare", ", ".join(models) or "none", hint)
    if len(models) > MODELS:
        raise UsageError(f"at most {MODELS} models", str(len(models)), "srbench report compares all of them")


def _unscored(report: Report, models: Sequence[str]) -> str:
    """Of the models that have no score at all, why; empty if each has one."""
    found = []
    for name in models:
        own = [result for result in report.results if result.cell.model == name]
        if not any(result.metrics for result in own):
            found.append(f"no score of {name} ({own[0].status}: {own[0].reason})")
    return plain("; ".join(found))


def _model(report: Report, name: str) -> Model:
    seen = dict.fromkeys(
        r.cell.inference for r in report.results if r.cell.model == name and r.cell.inference
    )
    return Model(plain(name), _title(report, name), plain(", ".join(seen)))


def _title(report: Report, name: str) -> str:
    return plain(report.catalog.titles.get(name, name))


# ----------------------------------------------------------------------------------- side by side


def _table(board: Board, models: Sequence[str], *, cost: bool) -> Table:
    places = [place for place, column in enumerate(board.columns) if column.cost == cost]
    return Table(board.name, board.signature, tuple(_line(board, place, models) for place in places))


def _line(board: Board, place: int, models: Sequence[str]) -> Line:
    column = board.columns[place]
    arrow = {"higher": " ↑", "lower": " ↓"}.get(column.direction, "")
    return Line(column.dataset, f"{column.title}{arrow}", tuple(_value(board, place, m) for m in models))


def _value(board: Board, place: int, model: str) -> Value:
    """A model's entry; of several inferences the best one's row, which stands first."""
    entries = [row.entries[place] for row in board.rows if row.key[0] == model]
    entry = next((one for one in entries if one.value is not None), entries[0] if entries else None)
    if entry is None:
        return Value("—", "", "not run")
    return Value(entry.text, "best" if entry.mark == "best" else "", entry.reason)


def _costs(board: Board, models: Sequence[str]) -> Iterator[Table]:
    """A table for each group of costs; those that no two models share are left out."""
    lines = _table(board, models, cost=True).lines
    for where in dict.fromkeys(line.where for line in lines):
        chosen = tuple(line for line in lines if line.where == where)
        if any(sum(value.text != "—" for value in line.values) > 1 for line in chosen):
            yield Table(f"{board.name}: {where}", "", chosen)


# ------------------------------------------------------------------------------------ differences


def _against(report: Report, first: str, other: str, pairs: Sequence[Pair], number: int) -> Against:
    counts = {word: sum(pair.word == word for pair in pairs) for word in dict.fromkeys(p.word for p in pairs)}
    return Against(
        first=_title(report, first),
        other=_title(report, other),
        counts=", ".join(f"{count} {word}" for word, count in counts.items()),
        lines=tuple(_difference(report, pair) for pair in pairs),
        figures=tuple(_figures(report, first, other, pairs, number)),
    )


def _difference(report: Report, pair: Pair) -> DifferenceLine:
    verdict, measure = pair.verdict, pair.verdict.measure
    return DifferenceLine(
        where=_where(pair),
        what=_metric(report, measure.name),
        first=words.value(verdict.baseline, measure),
        other=words.value(verdict.candidate, measure),
        difference=words.change(verdict.delta, measure),
        interval="" if verdict.interval is None else words.interval(verdict),
        effect="" if verdict.effect is None else f"{verdict.effect:+.2f}",
        p_value=f"{verdict.p_value:.2g}" if verdict.interval and verdict.p_value is not None else "",
        n=str(verdict.n) if verdict.n else "",
        word=pair.word,
        why=words.why(verdict) if verdict.delta is None else "",
    )


def _where(pair: Pair) -> str:
    cell = pair.verdict.cell
    return plain(f"{cell.dataset} x{cell.scale}, {cell.protocol}")


def _metric(report: Report, name: str) -> str:
    return plain(report.catalog.metrics[name].title if name in report.catalog.metrics else name)


def _figures(
    report: Report, first: str, other: str, pairs: Sequence[Pair], number: int
) -> Iterator[tuple[str, Markup]]:
    """A plot for each metric: a row for each set, a dot for each image."""
    for name in dict.fromkeys(pair.verdict.measure.name for pair in pairs):
        rows = tuple(_row(pair) for pair in pairs if pair.verdict.measure.name == name and pair.items)
        if rows:
            measure = next(p.verdict.measure for p in pairs if p.verdict.measure.name == name)
            title = f"{_metric(report, name)}: {_title(report, other)} minus {_title(report, first)}"
            axis = words.with_unit(f"Difference, {measure.direction} is better,", measure).rstrip(",")
            svg = draw_forest(Forest(title, described(rows), axis, rows), f"against-{number}-{name}")
            yield title, Markup(svg)  # noqa: S704 (svg escapes all text)


def _row(pair: Pair) -> Difference:
    verdict = pair.verdict
    dots = [b - a for a, b in pair.items.values() if math.isfinite(a) and math.isfinite(b)]
    difference, interval = words.moved(verdict), words.interval(verdict)
    said = f"{_where(pair)}: {difference} ({interval}), {pair.word}"
    return Difference(_where(pair), verdict.delta or 0.0, verdict.interval, tuple(dots), said)


# ----------------------------------------------------------------------------------------- images


def _images(report: Report, models: Sequence[str], pairs: Mapping[str, Sequence[Pair]]) -> Iterator[Images]:
    """Image by image, where every model has the values that the first one has."""
    found: dict[tuple[str, str], dict[str, Pair]] = {}
    for other, own in pairs.items():
        for pair in own:
            if pair.items:
                found.setdefault((_where(pair), pair.verdict.measure.name), {})[other] = pair
    for (where, name), by_model in found.items():
        some = next(iter(by_model.values()))
        if len(by_model) == len(models) - 1 and len(some.items) <= IMAGES:
            values = [{item: both[0] for item, both in some.items.items()}]
            values += [{item: both[1] for item, both in by_model[m].items.items()} for m in models[1:]]
            rows = tuple((plain(item), _marked(some, [v[item] for v in values])) for item in some.items)
            yield Images(f"{where}: {_metric(report, name)}", rows)


def _marked(pair: Pair, values: Sequence[float]) -> tuple[Value, ...]:
    measure = pair.verdict.measure
    texts = [words.value(value, measure) for value in values]
    best = texts[max(range(len(values)), key=lambda place: values[place] * measure.sign)]
    equal = len(set(texts)) == 1
    return tuple(Value(text, "best" if text == best and not equal else "", "") for text in texts)


# ------------------------------------------------------------------------------------------ crops


def _crops(report: Report, models: Sequence[str]) -> list[tuple[float, ItemCrop]]:
    """Every item's crop, the widest gap first."""
    found: list[tuple[float, ItemCrop]] = []
    for gallery in find_galleries(report.run, report.results):
        for exhibit in gallery.exhibits:
            plate = _plate(report, exhibit, models)
            crop = plate.scenes[0].crop if plate is not None and plate.scenes else None
            if plate is not None and crop is not None:
                found.append((crop.gap, _item_crop(report, gallery, plate)))
    found.sort(key=lambda one: (-one[0], one[1].item))
    return [
        (gap, replace(crop, scene=replace(crop.scene, id=f"crop-{n}"))) for n, (gap, crop) in enumerate(found)
    ]


def _plate(report: Report, exhibit: Exhibit, models: Sequence[str]) -> Plate | None:
    """Crops alone, whatever a licence allows: the file is to be mailed."""
    by_model = {kept.model: kept for kept in exhibit.kept}
    kept = tuple(by_model[model] for model in models if model in by_model)
    if len(kept) < 2:
        return None
    try:
        labels = [_title(report, one.model) for one in kept]
        return plate_of(replace(exhibit, kept=kept), "crops", labels)
    except SrbenchError:
        return None


def _item_crop(report: Report, gallery: Gallery, plate: Plate) -> ItemCrop:
    """The plate's first crop, in its first frame, as part of the page."""
    scene = plate.scenes[0]
    panels = tuple(
        replace(panel, pictures=panel.pictures[:1], errors=panel.errors[:1]) for panel in scene.panels
    )
    alone = replace(plate, scenes=(replace(scene, panels=panels),))
    view = scene_views(alone, report.catalog.metrics, lambda name: data_uri(plate.files[name]))[0]
    cell = gallery.cell
    item = f"{gallery.dataset.manifest.title} x{cell.scale}, {cell.protocol}: {plate.item}"
    return ItemCrop(plain(item), replace(view, title=plain(item)))
