"""What a report writes beside its pages: LaTeX, CSV with units, JSON of everything, the Hub's metadata."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from srbench.cli.schema import schema_text
from srbench.report.latex import broken, escape, latex
from srbench.report.load import load_report
from srbench.report.write import write_report

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Ladder, Rung

HOSTILE = (
    "<script>alert(1)</script>",
    "a & b # c % d _ e { f } ~ g ^ h \\ i $ j",
    "\\input{/etc/passwd} ^^M %",
    "quotes \" ' ` `` '' -- --- |",
    "[0pt] * first",
    "abc\u202egnp.exe \ufffe \ufeff",
    "模型 🚀 naïve Ελλ",
    "long" * 60,
    "- yaml: [x] !!python/object:os.system",
)


def written(folder: Path, name: str, out: Path, **options: Any) -> list[Path]:
    """The files of one format."""
    return write_report(folder, out, [name], **options)


def board_rows(text: str) -> list[str]:
    """The rows of LaTeX's first table."""
    return text.partition("\\midrule\n")[2].partition("\n\\bottomrule")[0].splitlines()


# ------------------------------------------------------------------------------------------ LaTeX


def test_latex_has_booktabs_marks_and_the_signature(ladder: Ladder) -> None:
    """Best bold, second underlined, the protocol in the caption, datasets over their columns."""
    text = latex(load_report(ladder()).boards)
    rows = board_rows(text)
    assert rows[0] == r"IMDN & \textbf{30.65} & \underline{0.2700} \\"
    assert any(r"& 28.15 & \textbf{0.1200} \\" in row for row in rows)
    assert r"\multicolumn{2}{c}{set16}" in text
    heads = re.findall(r"\\scriptsize\\strut (.*?\$)\}", text.partition(r"\midrule")[0])
    assert heads == [r"PSNR{-}Y $\uparrow$", r"LPIPS (AlexNet) $\downarrow$"]
    caption = text.partition(r"\caption{")[2].partition(r"\label")[0].replace(r"\allowbreak{}", "")
    assert r"x4\textbar{}bi:matlab{-}symmetric{-}u8\textbar{}y:bt601{-}studio" in caption
    assert text.count(r"\begin{table*}") == text.count(r"\end{table*}") == 2
    assert r"\label{tab:classic-x4-cost-1}" in text


def test_latex_marks_a_best_that_is_not_told_apart(ladder: Ladder) -> None:
    """With its meaning below."""
    text = latex(load_report(ladder(close(ladder))).boards)
    assert text.count(r"$\approx$") == 2
    assert "not told apart from the next" in text


def test_latex_says_why_there_is_no_number(ladder: Ladder) -> None:
    """A dash with a note, and the note under the table that has it."""
    _, cost = latex(load_report(ladder()).boards).split(r"\begin{table*}")[1:]
    assert r"---\textsuperscript{1}" in cost
    assert r"\textsuperscript{1}\,not timed" in cost


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("a_b & 5%", r"a\_b \& 5\%"),
        ("\\input{x}", r"\textbackslash{}input\{x\}"),
        ("#$~^", r"\#\$\textasciitilde{}\textasciicircum{}"),
        ("<x>", r"\textless{}x\textgreater{}"),
        ("--[*]", r"{-}{-}{[}{*}{]}"),
        ("é ±", r"é $\pm$"),
        ("模", r"\srbenchchar{6A21}{模}"),
    ],
)
def test_specials_are_printed_as_they_are(text: str, printed: str) -> None:
    """Each by its own command; a character that fonts lack by a command that shows its number instead."""
    assert escape(text) == printed


def test_signatures_break_between_their_parts() -> None:
    """And nowhere else."""
    assert broken("x4|bi:a-b") == r"x4\textbar{}\allowbreak{}bi:\allowbreak{}a{-}b"


# -------------------------------------------------------------------------------------------- CSV


