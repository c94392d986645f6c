"""The nouns of a judgement: what became of each thing compared, and what a command exits with."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NamedTuple

from srbench.stats import Interval
from srbench.types import Cell, Direction, MetricInfo

Kind = Literal["quality", "speed", "memory"]


class Outcome(StrEnum):
    """What became of one comparison; in the order in which they are reported."""

    REGRESSED = "regressed"
    FAILED = "failed"
    INCOMPARABLE = "incomparable"
    MISSING = "missing"
    UNDECIDED = "undecided"
    IMPROVED = "improved"
    OK = "ok"
    NEW = "new"


NOT_COMPARED = (Outcome.FAILED, Outcome.INCOMPARABLE, Outcome.MISSING)
"""There are no two numbers."""


@dataclass(frozen=True)
class Measure:
    """What a verdict speaks of, with all that printing a value needs.

    Attributes:
        name: a metric's, or ``latency``, ``memory``; empty where the verdict is on a whole cell.
        signature: the metric's.
    """

    name: str = ""
    unit: str = ""
    direction: Direction = "higher"
    decimals: int = 4
    signature: str = ""

    @classmethod
    def of(cls, info: MetricInfo, signature: str) -> Measure:
        """A metric's."""
        return cls(info.name, info.unit, info.direction, info.decimals, signature)

    @property
    def sign(self) -> int:
        """1 if higher is better, else -1: times a difference it is a gain."""
        return 1 if self.direction == "higher" else -1


class ItemChange(NamedTuple):
    """One image's (clip's) value before and after; `delta` is candidate minus baseline, perhaps infinite.

    A tuple: of a thousand models there are a million, and a dataclass takes three times as long to make.
    """

    name: str
    baseline: float
    candidate: float
    delta: float


@dataclass(frozen=True)
class Verdict:
    """What became of one measure of one cell.

    Attributes:
        cell: the candidate's; the baseline's where the candidate has none.
        why: one sentence; for ``incomparable`` it names the field that differs, with both values.
        baseline: mean over the images that are finite on both sides (of ``speed`` the median); over a side's
            own finite ones where no image is; ``inf`` where all equal the ground truth; None where nothing
            was compared.
        candidate: as `baseline`.
        delta: candidate minus baseline, in the measure's unit (of ``speed`` and ``memory`` a ratio minus 1).
            Where no image is finite on both sides it is infinite, or 0 if all are infinite on both.
        tolerance: the loss that the policy allows, in `delta`'s unit.
        interval: of `delta` over other images like these; None where the set is too small for one.
        rerun: of `delta` over the same images, had the same two models been run again.
        effect: Hedges' g of the paired differences.
        p_value: of the evidence that the policy asks for, after Holm's correction.
        n: images (clips) compared; of ``speed`` rounds.
        n_finite: those of them that are finite on both sides: in the means, `delta` and the intervals.
        n_inf_baseline: values (images, frames of clips) that are infinite: equal to the ground truth.
        n_inf_candidate: as `n_inf_baseline`.
        worst: the images that lost most, the worst first.
        note: what else a reader must know, such as another inference.
        advisory: it never decides an exit code.
        required: it has no number that was compared, and the policy says that it must have one.
    """

    outcome: Outcome
    cell: Cell
    measure: Measure = Measure()
    why: str = ""
    kind: Kind = "quality"
    baseline: float | None = None
    candidate: float | None = None
    delta: float | None = None
    tolerance: float | None = None
    interval: Interval | None = None
    rerun: Interval | None = None
    effect: float | None = None
    p_value: float | None = None
    n: int = 0
    n_finite: int = 0
    n_inf_baseline: int = 0
    n_inf_candidate: int = 0
    worst: tuple[ItemChange, ...] = ()
    note: str = ""
    advisory: bool = False
    required: bool = False

    @property
    def where(self) -> str:
        """``imdn on set5 x4 (classic)``."""
        cell = self.cell
        return f"{cell.model} on {cell.dataset} x{cell.scale} ({cell.protocol})"

    @property
    def subject(self) -> str:
        """`where`, and the measure if it speaks of one."""
        return f"{self.where} {self.measure.name}".rstrip()


EXIT_OK, EXIT_REGRESSED, EXIT_FAILED, EXIT_NOT_COMPARED = 0, 1, 3, 4


@dataclass(frozen=True)
class Judgement:
    """All verdicts of two result sets.

    Attributes:
        baseline: what the baseline was called.
        candidate: what the candidate was called.
        verdicts: in the order of `Outcome`, then of cells and measures.
        unmet: why requirements of the policy are not met: cells that have to be compared and were not.
        informs: a comparison to read: nothing is required, and worse is no failure.
    """

    baseline: str
    candidate: str
    verdicts: tuple[Verdict, ...]
    unmet: tuple[str, ...] = ()
    informs: bool = False
    counts: Mapping[Outcome, int] = field(init=False)

    def __post_init__(self) -> None:
        counts = Counter(verdict.outcome for verdict in self.verdicts if not verdict.advisory)
        object.__setattr__(self, "counts", {outcome: counts[outcome] for outcome in Outcome})

    @property
    def compared(self) -> int:
        """How many verdicts come from two numbers."""
        return sum(self.counts[outcome] for outcome in (Outcome.REGRESSED, Outcome.IMPROVED, Outcome.OK))

    @property
    def exit_code(self) -> int:
        """1 something is worse; else 3 something failed; else 4 not compared what had to be; else 0.

        Worse comes first: it is known, whatever else could not be found out. One that informs is 0, or 4
        where nothing could be compared.
        """
        if self.informs:
            return EXIT_OK if self.compared else EXIT_NOT_COMPARED
        if self.counts[Outcome.REGRESSED]:
            return EXIT_REGRESSED
        if self.counts[Outcome.FAILED]:
            return EXIT_FAILED
        return EXIT_NOT_COMPARED if self.unmet or not self.compared else EXIT_OK

    def of(self, *outcomes: Outcome) -> tuple[Verdict, ...]:
        """The verdicts of some outcomes."""
        return tuple(verdict for verdict in self.verdicts if verdict.outcome in outcomes)


def ordered(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """By outcome (what is wrong first), the largest loss first, then by cell and measure."""
    order = {outcome: place for place, outcome in enumerate(Outcome)}
    return tuple(sorted(verdicts, key=lambda verdict: (order[verdict.outcome], *_by_loss(verdict))))


def _by_loss(verdict: Verdict) -> tuple[bool, float, str, str, str, str, str]:
    """Advisory ones last; losses as multiples of what is tolerated, so that units can be mixed."""
    gain = (verdict.delta or 0.0) * verdict.measure.sign
    scaled = gain if math.isinf(gain) else gain / (verdict.tolerance or 1.0)
    measured = scaled if verdict.outcome in (Outcome.REGRESSED, Outcome.IMPROVED) else 0.0
    cell = verdict.cell
    names = (cell.model, cell.dataset, f"{cell.scale:03}", cell.protocol, verdict.measure.name)
    return (verdict.advisory, measured, *names)
