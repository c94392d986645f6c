"""`srbench explain` on real sets: the figures that papers and issue threads argue about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BICUBIC = ("-m", "bicubic", "-d", "set5", "-x", "4", "-q")


def first_line(srbench: Callable[..., Any], figure: str, *asked: Any) -> str:
    """The answer about a figure that some recipe gives."""
    ran = srbench("explain", "--claimed", figure, *asked)
    assert ran.code == 0, ran.err
    return str(ran.out.splitlines()[0])


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize(
    ("figure", "answer"),
    [
        ("28.42", "28.42 is vdsr (28.4211) or selfexsr (28.4177): "),
        ("0.8104", "0.8104 is vdsr (0.810402): "),
        ("28.43", "28.43 is classic (28.4290): "),
        ("26.69", "26.69 is rgb (26.6921): "),
        (
            "27.11",
            "27.11 is classic, but full-range luma (0..255, not 16..235) (27.1072) or selfexsr, but full",
        ),
    ],
)
def test_the_recipe_of_bicubics_figures_on_set5(
    srbench: Callable[..., Any], figure: str, answer: str
) -> None:
    """28.42/0.8104 of the papers' tables, today's 28.43, RGB, and full-range luma."""
    assert first_line(srbench, figure, *BICUBIC).startswith(answer)


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize(("scale", "classic", "rounded"), [(2, "38.24", "38.16"), (4, "32.47", "32.45")])
def test_rounded_luma_is_named_for_rdns_outputs(
    srbench: Callable[..., Any], shared: Path, scale: int, classic: str, rounded: str
) -> None:
    """Rounding Y costs the images of RDN's authors 0.086 dB at x2 and 0.021 dB at x4."""
    asked = ("--outputs", shared / f"oracles/rdn/Set5/x{scale}", "-d", "set5", "-x", str(scale), "-q")
    assert first_line(srbench, classic, *asked).startswith(f"{classic} is classic (")
    assert "here the same as classic, but Y rounded to uint8): " in first_line(srbench, rounded, *asked)


@pytest.mark.usefixtures("mirror")
def test_the_gray_rule_is_named_on_set14(srbench: Callable[..., Any]) -> None:
    """Set14's bridge left gray, under an otherwise `classic` protocol: 0.094 dB lower."""
    asked = ("-m", "bicubic", "-d", "set14", "-x", "4", "-q")
    ran = srbench("run", *asked, "--gray", "y", "--metrics", "psnr_y", "--json")
    figure = f"{ran.json()['cells'][0]['metrics']['psnr_y']:.3f}"
    assert "classic, but gray images left gray (" in first_line(srbench, figure, *asked)
