"""Plots: what they show as plain data, and that the drawing says the same, safely and readably."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbench.report.load import load_report
from srbench.report.plots import rows, scatter, svg
from srbench.report.plots.choose import MOST_POINTS, Chosen, board_plots, cells_of, model_plots
from srbench.report.plots.contribute import draw
from srbench.report.plots.data import Axis, Plot, Point, Ranks, Scatter, Strips
from srbench.report.plots.labels import placed, text_width
from srbench.report.plots.scales import scale_for, tick_text
from srbench.report.write import write_report

if TYPE_CHECKING:
    from tests.conftest import Ladder

MS = Axis("Latency", "ms", "lower", log=True)
DB = Axis("PSNR-Y", "dB", "higher", decimals=2)
LPIPS = Axis("LPIPS", "", "lower", decimals=4)
HOSTILE = [
    '"><script>alert(1)</script>',
    "a & b ' \" ]]>",
    "模型 🚀",
    "x" * 300,
    "</svg><img src=x onerror=a()>",
]


def plane(*points: tuple[float, float], x: Axis = MS, y: Axis = DB) -> Scatter:
    """A scatter of these points, named by their places."""
    named = tuple(Point(f"m{i}", *point) for i, point in enumerate(points))
    return Scatter("title", "conditions", x, y, named, ("",))


def chosen(folder: Path) -> dict[str, Plot]:
    """The plots of a result set's only board, by kind."""
    report = load_report(folder)
    (board,) = report.boards
    return {one.kind: one.plot for one in board_plots(board, report, cells_of(report))}


def parsed(text: str) -> ElementTree.Element:
    """Markup that srbench wrote."""
    return ElementTree.fromstring(text)  # noqa: S314


# --------------------------------------------------------------------------------------- the front


def test_the_front_is_who_is_not_beaten_in_both() -> None:
    """Faster or better than all others; of two at one place both are, of two as good the faster one."""
    plot = plane((1, 30), (2, 29), (3, 31), (3, 31), (4, 31), (5, 32), (9, 31.5))
    assert plot.front == (0, 2, 3, 5)


def test_the_front_follows_the_axes_directions() -> None:
    """High PSNR and low LPIPS are better: the front runs from the best PSNR to the best LPIPS."""
    plot = plane((30, 0.3), (28, 0.1), (27, 0.2), (30, 0.4), x=DB, y=LPIPS)
    assert plot.front == (0, 1)


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=12))
def test_the_front_is_pareto_s(points: list[tuple[int, int]]) -> None:
    """The definition, point by point, for any points with ties."""
    plot = plane(*points)

    def beaten(i: int) -> bool:
        x, y = points[i]
        return any(px <= x and py >= y and (px, py) != (x, y) for px, py in points)

    assert sorted(plot.front) == [i for i in range(len(points)) if not beaten(i)]


def test_what_is_not_ranked_is_not_on_the_front() -> None:
    """A time that was taken while something else worked is drawn hollow, and beats nobody."""
    plot = Scatter(
        "t", "c", MS, DB, (Point("a", 1, 30, remark="busy", ranked=False), Point("b", 2, 29)), ("",)
    )
    assert plot.front == (1,)
    assert "open" in scatter.draw(plot, "s")
    assert plot.table[1] == (("a", "1.00", "30.00", "", "busy"), ("b", "2.00", "29.00", "yes", ""))
    assert plot.description == "2 models. Not beaten in both: b (2.00 ms, 29.00 dB)."


# ------------------------------------------------------------------------------ what a board gives


def test_a_board_gives_its_plots_with_machine_and_size(ladder: Ladder) -> None:
    """Latency, parameters, MACs, the plane, images and ranks; each says under what it was measured."""
    plots = chosen(ladder())
    assert list(plots) == ["latency", "params", "macs", "plane", "images", "ranks"]
    latency = plots["latency"]
    assert isinstance(latency, Scatter)
    assert latency.title == "PSNR-Y on set16 against latency"
    assert latency.conditions.startswith(
        "at 720p, LR 180x320 (HxW): cpu:2, float32, torch 2.9.1, AMD EPYC, 2 cores; "
    )
    assert "x4|bi:matlab-symmetric-u8|" in latency.conditions
    assert [latency.points[i].name for i in latency.front] == [
        "Nearest neighbour",
        "Bicubic",
        "CARN-M",
        "IMDN",
    ]
    assert [(name, why) for name, why in latency.left_out if "EDSR" in name] == [
        ("EDSR-style, 8 blocks of 16, trained by srbench", "not timed")
    ]
    assert plots["macs"].conditions.startswith("one frame, at 720p, LR 180x320 (HxW); ")


