"""Progress on stderr: bars on a terminal, plain lines under CI or in a pipe; stdout stays the result's."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from srbench.runner.plan import Plan, PlannedCell
from srbench.runner.work import Work
from srbench.types import Record, Status

PLAIN_INTERVAL = 10.0


def stderr_console() -> Console:
    """Where progress goes; a terminal only if stderr is one."""
    return Console(stderr=True, highlight=False)


class RunListener:
    """Tells how a run goes on, one way on a terminal and another in a log."""

    def __init__(self, plan: Plan, bar: Progress | None, *, quiet: bool) -> None:
        self.total = sum(len(planned.todo) for planned in plan.cells)
        self.done: Counter[PlannedCell] = Counter()
        self.count = 0
        self.quiet = quiet
        self.bar = bar
        self.task = bar.add_task("", total=self.total) if bar else None
        self._spoke = time.monotonic()

    def began(self, planned: PlannedCell, work: Work) -> None:
        """Show what is being computed."""
        if self.bar is not None and self.task is not None:
            cell = planned.cell
            self.bar.update(self.task, description=f"{cell.dataset} x{cell.scale} {work.item} · {cell.model}")

    def ended(self, planned: PlannedCell, record: Record) -> None:
        """Count an image, and report a cell when its last one is done or it failed."""
        if record.status not in (Status.DONE, Status.SKIPPED):
            self._say(f"failed: {planned.label}: {record.reason}")
        if not record.item:
            return
        self.count += 1
        self.done[planned] += 1
        if self.bar is not None and self.task is not None:
            self.bar.advance(self.task)
        elif time.monotonic() - self._spoke > PLAIN_INTERVAL or self.count == self.total:
            self._say(f"{self.count} of {self.total} images: {planned.label}")
            self._spoke = time.monotonic()

    def told(self, text: str) -> None:
        """Say it."""
        self._say(text)

    def _say(self, text: str) -> None:
        if self.bar is not None:
            self.bar.console.print(text, markup=False)
        elif not self.quiet:
            print(text, file=sys.stderr)


@contextmanager
def run_listener(plan: Plan, *, quiet: bool) -> Iterator[RunListener]:
    """A listener for a run, its bar drawn only on a terminal."""
    console = stderr_console()
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    bar = Progress(*columns, console=console, transient=True) if console.is_terminal and not quiet else None
    with bar or nullcontext():
        yield RunListener(plan, bar, quiet=quiet)


@contextmanager
def item_progress(total: int, *, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Whom to tell that an item is begun: a bar on a terminal, now and then a line elsewhere."""
    console = stderr_console()
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    bar = Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal)
    task = bar.add_task("", total=total)
    begun, spoke = 0, time.monotonic()

    def tell(item: str) -> None:
        nonlocal begun, spoke
        bar.update(task, completed=begun, description=item)
        begun += 1
        if bar.disable and not quiet and time.monotonic() - spoke > PLAIN_INTERVAL:
            print(f"{begun} of {total}: {item}", file=sys.stderr)
            spoke = time.monotonic()

    with bar:
        yield tell


class DownloadBar:
    """The progress of downloads as `srbench.fetch` reports it."""

    def __init__(self, bar: Progress, name: str) -> None:
        self.bar = bar
        self.task = bar.add_task(name, total=None)

    def total(self, size: int) -> None:
        """Bytes to fetch."""
        self.bar.update(self.task, total=size)

    def advance(self, size: int) -> None:
        """Bytes fetched."""
        self.bar.advance(self.task, size)


def fetch_with_progress(name: str, *, quiet: bool, workers: int = 8) -> Any:
    """Fetch a dataset's missing files; what can't be had is reported in the returned report."""
    from srbench.data.datasets import fetch_dataset

    with nullcontext() if quiet else download_bar(name) as bar:
        return fetch_dataset(name, workers=workers, progress=bar)


@contextmanager
def download_bar(name: str) -> Iterator[DownloadBar | None]:
    """A bar for downloads on a terminal; nothing elsewhere."""
    console = stderr_console()
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        yield DownloadBar(bar, name)
