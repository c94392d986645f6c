"""Published figures: what they hold, where they come from, and which may stand beside a measurement."""

from __future__ import annotations

import csv
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from srbench.errors import IntegrityError
from srbench.protocols import RECIPES
from srbench.report.references import (
    COMPARABLE,
    FIGURES,
    OTHER_PROTOCOLS,
    Reference,
    References,
    load_references,
    parse_references,
    published,
)

ROW = 'model = "RCAN", scale = 2, dataset = "set5", protocol = "classic", psnr_y = 38.20'


def toml(row: str = ROW, *, top: str = "", table: str = "") -> str:
    """A file with one row."""
    return (
        f'title = "T"\nown = ["RCAN"]\n{top}\n[[tables]]\nplace = "p"\n{table}\nresults = [ {{ {row} }} ]\n'
    )


@pytest.fixture(scope="module")
def shipped() -> list[Reference]:
    """All rows that come with srbench."""
    return load_references()


# ------------------------------------------------------------------------------------ the format


def test_a_row_keeps_its_printed_digits() -> None:
    """A figure's trailing zeros are part of what was printed."""
    (row,) = parse_references(toml(), "f.toml")
    assert str(row.figures["psnr_y"]) == "38.20"
    assert (row.source, row.own) == ("T, p", True)


def test_notes_of_table_and_row_are_joined() -> None:
    """A table's note holds for each of its rows, before the row's own."""
    (row,) = parse_references(toml(ROW + ', note = "row"', table='note = "table"'), "f.toml")
    assert row.note == "table; row"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (toml(ROW + ", colour = 1"), "unknown colour"),
        (toml(top="colour = 1"), "unknown colour"),
        (toml(table="colour = 1"), "unknown colour"),
        (toml(ROW.replace("psnr_y", "psnr")), "unknown psnr"),
        (toml(ROW.replace('model = "RCAN", ', "")), "no model"),
        (toml(ROW.replace("classic", "clasic")), "'clasic'"),
        (toml(ROW.replace("38.20", '"38.20"')), "psnr_y"),
        (toml(ROW.replace("38.20", "38")), "psnr_y"),
        (toml(ROW.replace("scale = 2", 'scale = "2"')), "scale"),
        (toml(ROW.replace(", psnr_y = 38.20", "")), "expected a figure"),
        ('title = "T"', "no own, tables"),
        ("[[", "expected TOML"),
    ],
)
def test_what_is_not_a_reference_file_is_refused(text: str, part: str) -> None:
    """An unknown, missing or wrongly typed field, or an unknown protocol, is one line that names the file."""
    with pytest.raises(IntegrityError) as caught:
        parse_references(text, "bad.toml")
    assert part in str(caught.value)
    assert "bad.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------------------------- what is shipped


def test_every_row_has_a_source_a_protocol_and_a_plausible_figure(shipped: list[Reference]) -> None:
    """Sources are named, protocols are known, PSNRs are decibels and the rest lies between 0 and 1."""
    assert len(shipped) > 1600
    for row in shipped:
        assert row.source
        assert row.protocol in {*RECIPES, *OTHER_PROTOCOLS}
        assert row.scale in (2, 3, 4, 8)
        assert row.dataset == row.dataset.lower()
        for name, figure in row.figures.items():
            assert name in FIGURES
            assert (15 < figure < 55) if name.startswith("psnr") else (0 < figure < 1)


def test_a_table_prints_a_model_once(shipped: list[Reference]) -> None:
    """Within one table a model has one row per dataset, scale and protocol."""
    counts = Counter((r.source, r.model, r.dataset, r.scale, r.protocol) for r in shipped)
    assert [key for key, count in counts.items() if count > 1] == []


def test_nothing_recalled_is_a_source(shipped: list[Reference]) -> None:
    """No row rests on memory."""
    assert not [row for row in shipped if "memory" in row.note or "recalled" in row.source]


def test_figures_agree_with_the_raw_material(shared: Path, shipped: list[Reference]) -> None:
    """Every figure of the raw table that has a source is here with the same digits, and nothing else is."""
    with (shared / "published.csv").open(encoding="utf-8") as file:
        raw = [row for row in csv.DictReader(file) if row["notes"] != "memory"]
    expected = Counter(
        (int(r["scale"][1:]), name, Decimal(r[name])) for r in raw for name in FIGURES if r[name]
    )
    own = {"SRCNN (9-1-5)"}
    found = Counter(
        (r.scale, n, figure) for r in shipped if r.model not in own for n, figure in r.figures.items()
    )
    assert found == expected


def test_other_protocols_are_no_recipes() -> None:
    """A name for what srbench does not compute never shadows one of its recipes, and compares nothing."""
    assert not set(OTHER_PROTOCOLS) & set(RECIPES)
    assert not set(OTHER_PROTOCOLS) & set(COMPARABLE)
    assert set(COMPARABLE) == set(RECIPES)


