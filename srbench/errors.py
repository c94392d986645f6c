"""Errors a user can act on: what was expected, what was found, what to do.

Each error knows the exit code of the command it ends, so the command line needs one ``except``.
"""

from __future__ import annotations


class SrbenchError(Exception):
    """Base of every error srbench raises on purpose.

    ``str(error)`` is one line: ``expected <expected>, got <got>; <hint>``.
    """

    exit_code = 2

    def __init__(self, expected: str, got: str, hint: str) -> None:
        self.expected = expected
        self.got = got
        self.hint = hint
        super().__init__(" ".join(f"expected {expected}, got {got}; {hint}".split()))

    def __reduce__(self) -> tuple[type[SrbenchError], tuple[str, str, str]]:
        return type(self), (self.expected, self.got, self.hint)


class UsageError(SrbenchError):
    """A bad argument, name, file or folder given by the user (exit code 2)."""


class ImageError(UsageError):
    """A file that is not an image srbench can score (exit code 2)."""


class PluginError(UsageError):
    """A plugin that can't be imported or breaks the contract (exit code 2)."""


class ContractError(SrbenchError):
    """An adapter or metric returned something its contract forbids: its cell fails (exit code 3)."""

    exit_code = 3


class TimedOut(ContractError):
    """A model took longer than it may: its cell fails (exit code 3)."""


class StorageError(SrbenchError):
    """Results could not be written, for example because the disk is full (exit code 3)."""

    exit_code = 3


class Unavailable(SrbenchError):
    """Something can't be had here (no network, no weights, missing dependency): a reason to skip."""

    exit_code = 3


class Unfinished(SrbenchError):
    """Results that have failed or are not complete, where complete ones are needed (exit code 3)."""

    exit_code = 3


class Diverged(SrbenchError):
    """A training whose loss is no longer finite: there is nothing to keep of it (exit code 3)."""

    exit_code = 3


class NothingMeasured(SrbenchError):
    """A command that should end in numbers has none (exit code 4)."""

    exit_code = 4


class IntegrityError(SrbenchError):
    """A digest or a file does not match what was promised (exit code 5)."""

    exit_code = 5
