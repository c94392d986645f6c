"""The main job, from the command line, prints what papers print."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FAST = ("--metrics", "psnr_y,ssim_y", "--json", "--quiet")

VDSR_BICUBIC = {
    # The Bicubic rows printed in RCAN's, EDSR's, VDSR's ... tables.
    ("set5", 2): (33.66, 0.9299),
    ("set5", 3): (30.39, 0.8682),
    ("set5", 4): (28.42, 0.8104),
    ("set14", 2): (30.24, 0.8688),
    ("set14", 3): (27.55, 0.7742),
    ("set14", 4): (26.00, 0.7027),
    ("bsd100", 2): (29.56, 0.8431),
    ("bsd100", 3): (27.21, 0.7385),
    ("bsd100", 4): (25.96, 0.6675),
}
RDN = {2: (38.24, 0.9614), 3: (34.71, 0.9296), 4: (32.47, 0.8990)}


def means(ran: Any) -> dict[tuple[str, int], tuple[float, float]]:
    """PSNR and SSIM on Y of each cell of a ``--json`` object."""
    assert ran.code == 0, ran.err
    cells = ran.json()["cells"]
    return {(c["dataset"], c["scale"]): (c["metrics"]["psnr_y"], c["metrics"]["ssim_y"]) for c in cells}


@pytest.mark.usefixtures("mirror")
def test_bicubic_under_vdsr_prints_the_bicubic_rows_of_papers(srbench: Callable[..., Any]) -> None:
    """Set5, Set14, BSD100 at x2, x3, x4: the digits printed (BSD100's SSIM within 0.0001)."""
    measured = means(srbench("run", "-m", "bicubic", "-d", "set5,set14,bsd100", "--protocol", "vdsr", *FAST))
    assert measured.keys() == VDSR_BICUBIC.keys()
    for cell, (psnr, ssim) in VDSR_BICUBIC.items():
        assert round(measured[cell][0], 2) == psnr, cell
        tolerance = 1.0001e-4 if cell[0] == "bsd100" else 0
        assert abs(round(measured[cell][1], 4) - ssim) <= tolerance, cell


@pytest.mark.usefixtures("mirror")
def test_bicubic_under_selfexsr_equals_the_authors_matlab_image_by_image(
    srbench: Callable[..., Any], shared: Path
) -> None:
    """Set5, Set14, BSD100 (x3) and the Urban100 images that are here (x4): PSNR and SSIM to 1e-9."""
    values = json.loads((shared / "oracles/matlab/selfexsr_bicubic.json").read_text())["values"]
    oracle = {key.lower(): items for key, items in values.items()}
    compared = 0
    for datasets, scales in (("set5,set14", "2,3,4"), ("bsd100", "3"), ("urban100", "4")):
        asked = ("-m", "bicubic", "-d", datasets, "-x", scales, "--protocol", "selfexsr")
        cells = srbench("run", *asked, *FAST).json()["cells"]
        for cell in cells:
            expected = oracle[f"{cell['dataset'].partition('[')[0]}_x{cell['scale']}"]
            common = {name: scores for name, scores in cell["items"].items() if name in expected}
            compared += len(common)
            check_equal(common, expected)
    assert compared == 3 * (5 + 14) + 20 + 24


def check_equal(measured: dict[str, Any], expected: dict[str, Any]) -> None:
    """Per-image PSNR and SSIM agree to 1e-9."""
    for name, scores in measured.items():
        assert scores["psnr_y"] == pytest.approx(expected[name]["psnr"], abs=1e-9)
        assert scores["ssim_y"] == pytest.approx(expected[name]["ssim"], abs=1e-9)


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize("scale", RDN)
def test_scoring_rdns_stored_outputs_gives_the_papers_figures(
    srbench: Callable[..., Any], shared: Path, scale: int
) -> None:
    """`srbench score` on the images RDN's authors published prints RDN's Table (CVPR 2018)."""
    folder = shared / f"oracles/rdn/Set5/x{scale}"
    measured = means(srbench("score", folder, "--against", "set5", "-x", scale, *FAST))
    psnr, ssim = measured["set5", scale]
    assert (round(psnr, 2), round(ssim, 4)) == RDN[scale]


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize(
    ("flavour", "psnr", "ssim"),
    [("matlab-symmetric-double", 23.7836, 0.6347), ("matlab-symmetric-u8", 23.7824, 0.6346)],
)
def test_bicubic_on_vid4_prints_the_bi_row(
    srbench: Callable[..., Any], flavour: str, psnr: float, ssim: float
) -> None:
    """The clip mean of BI x4, with and without rounding between imresize's passes."""
    measured = means(srbench("run", "-m", "bicubic", "-d", "vid4", "-x", "4", "--flavour", flavour, *FAST))
    got = measured["vid4", 4]
    assert (round(got[0], 4), round(got[1], 4)) == (psnr, ssim)


@pytest.mark.usefixtures("mirror")
def test_classic_and_vdsr_differ_and_say_so(srbench: Callable[..., Any]) -> None:
    """Bicubic on Set5 x4 is 28.43/0.8111 under `classic`: another signature, another board."""
    ran = srbench("run", "-m", "bicubic", "-d", "set5", "-x", "4", *FAST)
    psnr, ssim = means(ran)["set5", 4]
    assert (round(psnr, 2), round(ssim, 4)) == (28.43, 0.8111)
    assert ran.json()["cells"][0]["signature"] == (
        "x4|bi:matlab-symmetric-u8|y:bt601-studio|gray:rgb|border:4|mod:4|u8|mean:image|v1"
    )


@pytest.mark.usefixtures("mirror")
def test_outputs_scored_under_a_papers_name_stand_beside_its_figures(
    srbench: Callable[..., Any], shared: Path
) -> None:
    """`srbench score DIR --as RDN` shows RDN's published figure and the difference, here none."""
    ran = srbench(
        *("score", shared / "oracles/rdn/Set5/x4", "--against", "set5", "-x", "4", "--as", "RDN"),
        *("--metrics", "psnr_y,ssim_y", "--quiet"),
    )
    assert ran.code == 0, ran.err
    assert "psnr_y 32.47 (published 32.47, ±0.00)  ssim_y 0.8990 (published 0.8990, ±0.0000)" in ran.out
