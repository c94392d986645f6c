"""The pipeline around prediction: bounded, in order, and the same records however its threads run."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from srbench.adapters.network import Adapter
from srbench.cli.run import parse_size
from srbench.errors import Unavailable, UsageError
from srbench.metrics.base import Image, Metric, build_metric
from srbench.metrics.psnr import PSNR
from srbench.protocols import get_protocol
from srbench.registry import metrics, register_metric, register_model
from srbench.runner import evaluate
from srbench.runner.pipeline import Behind, ahead, helpers
from srbench.runner.truth import Truth, size_of
from srbench.types import ModelInfo, Record

CLASSIC = get_protocol("classic", 2)
FRAME = np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)

# ----------------------------------------------------------------------------------- ahead


@pytest.mark.parametrize("depth", [1, 3])
def test_reading_ahead_stays_in_order_and_within_its_depth(depth: int) -> None:
    """Every thing comes once, in order; never are more than `depth` read that were not asked for yet."""
    read: list[int] = []
    asked = 0
    with ThreadPoolExecutor(depth) as pool:
        for number, thing in enumerate(ahead(iter(range(20)), read.append, pool, depth)):
            asked += 1
            assert thing == number
            assert len(read) <= asked + depth
    assert sorted(read) == list(range(1, 20)), "the first is wanted at once, all others are read ahead"


def test_a_thing_is_handed_out_when_it_has_been_read() -> None:
    """The reader is never asked for what another thread is in the middle of."""
    done: list[int] = []

    def read(thing: int) -> None:
        time.sleep(0.01)
        done.append(thing)

    with ThreadPoolExecutor(1) as pool:
        for thing in ahead(range(5), read, pool, 1):
            assert thing == 0 or thing in done


def test_what_can_not_be_read_ahead_is_left_to_its_user() -> None:
    """An error in the other thread is not raised here, where another thing is being worked on."""

    def read(thing: int) -> None:
        raise ValueError(thing)

    with ThreadPoolExecutor(1) as pool:
        assert list(ahead(range(3), read, pool, 1)) == [0, 1, 2]


def test_things_are_made_as_late_as_possible() -> None:
    """A set that is longer than memory is never listed."""
    made = 0

    def things() -> Iterator[int]:
        nonlocal made
        for number in range(100):
            made += 1
            yield number

    with ThreadPoolExecutor(1) as pool:
        assert next(ahead(things(), str, pool, 2)) == 0
    assert made == 3


# ---------------------------------------------------------------------------------- behind


def test_results_are_taken_in_order_and_never_more_wait_than_the_depth() -> None:
    """The third piece takes the first one's result; the rest is taken at the end."""
    taken: list[int] = []
    behind = Behind(2)
    for number in range(4):
        behind.put(lambda number=number: taken.append(number))  # type: ignore[misc]
        assert len(taken) == max(0, number - 1)
    behind.empty()
    assert taken == [0, 1, 2, 3]


def test_what_follows_a_result_makes_nobody_wait_for_it() -> None:
    """It is done once the results before it are taken: at once if there are none, and never before them."""
    done: list[str] = []
    behind = Behind(1)
    behind.then(lambda: done.append("nothing before"))
    assert done == ["nothing before"]
    behind.put(lambda: done.append("first"))
    behind.then(lambda: done.append("after the first"))
    assert done == ["nothing before"], "the first may still be computed"
    behind.put(lambda: done.append("second"))
    assert done[1:] == ["first", "after the first"]
    behind.then(lambda: done.append("after the second"))
    behind.empty()
    assert done[3:] == ["second", "after the second"]


def test_an_image_is_scored_while_the_next_is_predicted(
    srbench: Any, fresh_registry: None, tmp_path: Path
) -> None:
    """A score that waits for the next prediction to begin is given: nobody waited for the score instead."""
    predicted, waited = [0], list[bool]()
    second = threading.Event()

    class Noticed(Adapter):
        def predict(self, lr: Tensor) -> Tensor:
            predicted[0] += 1
            if predicted[0] == 2:
                second.set()
            return lr.repeat_interleave(4, 2).repeat_interleave(4, 3)

    class Patient(PSNR):
        def score(self, sr: Image, prepared: Any) -> float:
            waited.append(second.wait(20))
            return super().score(sr, prepared)

    register_model(ModelInfo(name="noticed", title="", family="own", scales=(4,)), Noticed)
    register_metric(replace(metrics()["psnr_y"].info, name="patient"), Patient)
    argv = ("-m", "noticed", "-d", "embedded", "-x", "4", "--limit", "2", "--metrics", "patient")
    assert srbench("run", *argv, "--results", tmp_path).code == 0
    assert waited == [True, True]


def test_a_network_on_the_cpu_shares_it_with_one_thread() -> None:
    """It has every core already; beside another device at least one, at most four."""
    assert helpers("cpu") == 1
    assert 1 <= helpers("cuda:1") <= 4


# ----------------------------------------------------------------------------------- truth


class Counting(Metric):
    """Prepares the image itself, and counts how often."""

    prepared = 0

    @property
    def signature(self) -> str:
        """Anything."""
        return "counting"

    def prepare(self, hr: Image) -> Any:
        """A copy of the image."""
        self.prepared += 1
        return {"image": (hr.copy(),)}

    def score(self, sr: Image, prepared: Any) -> float:
        """Nothing."""
        return 0.0


