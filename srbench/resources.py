"""Data files that ship with srbench: found in an installed wheel and in a checkout alike.

The build maps ``datasets/`` and ``results/references/`` into the wheel as ``srbench/_data/...``; a
checkout (also an editable installation) reads them where they lie.
"""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from srbench.errors import IntegrityError

_CHECKOUT = Path(__file__).resolve().parent.parent


def datasets_folder() -> Traversable:
    """The folder of the test sets' manifests, one ``NAME.toml`` each."""
    return _folder("datasets", _CHECKOUT / "datasets")


def references_folder() -> Traversable:
    """The folder of published figures, TOML files."""
    return _folder("references", _CHECKOUT / "results" / "references")


def recipes_folder() -> Traversable:
    """The folder of training recipes, one ``NAME.toml`` each."""
    return _folder("recipes", _CHECKOUT / "recipes")


def ablations_folder() -> Traversable:
    """The folder of declared ablations, one ``NAME.toml`` each."""
    return _folder("ablations", _CHECKOUT / "ablations")


def weights_folder() -> Path:
    """The folder of weights that ship with srbench, inside the package."""
    return Path(__file__).resolve().parent / "weights"


def built_from() -> str:
    """The commit that the installed wheel was built from, with ``-dirty`` if changed; empty if not known."""
    file = files("srbench") / "_data" / "commit"
    return file.read_text("utf-8") if file.is_file() else ""


def _folder(name: str, in_checkout: Path) -> Traversable:
    packaged = files("srbench") / "_data" / name
    if packaged.is_dir():
        return packaged
    if in_checkout.is_dir():
        return in_checkout
    raise IntegrityError(f"srbench's own folder {name!r}", "an installation without it", "reinstall srbench")
