"""From records to means: which scores count, how they are averaged, and what a cell's status is."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbench.store.aggregate import CellResult, Mean, cells_json, gather, latest_metrics, mean_of_items
from srbench.store.frame import load_frame, summarise
from srbench.store.journal import Journal
from srbench.types import Cell, Record, Score, Status

CELL = Cell("rcan", "set5", 2, "classic", "x2|sig", "torch|float32|cpu|whole", "feed")


def done(
    item: str, items: int = 2, *, cell: Cell = CELL, weights: str = "w", **values: float | list[float]
) -> Record:
    """A record of an item; a metric's value is a number, or a list of one per frame."""
    scores = {
        name: Score(f"{name}|1", f"{weights}{item}{name}", tuple(v) if isinstance(v, list) else (v,))
        for name, v in values.items()
    }
    fields = {"fingerprint": weights}
    return Record(cell, item, items, Status.DONE, "", 1, f"{weights}{item}", fields, scores)


def stand(status: Status, reason: str = "", items: int = 2, cell: Cell = CELL) -> Record:
    """A record of a whole cell."""
    return Record(cell, "", items, status, reason)


def absent(record: Record, metric: str, reason: str, key: str = "") -> Record:
    """The record with one more metric that has no value."""
    return replace(record, scores={**record.scores, metric: Score(f"{metric}|1", key, (), reason)})


def only(*records: Record) -> CellResult:
    """The one cell of these records."""
    (result,) = gather(records)
    return result


def journal(folder: Path, *records: Record) -> Path:
    """A run's folder with these records."""
    with Journal(folder / "journal.jsonl") as opened:
        for record in records:
            opened.append(record)
    return folder


# ----------------------------------------------------------------------------------------- means


def test_the_mean_is_over_frames_and_then_over_items() -> None:
    """A clip counts once, however many frames it has: ((1+3)/2 + 5) / 2, not (1+3+5) / 3."""
    assert mean_of_items([[1.0, 3.0], [5.0]]) == Mean(3.5, 2)


def test_a_frame_mean_counts_every_frame_alike(tmp_path: Path) -> None:
    """Where the protocol says so: (1+3+5) / 3, in the cell's result, after the journal, and in the table."""
    assert mean_of_items([[1.0, 3.0], [5.0]], "frame") == Mean(3.0, 2)
    cell = replace(CELL, average="frame")
    records = (done("a", cell=cell, psnr_y=[1.0, 3.0]), done("b", cell=cell, psnr_y=[5.0]))
    assert only(*records).metrics[0].mean == Mean(3.0, 2)
    summary = summarise(load_frame(journal(tmp_path, *records)))
    assert summary["mean"].tolist() == [3.0]
    assert summary["average"].tolist() == ["frame"]


def test_infinities_are_counted_and_left_out() -> None:
    """An infinite value leaves the mean of the finite ones, and is counted; nothing else is infinite."""
    assert mean_of_items([[math.inf], [30.0], [32.0]]) == Mean(31.0, 3, n_inf=1)
    assert mean_of_items([[math.inf, 30.0], [34.0]]) == Mean(32.0, 2, n_inf=1)
    assert mean_of_items([[math.inf], [math.inf]]) == Mean(math.inf, 2, n_inf=2)


def test_nan_is_never_averaged_in_silently() -> None:
    """One NaN makes the mean NaN, and is counted."""
    mean = mean_of_items([[math.nan], [30.0]])
    assert math.isnan(mean.value)
    assert (mean.n, mean.n_nan) == (2, 1)


def test_nothing_has_no_mean() -> None:
    """No items, or items without values, have no mean and count nothing."""
    assert math.isnan(mean_of_items([]).value)
    assert mean_of_items([[], []]).n == 0


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5), min_size=1, max_size=8))
def test_the_mean_is_numpy_s(items: list[list[float]]) -> None:
    """On finite values the mean agrees with numpy's mean of means, and the order of items changes no bit."""
    mean = mean_of_items(items)
    assert mean.value == pytest.approx(np.mean([np.mean(values) for values in items]), rel=1e-12, abs=1e-9)
    assert mean_of_items(items[::-1]) == mean
    assert (mean.n, mean.n_inf, mean.n_nan) == (len(items), 0, 0)


