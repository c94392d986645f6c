"""Costs beside quality: what shares a column, what is ranked, what is printed in papers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from srbench.report.catalog import Catalog, installed
from srbench.report.costs import cost_table, cost_values, entries_of, printed_costs, three_digits
from srbench.report.entries import Entry
from srbench.report.index import Index, shown_board
from srbench.report.markdown import markdown
from srbench.report.names import Paths
from srbench.report.render import Renderer
from srbench.report.site import INDEX, Page
from srbench.report.tables import csv_text
from srbench.report.terminal import lines
from srbench.report.views import Board, boards
from srbench.store.aggregate import CellResult, ItemResult, Mean, MetricResult
from srbench.types import Cell, Conditions, Record, Score, Status, Timing, TimingSpec

QUIET = Conditions("AMD EPYC, 2 cores", "", 0.0, 0.0, 1.0, 0.0, 0.0)
CPU = TimingSpec(
    model="imdn",
    fingerprint="0123456789abcdef",
    weights="card",
    scale=4,
    point="720p",
    height=180,
    width=320,
    kind="still",
    frames=1,
    inference="torch|float32|cpu|whole",
    engine="torch 2.9.1",
    torch="2.9.1",
    dtype="float32",
    device="cpu",
    threads=2,
    memory_format="contiguous",
    tf32=False,
    cudnn="deterministic",
    compiled=False,
    machine="fedcba9876543210",
)
DONE = Timing(
    CPU,
    Status.DONE,
    step="whole",
    peak_bytes=10**9,
    params=715176,
    macs=41 * 10**9,
    flops=82 * 10**9,
    conditions=QUIET,
)


def timing(model: str, ms: float, **fields: Any) -> Timing:
    """A quiet timing on the processor; fields of the timing, or of its spec."""
    own = {name: fields.pop(name) for name in list(fields) if not hasattr(CPU, name)}
    spec = replace(CPU, model=model, **fields)
    return replace(DONE, spec=spec, **{"wall_ms": (ms,) * 9, **own})


def scored(model: str, value: float = 30.0, inference: str = "torch|float32|cpu|whole") -> CellResult:
    """A done cell of one item."""
    cell = Cell(model, "set5", 4, "classic", "signature", inference, "pixels")
    record = Record(cell, "baby", 1, Status.DONE)
    score = Score("psnr", "key", (value,))
    item = ItemResult("baby", record, {("psnr_y", "psnr"): score})
    metric = MetricResult("psnr_y", "psnr", Mean(value, 1))
    return CellResult(cell, "done", "", 1, (item,), (metric,))


def board_of(results: Sequence[CellResult], timings: Sequence[Timing]) -> Board:
    """The only board."""
    (board,) = boards(results, installed(), timings)
    return board


def entry(board: Board, model: str, cost: str, group: int = 0) -> Entry:
    """One model's entry for a cost, in the n-th group of costs."""
    places = [place for place, column in enumerate(board.columns) if column.metric == cost]
    row = next(row for row in board.rows if row.model == model)
    return row.entries[places[group]]


def test_costs_stand_beside_quality_in_their_units() -> None:
    """Median latency, output megapixels a second, MB, M and G, each per output frame."""
    board = board_of([scored("imdn")], [timing("imdn", 100.0)])
    texts = {c.metric: e.text for c, e in zip(board.columns, board.rows[0].entries, strict=True)}
    assert texts == {
        "psnr_y": "30.00",
        "latency": "100",
        "throughput": "9.22",  # 1280 * 720 pixels in 0.1 s
        "memory": "1000",
        "params": "0.715",
        "macs": "41.0",
        "flops": "82.0",
    }
    assert board.groups[-1].dataset.startswith("cost at 720p, LR 180x320 (HxW): cpu:2, float32,")
    assert "AMD EPYC" in board.groups[-1].dataset


def test_the_fastest_is_marked_and_counts_never_are() -> None:
    """Latency lower, throughput higher; parameters and multiply-adds are facts."""
    board = board_of(
        [scored("imdn"), scored("carn-m", 29.0), scored("vdsr", 28.0)],
        [timing("imdn", 100), timing("carn-m", 50), timing("vdsr", 400)],
    )
    marks = {model: entry(board, model, "latency").mark for model in ("imdn", "carn-m", "vdsr")}
    assert marks == {"imdn": "second", "carn-m": "best", "vdsr": ""}
    assert entry(board, "carn-m", "throughput").mark == "best"
    assert all(entry(board, "imdn", cost).mark == "" for cost in ("params", "macs", "flops"))


