"""Two result sets and a policy: what is compared with what, and what counts as worse."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from srbench.gate.compare import compare
from srbench.gate.policy import DEFAULTS, Limits, Policy
from srbench.gate.verdicts import Judgement, Outcome, Verdict
from srbench.store.scores import CellScores, MetricScores
from srbench.types import Cell, MetricInfo

METRICS = {
    "psnr_y": MetricInfo("psnr_y", "PSNR-Y", "dB", "higher", 2, "y", True, ""),
    "lpips": MetricInfo("lpips", "LPIPS", "", "lower", 4, "rgb", False, ""),
}
CELL = Cell("imdn", "set5", 4, "classic", "x4|classic|v1", "torch|float32|cpu|whole", "pixels")
FIVE = [32.0, 34.0, 28.0, 33.0, 30.0]


def scored(
    values: Sequence[float | tuple[float, ...]],
    cell: Cell = CELL,
    metric: str = "psnr_y",
    version: int = 1,
    status: str = "done",
) -> CellScores:
    """A cell with one value per image, or one tuple per clip."""
    items = {f"i{n}": v if isinstance(v, tuple) else (v,) for n, v in enumerate(values)}
    scores = MetricScores(metric, f"{metric}|{version}", items)
    return CellScores(cell, status, "" if status == "done" else "why", len(items), (scores,))


def judged(
    before: CellScores | Sequence[CellScores],
    after: CellScores | Sequence[CellScores],
    policy: Policy | None = None,
) -> Judgement:
    """The judgement of two sets, or of two cells."""
    sets = [[one] if isinstance(one, CellScores) else list(one) for one in (before, after)]
    return compare(sets[0], sets[1], policy or Policy(), METRICS)


def only(judgement: Judgement) -> Verdict:
    """Its one verdict."""
    (verdict,) = judgement.verdicts
    return verdict


def limits(**given: float) -> Policy:
    """A policy with these limits for PSNR-Y."""
    return Policy(metrics={**DEFAULTS, "psnr_y": replace(DEFAULTS["psnr_y"], **given)})


def shifted(values: Sequence[float], by: Mapping[int, float] | float) -> list[float]:
    """All values moved, or those of some images."""
    moves = by if isinstance(by, Mapping) else dict.fromkeys(range(len(values)), by)
    return [value + moves.get(n, 0.0) for n, value in enumerate(values)]


# ------------------------------------------------------------------------------------ worse or not


def test_equal_results_are_ok() -> None:
    """A set against itself: nothing moved, the exit code is 0."""
    judgement = judged(scored(FIVE), scored(FIVE))
    verdict = only(judgement)
    assert (verdict.outcome, verdict.delta, verdict.n, verdict.worst) == (Outcome.OK, 0.0, 5, ())
    assert judgement.exit_code == 0


def test_a_mean_beyond_the_tolerance_is_a_regression() -> None:
    """0.02 dB where 0.01 is allowed: also on five images, with the numbers and the worst images."""
    judgement = judged(scored(FIVE), scored(shifted(FIVE, {0: -0.01, 3: -0.09})))
    verdict = only(judgement)
    assert verdict.outcome is Outcome.REGRESSED
    assert verdict.baseline == pytest.approx(31.4)
    assert verdict.candidate == pytest.approx(31.38)
    assert verdict.delta == pytest.approx(-0.02)
    assert verdict.interval is None  # too few images
    assert verdict.rerun is not None
    assert verdict.rerun.high < 0
    assert [change.name for change in verdict.worst] == ["i3", "i0"]
    assert verdict.why == "the mean lost 0.0200 dB (0.01 allowed)"
    assert judgement.exit_code == 1


def test_a_loss_of_exactly_the_tolerance_is_allowed() -> None:
    """The last bits of a mean decide nothing."""
    assert only(judged(scored(FIVE), scored(shifted(FIVE, -0.01)))).outcome is Outcome.OK
    assert only(judged(scored(FIVE), scored(shifted(FIVE, -0.0101)))).outcome is Outcome.REGRESSED


def test_the_same_amount_up_is_an_improvement() -> None:
    """An improvement is told apart, and is no failure."""
    judgement = judged(scored(FIVE), scored(shifted(FIVE, 0.02)))
    assert only(judgement).outcome is Outcome.IMPROVED
    assert judgement.exit_code == 0


@pytest.mark.parametrize(("by", "outcome"), [(0.01, Outcome.REGRESSED), (-0.01, Outcome.IMPROVED)])
def test_lower_is_better_for_lpips(by: float, outcome: Outcome) -> None:
    """The direction is the metric's own."""
    values = [0.2, 0.3, 0.1]
    verdict = only(judged(scored(values, metric="lpips"), scored(shifted(values, by), metric="lpips")))
    assert verdict.outcome is outcome


