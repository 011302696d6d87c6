"""A process of its own that brings one index up to date, and tells its progress: one JSON object a line.

Indexing takes time and memory that the server must not miss while somebody types. It may be killed at any moment: the
index then is what it was, and the next run goes on from there. It ends by itself when the server is gone.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from threading import Thread
from typing import IO, Any

from whence_indexer import offspring

_EVERY = 0.1  # seconds between two reports of progress
_NICENESS = 10


def command() -> dict[str, Any]:
    """The arguments of `asyncio.create_subprocess_exec`, its command first under 'args'."""
    return offspring.options("whence_server.lsp.child")


def main() -> None:
    """Read what to do from the first line of standard input, do it, and say how it went."""
    orders, out = offspring.pipes()
    job = json.loads(orders.readline())
    Thread(target=_end_with_parent, args=(orders,), daemon=True).start()
    if hasattr(os, "nice"):
        with suppress(OSError):
            os.nice(_NICENESS)
    try:
        _update(job, out)
        _say(out, {"report": True})
    except Exception as problem:  # told to the server, which decides what the user hears
        from whence_indexer.errors import WhenceError

        said = str(problem) if isinstance(problem, WhenceError | OSError) else type(problem).__name__
        _say(out, {"failed": said})


def _update(job: dict[str, Any], out: IO[bytes]) -> None:
    from whence_indexer.indexing import update
    from whence_indexer.repository import open_repository

    last = 0.0

    def progress(stage: str, done: int, total: int | None) -> None:
        nonlocal last
        if done in (0, total) or time.monotonic() - last > _EVERY:
            last = time.monotonic()
            _say(out, {"stage": stage, "done": done, "total": total})

    update(
        open_repository(job["root"]),
        rebuild=job["rebuild"],
        history=job["history"],
        progress=progress,
        waiting=lambda holder: _say(out, {"waiting": holder}),
    )


def _say(out: IO[bytes], message: dict[str, Any]) -> None:
    try:
        out.write(json.dumps(message).encode() + b"\n")
        out.flush()
    except OSError:  # nobody listens any more
        os._exit(1)


def _end_with_parent(orders: IO[bytes]) -> None:
    while orders.read(1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
