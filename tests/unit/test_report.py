"""What a report writes: pages, tables and lines that say the same, and take no text for markup."""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from srbench.errors import NothingMeasured, StorageError, UsageError
from srbench.protocols import get_protocol
from srbench.report.catalog import Catalog
from srbench.report.load import load_report
from srbench.report.markdown import escape
from srbench.report.references import Reference, References
from srbench.report.tables import COLUMNS, safe
from srbench.report.terminal import show
from srbench.report.write import FORMATS, write_report
from srbench.store.journal import Journal
from srbench.store.provenance import Machine, Provenance, write_provenance
from srbench.types import Cell, MetricInfo, Record, Score, Status

METRICS = {
    "psnr_y": MetricInfo("psnr_y", "PSNR-Y", "dB", "higher", 2, "y", True, ""),
    "lpips": MetricInfo("lpips", "LPIPS", "", "lower", 4, "rgb", False, ""),
}
PAPER = References(
    [
        Reference("RCAN", 2, "set5", "classic", {"psnr_y": Decimal("38.27")}, "the paper"),
        Reference("Bicubic", 2, "set5", "vdsr", {"psnr_y": Decimal("33.66")}, "a table"),
    ]
)
CATALOG = Catalog(
    METRICS, {"rcan": "RCAN", "bicubic": "Bicubic"}, {"rcan": "RCAN", "bicubic": "Bicubic"}, PAPER
)
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a|b `c` *d* _e_ [f](javascript:g) ![h](i) # j",
    "{{ 7 * 7 }}{% raw %}",
    "=HYPERLINK('http://example.org')",
    "\x1b[31mred\x1b[0m\r\n## heading",
    "[bold]rich[/bold] [/] :smile:",
    "abc\u202egnp.exe",
    "模型 🚀 naïve",
    "long" * 200,
    "</td></tr></table>&amp;&lt;",
    "</style><style>*{display:none}</style>",
]
PROVENANCE = Provenance(
    srbench="0.1",
    commit="abc123",
    dirty=True,
    python="CPython 3.11",
    os="Linux",
    libraries={"numpy": "2.0", "gone": ""},
    machine=Machine("CPU <b>", 2, 4, 8.5),
    environment={"OMP_NUM_THREADS": "1"},
    argv=("srbench", "run"),
    seeds={"torch": 0},
    time="2026-01-01T00:00:00Z",
)


def cell(model: str, dataset: str = "set5", scale: int = 2) -> Cell:
    """A cell under `classic`."""
    return Cell(
        model, dataset, scale, "classic", get_protocol("classic", scale).signature, "torch|cpu", "feed"
    )


def scored(where: Cell, *values: float, items: int = 0) -> Iterator[Record]:
    """Records of a cell's items."""
    for i, value in enumerate(values):
        scores = {"psnr_y": Score("psnr|1", "k", (value,)), "lpips": Score("lpips|1", "", (), "no network")}
        yield Record(
            where,
            f"i{i}",
            items or len(values),
            Status.DONE,
            scores=scores,
            provenance=PROVENANCE.id,
            time="2026",
        )


def journal(folder: Path, *records: Record) -> Path:
    """A run's folder with these records and their provenance."""
    with Journal(folder / "journal.jsonl") as opened:
        for record in records:
            opened.append(record)
    write_provenance(folder, PROVENANCE)
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with numbers, a skip, a failure and a part of a cell."""
    return journal(
        tmp_path / "run",
        *scored(cell("rcan"), 38.28, 38.28),
        *scored(cell("bicubic"), 33.0, 34.0),
        *scored(cell("part"), 40.0, items=2),
        Record(cell("skipped"), "", 2, Status.SKIPPED, "weights can't be reached"),
        Record(cell("failed", "set14"), "", 2, Status.FAILED, "boom"),
        *scored(cell("rcan", scale=4), 32.63),
    )


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A run in which every text that comes from outside is hostile, in turn."""
    records: list[Record] = []
    for i, text in enumerate(HOSTILE):
        where = cell(text)
        records += scored(where, 30.0 + i, 31.0)
        records += scored(replace(where, dataset=text, pixels=text, inference=text), 30.0)
        records.append(Record(cell(f"skipped{i}"), "", 2, Status.SKIPPED, text))
    bad = replace(records[0], scores={text: Score(text, "k", (), text) for text in HOSTILE}, item="other")
    return journal(tmp_path / "hostile", *records, bad)


def written(folder: Path, name: str, tmp_path: Path) -> str:
    """The text of one format's file."""
    path, *_ = write_report(folder, tmp_path / "out", [name], CATALOG)
    return path.read_text(encoding="utf-8")


# ------------------------------------------------------------------------------------------- HTML