def test_perception_and_distortion_have_a_front_of_their_own(ladder: Ladder) -> None:
    """From the best PSNR to the best LPIPS; the arrow points to the lower right."""
    plot = chosen(ladder())["plane"]
    assert isinstance(plot, Scatter)
    assert [plot.points[i].name for i in plot.front] == ["IMDN", "SRGAN, retrained by krasserm"]
    assert (plot.x.direction, plot.y.direction) == ("higher", "lower")
    assert re.search(r'class="better".*>better<', scatter.draw(plot, "s"))


def test_images_are_shown_minus_the_baseline_s(ladder: Ladder) -> None:
    """Each image's difference to bicubic, which itself is no row; best models first."""
    plot = chosen(ladder())["images"]
    assert isinstance(plot, Strips)
    assert plot.baseline == "Bicubic"
    assert plot.axis.label == "PSNR-Y minus Bicubic's, dB"
    names = [row.name for row in plot.rows]
    assert names[0] == "IMDN"
    assert "Bicubic" not in names
    differences = dict(plot.rows[0].values)
    # 28.6 - 26.0, and the steps of image 5 that models at places 5 and 1 have of their own (0.4 dB / 8).
    assert differences["image05"] == pytest.approx(2.6 + 0.4 * ((25 + 15) % 8 - (25 + 3) % 8) / 8)


def test_without_the_baseline_the_values_themselves_are_shown(ladder: Ladder) -> None:
    """No sign, no zero line."""
    rungs = {name: rung for name, rung in ladder.rungs.items() if name != "bicubic"}
    plot = chosen(ladder(rungs))["images"]
    assert isinstance(plot, Strips)
    assert (plot.baseline, plot.axis.signed) == ("", False)
    assert 'class="zero"' not in rows.draw_strips(plot, "s")


def test_ranks_are_intervals_and_need_fourteen_images(ladder: Ladder) -> None:
    """Those of srbench.stats; a set of thirteen gives no such plot."""
    plot = chosen(ladder())["ranks"]
    assert isinstance(plot, Ranks)
    found = {row.name.partition(",")[0]: (row.best, row.worst) for row in plot.rows}
    # Two models of one mean, whose images go up and down, are tied; what lies 2 dB away is not.
    assert found["VDSR"] == found["EDSR-style"] == (4, 5)
    assert (found["IMDN"], found["Nearest neighbour"]) == ((1, 1), (8, 8))
    assert "ranks" not in chosen(ladder(images=13, folder="few"))


def test_of_many_models_the_front_and_the_best_are_drawn(ladder: Ladder) -> None:
    """The plot says how many there are; every point of the front is kept."""
    rung = type(ladder.rungs["imdn"])
    many = {f"m{i}": rung(20 + i % 97 / 10, 0.3, 1.0 + i, 1000) for i in range(MOST_POINTS + 40)}
    plot = chosen(ladder(many, images=1))["latency"]
    assert isinstance(plot, Scatter)
    assert len(plot.points) == MOST_POINTS
    assert plot.conditions.endswith("; 200 of 240 models: the front, and the best")
    assert "m0" in {point.name for point in plot.points}  # the fastest, and the worst of all


def test_models_of_one_title_are_told_apart(ladder: Ladder) -> None:
    """By their names."""
    rung = ladder.rungs["imdn"]
    plot = chosen(ladder({"imdn": rung, "imdn+": rung, "folder:IMDN": rung}, images=1))["latency"]
    assert isinstance(plot, Scatter)
    assert len({point.name for point in plot.points}) == 3


def test_a_model_s_plot_is_of_its_images_on_all_boards(ladder: Ladder) -> None:
    """One row a dataset and board; the baseline has none."""
    report = load_report(ladder())
    plots = dict(model_plots(report, cells_of(report)))
    assert "bicubic" not in plots
    assert [row.name for row in plots["imdn"].rows] == ["set16, classic x4"]
    assert plots["imdn"].axis.signed


# ------------------------------------------------------------------------------------ the drawing


def drawings() -> Sequence[tuple[str, Plot]]:
    """A plot of each kind, its texts hostile."""
    from srbench.report.plots.data import Ranked, Strip

    names = HOSTILE
    points = tuple(Point(name, 10.0**i, 28.0 + i, name, name) for i, name in enumerate(names))
    strips = tuple(Strip(name, name, ((name, 1.0), ("b", 2.0))) for name in names)
    ranked = tuple(Ranked(name, name, 30.0, 1, 3) for name in names)
    series, first = tuple(names), names[0]
    return [
        ("scatter", Scatter(first, first, Axis(first, first, "lower", True), DB, points, series)),
        ("strips", Strips(first, first, Axis(first, first), strips, series, first)),
        ("ranks", Ranks(first, first, DB, ranked, series)),
    ]


