"""`srbench compare`, `gate` and `bless` from the command line: every exit code and every format."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from srbench.store.journal import Journal
from srbench.types import Cell, Record, Score, Status

CELL = Cell("imdn", "set5", 4, "classic", "x4|sig", "torch|float32|cpu|whole", "pixels")
FIVE = {"baby": 33.0, "bird": 35.0, "butterfly": 27.0, "head": 32.0, "woman": 31.0}
Command = Callable[..., Any]


def done(values: dict[str, float], cell: Cell = CELL, provenance: str = "") -> list[Record]:
    """A record for each image."""
    return [
        Record(
            cell, name, len(values), Status.DONE, frames=1, prediction="p", key_fields={"fingerprint": "f"},
            scores={"psnr_y": Score("psnr|1", "k", (value,))}, provenance=provenance,
        )
        for name, value in values.items()
    ]  # fmt: skip


def run_of(name: str, *records: Iterable[Record]) -> Path:
    """A run in results/runs."""
    folder = Path("results/runs") / name
    with Journal(folder / "journal.jsonl") as journal:
        for record in (record for some in records for record in some):
            journal.append(record)
    return folder


def lost(by: float) -> dict[str, float]:
    """All images worse by so much."""
    return {name: value - by for name, value in FIVE.items()}


@pytest.fixture(autouse=True)
def baseline(srbench: Command) -> None:
    """A blessed baseline in the working folder."""
    run_of("first", done(FIVE))
    assert srbench("bless", "first", "-m", "the first").code == 0


# ------------------------------------------------------------------------------------- exit codes


def test_0_nothing_is_worse(srbench: Command) -> None:
    """The run that was blessed, as the default candidate against the default baseline."""
    run_of("main", done(FIVE))
    ran = srbench("gate")
    assert (ran.code, ran.out.splitlines()[0]) == (0, "NOTHING IS WORSE: 1 ok")


def test_1_something_is_worse(srbench: Command) -> None:
    """0.02 dB where 0.01 is allowed; with a policy that allows more it is 0."""
    run_of("main", done(lost(0.02)))
    ran = srbench("gate")
    assert ran.code == 1
    assert "imdn on set5 x4 (classic) psnr_y  31.60 → 31.58  -0.0200 dB" in ran.out
    Path("gate.toml").write_text("[metrics.psnr_y]\ntolerance = 0.05\n", encoding="utf-8")
    assert srbench("gate", "--policy", "gate.toml").code == 0


def test_2_usage(srbench: Command) -> None:
    """Names that are nothing, formats that are none, a policy with a typo."""
    run_of("main", done(FIVE))
    Path("gate.toml").write_text("tolerance = 0.05\n", encoding="utf-8")
    for argv in (
        ["nothing"],
        ["--baseline", "nothing"],
        ["--format", "xml"],
        ["--policy", "gate.toml"],
        ["--nope"],
    ):
        ran = srbench("gate", *argv)
        assert (ran.code, ran.out) == (2, ""), argv
        assert ran.err.count("\n") == 1


def test_3_a_cell_failed(srbench: Command) -> None:
    """A model that ran out of memory is neither worse nor missing."""
    run_of("main", [Record(CELL, "", 5, Status.OOM, "no memory")])
    ran = srbench("gate")
    assert ran.code == 3
    assert "failed       imdn on set5 x4 (classic): oom: no memory" in ran.out


def test_4_nothing_compared(srbench: Command) -> None:
    """Another model, another protocol, or only a part of what was blessed."""
    run_of("main", done(FIVE, replace(CELL, model="other")))
    assert srbench("gate").code == 4
    run_of("protocol", done(FIVE, replace(CELL, signature="x4|other")))
    ran = srbench("gate", "protocol")
    assert ran.code == 4
    assert "signature differs: x4|sig in the baseline, x4|other in the candidate" in ran.out
    run_of("part", done(FIVE)[:3])
    ran = srbench("gate", "part")
    assert (ran.code, "partial: 3 of 5 items" in ran.out) == (4, True)


def test_4_unless_less_is_required(srbench: Command) -> None:
    """`--only` narrows what has to be there."""
    other = replace(CELL, dataset="set14")
    run_of("both", done(FIVE), done(FIVE, other))
    srbench("bless", "both", "-m", "two sets")
    run_of("main", done(FIVE))
    assert srbench("gate").code == 4
    assert srbench("gate", "--only", "imdn/set5").code == 0
    assert srbench("gate", "--only", "imdn/set14").code == 4
    assert srbench("gate", "--only", "nothing").code == 4


def test_5_a_damaged_baseline_or_journal(srbench: Command) -> None:
    """One line with the reason, and nothing is rewritten; neither by `bless`."""
    run_of("main", done(FIVE))
    blessed = Path("results/blessed/baseline.jsonl")
    text = blessed.read_text(encoding="utf-8")
    for damaged in (
        text.replace("33.0", "32.0"),
        text[:-30],
        text.replace('"baseline":1', '"baseline":9'),
        "x",
    ):
        blessed.write_text(damaged, encoding="utf-8")
        for argv in (["gate"], ["bless", "main", "-m", "why"], ["compare", "results/blessed", "main"]):
            ran = srbench(*argv)
            assert (ran.code, ran.out, ran.err.count("\n")) == (5, "", 1)
        assert blessed.read_text(encoding="utf-8") == damaged
    blessed.write_text(text, encoding="utf-8")
    journal = Path("results/runs/main/journal.jsonl")
    journal.write_bytes(b'{"broken"\n' + journal.read_bytes())
    assert srbench("gate").code == 5


def test_the_process_exits_with_the_code(tmp_path: Path) -> None:
    """As a shell sees it."""
    run_of("main", done(lost(0.02)))
    done_ = subprocess.run(
        [sys.executable, "-m", "srbench", "gate"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done_.returncode == 1
    assert done_.stdout.startswith("WORSE: 1 regressed")


# ---------------------------------------------------------------------------------------- formats


def test_every_format_goes_to_stdout_or_to_its_file(srbench: Command) -> None:
    """Several at once; what goes to a file isn't printed."""
    run_of("main", done(lost(0.02)))
    argv = [f"--format={name}=out/gate.{name}" for name in ("md", "junit", "github", "json")]
    ran = srbench("gate", "--format", "text", *argv)
    assert (ran.code, ran.out.splitlines()[0]) == (1, "WORSE: 1 regressed")
    begins = {
        "md": "## srbench gate: worse",
        "junit": "<?xml",
        "github": "::error title=regressed",
        "json": "{",
    }
    for name, beginning in begins.items():
        assert Path(f"out/gate.{name}").read_text(encoding="utf-8").startswith(beginning)
        printed = srbench("gate", "--format", name)
        assert printed.out == Path(f"out/gate.{name}").read_text(encoding="utf-8")