def test_a_loss_carried_by_five_of_a_hundred_images_is_found() -> None:
    """0.02 dB of the mean from five uneven losses among images that moved either way: certain on this set."""
    values = np.random.default_rng(0).normal(27, 4, 100)
    moves = np.random.default_rng(1).normal(0, 0.1, 100)
    losses = dict(zip(range(5), (-0.1, -0.2, -0.3, -0.6, -0.8), strict=True))
    after = shifted(list(values + moves - moves.mean()), losses)
    verdict = only(judged(scored(list(values)), scored(after)))
    assert verdict.outcome is Outcome.REGRESSED
    assert verdict.interval is not None
    assert not verdict.interval.excludes_zero  # over other images it would not be


def test_noise_of_reruns_is_no_regression() -> None:
    """Every image moved by some hundredths, the mean by less than is allowed."""
    rng = np.random.default_rng(1)
    values = rng.normal(27, 4, 100)
    assert (
        only(judged(scored(list(values)), scored(list(values + rng.normal(0, 0.05, 100))))).outcome
        is Outcome.OK
    )


def test_one_broken_image_is_a_regression() -> None:
    """A tile that broke: the mean over 400 images hides it, the image doesn't."""
    values = [30.0] * 400
    verdict = only(judged(scored(values), scored(shifted(values, {7: -1.5}))))
    assert (verdict.outcome, verdict.worst[0].name) == (Outcome.REGRESSED, "i7")
    assert verdict.why == "i7 alone lost 1.5000 dB (1 allowed)"
    assert (
        only(judged(scored(values), scored(shifted(values, {7: -1.5})), limits(image_tolerance=math.inf))).why
        == ""
    )


def test_declared_noise_explains_a_change() -> None:
    """Where reruns move an image by 0.1 dB, 0.02 dB over five images may be one; 0.2 dB are not."""
    policy = limits(noise=0.1)
    verdict = only(judged(scored(FIVE), scored(shifted(FIVE, -0.02)), policy))
    assert verdict.outcome is Outcome.OK
    assert verdict.why.startswith("the mean moved by 0.0200 dB, which a rerun may explain (p = 0.6")
    assert only(judged(scored(FIVE), scored(shifted(FIVE, -0.2)), policy)).outcome is Outcome.REGRESSED


def test_the_question_may_be_about_other_images() -> None:
    """With `evidence = "images"` a loss that hangs on few images isn't enough, one that all share is."""
    policy = replace(limits(), evidence="images")
    values = list(np.random.default_rng(2).normal(27, 4, 50))
    on_few = only(judged(scored(values), scored(shifted(values, {0: -0.5, 1: -0.9})), policy))
    assert on_few.outcome is Outcome.OK
    assert "which the choice of images may explain" in on_few.why
    assert only(judged(scored(values), scored(shifted(values, -0.02)), policy)).outcome is Outcome.REGRESSED


def test_too_few_images_never_disarm_the_gate() -> None:
    """Five images say nothing of others: the question falls back to these five."""
    policy = replace(limits(), evidence="images")
    assert only(judged(scored(FIVE), scored(shifted(FIVE, {0: -0.2})), policy)).outcome is Outcome.REGRESSED


def test_holm_corrects_across_the_datasets_of_a_model() -> None:
    """A p-value of 0.03 on one set is enough alone, and not when two sets were looked at."""
    policy = limits(noise=0.1)
    sets = [replace(CELL, dataset=name) for name in ("set5", "set14")]
    loss = -2.17009 * 0.1 / math.sqrt(5)  # p = 0.03
    one = judged(scored(FIVE, sets[0]), scored(shifted(FIVE, loss), sets[0]), policy)
    assert only(one).outcome is Outcome.REGRESSED
    two = judged(
        [scored(FIVE, cell) for cell in sets],
        [scored(shifted(FIVE, loss), sets[0]), scored(FIVE, sets[1])],
        policy,
    )
    assert {verdict.outcome for verdict in two.verdicts} == {Outcome.OK}
    assert max(v.p_value or 0 for v in two.verdicts if v.cell.dataset == "set5") == pytest.approx(
        0.06, abs=1e-4
    )


