"""`srbench compare`, `gate` and `bless` from the command line: every exit code and every format."""

from __future__ import annotations

import hashlib
import io
import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from srbench.cli import main
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
        ["a" * 300],
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


def test_a_defect_of_srbench_is_no_regression(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A traceback and a code of its own: Python's would be 1."""
    said = io.StringIO()
    monkeypatch.setattr("faulthandler.enable", lambda: None)  # it wants a file
    monkeypatch.setattr("sys.stderr", said)
    monkeypatch.setattr("srbench.gate.sources.load_sides", lambda *_: 1 / 0)
    with pytest.raises(SystemExit) as left:
        main(["gate"])
    assert left.value.code == 70
    assert "ZeroDivisionError" in said.getvalue()


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
    assert (ran.code, ran.out.splitlines()[0]) == (0, "COMPARED: 1 worse")
    assert "::error" not in srbench("compare", "first", "main", "--format", "github").out
    assert srbench("compare", "first", "main", "--json").json()["exit_code"] == 0
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


@pytest.mark.parametrize(("damage", "code"), [(lambda log: log.write_bytes(b"\xff\xfe"), 5), (Path.mkdir, 2)])
def test_bless_with_a_record_that_cannot_be_read(
    srbench: Command, damage: Callable[[Path], Any], code: int
) -> None:
    """One line, and the baseline stays: nothing is promoted without its record."""
    run_of("main", done(lost(0.5)))
    log, blessed = (Path("results/blessed", name) for name in ("blessings.jsonl", "baseline.jsonl"))
    log.unlink()
    damage(log)
    kept = blessed.read_bytes()
    ran = srbench("bless", "main", "-m", "why")
    assert (ran.code, ran.out, ran.err.count("\n")) == (code, "", 1)
    assert blessed.read_bytes() == kept


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


# ----------------------------------------------------------------------------- what a user may get wrong


def test_only_takes_comma_lists(srbench: Command) -> None:
    """As every other choice does; of `compare` what fits nothing is a remark, of `gate` it is not met."""
    sets = [replace(CELL, dataset=name) for name in ("set5", "set14", "bsd100")]
    run_of("three", *(done(FIVE, cell) for cell in sets))
    srbench("bless", "three", "-m", "three sets")
    assert srbench("gate", "three", "--only", "imdn/set5, imdn/set14").out.startswith(
        "NOTHING IS WORSE: 2 ok"
    )
    typo = srbench("compare", "three", "three", "--only", "imdn/set5,imdn/set15")
    assert (typo.code, typo.out.splitlines()[0]) == (0, "COMPARED: 1 alike")
    assert typo.err == "remark: nothing on either side is imdn/set15\n"
    assert srbench("gate", "three", "--only", "imdn/set5,imdn/set15").code == 4
    assert srbench("bless", "three", "-m", "all by mistake", "--only", "").code == 2
    assert srbench("bless", "three", "-m", "two", "--prune", "--only", "*/set5,*/set14").code == 0
    assert srbench("gate", "three").out.startswith("NOTHING IS WORSE: 2 ok, 1 new")


def test_nothing_is_dropped_from_stdout(srbench: Command) -> None:
    """JSON is alone there, other formats go to files; each to its own, and a name is never empty."""
    run_of("main", done(FIVE))
    for argv in (
        ["--json", "--format", "text"],
        ["--format", "json", "--format", "md"],
        ["--format", "md=a", "--format", "text=a"],
        ["--format", "md="],
    ):
        ran = srbench("gate", *argv)
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1), argv
    assert srbench("gate", "--json", "--format", "md=gate.md").json()["exit_code"] == 0
    assert Path("gate.md").exists()
    assert srbench("gate", "--json", "--format", "json").json()["exit_code"] == 0


