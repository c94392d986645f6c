"""From two result sets and a policy to verdicts: a pure function, nothing read and nothing printed.

Only numbers under one protocol signature, one pixel digest, one average and one metric signature are
compared, image by image. Another inference (tiling, device, precision) is what a gate is for: it is
compared, and the verdict says so.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from srbench.gate.policy import Limits, Policy, covers
from srbench.gate.verdicts import NOT_COMPARED, ItemChange, Judgement, Measure, Outcome, Verdict, ordered
from srbench.stats import effect_size, holm, mean_interval, mean_p_value, rerun_interval, rerun_p_value
from srbench.store.aggregate import DONE, without_collector
from srbench.store.scores import CellScores, MetricScores, Values
from srbench.types import FAILURES, Cell, MetricInfo

_SLACK = 1e-9
"""A loss of exactly the tolerance is allowed, whatever the last bits of a mean say."""

_WORST = 3
_MUST_AGREE = ("dataset", "protocol", "signature", "pixels", "average")
"""A cell's fields that make two numbers different quantities, beside its place."""


def compare(
    baseline: Sequence[CellScores],
    candidate: Sequence[CellScores],
    policy: Policy,
    metrics: Mapping[str, MetricInfo],
    *,
    names: tuple[str, str] = ("baseline", "candidate"),
    informs: bool = False,
) -> Judgement:
    """Compare a candidate with a baseline.

    Args:
        baseline: every cell of the one.
        candidate: every cell of the other.
        policy: what counts as worse.
        metrics: what metrics are, by name; the direction of others is unknown, and they are not compared.
        names: what the two are called in print.
        informs: nothing is required, see `Judgement`.
    """
    policy = replace(policy, require=()) if informs else policy
    with without_collector():
        found = [
            _required(verdict, before, policy)
            for before, after in _paired(baseline, candidate)
            for verdict in _judge_cell(before, after, policy, metrics)
        ]
        verdicts = ordered(_decided(found, policy))
    return Judgement(*names, verdicts, tuple(_unmet(verdicts, baseline, policy)), informs)


# --------------------------------------------------------------------------------------- pairing

Pair = tuple[CellScores | None, CellScores | None]


def _paired(baseline: Sequence[CellScores], candidate: Sequence[CellScores]) -> Iterator[Pair]:
    """Each cell with its counterpart: the equal one, else the one that differs least, else none."""
    left, free = list(baseline), list(candidate)
    for alike in (_cell, _place, _task):
        pairs, left, free = _matched(left, free, alike)
        yield from pairs
    yield from ((scores, None) for scores in left)
    yield from ((None, scores) for scores in free)


def _matched(
    baseline: Iterable[CellScores], candidate: Iterable[CellScores], alike: Callable[[Cell], Hashable]
) -> tuple[list[tuple[CellScores, CellScores]], list[CellScores], list[CellScores]]:
    """Pairs of cells that are alike, those that differ least first; and what is left of both sides."""
    free: dict[Hashable, list[CellScores]] = defaultdict(list)
    for scores in candidate:
        free[alike(scores.cell)].append(scores)
    pairs, left = [], []
    for scores in baseline:
        others = free[alike(scores.cell)]
        if others:
            nearest = min(others, key=lambda other: len(_differing(scores.cell, other.cell)))
            others.remove(nearest)
            pairs.append((scores, nearest))
        else:
            left.append(scores)
    return pairs, left, [scores for others in free.values() for scores in others]


def _cell(cell: Cell) -> Hashable:
    return cell


def _place(cell: Cell) -> Hashable:
    """What a reader would look for: ``urban100[24]`` stands where ``urban100`` would."""
    return cell.model, cell.dataset.partition("[")[0], cell.scale, cell.protocol


def _task(cell: Cell) -> Hashable:
    """Under another protocol, where there is nothing under the same one."""
    return cell.model, cell.dataset.partition("[")[0], cell.scale


def _differing(one: Cell, other: Cell) -> list[str]:
    return [name for name in (*_MUST_AGREE, "inference") if getattr(one, name) != getattr(other, name)]


# ---------------------------------------------------------------------------------- cell by cell


def _judge_cell(
    before: CellScores | None, after: CellScores | None, policy: Policy, metrics: Mapping[str, MetricInfo]
) -> Iterator[Verdict]:
    obstacle = _obstacle(before, after)
    if obstacle is not None:
        yield obstacle
    elif before is not None and after is not None:
        yield from _judge_metrics(before, after, policy, metrics)


