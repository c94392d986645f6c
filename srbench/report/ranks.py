"""Who is ahead, and whether that is sure: ranks with intervals, and bands of models that can't be told apart.

The interval of a rank is `srbench.stats.rank_intervals`' of the per-image values of all complete models of a
column. A band is drawn from the best mean downwards: whoever's interval overlaps that of the band's first
shares its band. Below `MIN_IMAGES` images nothing is sure: ranks follow the digits shown, ties share them,
and there are no bands.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from srbench.report.entries import Column, Entry
from srbench.stats import MIN_IMAGES, RankInterval, rank_intervals
from srbench.store.aggregate import CellResult, ItemResult, mean_of_items

LEVEL = 0.95
UNSURE = f"not told apart from the next by its interval of ranks at {LEVEL:.0%}"
"""Of a best; its sign is ``≈``."""


@dataclass(frozen=True)
class Rank:
    """A model's place in a column.

    Attributes:
        best, worst: the interval of its rank; equal to its place by the digits shown where there is none.
        band: models of one band share it, 0 the best; None where nothing is sure: no bar is drawn.
    """

    best: int
    worst: int
    band: int | None

    @property
    def text(self) -> str:
        """``1`` or ``2–5``."""
        return str(self.best) if self.best == self.worst else f"{self.best}\u2013{self.worst}"


@dataclass(frozen=True)
class ColumnRanks:
    """The ranks of a column, by the place of the row; `basis` says in words what they rest on."""

    ranks: Mapping[int, Rank]
    basis: str


NO_RANKS = ColumnRanks({}, "")


def column_ranks(
    entries: Sequence[Entry], results: Sequence[CellResult | None], column: Column
) -> ColumnRanks:
    """The ranks of one column.

    Args:
        entries: row by row.
        results: their cells.
        column: a metric on a set of images; one without a direction has no ranks.
    """
    places = [place for place, entry in enumerate(entries) if entry.ranked]
    if not places or not column.direction or column.cost:
        return NO_RANKS
    higher = column.direction == "higher"
    values = [_values(results[place], column.key[2:]) for place in places]
    images = min(map(len, values))
    if why := _why_not(values, images):
        basis = f"{why} for intervals of ranks; they follow the digits shown"
        return ColumnRanks(_by_digits(places, entries, higher), basis)
    intervals = rank_intervals(values, higher_is_better=higher, level=LEVEL) or []
    basis = f"intervals of ranks at {LEVEL:.0%}, from {images} images and all pairs of {len(places)} models"
    ordered = sorted(zip(places, intervals, strict=True), key=lambda one: _key(entries[one[0]], higher))
    return ColumnRanks(dict(_banded(ordered)), basis)


def _why_not(values: Sequence[Sequence[float]], images: int) -> str:
    """Why values give no intervals; empty if they do."""
    if images < MIN_IMAGES:
        return f"{images} images: too few"
    if images < max(map(len, values)):
        return "not all models have the same images: too little"
    return "" if all(math.isfinite(sum(found)) for found in values) else "infinite values: too little"


def _key(entry: Entry, higher: bool) -> float:
    value = entry.value if entry.value is not None else math.nan
    return -value if higher else value


def _values(result: CellResult | None, key: tuple[str, str]) -> list[float]:
    """One value for each item, in the order of their names: of one set's pixels they are the same."""
    items = sorted(result.items, key=_name) if result is not None else []
    scores = [score for item in items if (score := item.scores.get(key)) is not None and score.values]
    return [
        score.values[0] if len(score.values) == 1 else mean_of_items([score.values]).value for score in scores
    ]


def _name(item: ItemResult) -> str:
    return item.name


def _banded(ordered: Sequence[tuple[int, RankInterval]]) -> list[tuple[int, Rank]]:
    """Ranks by the place of the row, from intervals in the order of means."""
    found: list[tuple[int, Rank]] = []
    band, worst = -1, 0
    for place, interval in ordered:
        if interval.best > worst:
            band, worst = band + 1, interval.worst
        found.append((place, Rank(interval.best, interval.worst, band)))
    return found


def _by_digits(places: Sequence[int], entries: Sequence[Entry], higher: bool) -> dict[int, Rank]:
    texts = sorted((entries[place].text for place in places), key=float, reverse=higher)
    return {place: Rank(rank := texts.index(entries[place].text) + 1, rank, None) for place in places}
