"""Printers of a judgement: each output is read back by what reads it elsewhere, with hostile names in it."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import junitparser
import pytest
from markdown_it import MarkdownIt

from srbench.gate.outputs import FORMATS, as_json, github, junit, markdown, text
from srbench.gate.verdicts import ItemChange, Judgement, Measure, Outcome, Verdict, ordered
from srbench.stats import Interval
from srbench.types import Cell

CELL = Cell("imdn", "set14", 4, "classic", "x4|sig", "torch|whole", "pixels")
PSNR = Measure("psnr_y", "dB", "higher", 2, "psnr|1")
HOSTILE = "a|b`c<script>x</script>&\n::error::%0A\x1b[31m\u202e]]>"

REGRESSED = Verdict(
    Outcome.REGRESSED, CELL, PSNR, "the mean lost 0.0312 dB (0.01 allowed)",
    baseline=28.58, candidate=28.5488, delta=-0.0312, tolerance=0.01,
    interval=Interval(-0.05, -0.01), rerun=Interval(-0.033, -0.029), effect=-0.4, p_value=0.0,
    n=14, n_finite=14,
    worst=(ItemChange("baboon", 22.5, 22.3, -0.2), ItemChange("zebra", 27.0, 26.9, -0.1)),
)  # fmt: skip
IMPROVED = replace(REGRESSED, outcome=Outcome.IMPROVED, delta=0.05, interval=None, worst=(), why="")
FAILED = Verdict(Outcome.FAILED, CELL, why="oom: no memory")
MISSING = Verdict(Outcome.MISSING, CELL, why="not in the candidate", required=True)
OPTIONAL = replace(MISSING, required=False)
OTHER = Verdict(Outcome.INCOMPARABLE, CELL, PSNR, "signature differs: x in the baseline, y in the candidate")
OK = replace(REGRESSED, outcome=Outcome.OK, delta=0.0, worst=(), why="")
NEW = Verdict(Outcome.NEW, CELL, why="not in the baseline")


def judgement(*verdicts: Verdict, unmet: tuple[str, ...] = ()) -> Judgement:
    """A judgement of these verdicts."""
    required = tuple(f"{v.subject}: {v.outcome.value}, {v.why}" for v in verdicts if v.required)
    return Judgement("results/blessed", "results/runs/main", ordered(verdicts), (*required, *unmet))


def hostile() -> Judgement:
    """Every text from outside is as bad as it can be."""
    cell = replace(CELL, model=HOSTILE, dataset=HOSTILE)
    worst = (ItemChange(HOSTILE, 22.5, 22.3, -0.2),)
    verdicts = [
        replace(REGRESSED, cell=cell, worst=worst, note=HOSTILE),
        replace(FAILED, cell=cell, why=HOSTILE),
        replace(MISSING, cell=cell, why=HOSTILE),
    ]
    return Judgement(HOSTILE, HOSTILE, ordered(verdicts), (HOSTILE, HOSTILE))


# --------------------------------------------------------------------------------------- terminal


def test_the_terminal_says_first_that_something_is_worse_and_then_where_and_how_much() -> None:
    """The verdict, the numbers, the interval over other images, the worst images, and the rest."""
    assert text(judgement(REGRESSED, FAILED, MISSING, OK, IMPROVED, NEW)) == (
        "WORSE: 1 regressed, 1 failed, 1 missing, 1 improved, 1 ok, 1 new\n"
        "baseline results/blessed, candidate results/runs/main\n"
        "regressed    imdn on set14 x4 (classic) psnr_y  28.58 → 28.55  -0.0312 dB\n"
        "               the mean lost 0.0312 dB (0.01 allowed)\n"
        "               other images: -0.0500 to -0.0100; worst: baboon -0.2000, zebra -0.1000\n"
        "failed       imdn on set14 x4 (classic): oom: no memory\n"
        "missing      imdn on set14 x4 (classic): not in the candidate\n"
        "improved     imdn on set14 x4 (classic) psnr_y  28.58 → 28.55  +0.0500 dB\n"
    )


def test_images_that_equal_the_ground_truth_are_counted_beside_the_means() -> None:
    """How many before and after, and over how many the means are."""
    partly = replace(REGRESSED, n_finite=12, n_inf_baseline=2, n_inf_candidate=1)
    told = "-0.0312 dB over 12 of 14 images, 2 → 1 equal the ground truth\n"
    assert told in text(judgement(partly))
    none = replace(partly, baseline=math.inf, candidate=60.0, delta=-math.inf, n_finite=0)
    assert "inf → 60.00  -inf dB over 0 of 14 images" in text(judgement(none))
    assert "inf → 60.00, -inf dB over 0 of 14 images" in github(judgement(none))


def test_why_it_improved_is_said() -> None:
    """An image that now equals the ground truth moves no mean."""
    now = replace(IMPROVED, delta=0.0, why="1 output more equals the ground truth")
    assert "+0.0000 dB\n               1 output more equals the ground truth\n" in text(judgement(now))


INFORMS = replace(judgement(REGRESSED, FAILED, OTHER, OPTIONAL, IMPROVED, OK, NEW), informs=True)


def test_a_comparison_that_informs_has_neutral_words(tmp_path: Path) -> None:
    """Worse and better, no failure and no error in any output, and the command's own exit code."""
    assert text(INFORMS).startswith(
        "COMPARED: 1 worse, 1 failed, 1 incomparable, 1 missing, 1 better, 1 alike"
    )
    assert "\nworse        imdn on set14" in text(INFORMS)
    assert markdown(INFORMS).startswith("## srbench compare: compared")
    assert "| **worse** |" in markdown(INFORMS)
    (suite,) = read_junit(junit(INFORMS), tmp_path)
    assert (suite.name, suite.failures, suite.errors, suite.skipped) == ("srbench compare", 0, 0, 3)
    assert [line.partition(" ")[0] for line in github(INFORMS).splitlines()] == ["::warning"] * 4 + [
        "::notice"
    ]
    assert "::warning title=worse%3A imdn" in github(INFORMS)
    assert json.loads(as_json(INFORMS))["exit_code"] == 0