def test_csv_has_units_and_tells_costs_from_scores(ladder: Ladder, tmp_path: Path) -> None:
    """A score has a dataset and pixels; a cost a machine, its digest, and the input's size."""
    (path,) = written(ladder(), "csv", tmp_path)
    lines = list(csv.DictReader(path.open(encoding="utf-8")))
    of = {(line["model"], line["metric"]): line for line in lines}
    score, cost = of["imdn", "psnr_y"], of["imdn", "latency"]
    named = ("dataset", "pixels", "machine", "machine_id", "input", "unit", "direction")
    assert [score[name] for name in named] == ["set16", "0123456789abcdef", "", "", "", "dB", "higher"]
    assert [cost[name] for name in named] == [
        "", "", "AMD EPYC, 2 cores", "fedcba9876543210", "at 720p, LR 180x320 (HxW)", "ms", "lower",
    ]  # fmt: skip
    assert (score["rank"], of["nearest", "psnr_y"]["rank"], cost["rank"]) == ("1", "8", "")
    assert {line["unit"] for line in lines} == {"dB", "", "ms", "Mpx/s", "MB", "M", "G"}


def close(ladder: Ladder) -> dict[str, Rung]:
    """Two models whose means differ by less than chance, and one far below."""
    imdn, nearest = ladder.rungs["imdn"], ladder.rungs["nearest"]
    return {"imdn": imdn, "carn-m": replace(imdn, psnr=imdn.psnr - 0.01, lpips=0.5), "nearest": nearest}


def test_csv_and_json_have_the_intervals_of_ranks(ladder: Ladder, tmp_path: Path) -> None:
    """Two models that are not told apart have both places."""
    folder = ladder(close(ladder))
    (path,) = written(folder, "csv", tmp_path)
    lines = [line for line in csv.DictReader(path.open(encoding="utf-8")) if line["metric"] == "psnr_y"]
    assert [line["rank"] for line in lines] == ["1\u20132", "1\u20132", "3"]
    (path,) = written(folder, "json", tmp_path)
    found = [row["entries"][0] for row in json.loads(path.read_text("utf-8"))["boards"][0]["rows"]]
    assert [(entry["rank_low"], entry["rank_high"]) for entry in found] == [(1, 2), (1, 2), (3, 3)]


def test_a_best_that_is_not_told_apart_has_a_sign(ladder: Ladder, tmp_path: Path) -> None:
    """And its meaning below; of few images there are no intervals, and no claim of either kind."""
    for images, signs in ((16, 2), (5, 0)):
        (path,) = written(ladder(close(ladder), images=images, folder=f"of{images}"), "md", tmp_path)
        assert path.read_text("utf-8").count("≈") == signs


# ------------------------------------------------------------------------------------------- JSON


def test_json_is_everything_on_the_page(ladder: Ladder, tmp_path: Path) -> None:
    """Every entry of every row, and every point of every plot; as its schema says."""
    folder = ladder()
    (path,) = written(folder, "json", tmp_path)
    found = json.loads(path.read_text("utf-8"))
    jsonschema.Draft202012Validator(json.loads(schema_text("leaderboard"))).validate(found)
    report = load_report(folder)
    for board, told in zip(report.boards, found["boards"], strict=True):
        assert [column["title"] for column in told["columns"]] == [column.title for column in board.columns]
        for row, line in zip(board.rows, told["rows"], strict=True):
            assert [e["text"] for e in line["entries"]] == [e.text for e in row.entries]
            assert [e["value"] for e in line["entries"]] == [e.value for e in row.entries]
    plots = {plot["kind"]: plot for plot in found["boards"][0]["plots"]}
    assert list(plots) == ["latency", "params", "macs", "plane", "images", "ranks"]
    assert {p["name"] for p in plots["latency"]["points"] if p["on_front"]} >= {"IMDN", "CARN-M"}
    assert len(plots["images"]["images"][0]["values"]) == 16


def test_json_names_infinities(ladder: Ladder, tmp_path: Path) -> None:
    """PSNR of equal images; the text is strict JSON, and the schema takes it."""
    rung = replace(ladder.rungs["imdn"], psnr=float("inf"))
    (path,) = written(ladder({"same": rung}), "json", tmp_path)
    found = json.loads(path.read_text("utf-8"), parse_constant=pytest.fail)
    assert found["boards"][0]["rows"][0]["entries"][0]["value"] == "inf"
    jsonschema.Draft202012Validator(json.loads(schema_text("leaderboard"))).validate(found)


