"""Boards as data: what may stand in one column, who is ranked, and what is said about a number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbench import registry
from srbench.protocols import get_protocol
from srbench.report.catalog import Catalog, installed
from srbench.report.entries import DASH, Entry, Published
from srbench.report.plain import plain
from srbench.report.references import Reference, References
from srbench.report.views import Board, boards, summary
from srbench.store.aggregate import gather
from srbench.types import Cell, MetricInfo, Record, Score, Status

METRICS = {
    "psnr_y": MetricInfo("psnr_y", "PSNR-Y", "dB", "higher", 2, "y", True, ""),
    "ssim_y": MetricInfo("ssim_y", "SSIM-Y", "", "higher", 4, "y", True, ""),
    "lpips": MetricInfo("lpips", "LPIPS", "", "lower", 4, "rgb", False, ""),
}
CATALOG = Catalog(METRICS)


def cell(model: str = "rcan", dataset: str = "set5", scale: int = 2, protocol: str = "classic") -> Cell:
    """A cell under a named protocol."""
    signature = get_protocol(protocol, scale).signature
    return Cell(model, dataset, scale, protocol, signature, "torch|float32|cpu|whole", f"pixels of {dataset}")


def scored(
    where: Cell, values: Iterable[float], metric: str = "psnr_y", version: int = 1, items: int = 0
) -> list[Record]:
    """A record for each value; all of the cell's items unless `items` says there are more."""
    found = list(values)
    return [
        Record(
            where,
            f"i{i}",
            items or len(found),
            Status.DONE,
            scores={metric: Score(f"{metric}|{version}", "k", (v,))},
        )
        for i, v in enumerate(found)
    ]


def stand(where: Cell, status: Status, reason: str) -> list[Record]:
    """A record of a whole cell."""
    return [Record(where, "", 2, status, reason)]


def view(*records: list[Record], catalog: Catalog = CATALOG) -> list[Board]:
    """The boards of these records."""
    return boards(gather([record for some in records for record in some]), catalog)


def board(*records: list[Record], catalog: Catalog = CATALOG) -> Board:
    """Their only board."""
    (found,) = view(*records, catalog=catalog)
    return found


def entry(found: Board, model: str, column: int = 0) -> Entry:
    """The entry of a model."""
    (row,) = [row for row in found.rows if row.model == model]
    return row.entries[column]


# --------------------------------------------------------------------- what may stand side by side


def test_one_board_per_protocol_signature() -> None:
    """Scales and protocols have boards of their own, in the order of protocols and scales."""
    places = [("vdsr", 2), ("classic", 4), ("classic", 2)]
    found = view(*(scored(cell(scale=s, protocol=p), [30.0]) for p, s in places))
    assert [b.name for b in found] == ["classic x2", "classic x4", "vdsr x2"]
    assert [b.signature for b in found] == [get_protocol(p, s).signature for p, s in sorted(places)]


def test_a_protocol_with_another_flavour_is_another_board() -> None:
    """A replaced field gives another signature, so a board that names it; the protocol's own comes first."""
    others = [
        get_protocol("classic", 2, flavour="matlab-replicate-u8"),
        get_protocol("classic", 2, gray="y", border=0),
    ]
    cells = [*(replace(cell(), signature=other.signature) for other in others), cell()]
    found = view(*(scored(one, [30.0]) for one in cells))
    assert len({b.signature for b in found}) == 3
    assert [b.name for b in found] == [
        "classic x2",
        "classic x2, bi:matlab-replicate-u8",
        "classic x2, gray:y, border:0",
    ]


def test_boards_of_one_name_are_numbered() -> None:
    """Signatures of a protocol nobody knows any more can't be told apart by name."""
    cells = [replace(cell(), protocol="gone", signature=text) for text in ("a", "b")]
    assert [b.name for b in view(*(scored(one, [30.0]) for one in cells))] == ["gone x2", "gone x2 (2)"]


def test_two_metric_signatures_are_two_columns() -> None:
    """Scores under two versions of a metric never share a column; where one is missing there is a dash."""
    found = board(scored(cell("a"), [30.0], version=1), scored(cell("b"), [40.0], version=2))
    assert [c.signature for c in found.columns] == ["psnr_y|1", "psnr_y|2"]
    assert [e.text for e in found.rows[0].entries] == ["30.00", DASH]
    assert entry(found, "a", 1).reason == "not computed under this signature"