def test_too_few_images_are_said() -> None:
    """In place of an interval."""
    assert "other images: too few images; worst" in text(judgement(replace(REGRESSED, interval=None)))


def test_a_thousand_regressions_fit_one_screen() -> None:
    """What is cut off is counted; one reason is told once."""
    cells = [replace(CELL, model=f"m{n:04}") for n in range(1000)]
    many = [replace(v, cell=cell) for cell in cells for v in (REGRESSED, FAILED, MISSING, IMPROVED)]
    lines = text(judgement(*many)).splitlines()
    assert len(lines) < 40
    assert "and 992 more regressed" in lines[2 + 3 * 8]
    assert any("m0000 on set14 x4 (classic), m0001" in line and "and 997 more: oom" in line for line in lines)


@pytest.mark.parametrize(
    ("verdicts", "unmet", "headline"),
    [
        ((OK,), (), "NOTHING IS WORSE: 1 ok"),
        ((OK, FAILED), (), "SOME CELLS FAILED"),
        ((OK, MISSING), (), "NOT COMPARED WHAT HAD TO BE"),
        ((OPTIONAL,), (), "NOTHING COULD BE COMPARED"),
        ((), (), "NOTHING COULD BE COMPARED: no cell on either side"),
        ((OK,), ("nothing in the baseline is x",), "NOT COMPARED WHAT HAD TO BE"),
    ],
)
def test_the_headline(verdicts: tuple[Verdict, ...], unmet: tuple[str, ...], headline: str) -> None:
    """Each way to end has its words."""
    found = text(judgement(*verdicts, unmet=unmet))
    assert found.startswith(headline)
    assert all(f"required     {pattern}" in found for pattern in unmet)


def test_the_terminal_is_not_steered_by_names() -> None:
    """No control character, no direction mark, and no line that a name began."""
    found = text(hostile())
    assert "\x1b" not in found
    assert "\u202e" not in found
    assert not re.search(r"^::", found, re.M)


# --------------------------------------------------------------------------------------- Markdown


def test_markdown_renders_as_a_table_and_a_list() -> None:
    """A renderer of GitHub's dialect makes one table, with a cell for each heading, and a list."""
    html = (
        MarkdownIt("commonmark")
        .enable("table")
        .render(markdown(judgement(REGRESSED, IMPROVED, FAILED, OTHER)))
    )
    assert html.count("<table>") == 1
    assert html.count("<th") == 9  # 8 headings and <thead>
    assert html.count("<td") == 2 * 8
    assert html.count("<li>") == 2
    assert "<strong>regressed</strong>" in html
    assert "-0.0500 to -0.0100" in html


