"""The site as a whole: paths, links, contributions, hostile names on every page, the same bytes again."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbench.protocols import get_protocol
from srbench.report.commands import command_of
from srbench.report.index import index
from srbench.report.load import Report, load_report
from srbench.report.names import file_names
from srbench.report.render import json_text
from srbench.report.site import INDEX, Contribution, File, Link, Page, Part, write_site
from srbench.report.write import CONTRIBUTORS
from srbench.stats import MIN_IMAGES
from srbench.store.aggregate import load_cells
from srbench.store.journal import Journal
from srbench.store.timings import TimingFile, read_timings
from srbench.types import Cell, Record, Score, Status

if TYPE_CHECKING:
    from tests.conftest import Ladder

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a'b\"c`d{{ 7 * 7 }}",
    "abc\u202egnp.exe",
    "../../etc/passwd",
    "CON",
    "con",
    "模型 🚀",
    "long" * 200,
    "\\input{x}%$&_#",
    "\ud800",
]


class Elements(HTMLParser):
    """A page's elements, with their attributes, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep it."""
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep it."""
        self.text += data


def cell(model: str, dataset: str = "set16", scale: int = 4) -> Cell:
    """A cell under `classic`."""
    signature = get_protocol("classic", scale).signature
    return Cell(model, dataset, scale, "classic", signature, "torch|float32|cpu|whole", "feed")


def scored(where: Cell, *values: float) -> Iterator[Record]:
    """A record for each value."""
    for i, value in enumerate(values):
        scores = {"psnr_y": Score("psnr|y", "k", (value,)), "lpips": Score("lpips|a", "k", (value / 100,))}
        yield Record(where, f"i{i:02}", len(values), Status.DONE, scores=scores, time="2026-01-01")


def journal(folder: Path, *records: Record) -> Path:
    """A run's folder."""
    with Journal(folder / "journal.jsonl") as opened:
        for record in records:
            opened.append(record)
    return folder


@pytest.fixture
def hostile(tmp_path: Path, empty_home: Path) -> Path:
    """Every name and reason from outside is hostile; no picture of a set is here."""
    records: list[Record] = []
    for i, text in enumerate(HOSTILE):
        records += scored(cell(text), *(30.0 + i + (n % 3) / 10 for n in range(16)))
        records += scored(cell("imdn", dataset=text), 30.0, 31.0)
        records.append(replace(next(scored(cell("bicubic"), 1.0)), item=text))
        records.append(Record(cell(text, "set5"), "", 5, Status.FAILED, text))
    return journal(tmp_path / "hostile", *records)


def site(run: Path, out: Path) -> list[Path]:
    """The whole site of a run."""
    return write_site(load_report(run), out, CONTRIBUTORS)


def test_hostile_names_are_text_on_every_page(hostile: Path, tmp_path: Path) -> None:
    """No page has an element, an event or an address of theirs; scripts are the package's, by digest."""
    for path in site(hostile, tmp_path / "site"):
        if path.suffix != ".html":
            continue
        page = Elements(path)
        assert not [tag for tag, _ in page.found if tag == "img" and path.parent.name != "pictures"], path
        assert not [name for _, attributes in page.found for name in attributes if name.startswith("on")]
        assert "alert(1)" not in "".join(re.findall(r"<script>.*?</script>", path.read_text("utf-8"), re.S))
        assert "\u202e" not in path.read_text("utf-8")
    names = Elements(tmp_path / "site" / "models.html").text
    for text in (*HOSTILE[:4], *HOSTILE[5:11], "abc\\u202egnp.exe", "\\ud800"):
        assert text in names


def test_every_link_leads_somewhere(hostile: Path, tmp_path: Path) -> None:
    """Each relative address of each page is a file of the site, and its anchor, if any, is on it."""
    written = [path for path in site(hostile, tmp_path / "site") if path.suffix == ".html"]
    ids = {p: {a["id"] for _, a in Elements(p).found if a.get("id")} for p in written}
    for path in written:
        for link in {str(a["href"]) for tag, a in Elements(path).found if tag == "a" and a.get("href")}:
            file, _, anchor = link.partition("#")
            target = (path.parent / file).resolve() if file else path
            assert target.is_file(), (path, link)
            if anchor and "=" not in anchor and target in ids:
                assert anchor in ids[target], (path, link)


def test_ids_are_unique(hostile: Path, tmp_path: Path) -> None:
    """No page has one id twice."""
    for path in site(hostile, tmp_path / "site"):
        if path.suffix == ".html":
            ids = [a["id"] for _, a in Elements(path).found if a.get("id")]
            assert len(ids) == len(set(ids)), path


