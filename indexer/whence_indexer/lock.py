"""One writer at a time: a file lock that says who holds it.

The operating system releases it when its holder dies, so that it needs no repair.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from whence_indexer.errors import LockedError, ReadOnlyError


@contextmanager
def write_lock(folder: Path, wait: bool, waiting: Callable[[str], None] = lambda holder: None) -> Iterator[None]:
    """Hold the write lock of the index in `folder`.

    When another process holds it: call `waiting` once with its description and wait, or raise `LockedError` at once
    where `wait` is false.
    """
    lock, owner = FileLock(folder / "writer.lock"), folder / "writer.json"
    try:
        lock.acquire(blocking=False)
    except Timeout:
        holder = _describe(owner)
        if not wait:
            raise LockedError(f"{holder} is writing the index") from None
        waiting(holder)
        lock.acquire()
    except OSError as error:
        raise ReadOnlyError(f"cannot write the index to {folder}: {error.strerror}") from error
    try:
        with suppress(OSError):  # it only describes the holder
            owner.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}))
        yield
    finally:
        with suppress(OSError):
            owner.unlink(missing_ok=True)
        lock.release()


def _describe(owner: Path) -> str:
    try:
        about = json.loads(owner.read_text())
        seconds = max(0, round(time.time() - about["since"]))
        return f"process {about['pid']} on {about['host']} (for {seconds} s)"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