class Page(HTMLParser):
    """What a browser would make of a page: its elements, its text, and the classes of its cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


def test_the_page_shows_numbers_figures_and_reasons(run: Path, tmp_path: Path) -> None:
    """Measured, published, difference, signature, dashes and their reasons are in the page as text."""
    page = Page(written(run, "html", tmp_path))
    texts = [text.strip() for text in page.texts]
    for shown in ("38.28", "38.27", "+0.01", "33.66", "vdsr", "RCAN", "classic x2", "classic x4", "—"):
        assert shown in texts, shown
    assert get_protocol("classic", 2).signature in texts
    for reason in (
        "skipped: weights can't be reached",
        "failed: boom",
        "partial: 1 of 2 items, not ranked",
        "no network",
    ):
        assert reason in texts


def test_a_dash_has_a_tooltip_and_a_note(run: Path, tmp_path: Path) -> None:
    """Every cell with a reason has it as its title, and links to a note that exists and says the same."""
    text = written(run, "html", tmp_path)
    page = Page(text)
    titles = {attributes["title"] for attributes in page.all("td") if attributes.get("title")}
    assert "skipped: weights can't be reached" in titles
    targets = {str(a["href"])[1:] for a in page.all("a") if "-note-" in str(a["href"])}
    assert targets
    assert targets <= {attributes.get("id") for attributes in page.all("li")}
    assert titles <= {t.strip() for t in page.texts}


def test_the_page_needs_nothing_else(run: Path, tmp_path: Path) -> None:
    """The page fetches nothing: no address, no linked file; its policy allows only what it holds."""
    text = written(run, "html", tmp_path)
    page = Page(text)
    assert not re.search(r"https?://|//[a-z]", re.sub(r"<script>.*?</script>", "", text, flags=re.S))
    assert not [a for tag in ("script", "img", "iframe") for a in page.all(tag) if a.get("src")]
    assert [a["href"] for a in page.all("link")] == ["data:,"]
    (policy,) = [
        str(a["content"]) for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_page_can_be_sorted_by_keyboard(run: Path, tmp_path: Path) -> None:
    """Every column has a real button inside a header that carries aria-sort."""
    page = Page(written(run, "html", tmp_path))
    sortable = [a for a in page.all("th") if "aria-sort" in a]
    assert len(sortable) == len([a for a in page.all("button") if a["type"] == "button"])
    assert [a["aria-sort"] for a in sortable[:3]] == ["none", "descending", "none"]
    assert [a["data-column"] for a in sortable[:3]] == ["model", "0", "1"]


def test_hostile_names_are_text_in_the_page(hostile: Path, tmp_path: Path) -> None:
    """No name, reason or signature makes an element or an attribute; each is there to be read."""
    page = Page(written(hostile, "html", tmp_path))
    plain_page = Page(written(journal(tmp_path / "tame", *scored(cell("a"), 1.0)), "html", tmp_path))
    assert {tag for tag, _ in page.elements} - {"ol", "li", "sup", "a", "dt", "dd"} <= {
        t for t, _ in plain_page.elements
    }
    assert len(page.all("style")) == len(plain_page.all("style"))
    assert {a.get("type", "") for a in page.all("script")} == {"", "application/json"}
    code = [len([a for a in some.all("script") if "type" not in a]) for some in (page, plain_page)]
    assert code[0] == code[1]
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    links = {str(a["href"]) for a in page.all("a")}
    assert all(re.fullmatch(r"#[a-z0-9-]+|[a-z0-9/-]+\.(html|svg)(#[a-z0-9-]+)?", link) for link in links)
    read = "\n".join(page.texts)
    for text in (HOSTILE[0], HOSTILE[1], HOSTILE[3], HOSTILE[8], HOSTILE[9], HOSTILE[10]):
        assert text in read
    assert "\u202e" not in read
    assert "abc\\u202egnp.exe" in read


def test_provenance_is_shown(run: Path, tmp_path: Path) -> None:
    """The run's provenance is in the page: machine, versions, command; escaped like everything else."""
    text = " ".join(Page(written(run, "html", tmp_path)).texts)
    for shown in (
        PROVENANCE.id,
        "0.1 abc123 changed",
        "CPU <b>, 2 cores, 8.5 GB",
        "numpy 2.0",
        "OMP_NUM_THREADS=1",
    ):
        assert shown in text
    assert "gone" not in text


