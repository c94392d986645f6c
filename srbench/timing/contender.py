"""One side of a race; needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from srbench.adapters.base import Settings
from srbench.registry import ModelEntry
from srbench.types import TimingSpec


@dataclass(frozen=True)
class Contender:
    """One side of a race: what is timed, and the model that it is of."""

    spec: TimingSpec
    entry: ModelEntry
    argument: str
    settings: Settings
