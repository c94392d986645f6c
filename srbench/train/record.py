"""The record of a training: one JSON object a line, so that curves can be drawn while it runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from srbench.image.io import write_atomically


class TrainingRecord:
    """Lines, each with the ``step`` after which it was written and the ``event`` it tells of.

    ``begin`` (recipe, versions, sizes, what a step keeps for its gradient), ``loss`` (mean since the last
    such line, rate, seconds), ``validation`` (PSNR in dB), ``end`` (digest of the weights, seconds).
    A training that goes on from a checkpoint drops the lines beyond it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[dict[str, Any]]:
        """Every whole line; a torn last one is left out."""
        if not self.path.is_file():
            return []
        found = []
        for line in self.path.read_text("utf-8").splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                break
        return found

    def keep_until(self, step: int) -> None:
        """Drop what was written after a step."""
        kept = [line for line in self.lines() if line["step"] <= step and line["event"] != "end"]
        write_atomically(self.path, "".join(json.dumps(line) + "\n" for line in kept).encode())

    def add(self, event: str, step: int, **values: Any) -> None:
        """Append a line."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"event": event, "step": step, **values}) + "\n")