def test_the_page_says_when_and_with_which_version(run: Path, tmp_path: Path) -> None:
    """Days and version are the records', not the clock's: the same journal gives the same bytes."""
    text = written(run, "html", tmp_path)
    assert "Measured 2026 with srbench 0.1." in text
    days = {"a": "2026-03-04T05:06:07", "b": "2026-05-01T00:00:00"}
    records = [replace(r, time=day) for name, day in days.items() for r in scored(cell(name), 1)]
    later = journal(tmp_path / "later", *records)
    assert "Measured 2026-03-04 to 2026-05-01 with srbench 0.1." in written(later, "html", tmp_path)
    assert written(run, "html", tmp_path) == text


def test_weights_of_another_degradation_are_noted(tmp_path: Path) -> None:
    """The row's number stands, with a note, where the records say that it is of another degradation."""
    catalog = replace(CATALOG, trained_for={("rcan", 2): "bi"})
    for degradation, noted in (
        ("bi:matlab-symmetric-u8:rgb", False),
        ("bd-duf:matlab-symmetric-u8:rgb", True),
    ):
        folder = tmp_path / degradation[:4]
        journal(
            folder, *(replace(r, key_fields={"degradation": degradation}) for r in scored(cell("rcan"), 38.0))
        )
        (board,) = load_report(folder, catalog).boards
        assert ("weights trained for bi" in board.notes) is noted
        assert board.rows[0].entries[0].ranked


@pytest.mark.parametrize(
    ("trained_on", "dataset", "noted"),
    [
        (("DIV2K", "BSDS500"), "set5", True),
        (("bsd100",), "bsd100[24]", True),
        (("BSD500",), "bsd100", True),
        (("291 images (T91, BSDS200)",), "set5", True),
        (("t91", "bsds500-train"), "set5", False),
        ((), "set5", False),
    ],
)
def test_a_model_that_saw_the_test_set_is_ranked_with_a_note(
    tmp_path: Path, trained_on: tuple[str, ...], dataset: str, noted: bool
) -> None:
    """Its number and rank stand, and the board says which training set holds the images."""
    catalog = replace(CATALOG, trained_on={"rcan": trained_on})
    journal(tmp_path / "run", *scored(replace(cell("rcan"), dataset=dataset), 38.0))
    (board,) = load_report(tmp_path / "run", catalog).boards
    assert any("which holds images of" in note for note in board.notes) is noted
    assert board.rows[0].entries[0].ranked


# ----------------------------------------------------------------------------------- Markdown, CSV


def test_markdown_is_a_table(run: Path, tmp_path: Path) -> None:
    """Boards are tables with one heading each; marks, figures, notes and signature are there."""
    text = written(run, "md", tmp_path)
    assert "## classic x2" in text
    assert f"`{get_protocol('classic', 2).signature}`" in text
    assert "| **38.28** (38.27, +0.01) | —" in text
    assert "| 33.50 (33.66, vdsr) | —" in text
    assert "skipped: weights can't be reached" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in rows[:6]} == {
        len(re.findall(r"(?<!\\)\|", rows[0]))
    }


def test_hostile_names_keep_a_markdown_table_whole(hostile: Path, tmp_path: Path) -> None:
    """However a name looks, every row has the header's cells, and no name is markup."""
    text = written(hostile, "md", tmp_path)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in rows}) == 1
    assert "<script>" not in text
    assert "<img" not in text
    assert not [line for line in text.splitlines() if line.startswith("## ") and "classic" not in line]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", r"a\|b"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("[x](y)", r"\[x\](y)"),
        ("a\\|b", r"a\\\|b"),
        ("- x", r"\- x"),
        ("1. x", r"1\. x"),
    ],
)
def test_markdown_is_escaped(text: str, shown: str) -> None:
    """Pipes, brackets, backslashes and tags are shown, not obeyed."""
    assert escape(text) == shown


def test_csv_is_tidy(run: Path, tmp_path: Path) -> None:
    """One row per model, dataset and metric, with exact values; what was not run has none."""
    rows = list(csv.DictReader(io.StringIO(written(run, "csv", tmp_path))))
    assert tuple(rows[0]) == COLUMNS
    (best,) = [r for r in rows if (r["model"], r["metric"], r["scale"]) == ("rcan", "psnr_y", "2")]
    assert (best["value"], best["mark"]) == ("38.28", "best")
    assert (best["published"], best["published_protocol"], best["difference"]) == (
        "38.27",
        "classic",
        "+0.01",
    )
    assert (best["published_source"], best["status"], best["n"], best["items"]) == (
        "the paper",
        "done",
        "2",
        "2",
    )
    (failed,) = [r for r in rows if r["model"] == "failed"]
    assert (failed["value"], failed["reason"]) == ("", "failed: boom")
    assert not [r for r in rows if r["status"] == "not run"]


