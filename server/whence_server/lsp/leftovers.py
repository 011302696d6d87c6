"""Memory that loading an index needed and nobody needs any more, given back to the system.

Allocators keep what was freed, for later; a server that sits in the background all day has no later.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress


def give_back() -> None:
    """Return what can be returned. Takes some tens of milliseconds; does nothing where it is not known how."""
    gc.collect()
    if (arrow := sys.modules.get("pyarrow")) is not None:
        arrow.default_memory_pool().release_unused()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").malloc_trim(0)
