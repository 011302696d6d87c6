"""Whether this processor can run a library that was compiled for newer ones: asked before it is loaded.

Loading it where it cannot run would end the whole process without a word. A processor that says it can do all that such
builds use is believed; with any other the library is loaded by a process of its own first.
"""

from __future__ import annotations

import platform
import subprocess
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from whence_indexer import offspring
from whence_indexer.errors import ProcessorError

# What the published builds of LanceDB, and of llama.cpp for x86, are compiled for.
_NEEDED = frozenset({"avx2", "fma", "f16c"})
_SECONDS = 60
_CPUINFO = Path("/proc/cpuinfo")


@lru_cache
def check(module: str) -> None:
    """Raise `ProcessorError` if loading `module` would use an instruction that this processor lacks."""
    features = read_features(_CPUINFO)
    if features is None or features >= _NEEDED or not _dies(module):
        return
    lacking = ", ".join(sorted(_NEEDED - features)).upper()
    raise ProcessorError(
        f"{module} uses instructions that this processor lacks (it has no {lacking}): "
        f"install a build of {module} for this processor, or use a newer machine"
    )


def read_features(cpuinfo: Path) -> frozenset[str] | None:
    """What an x86 processor can do, as Linux names it; None where that is not told: ARM, and systems that run on no old
    processor any more."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return None
    with suppress(OSError):
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("flags"):
                return frozenset(line.partition(":")[2].split())
    return None


def _dies(module: str) -> bool:
    """Whether a process that does nothing but load `module` is ended for an illegal instruction."""
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            [*offspring.PYTHON, "-c", f"import {module}"],
            env=offspring.environment(),
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
        return done.returncode in (-4, 0xC000001D)  # SIGILL; its name on Windows
    return False
