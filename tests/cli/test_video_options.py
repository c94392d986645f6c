"""What a user asks of clips, from the command line: degradation, border, mean and split, each signed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

CLIP = ("-d", "embedded-clip", "-x", "4")


def planned(srbench: Callable[..., Any], *options: str, model: str = "bicubic") -> dict[str, Any]:
    """The one cell of a plan."""
    ran = srbench("run", "-m", model, *CLIP, "--plan", "--json", *options)
    assert ran.code == 0, ran.err
    (cell,) = ran.json()["cells"]
    assert isinstance(cell, dict)
    return cell


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--degradation", "bd-basicvsr"), "|bd-basicvsr|"),
        (("--degradation", "bd-duf", "--border", "8"), "|bd-duf|y:bt601-studio|gray:rgb|border:8|"),
        (("--degradation", "bd-tecogan"), "|bd-tecogan|"),
        (("--mean", "frame"), "|mean:frame|"),
        (("--protocol", "classic", "--border", "0"), "|border:0|"),
    ],
)
def test_protocol_fields_are_signed(srbench: Callable[..., Any], options: tuple[str, ...], part: str) -> None:
    """Each option shows in the cell's protocol signature."""
    assert part in planned(srbench, *options)["signature"]


@pytest.mark.parametrize(
    ("options", "inference"),
    [
        ((), "torch|float32|cpu|whole"),
        (("--split", "3+1"), "torch|float32|cpu|whole|split:3+1"),
        (("--split", "500+1"), "torch|float32|cpu|whole"),
        (("--split", "0"), "torch|float32|cpu|whole"),
    ],
)
def test_a_split_is_signed_where_a_clip_is_split(
    srbench: Callable[..., Any], options: tuple[str, ...], inference: str
) -> None:
    """Pieces of a clip are another inference than the clip in one pass."""
    assert planned(srbench, *options, model="basicvsr")["inference"] == inference


def test_a_window_is_signed(srbench: Callable[..., Any]) -> None:
    """EDVR's window and its border frames stand in the inference signature."""
    cell = planned(srbench, model="edvr-m")
    assert cell["inference"] == "torch|float32|cpu|whole|pad:reflect4|window:2+2:reflect-circle"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--degradation", "blur"), "expected a degradation, got 'blur'"),
        (("--split", "many"), "expected frames and their overlap such as 30+2, got 'many'"),
        (("--degradation", "bd-duf", "--protocol", "vdsr"), "expected bi under vdsr, got bd-duf"),
    ],
)
def test_nonsense_is_refused_in_one_line(
    srbench: Callable[..., Any], options: tuple[str, ...], message: str
) -> None:
    """Exit code 2 and a line that says what was expected."""
    ran = srbench("run", "-m", "bicubic", *CLIP, "--plan", *options)
    assert ran.code == 2
    assert message in ran.err


def test_frame_mean_of_one_clip_is_its_clip_mean(srbench: Callable[..., Any]) -> None:
    """One clip has one mean, under two signatures and on two boards."""
    run = ("run", "-m", "bicubic", *CLIP, "--metrics", "psnr_y", "--json", "-q", "--mean")
    clip, frame = (srbench(*run, mean).json()["cells"][0] for mean in ("clip", "frame"))
    assert clip["metrics"] == frame["metrics"]
    assert clip["signature"] != frame["signature"]