def test_hostile_names_stay_text_in_markdown() -> None:
    """No HTML, no code, no other cell; the text is all there."""
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown(hostile()))
    assert "<script" not in html
    assert "<code>" not in html
    assert html.count("<td") == 8
    assert "a|b`c&lt;script&gt;x&lt;/script&gt;&amp;" in html


# ------------------------------------------------------------------------------------------ JUnit


def read_junit(content: str, tmp_path: Path) -> junitparser.JUnitXml:
    """The report, read by a JUnit library from a file."""
    path = tmp_path / "gate.xml"
    path.write_text(content, encoding="utf-8")
    return junitparser.JUnitXml.fromfile(str(path))


def test_a_junit_library_reads_the_report(tmp_path: Path) -> None:
    """Worse is a failure, failed or required and not compared an error, the rest skipped or passed."""
    every = judgement(REGRESSED, FAILED, MISSING, OTHER, OPTIONAL, OK, IMPROVED, NEW, unmet=("nothing is x",))
    (suite,) = read_junit(junit(every), tmp_path)
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (8, 1, 3, 2)
    cases = list(suite)
    assert len(cases) == 8
    (failure,) = cases[0].result
    assert isinstance(failure, junitparser.Failure)
    assert (cases[0].classname, cases[0].name) == ("imdn.set14.x4.classic", "psnr_y")
    assert failure.message == "the mean lost 0.0312 dB (0.01 allowed)"
    assert "28.58 → 28.55, -0.0312 dB over 14 images" in failure.text
    assert [type(result).__name__ for case in cases[1:] for result in case.result] == [
        "Error", "Skipped", "Error", "Skipped", "Error"
    ]  # fmt: skip


def test_hostile_names_are_text_in_junit(tmp_path: Path) -> None:
    """XML that a library reads, with the names made visible."""
    (suite,) = read_junit(junit(hostile()), tmp_path)
    case = next(iter(suite))
    assert case.classname.startswith("a|b`c<script>x</script>&\\u000a::error::")


# ------------------------------------------------------------------------------- GitHub annotations


def test_annotations_follow_the_workflow_syntax() -> None:
    """An error for what fails the gate, a warning for what was not compared, a notice for it all."""
    lines = github(judgement(REGRESSED, FAILED, MISSING, OPTIONAL, OK)).splitlines()
    parsed = [re.fullmatch(r"::(error|warning|notice) title=([^:,]*)::(.*)", line) for line in lines]
    assert all(parsed)
    assert [found[1] for found in parsed if found] == ["error", "error", "error", "warning", "notice"]
    assert lines[0].startswith("::error title=regressed%3A imdn on set14 x4 (classic) psnr_y::28.58 → 28.55")


def test_hostile_names_make_no_annotation_of_their_own() -> None:
    """Newlines, percent signs, colons and commas are escaped: a name can't begin a command."""
    lines = github(hostile()).splitlines()
    assert len(lines) == 5
    assert all(re.fullmatch(r"::(error|notice) title=[^:,]*::.*", line) for line in lines)
    assert "%250A" in lines[0]


# ------------------------------------------------------------------------------------------- JSON


def test_json_holds_every_verdict() -> None:
    """One strict JSON object, infinities as texts, with the exit code that the command has."""

    def refuse(constant: str) -> float:
        raise AssertionError(constant)

    lost = replace(REGRESSED, worst=(ItemChange("baboon", math.inf, 40.0, -math.inf),))
    found = json.loads(as_json(judgement(lost, MISSING)), parse_constant=refuse)
    assert (found["schema"], found["exit_code"], found["counts"]["regressed"]) == (2, 1, 1)
    first, second = found["verdicts"]
    assert first["worst"] == [{"item": "baboon", "baseline": "inf", "candidate": 40.0, "delta": "-inf"}]
    assert first["interval"] == {"low": -0.05, "high": -0.01, "level": 0.95}
    assert (second["outcome"], second["required"], second["delta"]) == ("missing", True, None)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_ends_its_last_line(name: str) -> None:
    """So that outputs can be put behind one another."""
    assert FORMATS[name](judgement(OK)).endswith("\n")
