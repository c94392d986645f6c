"""Writing a file whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from srbench.errors import StorageError


def write_whole(path: Path, content: str | bytes, hint: str = "choose another folder") -> Path:
    """Write a file, text as UTF-8, so that a reader, or a crash, never meets half of it; its folder is made.

    Raises:
        StorageError: it can't be written; `hint` says what to do.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise StorageError(
            "a folder that can be written", f"{str(path)!r}: {error.strerror}", hint
        ) from error
    return path