def test_a_metric_without_a_tolerance_decides_nothing() -> None:
    """Nobody said what it may lose: it is shown as advice; alone it is no comparison at all."""
    judgement = compare([scored(FIVE)], [scored(shifted(FIVE, -3))], Policy(metrics={}), METRICS)
    assert (only(judgement).outcome, only(judgement).advisory) == (Outcome.OK, True)
    assert judgement.exit_code == 4


def test_a_metric_nobody_knows_has_no_direction() -> None:
    """A plugin's metric whose plugin isn't here is not guessed at."""
    verdict = only(judged(scored(FIVE, metric="mine"), scored(FIVE, metric="mine")))
    assert verdict.outcome is Outcome.INCOMPARABLE
    assert "mine is not a metric that is known here" in verdict.why


# ------------------------------------------------------------------------------------- infinite values


def test_images_equal_on_both_sides_are_left_out() -> None:
    """Equal to the ground truth before and after: counted, not averaged."""
    before = [math.inf, 30.0, 32.0]
    verdict = only(judged(scored(before), scored([math.inf, 30.0, 31.98])))
    assert (verdict.n, verdict.n_finite, verdict.n_inf_baseline, verdict.n_inf_candidate) == (3, 2, 1, 1)
    assert verdict.baseline == pytest.approx(31.0)
    assert verdict.delta == pytest.approx(-0.01)


def test_an_image_that_no_longer_equals_the_ground_truth_is_a_regression() -> None:
    """From infinite to 60 dB is a loss without bound, whatever the mean over the other images says."""
    verdict = only(judged(scored([math.inf, 30.0]), scored([60.0, 30.5])))
    assert verdict.outcome is Outcome.REGRESSED
    assert verdict.why == "i0 equalled the ground truth and no longer does"
    assert (verdict.baseline, verdict.candidate, verdict.delta) == (30.0, 30.5, 0.5)
    assert (verdict.n_inf_baseline, verdict.n_inf_candidate) == (1, 0)


def test_an_image_that_now_equals_the_ground_truth_is_an_improvement() -> None:
    """Unless the rest became worse, or another image ceased to."""
    verdict = only(judged(scored([60.0, 30.0]), scored([math.inf, 30.0])))
    assert (verdict.outcome, verdict.delta) == (Outcome.IMPROVED, 0.0)
    assert verdict.why == "1 output more equals the ground truth"
    assert only(judged(scored([60.0, 30.0]), scored([math.inf, 29.9]))).outcome is Outcome.REGRESSED
    swapped = only(judged(scored([60.0, math.inf, 30.0]), scored([math.inf, 60.0, 30.0])))
    assert swapped.why == "i1 equalled the ground truth and no longer does"
    assert swapped.outcome is Outcome.REGRESSED


@pytest.mark.parametrize(
    ("before", "after", "outcome", "numbers"),
    [
        ([math.inf] * 3, [math.inf] * 3, Outcome.OK, (math.inf, math.inf, 0.0)),
        ([math.inf] * 2, [60.0, math.inf], Outcome.REGRESSED, (math.inf, 60.0, -math.inf)),
        ([60.0, math.inf], [math.inf] * 2, Outcome.IMPROVED, (60.0, math.inf, math.inf)),
        ([60.0, math.inf], [math.inf, 50.0], Outcome.REGRESSED, (60.0, 50.0, -math.inf)),
    ],
)
def test_where_no_image_is_finite_on_both_sides_the_difference_is_infinite(
    before: list[float], after: list[float], outcome: Outcome, numbers: tuple[float, ...]
) -> None:
    """Never a plus of nothing: the worst image decides, and each mean is of its own side's finite values."""
    verdict = only(judged(scored(before), scored(after)))
    assert verdict.outcome is outcome
    assert (verdict.baseline, verdict.candidate, verdict.delta) == numbers
    assert (verdict.n_finite, verdict.interval) == (0, None)


def test_infinitely_bad_is_not_called_equal() -> None:
    """Of a metric whose lower values are better, an infinite one is worse than any."""
    verdict = only(judged(scored([0.1, 0.2], metric="lpips"), scored([0.1, math.inf], metric="lpips")))
    assert (verdict.outcome, verdict.why) == (Outcome.REGRESSED, "i1 became infinitely worse")
    again = only(judged(scored([0.1, math.inf], metric="lpips"), scored([0.1, 0.2], metric="lpips")))
    assert again.outcome is Outcome.OK


