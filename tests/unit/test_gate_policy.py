"""A policy file: what it may say, and that everything else is refused with its nearest name."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from srbench.errors import UsageError
from srbench.gate.policy import (
    DEFAULTS,
    Limits,
    Override,
    Policy,
    check_metrics,
    covers,
    idle_overrides,
    load_policy,
    parse_policy,
)
from srbench.types import Cell

CELL = Cell("imdn", "set5", 4, "classic", "sig", "inf", "pixels")


def test_an_empty_policy_is_the_default() -> None:
    """Every field has a default, and all of a baseline is required."""
    assert parse_policy("") == Policy()
    assert Policy().requires(CELL)


def test_everything_a_policy_can_say(tmp_path: Path) -> None:
    """All fields, read from a file; what a metric's table leaves out stays as it is by default."""
    path = tmp_path / "gate.toml"
    path.write_text(
        """
        schema = 1
        level = 0.99
        evidence = "images"
        require = ["imdn/set*/x4"]
        [metrics.psnr_y]
        tolerance = 0.02
        [metrics.fsim]
        tolerance = 0.001
        noise = 0
        [metrics.lpips]
        tolerance = inf
        [[overrides]]
        model = "srgan*"
        metric = "psnr_y"
        image_tolerance = 2
        """,
        encoding="utf-8",
    )
    policy = load_policy(path)
    assert (policy.level, policy.evidence, policy.require) == (0.99, "images", ("imdn/set*/x4",))
    assert policy.metrics["psnr_y"] == Limits(0.02, 1.0, DEFAULTS["psnr_y"].noise)
    assert policy.metrics["fsim"] == Limits(0.001, math.inf, 0.0)
    assert policy.metrics["lpips"].tolerance == math.inf
    assert policy.metrics["ssim_y"] == DEFAULTS["ssim_y"]
    assert policy.overrides == (Override("psnr_y", "srgan*", image_tolerance=2.0),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tolerence = 1", "expected the fields of gate.toml, got 'tolerence'; use"),
        ("evidense = 'set'", "got 'evidense'; use evidence"),
        ("[metrics.psnr_y]\ntolerence = 1", "fields of metrics.psnr_y in gate.toml, got 'tolerence'; use "),
        ("[metrics.psnr_y]\ntolerance = '1'", "a number of 0 or more for tolerance of metrics.psnr_y in"),
        ("[metrics.psnr_y]\ntolerance = true", "got True"),
        ("[metrics.psnr_y]\ntolerance = -1", "got -1"),
        ("[metrics.psnr_y]\ntolerance = nan", "got nan"),
        ("[metrics.fsim]\nnoise = 0.1", "a tolerance in metrics.fsim in gate.toml, got none"),
        ("[metrics]\npsnr_y = 0.1", "a table for metrics.psnr_y in gate.toml, got 0.1"),
        ("metrics = 3", "a table for metrics in gate.toml, got 3"),
        ("level = 95", "a confidence such as 0.95 for level in gate.toml, got 95"),
        ("level = 1.0", "got 1.0"),
        ("evidence = 'feeling'", "got 'feeling'"),
        ("evidence = ['set']", "got ['set']"),
        ("require = 'imdn'", "a list for require in gate.toml, got 'imdn'"),
        ("require = [1]", "a text for require in gate.toml, got 1"),
        ("[[overrides]]\nmodel = 'x'\ntolerance = 1", "a metric in overrides in gate.toml, got none; say"),
        ("[[overrides]]\nmetric = 'x'", "a tolerance, image_tolerance or noise in overrides in gate.toml"),
        ("[[overrides]]\nmodle = 'x'\nnoise = 1", "got 'modle'; use model"),
        ("[[overrides]]\nmetric = 'x'\nmodel = 1\nnoise = 1", "a text for model of overrides in"),
        ("overrides = 1", "a list for overrides in gate.toml, got 1"),
        ("schema = 2", "expected schema = 1, got 2 in gate.toml; upgrade srbench"),
        ("schema = 'one'", "expected schema = 1, got 'one'"),
        ("[", "expected a policy in TOML, got gate.toml:"),
    ],
)  # fmt: skip
def test_what_a_policy_cannot_say_is_refused(text: str, message: str) -> None:
    """An unknown field, a wrong type or value: one line that names it."""
    with pytest.raises(UsageError) as refused:
        parse_policy(text, "gate.toml")
    assert message in str(refused.value)