def test_two_digests_of_pixels_are_two_columns() -> None:
    """A set with other pixels, and a part of a set, are groups of their own and share no ranking."""
    other = replace(cell("b"), pixels="others")
    part = cell("c", "set5[2]")
    found = board(scored(cell("a"), [30.0]), scored(other, [40.0]), scored(part, [50.0]))
    assert [(g.dataset, g.pixels) for g in found.groups] == [
        ("set5", "others"), ("set5", "pixels of set5"), ("set5[2]", "pixels of set5[2]")
    ]  # fmt: skip
    assert not [e for row in found.rows for e in row.entries if e.mark]
    assert [c.first for c in found.columns] == [True, True, True]


def test_two_inferences_are_two_rows() -> None:
    """One model at two precisions is two rows that say which."""
    half = replace(cell(), inference="torch|float16|cuda|whole")
    found = board(scored(cell(), [30.0]), scored(half, [29.0]))
    assert [(r.model, r.inference) for r in found.rows] == [
        ("rcan", "torch|float32|cpu|whole"), ("rcan", "torch|float16|cuda|whole")
    ]  # fmt: skip


def test_a_skip_without_an_inference_joins_the_model_s_rows() -> None:
    """A cell skipped before its inference was known makes no second row of its model, and hides no number."""
    half = replace(cell(), inference="torch|float16|cuda|whole")
    early = stand(replace(cell(dataset="set14"), inference=""), Status.SKIPPED, "not fetched")
    again = stand(replace(cell(), inference=""), Status.SKIPPED, "no weights")
    found = board(scored(cell(), [30.0]), scored(half, [29.0]), early, again)
    assert [[e.text for e in row.entries] for row in found.rows] == [["30.00", DASH], ["29.00", DASH]]
    assert {row.entries[1].reason for row in found.rows} == {"skipped: not fetched"}
    assert [(r.model, r.inference) for r in board(early).rows] == [("rcan", "")]


def test_columns_stand_in_the_field_s_order() -> None:
    """Datasets are ordered as in papers, metrics as in the catalogue, strangers after them."""
    where = [cell(dataset=d) for d in ("zebra", "urban100[24]", "set14", "set5")]
    found = board(*(scored(w, [0.5], m) for w in where for m in ("strange", "lpips", "psnr_y")))
    assert [g.dataset for g in found.groups] == ["set5", "set14", "urban100[24]", "zebra"]
    assert [c.metric for c in found.columns[:3]] == ["psnr_y", "lpips", "strange"]
    assert [g.columns for g in found.groups] == [3, 3, 3, 3]
    assert [c.first for c in found.columns[:4]] == [True, False, False, True]


# ------------------------------------------------------------------------------------------ ranking


def test_rows_are_sorted_by_the_first_column() -> None:
    """The best of the first quality column is on top, incomplete results after the ranked, dashes last."""
    found = board(
        scored(cell("part"), [99.0], items=2),
        stand(cell("skipped"), Status.SKIPPED, "why"),
        scored(cell("low"), [30.0, 30.0]),
        scored(cell("high"), [31.0, 31.0]),
    )
    assert [row.model for row in found.rows] == ["high", "low", "part", "skipped"]


def test_best_and_second_follow_the_metric_s_direction() -> None:
    """Of PSNR the highest is best, of LPIPS the lowest."""
    for metric, best, second in (("psnr_y", "c", "b"), ("lpips", "a", "b")):
        found = board(*(scored(cell(m), [v], metric) for m, v in (("a", 0.1), ("b", 0.2), ("c", 0.3))))
        assert entry(found, best).mark == "best"
        assert entry(found, second).mark == "second"
        assert found.rows[0].model == best


def test_ties_share_a_mark() -> None:
    """Models that the digits shown can't tell apart share their mark; the next is third, not second."""
    found = board(
        *(scored(cell(m), [v]) for m, v in (("a", 30.001), ("b", 30.002), ("c", 29.0), ("d", 28.0)))
    )
    assert [entry(found, m).mark for m in "abcd"] == ["best", "best", "", ""]


