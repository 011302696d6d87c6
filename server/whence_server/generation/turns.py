"""Whose turn it is at something that serves one at a time: askers in rotation, each one's questions in order.

So somebody who asks ten questions at once delays another's first by one answer, not by ten.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from whence_server.generation.generator import Check

POLL = 0.01  # seconds between two looks at whether whoever waits still wants to


class Turns:
    """The lines of those who wait."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._lines: OrderedDict[str, deque[object]] = OrderedDict()
        self._busy = False

    @contextmanager
    def turn(self, asker: str, check: Check) -> Iterator[None]:
        """Wait for the turn and hold it. What `check` raises while waiting ends the wait."""
        ticket = object()
        with self._changed:
            self._lines.setdefault(asker, deque()).append(ticket)
        try:
            while not self._take(asker, ticket):
                check()
        except BaseException:
            self._leave(asker, ticket)
            raise
        try:
            yield
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _take(self, asker: str, ticket: object) -> bool:
        with self._changed:
            if self._busy or self._next() is not ticket:
                self._changed.wait(POLL)
            if self._busy or self._next() is not ticket:
                return False
            self._busy = True
            line = self._lines.pop(asker)
            line.popleft()
            if line:
                self._lines[asker] = line  # behind all others
            return True

    def _next(self) -> object:
        return next(iter(self._lines.values()))[0]

    def _leave(self, asker: str, ticket: object) -> None:
        with self._changed:
            line = self._lines[asker]
            line.remove(ticket)
            if not line:
                del self._lines[asker]
            self._changed.notify_all()