@pytest.mark.parametrize(
    ("kind", "plot"), drawings(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_hostile_texts_are_texts_in_the_drawing(kind: str, plot: Plot) -> None:
    """In a page and as a file: well-formed, no element but SVG's, no handler, every name there as text."""
    picture = draw(plot, "slug")
    alone = svg.standalone(picture, plot.title, plot.conditions, list(enumerate(plot.series)))
    for text in (picture, alone):
        root = parsed(text)
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert tags <= {"svg", "title", "desc", "g", "path", "rect", "text", "style"}
        assert not [key for element in root.iter() for key in element.keys() if key.startswith("on")]  # noqa: SIM118
        said = "".join(root.itertext())
        assert all(name in said for name in HOSTILE), kind
    assert "var(" not in alone
    assert "style=" not in picture


@pytest.mark.parametrize(
    ("kind", "plot"), drawings(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_picture_says_what_it_is(kind: str, plot: Plot) -> None:
    """role, title and description, by ids that are the slug's own; coordinates to a tenth."""
    root = parsed(draw(plot, "slug"))
    assert root.get("role") == "img", kind
    ids = {element.get("id"): element.text for element in root.iter() if element.get("id")}
    assert ids[root.get("aria-labelledby")] == plot.title
    assert ids[root.get("aria-describedby")] == plot.description
    assert not re.search(r"\d\.\d\d", " ".join(e.get("d", "") + e.get("x", "") for e in root.iter()))


@given(
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 380)), min_size=1, max_size=40),
    st.sampled_from(["m", "a long name of a model", "模型模型"]),
)
def test_labels_never_overlap(centres: list[tuple[int, int]], name: str) -> None:
    """Neither marks, nor each other, nor the edge."""
    found = placed(centres, [name] * len(centres), (-10, -10, 620, 400))
    boxes = [_box(label.x, label.y, label.anchor, label.text) for label in found]
    marks = [(x - 5, y - 5, x + 5, y + 5) for x, y in centres]
    for first, second in [*combinations(boxes, 2), *((b, m) for b in boxes for m in marks)]:
        apart_x = first[0] >= second[2] or second[0] >= first[2]
        assert apart_x or first[1] >= second[3] or second[1] >= first[3]
    assert all(b[0] >= -10 and b[2] <= 620 and b[1] >= -10 and b[3] <= 400 for b in boxes)


def _box(x: float, y: float, anchor: str, text: str) -> tuple[float, float, float, float]:
    width = text_width(text)
    left = {"start": x, "end": x - width, "middle": x - width / 2}[anchor]
    return left + 0.1, y - 9.7, left + width - 0.1, y + 1


def test_a_lonely_point_is_named() -> None:
    """To its right."""
    (label,) = placed([(100, 100)], ["IMDN"], (0, 0, 700, 400))
    assert (label.text, label.anchor, label.x) == ("IMDN", "start", 108.0)


@pytest.mark.parametrize("log", [False, True])
@given(st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=9))
def test_scales_hold_all_values_and_ticks(log: bool, values: list[float]) -> None:
    """Values and ticks stand between the ends, in order; ticks are few, and there are some."""
    scale = scale_for(values, 64, 704, log)
    places = [scale(value) for value in sorted(values)]
    assert places == sorted(places)
    assert all(64 <= place <= 704 for place in places)
    ticks = scale.ticks
    assert 1 <= len(ticks) <= 12
    assert all(63.9 <= scale(tick) <= 704.1 for tick in ticks)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.05, "0.05"), (32.5, "32.5"), (2000, "2,000"), (1e6, "1,000,000"), (-2, "-2")],
)
def test_ticks_are_written_plainly(value: float, text: str) -> None:
    """Without a superfluous digit, and without exponents."""
    assert tick_text(value) == text


@pytest.mark.parametrize("values", [(27.5601, 27.5604), (1000.01, 1000.04), (-0.00031, 0.00042)])
def test_what_is_written_at_a_tick_is_the_tick(values: tuple[float, float]) -> None:
    """However close the values are."""
    scale = scale_for(values, 0, 100)
    written = [float(tick_text(tick, scale.step).replace(",", "")) for tick in scale.ticks]
    assert written == pytest.approx(scale.ticks, rel=1e-12)
    assert len(set(written)) > 2