def test_a_model_without_a_title_goes_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty, or blank."""
    entry = registry.models()["bicubic"]
    for title in ("", "  "):
        untitled = replace(entry, info=replace(entry.info, title=title))
        monkeypatch.setattr(registry, "models", lambda untitled=untitled: {"bicubic": untitled})
        assert installed().titles == {"bicubic": "bicubic"}


def test_nobody_is_best_alone() -> None:
    """A mark needs somebody to be better than."""
    assert entry(board(scored(cell("a"), [30.0])), "a").mark == ""
    assert {
        e.mark for r in board(scored(cell("a"), [30.0]), scored(cell("b"), [30.0])).rows for e in r.entries
    } == {""}
    two = board(scored(cell("a"), [30.0]), scored(cell("b"), [31.0]))
    assert (entry(two, "b").mark, entry(two, "a").mark) == ("best", "")


def test_partial_results_are_shown_and_never_ranked() -> None:
    """A cell with some of its items shows its mean, says k of n, and has no mark, however good it is."""
    found = board(scored(cell("part"), [99.0], items=2), scored(cell("b"), [30.0]), scored(cell("c"), [31.0]))
    part = entry(found, "part")
    assert (part.text, part.mark, part.status, part.n, part.expected) == ("99.00", "", "partial", 1, 2)
    assert part.reason == "partial: 1 of 2 items, not ranked"
    assert entry(found, "c").mark == "best"


def test_a_metric_with_missing_values_is_not_ranked() -> None:
    """A mean over some of a done cell's items says so and has no mark."""
    some = scored(cell("some"), [99.0, 99.0])
    some[1] = replace(some[1], scores={"psnr_y": Score("psnr_y|1", "k", (), "too small")})
    found = board(some, scored(cell("b"), [30.0, 30.0]), scored(cell("c"), [31.0, 31.0]))
    assert (entry(found, "some").text, entry(found, "some").mark) == ("99.00", "")
    assert entry(found, "some").reason == "1 of 2 items; too small"


def test_an_unknown_metric_is_shown_and_not_ranked() -> None:
    """Of a metric nobody describes it is not known which way is better."""
    found = board(scored(cell("a"), [0.12345], "strange"), scored(cell("b"), [0.2], "strange"))
    assert (entry(found, "a").text, entry(found, "a").mark, entry(found, "b").mark) == ("0.1235", "", "")


# ---------------------------------------------------------------------------------- what is no number


def test_infinities_are_counted_in_sight() -> None:
    """A mean that left infinite values out says so and is not ranked; one of nothing else is inf."""
    found = board(
        scored(cell("some"), [math.inf, 30.0]),
        scored(cell("all"), [math.inf, math.inf]),
        scored(cell("none"), [40.0, 40.0]),
    )
    assert (entry(found, "some").text, entry(found, "some").n_inf, entry(found, "some").mark) == (
        "30.00",
        1,
        "",
    )
    assert "1 infinite of 2 values left out of the mean" in entry(found, "some").reason
    assert (entry(found, "all").text, entry(found, "all").mark, entry(found, "all").reason) == (
        "inf",
        "best",
        "",
    )


def test_nan_is_shown_and_not_ranked() -> None:
    """A mean that is not a number is nan, says where, and is never best."""
    found = board(
        scored(cell("a"), [math.nan, 1.0]), scored(cell("b"), [2.0, 2.0]), scored(cell("c"), [3.0, 3.0])
    )
    assert (entry(found, "a").text, entry(found, "a").mark, entry(found, "a").reason) == (
        "nan",
        "",
        "not a number in i0",
    )
    assert found.rows[-1].model == "a"


def test_a_skip_is_a_dash_with_its_reason() -> None:
    """A skipped cell keeps its row, with a dash and why."""
    found = board(scored(cell("a"), [30.0]), stand(cell("b"), Status.SKIPPED, "no weights"))
    assert entry(found, "b") == Entry(
        DASH, expected=2, status="skipped", reason="skipped: no weights", notes=(1,)
    )
    assert found.notes == ("skipped: no weights",)


@pytest.mark.parametrize("status", [Status.FAILED, Status.OOM, Status.TIMEOUT])
def test_a_failure_stays_visible(status: Status) -> None:
    """A failed cell is a dash that says so, also beside earlier items of its own."""
    found = board(scored(cell("a"), [30.0]), stand(cell("b"), status, "boom"))
    assert (entry(found, "b").status, entry(found, "b").reason) == (status.value, f"{status.value}: boom")
    found = board(scored(cell("a"), [30.0], items=2), stand(cell("a"), status, "boom"))
    assert entry(found, "a").reason == f"{status.value}: 1 of 2 items; boom, not ranked"


