"""imresize on one thread: 1024 x 1024 down, 256 x 256 up."""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from srbench.image.resize import imresize
from srbench.types import FLAVOURS, Flavour

IMAGE = np.random.default_rng(0).integers(0, 256, (1024, 1024, 3), dtype=np.uint8)


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.benchmark(group="imresize 1024x1024x3 down x4")
def test_down(benchmark: BenchmarkFixture, flavour: Flavour) -> None:
    """Shrinking a megapixel to a quarter."""
    assert benchmark(imresize, IMAGE, 1 / 4, flavour=flavour).shape == (256, 256, 3)


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.benchmark(group="imresize 256x256x3 up x4")
def test_up(benchmark: BenchmarkFixture, flavour: Flavour) -> None:
    """Enlarging to a megapixel."""
    assert benchmark(imresize, IMAGE[:256, :256], 4, flavour=flavour).shape == (1024, 1024, 3)
