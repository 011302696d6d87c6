"""The editor's process, watched: a server whose editor was killed must not stay."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from threading import Thread

_EVERY = 2.0  # seconds


def watch(process: Callable[[], int | None], gone: Callable[[], object]) -> None:
    """Call `gone` once the process whose number `process` gives is no more; None stands for one not known yet."""
    Thread(target=_wait, args=(process, gone), name="whence-parent", daemon=True).start()


def is_alive(number: int) -> bool:
    """Whether there is such a process. On Windows always true: there the end of the pipe tells enough."""
    if os.name == "nt" or number <= 0:
        return True
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _wait(process: Callable[[], int | None], gone: Callable[[], object]) -> None:
    while (number := process()) is None or is_alive(number):
        time.sleep(_EVERY)
    gone()