def test_machines_never_share_a_column() -> None:
    """Each has a group of its own, and nobody is best of a column of one."""
    other = replace(QUIET, machine="Another, 64 cores")
    board = board_of(
        [scored("imdn"), scored("carn-m")],
        [timing("imdn", 100), timing("carn-m", 5, machine="0" * 16, conditions=other)],
    )
    assert sum(group.cost for group in board.groups) == 2
    latencies = [entry(board, m, "latency", g) for m in ("imdn", "carn-m") for g in (0, 1)]
    assert [e.text for e in latencies] == ["100", "—", "—", "5.00"]
    assert not any(e.mark for e in latencies)


def test_another_set_up_or_size_is_another_group() -> None:
    """Threads, dtype, compiler, memory format, library and LR size."""
    changes: list[dict[str, Any]] = [
        {"threads": 1},
        {"dtype": "bfloat16"},
        {"compiled": True},
        {"memory_format": "channels-last"},
        {"torch": "2.10.0"},
        {"point": "256", "height": 256, "width": 256},
    ]
    timings = [timing("imdn", 100), *(timing("imdn", 50, **change) for change in changes)]
    groups = cost_table(timings, 4, ["imdn"]).groups
    assert len(groups) == len({group.label for group in groups}) == 7
    assert groups[-1].point == "256"


def test_a_tiled_figure_never_shares_a_rank_with_an_untiled_one() -> None:
    """It is shown with the step of the ladder, unranked."""
    tiled = timing("carn-m", 5, step="tile:256+21", exhausted=("whole",))
    board = board_of(
        [scored("imdn"), scored("carn-m"), scored("vdsr")],
        [timing("imdn", 100), tiled, timing("vdsr", 300)],
    )
    found = entry(board, "carn-m", "latency")
    assert (found.text, found.mark, found.ranked) == ("5.00", "", False)
    assert "tile:256+21 after whole ran out of memory, not ranked" in found.reason
    assert entry(board, "imdn", "latency").mark == "best"


def test_a_tiled_figure_never_hides_one_of_a_whole_image() -> None:
    """Though it is the later one: it was asked for in tiles, or the image no longer fitted."""
    whole = timing("imdn", 100)
    asked = timing("imdn", 300, step="tile:64+21", inference="torch|float32|cpu|tile:64+21")
    fell = timing("imdn", 200, step="tile:256+21", exhausted=("whole",))
    for order in ([whole, asked, fell], [asked, fell, whole], [whole, fell]):
        board = board_of([scored("imdn"), scored("vdsr")], [*order, timing("vdsr", 400)])
        found = entry(board, "imdn", "latency")
        assert (found.text, found.ranked, found.mark, found.reason) == ("100", True, "best", "")
    tiled = "torch|float32|cpu|tile:64+21"
    board = board_of([scored("imdn"), scored("imdn", 29.0, tiled)], [asked, whole])
    rows = {row.inference: row for row in board.rows}
    place = [column.metric for column in board.columns].index("latency")
    assert rows[tiled].entries[place].text == "300"
    assert rows["torch|float32|cpu|whole"].entries[place].text == "100"
    tiled = "torch|float32|cpu|tile:32+21"
    board = board_of([scored("imdn", inference=tiled)], [asked])
    assert "timed in tile:64+21; this row is of tiles (tile:32+21)" in entry(board, "imdn", "latency").reason


def test_random_weights_never_hide_a_checkpoints_figure() -> None:
    """They are for networks whose file can't be had."""
    board = board_of([scored("imdn")], [timing("imdn", 100), timing("imdn", 90, weights="untrained")])
    assert (entry(board, "imdn", "latency").text, entry(board, "imdn", "latency").reason) == ("100", "")


def test_a_figure_of_earlier_weights_or_code_counts_no_more() -> None:
    """Not even if it was of a whole image, and the later one is not."""
    later = timing("imdn", 300, step="tile:64+21", fingerprint="f" * 16)
    board = board_of([scored("imdn")], [timing("imdn", 100), later])
    assert entry(board, "imdn", "latency").text == "300"


def of_set(model: str, times: Sequence[float], **fields: Any) -> list[Timing]:
    """A timing of each image of a set of three; the images are 10, 20, 30 pixels wide."""
    return [
        timing(model, ms, point=f"set5/{n}", height=10, width=10 * (n + 1), items=3, macs=10**9, **fields)
        for n, ms in enumerate(times)
    ]