# ---------------------------------------------------------------------------- which records count


def test_all_items_make_a_cell_done() -> None:
    """With all its items a cell is done and has no reason."""
    result = only(done("a", psnr_y=30.0), done("b", psnr_y=32.0))
    assert (result.status, result.reason, result.expected) == ("done", "", 2)
    assert result.metrics[0].mean == Mean(31.0, 2)


def test_some_items_make_it_partial() -> None:
    """With k of n items, and nothing wrong, a cell is partial and says k of n."""
    result = only(done("a", 3, psnr_y=30.0))
    assert (result.status, result.reason) == ("partial", "1 of 3 items")


@pytest.mark.parametrize("status", [Status.SKIPPED, Status.FAILED, Status.OOM, Status.TIMEOUT])
def test_a_cell_without_items_has_its_own_status(status: Status) -> None:
    """Skipped, failed, out of memory and timed out cells keep their status and reason."""
    result = only(stand(status, "because"))
    assert (result.status, result.reason, result.metrics) == (status.value, "because", ())


def test_a_failure_after_some_items_is_visible() -> None:
    """A cell that fails half way is failed, keeps its scores, and says how far it came."""
    result = only(done("a", psnr_y=30.0), stand(Status.FAILED, "b: boom"))
    assert (result.status, result.reason) == ("failed", "1 of 2 items; b: boom")
    assert result.metrics[0].mean == Mean(30.0, 1)


def test_a_later_skip_takes_nothing_away() -> None:
    """Once all items are scored, a model that can't be had today stays done."""
    skip = stand(Status.SKIPPED, "no weights today", 0)
    result = only(done("a", psnr_y=30.0), done("b", psnr_y=32.0), skip)
    assert (result.status, result.reason) == ("done", "")
    assert result.metrics[0].mean.n == 2


@pytest.mark.parametrize("status", [Status.FAILED, Status.OOM, Status.TIMEOUT])
def test_a_later_failure_supersedes(status: Status) -> None:
    """A failure after all items were scored is the cell's last word; the scores stay to be seen."""
    result = only(done("a", psnr_y=30.0), done("b", psnr_y=32.0), stand(status, "boom", 2))
    assert (result.status, result.reason) == (status.value, "2 of 2 items; boom")
    assert result.metrics[0].mean.n == 2


def test_a_failure_of_another_model_takes_its_scores_away() -> None:
    """Scores of other weights, code or files under the same name are not the failed model's."""
    failed = replace(stand(Status.FAILED, "boom", 2), key_fields={"fingerprint": "another"})
    first = replace(done("a", psnr_y=30.0), key_fields={"fingerprint": "one"})
    result = only(first, failed)
    assert (result.status, result.reason, result.items) == ("failed", "boom", ())


def test_a_skip_after_some_items_leaves_it_partial() -> None:
    """A cell with some items that can't go on today is partial, with the reason."""
    result = only(done("a", psnr_y=30.0), stand(Status.SKIPPED, "no weights today"))
    assert (result.status, result.reason) == ("partial", "1 of 2 items; no weights today")


def test_success_after_a_failure_is_done() -> None:
    """A failed cell that is run again and completed is done, its old reason gone."""
    result = only(stand(Status.FAILED, "boom"), done("a", psnr_y=30.0), done("b", psnr_y=32.0))
    assert (result.status, result.reason) == ("done", "")


def test_the_latest_score_counts() -> None:
    """Of two records of an item the later one's value counts, and the item counts once."""
    result = only(done("a", psnr_y=1.0), done("b", psnr_y=32.0), done("a", psnr_y=30.0))
    assert result.metrics[0].mean == Mean(31.0, 2)


