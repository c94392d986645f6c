"""Write the commit a wheel is built from into it, so that an installed srbench can say what it is."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CommitHook(BuildHookInterface):  # type: ignore[type-arg] # hatchling's own parameter is not needed
    """Adds ``srbench/_data/commit``; empty if the source is no git checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it builds."""
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],  # noqa: S607
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )
        file = Path(tempfile.mkdtemp()) / "commit"
        file.write_text(said.stdout.strip() if said.returncode == 0 else "", encoding="utf-8")
        build_data["force_include"][str(file)] = "srbench/_data/commit"