def _obstacle(before: CellScores | None, after: CellScores | None) -> Verdict | None:
    """Why two cells are not compared at all; None if they are."""
    if after is None:
        return _without_candidate(before)
    failed = after.status in FAILURES
    if failed and (before is None or before.status == DONE):
        return Verdict(Outcome.FAILED, after.cell, why=_state(after))
    if before is None:
        return Verdict(Outcome.NEW, after.cell, why="not in the baseline")
    if before.status != DONE:
        return Verdict(Outcome.INCOMPARABLE, after.cell, why=f"the baseline has no result: {_state(before)}")
    differs = [name for name in _MUST_AGREE if getattr(before.cell, name) != getattr(after.cell, name)]
    if differs:
        return Verdict(Outcome.INCOMPARABLE, after.cell, why=_both(differs[0], before.cell, after.cell))
    return None if after.status == DONE else Verdict(Outcome.MISSING, after.cell, why=_state(after))


def _without_candidate(before: CellScores | None) -> Verdict | None:
    if before is None:
        return None
    if before.status != DONE:
        return Verdict(Outcome.INCOMPARABLE, before.cell, why=f"neither has a result: {_state(before)}")
    return Verdict(Outcome.MISSING, before.cell, why="not in the candidate")


def _state(scores: CellScores) -> str:
    return f"{scores.status}: {scores.reason}" if scores.reason else scores.status


def _both(field: str, before: Cell, after: Cell) -> str:
    return (
        f"{field} differs: {getattr(before, field)} in the baseline, {getattr(after, field)} in the candidate"
    )


def _judge_metrics(
    before: CellScores, after: CellScores, policy: Policy, metrics: Mapping[str, MetricInfo]
) -> Iterator[Verdict]:
    measured = [metric for metric in before.metrics if metric.items]
    if not measured:
        yield Verdict(Outcome.INCOMPARABLE, after.cell, why="the baseline has no number")
    for name in dict.fromkeys(metric.name for metric in measured):
        ours = {m.signature: m for m in measured if m.name == name}
        theirs = {m.signature: m for m in after.metrics if m.name == name}
        yield _judge_metric(_Two(before, after), name, ours, theirs, policy, metrics.get(name))


@dataclass(frozen=True)
class _Two:
    """Two comparable cells."""

    before: CellScores
    after: CellScores

    @property
    def note(self) -> str:
        """The inference, where it differs."""
        one, other = self.before.cell, self.after.cell
        return "" if one.inference == other.inference else _both("inference", one, other)


def _judge_metric(
    two: _Two,
    name: str,
    ours: Mapping[str, MetricScores],
    theirs: Mapping[str, MetricScores],
    policy: Policy,
    info: MetricInfo | None,
) -> Verdict:
    cell = two.after.cell
    if info is None:
        why = f"{name} is not a metric that is known here, so its direction isn't either"
        return Verdict(Outcome.INCOMPARABLE, cell, Measure(name), why)
    common = [signature for signature in ours if signature in theirs and theirs[signature].items]
    if not common:
        return _no_common_signature(cell, info, ours, theirs)
    # The newest of several: a journal keeps a metric's earlier signatures.
    signature = common[-1]
    measure = Measure.of(info, signature)
    one, other = ours[signature], theirs[signature]
    mismatch = _mismatch(one, other)
    if mismatch:
        return Verdict(Outcome.INCOMPARABLE, cell, measure, mismatch)
    return _measured(two, measure, one, other, policy.limits(cell, name), policy)


def _no_common_signature(
    cell: Cell, info: MetricInfo, ours: Mapping[str, MetricScores], theirs: Mapping[str, MetricScores]
) -> Verdict:
    before = list(ours)[-1]
    measure = Measure.of(info, before)
    others = [signature for signature, metric in theirs.items() if metric.items]
    if others:
        why = f"{info.name}'s signature differs: {before} in the baseline, {others[-1]} in the candidate"
        return Verdict(Outcome.INCOMPARABLE, cell, measure, why)
    reasons = [metric.reason for metric in theirs.values() if metric.reason]
    why = f"{info.name} has no value in the candidate" + (f": {reasons[-1]}" if reasons else "")
    return Verdict(Outcome.MISSING, cell, measure, why)


def _mismatch(one: MetricScores, other: MetricScores) -> str:
    """What keeps values of the same metric from being paired."""
    if one.items.keys() != other.items.keys():
        odd = min(one.items.keys() ^ other.items.keys())
        return f"items differ: {_counts(len(one.items), len(other.items))}, such as {odd}"
    for name, values in one.items.items():
        if len(values) != len(other.items[name]):
            return f"frames of {name} differ: {_counts(len(values), len(other.items[name]))}"
    nan = _not_numbers(one)
    return f"the baseline is not a number in {nan[0]}" if nan else ""


def _not_numbers(metric: MetricScores) -> list[str]:
    """The items with a value that is NaN."""
    if not any(map(math.isnan, _values(metric))):
        return []
    return [name for name, values in metric.items.items() if any(map(math.isnan, values))]


