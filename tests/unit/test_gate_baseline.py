"""The committed baseline: what it keeps, that it is never guessed at, and what a blessing records."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from srbench.errors import IntegrityError, UsageError
from srbench.gate.baseline import Blessing, bless, dump_baseline, read_baseline, unfinished
from srbench.store.scores import CellScores, MetricScores, Values
from srbench.types import Cell

CELL = Cell("imdn", "set5", 4, "classic", "x4|sig", "torch|whole", "pixels")


def scored(
    values: dict[str, Values], cell: Cell = CELL, metric: str = "psnr_y", version: int = 1
) -> CellScores:
    """A done cell."""
    return CellScores(cell, "done", "", len(values), (MetricScores(metric, f"{metric}|{version}", values),))


def on(dataset: str, value: float = 30.0, model: str = "imdn") -> CellScores:
    """A cell of two images on a dataset."""
    cell = replace(CELL, dataset=dataset, model=model)
    return scored({"a": (value,), "b": (value + 2,)}, cell)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a baseline of two cells."""
    blessed(tmp_path / "blessed", [on("set5"), on("set14")])
    return tmp_path / "blessed"


def blessed(folder: Path, cells: Sequence[CellScores], *, prune: bool = False, why: str = "why") -> Blessing:
    """Bless cells."""
    return bless(folder, cells, prune=prune, record=lambda: {"time": "now", "why": why})


def lines(folder: Path) -> list[str]:
    """The baseline's lines."""
    return (folder / "baseline.jsonl").read_text(encoding="utf-8").splitlines()


def log(folder: Path) -> list[dict[str, object]]:
    """The log's entries."""
    return [
        json.loads(line) for line in (folder / "blessings.jsonl").read_text(encoding="utf-8").splitlines()
    ]


# ------------------------------------------------------------------------------------------- the file


def test_what_is_blessed_is_read_back(tmp_path: Path) -> None:
    """Stills, clips, infinite values, an average over frames and a failed cell, to six decimals."""
    cells = [
        scored({"a": (30.123456789,), "b": (math.inf,)}),
        scored({"c": (20.0, 21.5), "d": (22.0, math.inf)}, replace(CELL, dataset="vid4", average="frame")),
        CellScores(replace(CELL, dataset="x"), "failed", "no memory", 5),
    ]
    path = tmp_path / "baseline.jsonl"
    path.write_text(dump_baseline(cells), encoding="utf-8")
    still, clip, failed = read_baseline(path)
    assert still.metrics[0].items == {"a": (30.123457,), "b": (math.inf,)}
    assert replace(still, metrics=()) == replace(cells[0], metrics=())
    assert (clip, failed) == (cells[1], cells[2])


def test_the_order_of_cells_changes_no_byte() -> None:
    """Sorted by model, dataset, scale and protocol: a diff shows what changed and nothing else."""
    cells = [on("set5"), on("set14"), on("set5", model="edsr")]
    assert dump_baseline(cells) == dump_baseline(cells[::-1])
    names = [json.loads(line)["model"] for line in dump_baseline(cells).splitlines()[1:]]
    assert names == ["edsr", "imdn", "imdn"]


def test_one_changed_value_is_one_changed_line(folder: Path) -> None:
    """Beside the first line, which vouches for the rest."""
    before = lines(folder)
    blessed(folder, [on("set14", 30.5)])
    differing = [n for n, (one, other) in enumerate(zip(before, lines(folder), strict=True)) if one != other]
    assert differing == [0, 1]


def cut_short(text: str) -> str:
    """Without its last line."""
    return "\n".join(text.splitlines()[:-1]) + "\n"


def cut_within(text: str) -> str:
    """Without its last bytes."""
    return text[:-20]


def edited(text: str) -> str:
    """A value made better by hand."""
    return text.replace("30.0", "29.0", 1)


def newer(text: str) -> str:
    """Of a later version."""
    return text.replace('"baseline":1', '"baseline":2', 1)


def headless(text: str) -> str:
    """Without its first line."""
    return text.partition("\n")[2]


def conflicting(text: str) -> str:
    """As a failed merge leaves it."""
    head, *rest = text.splitlines()
    return "\n".join([head, "<<<<<<< HEAD", *rest, "=======", *rest, ">>>>>>> other"]) + "\n"


def vouched_garbage(text: str) -> str:
    """A digest that fits, over lines that are no cells."""
    import hashlib

    sha256 = hashlib.sha256(b'{"model":"x"}\n').hexdigest()
    return f'{{"baseline":1,"cells":1,"sha256":"{sha256}"}}\n{{"model":"x"}}\n'


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (cut_short, "1 of 2 cells (cut short?)"),
        (cut_within, "2 lines that were changed since (edited by hand?)"),
        (edited, "2 lines that were changed since (edited by hand?)"),
        (newer, "expected a baseline of schema 1 or older, got schema 2"),
        (headless, "expected a first line with its version and digest"),
        (conflicting, "marks of a merge conflict"),
        (vouched_garbage, "the fields of a cell, got none named 'dataset' on line 2"),
        (lambda text: "", "expected a first line with its version and digest, got ''"),
        (lambda text: "\x00\x01binary", "expected a first line with its version and digest"),
        (lambda text: text.replace('"cells":2', '"cells":3'), "expected 3 cells, got 2 in"),
        (lambda text: text.replace('"cells":2', '"cells":true'), "its version, cells and digest"),
        (lambda text: text.replace('"baseline":1', '"baseline":1,"more":1'), "its version, cells and digest"),
    ],
)  # fmt: skip
def test_a_damaged_baseline_is_refused(folder: Path, damage: Callable[[str], str], reason: str) -> None:
    """One line with the reason and the file; reading and blessing leave everything as it is."""
    path = folder / "baseline.jsonl"
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    kept = {file.name: file.read_bytes() for file in folder.iterdir()}
    for touch in (lambda: read_baseline(path), lambda: blessed(folder, [on("set5")])):
        with pytest.raises(IntegrityError) as refused:
            touch()
        assert reason in str(refused.value)
        assert str(path) in str(refused.value)
        assert "\n" not in str(refused.value)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == kept


