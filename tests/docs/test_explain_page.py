"""The page on `srbench explain` names everything that is tried."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from srbench.explain.variants import Setting, variants
from srbench.protocols import RECIPES, get_protocol

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explain.md"


@pytest.mark.skipif(not PAGE.exists(), reason="left out: the docs are not beside the tests")
def test_every_deviation_is_in_the_table() -> None:
    """In the same words as in the answers; numbers of pixels and MATLAB's flavours are summed up there."""
    text = PAGE.read_text("utf-8")
    tried = [
        variant
        for name in RECIPES
        for ssim in (False, True)
        for variant in variants(
            (get_protocol(name, 4),), Setting(predicts=True, bicubic=True, gray=True, several=True, ssim=ssim)
        )
    ]
    said = {change for variant in tried for change in variant.changes}
    summed_up = re.compile(r"a border of \d+ pixels cut off|bicubic by matlab-.*|down and up by .*")
    assert len(said) > 20
    assert [change for change in said if change not in text and not summed_up.fullmatch(change)] == []
