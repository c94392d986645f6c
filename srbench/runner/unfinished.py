"""What a run was computing, kept in a file beside its journal: the only trace of an end without a word.

A model can end the whole process (``os._exit``, a crash in native code, no memory left), as ``kill -9`` can.
No handler sees that; the file does. Nobody can tell the two apart, so nothing is skipped because of it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

NAME = "unfinished.txt"
_WIDTH = 400


class Unfinished:
    """A context manager that leaves its file behind only where the process ends inside it.

    Attributes:
        before: what the run before was computing when it ended without a word, or empty.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._file = -1
        self.before = ""

    def __enter__(self) -> Self:
        with suppress(OSError):
            self.before = self._path.read_text("utf-8", "replace").strip()
        with suppress(OSError):  # without the file only the notice is lost
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._path.unlink(missing_ok=True)

    def note(self, what: str) -> None:
        """Say what is computed from now on; one short write, which outlives the process, not a power cut."""
        if self._file >= 0:
            with suppress(OSError):
                os.pwrite(self._file, what.encode("utf-8", "replace")[:_WIDTH].ljust(_WIDTH) + b"\n", 0)