def test_a_sets_images_are_one_group_of_sums() -> None:
    """Median latencies and multiply-adds are added, of memory the largest counts, and the head says so."""
    first = replace(of_set("imdn", (1,))[0], peak_bytes=3 * 10**9)
    timings = [first, *of_set("imdn", (1, 2, 4))[1:], *of_set("vdsr", (10, 20, 40))]
    board = board_of([scored("imdn"), scored("vdsr")], timings)
    (group,) = [group for group in board.groups if group.cost]
    assert group.dataset.startswith("cost of set5, sum of 3 images (memory: the largest): cpu:2")
    texts = {cost: entry(board, "imdn", cost).text for cost in ("latency", "memory", "macs", "params")}
    assert texts == {"latency": "7.00", "memory": "3000", "macs": "3.00", "params": "0.715"}
    pixels = (10 + 20 + 30) * 10 * 16 / 1e6
    assert entry(board, "imdn", "throughput").value == pytest.approx(pixels / 0.007)
    assert entry(board, "imdn", "latency").mark == "best"
    assert "sum of the medians of 3 images, 9 to 9 calls each" in entry(board, "imdn", "latency").detail


def test_only_a_whole_set_has_a_figure() -> None:
    """A part of it, or a part timed with other weights, says how much there is."""
    whole = of_set("imdn", (1, 2, 4))
    board = board_of([scored("imdn"), scored("vdsr")], [*whole, *of_set("vdsr", (10, 20))])
    assert entry(board, "vdsr", "latency").reason == "not timed: 2 of 3 images"
    assert not board_of([scored("imdn")], whole[:2]).groups[-1].cost
    mixed = [*whole[:2], replace(whole[2], spec=replace(whole[2].spec, fingerprint="f" * 16))]
    assert not board_of([scored("imdn")], mixed).groups[-1].cost


def test_one_image_that_was_disturbed_keeps_its_set_from_a_rank() -> None:
    """As one that was tiled does."""
    busy = replace(QUIET, disturbances=("other processes kept 0.98 of 2 cores busy",))
    timings = of_set("imdn", (1, 2, 4))
    noisy = [*timings[:2], replace(timings[2], conditions=busy)]
    found = entry(board_of([scored("imdn")], noisy), "imdn", "latency")
    assert (found.ranked, found.reason) == (False, "the machine was not quiet, not ranked")
    tiled = [*timings[:2], replace(timings[2], step="tile:64+21")]
    assert not entry(board_of([scored("imdn")], tiled), "imdn", "latency").ranked


def test_sides_are_height_by_width_and_say_so() -> None:
    """As in ``--point``, in signatures and in docs."""
    (group,) = cost_table([timing("imdn", 1, point="7x5", height=7, width=5)], 4, ["imdn"]).groups
    assert group.label.startswith("cost at LR 7x5 (HxW): ")
    assert group.signature.startswith("x4|7x5:7x5|")


def test_a_noisy_machines_times_are_not_ranked_but_its_memory_is() -> None:
    """What else worked moves times alone; the tooltip says what was seen."""
    busy = replace(QUIET, disturbances=("other processes kept 0.98 of 2 cores busy",))
    board = board_of(
        [scored("imdn"), scored("carn-m")],
        [timing("imdn", 100, peak_bytes=2 * 10**9), timing("carn-m", 5, conditions=busy)],
    )
    latency, memory = entry(board, "carn-m", "latency"), entry(board, "carn-m", "memory")
    assert (latency.ranked, memory.ranked, memory.mark) == (False, True, "best")
    assert latency.reason == "the machine was not quiet, not ranked"
    assert "0.98 of 2 cores" in latency.detail


def test_a_row_without_a_timing_has_a_dash_and_its_reason() -> None:
    """Not timed, skipped or out of memory: said in the notes."""
    oom = replace(
        timing("edsr", 1), status=Status.OOM, reason="out of memory: whole", wall_ms=(), conditions=None
    )
    board = board_of([scored("imdn"), scored("carn-m"), scored("edsr")], [timing("imdn", 100), oom])
    assert (entry(board, "carn-m", "latency").text, entry(board, "carn-m", "latency").reason) == (
        "—",
        "not timed",
    )
    assert entry(board, "edsr", "latency").reason == "not timed: out of memory: whole"


def test_a_whole_images_time_is_not_a_tiled_rows() -> None:
    """The row's own inference decides."""
    board = board_of(
        [scored("imdn"), scored("carn-m", inference="torch|float32|cpu|tile:64+21")],
        [timing("imdn", 100), timing("carn-m", 50)],
    )
    assert "timed as a whole image" in entry(board, "carn-m", "latency").reason


