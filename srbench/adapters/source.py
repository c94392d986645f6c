"""Digest of the source that a prediction depends on, found without importing any of it.

A module and what it imports, followed through its own package and through srbench's families and networks.
Bytes are compared, not meanings: an edited comment costs a new inference, never a wrong number.

What all models share (base classes, door, tiles, clips, MATLAB's imresize) answers by `CONTRACT` instead:
each edit there, of a message even, would else make every record stale, also those that took hours.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from srbench.errors import PluginError
from srbench.registry import Target
from srbench.types import digest

_SRBENCH = Path(__file__).resolve().parents[1]
_PREDICTING = ("srbench.adapters", "srbench.archs")
_SHARED = frozenset(f"srbench.adapters.{name}" for name in ("base", "network", "door", "tiles", "clips"))

CONTRACT = 1
"""How srbench's shared code makes a model's input of frames, and frames of its output; in every fingerprint.

Raised when predictions move by an edit there: tests/contract/test_contract_version.py sees whether they do.
"""


@cache
def source_digest(target: Target) -> str:
    """Digest of the module behind a target and of what it imports, and of `CONTRACT`.

    Args:
        target: ``module:attribute``, or a class.

    Raises:
        PluginError: the target's module has no file (a class typed at a prompt).
    """
    module = target.partition(":")[0] if isinstance(target, str) else getattr(target, "__module__", "")
    if _file(module) is None:
        raise PluginError("an adapter whose source is a file", f"module {module!r}", "put it into a .py file")
    files: dict[str, Path] = {}
    _follow(module, module.partition(".")[0], files)
    own = {str(number): path for number, path in enumerate(beside(files[module]))}
    sources = {name: _sha256(path) for name, path in {**files, **own}.items()}
    return digest({"contract": CONTRACT, **sources})


def beside(path: Path) -> list[Path]:
    """Python files in a program's own folder that it imports, and what these import from there, sorted.

    Installed packages are followed by name instead (`source_digest`): their folder holds strangers too.
    """
    path = path.resolve()
    if {"site-packages", "dist-packages"} & set(path.parent.parts) or path.is_relative_to(_SRBENCH):
        return []
    found: set[Path] = set()
    todo = [path]
    while todo:
        file = todo.pop()
        module = ".".join(file.relative_to(path.parent).with_suffix("").parts)
        new = (
            {own for name in _imports(module, file) for own in _own_files(path.parent, name)} - found - {path}
        )
        found |= new
        todo += sorted(new)
    return sorted(found)


def _own_files(folder: Path, module: str) -> Iterator[Path]:
    """The files in a folder that importing a module runs: its parents' ``__init__.py``, then its own."""
    parts = [part for part in module.split(".") if part]
    if parts[:1] == ["srbench"]:
        return  # a checkout of srbench beside the program; what of it predicts is followed by name
    for count in range(1, len(parts) + 1):
        place = folder.joinpath(*parts[:count])
        yield from (file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file())


def _follow(module: str, package: str, files: dict[str, Path]) -> None:
    path = _file(module)
    if module in files or path is None:
        return
    files[module] = path
    for name in _imports(module, path):
        own = package != "srbench" and name.partition(".")[0] == package
        if own or (name.startswith(_PREDICTING) and name not in _SHARED):
            _follow(name, package, files)


@cache
def _imports(module: str, path: Path) -> tuple[str, ...]:
    """Every name a module may import: by ``from a import b`` it means ``a`` and perhaps ``a.b``."""
    return tuple(_named(ast.parse(path.read_bytes()), module, path.name == "__init__.py"))


def _named(tree: ast.Module, module: str, is_package: bool) -> Iterator[str]:
    parts = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = parts[: len(parts) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def _file(module: str) -> Path | None:
    """Where a module's source lies, without importing it or its parents."""
    loaded = getattr(sys.modules.get(module), "__file__", None)
    if loaded:
        return Path(loaded)
    top, _, rest = module.partition(".")
    if not rest:
        return _top_level(top)
    candidates = (folder.joinpath(*rest.split(".")) for folder in _folders(top))
    files = (f for c in candidates for f in (c.with_suffix(".py"), c / "__init__.py"))
    return next((f for f in files if f.is_file()), None)


def _top_level(name: str) -> Path | None:
    spec = _spec(name)
    origin = Path(spec.origin) if spec and spec.origin else None
    return origin if origin and origin.suffix == ".py" else None


def _folders(top: str) -> list[Path]:
    spec = _spec(top)
    return [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []


def _spec(name: str) -> importlib.machinery.ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):  # ValueError: a module without a spec, such as __main__
        return None


@cache
def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