def test_a_policy_that_is_not_there(tmp_path: Path) -> None:
    """A missing file, and one that is no text, are errors of usage."""
    with pytest.raises(UsageError, match="a policy that can be read"):
        load_policy(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="a policy that can be read"):
        load_policy(tmp_path / "binary.toml")


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("*", True), ("imdn", True), ("imdn/set5", True), ("imdn/set*/x4", True), ("*/*/*/classic", True),
        ("imdn/set5[24]", False),
        ("imdn/set5/x2", False), ("vdsr", False), ("imdn/set5/4", False), ("imdn/set5/x4/classic/*", False),
    ],
)  # fmt: skip
def test_patterns_name_cells(pattern: str, fits: bool) -> None:
    """Model, dataset, scale and protocol, with globs; what is left out at the end fits anything."""
    assert covers(pattern, CELL) == fits


@pytest.mark.parametrize(
    ("pattern", "fits"), [("*/urban100", True), ("*/urban100[24]", True), ("*/urban", False)]
)
def test_a_part_of_a_set_is_named_by_its_set_or_as_it_is_printed(pattern: str, fits: bool) -> None:
    """Though the brackets of its name are a glob's."""
    assert covers(pattern, replace(CELL, dataset="urban100[24]")) == fits


def test_the_last_override_counts() -> None:
    """Of several that fit; a metric without limits has none to override."""
    overrides = (
        Override("*", tolerance=0.5),
        Override("psnr_*", model="imdn", tolerance=0.2),
        Override("psnr_y", model="x", noise=9.0),
        Override("gmsd", noise=1.0),
    )
    policy = Policy(overrides=overrides[1:])
    assert policy.limits(CELL, "psnr_y") == Limits(0.2, 1.0, DEFAULTS["psnr_y"].noise)
    assert policy.limits(CELL, "fsim") is None
    assert policy.limits(CELL, "gmsd") is None
    assert Policy(overrides=overrides).limits(CELL, "gmsd") == Limits(0.5, math.inf, 1.0)


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("[metrics.psnr-y]\ntolerance = 0.02", "'psnr-y'; try psnr_y"),
        ("[metrics.'psnr_*']\ntolerance = 0.02", "'psnr_*'; try psnr_y"),
        ("[[overrides]]\nmetric = 'lpip'\ntolerance = 0.02", "'lpip'; try lpips"),
        ("[[overrides]]\nmetric = 'pnsr*'\ntolerance = 0.02", "'pnsr*'; try psnr_y"),
    ],
)
def test_a_metric_that_nobody_knows_is_refused(text: str, near: str) -> None:
    """With the nearest names: its limits would never count. Only an override's may be a glob."""
    with pytest.raises(UsageError, match=re.escape(near)):
        check_metrics(parse_policy(text), DEFAULTS)
    check_metrics(parse_policy("[[overrides]]\nmetric = 'psnr_*'\ntolerance = 1"), DEFAULTS)


def test_overrides_that_fit_nothing_are_found() -> None:
    """By model, dataset and metric, among what was measured."""
    fits, idle = Override("psnr_*", "imdn", noise=1.0), Override("psnr_y", "srgan*", noise=1.0)
    policy = Policy(overrides=(fits, idle))
    assert idle_overrides(policy, [(CELL, "lpips"), (CELL, "psnr_y")]) == [idle]
    assert str(idle) == "metric = 'psnr_y', model = 'srgan*'"
    assert idle_overrides(policy, []) == [fits, idle]
