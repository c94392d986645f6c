"""Exports in the programs they are for: LuaLaTeX compiles tables, the Hub's library reads the metadata."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from srbench.report.write import write_report

if TYPE_CHECKING:
    from tests.conftest import Ladder

DOCUMENT = r"""\documentclass{article}
\usepackage[margin=1cm]{geometry}
\usepackage{booktabs}
\begin{document}
\listoftables
\input{leaderboard}
\end{document}
"""
LEADERBOARD = Path(__file__).resolve().parents[2] / "results" / "leaderboard"
HOSTILE = (
    "<script>alert(1)</script>",
    "a & b # c % d _ e { f } ~ g ^ h \\ i $ j ^^M",
    "\\undefinedcommand \\end{document} \\input{nothing}",
    "quotes \" ' ` `` '' -- --- ?` !` |",
    "[0pt] * first",
    "*",
    "abc\u202egnp.exe \u200b\u200d \ufffe",
    "模型 🚀 naïve Ελληνικά кириллица",
    "long" * 60,
    "  ",
)


@pytest.mark.parametrize("engine", ["lualatex", "pdflatex"])
def test_the_tables_compile(engine: str, ladder: Ladder, tmp_path: Path) -> None:
    """With hostile names of models, of the set and of all that notes quote; without a single error."""
    if shutil.which(engine) is None or not _has_booktabs():
        pytest.skip(f"left out: no {engine} with booktabs (.ci/tools installs Debian's)")
    rungs = dict.fromkeys(HOSTILE, ladder.rungs["imdn"])
    for name in HOSTILE:
        folder = ladder(rungs, dataset=name, images=2, folder="hostile")
    write_report(folder, tmp_path, ["latex"])
    (tmp_path / "paper.tex").write_text(DOCUMENT, "utf-8")
    command = [engine, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper"]
    for _ in range(2):  # the list of tables is read the second time
        ran = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False
        )
        assert ran.returncode == 0, ran.stdout[-2000:]
    assert (tmp_path / "paper.pdf").stat().st_size > 10_000
    log = (tmp_path / "paper.log").read_text("utf-8", "replace")
    assert "Missing character" not in log, log


@pytest.mark.skipif(not LEADERBOARD.is_dir(), reason="left out: no results/leaderboard beside the tests")
def test_the_leaderboard_s_tables_fit_a_plain_article(tmp_path: Path) -> None:
    """Four sets of three metrics, and costs: no line is wider than the text, and all sets are there."""
    if shutil.which("lualatex") is None or not _has_booktabs():
        pytest.skip("left out: no lualatex with booktabs (.ci/tools installs Debian's)")
    write_report(LEADERBOARD, tmp_path, ["latex"], timed=[*LEADERBOARD.parent.glob("timings/*/")])
    plain = DOCUMENT.replace("\\usepackage[margin=1cm]{geometry}\n", "")
    (tmp_path / "paper.tex").write_text(plain, "utf-8")
    command = ["lualatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert ran.returncode == 0, ran.stdout[-2000:]
    log = (tmp_path / "paper.log").read_text("utf-8", "replace")
    wide = [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)]
    assert max(wide, default=0) < 3, wide
    text = (tmp_path / "leaderboard.tex").read_text("utf-8")
    assert all(f"{{c}}{{{name}}}" in text for name in ("set5", "set14", "bsd100", "embedded"))


def _has_booktabs() -> bool:
    asked = ["kpsewhich", "booktabs.sty"]
    return bool(shutil.which("kpsewhich") and subprocess.run(asked, capture_output=True, check=False).stdout)


def test_the_hub_s_library_reads_every_result(ladder: Ladder, tmp_path: Path) -> None:
    """Each metric of each result, with dataset, task and source; what it writes from them says the same."""
    hub: Any = pytest.importorskip("huggingface_hub.repocard_data", reason="left out: no huggingface_hub")
    write_report(ladder(), tmp_path, ["hf"], url="https://example.org/board")
    paths = sorted((tmp_path / "huggingface").glob("*.yaml"))
    assert len(paths) == 8
    for path in paths:
        index = yaml.safe_load(path.read_text("utf-8"))["model-index"]
        name, results = hub.model_index_to_eval_results(index)
        told = [(result.dataset_type, result.metric_type, result.metric_name) for result in results]
        assert told == [("set16", "psnr", "PSNR-Y"), ("set16", "lpips", "LPIPS (AlexNet)")]
        assert all(result.source_url.startswith("https://example.org/board/models/") for result in results)
        again = hub.eval_results_to_model_index(name, results)
        metrics = [metric["value"] for result in again[0]["results"] for metric in result["metrics"]]
        assert sorted(metrics) == sorted(m["value"] for r in index[0]["results"] for m in r["metrics"])