# ---------------------------------------------------------------------------------------- the Hub


def test_the_hub_s_metadata_is_a_model_index(ladder: Ladder, tmp_path: Path) -> None:
    """Task, dataset, metrics with type, name and value, and the source where the address is known."""
    paths = written(ladder(), "hf", tmp_path, url="https://example.org/board/")
    assert {path.name for path in paths} >= {"imdn.yaml", "bicubic.yaml"}
    text = (tmp_path / "huggingface" / "imdn.yaml").read_text("utf-8")
    (model,) = yaml.safe_load(text)["model-index"]
    assert model["name"] == "IMDN"
    (result,) = model["results"]
    assert result["task"] == {"type": "image-to-image", "name": "Super-resolution x4"}
    assert (result["dataset"]["type"], result["dataset"]["split"]) == ("set16", "test")
    assert result["dataset"]["args"]["protocol"].startswith("x4|bi:")
    told = [(m["type"], m["name"], m["value"]) for m in result["metrics"]]
    assert told == [("psnr", "PSNR-Y", 30.65), ("lpips", "LPIPS (AlexNet)", 0.27)]
    assert result["source"]["url"] == "https://example.org/board/models/imdn.html"


def test_the_hub_is_told_no_incomplete_result_and_no_source_without_address(
    ladder: Ladder, tmp_path: Path
) -> None:
    """An infinite mean is none either; a model without a complete result has no file."""
    rungs = {"imdn": ladder.rungs["imdn"], "same": replace(ladder.rungs["imdn"], psnr=float("inf"))}
    rungs["same"] = replace(rungs["same"], lpips=float("nan"))
    paths = written(ladder(rungs), "hf", tmp_path)
    assert [path.name for path in paths] == ["imdn.yaml"]
    assert "source" not in paths[0].read_text("utf-8")


# ----------------------------------------------------------------------------------- all of them


def test_hostile_names_are_text_in_all_of_them(ladder: Ladder, tmp_path: Path) -> None:
    """YAML and JSON give them back, CSV too; LaTeX has no command of theirs."""
    folder = ladder(dict.fromkeys(HOSTILE, ladder.rungs["imdn"]), dataset=HOSTILE[0])
    shown = {row.title for row in load_report(folder).boards[0].rows}
    yamls = written(folder, "hf", tmp_path)
    named = {yaml.safe_load(p.read_text("utf-8"))["model-index"][0]["name"] for p in yamls}
    assert named == shown
    (path,) = written(folder, "json", tmp_path)
    told = json.loads(path.read_text("utf-8"))
    assert {row["title"] for row in told["boards"][0]["rows"]} == shown
    (path,) = written(folder, "latex", tmp_path)
    text = path.read_text("utf-8")
    assert not re.search(r"\\(input|alert)\b|(?<!\\)[#$&](?![^\n]*\\\\)", _body(text))
    assert "\u202e" not in text


def _body(text: str) -> str:
    """The tables' rows without what srbench itself writes as mathematics."""
    return "\n".join(re.sub(r"\$(\\[a-z]+|-)\$", "", row) for row in board_rows(text))


def test_the_same_results_give_the_same_bytes(ladder: Ladder, tmp_path: Path) -> None:
    """Every format."""
    folder = ladder()
    formats = ["html", "md", "csv", "json", "latex", "hf"]
    first, second = (write_report(folder, tmp_path / name, formats) for name in ("a", "b"))
    assert len(first) > 20
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes(), one


def test_the_command_writes_them_all(ladder: Ladder, srbench: Callable[..., Any]) -> None:
    """By name; an unknown one is refused with those that there are."""
    folder = ladder()
    ran = srbench("report", "--results", folder, "--format", "json,latex,hf", "--out", "out")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[:2] == ["out/leaderboard.json", "out/leaderboard.tex"]
    assert "out/huggingface/imdn.yaml" in ran.out.splitlines()
    ran = srbench("report", "--results", folder, "--format", "hf", "--url", "javascript:alert(1)")
    assert (ran.code, "http" in ran.err) == (2, True)
    ran = srbench("report", "--results", folder, "--format", "pdf")
    assert (ran.code, "html, md, csv, json, latex, hf" in ran.err) == (2, True)
