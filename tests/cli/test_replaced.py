"""A row is of one model: what was scored under its name before is never mixed with what is scored now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srbench.data.datasets import open_dataset
from srbench.image.io import read_image, write_png

SCORE = ("--against", "embedded", "-x", "2", "--limit", "3", "--metrics", "psnr_y", "--as", "Net")


def outputs(folder: Path, noise: float) -> Path:
    """Outputs for three photographs: the truth with noise of a given standard deviation."""
    rng = np.random.default_rng(7)
    for name, (path,) in open_dataset("embedded", limit=3).files.items():
        truth = read_image(path)
        truth = truth[: truth.shape[0] // 2 * 2, : truth.shape[1] // 2 * 2].astype(np.float64)
        write_png(
            folder / f"{name}.png", (truth + rng.normal(0, noise, truth.shape)).clip(0, 255).astype(np.uint8)
        )
    return folder


def row(ran: Any) -> dict[str, Any]:
    """The one cell of a ``--json`` object."""
    (cell,) = ran.json()["cells"]
    return dict(cell)


def test_other_outputs_under_one_name_replace_the_earlier_ones(
    srbench: Callable[..., Any], tmp_path: Path
) -> None:
    """The new folder's scores alone are shown, and the summary says what was replaced."""
    good, bad = outputs(tmp_path / "good", 1.0), outputs(tmp_path / "bad", 9.0)
    first = row(srbench("score", good, *SCORE, "--json"))
    second = srbench("score", bad, *SCORE, "--json")
    assert "replaced folder:Net on embedded[3] x2" in second.err
    assert row(second)["metrics"]["psnr_y"] < first["metrics"]["psnr_y"] - 10
    again = srbench("score", good, *SCORE, "--json")
    assert row(again) == first


def test_a_broken_output_is_never_filled_up_from_an_earlier_run(
    srbench: Callable[..., Any], tmp_path: Path
) -> None:
    """Of a folder whose second image is broken, one score is shown, as failed; the older ones are gone."""
    good, bad = outputs(tmp_path / "good", 1.0), outputs(tmp_path / "bad", 9.0)
    assert srbench("score", good, *SCORE).code == 0
    (bad / "camera.png").write_bytes(b"broken")
    ran = srbench("score", bad, *SCORE, "--json")
    assert ran.code == 3
    cell = row(ran)
    assert (cell["status"], list(cell["items"])) == ("failed", ["astronaut"])
    assert "camera" in cell["reason"]
    assert cell["metrics"]["psnr_y"] < 36  # the older outputs have over 50


def test_one_file_that_breaks_later_fails_the_row(srbench: Callable[..., Any], tmp_path: Path) -> None:
    """A folder that was complete and has a broken file now is failed, with the reason in the table."""
    folder = outputs(tmp_path / "net", 1.0)
    assert srbench("score", folder, *SCORE).code == 0
    (folder / "chelsea.png").write_bytes(b"broken")
    ran = srbench("score", folder, *SCORE, "--quiet")
    assert ran.code == 3
    assert "chelsea" in ran.out
    assert "failed" in ran.out


@pytest.mark.usefixtures("fresh_registry")
def test_a_plugin_that_breaks_later_fails_its_row(srbench: Callable[..., Any], tmp_path: Path) -> None:
    """Another program under the same name that can't run is failed: the old program's score is not its."""
    from srbench import registry

    source = (
        "import torch.nn.functional as F\n"
        "from srbench import Adapter, ModelInfo, register_model\n"
        "class Net(Adapter):\n"
        "    def predict(self, lr):\n"
        "        return RESULT\n"
        "register_model(ModelInfo(name='net', title='Net', family='x', scales=(2,)), Net)\n"
    )
    good_plugin, broken_plugin = tmp_path / "good.py", tmp_path / "broken.py"
    asked = ("run", "-m", "net", "-d", "embedded", "-x", "2", "--limit", "2", "--metrics", "psnr_y", "--json")
    good_plugin.write_text(source.replace("RESULT", "F.interpolate(lr, scale_factor=2)"))
    broken_plugin.write_text(source.replace("RESULT", "None"))
    good = row(srbench(*asked, "--plugin", good_plugin))
    registry._models.pop("net")
    broken = srbench(*asked, "--plugin", broken_plugin)
    assert broken.code == 3
    assert (row(broken)["status"], row(broken)["items"]) == ("failed", {})
    registry._models.pop("net")
    assert row(srbench(*asked, "--plugin", good_plugin)) == good


def test_predictions_are_saved_for_what_was_scored_before(srbench: Callable[..., Any]) -> None:
    """Asking for the images later writes them, under names that `srbench score` can read again."""
    asked = ("-x", "4", "--limit", "2", "--metrics", "psnr_y", "--json")
    run = ("run", "-m", "bicubic", "-d", "embedded", *asked)
    first = row(srbench(*run))
    assert row(srbench(*run, "--save-predictions")) == first
    folder = Path("results/runs/main/predictions/bicubic/embedded_x4_classic")
    assert len(list(folder.glob("*.png"))) == 2
    assert row(srbench("score", folder, "--against", "embedded", *asked))["metrics"] == first["metrics"]