@pytest.mark.parametrize("argv", [["--format", "text"], [], ["--format", "md=good.md"]])
def test_a_file_that_cannot_be_written_hides_no_verdict(srbench: Command, argv: list[str]) -> None:
    """It stands on stdout, other files are written, and the path is named with code 2."""
    run_of("main", done(lost(0.02)))
    Path("file").touch()
    ran = srbench("gate", "--format", "junit=file/gate.xml", *argv)
    assert (ran.code, ran.out.splitlines()[0]) == (2, "WORSE: 1 regressed")
    assert "expected a file that can be written, got 'file/gate.xml': " in ran.err
    assert Path("good.md").exists() == ("md=good.md" in argv)


def test_a_job_summary_that_cannot_be_written_hides_no_verdict(
    srbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As any other file."""
    run_of("main", done(FIVE))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "none/summary.md")
    ran = srbench("gate", "--format", "text", "--format", "md=none/summary.md")
    assert (ran.code, ran.out.splitlines()[0]) == (2, "NOTHING IS WORSE: 1 ok")
    assert "No such file" in ran.err


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("[[overrides]]\nmodel = 'imdn'\ntolerance = 0.05", "a metric in overrides in gate.toml, got none"),
        ("[metrics.psnr-y]\ntolerance = 0.05", "got 'psnr-y'; try psnr_y"),
        ("[[overrides]]\nmetric = 'pnsr_y'\ntolerance = 0.05", "got 'pnsr_y'; try psnr_y"),
    ],
)
def test_a_policy_that_would_not_mean_what_it_says_is_refused(
    srbench: Command, policy: str, message: str
) -> None:
    """An amount without its metric, and a metric that nobody knows: code 2, one line."""
    run_of("main", done(FIVE))
    Path("gate.toml").write_text(policy, encoding="utf-8")
    ran = srbench("gate", "--policy", "gate.toml")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert message in ran.err


def test_an_override_that_fits_nothing_is_remarked(srbench: Command) -> None:
    """It may be a typo, or a policy that serves several gates: stderr, and the verdict is the same."""
    run_of("main", done(FIVE))
    Path("gate.toml").write_text(
        "[[overrides]]\nmodel = 'imnd*'\nmetric = 'psnr_y'\ntolerance = 1", encoding="utf-8"
    )
    ran = srbench("gate", "--policy", "gate.toml", "--json")
    assert (ran.code, ran.json()["verdict"]) == (0, "nothing is worse")
    assert ran.err.startswith("remark: nothing here is what an override")
    assert "model = 'imnd*'" in ran.err


def signed(lines: list[dict[str, Any] | str]) -> str:
    """A baseline whose first line vouches for these lines, whatever they hold."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    sha256 = hashlib.sha256("".join(f"{text}\n" for text in texts).encode()).hexdigest()
    return "\n".join([json.dumps({"baseline": 1, "cells": len(texts), "sha256": sha256}), *texts, ""])


@pytest.mark.parametrize(
    "change",
    [
        {"scale": "4"},
        {"scale": True},
        {"model": 7},
        {"expected": -1},
        {"expected": None},
        {"status": "fine"},
        {"more": 1},
        {"metrics": []},
        {"metrics": {"psnr_y": 31.0}},
        {"metrics": {"psnr_y": {"signature": 1, "values": {"baby": 33.0}}}},
        {"metrics": {"psnr_y": {"signature": "psnr|1", "values": [33.0]}}},
        {"metrics": {"psnr_y": {"signature": "psnr|1", "values": {"baby": "33"}}}},
        {"metrics": {"psnr_y": {"signature": "psnr|1", "values": {"baby": True}}}},
        {"metrics": {"psnr_y": {"signature": "psnr|1", "values": {"baby": []}}}},
        {"metrics": {"psnr_y": {"signature": "psnr|1", "values": {"baby": "nan"}}}},
        {"metrics": {"psnr_y": {"signature": "psnr|1", "values": {"baby": math.nan}}}},
        {"metrics": {"psnr_y": {"signature": "psnr|1", "values": {"baby": [33.0, None]}}}},
        {"model": None, "metrics": {"psnr_y": {"signature": "psnr|1", "values": {"baby": 10**400}}}},
    ],
)
def test_5_a_baseline_that_was_signed_again_is_read_as_strictly(
    srbench: Command, change: dict[str, Any]
) -> None:
    """Wrong types, not a number, unknown fields: the digest fits, and still one line with code 5."""
    run_of("main", done(FIVE))
    blessed = Path("results/blessed/baseline.jsonl")
    cell = json.loads(blessed.read_text(encoding="utf-8").splitlines()[1])
    blessed.write_text(signed([cell]), encoding="utf-8")
    assert srbench("gate").code == 0
    both: list[list[dict[str, Any] | str]] = [[{**cell, **change}], [cell, {**cell, "model": "x", **change}]]
    for lines in both:
        blessed.write_text(signed(lines), encoding="utf-8")
        for argv in (["gate"], ["bless", "main", "-m", "why"]):
            ran = srbench(*argv)
            assert (ran.code, ran.out, ran.err.count("\n")) == (5, "", 1), ran.err
            assert f"on line {1 + len(lines)}" in ran.err or f"line {1 + len(lines)}," in ran.err


@pytest.mark.parametrize("line", ["[" * 100_000, "null", "{", '{"metrics":{}}'])
def test_5_a_signed_line_that_is_no_cell(srbench: Command, line: str) -> None:
    """Code 5 in one line, also where a parser would run out of its stack."""
    run_of("main", done(FIVE))
    Path("results/blessed/baseline.jsonl").write_text(signed([line]), encoding="utf-8")
    ran = srbench("gate")
    assert (ran.code, ran.err.count("\n")) == (5, 1)


def test_5_a_cell_that_stands_twice(srbench: Command) -> None:
    """Which of them would count?"""
    run_of("main", done(FIVE))
    blessed = Path("results/blessed/baseline.jsonl")
    cell = json.loads(blessed.read_text(encoding="utf-8").splitlines()[1])
    blessed.write_text(signed([cell, cell]), encoding="utf-8")
    ran = srbench("gate")
    assert (ran.code, "imdn/set5/x4/classic twice" in ran.err) == (5, True)


def test_a_metric_that_is_no_number_is_blessed_as_a_failure(srbench: Command) -> None:
    """With `--unfinished`: a baseline never holds NaN, and what it is held against is incomparable."""
    run_of("main", done({**FIVE, "baby": math.nan}))
    assert srbench("bless", "main", "-m", "why").code == 3
    assert srbench("bless", "main", "-m", "why", "--unfinished").code == 0
    ran = srbench("gate")
    assert ran.code == 4
    assert "the baseline has no result: failed: psnr_y is not a number" in ran.out


def test_another_protocol_is_incomparable_by_name(srbench: Command) -> None:
    """Neither missing nor new: both protocols are named."""
    run_of("main", done(FIVE, replace(CELL, protocol="vdsr", signature="x4|vdsr")))
    ran = srbench("gate")
    assert ran.code == 4
    assert "protocol differs: classic in the baseline, vdsr in the candidate" in ran.out
    assert " new" not in ran.out.splitlines()[0]


def test_a_failed_cell_is_named_among_what_is_not_met(srbench: Command) -> None:
    """In JSON it is required, and the reason stands in `unmet`."""
    run_of("main", [Record(CELL, "", 5, Status.OOM, "no memory")])
    found = srbench("gate", "--json").json()
    assert (found["exit_code"], found["verdicts"][0]["required"]) == (3, True)
    assert found["unmet"] == ["imdn on set5 x4 (classic): failed, oom: no memory"]


def test_a_reader_who_leaves_changes_no_verdict(tmp_path: Path) -> None:
    """`srbench gate | head -1`: the code is the verdict's, the other files are written, stderr is empty."""
    run_of("main", done(lost(0.02)))
    left = subprocess.Popen(
        [sys.executable, "-m", "srbench", "gate", "--format", "text", "--format", "junit=gate.xml"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert left.stdout is not None
    left.stdout.close()
    _, err = left.communicate()
    assert (left.returncode, err) == (1, "")
    assert (tmp_path / "gate.xml").exists()
