"""The tutorial for authors of models does what it says: its files are written, its commands run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from srbench.types import MetricInfo

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "adapters.md"
FENCE = re.compile(r"^```(\w+)(?: ([^\n]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, what follows it on the fence, and its text."""

    language: str
    argument: str
    text: str


def blocks(text: str) -> list[Block]:
    """Every fenced block of a page."""
    return [Block(m[1], m[2] or "", m[3]) for m in FENCE.finditer(text)]


def commands(text: str) -> list[tuple[str, list[str]]]:
    """Each command of a console block, with the lines it must print."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line.rstrip())
    return found


def pattern(lines: list[str]) -> str:
    """A regular expression for what is shown: ``...`` is any text; alone on a line, any lines."""
    parts = (
        r"(?:.*\n)*?" if line == "..." else r"[^\n]*?".join(map(re.escape, line.split("..."))) + r"[ ]*\n"
        for line in lines
    )
    return "".join(parts)


class Reader:
    """Somebody who follows the page in an empty folder, offline."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = os.pathsep.join(
            filter(None, (str(folder / "installed"), str(ROOT), os.environ.get("PYTHONPATH")))
        )
        self.env = {**os.environ, "PYTHONPATH": path, "SRBENCH_OFFLINE": "1", "COLUMNS": "200"}
        self.env["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))

    def follow(self, block: Block) -> None:
        """Write a file, or run the commands and compare what they print."""
        if block.language != "console":
            (self.folder / block.argument).parent.mkdir(exist_ok=True)
            (self.folder / block.argument).write_text(block.text, "utf-8")
            return
        code = int(block.argument.removeprefix("exit=") or 0)
        for line, shown in commands(block.text):
            self._run(line, shown, code)

    def _run(self, line: str, shown: list[str], code: int) -> None:
        program, *arguments = shlex.split(line)
        if (program, arguments) == ("pip", ["install", "."]):
            self._install()
            return
        module = {"srbench": ["-m", "srbench"], "python": []}[program]
        done = subprocess.run(
            [sys.executable, *module, *arguments],
            cwd=self.folder,
            env=self.env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert done.returncode == code, done.stdout
        if shown:
            assert re.search(pattern(shown), done.stdout), f"{line}\n{done.stdout}\n{shown}"

    def _install(self) -> None:
        """As an installer does for a package of one folder: no build backend is needed, nor the network."""
        project = tomllib.loads((self.folder / "pyproject.toml").read_text("utf-8"))["project"]
        site = self.folder / "installed"
        metadata = site / f"{project['name']}-{project['version']}.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        )
        groups = (
            f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in points.items())
            for group, points in project["entry-points"].items()
        )
        (metadata / "entry_points.txt").write_text("\n".join(groups))
        (self.folder / project["name"]).rename(site / project["name"])


def test_every_block_of_the_tutorial_works(tmp_path: Path) -> None:
    """From the ten lines to the package: each file is written, each command prints what the page shows."""
    found = blocks(PAGE.read_text("utf-8"))
    assert {block.language for block in found} == {"python", "toml", "console"}
    assert all(block.argument for block in found if block.language != "console")
    reader = Reader(tmp_path)
    for block in found:
        reader.follow(block)


def test_first_plugin_is_ten_lines() -> None:
    """The page's promise: at most ten lines that aren't empty."""
    first = blocks(PAGE.read_text("utf-8"))[0]
    assert len([line for line in first.text.splitlines() if line.strip()]) <= 10


def test_every_field_of_a_metric_is_explained() -> None:
    """The table of `MetricInfo` has all that an author must say, and nothing that isn't there."""
    table = PAGE.read_text("utf-8").partition("| field of `MetricInfo` |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == {field.name for field in fields(MetricInfo)} - {"paper"}


@pytest.mark.parametrize(
    ("shown", "printed", "fits"),
    [
        (["a ... c"], "a b c\n", True),
        (["a ... c"], "a b\nc\n", False),
        (["...", "b"], "x\na\nb\n", True),
        (["a", "...", "b"], "a\n1\n2\nb  \n", True),
        (["a", "b"], "a\n1\nb\n", False),
    ],
)
def test_shown_lines_are_compared(shown: list[str], printed: str, fits: bool) -> None:
    """Dots stand for what changes; everything else must be printed as it is shown."""
    assert bool(re.search(pattern(shown), printed)) is fits