def test_nan_in_the_candidate_is_a_failure() -> None:
    """A metric that is no longer a number has failed; in the baseline there is nothing to compare with."""
    assert judged(scored([30.0, 31.0]), scored([30.0, math.nan])).exit_code == 3
    assert only(judged(scored([30.0, math.nan]), scored([30.0, 31.0]))).outcome is Outcome.INCOMPARABLE


# --------------------------------------------------------------------------------------------- clips


def test_a_clip_counts_once() -> None:
    """The mean is over a clip's frames and then over clips: long clips count no more."""
    verdict = only(judged(scored([(30.0, 32.0, 34.0), (20.0,)]), scored([(30.0, 32.0, 34.0), (19.9,)])))
    assert verdict.baseline == pytest.approx(26.0)
    assert verdict.delta == pytest.approx(-0.05)


def test_a_mean_over_frames_counts_every_frame() -> None:
    """Where the protocol averages over frames, so does the difference."""
    cell = replace(CELL, average="frame")
    verdict = only(
        judged(scored([(30.0, 32.0, 34.0), (20.0,)], cell), scored([(30.0, 32.0, 34.0), (19.9,)], cell))
    )
    assert verdict.baseline == pytest.approx(29.0)
    assert verdict.candidate == pytest.approx(28.975)
    assert verdict.delta == pytest.approx(-0.025)


def test_a_frame_that_no_longer_equals_the_ground_truth() -> None:
    """One frame of a clip lost what can't be measured; frames equal on both sides say nothing."""
    before = [(math.inf, 30.0), (math.inf, 31.0)]
    assert only(judged(scored(before), scored([(50.0, 30.0), (math.inf, 31.0)]))).outcome is Outcome.REGRESSED
    assert only(judged(scored(before), scored([(math.inf, 30.0), (math.inf, 31.0)]))).baseline == 30.5


# ------------------------------------------------------------------------------- what is not compared


def _with(field: str, value: str) -> Cell:
    """The cell with one of its texts replaced."""
    changes: dict[str, Any] = {field: value}
    return replace(CELL, **changes)


@pytest.mark.parametrize("field", ["signature", "pixels", "average"])
def test_another_protocol_or_other_pixels_are_never_compared(field: str) -> None:
    """The field that differs is named, with both values; a required cell not compared is code 4."""
    judgement = judged(scored(FIVE), scored(shifted(FIVE, 1), _with(field, "other")))
    verdict = only(judgement)
    assert verdict.outcome is Outcome.INCOMPARABLE
    before = getattr(CELL, field)
    assert verdict.why == f"{field} differs: {before} in the baseline, other in the candidate"
    assert judgement.exit_code == 4


def test_a_part_of_a_set_is_not_the_set() -> None:
    """`urban100[24]` stands where `urban100` was expected: incomparable, not missing."""
    whole, part = (replace(CELL, dataset=name) for name in ("urban100", "urban100[24]"))
    verdict = only(judged(scored(FIVE, whole), scored(FIVE, part)))
    assert verdict.outcome is Outcome.INCOMPARABLE
    assert verdict.why == "dataset differs: urban100 in the baseline, urban100[24] in the candidate"


def test_a_part_stands_where_the_set_is_required() -> None:
    """A requirement is of the baseline's cell, whatever the candidate has in its place."""
    whole, part = (replace(CELL, dataset=name) for name in ("urban100", "urban100[24]"))
    judgement = judged(scored(FIVE, whole), scored(FIVE, part), Policy(require=("imdn/urban100/x4/classic",)))
    assert (only(judgement).required, judgement.exit_code) == (True, 4)


def test_another_protocol_in_place_of_a_cell_is_incomparable_and_both_are_named() -> None:
    """Neither missing nor new; but where both protocols are there, each meets its own."""
    vdsr = replace(CELL, protocol="vdsr", signature="x4|vdsr|v1")
    judgement = judged(scored(FIVE), scored(FIVE, vdsr))
    verdict = only(judgement)
    assert (verdict.outcome, verdict.required) == (Outcome.INCOMPARABLE, True)
    assert verdict.why == "protocol differs: classic in the baseline, vdsr in the candidate"
    both = judged(scored(FIVE), [scored(FIVE, vdsr), scored(FIVE)])
    assert {(v.outcome, v.cell.protocol) for v in both.verdicts} == {
        (Outcome.OK, "classic"), (Outcome.NEW, "vdsr")
    }  # fmt: skip
    fewer = judged([scored(FIVE), scored(FIVE, vdsr)], scored(FIVE))
    assert [v.cell.protocol for v in fewer.of(Outcome.MISSING)] == ["vdsr"]


