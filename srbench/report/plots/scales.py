"""From numbers to places on paper: linear and logarithmic scales, and ticks at round numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Scale:
    """A stretch of numbers on a stretch of paper, in pixels; `start` may lie right of or below `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Where a number stands, in pixels, to a tenth."""
        low, high, at = map(self._even, (self.low, self.high, value))
        return round(self.start + (at - low) / (high - low) * (self.end - self.start), 1)

    def _even(self, value: float) -> float:
        return math.log10(value) if self.log else value

    @property
    def ticks(self) -> list[float]:
        """Round numbers inside: five or so, or decades and (where they are few) their 2 and 5."""
        return _log_ticks(self.low, self.high) if self.log else _linear_ticks(self.low, self.high)

    @property
    def step(self) -> float:
        """The least distance between neighbouring ticks; infinite where there is one."""
        return min((after - before for before, after in pairwise(self.ticks)), default=math.inf)


def scale_for(values: Iterable[float], start: float, end: float, log: bool = False) -> Scale:
    """A scale that holds all values, with a little air at both ends.

    Args:
        values: finite; positive on a logarithmic scale; at least one.
        start: where the low end stands, in pixels.
        end: where the high end stands.
        log: logarithmic.
    """
    known = list(values)
    low, high = min(known), max(known)
    if log:
        air = (high / low) ** 0.07 if high > low else 2.0
        return Scale(low / air, high * air, start, end, log=True)
    air = (high - low) * 0.07 or abs(high) * 0.02 or 1.0
    return Scale(low - air, high + air, start, end)


def _linear_ticks(low: float, high: float, about: int = 5) -> list[float]:
    rough = (high - low) / about
    decade = 10.0 ** math.floor(math.log10(rough))
    step = decade * min(_ROUND, key=lambda r: abs(r * decade - rough))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    several = math.log10(high / low)
    steps = (1, 2, 5) if several < 3 else (1,)
    found = [s * 10.0**d for d in decades for s in steps if low <= s * 10.0**d <= high]
    return found if len(found) > 1 or several >= 3 else _linear_ticks(low, high)


def tick_text(value: float, step: float = math.inf) -> str:
    """``0``, ``0.05``, ``32.5``, ``2,000``; with all digits of ticks that lie only `step` apart."""
    if value == 0:
        return "0"
    places = max(0, 3 - math.floor(math.log10(min(abs(value), step))))
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
