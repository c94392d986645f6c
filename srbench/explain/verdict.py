"""From figures to an answer: which of them are the claimed one, to the digits it was printed with."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal

from srbench.errors import UsageError
from srbench.explain.measure import Figure


@dataclass(frozen=True)
class Claim:
    """A figure as it was printed: the digits say how near another one must come.

    Attributes:
        text: as typed, for example ``32.46``.
    """

    text: str

    @property
    def value(self) -> float:
        """The number."""
        return float(self.text)

    @property
    def decimals(self) -> int:
        """How many decimals a value beside it is shown with: two more than it has."""
        return 2 - int(Decimal(self.text).as_tuple().exponent)

    @property
    def unit(self) -> float:
        """One unit of the last printed digit: 0.01 for ``32.46``."""
        return float(Decimal(1).scaleb(int(Decimal(self.text).as_tuple().exponent)))

    def rounds_from(self, value: float) -> bool:
        """Whether a value is printed as this, within half a unit (a tie may go either way)."""
        return abs(value - self.value) <= self.unit / 2 * (1 + 1e-9)

    def cut_from(self, value: float) -> bool:
        """Whether a value is printed as this when its further digits are cut off instead of rounded."""
        return -1e-9 * self.unit <= value - self.value < self.unit


def parse_claim(text: str) -> Claim:
    """A claim from its digits.

    Raises:
        UsageError: not a plain positive number such as ``32.46`` or ``.9287``.
    """
    if not re.fullmatch(r"\d+(\.\d*)?|\.\d+", text.strip()):
        raise UsageError("a figure as it was printed, such as 32.46 or 0.8987", repr(text), "check --claimed")
    return Claim(text.strip())


@dataclass(frozen=True)
class Row:
    """A figure beside the claim; the difference is the figure's less the claimed one."""

    figure: Figure
    difference: float
    agrees: bool
    cut: bool

    @property
    def deviations(self) -> int:
        """How many deviations from a named protocol it takes."""
        return len(self.figure.variant.changes)


def rank(claim: Claim, found: list[Figure]) -> list[Row]:
    """Agreeing figures, fewest deviations first; then the others by distance.

    How near an agreeing figure comes is no evidence, for the claim was rounded: among those with as many
    deviations the order stays, in which a reader would suspect them.
    """
    rows = [
        Row(f, f.value - claim.value, claim.rounds_from(f.value), claim.cut_from(f.value))
        for f in found
        if not math.isnan(f.value)
    ]
    return sorted(rows, key=lambda r: (False, r.deviations, 0) if r.agrees else (True, 0, abs(r.difference)))


def verdict(claim: Claim, rows: list[Row], what: str) -> str:
    """The answer in one line.

    Args:
        claim: what was printed.
        rows: from `rank`.
        what: of what the figure is, for example ``psnr_y of bicubic on set5 x4``.
    """
    agreeing = [row for row in rows if row.agrees]
    if not agreeing:
        return _none(claim, rows, what)
    best = [row for row in agreeing if row.deviations == agreeing[0].deviations]
    names = " or ".join(_named(row, claim) for row in best[:3])
    more = f" or {len(best) - 3} more" if len(best) > 3 else ""
    weak = f"; two deviations, and {len(agreeing)} of {len(rows)} recipes agree: weak evidence"
    return f"{claim.text} is {names}{more}: {what}{weak if agreeing[0].deviations == 2 else ''}"


def _named(row: Row, claim: Claim) -> str:
    same = f", here the same as {' and '.join(row.figure.same)}" if row.figure.same else ""
    return f"{row.figure.variant.words} ({row.figure.value:.{claim.decimals}f}{same})"


def _none(claim: Claim, rows: list[Row], what: str) -> str:
    nearest, decimals = rows[0], claim.decimals
    cut = sorted((row for row in rows if row.cut), key=lambda row: row.deviations)
    hint = f"; cut off instead of rounded it would be {_named(cut[0], claim)}" if cut else ""
    return (
        f"{claim.text} is none of {len(rows)} recipes: {what}; "
        f"the nearest is {_named(nearest, claim)}, {nearest.difference:+.{decimals}f}{hint}"
    )
