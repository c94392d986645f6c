"""docs/timing.md: its commands exist, and its multiply-adds are what the counter says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from srbench.archs.srcnn import SRCNN
from srbench.timing.counts import count
from srbench.timing.points import points
from srbench.timing.untrained import BUILDERS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "timing.md"
TEXT = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
pytestmark = pytest.mark.skipif(not TEXT, reason="left out: docs is not beside the tests")

NETWORKS = {
    "IMDN": ("imdn", 3),
    "CARN-M": ("carn-m", 3),
    "VDSR": ("vdsr", 1),
    "SRCNN 9-5-5": ("srcnn 9-5-5", 1),
    "EDSR-baseline": ("edsr-baseline", 3),
}


def commands() -> list[list[str]]:
    """Each `srbench time` of the code blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", TEXT, re.S)
    return [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]


def test_every_command_of_the_page_plans(srbench: Callable[..., Any]) -> None:
    """As printed, with ``--plan`` (or ``--help`` where two models are compared)."""
    assert len(commands()) == 5
    for _, command, *arguments in commands():
        last = "--help" if "--interleaved" in arguments else "--plan"
        ran = srbench(command, *arguments, last)
        assert ran.code == 0, ran.err


@pytest.mark.parametrize("name", NETWORKS)
def test_the_pages_multiply_adds_are_counted(name: str) -> None:
    """To the digits printed there."""
    (row,) = re.findall(rf"^\| {re.escape(name)}(.*?) \| (.*?) \|", TEXT, re.M)
    scales = [int(scale) for scale in re.findall(r"x(\d)", row[0])] or [4]
    figures = [float(figure) for figure in re.findall(r"([\d.]+) G", row[1])]
    model, channels = NETWORKS[name]
    for scale, figure in zip(scales, figures, strict=True):
        (point,) = points("720p", scale)
        size = (point.height, point.width) if channels == 3 else (720, 1280)
        network = SRCNN((9, 5, 5)) if model not in BUILDERS else BUILDERS[model](scale)
        macs = count(network, torch.rand(1, channels, *size)).macs
        assert macs is not None
        assert round(macs / 1e9, 2) == figure