def test_a_metric_added_later_joins() -> None:
    """A later record with another metric of the same prediction keeps the earlier metrics."""
    result = only(done("a", 1, psnr_y=30.0), done("a", 1, lpips=0.1))
    assert {name: m.mean.value for name, m in latest_metrics(result).items()} == {
        "psnr_y": 30.0,
        "lpips": 0.1,
    }


def test_not_available_today_erases_no_number() -> None:
    """A metric that could not be loaded in a later run keeps the value it had."""
    result = only(done("a", 1, lpips=0.1), absent(done("a", 1, psnr_y=30.0), "lpips", "no network"))
    assert latest_metrics(result)["lpips"].mean == Mean(0.1, 1)
    assert latest_metrics(result)["lpips"].reason == ""


def test_other_weights_are_another_model() -> None:
    """After the weights changed, items of the old ones leave the cell: no mean mixes two models."""
    result = only(done("a", psnr_y=1.0), done("b", psnr_y=1.0), done("a", weights="new", psnr_y=30.0))
    assert (result.status, result.reason) == ("partial", "1 of 2 items")
    assert result.metrics[0].mean == Mean(30.0, 1)


def test_another_prediction_of_an_item_starts_its_scores_anew() -> None:
    """Scores of an item's earlier prediction are not shown beside those of a later one."""
    again = replace(done("a", 1, psnr_y=30.0), prediction="other")
    assert set(latest_metrics(only(done("a", 1, lpips=0.9), again))) == {"psnr_y"}


def test_two_metric_signatures_are_two_metrics() -> None:
    """Scores of two versions of a metric are averaged apart; the fuller, then the later, has the name."""
    old = done("a", lpips=0.5), done("b", lpips=0.7)
    new = {"lpips": Score("lpips|2", "k", (0.1,))}
    result = only(*old, replace(old[0], scores=new))
    assert {(m.signature, m.mean.n) for m in result.metrics} == {("lpips|1", 2), ("lpips|2", 1)}
    assert latest_metrics(result)["lpips"].signature == "lpips|1"
    result = only(*old, replace(old[0], scores=new), replace(old[1], scores=new))
    assert latest_metrics(result)["lpips"].signature == "lpips|2"


def test_missing_values_have_a_reason() -> None:
    """A metric without values on some or all items says on how many, and why."""
    first, second = absent(done("a", psnr_y=1.0), "ms_ssim", "too small", "k"), done("b", ms_ssim=0.9)
    metrics = latest_metrics(only(first, second))
    assert metrics["ms_ssim"].reason == "1 of 2 items; too small"
    assert metrics["psnr_y"].reason == "1 of 2 items; not computed for this item"
    assert latest_metrics(only(absent(first, "lpips", "no network")))["lpips"].reason == "no network"
    assert latest_metrics(only(done("a", 1, vif=math.nan)))["vif"].reason == "not a number in a"


def test_cells_are_apart() -> None:
    """Cells that differ in any field, the pixels or the inference too, are never put together."""
    changes: list[dict[str, Any]] = [
        {"model": "other"}, {"dataset": "other"}, {"scale": 3}, {"inference": "other"}, {"pixels": "other"}
    ]  # fmt: skip
    others = [replace(CELL, **change) for change in changes]
    results = gather([done("a", 1, cell=cell, psnr_y=30.0) for cell in [CELL, *others]])
    assert [result.cell for result in results] == [CELL, *others]


# ---------------------------------------------------------------------------------- --json, pandas