def test_json_is_one_object(srbench: Command) -> None:
    """`--json` prints it and nothing else."""
    run_of("main", done(lost(0.02)))
    found = srbench("gate", "--json").json()
    assert (found["exit_code"], found["verdicts"][0]["delta"]) == (1, pytest.approx(-0.02))


def test_a_job_summary_is_added_to(srbench: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other commands of a job write into the same file."""
    run_of("main", done(FIVE))
    Path("summary.md").write_text("# before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    srbench("gate", "--format", "md=summary.md")
    assert Path("summary.md").read_text(encoding="utf-8").startswith("# before\n## srbench gate")


# ---------------------------------------------------------------------------------------- compare


def test_compare_informs(srbench: Command) -> None:
    """It says that B is worse and exits with 0; with 4 where nothing could be compared."""
    run_of("main", done(lost(0.02)))
    ran = srbench("compare", "first", "main")
    assert (ran.code, ran.out.splitlines()[0]) == (0, "WORSE: 1 regressed")
    run_of("other", done(FIVE, replace(CELL, model="other")))
    assert srbench("compare", "first", "other").code == 4


def test_a_result_set_has_many_names(srbench: Command) -> None:
    """A folder, a journal, a baseline's folder or file, the folder above it, a run's name, a run's id."""
    folder = run_of("main", done(FIVE, provenance="feed5eed00000000"), done(FIVE, replace(CELL, scale=2)))
    (folder / "provenance").mkdir()
    (folder / "provenance" / "feed5eed00000000.json").write_text("{}", encoding="utf-8")
    names = [
        "main", "results/runs/main", "results/runs/main/journal.jsonl", "results/blessed", "results",
        "results/blessed/baseline.jsonl", "feed5eed00000000", "feed5e",
    ]  # fmt: skip
    for name in names:
        ran = srbench("compare", "first", name)
        assert ran.code == 0, name
        assert ("1 new" in ran.out) == ("main" in name), name
    assert "fits 0 runs" not in srbench("compare", "first", "feed").err


# ------------------------------------------------------------------------------------------ bless


def test_bless_refuses_what_is_unfinished_unless_asked(srbench: Command) -> None:
    """Code 3 and the cells; with `--unfinished` they are blessed as what they are."""
    failing = replace(CELL, dataset="set14")
    run_of("main", done(FIVE), [Record(failing, "", 14, Status.FAILED, "shape")])
    kept = Path("results/blessed/baseline.jsonl").read_bytes()
    ran = srbench("bless", "main", "-m", "why")
    assert (ran.code, "imdn on set14 x4 (failed)" in ran.err) == (3, True)
    assert Path("results/blessed/baseline.jsonl").read_bytes() == kept
    assert srbench("bless", "main", "-m", "why", "--only", "*/set5").code == 0
    assert srbench("bless", "main", "-m", "why", "--unfinished").code == 0
    assert srbench("gate", "main").code == 4  # what had failed before can't be compared


def test_bless_needs_results_and_a_reason(srbench: Command) -> None:
    """Nothing to bless is code 4, no reason code 2."""
    run_of("main", done(FIVE))
    assert srbench("bless", "main").code == 2
    assert srbench("bless", "main", "-m", " ").code == 2
    assert srbench("bless", "main", "-m", "why", "--only", "x").code == 4
    assert srbench("bless", "nothing", "-m", "why").code == 2


def test_bless_says_what_changed(srbench: Command) -> None:
    """The means before and after, on the terminal and in the record beside the baseline; no path, no name."""
    run_of("main", done(lost(0.5)))
    ran = srbench("bless", Path("results/runs/main").resolve(), "-m", "smaller network")
    assert "0 cells added, 1 changed, 0 removed" in ran.out
    assert "imdn on set5 x4 (classic) psnr_y 31.6000 → 31.1000" in ran.out
    text = Path("results/blessed/blessings.jsonl").read_text(encoding="utf-8")
    entry = json.loads(text.splitlines()[-1])
    assert (entry["why"], entry["changed"][0]["old"], entry["changed"][0]["new"]) == (
        "smaller network",
        31.6,
        31.1,
    )
    assert str(Path.cwd()) not in text
    assert srbench("gate", "main").code == 0


def test_bless_into_a_folder_that_cannot_be_written(srbench: Command) -> None:
    """Code 3, and no half of a file."""
    run_of("main", done(FIVE))
    Path("file").touch()
    ran = srbench("bless", "main", "-m", "why", "--baseline", "file/in")
    assert (ran.code, "a folder that can be written" in ran.err) == (3, True)


@pytest.mark.parametrize("damaged", ["", "before", "after"])
def test_large_sides_are_read_at_the_same_time(
    srbench: Command, monkeypatch: pytest.MonkeyPatch, damaged: str
) -> None:
    """A process of its own for the one side changes neither the verdict nor what a broken file costs."""
    monkeypatch.setattr("srbench.gate.sources._LARGE", 1)
    run_of("before", done(FIVE))
    run_of("after", done(lost(1.0)))
    if damaged:
        journal = Path("results/runs") / damaged / "journal.jsonl"
        journal.write_bytes(journal.read_bytes().replace(b'"psnr_y"', b'"psnr_y', 1))
    ran = srbench("gate", "--baseline", "before", "after")
    assert ran.code == (5 if damaged else 1)
    assert ("journal.jsonl:1" in ran.err) == bool(damaged)
    assert ("-1.0000 dB" in ran.out) == (not damaged)