def test_another_metric_signature_is_never_compared() -> None:
    """Another implementation of a metric is another quantity; both signatures are named."""
    verdict = only(judged(scored(FIVE), scored(FIVE, version=2)))
    assert verdict.outcome is Outcome.INCOMPARABLE
    assert verdict.why == "psnr_y's signature differs: psnr_y|1 in the baseline, psnr_y|2 in the candidate"


def test_an_earlier_signature_is_compared_where_both_have_it() -> None:
    """A journal keeps the scores of a metric's earlier version: those are compared with that version's."""
    after = scored(shifted(FIVE, -1), version=2)
    both = replace(after, metrics=(*scored(FIVE).metrics, *after.metrics))
    assert only(judged(scored(FIVE), both)).outcome is Outcome.OK


def test_another_inference_is_compared_and_said() -> None:
    """Tiling or another device is just what may make a model worse."""
    tiled = replace(CELL, inference="torch|float32|cpu|tile:64+8")
    verdict = only(judged(scored(FIVE), scored(shifted(FIVE, -0.1), tiled)))
    assert verdict.outcome is Outcome.REGRESSED
    assert (
        "torch|float32|cpu|whole in the baseline, torch|float32|cpu|tile:64+8 in the candidate"
        in verdict.note
    )


def test_the_same_inference_is_preferred() -> None:
    """With several inferences of a model each meets its own."""
    tiled = replace(CELL, inference="torch|float32|cpu|tile:64+8")
    low = shifted(FIVE, -5)
    judgement = judged([scored(FIVE), scored(low, tiled)], [scored(low, tiled), scored(FIVE)])
    assert {(v.outcome, v.note) for v in judgement.verdicts} == {(Outcome.OK, "")}


def test_missing_cells_are_named() -> None:
    """In the baseline alone: missing, and code 4 since all of a baseline has to be compared by default."""
    other = replace(CELL, dataset="set14")
    judgement = judged([scored(FIVE), scored(FIVE, other)], scored(FIVE))
    (verdict,) = judgement.of(Outcome.MISSING)
    assert (verdict.where, verdict.why) == ("imdn on set14 x4 (classic)", "not in the candidate")
    assert judgement.unmet == ("imdn on set14 x4 (classic): missing, not in the candidate",)
    assert judgement.exit_code == 4


def test_a_policy_may_require_less() -> None:
    """Only what is required has to be there; a requirement that nothing fits is not met either."""
    other = replace(CELL, dataset="set14")
    sets = ([scored(FIVE), scored(FIVE, other)], scored(FIVE))
    assert judged(*sets, Policy(require=("imdn/set5",))).exit_code == 0
    assert judged(*sets, Policy(require=())).exit_code == 0
    typo = judged(*sets, Policy(require=("imdm/set5",)))
    assert (typo.exit_code, typo.unmet) == (4, ("nothing in the baseline is imdm/set5",))


def test_new_cells_are_told_and_judge_nothing() -> None:
    """What the baseline doesn't know can't have become worse."""
    judgement = judged(scored(FIVE), [scored(FIVE), scored(FIVE, replace(CELL, model="new"))])
    assert [v.cell.model for v in judgement.of(Outcome.NEW)] == ["new"]
    assert judgement.exit_code == 0


@pytest.mark.parametrize("status", ["failed", "oom", "timeout"])
def test_a_failed_cell_is_a_failure(status: str) -> None:
    """Code 3, also for a model that the baseline doesn't know; with the reason."""
    judgement = judged(scored(FIVE), scored(FIVE, status=status))
    assert (only(judgement).outcome, only(judgement).why) == (Outcome.FAILED, f"{status}: why")
    assert only(judgement).required
    assert judgement.unmet == (f"imdn on set5 x4 (classic): failed, {status}: why",)
    assert judgement.exit_code == 3
    new = judged(scored(FIVE), [scored(FIVE), scored(FIVE, replace(CELL, model="new"), status=status)])
    (failed,) = new.of(Outcome.FAILED)
    assert (new.exit_code, new.unmet, failed.required) == (3, (), False)


@pytest.mark.parametrize("status", ["skipped", "partial"])
def test_an_unfinished_cell_is_missing(status: str) -> None:
    """A skipped cell, or one of which some images were not reached, has no number to compare."""
    judgement = judged(scored(FIVE), scored(FIVE[:3], status=status))
    assert (only(judgement).outcome, only(judgement).why) == (Outcome.MISSING, f"{status}: why")
    assert judgement.exit_code == 4


