"""Work off the event loop, in threads of our own: what is cancelled is answered at once and stops where it asks.

A job is a function of a `Stop`, which it calls `check` on between its steps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TypeVar

from whence_indexer.errors import WhenceError

T = TypeVar("T")


class StoppedError(WhenceError):
    """Nobody waits for the result any more."""


class Stop:
    """Whether a job should end; asked by the job, told by whoever waits for it."""

    def __init__(self) -> None:
        self._event = Event()

    def set(self) -> None:
        """Ask the job to end."""
        self._event.set()

    @property
    def asked(self) -> bool:
        """Whether it should end."""
        return self._event.is_set()

    def check(self) -> None:
        """Raises `StoppedError` where it should."""
        if self.asked:
            raise StoppedError("stopped")


class Jobs:
    """A pool of threads. Jobs begin in the order they came."""

    def __init__(self, threads: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"whence-{name}")

    async def run(self, work: Callable[[Stop], T]) -> T:
        """What `work` returns or raises. Cancelled, it is left alone, having been asked to stop."""
        stop = Stop()
        running = asyncio.wrap_future(self._pool.submit(_begin, work, stop))
        try:
            return await running
        except asyncio.CancelledError:
            stop.set()
            raise

    def close(self) -> None:
        """Begin no other job."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _begin(work: Callable[[Stop], T], stop: Stop) -> T:
    stop.check()
    return work(stop)