def test_the_json_object(tmp_path: Path) -> None:
    """The object has each cell's status, means, per-item values, counts, and reasons of what is absent."""
    skipped = replace(CELL, model="edsr")
    first = absent(done("a", psnr_y=math.inf, ssim_y=1.0), "lpips", "no network")
    folder = journal(
        tmp_path, first, done("b", psnr_y=30.0, ssim_y=0.5), stand(Status.SKIPPED, "why", 0, skipped)
    )
    found = cells_json(folder)
    assert found["cells"][0] == {
        "model": "rcan",
        "dataset": "set5",
        "scale": 2,
        "protocol": "classic",
        "signature": "x2|sig",
        "inference": "torch|float32|cpu|whole",
        "status": "done",
        "reason": "",
        "n": 2,
        "metrics": {"psnr_y": 30.0, "ssim_y": 0.75},
        "n_inf": {"psnr_y": 1},
        "absent": {"lpips": "no network; not computed for this item"},
        "metric_signatures": {"psnr_y": "psnr_y|1", "ssim_y": "ssim_y|1", "lpips": "lpips|1"},
        "items": {"a": {"psnr_y": "inf", "ssim_y": 1.0}, "b": {"psnr_y": 30.0, "ssim_y": 0.5}},
    }
    assert (found["cells"][1]["status"], found["cells"][1]["reason"], found["cells"][1]["n"]) == (
        "skipped",
        "why",
        0,
    )
    json.dumps(found, allow_nan=False)


def test_the_json_object_of_equal_images(tmp_path: Path) -> None:
    """A mean that is infinite is the string inf; one that is NaN is absent with its reason."""
    (cell,) = cells_json(journal(tmp_path, done("a", 1, psnr_y=math.inf, vif=math.nan)))["cells"]
    assert cell["metrics"] == {"psnr_y": "inf"}
    assert cell["absent"] == {"vif": "not a number in a"}
    assert cell["items"] == {"a": {"psnr_y": "inf", "vif": "nan"}}


def test_the_frame_keeps_raw_values(tmp_path: Path) -> None:
    """One row per cell, item and metric, with every frame's value; a cell without items has one row."""
    skipped = replace(CELL, model="edsr")
    folder = journal(
        tmp_path,
        done("a", psnr_y=[30.0, 31.0], ssim_y=[0.5, 0.5]),
        stand(Status.SKIPPED, "why", cell=skipped),
    )
    frame = load_frame(folder)
    assert list(frame["metric"]) == ["psnr_y", "ssim_y", ""]
    assert list(frame["values"]) == [[30.0, 31.0], [0.5, 0.5], []]
    assert list(frame["status"]) == ["partial", "partial", "skipped"]
    assert list(frame["reason"]) == ["1 of 2 items", "1 of 2 items", "why"]


def test_the_summary_says_what_the_json_says(tmp_path: Path) -> None:
    """Pandas and --json share one aggregation: same means, counts and cells."""
    rows = [
        done("a", psnr_y=[math.inf, 30.0], ssim_y=[0.1, 0.2]),
        done("b", psnr_y=[31.0], ssim_y=[0.3]),
        stand(Status.FAILED, "boom", cell=replace(CELL, model="edsr")),
    ]
    folder = journal(tmp_path, *rows)
    psnr, ssim, failed = summarise(load_frame(folder)).to_dict("records")
    (cell, _) = cells_json(folder)["cells"]
    assert {row["metric"]: row["mean"] for row in (psnr, ssim)} == cell["metrics"]
    assert (psnr["n_inf"], ssim["n_inf"], ssim["n"]) == (1, 0, 2)
    assert (failed["model"], failed["status"], failed["reason"], failed["n"]) == ("edsr", "failed", "boom", 0)
    assert math.isnan(failed["mean"])


def test_an_empty_journal_is_an_empty_frame(tmp_path: Path) -> None:
    """No records give no rows, with the columns in place."""
    frame = load_frame(journal(tmp_path))
    assert len(frame) == 0
    assert "values" in frame.columns
    assert len(summarise(frame)) == 0
    assert cells_json(tmp_path) == {"cells": []}


def test_the_json_object_needs_no_pandas() -> None:
    """Printing results as JSON loads neither pandas nor numpy, and a frame no torch."""
    code = "import sys, {}; print([m for m in {} if m in sys.modules])"
    environment = {"PYTHONPATH": ":".join(sys.path)}
    for module, heavy in (
        ("srbench.store.aggregate", ("pandas", "numpy")),
        ("srbench.store.frame", ("torch", "cv2")),
    ):
        command = [sys.executable, "-c", code.format(module, heavy)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
        assert done.stdout.strip() == "[]"