def test_an_absent_metric_is_a_dash_with_its_reason() -> None:
    """A metric that can't be had here has its column, of dashes with the reason."""
    one = scored(cell(), [30.0])
    one[0] = replace(one[0], scores={**one[0].scores, "lpips": Score("lpips|1", "", (), "no network")})
    found = board(one)
    assert [(e.text, e.status, e.reason) for e in found.rows[0].entries] == [
        ("30.00", "done", ""), (DASH, "absent", "no network")
    ]  # fmt: skip


def test_a_cell_nobody_ran_is_a_dash() -> None:
    """Where a model was not run on a dataset the entry says not run."""
    found = board(scored(cell("a"), [30.0]), scored(cell("b", "set14"), [30.0]))
    assert (entry(found, "a", 1).text, entry(found, "a", 1).reason) == (DASH, "not run")


def test_a_dataset_without_any_number_has_a_column() -> None:
    """A set on which everything was skipped keeps one column of dashes."""
    found = board(scored(cell("a"), [30.0]), stand(cell("a", "urban100"), Status.SKIPPED, "not fetched"))
    assert [(c.dataset, c.metric) for c in found.columns] == [("set5", "psnr_y"), ("urban100", "")]
    assert entry(found, "a", 1).reason == "skipped: not fetched"


def test_a_set_that_was_once_missing_leaves_no_trace() -> None:
    """Cells written when a set had no items are left out once it has some, and shown until then."""
    missing = stand(cell("a", "set5[0]"), Status.SKIPPED, "not fetched")
    assert [g.dataset for g in board(missing).groups] == ["set5[0]"]
    assert [g.dataset for g in board(missing, scored(cell("a"), [30.0])).groups] == ["set5"]


def test_notes_are_numbered_in_reading_order() -> None:
    """Each reason is one note of its board, numbered from 1, and every entry that needs it points at it."""
    found = board(
        scored(cell("a"), [30.0]),
        scored(cell("a", "set14"), [30.0], items=2),
        stand(cell("b"), Status.SKIPPED, "why"),
        stand(cell("b", "set14"), Status.SKIPPED, "why"),
    )
    assert found.notes == ("partial: 1 of 2 items, not ranked", "skipped: why")
    assert [e.notes for e in found.rows[0].entries] == [(), (1,)]
    assert [e.notes for e in found.rows[1].entries] == [(2,), (2,)]


def test_cells_are_counted_by_outcome() -> None:
    """The summary counts cells by status, leaving out what does not occur."""
    records = [
        *scored(cell("a"), [1.0]),
        *stand(cell("b"), Status.SKIPPED, ""),
        *stand(cell("c"), Status.SKIPPED, ""),
    ]
    assert summary(gather(records)) == {"done": 1, "skipped": 2}


# ------------------------------------------------------------------------------ published figures


def catalog(*rows: Reference) -> Catalog:
    """A catalogue that knows `rcan` as RCAN, and these published rows."""
    return Catalog(METRICS, {"rcan": "RCAN (title)"}, {"rcan": "RCAN"}, References(rows))


def row(figure: str, protocol: str = "classic", metric: str = "psnr_y") -> Reference:
    """A published row of RCAN."""
    return Reference("RCAN", 2, "set5", protocol, {metric: Decimal(figure)}, "paper", note="as printed")


@pytest.mark.parametrize(
    ("measured", "difference", "remark"),
    [
        (38.2749, "0.00", "±0.00"),
        (38.29, "+0.02", "+0.02"),
        (38.0, "-0.27", "-0.27"),
        (38.266, "0.00", "±0.00"),
    ],
)
def test_the_difference_has_the_digits_that_were_printed(
    measured: float, difference: str, remark: str
) -> None:
    """Measured minus published is rounded to the digits of the published figure, and signed."""
    found = entry(board(scored(cell(), [measured]), catalog=catalog(row("38.27"))), "rcan")
    assert found.published == Published("38.27", "classic", "paper (as printed)", difference, other=False)
    assert found.published.remark == remark


