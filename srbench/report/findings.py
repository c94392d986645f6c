"""What ``srbench ablate`` found, read from the plain values that it wrote (``ablation.json``).

A file from elsewhere is read strictly: a field that is missing, unknown or of another type is refused.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from srbench.errors import UsageError
from srbench.stats import Interval
from srbench.typed import Reader

FINDINGS = "ablation.json"
_READER = Reader(UsageError, "run srbench ablate again")


@dataclass(frozen=True)
class Factor:
    """What was varied, the claim about it with its source, and what all sets say of that claim together."""

    name: str
    claim: str
    source: str
    base: str
    better: str
    verdict: str


@dataclass(frozen=True)
class Effect:
    """One level's effect on one set in one metric, as `srbench.ablation.effects.Effect`.

    Attributes:
        where: at which levels of the other factors; empty for all of them.
        seed_spread: standard deviation over seeds; None for one seed.
        stretches: of clips, which the interval is of; 0 for images.
        published: the levels are models that exist, not trainings.
        verdict: what this set says.
    """

    factor: str
    dataset: str
    metric: str
    where: str
    mean: float
    interval: Interval | None
    seeds: tuple[float, ...]
    size: float | None
    n: int
    seed_spread: float | None
    verdict: str
    level: str = ""
    stretches: int = 0
    lower_is_better: bool = False
    published: bool = False


@dataclass(frozen=True)
class Cost:
    """What a level's trainings cost: parameters, bytes that a step keeps for its gradient, seconds."""

    factor: str
    level: str
    params: float
    saved_bytes: float
    seconds: float


@dataclass(frozen=True)
class Training:
    """How one training went: steps with the loss, and with PSNR in dB of held-out images."""

    trial: str
    levels: tuple[str, ...]
    seed: int
    loss: tuple[tuple[int, float], ...]
    psnr_y: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Findings:
    """All that an ablation found."""

    name: str
    title: str
    seeds: tuple[int, ...]
    scale: int
    factors: tuple[Factor, ...]
    effects: tuple[Effect, ...]
    costs: tuple[Cost, ...]
    curves: tuple[Training, ...] = ()


def read_findings(folder: Path) -> Findings:
    """The findings of an ablation's folder.

    Raises:
        UsageError: the file can't be read, or isn't what ``srbench ablate`` writes.
    """
    path = folder / FINDINGS
    try:
        table = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(
            "an ablation's findings", f"{error} in {path}", "run srbench ablate again"
        ) from error
    return _READER.read(Findings, table, str(path))


_SIDES = {"confirmed": "better", "not confirmed": "worse"}


def says(effect: Effect, better: str, deciding: str) -> str:
    """What a set says: of the claim's level and metric the verdict, of others better or worse."""
    if effect.interval is None:
        return ""
    judged = (effect.level or better, effect.metric) == (better, deciding)
    return effect.verdict if judged else _SIDES.get(effect.verdict, effect.verdict)


def found_in(folder: Path) -> list[Path]:
    """The folders of ablations below a folder, in alphabetical order; none where there is none."""
    return sorted(path.parent for path in folder.glob(f"*/{FINDINGS}"))