def _values(metric: MetricScores) -> Iterator[float]:
    return chain.from_iterable(metric.items.values())


def _counts(before: int, after: int) -> str:
    return f"{before} in the baseline, {after} in the candidate"


# ------------------------------------------------------------------------------- image by image


def _measured(
    two: _Two, measure: Measure, one: MetricScores, other: MetricScores, limits: Limits | None, policy: Policy
) -> Verdict:
    """The numbers of a comparison; what they amount to is decided later, all cells together."""
    cell = two.after.cell
    nan = _not_numbers(other)
    if nan:
        return Verdict(Outcome.FAILED, cell, measure, f"not a number in {', '.join(nan[:_WORST])}")
    changes = [_change(name, one.items[name], other.items[name], measure) for name in one.items]
    finite = [change for change in changes if _is_finite(change)]
    baseline, candidate, deltas = _weighted(cell, finite, one)
    n, noise = len(deltas), limits.noise if limits else 0.0
    delta = _mean(deltas) if deltas else _unbounded(changes, measure)
    moved = any(deltas)
    return Verdict(
        Outcome.OK,
        cell,
        measure,
        baseline=_mean(baseline) if baseline else two.before.mean(one),
        candidate=_mean(candidate) if candidate else two.after.mean(other),
        delta=delta,
        tolerance=limits.tolerance if limits else None,
        interval=mean_interval(deltas, policy.level),
        rerun=rerun_interval(delta, noise, n, policy.level) if n else None,
        effect=effect_size(deltas) if moved else None,
        p_value=_p_value(deltas, delta, noise, policy),
        n=len(changes),
        n_finite=n,
        n_inf_baseline=_infinite(one),
        n_inf_candidate=_infinite(other),
        worst=_worst(changes, measure),
        note=two.note,
        advisory=limits is None,
    )


def _change(name: str, before: Values, after: Values, measure: Measure) -> ItemChange:
    """One image before and after; frames in which both equal the ground truth (infinite) say nothing."""
    if len(before) == 1:
        return ItemChange(name, before[0], after[0], after[0] - before[0] if before != after else 0.0)
    frames = [(b, a) for b, a in zip(before, after, strict=True) if b != a or math.isfinite(b)]
    if not frames:
        return ItemChange(name, before[0], after[0], 0.0)
    gains = [(a - b) * measure.sign for b, a in frames]
    # A frame that no longer equals the ground truth is a loss without bound, whatever the others gained.
    gain = next((g for g in (min(gains), max(gains)) if math.isinf(g)), sum(gains) / len(gains))
    mean_before, mean_after = (sum(values) / len(frames) for values in zip(*frames, strict=True))
    return ItemChange(name, mean_before, mean_after, gain * measure.sign)


def _is_finite(change: ItemChange) -> bool:
    return math.isfinite(change.baseline) and math.isfinite(change.candidate)


def _unbounded(changes: Iterable[ItemChange], measure: Measure) -> float:
    """The difference where no image is finite on both sides: the worst image's, else the best one's."""
    gains = [change.delta * measure.sign for change in changes]
    worst = min(gains, default=0.0)
    return (worst if worst < 0 else max(gains, default=0.0)) * measure.sign


def _infinite(metric: MetricScores) -> int:
    return sum(map(math.isinf, _values(metric)))


def _weighted(
    cell: Cell, changes: Sequence[ItemChange], metric: MetricScores
) -> tuple[list[float], list[float], list[float]]:
    """Baselines, candidates and differences of the items, whose means are the cell's.

    A mean over frames counts long clips more: there each item is weighted by its frames, 1 on average.
    """
    if cell.average != "frame":
        return [c.baseline for c in changes], [c.candidate for c in changes], [c.delta for c in changes]
    frames = [len(metric.items[change.name]) for change in changes]
    weights = [count * len(frames) / sum(frames) for count in frames]
    pairs = list(zip(weights, changes, strict=True))
    return (
        [w * c.baseline for w, c in pairs],
        [w * c.candidate for w, c in pairs],
        [w * c.delta for w, c in pairs],
    )


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _p_value(deltas: Sequence[float], delta: float, noise: float, policy: Policy) -> float | None:
    """Of "nothing changed", by the evidence that the policy asks for.

    A set too small for a statement about other images falls back to the stricter question about this set.
    """
    if not deltas:
        return None
    others = mean_p_value(deltas) if policy.evidence == "images" else None
    return rerun_p_value(delta, noise, len(deltas)) if others is None else others