def test_the_same_results_give_the_same_bytes(hostile: Path, tmp_path: Path) -> None:
    """Two processes with other hash seeds, from two folders, write the same files."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom srbench.report.write import FORMATS, write_report\n"
        "write_report(Path(sys.argv[1]), Path(sys.argv[2]), FORMATS)\n"
    )
    shutil.copytree(hostile, tmp_path / "elsewhere" / "copy")
    for seed, run in (("1", hostile), ("2", tmp_path / "elsewhere" / "copy")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", code, str(run), str(tmp_path / seed)]
        subprocess.run(command, check=True, env=environment)
    first, second = (
        {p.relative_to(tmp_path / seed): p.read_bytes() for p in (tmp_path / seed).rglob("*") if p.is_file()}
        for seed in ("1", "2")
    )
    assert len(first) > 30
    assert first == second


# ------------------------------------------------------------------------------------------ names


@given(st.lists(st.text(max_size=60)))
def test_names_of_files_are_safe_and_unique(names: list[str]) -> None:
    """Lower-case ASCII, short, never a device, and no two alike, whatever the names are."""
    found = file_names(names)
    assert set(found) == set(names)
    assert len(set(found.values())) == len(found)
    for file in found.values():
        assert re.fullmatch(r"[a-z0-9-]{1,120}", file)
        assert file not in {"con", "nul", "index"}


def test_a_plain_name_is_kept_and_others_do_not_collide() -> None:
    """``imdn`` stays, upper case and a name made to look like another's get digests."""
    found = file_names(["imdn", "IMDN", "imdn+", "con"])
    assert found["imdn"] == "imdn"
    assert found["IMDN"] != found["imdn+"]
    forged = found["IMDN"]
    again = file_names(["IMDN", forged])
    assert again[forged] == forged
    assert again["IMDN"] != forged


@given(st.recursive(st.text() | st.integers(-(2**53), 2**53), lambda inner: st.lists(inner, max_size=3)))
def test_data_in_a_page_cannot_close_its_element(value: object) -> None:
    """No character of it means anything to HTML, and it reads back as it was."""
    import json

    if "\\ud" in ascii(value):
        return
    text = str(json_text(value))
    assert not set(text) & set("<>&'\u2028\u2029")
    assert json.loads(text) == value


# ------------------------------------------------------------------------------------------ views


@pytest.fixture
def report(tmp_path: Path) -> Report:
    """Two models tied, a third surely behind; another skipped."""
    noise = [0.02 * ((7 * n) % 5 - 2) for n in range(MIN_IMAGES)]
    return load_report(
        journal(
            tmp_path / "run",
            *scored(cell("imdn"), *(30.0 + n for n in range(MIN_IMAGES))),
            *scored(cell("carn-m"), *(30.0 + n + d for n, d in enumerate(noise))),
            *scored(cell("bicubic"), *(28.0 + n + d for n, d in enumerate(noise))),
            Record(cell("vdsr"), "", MIN_IMAGES, Status.SKIPPED, "no weights"),
        )
    )


def test_ties_are_ties(report: Report) -> None:
    """Overlapping intervals share a band; the one surely behind has the next; a skip has no rank."""
    (board,) = index(report).boards
    ranks = {row.row.key[0]: row.rank for row in board.rows}
    assert [rank.text for name in ("imdn", "carn-m") if (rank := ranks[name])] == ["1\u20132", "1\u20132"]
    assert [rank.band for name in ("imdn", "carn-m", "bicubic") if (rank := ranks[name])] == [0, 0, 1]
    assert ranks["bicubic"] is not None
    assert ranks["bicubic"].text == "3"
    assert ranks["vdsr"] is None
    assert board.columns[0].basis == "intervals of ranks at 95%, from 14 images and all pairs of 3 models"


def test_few_images_rank_by_digits(tmp_path: Path) -> None:
    """Below 14 images equal digits share a rank, and the column says that nothing is sure."""
    run = journal(
        tmp_path / "run",
        *scored(cell("imdn"), 30.001, 30.0),
        *scored(cell("carn-m"), 30.0, 30.0),
        *scored(cell("bicubic"), 29.0, 29.0),
    )
    (board,) = index(load_report(run)).boards
    assert [row.rank.text for row in board.rows if row.rank] == ["1", "1", "3"]
    assert {row.rank.band for row in board.rows if row.rank} == {None}
    assert board.columns[0].basis.startswith("2 images: too few")


