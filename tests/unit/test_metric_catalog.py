"""The table of built-in metrics."""

from __future__ import annotations

import pytest

from srbench import registry
from srbench.errors import Unavailable
from srbench.metrics.base import Metric, library_version
from srbench.registry import MetricEntry

NAMES = list(registry.metrics())
LOWER = {"lpips", "lpips_vgg", "dists", "gmsd", "ms_gmsd", "mdsi"}


def entry(name: str) -> MetricEntry:
    """A registered metric."""
    return registry.metrics()[name]


def test_the_fields_metrics_are_there() -> None:
    """By the names that the command line promises, the field's first."""
    assert NAMES[:2] == ["psnr_y", "ssim_y"]
    assert {"psnr_rgb", "ssim_rgb", "lpips", "lpips_vgg", "dists", "fsim", "vif", "gmsd", "ms_ssim"} <= set(
        NAMES
    )


@pytest.mark.parametrize("name", NAMES)
def test_each_is_built_from_its_entry(name: str) -> None:
    """Building imports no weights; name and info agree; the signature has a version and no blanks."""
    built = registry.build(entry(name).target, entry(name).info, entry(name).argument)
    assert isinstance(built, Metric)
    assert built.info.name == name
    assert built.signature.endswith("|srbench:1")
    assert " " not in built.signature


@pytest.mark.parametrize("name", NAMES)
def test_each_declares_what_it_is(name: str) -> None:
    """Direction, decimals, what it needs, whether the border is cut off, and its edges."""
    info = entry(name).info
    assert "equal images give" in info.edge
    assert info.needs == ("y" if "_y" in name else "rgb")
    assert info.crop == name.startswith(("psnr", "ssim"))
    assert info.direction == ("lower" if name in LOWER else "higher")
    assert info.decimals == (2 if name.startswith("psnr") else 4)
    assert info.unit == ("dB" if name.startswith("psnr") else "")


def test_signatures_tell_all_metrics_apart() -> None:
    """No two metrics may be compared by mistake."""
    built = [registry.build(e.target, e.info, e.argument) for e in registry.metrics().values()]
    signatures = {metric.signature for metric in built}
    assert len(signatures) == len(NAMES)


def test_a_library_that_is_missing_is_a_reason() -> None:
    """Not a traceback."""
    with pytest.raises(Unavailable, match="the library no-such-library, got none installed"):
        library_version("no-such-library")