def test_video_is_per_output_frame_and_names_its_frames() -> None:
    """A sequence of five in 500 ms: 100 ms a frame; the window's frames are said too."""
    clip = timing("basicvsr", 500, kind="sequence", frames=5)
    values = cost_values(clip)
    assert values["latency"] == 100
    assert values["macs"] == 41 / 5
    board = board_of(
        [scored("basicvsr"), scored("edvr-m")], [clip, timing("edvr-m", 9, kind="window", frames=5)]
    )
    assert "of a sequence of 5" in entry(board, "basicvsr", "latency").reason
    assert "from a window of 5" in entry(board, "edvr-m", "latency").reason


def test_the_latest_timing_counts() -> None:
    """Timed again, the board shows the later one."""
    board = board_of([scored("imdn")], [timing("imdn", 100), timing("imdn", 90)])
    assert entry(board, "imdn", "latency").text == "90.0"


def test_printed_figures_stand_beside_counts_at_their_size() -> None:
    """Papers print multiply-adds at 1280x720, under either name; at another size nothing stands beside."""
    board = board_of(
        [scored("imdn")], [timing("imdn", 100), timing("imdn", 90, point="64x64", height=64, width=64)]
    )
    beside = entry(board, "imdn", "macs").published
    assert beside is not None
    assert (beside.text, beside.remark) == ("40.9G", "printed")
    assert "1280x720" in beside.source
    assert entry(board, "imdn", "macs", group=1).published is None
    assert entry(board, "imdn", "flops").published is None
    params = entry(board, "imdn", "params").published
    assert params is not None
    assert params.text == "715K"


def test_printed_costs_name_their_source() -> None:
    """For ``srbench info``: CARN-M's own table comes first."""
    found = printed_costs("carn-m", 4, installed())
    assert found["macs_at_720p"]["text"] == "32.5G"
    assert found["macs_at_720p"]["source"].startswith("CARN, ECCV 2018")
    assert printed_costs("bicubic", 4, Catalog()) == {}


def page_of(board: Board) -> str:
    """The leaderboard of one board."""
    paths = Paths(
        {row.key[0]: "models/a.html" for row in board.rows},
        {group.key[0]: "datasets/a.html" for group in board.groups},
        {board.key: "boards/a.html"},
    )
    view = Index((shown_board(board, paths, installed()),), (), (), "", (), (), (), ())
    return Renderer([]).page(Page(INDEX, "index.html.j2", "", view), [])


def test_costs_are_in_every_kind_of_report() -> None:
    """HTML with tooltips, Markdown with a table of its own, CSV rows, a terminal's lines."""
    board = board_of([scored("imdn"), scored("bicubic")], [timing("imdn", 100)])
    page = page_of(board)
    assert "Latency, ms" in page
    assert "median of 9 calls 100 ms (96%: 100 to 100; p10 100, p90 100)" in page
    assert 'title="machine fedcba9876543210"' in page
    text = markdown([board])
    assert "### cost at 720p, LR 180x320 (HxW)" in text
    assert "| 41.0 (40.9G, printed) |" in text
    rows = [line for line in csv_text([board]).splitlines() if ",latency," in line]
    assert len(rows) == 2
    assert any("imdn  cost at 720p" in line and "latency 100 ms" in line for line in lines(board))


def test_text_from_outside_is_escaped() -> None:
    """A machine's name or a reason may be anything."""
    evil = replace(QUIET, machine="<script>alert(1)</script>|\x1b[31m")
    board = board_of([scored("imdn")], [timing("imdn", 100, conditions=evil)])
    page = page_of(board)
    assert "<script>alert" not in page
    assert "\x1b" not in page + markdown([board])
    assert "<script>" not in markdown([board])


def test_a_board_without_timings_has_no_costs() -> None:
    """Another scale's, or another model's."""
    board = board_of([scored("imdn")], [timing("imdn", 1, scale=2), timing("vdsr", 1)])
    assert not any(column.cost for column in board.columns)


def test_digits() -> None:
    """Three significant ones at least, and a text that reads back as a number."""
    assert [three_digits(v) for v in (0.01234, 1.234, 12.34, 123.4, 12345.6, 0)] == [
        "0.0123",
        "1.23",
        "12.3",
        "123",
        "12346",
        "0",
    ]


def test_entries_of_a_group_are_one_for_each_cost() -> None:
    """Whether timed or not."""
    table = cost_table([timing("imdn", 100)], 4, ["imdn", "vdsr"])
    (group,) = table.groups
    assert all(len(entries_of(table, group, model, "", Catalog())) == 6 for model in ("imdn", "vdsr"))
