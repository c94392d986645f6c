"""The reusable workflow: it is one, and its commands do what they say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

FILE = Path(__file__).resolve().parents[2] / ".github/workflows/srbench-gate.yml"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason="left out: the workflow is not beside the tests")
MODEL = """
class Model:
    def info(self):
        return {"scales": [4]}
    def load(self, scale, device, dtype):
        pass
    def predict(self, lr):
        return GAIN * lr.repeat_interleave(4, 2).repeat_interleave(4, 3)
"""


def workflow() -> dict[str, Any]:
    """The file; YAML 1.1 reads the key `on` as true."""
    found: dict[Any, Any] = yaml.safe_load(FILE.read_text("utf-8"))
    return {("on" if key is True else key): value for key, value in found.items()}


def steps() -> dict[str, dict[str, Any]]:
    """The steps that have a name."""
    return {step["name"]: step for step in workflow()["jobs"]["gate"]["steps"] if "name" in step}


def test_it_can_be_called_and_every_input_is_explained() -> None:
    """Model and dataset must be given; all else has a default."""
    inputs = workflow()["on"]["workflow_call"]["inputs"]
    assert all(one["description"] and one["type"] == "string" for one in inputs.values())
    assert {name for name, one in inputs.items() if one.get("required")} == {"model", "dataset"}
    assert all(one.get("required") or "default" in one for one in inputs.values())
    assert workflow()["permissions"] == {"contents": "read"}


def test_inputs_reach_commands_as_variables_alone() -> None:
    """No expression stands inside a script, where its text would be run."""
    assert all("${{" not in step.get("run", "") for step in workflow()["jobs"]["gate"]["steps"])
    used = set(re.findall(r"inputs\.(\w+)", FILE.read_text("utf-8")))
    assert used == set(workflow()["on"]["workflow_call"]["inputs"])


@pytest.mark.parametrize("name", ["Name the cache", "Install", "Run the model", "Gate"])
def test_scripts_are_bash(name: str) -> None:
    """The shell accepts them."""
    subprocess.run(["bash", "-n"], input=steps()[name]["run"], text=True, check=True)


class Repository:
    """Somebody's repository, whose workflow runs here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.summary = folder / "summary.md"
        given = {"MODEL": "python:mynet.py", "DATASET": "mini", "SCALE": "4", "BASELINE": "blessed"}
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        self.env = {
            **os.environ,
            **dict.fromkeys(("POLICY", "ONLY", "PLUGIN", "REQUIREMENTS"), ""),
            "RUNNER_TEMP": str(folder / "temp"),
            "RUNNER_OS": "Linux",
            "GITHUB_OUTPUT": str(folder / "outputs"),
            **given,
            "PATH": path,
            "GITHUB_STEP_SUMMARY": str(self.summary),
        }

    def model(self, gain: float | str) -> None:
        """The model: repetition, its values multiplied."""
        (self.folder / "mynet.py").write_text(MODEL.replace("GAIN", str(gain)), "utf-8")

    def step(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run a step as the runner does."""
        return self.bash(steps()[name]["run"])

    def bash(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script; it stops at the first command that fails."""
        shell = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
        return subprocess.run(
            shell, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False
        )


@pytest.fixture
def repository(tmp_path: Path, mini: str) -> Repository:
    """One whose baseline was blessed with the model as it is."""
    assert mini == "mini"
    found = Repository(tmp_path)
    found.model(1.0)
    assert found.step("Run the model").returncode == 0
    assert found.bash("srbench bless temp/srbench-gate -m first --baseline blessed").returncode == 0
    return found


def test_an_unchanged_model_is_green(repository: Repository) -> None:
    """The summary and the JUnit file are written; `only` narrows what has to be there."""
    assert repository.step("Run the model").returncode == 0
    done = repository.step("Gate")
    assert done.returncode == 0, done.stdout + done.stderr
    assert repository.summary.read_text("utf-8").startswith("## srbench gate")
    assert (repository.folder / "srbench-gate.xml").exists()
    repository.env["ONLY"] = "python:mynet/mini/x4,other"
    assert repository.step("Gate").returncode == 4


def test_a_worse_model_is_red(repository: Repository) -> None:
    """With an annotation that names what got worse."""
    repository.model(0.99)
    assert repository.step("Run the model").returncode == 0
    done = repository.step("Gate")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "::error title=regressed" in done.stdout


def test_a_broken_model_reaches_the_gate_and_a_policy_is_read(repository: Repository) -> None:
    """Failed cells are the gate's to report, with code 3; a policy that is not there is code 2.

    What a repository happens to hold in results/runs/main never stands in for what failed here.
    """
    shutil.move(repository.folder / "temp/srbench-gate", repository.folder / "results/runs/main")
    repository.model("1 / 0")
    assert repository.step("Run the model").returncode == 0
    assert repository.step("Gate").returncode == 3
    repository.env["POLICY"] = "gate.toml"
    assert repository.step("Gate").returncode == 2


@pytest.mark.parametrize("dataset", ["set5,set14", "set5", "s" * 600])
def test_the_key_of_the_cache_is_one_and_is_new_for_each_commit(tmp_path: Path, dataset: str) -> None:
    """The cache refuses commas and more than 512 characters, and never replaces what a key holds."""
    keep = steps()["Keep test sets and weights"]["with"]
    prefix = "${{ steps.cache.outputs.prefix }}"
    assert steps()["Name the cache"]["id"] == "cache"
    assert (keep["key"], keep["restore-keys"]) == (prefix + "${{ github.sha }}", prefix)
    repository = Repository(tmp_path)
    repository.env["DATASET"] = dataset
    assert repository.step("Name the cache").returncode == 0
    (line,) = (tmp_path / "outputs").read_text("utf-8").splitlines()
    assert re.fullmatch(r"prefix=srbench-Linux-[0-9a-f]{16}-", line)
    other = Repository(tmp_path)
    other.env["MODEL"] = "python:other.py"
    assert other.step("Name the cache").returncode == 0
    assert len(set((tmp_path / "outputs").read_text("utf-8").splitlines())) == 2