def test_a_model_s_title_is_shown() -> None:
    """A row is headed by the model's title, and keeps its name."""
    found = board(scored(cell(), [38.0]), catalog=catalog())
    assert (found.rows[0].title, found.rows[0].model) == ("RCAN (title)", "rcan")


def test_another_protocol_s_figure_has_no_difference() -> None:
    """A figure published under another protocol is shown with that protocol's name, and never subtracted."""
    found = entry(board(scored(cell(), [38.0]), catalog=catalog(row("38.27", "unstated"))), "rcan")
    assert found.published is not None
    assert (found.published.difference, found.published.remark) == ("", "unstated")


def test_a_replaced_flavour_has_no_difference() -> None:
    """Under a protocol of the same name but another signature nothing is subtracted."""
    other = replace(cell(), signature=get_protocol("classic", 2, flavour="matlab-replicate-u8").signature)
    found = entry(board(scored(other, [38.0]), catalog=catalog(row("38.27"))), "rcan")
    assert found.published is not None
    assert (found.published.difference, found.published.other) == ("", True)


def test_an_incomplete_result_has_no_difference() -> None:
    """A mean over a part of the items, or without its infinite values, is not compared."""
    for records in (
        scored(cell(), [38.0], items=2),
        scored(cell(), [38.0, math.inf]),
        scored(cell(), [math.inf]),
    ):
        found = entry(board(records, catalog=catalog(row("38.27"))), "rcan")
        assert found.published is not None
        assert (found.published.difference, found.published.remark) == ("", "not compared")


def test_a_part_of_a_set_has_no_published_figure() -> None:
    """What was printed for a whole set does not stand beside a part of it."""
    found = entry(board(scored(cell(dataset="set5[2]"), [38.0]), catalog=catalog(row("38.27"))), "rcan")
    assert found.published is None


def test_a_quantity_toolkits_define_differently_has_no_difference() -> None:
    """SSIM over RGB is shown beside, and not subtracted."""
    records = scored(cell(protocol="rgb"), [0.9], "ssim_rgb")
    found = entry(board(records, catalog=catalog(row("0.9442", "rgb", "ssim_rgb"))), "rcan")
    assert found.published is not None
    assert found.published.difference == ""


def test_a_model_without_a_published_name_has_no_figure() -> None:
    """Only a model that says under which name it was published is compared."""
    assert (
        entry(board(scored(cell("other"), [38.0]), catalog=catalog(row("38.27"))), "other").published is None
    )


# ----------------------------------------------------------------------------------- hostile text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain | text", "plain | text"),
        ("naïve 模型 🚀 👩‍🔬", "naïve 模型 🚀 👩‍🔬"),
        ("a\nb\tc\x1b[31m", "a\\u000ab\\u0009c\\u001b[31m"),
        ("abc\u202edcb", "abc\\u202edcb"),
        ("\ud800", "\\ud800"),
        ("\u2028", "\\u2028"),
    ],
)
def test_text_from_outside_becomes_visible(text: str, shown: str) -> None:
    """Controls, line breaks, direction marks and lone surrogates are spelled out; other scripts stay."""
    assert plain(text) == shown


@given(st.text(st.characters()))
def test_plain_text_is_one_harmless_line(text: str) -> None:
    """Whatever comes in, the text is one printable line that can be written as UTF-8, and stays as it is."""
    shown = plain(text)
    shown.encode("utf-8")
    assert len(shown.splitlines()) <= 1
    assert "\x1b" not in shown
    assert plain(shown) == shown


def test_names_in_a_board_are_plain() -> None:
    """No text that a board shows can hold a control character; keys, for look-ups, may."""
    bad = "x\x1b[2J\u202e"
    where = Cell(bad, bad, 2, bad, bad, bad, bad)
    found = board(scored(where, [1.0], bad), stand(replace(where, model="b"), Status.SKIPPED, bad))
    texts = list(strings(asdict(found)))
    assert any("\\u001b[2J\\u202e" in text for text in texts)
    assert not [text for text in texts if "\x1b" in text or "\u202e" in text]


def strings(value: object) -> Iterator[str]:
    """Every text in nested data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for name, inner in value.items() if name != "key" for text in strings(inner))
    elif isinstance(value, (list, tuple)):
        yield from (text for inner in value for text in strings(inner))
