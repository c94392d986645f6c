"""Any program that reads an image and writes an image: ``command:"prog {input} -o {output} -s {scale}"``.

The line is cut into arguments as a shell would cut it, but no shell runs: nothing is expanded, and a file
name can't become a command. ``{input}`` and ``{output}`` are PNG files in a folder of their own that is
removed afterwards; ``{scale}`` is the number.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from srbench.adapters.base import Frames, PlainAdapter
from srbench.adapters.file_argument import file_digests
from srbench.adapters.folder import with_channels
from srbench.errors import ContractError, TimedOut, UsageError
from srbench.image.io import read_image, write_png
from srbench.types import ClipSpec, EvalProtocol, Job, ModelInfo, digest

_PLACES = ("{input}", "{output}")


def command_words(line: str) -> list[str]:
    """The line's arguments.

    Raises:
        UsageError: it is empty, has an open quote, or lacks a placeholder.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError("a command line", f"{error}: {line!r}", "close the quote") from error
    missing = [place for place in _PLACES if not any(place in word for word in words[1:])]
    if missing:
        example = "command:'prog {input} {output} {scale}'"
        raise UsageError(f"a command with {' and '.join(_PLACES)}", repr(line), f"write {example}")
    return words


def command_label(line: str) -> str:
    """What names the command's row: the first file among its arguments (a script), else the program."""
    words = command_words(line)
    script = next((word for word in words[1:] if Path(word).is_file()), words[0])
    return Path(script).stem


class Command(PlainAdapter):
    """Runs a program once an image."""

    takes: ClassVar[str] = "a command"

    def __init__(self, info: ModelInfo, argument: str = "") -> None:
        super().__init__(info, argument)
        self.words = command_words(argument)
        program = shutil.which(self.words[0])
        if program is None:
            raise UsageError("a program", f"{self.words[0]!r}, which is not found", "check its path")
        self.program = program

    def inference(self, protocol: EvalProtocol) -> str:
        """``command:3f2a..``: how the program predicts is its own affair; the digest is its line's."""
        return f"command:{digest({'words': self.words})}"

    def clip_fingerprint(self, clip: ClipSpec) -> str:
        """Digest of the program and of every argument that is a file (a script, a checkpoint)."""
        named = (part for word in self.words[1:] for part in (word, word.partition("=")[2]))
        files = [self.program, *(part for part in named if part and Path(part).is_file())]
        return digest({"files": [file_digests(file) for file in files]})

    def upscale(self, lr: Frames, job: Job) -> Frames:
        """Run the program on each frame.

        Raises:
            TimedOut: it takes too long.
            ContractError: it fails, or writes no image of the right size.
            ImageError: what it writes can't be scored.
        """
        return np.stack([self._frame(frame) for frame in lr])

    def _frame(self, lr: NDArray[np.uint8]) -> NDArray[np.uint8]:
        with tempfile.TemporaryDirectory(prefix="srbench-") as folder:
            source, target = Path(folder, "input.png"), Path(folder, "output.png")
            write_png(source, lr[..., 0] if lr.shape[2] == 1 else lr)
            self._run(self._filled(source, target), Path(folder, "stderr"))
            if not target.is_file():
                raise self.broken("to write {output}", "no file there", "check the command")
            return with_channels(read_image(target), lr, target)

    def _filled(self, source: Path, target: Path) -> list[str]:
        values = {"{input}": str(source), "{output}": str(target), "{scale}": str(self.scale)}
        return [self.program, *(_replaced(word, values) for word in self.words[1:])]

    def _run(self, argv: list[str], log: Path) -> None:
        with log.open("wb") as stderr:
            process = subprocess.Popen(  # noqa: S603 - the user's own command, as a list, without a shell
                argv,
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                start_new_session=True,
            )
            try:
                code = process.wait(self.settings.timeout)
            except subprocess.TimeoutExpired as error:
                got = f"still running after {self.settings.timeout:g} s (--timeout)"
                late = self._failed("to end in time", got, log)
                raise TimedOut(late.expected, late.got, late.hint) from error
            finally:
                _end(process)
        if code:
            raise self._failed("to end with exit code 0", f"exit code {code}", log)

    def _failed(self, rule: str, got: str, log: Path) -> ContractError:
        lines = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
        last = f": {lines[-1].strip()[:200]}" if lines else ""
        return self.broken(rule, got + last, f"try {shlex.join(self.words)[:200]}")


def _replaced(word: str, values: dict[str, str]) -> str:
    for place, value in values.items():
        word = word.replace(place, value)
    return word


def _end(process: subprocess.Popen[bytes]) -> None:
    """Nothing that the program started outlives it, whatever happened here."""
    if process.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()
