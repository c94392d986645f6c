"""A bounded pipeline around the thread that predicts: reading runs ahead of it, scoring behind it.

Neither holds more than a fixed number of pieces, so memory does not grow with a set; results are taken in
the order in which the work was given, so a run writes the same records in the same order however its
threads are scheduled.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from itertools import islice
from typing import TypeVar

Thing = TypeVar("Thing")


def helpers(device: str) -> int:
    """How many threads work beside the one that predicts, and how many pieces may wait on either side.

    A network on the CPU has all cores already: one thread fills the gaps that it leaves, more would only
    take from it. On another device the CPU is free, and a fast network outruns one thread.
    """
    return 1 if device == "cpu" else max(1, min(4, (os.cpu_count() or 1) - 1))


def ahead(
    things: Iterable[Thing], read: Callable[[Thing], object], pool: Executor, depth: int
) -> Iterator[Thing]:
    """Each of some things in turn, while up to `depth` that come next are read in `pool`.

    What goes wrong while reading ahead goes wrong again, and is reported, when the thing itself is used.
    """
    coming = iter(things)
    waiting: deque[tuple[Thing, Future[object] | None]] = deque((one, None) for one in islice(coming, 1))
    while waiting:
        thing, reading = waiting.popleft()
        if reading is not None:
            reading.exception()  # waits
        waiting.extend((one, pool.submit(read, one)) for one in islice(coming, depth - len(waiting)))
        yield thing


class Behind:
    """Pieces of work whose results are taken later, in the order in which they were given.

    Args:
        depth: pieces that may wait; giving one more takes the oldest one's result first.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._waiting: deque[tuple[Callable[[], None], bool]] = deque()
        self._places = 0

    def put(self, take: Callable[[], None]) -> None:
        """Take a result when its turn comes: `take` waits for it, in this thread."""
        self._waiting.append((take, True))
        self._places += 1
        self._settle(self._depth)

    def then(self, do: Callable[[], None]) -> None:
        """Do something once all results that were put before it are taken; it keeps nobody waiting."""
        self._waiting.append((do, False))
        self._settle(self._depth)

    def empty(self) -> None:
        """Take every result that waits."""
        self._settle(0)

    def _settle(self, depth: int) -> None:
        while self._waiting and (self._places > depth or not self._waiting[0][1]):
            take, is_result = self._waiting.popleft()
            self._places -= is_result
            take()
