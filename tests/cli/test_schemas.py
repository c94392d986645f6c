"""The JSON that commands print is what its published schema says; real outputs, with all their odd cases."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from srbench.cli.schema import SCHEMAS, schema_text
from srbench.image.io import write_png

JOURNAL = Path("results/runs/main/journal.jsonl")
FAILS = """
from srbench import Adapter, ModelInfo, register_model

class Fails(Adapter):
    def predict(self, lr):
        raise RuntimeError("no luck")

register_model(ModelInfo(name="fails", title="Fails", family="mine", scales=(4,)), Fails)
"""


def validator(name: str) -> jsonschema.Draft202012Validator:
    """What checks an output against a schema of srbench."""
    return jsonschema.Draft202012Validator(json.loads(schema_text(name)))


def journal() -> list[dict[str, Any]]:
    """The journal's lines."""
    return [json.loads(line) for line in JOURNAL.read_text("utf-8").splitlines()]


@pytest.fixture
def results(srbench: Callable[..., Any], mini: str, tmp_path: Path) -> Any:
    """A run with a done, a skipped and a failed model, an absent metric, and outputs equal to the truth."""
    Path("fails.py").write_text(FAILS, "utf-8")
    common = ("-d", mini, "--metrics", "psnr_y,ssim_y,lpips", "--json", "-q", "--offline")
    srbench("run", "-m", "bicubic,fails,srcnn", "-x", "4", "--plugin", "fails.py", *common)
    shutil.copytree(tmp_path / "mini", tmp_path / "equal")
    srbench("score", tmp_path / "equal", "--against", mini, "-x", "4", "--metrics", "psnr_y", "-q")
    return srbench("list", "results", "--json").json()


@pytest.mark.usefixtures("fresh_registry")
def test_results_and_journals_are_as_their_schemas_say(results: Any) -> None:
    """Done, skipped, failed, absent and infinite values; in the printed object and in the journal's lines."""
    cells = {cell["model"]: cell for cell in results["cells"]}
    assert {cell["status"] for cell in cells.values()} == {"done", "failed", "skipped"}
    assert cells["folder:equal"]["metrics"]["psnr_y"] == "inf"
    assert cells["folder:equal"]["n_inf"]["psnr_y"] == 2
    assert cells["bicubic"]["absent"]["lpips"]
    validator("results").validate(results)
    lines = journal()
    assert {line["status"] for line in lines} == {"done", "failed", "skipped"}
    assert any("inf" in score["values"] for line in lines for score in line["scores"].values())
    for line in lines:
        validator("record").validate(line)


def test_clips_and_means_over_frames_are_in_the_schema(srbench: Callable[..., Any]) -> None:
    """A mean over all frames shows in a record's cell, as `average`."""
    asked = ("-m", "nearest", "-d", "embedded-clip", "-x", "4", "--metrics", "psnr_y", "--mean", "frame")
    validator("results").validate(srbench("run", *asked, "--json", "-q").json())
    (line,) = journal()
    assert line["cell"]["average"] == "frame"
    validator("record").validate(line)


def test_explanations_are_as_their_schema_says(srbench: Callable[..., Any], mini: str) -> None:
    """Whether something agrees or not."""
    for figure in ("28.1", "1.23"):
        ran = srbench("explain", "--claimed", figure, "-m", "bicubic", "-d", mini, "-x", "4", "-q", "--json")
        assert ran.code in (0, 4)
        validator("explained").validate(ran.json())


@pytest.mark.usefixtures("fresh_registry")
def test_verdicts_are_as_their_schema_says(srbench: Callable[..., Any], mini: str, tmp_path: Path) -> None:
    """An image that no longer equals the ground truth, and missing, failed, incomparable and new cells."""
    Path("fails.py").write_text(FAILS, "utf-8")
    asked = ("-d", mini, "-x", "4", "--metrics", "psnr_y", "-q")
    outputs = tmp_path / "outputs"
    shutil.copytree(tmp_path / "mini", outputs)
    sides = (("a", "bicubic,nearest"), ("b", "bicubic,fails,bilinear", "--plugin", "fails.py"))
    for side, models, *plugin in sides:
        srbench("run", "-m", models, *asked, *plugin, "--results", side)
        scored = ("--against", mini, "-x", "4", "--metrics", "psnr_y", "-q", "--results", side)
        srbench("score", outputs, "--as", "mine", *scored)
        write_png(outputs / "camera.png", np.zeros((96, 112), np.uint8))
    srbench("run", "-m", "lanczos", *asked, "--results", "a")
    srbench("run", "-m", "lanczos", *asked, "--results", "b", "--border", "0")
    found = srbench("gate", "--baseline", "a", "b", "--format", "json").json()
    outcomes = {verdict["outcome"] for verdict in found["verdicts"]}
    assert outcomes == {"regressed", "failed", "incomparable", "missing", "ok", "new"}
    assert found["verdicts"][0]["worst"][0]["delta"] == "-inf"
    validator("verdicts").validate(found)
    validator("verdicts").validate(srbench("compare", "b", "a", "--json").json())


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_one_and_is_strict(srbench: Callable[..., Any], name: str) -> None:
    """It is valid itself, `srbench schema` prints it, and it refuses a field that nobody documented."""
    schema = json.loads(srbench("schema", name).out)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for thing in (schema, *schema["$defs"].values()):
        if "properties" in thing:
            assert thing["additionalProperties"] is False
            assert thing["description"]


def test_what_is_not_an_output_is_refused(srbench: Callable[..., Any], mini: str) -> None:
    """A missing field, an unknown one, a text for a number, another status."""
    asked = ("-m", "nearest", "-d", mini, "-x", "4", "--metrics", "psnr_y", "--json", "-q")
    good = srbench("run", *asked).json()
    changes: tuple[Callable[[dict[str, Any]], Any], ...] = (
        lambda cell: cell.pop("signature"),
        lambda cell: cell.update(rank=1),
        lambda cell: cell["metrics"].update(psnr_y="Infinity"),
        lambda cell: cell.update(status="fine"),
    )
    for change in changes:
        bad = copy.deepcopy(good)
        change(bad["cells"][0])
        assert not validator("results").is_valid(bad)


def test_the_names_of_schemas_are_listed(srbench: Callable[..., Any]) -> None:
    """Without a name; an unknown one is refused with those that there are."""
    listed = srbench("schema").out.splitlines()
    assert [line.split()[0] for line in listed] == list(SCHEMAS)
    ran = srbench("schema", "resluts")
    assert (ran.code, ran.out) == (2, "")
    assert "results, record, verdicts, explained" in ran.err
