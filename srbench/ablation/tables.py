"""An ablation's findings as Markdown, as plain values, and as one picture (SVG)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from srbench.ablation.declared import Ablation, Factor
from srbench.ablation.effects import Effect, Verdict, verdict
from srbench.report.markdown import escape as cell
from srbench.report.plots.forest import Difference, Forest, described, draw_forest
from srbench.report.plots.svg import standalone
from srbench.stats import TOO_FEW


@dataclass(frozen=True)
class Cost:
    """What a level's trainings cost, means over seeds and the other factors' levels.

    Attributes:
        params: of the network.
        saved_bytes: what a step keeps for its gradient.
        seconds: of a training on the machine of the record.
    """

    factor: str
    level: str
    params: float
    saved_bytes: float
    seconds: float


@dataclass(frozen=True)
class Curve:
    """How one training went.

    Attributes:
        trial: its name.
        levels: one of each factor.
        seed: of the initialisation and the patches.
        loss: steps, and the loss's mean over the steps before; some fifty of them.
        psnr_y: steps, and PSNR of the held-out training images in dB.
    """

    trial: str
    levels: tuple[str, ...]
    seed: int
    loss: tuple[tuple[int, float], ...]
    psnr_y: tuple[tuple[int, float], ...]


def findings(
    ablation: Ablation, effects: Sequence[Effect], costs: Sequence[Cost], curves: Sequence[Curve]
) -> dict[str, Any]:
    """All of it as plain values: what a page or a script needs."""
    return {
        "name": ablation.name,
        "title": ablation.title,
        "seeds": list(ablation.seeds),
        "scale": ablation.scale,
        "factors": [
            {
                "name": factor.name,
                "claim": factor.claim,
                "source": factor.source,
                "base": factor.base,
                "better": factor.better,
                "verdict": verdict(_overall(factor, effects, ablation.metrics[0])),
            }
            for factor in ablation.factors
        ],
        "effects": [{**asdict(e), "seed_spread": e.seed_spread, "verdict": e.verdict} for e in effects],
        "costs": [asdict(cost) for cost in costs],
        "curves": [asdict(curve) for curve in curves],
    }


def _overall(factor: Factor, effects: Sequence[Effect], metric: str) -> list[Effect]:
    """What the claim is judged by."""
    own = [e for e in effects if (e.factor, e.level) == (factor.name, factor.better)]
    return [e for e in own if e.metric == metric and not e.where]


def rows_of(effects: Sequence[Effect], better: str, deciding: str) -> list[tuple[str, ...]]:
    """One row per effect: level, set, metric, at, difference, interval, seeds, images, and what it says.

    Args:
        effects: of one factor.
        better: the level that the claim is of.
        deciding: the metric that it is judged by. Other levels' and metrics' rows say better or worse.
    """
    return [
        (
            effect.level,
            effect.dataset,
            effect.metric,
            effect.where or "all",
            f"{effect.mean:+.{_decimals(effect)}f}",
            interval_text(effect),
            "" if effect.seed_spread is None else f"{effect.seed_spread:.{_decimals(effect)}f}",
            f"{effect.n} clips, {effect.stretches} stretches" if effect.stretches else str(effect.n),
            _says(effect, better, deciding) if effect.interval else "",
        )
        for effect in effects
    ]


def _says(effect: Effect, better: str, deciding: str) -> str:
    judged = (effect.level, effect.metric) == (better, deciding)
    return effect.verdict if judged else SIDES[effect.verdict]


SIDES: dict[Verdict, str] = {"confirmed": "better", "not confirmed": "worse", "undecided": "undecided"}
STRETCHES = (
    "Too few clips for an interval over clips: it is over stretches of about ten frames of these clips, "
    "and says nothing of others."
)
HEAD = ("level", "set", "metric", "at", "difference", "95 %", "seeds' SD", "images", "says")


def interval_text(effect: Effect) -> str:
    """``+0.10 to +0.20``, or why there is none."""
    if effect.interval is None:
        return TOO_FEW
    places = _decimals(effect)
    return f"{effect.interval.low:+.{places}f} to {effect.interval.high:+.{places}f}"


def _decimals(effect: Effect) -> int:
    return 3 if effect.metric.startswith("psnr") else 4


def markdown(ablation: Ablation, effects: Sequence[Effect], costs: Sequence[Cost], command: str) -> str:
    """The page: each claim beside what was measured, then what the levels cost."""
    lines = [f"# {cell(ablation.title)}", ""]
    lines += [f"x{ablation.scale}, {_trained(ablation)}. `{command}` makes it again.", ""]
    for factor in ablation.factors:
        lines += _section(ablation, factor, effects)
    if not costs:
        return "\n".join(lines)
    lines += ["## What the levels cost", "", *_table(("factor", "level", "parameters", "kept", "seconds"))]
    lines += [
        f"| {cell(c.factor)} | {cell(c.level)} | {c.params:,.0f} | {c.saved_bytes / 1e6:.2f} MB "
        f"| {c.seconds:.0f} |"
        for c in costs
    ]
    kept = "Kept: what a step's forward pass keeps for the gradient, parameters not counted."
    return "\n".join([*lines, "", kept, ""])


def _trained(ablation: Ablation) -> str:
    if not ablation.recipe:
        return "models as they were published: one training each, so seeds say nothing"
    return f"seeds {', '.join(map(str, ablation.seeds))}, {ablation.recipe['steps']} steps each"


def _section(ablation: Ablation, factor: Factor, effects: Sequence[Effect]) -> list[str]:
    own = [effect for effect in effects if effect.factor == factor.name]
    said = verdict(_overall(factor, effects, ablation.metrics[0]))
    return [
        f"## {cell(factor.name)}: {said}",
        "",
        f"The claim: {cell(factor.claim)} ({cell(factor.source)}).",
        f"Measured: {_minuend(factor)} minus {cell(factor.base)}, per image, averaged over seeds.",
        *([STRETCHES] if any(effect.stretches for effect in own) else []),
        "",
        *_table(HEAD),
        *(
            "| " + " | ".join(map(cell, row)) + " |"
            for row in rows_of(own, factor.better, ablation.metrics[0])
        ),
        "",
    ]


def _minuend(factor: Factor) -> str:
    return cell(factor.better) if len(factor.levels) == 2 else "each level"


def _table(head: Sequence[str]) -> list[str]:
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]


# ------------------------------------------------------------------------------------ the picture


def picture(ablation: Ablation, effects: Sequence[Effect]) -> str:
    """A forest plot of the first metric, a file of its own: intervals, a dot for each seed, zero drawn."""
    rows = tuple(_row_of(e) for e in effects if e.metric == ablation.metrics[0])
    metric = ablation.metrics[0]
    drawn = draw_forest(Forest(ablation.title, described(rows), f"Difference in {metric}", rows), "ablation")
    conditions = f"x{ablation.scale}, {_trained(ablation)}; mean (square), its 95 % interval, each seed (dot)"
    return standalone(drawn, ablation.title, conditions, ())


def _row_of(effect: Effect) -> Difference:
    name = f"{effect.level}, {effect.dataset}" + (f", at {effect.where}" if effect.where else "")
    words = f"{name}: {effect.mean:+.{_decimals(effect)}f} ({interval_text(effect)})"
    return Difference(name, effect.mean, effect.interval, effect.seeds, words)
