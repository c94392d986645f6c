"""The built-in models: one card each, in the order of their names."""

from __future__ import annotations

from pathlib import Path

from srbench.adapters.cards import read_card
from srbench.registry import register_model

CARDS = Path(__file__).parent / "cards"
"""Inside the package, so that a wheel has them too."""


def register() -> None:
    """Register every built-in model; imports neither an adapter nor numpy."""
    for path in sorted(CARDS.glob("*.toml")):
        info, target = read_card(path.read_text("utf-8"), path.name)
        register_model(info, target, origin="built in")