def _worst(changes: Iterable[ItemChange], measure: Measure) -> tuple[ItemChange, ...]:
    lost = [change for change in changes if change.delta * measure.sign < 0]
    return tuple(heapq.nsmallest(_WORST, lost, key=lambda change: change.delta * measure.sign))


# -------------------------------------------------------------------------------- all cells together


def _decided(verdicts: Sequence[Verdict], policy: Policy) -> list[Verdict]:
    """Outcomes, after Holm's correction across the datasets of one model and metric."""
    families: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for index, verdict in enumerate(verdicts):
        if verdict.p_value is not None:
            families[_family(verdict)].append(index)
    decided = list(verdicts)
    for family in families.values():
        adjusted = holm([verdicts[index].p_value or 0.0 for index in family])
        for index, p_value in zip(family, adjusted, strict=True):
            if p_value != verdicts[index].p_value:
                decided[index] = replace(verdicts[index], p_value=p_value)
    return [_decide(verdict, policy) for verdict in decided]


def _family(verdict: Verdict) -> tuple[str, ...]:
    cell = verdict.cell
    return cell.model, str(cell.scale), cell.protocol, verdict.measure.name


def _decide(verdict: Verdict, policy: Policy) -> Verdict:
    limits = policy.limits(verdict.cell, verdict.measure.name)
    if verdict.delta is None:
        return verdict
    if limits is None:
        return replace(verdict, why="no tolerance in the policy")
    gain = verdict.delta * verdict.measure.sign
    beyond = abs(gain) > limits.tolerance + _SLACK
    supported = verdict.p_value is not None and verdict.p_value < 1 - policy.level
    broken, restored = _broken_image(verdict, limits), _now_equal(verdict)
    if beyond and supported and gain < 0:
        return replace(verdict, outcome=Outcome.REGRESSED, why=_lost(verdict))
    if broken:
        return replace(verdict, outcome=Outcome.REGRESSED, why=broken)
    if (beyond and supported) or restored:
        why = _gained(verdict) if beyond and supported else restored
        return replace(verdict, outcome=Outcome.IMPROVED, why=why)
    return replace(verdict, why=_unsupported(verdict, policy)) if beyond else verdict


def _broken_image(verdict: Verdict, limits: Limits) -> str:
    """What one image alone lost that no image may lose."""
    for change in verdict.worst[:1]:
        loss = -change.delta * verdict.measure.sign
        if math.isinf(loss):
            was_equal = math.isinf(change.baseline)
            what = "equalled the ground truth and no longer does" if was_equal else "became infinitely worse"
            return f"{change.name} {what}"
        if loss > limits.image_tolerance + _SLACK:
            lost = amount(loss, verdict.measure)
            return f"{change.name} alone lost {lost} ({limits.image_tolerance:g} allowed)"
    return ""


def _now_equal(verdict: Verdict) -> str:
    """That more of the outputs than before equal the ground truth; asked where none has ceased to."""
    more = verdict.n_inf_candidate - verdict.n_inf_baseline
    if more <= 0 or verdict.measure.sign < 0:
        return ""
    return f"{more} {'output more equals' if more == 1 else 'outputs more equal'} the ground truth"


def _lost(verdict: Verdict) -> str:
    return (
        f"the mean lost {amount(abs(verdict.delta or 0.0), verdict.measure)} ({verdict.tolerance:g} allowed)"
    )


def _gained(verdict: Verdict) -> str:
    return f"the mean gained {amount(abs(verdict.delta or 0.0), verdict.measure)}"


def _unsupported(verdict: Verdict, policy: Policy) -> str:
    who = "a rerun" if policy.evidence == "set" or verdict.interval is None else "the choice of images"
    moved = amount(abs(verdict.delta or 0.0), verdict.measure)
    return f"the mean moved by {moved}, which {who} may explain (p = {verdict.p_value:.2g})"


def amount(value: float, measure: Measure) -> str:
    """A difference with its unit, two digits finer than the metric is printed."""
    return f"{value:.{measure.decimals + 2}f} {measure.unit}".rstrip()


def _required(verdict: Verdict, before: CellScores | None, policy: Policy) -> Verdict:
    """By the baseline's cell: the candidate's may be of another protocol, or a part of the set."""
    needed = verdict.outcome in NOT_COMPARED and before is not None and policy.requires(before.cell)
    return replace(verdict, required=True) if needed else verdict


def _unmet(verdicts: Iterable[Verdict], baseline: Sequence[CellScores], policy: Policy) -> Iterator[str]:
    """Requirements of the policy that were not met."""
    yield from (f"{v.subject}: {v.outcome.value}, {v.why}" for v in verdicts if v.required)
    for pattern in policy.require:
        if not any(covers(pattern, scores.cell) for scores in baseline):
            yield f"nothing in the baseline is {pattern}"
