"""Memory that loading an index needed and nobody needs any more, given back to the system.

Allocators keep what was freed, for later; a server that sits in the background all day has no later.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

_ARENA_MAX = -8  # of mallopt(3)


def share_arenas() -> None:
    """Let all threads allocate from two pools, of which less stays unused than of one a thread. Before any starts."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").mallopt(_ARENA_MAX, 2)


def give_back() -> None:
    """Return what can be returned; nothing where it is not known how.

    Takes some tens of milliseconds, and stops no other thread.
    """
    if (arrow := sys.modules.get("pyarrow")) is not None:
        arrow.default_memory_pool().release_unused()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").malloc_trim(0)