def counting() -> Counting:
    """A metric of RGB images."""
    return Counting(metrics()["lpips"].info)


def test_what_a_metric_prepares_is_made_once_for_all_models() -> None:
    """Also when several threads ask for it at the same time."""
    metric, truth = counting(), Truth(FRAME, CLASSIC, 2**20)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: truth.prepared(metric), range(8)))
    assert metric.prepared == 1
    assert all(one is found[0] for one in found)


def test_what_exceeds_the_budget_is_made_again_and_not_kept() -> None:
    """The budget is kept, and the values are the same."""
    pixels = FRAME.shape[0] * FRAME.shape[1]
    metric, small, large = counting(), 11 * pixels + FRAME.nbytes - 1, 11 * pixels + FRAME.nbytes
    for budget, times in ((0, 2), (small, 2), (large, 1)):
        metric.prepared = 0
        truth = Truth(FRAME, CLASSIC, budget)
        first, second = truth.prepared(metric), truth.prepared(metric)
        assert np.array_equal(first["image"][0], second["image"][0])
        assert metric.prepared == times, budget


def test_a_metric_without_a_value_says_so_each_time() -> None:
    """An image too small for SSIM."""
    ssim = build_metric(metrics()["ssim_y"])
    truth = Truth(FRAME[:8, :8], CLASSIC, 2**20)
    for _ in range(2):
        with pytest.raises(Unavailable):
            truth.prepared(ssim)


@dataclass(frozen=True)
class Pair:
    """As SSIM's statistics: a dataclass of arrays."""

    plane: Any
    name: str


def test_size_counts_arrays_and_tensors_wherever_they_lie() -> None:
    """Tuples, mappings, dataclasses; NumPy's and PyTorch's."""
    import torch

    array, tensor = np.zeros((3, 5)), torch.zeros(4, dtype=torch.float32)
    assert size_of((array, {"a": [tensor]}, array)) == 120 + 16 + 120
    assert 120 <= size_of(Pair(array, "x")) < 300


# ------------------------------------------------------------------------------- whole runs

BROKEN = """
import torch
from srbench import Adapter, ModelInfo, Metric, MetricInfo, register_metric, register_model


class Net(Adapter):
    calls = 0

    def predict(self, lr):
        type(self).calls += 1
        if self.info.name == "third" and type(self).calls == 3:
            raise RuntimeError("third image")
        sr = lr.repeat_interleave(self.scale, 2).repeat_interleave(self.scale, 3)
        return sr * 3 if self.info.name == "wild" else sr


class Third(Net):
    calls = 0


class Wild(Net):
    calls = 0


for name, kind in (("plain", Net), ("third", Third), ("wild", Wild)):
    register_model(ModelInfo(name=name, title=name, family="mine", scales=(2,)), kind)
"""


def stable(record: Record) -> Record:
    """A record without what every run has of its own."""
    return replace(record, seconds=0.0, time="", provenance="")


@pytest.mark.usefixtures("fresh_registry")
def test_threads_change_no_record_and_no_order(
    tmp_path: Path, srbench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one, two or four threads beside it, of models that fail early, late or never."""
    from srbench.store.journal import read_journal

    (tmp_path / "nets.py").write_text(BROKEN, "utf-8")
    found = []
    for count in (1, 2, 4):
        monkeypatch.setattr(evaluate, "helpers", lambda device, count=count: count)
        ran = srbench(
            *("run", "-m", "plain,third,wild,bicubic", "-d", "embedded", "-x", "2", "--json"),
            *("--metrics", "psnr_y,ssim_y,gmsd", "--results", f"runs{count}"),
            *(("--plugin", "nets.py") if count == 1 else ()),
        )
        assert ran.code == 3
        found.append([stable(record) for record in read_journal(tmp_path / f"runs{count}" / "journal.jsonl")])
        _restart()
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 5 + 2 + 1 + 1 + 5


def _restart() -> None:
    """The models that count their calls count from zero again."""
    import sys

    for kind in ("Net", "Third", "Wild"):
        getattr(sys.modules["srbench_plugin_nets"], kind).calls = 0


def test_no_thread_is_left_behind(srbench: Any) -> None:
    """A run ends with the threads with which it began."""
    before = threading.active_count()
    srbench("run", "-m", "bicubic", "-d", "embedded", "-x", "4", "--limit", "2", "--metrics", "psnr_y", "-q")
    for thread in threading.enumerate():
        if thread.name.startswith("srbench"):
            thread.join(5)
    assert threading.active_count() <= before


@pytest.mark.parametrize(
    ("text", "size"), [("512M", 2**29), ("2G", 2**31), ("1.5g", 3 * 2**29), (None, None)]
)
def test_sizes_are_read(text: str | None, size: int | None) -> None:
    """With a unit, of 1024 times 1024."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "12", "1K", "-1G", "much"])
def test_other_sizes_are_refused(text: str) -> None:
    """In one line that shows two that are right."""
    with pytest.raises(UsageError, match="a size such as 512M or 2G"):
        parse_size(text)


def test_a_small_share_of_memory_changes_no_score(srbench: Any) -> None:
    """What is not kept is made again."""
    command = ("run", "-m", "nearest,bicubic", "-d", "embedded", "-x", "4", "--limit", "1", "--json")
    asked = (*command, "--metrics", "psnr_y,ssim_y")
    small = srbench(*asked, "--share", "0.1M", "--results", "small").json()
    assert small == srbench(*asked, "--results", "large").json()
