"""How far something long has come, said now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
_EVERY = 5.0  # seconds


def paced(items: Sequence[T], what: str, note: Callable[[str], None]) -> Iterator[T]:
    """Each item in turn; `note` hears every few seconds how many are done, and how long the rest will take."""
    started = said = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if now - said >= _EVERY:
            said = now
            left = (now - started) / done * (len(items) - done) if done else 0.0
            note(f"{what}: {done} of {len(items)}, {left:.0f} s left")
        yield item
