"""What docs/training.md shows is read as it stands: its recipe, its commands, the recipes that it names."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "training.md"
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="left out: the page is not beside the tests")


def blocks(language: str) -> list[str]:
    """Fenced code blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.S)


def test_the_recipe_shown_is_one() -> None:
    """No field of the page is a typo, and its digest can be had."""
    from srbench.train.recipes import load_recipe

    (text,) = blocks("toml")
    assert load_recipe(text, "training.md").digest


def test_the_ablation_shown_is_one() -> None:
    """Each of its recipes is read."""
    from srbench.ablation.declared import load_ablation, trials

    (text,) = blocks("toml ablation")
    assert len(list(trials(load_ablation(text, "training.md")))) == 2 * 3


def test_every_recipe_that_comes_along_is_named_like_its_file() -> None:
    """Shipped recipes are read, and leave their weights under their own name."""
    from srbench.resources import recipes_folder
    from srbench.train.recipes import load_recipe

    files = [file for file in recipes_folder().iterdir() if file.name.endswith(".toml")]
    assert files
    for file in files:
        assert load_recipe(file.read_text("utf-8"), file.name).name == file.name.removesuffix(".toml")


def test_every_command_shown_exists(srbench: Callable[..., Any]) -> None:
    """Each line names options that its command has."""
    lines = [line for block in blocks("") for line in block.splitlines() if line.startswith("srbench ")]
    assert len(lines) > 2
    for line in lines:
        words = shlex.split(line)[1:]
        command = words[:2] if words[0] == "data" else words[:1]
        text = srbench(*command, "--help").out
        assert all(word in text for word in words if re.fullmatch(r"--?[a-z-]+", word)), line
