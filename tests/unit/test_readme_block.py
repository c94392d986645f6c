"""The README's block: written between its marks from results, and checked against them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from markdown_it import MarkdownIt

from srbench.report.readme import BEGIN, END

if TYPE_CHECKING:
    from tests.conftest import Ladder

AROUND = f"# A model\n\n{BEGIN}\nstale text\n{END}\n\nmore text\n"


@pytest.fixture
def readme(tmp_path: Path) -> Path:
    """A README with the marks."""
    path = tmp_path / "project" / "README.md"
    path.parent.mkdir()
    path.write_text(AROUND, encoding="utf-8")
    return path


def test_the_block_is_a_board_and_its_plot(ladder: Ladder, readme: Path, srbench: Callable[..., Any]) -> None:
    """Text around it stays; the picture lies where the block says, and its words say what it shows."""
    ran = srbench("readme", readme, "--results", ladder())
    assert ran.code == 0, ran.err
    text = readme.read_text("utf-8")
    assert text.startswith("# A model\n\n")
    assert text.endswith("\n\nmore text\n")
    assert "stale text" not in text
    assert "![PSNR-Y on set16 against latency: 7 models. Not beaten in both: Nearest neighbour" in text
    picture = readme.parent / "reports" / "leaderboard.svg"
    assert picture.read_text("utf-8").startswith("<svg ")
    assert "](reports/leaderboard.svg)" in text
    html = MarkdownIt("gfm-like", {"linkify": False}).render(text)
    assert html.count("<tr>") == 9
    assert "<strong>30.65</strong>" in html
    assert "srbench readme README.md --results ../ladder" in html


def test_notes_are_numbered_in_reading_order(
    ladder: Ladder, readme: Path, srbench: Callable[..., Any]
) -> None:
    """From 1, of those alone that the block shows, first where they are first met."""
    folder = ladder()
    ladder(dataset="set20", images=20, rungs={"imdn": ladder.rungs["imdn"]})
    assert srbench("readme", readme, "--results", folder, "--dataset", "set16").code == 0
    text = readme.read_text("utf-8")
    table, _, notes = text.partition("<details><summary>Notes")
    shown = re.findall(r"<sup>(?:≈,)?([\d,]+)</sup>", table)
    met = [int(number) for said in shown for number in said.split(",")]
    listed = [int(number) for number in re.findall(r"- <sup>(\d+)</sup>", notes)]
    assert listed == list(dict.fromkeys(met)) == list(range(1, len(listed) + 1)) != []
    assert "not run" not in notes


def test_in_step_or_not(ladder: Ladder, readme: Path, srbench: Callable[..., Any]) -> None:
    """A second time nothing is written; after other results, or an edit, the check says so, no more."""
    folder = ladder()
    command = ("readme", readme, "--results", folder)
    assert srbench(*command, "--check").code == 5
    assert readme.read_text("utf-8") == AROUND
    assert len(srbench(*command).out.splitlines()) == 2
    assert srbench(*command, "--check").code == 0
    assert srbench(*command).out == ""
    rungs = {**ladder.rungs, "imdn": replace(ladder.rungs["imdn"], psnr=28.7)}
    ran = srbench("readme", readme, "--results", ladder(rungs, folder="other"), "--check")
    assert ran.code == 5
    assert "run srbench readme README.md --results ../other" in ran.err
    readme.write_text(readme.read_text("utf-8").replace("30.65", "31.65"), "utf-8")
    assert srbench(*command, "--check").code == 5


def test_a_readme_without_marks_is_refused(ladder: Ladder, readme: Path, srbench: Callable[..., Any]) -> None:
    """And one with two blocks, and one that is not there; with what to add."""
    for text in ("# A model\n", AROUND + AROUND, f"{END}\n{BEGIN}\n"):
        readme.write_text(text, "utf-8")
        ran = srbench("readme", readme, "--results", ladder(images=1))
        assert (ran.code, BEGIN in ran.err) == (2, True)
        assert readme.read_text("utf-8") == text
    assert srbench("readme", readme.with_name("NONE.md"), "--results", ladder(images=1)).code == 2


def test_a_board_is_named(ladder: Ladder, readme: Path, srbench: Callable[..., Any]) -> None:
    """An unknown one is refused with those that there are."""
    folder = ladder()
    assert srbench("readme", readme, "--results", folder, "--board", "classic x4").code == 0
    ran = srbench("readme", readme, "--results", folder, "--board", "classic x3")
    assert (ran.code, "classic x4" in ran.err) == (2, True)


def test_datasets_are_chosen(ladder: Ladder, readme: Path, srbench: Callable[..., Any]) -> None:
    """Others have no column; an unknown one is refused with those that there are."""
    folder = ladder()
    ladder(dataset="set20")
    command = ("readme", readme, "--results", folder, "--dataset")
    assert srbench(*command, "set20").code == 0
    text = readme.read_text("utf-8")
    assert "set20<br>" in text
    assert "set16<br>" not in text
    assert "--dataset set20`" in text
    ran = srbench(*command, "set20", "--picture", readme.parent / "p.svg", "--check")
    assert "--dataset set20 --picture p.svg" in ran.err
    ran = srbench(*command, "set5")
    assert (ran.code, "set16, set20" in ran.err) == (2, True)


def test_hostile_names_are_text_in_the_block(
    ladder: Ladder, readme: Path, srbench: Callable[..., Any]
) -> None:
    """No element, no link, no new cell of theirs; the marks cannot be forged."""
    names = ("<script>alert(1)</script>", "a | b [c](http://d)", f"x {END} y", "`q` *r*")
    folder = ladder(dict.fromkeys(names, ladder.rungs["imdn"]), dataset=names[0], images=1)
    assert srbench("readme", readme, "--results", folder).code == 0
    text = readme.read_text("utf-8")
    assert (text.count(BEGIN), text.count(END)) == (1, 1)
    html = MarkdownIt("gfm-like", {"linkify": False}).render(text)
    assert "<script" not in html
    assert "<a " not in html
    assert html.count("<tr>") == 5
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert srbench("readme", readme, "--results", folder, "--check").code == 0