def test_a_baseline_without_a_result_promises_nothing() -> None:
    """A cell that had failed before is incomparable, also if it fails again."""
    assert only(judged(scored(FIVE, status="failed"), scored(FIVE))).outcome is Outcome.INCOMPARABLE
    assert (
        only(judged(scored(FIVE, status="failed"), scored(FIVE, status="failed"))).outcome
        is Outcome.INCOMPARABLE
    )
    assert only(judged(scored(FIVE, status="failed"), [])).why == "neither has a result: failed: why"


def test_other_images_are_never_compared() -> None:
    """Another number of images or of frames is named."""
    assert (
        "items differ: 5 in the baseline, 4 in the candidate, such as i4"
        in only(judged(scored(FIVE), scored(FIVE[:4]))).why
    )
    assert (
        "frames of i0 differ: 2 in the baseline, 1 in the candidate"
        in only(judged(scored([(1.0, 2.0)]), scored([(1.0,)]))).why
    )


def test_a_metric_that_was_not_computed_is_missing() -> None:
    """LPIPS had a value and has none: the metric is missing, the cell's others are compared."""
    before = replace(
        scored(FIVE), metrics=(*scored(FIVE).metrics, *scored([0.1] * 5, metric="lpips").metrics)
    )
    after = replace(
        scored(FIVE), metrics=(*scored(FIVE).metrics, MetricScores("lpips", "lpips|1", {}, "no weights"))
    )
    judgement = judged(before, after)
    assert [(v.outcome, v.measure.name) for v in judgement.verdicts] == [
        (Outcome.MISSING, "lpips"), (Outcome.OK, "psnr_y")
    ]  # fmt: skip
    assert judgement.verdicts[0].why == "lpips has no value in the candidate: no weights"


def test_nothing_in_common_is_code_4() -> None:
    """Two empty sets, or two sets of other models, compare nothing."""
    assert judged([], []).exit_code == 4
    assert judged(scored(FIVE), scored(FIVE, replace(CELL, model="other"))).exit_code == 4


def test_a_comparison_that_informs_requires_nothing() -> None:
    """Worse, failed or missing, its code is 0; 4 where nothing could be compared."""
    other = replace(CELL, dataset="set14")
    before = [scored(FIVE), scored(FIVE, other)]
    found = compare(before, [scored(shifted(FIVE, -1))], Policy(), METRICS, informs=True)
    assert (found.exit_code, found.unmet) == (0, ())
    assert compare(before, [], Policy(), METRICS, informs=True).exit_code == 4


def test_worse_comes_before_failed_before_not_compared() -> None:
    """What is known to be worse is said, whatever else could not be found out."""
    cells = [replace(CELL, dataset=name) for name in ("a", "b", "c")]
    before = [scored(FIVE, cell) for cell in cells]
    worse = scored(shifted(FIVE, -1), cells[0])
    failed = scored(FIVE, cells[1], status="failed")
    assert judged(before, [worse, failed]).exit_code == 1
    assert judged(before, [scored(FIVE, cells[0]), failed]).exit_code == 3
    assert judged(before, [scored(FIVE, cells[0])]).exit_code == 4
    assert [v.outcome.value for v in judged(before, [worse, failed]).verdicts] == [
        "regressed",
        "failed",
        "missing",
    ]


def test_the_largest_loss_stands_first() -> None:
    """Losses are sorted as multiples of what is allowed, across metrics."""
    cells = [replace(CELL, dataset=name) for name in ("a", "b")]
    judgement = judged(
        [scored(FIVE, cell) for cell in cells],
        [scored(shifted(FIVE, -0.1), cells[0]), scored(shifted(FIVE, -0.3), cells[1])],
    )
    assert [v.cell.dataset for v in judgement.verdicts] == ["b", "a"]


def test_limits_may_differ_for_some_cells() -> None:
    """The last override that fits counts; what it doesn't name stays."""
    from srbench.gate.policy import Override

    overrides = (
        Override("psnr_y", dataset="set*", tolerance=0.5),
        Override("psnr_*", model="x", tolerance=0.0),
    )
    policy = replace(limits(), overrides=overrides)
    assert policy.limits(CELL, "psnr_y") == Limits(0.5, 1.0, 0.003)
    assert only(judged(scored(FIVE), scored(shifted(FIVE, -0.4)), policy)).outcome is Outcome.OK
