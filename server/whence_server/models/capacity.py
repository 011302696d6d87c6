"""Whether this machine can hold a model in memory: asked before gigabytes are fetched."""

from __future__ import annotations

import os

from whence_server.errors import ModelError


def memory_bytes() -> int | None:
    """The machine's memory, or the smaller limit that its container has; None where the system does not tell."""
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None
    return min(total, _container_limit() or total)


def check_memory(needed: int, label: str) -> None:
    """Raise `ModelError` if `needed` bytes are more than the machine has."""
    total = memory_bytes()
    if total is not None and needed > total:
        raise ModelError(
            f"{label} takes about {needed / 1e9:,.1f} GB of memory, this machine has {total / 1e9:,.1f} GB; "
            "--anyway takes it nonetheless"
        )


def _container_limit() -> int | None:
    """The limit of the control group, on Linux."""
    try:
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as file:
            limit = file.read().strip()
    except OSError:
        return None
    return int(limit) if limit.isdecimal() else None