@pytest.mark.parametrize(
    ("model", "dataset", "scale", "protocol", "metric", "figure"),
    [
        ("RCAN", "set5", 2, "classic", "psnr_y", "38.27"),
        ("RCAN", "set5", 4, "classic", "ssim_y", "0.9002"),
        ("RDN", "set5", 3, "classic", "psnr_y", "34.71"),
        ("Bicubic", "set5", 4, "vdsr", "psnr_y", "28.42"),
        ("Bicubic", "set14", 4, "vdsr", "psnr_y", "26.00"),
        ("Bicubic", "bsd100", 2, "vdsr", "ssim_y", "0.8431"),
        ("Bicubic", "vid4", 4, "video", "psnr_y", "23.78"),
        ("VDSR", "set5", 2, "vdsr", "ssim_y", "0.9587"),
        ("BasicVSR", "vid4", 4, "video", "psnr_y", "27.24"),
        ("EDSR-baseline", "set5", 2, "rgb", "psnr_rgb", "35.7768"),
        ("SRCNN (9-1-5)", "set5", 3, "unstated", "psnr_y", "32.39"),
    ],
)
def test_well_known_figures(
    model: str, dataset: str, scale: int, protocol: str, metric: str, figure: str
) -> None:
    """Figures everyone knows are found under the protocol that reproduces them."""
    row = published(model, dataset, scale, protocol)
    assert row is not None
    assert str(row.figures[metric]) == figure


@pytest.mark.parametrize("model", ["SRCNN", "FSRCNN", "LapSRN", "DRRN", "MemNet", "DRCN", "ESPCN", "DCSCN"])
def test_older_networks_are_under_their_own_pipeline(model: str, shipped: list[Reference]) -> None:
    """What later tables quote of networks before EDSR is never compared with a measurement."""
    rows = [row for row in shipped if row.model == model]
    assert rows
    assert {row.protocol for row in rows} <= set(OTHER_PROTOCOLS)


def test_blurred_and_noisy_rows_are_apart(shipped: list[Reference]) -> None:
    """Rows of other degradations are under protocols that are not compared with bicubic ones."""
    assert published("RDN", "set5", 3, "bd") is not None
    assert not [
        row for row in shipped if row.protocol == "classic" and ("BD" in row.note or "DN" in row.note)
    ]
    assert {r.protocol for r in shipped if r.dataset == "udm10"} == {"video-bd"}


def test_flagged_misprints_are_kept(shipped: list[Reference]) -> None:
    """A figure that looks like a misprint stays as printed, with its note."""
    (row,) = [r for r in shipped if r.model == "VDSR" and "0.0726" in r.note]
    assert row.figures["ssim_y"] == Decimal("0.0726")


def test_only_proven_quantities_are_comparable() -> None:
    """SSIM over RGB, which toolkits average differently, is shown but not compared; PSNR is."""
    row = published("MSRResNet(001)", "set5", 4, "rgb")
    assert row is not None
    assert row.comparable("psnr_rgb") == row.figures["psnr_rgb"]
    assert row.comparable("ssim_rgb") is None


# -------------------------------------------------------------------------------------- choosing


def reference(figure: str, *, protocol: str = "classic", own: bool = False, source: str = "s") -> Reference:
    """A row of one model."""
    return Reference("M", 2, "set5", protocol, {"psnr_y": Decimal(figure)}, source, own)


def test_a_protocol_must_match_exactly() -> None:
    """A figure of another protocol, dataset, scale or model is not the published one."""
    rows = References([reference("30.00", protocol="vdsr")])
    assert rows.published("M", "set5", 2, "classic") is None
    assert rows.published("M", "set5[2]", 2, "vdsr") is None
    assert rows.published("M", "set5", 3, "vdsr") is None
    assert rows.published("m", "set5", 2, "vdsr") is None
    assert rows.published("M", "set5", 2, "vdsr") is not None


def test_the_model_s_own_paper_comes_first() -> None:
    """Of different figures the model's own source wins over any number of others."""
    rows = References([reference("31.00"), reference("31.00"), reference("30.00", own=True)])
    row = rows.published("M", "set5", 2, "classic")
    assert row is not None
    assert row.figures["psnr_y"] == Decimal("30.00")


def test_else_the_most_common_figure_comes_first() -> None:
    """Without an own source the figure most sources print wins, the earliest on a tie; alternatives stay."""
    rows = References([reference("31.00"), reference("30.00"), reference("30.00"), reference("29.00")])
    assert [str(r.figures["psnr_y"]) for r in rows.candidates("M", "set5", 2)] == [
        "30.00",
        "30.00",
        "31.00",
        "29.00",
    ]


def test_a_figure_of_another_protocol_is_second_choice() -> None:
    """To show, a figure under the measured protocol is preferred; else any other, which says so itself."""
    rows = References([reference("31.00", protocol="vdsr", own=True), reference("30.00")])
    assert rows.figure("M", "set5", 2, "psnr_y", "classic") == reference("30.00")
    assert rows.figure("M", "set5", 2, "psnr_y", "rgb") == reference("31.00", protocol="vdsr", own=True)
    assert rows.figure("M", "set5", 2, "lpips", "classic") is None