def test_hostile_names_stay_in_their_csv_field(hostile: Path, tmp_path: Path) -> None:
    """No text starts a formula or a new line, and every row has all its fields."""
    rows = list(csv.reader(io.StringIO(written(hostile, "csv", tmp_path))))
    assert {len(row) for row in rows} == {len(COLUMNS)}
    numbers = {COLUMNS.index(name) for name in ("value", "difference", "published")}
    for row in rows:
        assert not [
            text for i, text in enumerate(row) if i not in numbers and text.startswith(("=", "+", "-", "@"))
        ]
    assert safe("=1+1") == "'=1+1"
    assert any("'=HYPERLINK" in text for row in rows for text in row)


# --------------------------------------------------------------------------------------- terminal


def shown(folder: Path, *, width: int, terminal: bool) -> str:
    """What a console of some width prints."""
    out = io.StringIO()
    show(
        load_report(folder, CATALOG).boards,
        Console(file=out, width=width, force_terminal=terminal, color_system=None),
    )
    return out.getvalue()


def test_without_a_terminal_there_are_plain_lines(run: Path) -> None:
    """In a log each model and dataset is one unbroken line, dashes with their reason."""
    lines = shown(run, width=20, terminal=False).splitlines()
    assert f"classic x2  {get_protocol('classic', 2).signature}" in lines
    assert "  rcan  set5  psnr_y 38.28 (published 38.27, +0.01)  lpips — (no network)" in lines
    assert "  bicubic  set5  psnr_y 33.50 (published 33.66, vdsr)  lpips — (no network)" in lines
    assert "  skipped  set5  — (skipped: weights can't be reached)" in lines
    assert "  failed  set14  — (failed: boom)" in lines


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_a_table_fits_its_terminal(run: Path, width: int) -> None:
    """However narrow the terminal, no line is wider, and no number is cut."""
    text = shown(run, width=width, terminal=True)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    for number in ("38.28", "33.50", "40.00", "32.63"):
        assert number in text


def test_hostile_names_cannot_drive_a_terminal(hostile: Path) -> None:
    """No escape sequence and no console markup of a name takes effect."""
    text = shown(hostile, width=200, terminal=False)
    assert "\x1b" not in text
    assert "[bold]rich[/bold] [/] :smile:" in text
    assert shown(hostile, width=100, terminal=True)


# ------------------------------------------------------------------------------------ the files


def test_the_same_journal_gives_the_same_bytes(run: Path, tmp_path: Path) -> None:
    """Written twice, and from a copy elsewhere, every file is identical."""
    first = [path.read_bytes() for path in write_report(run, tmp_path / "a", FORMATS, CATALOG)]
    again = [path.read_bytes() for path in write_report(run, tmp_path / "a", FORMATS, CATALOG)]
    moved = run.rename(tmp_path / "moved")
    third = [path.read_bytes() for path in write_report(moved, tmp_path / "b", FORMATS, CATALOG)]
    assert first == again == third


def test_formats_are_chosen_by_name(run: Path, tmp_path: Path) -> None:
    """Only the formats asked for are written, each once, and nothing else is left in the folder."""
    paths = write_report(run, tmp_path / "out", ["csv", "md", "csv"], CATALOG)
    assert [path.name for path in paths] == ["leaderboard.csv", "leaderboard.md"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["leaderboard.csv", "leaderboard.md"]


def test_a_format_nobody_knows_is_one_line(run: Path, tmp_path: Path) -> None:
    """An unknown format names those there are, and nothing is written."""
    with pytest.raises(UsageError, match="html, md, csv"):
        write_report(run, tmp_path / "out", ["csv", "pdf"], CATALOG)
    assert not (tmp_path / "out").exists()


def test_no_results_are_no_report(tmp_path: Path) -> None:
    """An empty journal is nothing measured, a missing one a usage error; no empty page is written."""
    with pytest.raises(NothingMeasured):
        write_report(journal(tmp_path / "empty"), tmp_path / "out", catalog=CATALOG)
    with pytest.raises(UsageError):
        write_report(tmp_path / "nowhere", tmp_path / "out", catalog=CATALOG)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_one_line(run: Path, tmp_path: Path) -> None:
    """Where the report can't be written the error says so."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="choose another"):
        write_report(run, tmp_path / "file", ["csv"], CATALOG)


def test_a_report_loads_no_torch(run: Path, tmp_path: Path) -> None:
    """Writing every format loads neither torch nor torchvision nor pandas; ranks need numpy."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom srbench.report.catalog import Catalog\n"
        "from srbench.report.write import FORMATS, write_report\n"
        "write_report(Path(sys.argv[1]), Path(sys.argv[2]), FORMATS, Catalog())\n"
        "print([m for m in ('torch', 'torchvision', 'pandas') if m in sys.modules])\n"
    )
    command = [sys.executable, "-c", code, str(run), str(tmp_path / "out")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
