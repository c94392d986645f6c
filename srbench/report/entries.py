"""One place of a board: a number with its mark and its published figure, or a dash with its reason."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from srbench.protocols import BLURRED_SCALE, RECIPES, get_protocol
from srbench.report.catalog import Catalog, overlap
from srbench.report.plain import plain
from srbench.store.aggregate import DONE, CellResult, MetricResult
from srbench.types import DEGRADATIONS, Cell

DASH = "—"
NOT_RUN = "not run"


@dataclass(frozen=True)
class Published:
    """A published figure beside a measured one.

    Attributes:
        text: with the digits printed.
        protocol: the one it was computed under.
        source: title, repository, commit, place and note.
        difference: measured minus published, to the digits printed, signed; empty unless both were
            computed under one protocol.
        other: it was computed under another protocol than the measured one.
    """

    text: str
    protocol: str
    source: str
    difference: str = ""
    other: bool = True

    @property
    def remark(self) -> str:
        """What to show beside the figure: the difference, or why there is none."""
        if self.difference:
            return self.difference if float(self.difference) else f"±{self.difference}"
        return self.protocol if self.other else "not compared"


@dataclass(frozen=True)
class Entry:
    """What one model scored in one column.

    Attributes:
        text: the mean, ``inf``, or a dash.
        value: the mean, unrounded; None without one.
        mark: ``best``, ``second`` or empty; only complete entries are ranked, ties share a mark.
        status: the cell's, or ``absent`` when the cell is done but the metric has no value.
        reason: why there is a dash, or what is to be known about the number.
        notes: the numbers of the board's notes that hold for it.
        detail: more, for whoever points at the number.
    """

    text: str = DASH
    value: float | None = None
    mark: str = ""
    published: Published | None = None
    n: int = 0
    expected: int = 0
    n_inf: int = 0
    status: str = NOT_RUN
    reason: str = NOT_RUN
    ranked: bool = False
    notes: tuple[int, ...] = ()
    detail: str = ""


@dataclass(frozen=True)
class Column:
    """One metric under one signature on one dataset; `metric` is empty where nothing was measured.

    Of a `cost`, ``dataset`` says size, machine and set-up, and ``pixels`` is the machine's digest; `point` is
    the size alone, and `machine` its words. `key` is dataset, pixels, metric and signature as the journal has
    them.
    """

    dataset: str
    pixels: str
    metric: str = ""
    signature: str = ""
    title: str = "status"
    unit: str = ""
    direction: str = ""
    decimals: int = 4
    first: bool = False
    """It is its dataset's first column."""
    cost: bool = False
    point: str = ""
    machine: str = ""
    key: tuple[str, str, str, str] = ("", "", "", "")


def entry_of(result: CellResult | None, column: Column, catalog: Catalog) -> Entry:
    """The entry of a cell in a column, not yet marked or numbered; None is a cell that was never run."""
    if result is None:
        return Entry()
    metric = next(
        (m for m in result.metrics if (m.name, m.signature) == (column.metric, column.signature)), None
    )
    if metric is None or not metric.mean.n:
        return _dash(result, metric)
    return _measured(result, metric, column, catalog)


def _dash(result: CellResult, metric: MetricResult | None) -> Entry:
    if result.status != DONE and not (metric is not None and metric.reason):
        status, reason = (
            result.status,
            f"{result.status}: {result.reason}" if result.reason else result.status,
        )
    else:
        status, reason = (
            "absent",
            metric.reason if metric is not None else "not computed under this signature",
        )
    return Entry(n=len(result.items), expected=result.expected, status=status, reason=plain(reason))


def _measured(result: CellResult, metric: MetricResult, column: Column, catalog: Catalog) -> Entry:
    mean = metric.mean
    complete = result.status == DONE and mean.n == result.expected and not mean.n_nan
    left_out = mean.n_inf if math.isfinite(mean.value) else 0
    ranked = complete and not left_out
    return Entry(
        text=f"{mean.value:.{column.decimals}f}",
        value=mean.value,
        published=_published(result.cell, metric, catalog, compare=ranked),
        n=mean.n,
        expected=result.expected,
        n_inf=mean.n_inf,
        status=result.status,
        reason=plain("; ".join(_remarks(result, metric, left_out, catalog))),
        ranked=ranked and bool(column.direction),
    )


def _remarks(result: CellResult, metric: MetricResult, left_out: int, catalog: Catalog) -> list[str]:
    remarks = [] if result.status == DONE else [f"{result.status}: {result.reason}, not ranked"]
    if metric.reason:
        remarks.append(metric.reason)
    if left_out:
        remarks.append(f"{left_out} infinite of {metric.mean.n} values left out of the mean, not ranked")
    return [*remarks, *_foreign_weights(result, catalog), *_seen_before(result, catalog)]


def _foreign_weights(result: CellResult, catalog: Catalog) -> list[str]:
    """Weights that were trained for another degradation than these results are of."""
    trained = catalog.trained_for.get((result.cell.model.removesuffix("+"), result.cell.scale))
    if not trained:
        return []
    measured = {item.record.key_fields.get("degradation", "").partition(":")[0] for item in result.items}
    return [f"weights trained for {trained}"] if measured - {trained, ""} else []


def _seen_before(result: CellResult, catalog: Catalog) -> list[str]:
    """A model that was trained on images of the test set is ranked only with that said."""
    trained_on = catalog.trained_on.get(result.cell.model.removesuffix("+"), ())
    found = overlap(trained_on, result.cell.dataset)
    return [f"trained on {found}, which holds images of {result.cell.dataset}"] if found else []


def _published(cell: Cell, metric: MetricResult, catalog: Catalog, *, compare: bool) -> Published | None:
    name = catalog.published_name(cell.model)
    row = (
        catalog.references.figure(name, cell.dataset, cell.scale, metric.name, _printed_as(cell))
        if name
        else None
    )
    if row is None:
        return None
    figure = row.figures[metric.name]
    source = f"{row.source} ({row.note})" if row.note else row.source
    same = row.protocol == cell.protocol and _is_recipe(cell)
    comparable = row.comparable(metric.name) if same and compare else None
    difference = _difference(metric.mean.value, comparable)
    return Published(str(figure), row.protocol, source, difference, other=not same)


def _printed_as(cell: Cell) -> str:
    """The protocol as sources print it: blurred clips are ``video-bd``, without saying which blur."""
    recipe = RECIPES.get(cell.protocol)
    if recipe is None or recipe.degraded == "y" or cell.scale != BLURRED_SCALE:
        return cell.protocol
    blurred = {
        get_protocol(cell.protocol, cell.scale, degradation=name).signature
        for name in DEGRADATIONS
        if name != "bi"
    }
    return f"{cell.protocol}-bd" if cell.signature in blurred else cell.protocol


def _is_recipe(cell: Cell) -> bool:
    """Whether the cell was measured under its protocol as named, no flavour or gray rule replaced."""
    return cell.protocol in RECIPES and get_protocol(cell.protocol, cell.scale).signature == cell.signature


def _difference(measured: float, figure: Decimal | None) -> str:
    if figure is None or not math.isfinite(measured):
        return ""
    rounded = round(Decimal(measured) - figure, -int(figure.as_tuple().exponent))
    return f"{rounded:+}" if rounded else f"{abs(rounded)}"
