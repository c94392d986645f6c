"""Imports point one way; the table here is the one in CONTRIBUTING.md."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import srbench

ROOT = Path(srbench.__file__).parent
BASE = {"errors", "types", "typed", "protocols", "registry", "resources"}
LOW = BASE | {"image", "fetch"}
MAY_IMPORT = {
    **dict.fromkeys(BASE, BASE),
    "image": BASE,
    "fetch": BASE,
    "data": LOW,
    "metrics": LOW,
    "archs": LOW,
    "adapters": LOW | {"archs", "data", "metrics"},
    "train": LOW | {"archs", "data", "metrics", "adapters"},
    "store": BASE,
    "stats": BASE,
    "timing_stats": BASE,
    "comparison": BASE | {"pictures", "store", "stats", "report", "gate"},
    "gate": BASE | {"store", "stats", "timing_stats", "report"},
    "timing": LOW | {"archs", "data", "metrics", "adapters", "timing_stats"},
    "runner": LOW | {"data", "metrics", "adapters", "store", "timing", "timing_stats"},
    "pictures": LOW | {"data", "metrics", "store"},
    "report": LOW | {"data", "store", "stats", "timing_stats", "pictures"},
    "ablation": LOW | {"train", "runner", "adapters", "store", "stats", "report"},
    "pytest_plugin": BASE | {"data", "runner", "store", "gate"},
    "explain": LOW | {"data", "metrics", "adapters", "store", "runner"},
    "cli": LOW
    | {"data", "metrics", "adapters", "store", "timing", "train", "runner", "report"}
    | {"stats", "timing_stats", "gate", "explain", "ablation", "comparison"},
}
JUDGING = (
    *("store.frame", "stats", "timing_stats", "gate", "report", "pictures", "comparison"),
    *("ablation.effects", "ablation.tables"),
)
HEAVY = {"torch", "torchvision", "lpips", "piq"}
MODULES = sorted(ROOT.rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Every module named by an import statement of a file, at any depth."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def part(path: Path) -> str:
    """The layer a file belongs to: the first name below ``srbench``."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@pytest.mark.parametrize(
    "path", [p for p in MODULES if part(p) in MAY_IMPORT], ids=lambda p: p.relative_to(ROOT).as_posix()
)
def test_imports_point_to_the_left(path: Path) -> None:
    """A module imports its own layer and the layers to its left, nothing else of srbench."""
    inner = {name.split(".")[1] for name in imports(path) if name.startswith("srbench.")} - {"__version__"}
    assert inner <= MAY_IMPORT[part(path)] | {part(path)}


def test_every_module_has_a_layer() -> None:
    """No file stands outside the table."""
    assert {part(p) for p in MODULES} <= set(MAY_IMPORT) | {"__init__", "__main__"}


def test_judging_never_imports_torch() -> None:
    """Reports and frames read records; they never touch the measuring libraries."""
    judging = [p for p in MODULES if p.relative_to(ROOT).as_posix().replace("/", ".").startswith(JUDGING)]
    assert judging
    for path in judging:
        assert not {name.split(".")[0] for name in imports(path)} & HEAVY, path


def test_measuring_never_imports_the_judging_libraries() -> None:
    """A runner knows nothing of pandas, templates or pages."""
    for path in [
        p
        for p in MODULES
        if part(p)
        in {"runner", "timing", "train", "explain", "metrics", "adapters", "data", "image", "archs", "fetch"}
    ]:
        assert not {name.split(".")[0] for name in imports(path)} & {"pandas", "jinja2"}, path