# --------------------------------------------------------------------------------------- colours


def linear(colour: str) -> Any:
    """Linear RGB of ``#rrggbb``."""
    values = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2)."""
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


SEEN = {
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
"""Machado, Oliveira and Fernandes, A physiologically-based model (IEEE TVCG 2009), severity 1."""


def lab(rgb: Any) -> Any:
    """CIE L*a*b* (D65) of linear RGB."""
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.asarray(matrix) @ np.clip(rgb, 0, 1) / [0.9505, 1.0, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_stand_out_from_the_page(scheme: str) -> None:
    """Series by 3:1 (WCAG 1.4.11), texts by 4.5:1 (1.4.3)."""
    colours = svg.variables(scheme)
    paper = luminance(colours["--plot-paper"])
    for name, colour in colours.items():
        light, dark = sorted((luminance(colour), paper), reverse=True)
        contrast = (light + 0.05) / (dark + 0.05)
        least = 4.5 if name in ("--plot-ink", "--plot-soft") else 3
        assert contrast >= least or name in ("--plot-paper", "--plot-line"), (name, contrast)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("eyes", [*SEEN, "usual"])
def test_colours_are_told_apart_by_all_eyes(scheme: str, eyes: str) -> None:
    """Any two series differ by 20 (CIE76) or more for dichromats, too; what is just noticed is 2.3."""
    seen = np.asarray(SEEN.get(eyes, np.eye(3)))
    colours = [lab(seen @ linear(svg.variables(scheme)[f"--plot-s{i}"])) for i in range(svg.COLOURS)]
    assert min(math.dist(a, b) for a, b in combinations(colours, 2)) >= 20


def test_series_differ_in_shape_as_well() -> None:
    """Twelve in shape alone, and 72 in colour or shape."""
    looks = [(svg.series_class(i), svg.shape(i)) for i in range(72)]
    assert len(set(looks)) == 72
    assert len({shape for _, shape in looks[:12]}) == 12


# ---------------------------------------------------------------------------------------- the site


def test_the_site_has_every_plot_to_download(ladder: Ladder, tmp_path: Path) -> None:
    """A page for the board, a part of the index, of the set's and of models' pages, and a file each."""
    folder = ladder()
    write_report(folder, tmp_path / "out", ["html"])
    write_report(folder, tmp_path / "again", ["html"])
    kinds = ["images", "latency", "macs", "params", "plane", "ranks"]
    files = sorted((tmp_path / "out" / "plots").glob("*.svg"))
    assert [path.stem for path in files] == [f"classic-x4-set16-{kind}" for kind in kinds]
    for path in files:
        parsed(path.read_text("utf-8"))
        assert path.read_bytes() == (tmp_path / "again" / "plots" / path.name).read_bytes()
    for page in ("index.html", "plots/classic-x4.html", "datasets/set16.html", "models/imdn.html"):
        text = (tmp_path / "out" / page).read_text("utf-8")
        assert 'role="img"' in text, page
        assert text == (tmp_path / "again" / page).read_text("utf-8")
    assert 'href="../plots/classic-x4-set16-ranks.svg"' in (tmp_path / "out/datasets/set16.html").read_text(
        "utf-8"
    )


def test_a_legend_is_spoken_of_where_there_is_one(ladder: Ladder, tmp_path: Path) -> None:
    """The hint under a plot of one series has no word of it."""
    write_report(ladder(), tmp_path / "out", ["html"])
    pages = [path.read_text("utf-8") for path in (tmp_path / "out").rglob("*.html")]
    figures = [part for page in pages for part in re.findall(r"<figure.*?</figure>", page, re.DOTALL)]
    told = {("The legend hides" in part, 'class="keys"' in part) for part in figures}
    assert told == {(True, True), (False, False)}


def test_a_list_of_plots_of_several_boards_names_them(ladder: Ladder, tmp_path: Path) -> None:
    """On a set's page; on a board's own page it goes without saying."""
    write_report(ladder(), tmp_path / "out", ["html"])
    named = "Ranks by PSNR-Y on set16 (classic x4)</option>"
    assert named in (tmp_path / "out" / "datasets" / "set16.html").read_text("utf-8")
    assert named not in (tmp_path / "out" / "plots" / "classic-x4.html").read_text("utf-8")


def test_chosen_plots_name_their_dataset(ladder: Ladder) -> None:
    """By label and pixels, as the board's groups do."""
    report = load_report(ladder())
    found: list[Chosen] = list(board_plots(report.boards[0], report, cells_of(report)))
    assert {one.key for one in found} == {group.key for group in report.boards[0].groups if not group.cost}
