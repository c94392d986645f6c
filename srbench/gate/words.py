"""A verdict in words: what every output says about numbers, before it escapes them for its own syntax."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from srbench.gate.verdicts import EXIT_NOT_COMPARED, ItemChange, Judgement, Measure, Outcome, Verdict
from srbench.report.plain import plain
from srbench.stats import TOO_FEW, Interval

ARROW = "→"
_HEADLINES = {
    0: "nothing is worse",
    1: "worse",
    3: "some cells failed",
    4: "not compared what had to be",
}


_NEUTRAL = {Outcome.REGRESSED: "worse", Outcome.IMPROVED: "better", Outcome.OK: "alike"}
"""What a comparison that only informs calls them: it has no rule that one could fail."""


def headline(judgement: Judgement) -> str:
    """The verdict of it all, in a few words."""
    if judgement.exit_code == EXIT_NOT_COMPARED and not judgement.compared:
        return "not decided" if judgement.counts[Outcome.UNDECIDED] else "nothing could be compared"
    return "compared" if judgement.informs else _HEADLINES[judgement.exit_code]


def title(judgement: Judgement) -> str:
    """The command, and its verdict."""
    return f"srbench {'compare' if judgement.informs else 'gate'}: {headline(judgement)}"


def counts(judgement: Judgement) -> str:
    """``2 regressed, 14 ok``, what there is none of left out; or why nothing was decided."""
    undecided = judgement.of(Outcome.UNDECIDED)
    if undecided and not judgement.compared:
        return "; ".join(dict.fromkeys(plain(verdict.why) for verdict in undecided))
    found = [
        f"{number} {label(outcome, judgement)}" for outcome, number in judgement.counts.items() if number
    ]
    return ", ".join(found) or "no cell on either side"


def label(outcome: Outcome, judgement: Judgement) -> str:
    """An outcome's word: of a comparison that only informs, ``worse``, ``better``, ``alike``."""
    return _NEUTRAL.get(outcome, outcome.value) if judgement.informs else outcome.value


def value(number: float | None, measure: Measure) -> str:
    """A mean, with the metric's digits."""
    return "" if number is None else f"{number:.{measure.decimals}f}"


def change(delta: float | None, measure: Measure) -> str:
    """A signed difference, two digits finer than the metric is printed."""
    if delta is None:
        return ""
    return f"{delta:+.{measure.decimals + 2}f}" if math.isfinite(delta) else f"{delta:+}"


def with_unit(text: str, measure: Measure) -> str:
    """A number's text with its unit."""
    return f"{text} {measure.unit}".rstrip()


def moved(verdict: Verdict) -> str:
    """The difference with its unit; of times, by which share one is longer."""
    if verdict.kind != "quality":
        return "" if verdict.delta is None else f"{verdict.delta:+.1%}"
    return with_unit(change(verdict.delta, verdict.measure), verdict.measure)


def interval(verdict: Verdict) -> str:
    """The interval over other images, or that there are too few; of times, over other rounds."""
    if verdict.kind != "quality" and verdict.interval is not None:
        return f"{verdict.interval.low:+.1%} to {verdict.interval.high:+.1%}"
    return TOO_FEW if verdict.interval is None else span(verdict.interval, verdict.measure)


def span(between: Interval, measure: Measure) -> str:
    """``-0.0300 to +0.0100``."""
    return f"{change(between.low, measure)} to {change(between.high, measure)}"


def worst(verdict: Verdict) -> str:
    """The images that lost most, each with what it lost."""
    return ", ".join(_item(change_, verdict.measure) for change_ in verdict.worst)


def _item(item: ItemChange, measure: Measure) -> str:
    return f"{plain(item.name)} {change(item.delta, measure)}"


def why(verdict: Verdict) -> str:
    """The reason and the note, one line."""
    return plain("; ".join(part for part in (verdict.why, verdict.note) if part))


def means(verdict: Verdict) -> str:
    """``28.58 → 28.55``; times with their unit, which the change in percent doesn't say."""
    before, after = (value(mean, verdict.measure) for mean in (verdict.baseline, verdict.candidate))
    return f"{before} {ARROW} {after if verdict.kind == 'quality' else with_unit(after, verdict.measure)}"


def over(verdict: Verdict) -> str:
    """What the means are over: ``14 images``, ``13 of 14 images, ...`` or rounds."""
    if verdict.kind != "quality":
        return f"{verdict.n} rounds of both"
    if verdict.n_finite == verdict.n:
        return f"{verdict.n} images"
    equal = f"{verdict.n_inf_baseline} {ARROW} {verdict.n_inf_candidate} equal the ground truth"
    return f"{verdict.n_finite} of {verdict.n} images, {equal}"


def sentence(verdict: Verdict) -> str:
    """Everything about one verdict, one line: for logs, annotations and test reports."""
    if verdict.delta is None:
        return why(verdict)
    quality = verdict.kind == "quality"
    parts = [f"{means(verdict)}, {moved(verdict)} over {over(verdict)}"]
    parts += [f"over other images: {interval(verdict)}"] if quality else []
    parts += [f"worst: {worst(verdict)}"] if verdict.worst else []
    parts += [why(verdict)] if why(verdict) else []
    return "; ".join(parts)


def grouped(verdicts: Iterable[Verdict]) -> Iterator[tuple[str, list[Verdict]]]:
    """Verdicts by reason, so that one cause is told once."""
    found: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        found.setdefault(why(verdict), []).append(verdict)
    yield from found.items()