def test_bytes_that_are_no_text_are_refused(folder: Path) -> None:
    """A baseline is UTF-8."""
    (folder / "baseline.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(IntegrityError, match="a baseline in UTF-8"):
        read_baseline(folder / "baseline.jsonl")


def test_other_line_ends_are_no_change(folder: Path) -> None:
    """Version control may check text out with CRLF."""
    path = folder / "baseline.jsonl"
    cells = read_baseline(path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_baseline(path) == cells


def test_a_baseline_that_is_not_there(tmp_path: Path) -> None:
    """No file is an error of usage, not a damaged one."""
    with pytest.raises(UsageError):
        read_baseline(tmp_path / "none")


# ----------------------------------------------------------------------------------------- blessings


def test_the_log_says_when_why_and_what_changed(folder: Path) -> None:
    """With the means before and after, and the digests that chain the blessings."""
    blessing = blessed(folder, [on("set14", 30.5), on("bsd100")], why="retrained")
    assert [cell.dataset for cell in blessing.added] == ["bsd100"]
    assert [(c.cell.dataset, c.metric, c.old, c.new) for c in blessing.changed] == [
        ("set14", "psnr_y", 31.0, 31.5)
    ]
    assert blessing.unchanged == 1
    first, second = log(folder)
    assert (second["time"], second["why"]) == ("now", "retrained")
    assert second["changed"] == [
        {"cell": "imdn/set14/x4/classic", "metric": "psnr_y", "old": 31.0, "new": 31.5}
    ]
    assert second["added"] == ["imdn/bsd100/x4/classic"]
    assert second["before"] == first["after"] == blessing.before
    assert second["after"] == blessing.digest == json.loads(lines(folder)[0])["sha256"]


def test_blessing_the_same_again_changes_nothing(folder: Path) -> None:
    """Nor do last bits: no new line in the log, no byte in the baseline."""
    kept = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert blessed(folder, [on("set5", 30.0 + 1e-9)]).empty
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == kept


def test_other_cells_stay_unless_pruned(folder: Path) -> None:
    """A run of one set replaces that set's cells; `prune` takes the others out, and the log says so."""
    assert blessed(folder, [on("set5", 31.0)]).removed == ()
    assert len(lines(folder)) == 3
    pruned = blessed(folder, [on("set5", 31.0)], prune=True)
    assert [cell.dataset for cell in pruned.removed] == ["set14"]
    assert log(folder)[-1]["removed"] == ["imdn/set14/x4/classic"]
    assert len(lines(folder)) == 2


def test_a_new_version_of_the_protocol_takes_the_old_one_s_place(folder: Path) -> None:
    """A cell stands once on a leaderboard: the old signature is removed, not kept beside it."""
    moved = on("set5")
    blessing = blessed(folder, [replace(moved, cell=replace(moved.cell, signature="x4|sig|v2"))])
    assert (len(blessing.added), len(blessing.removed)) == (1, 1)
    assert len(lines(folder)) == 3


def test_of_several_metric_signatures_the_latest_is_blessed(tmp_path: Path) -> None:
    """A journal keeps a metric's earlier version; the baseline has one a metric."""
    old, new = on("set5"), scored({"a": (31.0,), "b": (33.0,)}, replace(CELL, dataset="set5"), version=2)
    blessed(tmp_path, [replace(old, metrics=(*old.metrics, *new.metrics))])
    (cell,) = read_baseline(tmp_path / "baseline.jsonl")
    assert [metric.signature for metric in cell.metrics] == ["psnr_y|2"]


def test_skipped_cells_are_left_out(tmp_path: Path) -> None:
    """A model that does not know a scale has nothing to bless."""
    skipped = CellScores(replace(CELL, scale=8), "skipped", "no weights for x8", 5)
    blessed(tmp_path, [on("set5"), skipped])
    assert len(read_baseline(tmp_path / "baseline.jsonl")) == 1


def test_what_is_unfinished() -> None:
    """Failed, partly done, not a number, without any number; a skip is none of them."""
    cells = [
        on("set5"),
        CellScores(CELL, "skipped", "why"),
        CellScores(CELL, "oom", "why"),
        CellScores(CELL, "partial", "2 of 5"),
        CellScores(CELL, "done"),
        scored({"a": (math.nan,)}),
    ]
    assert unfinished(cells) == cells[2:]
