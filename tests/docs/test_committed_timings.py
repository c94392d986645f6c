"""results/timings: what models cost on machines, committed; and the tables that are made of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from srbench.report.catalog import installed
from srbench.report.costs import cost_table, cost_values, entries_of, three_digits
from srbench.store.provenance import read_provenance
from srbench.store.timings import latest, read_timings
from srbench.timing_stats import CONFIDENCE, summarise_times
from srbench.types import Status, Timing

ROOT = Path(__file__).resolve().parents[2]
MACHINES = sorted(path.parent for path in ROOT.glob("results/timings/*/timings.jsonl"))
PAGE = ROOT / "docs" / "timing.md"
pytestmark = pytest.mark.skipif(not MACHINES, reason="left out: results/timings is not beside the tests")


@pytest.fixture(params=MACHINES, ids=lambda folder: folder.name)
def machine(request: pytest.FixtureRequest) -> Path:
    """A machine's folder."""
    folder: Path = request.param
    return folder


def table(timings: list[Timing]) -> Iterator[str]:
    """Rows of a table: model, scale, LR size, latency with its interval, throughput, peak memory, MACs."""
    for timing in timings:
        spec, values, summary = timing.spec, cost_values(timing), summarise_times(timing.wall_ms)
        low, high = (three_digits(b / spec.answers) for b in (summary.interval.low, summary.interval.high))
        coverage = "" if summary.interval.coverage >= CONFIDENCE else f", {summary.interval.coverage:.0%}"
        model = spec.model + (", random weights" if spec.weights == "untrained" else "")
        figures = [f"{three_digits(values['latency'] or 0)} ({low} to {high}{coverage})"]
        figures += [
            "—" if (v := values[n]) is None else three_digits(v) for n in ("throughput", "memory", "macs")
        ]
        yield f"| {model} | x{spec.scale} | {spec.height}x{spec.width} | {' | '.join(figures)} |"


def of(machine: Path) -> list[Timing]:
    """Its timings, the latest of each: by scale and size, the fastest first."""
    found = latest(read_timings(machine)).values()

    def place(timing: Timing) -> tuple[int, int, float]:
        spec = timing.spec
        return spec.scale, -spec.height * spec.width, cost_values(timing)["latency"] or 0.0

    return sorted(found, key=place)


def test_figures_are_of_whole_images_on_a_quiet_machine(machine: Path) -> None:
    """Nothing that a board would not rank is committed."""
    timings = of(machine)
    assert timings
    assert len({timing.spec.machine for timing in timings}) == 1
    for timing in timings:
        assert (timing.status, timing.step) == (Status.DONE, "whole")
        assert timing.conditions is not None
        assert timing.conditions.quiet, timing.spec.model


def test_every_figure_is_ranked_on_a_board(machine: Path) -> None:
    """In the group of its machine, set-up and size."""
    timings = of(machine)
    for timing in timings:
        spec = timing.spec
        costs = cost_table(timings, spec.scale, [t.spec.model for t in timings])
        (group,) = [g for g in costs.groups if (g.point, g.machine) == (spec.point, spec.machine)]
        latency = entries_of(costs, group, spec.model, "", installed())[0]
        assert latency.ranked
        assert latency.value == cost_values(timing)["latency"]


def test_figures_come_with_their_provenance_and_name_no_place(machine: Path) -> None:
    """Versions and the command; no absolute path, no host."""
    identities = {timing.provenance for timing in of(machine)}
    for identity in identities:
        found = read_provenance(machine, identity)
        assert found["argv"][0] == "time"
        assert found["libraries"]["torch"]
        assert not found["dirty"]
    for path in machine.rglob("*"):
        if path.is_file():
            assert not re.search(r'["\s(`]/\w', path.read_text(encoding="utf-8")), path.name


def test_the_folders_page_has_all_figures(machine: Path) -> None:
    """To the digits printed there."""
    text = (machine / "README.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if re.match(r"\| [\w-]+(, random weights)? \| x\d", line)]
    assert rows == list(table(of(machine)))


@pytest.mark.skipif(not PAGE.exists(), reason="left out: docs is not beside the tests")
def test_the_timing_page_has_those_at_720p() -> None:
    """Of the machine that it names, at x4."""
    text = PAGE.read_text(encoding="utf-8")
    (name,) = re.findall(r"\(\.\./results/timings/([\w-]+)/README\.md\)", text)
    rows = [line for line in text.splitlines() if re.match(r"\| [\w-]+(, random weights)? \| x\d", line)]
    chosen = [
        t for t in of(ROOT / "results" / "timings" / name) if (t.spec.scale, t.spec.point) == (4, "720p")
    ]
    assert rows == list(table(chosen))
