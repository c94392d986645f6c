"""Models whose argument is a file, as in ``spandrel:net.pth``: found and digested without torch."""

from __future__ import annotations

import re
from pathlib import Path

from srbench.adapters.source import beside
from srbench.errors import UsageError
from srbench.fetch.digests import known_sha256

_EXTERNAL = re.compile(rb"\x0a\x08location\x12([\x01-\x7f])")
"""How ONNX's protobuf begins the name of a file of tensors: key ``location``, the length, then the name."""


def model_file(argument: str, kind: str) -> Path:
    """The file behind an argument.

    Args:
        argument: what follows the colon.
        kind: the model's name, for messages.

    Raises:
        UsageError: there is none.
    """
    if not argument:
        raise UsageError(f"{kind}:FILE", f"{kind} alone", "name the model's file")
    path = Path(argument).expanduser()
    if not path.is_file():
        raise UsageError("a model's file", f"{argument!r}, which is not a file", "check the path")
    return path


def file_digests(argument: str) -> list[str]:
    """sha256 of a model's file, then of those beside it that it needs: tensors (ONNX), imports (Python).

    Raises:
        UsageError: one of them can't be read.
    """
    path = model_file(argument, "model")
    try:
        return [known_sha256(file) for file in _files(path)]
    except OSError as error:
        raise UsageError("a readable file", f"{error.strerror}: {path}", "check its permissions") from None


def _files(path: Path) -> list[Path]:
    if path.suffix.lower() == ".py":
        return [path, *beside(path)]
    if path.suffix.lower() != ".onnx":
        return [path]
    content = path.read_bytes()
    names = {content[m.end() : m.end() + m[1][0]] for m in _EXTERNAL.finditer(content)}
    return [path, *(path.parent / name.decode("utf-8", "replace") for name in sorted(names))]
