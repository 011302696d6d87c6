"""Why a worker ended, in words: its exit status and the last lines that it printed -> one clause of a sentence.

Pure, but for a look at how often the system has killed for lack of memory.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

_EVENTS = Path("/sys/fs/cgroup/memory.events")
_WORDS = {
    "SIGILL": "it used an instruction that this processor lacks",
    "SIGSEGV": "it crashed (an invalid memory access)",
    "SIGBUS": "it crashed (the model's file changed or its disk failed while it was read)",
    "SIGFPE": "it crashed (an arithmetic error)",
    "SIGABRT": "it gave up",
    "SIGTERM": "it was told to end",
}
_TELLING = ("GGML_ASSERT", "terminate called", "what():", "error", "Error")


def cause(status: int, said: str = "", starved: bool = False) -> str:
    """Why a process with this `subprocess` exit status ended; `starved` where the system has killed for memory since.

    Of what it `said` the last telling line is added.
    """
    if status >= 0:
        words = f"it ended with status {status}"
    elif -status == getattr(signal, "SIGKILL", 9):
        words = "the system killed it for lack of memory" if starved else "it was killed, as when memory runs out"
    else:
        name = signal.Signals(-status).name if -status in list(signal.Signals) else f"signal {-status}"
        words = _WORDS.get(name, f"it was ended by {name}")
    told = [line.strip() for line in said.splitlines() if any(sign in line for sign in _TELLING)]
    return f"{words}: {_short(told[-1])}" if told else words


def memory_kills() -> int:
    """How often the system has killed a process of this container for lack of memory; 0 where nobody counts."""
    with suppress(OSError, ValueError, IndexError):
        lines = dict(line.split() for line in _EVENTS.read_text().splitlines())
        return int(lines.get("oom_kill", 0))
    return 0


def offer_to_die() -> None:
    """Let the system choose this process before the editor when memory runs out."""
    with suppress(OSError):
        Path(f"/proc/{os.getpid()}/oom_score_adj").write_text("700")


def _short(line: str) -> str:
    return line if len(line) <= 200 else f"{line[:199]}…"