def test_rows_carry_what_filters_ask_for(report: Report) -> None:
    """Family, parameters, training sets and weights, as the cards say."""
    view = index(report)
    facts = {row.row.key[0]: row.facts for row in view.boards[0].rows}
    assert facts["imdn"].family == "imdn"
    assert facts["imdn"].params == pytest.approx(0.694404)
    assert facts["imdn"].weights == "published"
    assert facts["bicubic"].weights == "none needed"
    assert view.weights == ("published", "none needed")
    assert "DIV2K" in view.trained_on


@pytest.mark.parametrize(
    ("model", "argv", "command"),
    [
        ("imdn", (), "srbench run -m imdn -d set5 -x 4 --protocol classic"),
        ("imdn", ("run", "-m", "a,b", "--tile", "64", "-q"),
         "srbench run -m imdn -d set5 -x 4 --protocol classic --tile 64"),
        ("folder:My Net", ("score", "…/out", "--against", "set5"),
         "srbench score '…/out' --against set5 --as 'My Net' -x 4 --protocol classic"),
        ("command:x {input}; rm", (),
         "srbench run -m 'command:x {input}; rm' -d set5 -x 4 --protocol classic"),
    ],
)  # fmt: skip
def test_a_row_has_its_own_command(model: str, argv: tuple[str, ...], command: str) -> None:
    """The model, set, scale and protocol of the row, and what else moved its number; quoted for a shell."""
    assert command_of(cell(model, "set5[2]"), argv) == command


def test_a_model_s_page_tells_which_count_is_whose_and_what_a_time_is_of(
    ladder: Ladder, tmp_path: Path
) -> None:
    """Card and count differ: both, with their source; random weights are told in sight, not in a tooltip."""
    run = ladder()
    with TimingFile(run) as timings:
        (imdn,) = [t for t in read_timings(run) if t.spec.model == "imdn"]
        timings.append(replace(imdn, spec=replace(imdn.spec, model="edsr", weights="untrained")))
    with Journal(run / "journal.jsonl") as lines:
        where = load_cells(run)[0].cell
        lines.append(Record(replace(where, model="edsr"), "", 16, Status.SKIPPED, "weights can't be reached"))
    site(run, tmp_path / "site")
    models = tmp_path / "site" / "models"
    said = "0.694 M by its card; 0.715 M counted at x4"
    assert said in (models / "imdn.html").read_text("utf-8")
    assert said in (tmp_path / "site" / "models.html").read_text("utf-8")
    edsr = (models / "edsr.html").read_text("utf-8")
    in_sight = re.sub(r"<[^>]*>", "", edsr)
    assert "timed with random weights" in in_sight[in_sight.index("Costs") :]
    assert "(first 8 digits)" in edsr


def test_no_command_is_guessed() -> None:
    """Where fields of the protocol were replaced and nobody knows by what, there is none."""
    assert command_of(replace(cell("imdn"), signature="x4|something else"), ()) == ""


# ---------------------------------------------------------------------------------- contributions


def contribution(parts: Sequence[Part] = (), files: Sequence[File] = ()) -> Contribution:
    """A page, a link and what a test adds."""
    page = Page(INDEX, "models.html.j2", "A title", ())
    return Contribution([Link("Home", INDEX)], [page], parts, files)


def test_parts_and_files_come_with_a_page(report: Report, tmp_path: Path) -> None:
    """A part's section has its heading; a file is written as it is."""
    part = Part(INDEX, "mine", "My <plot>", "origins.html.j2", ())
    more = contribution(parts=[part], files=[File("plots/a.svg", "<svg/>")])
    page, picture = write_site(report, tmp_path / "site", [lambda _: more])
    assert '<h2 id="mine-title">My &lt;plot&gt;</h2>' in page.read_text("utf-8")
    assert picture.read_text("utf-8") == "<svg/>"
    assert picture.relative_to(tmp_path / "site").as_posix() == "plots/a.svg"


@pytest.mark.parametrize(
    "bad",
    [
        contribution(files=[File("../a", "")]),
        contribution(files=[File("a", ""), File("A", "")]),
        contribution(files=[File("/a", "")]),
        contribution(parts=[Part("nowhere.html", "a", "A", "origins.html.j2", ())]),
    ],
)
def test_a_site_keeps_to_its_folder(bad: Contribution, report: Report, tmp_path: Path) -> None:
    """A path that leaves it, one path twice, and a part without its page are errors of the contributor."""
    with pytest.raises(ValueError, match=r"path|not there"):
        write_site(report, tmp_path / "site", [lambda _: bad])
