"""How a model runs best on this machine: threads and the type of the KV cache, measured once and remembered.

Lives in the worker's process. The context is what was wanted, as far as the model and the memory allow.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from statistics import median

from whence_server.generation.engine import Engine, EngineError, RoomError, Settings

_SECONDS = 0.4  # of reading, and as much of writing, for one setting; a small model is measured in milliseconds
_ROWS, _MOST_ROWS, _TOKENS = 64, 512, 64
# A question as it is mostly asked: tokens of its prompt that are not known yet, and of its answer. Writing alone would
# choose eight bits, which read more slowly: the first word came 1.2 times as late.
_PROMPT, _ANSWER = 1_000, 60
# Eight bits of keys and values cost a little accuracy: taken where that is this much quicker, or where f16 has no room.
_WORTH = 1.15
_CONTEXTS = (8192, 4096, 2048, 1024, 512)


def tune(engine: Engine, wanted: int, memory: Path, model: str) -> Settings:
    """Configure `engine` for this machine and return how. `memory` is the file of what was measured, by `model`.

    Raises `RoomError` where there is room for no context.
    """
    context = min(wanted, engine.trained_context)
    key = f"{model} {context} {cores()} {'gpu' if engine.gpu else 'cpu'}"
    for measure in (False, True):
        with suppress(EngineError):  # what had room the last time may have none today
            if settings := _measured(engine, context) if measure else _recall(memory, key):
                engine.configure(settings)
                _remember(memory, key, settings)
                return settings
    raise RoomError(f"no room for a context of {min(_CONTEXTS[-1], context):,} tokens")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _measured(engine: Engine, wanted: int) -> Settings | None:
    for context in (wanted, *(size for size in _CONTEXTS if size < wanted)):
        seconds = {}
        for kv in ("f16", "q8_0"):
            with suppress(EngineError):
                engine.configure(Settings(context, cores(), kv))
                threads, taken = _best_threads(engine)
                seconds[Settings(context, threads, kv)] = taken / (_WORTH if kv == "f16" else 1)
        if seconds:
            return min(seconds, key=lambda settings: seconds[settings])
    return None


def _best_threads(engine: Engine) -> tuple[int, float]:
    """The number of threads that answers soonest, and the seconds it takes; of nearly equal ones the smaller."""
    seconds = {}
    for threads in _candidates():
        engine.set_threads(threads)
        seconds[threads] = _question(engine)
    best = min(seconds.values())
    return next((threads, taken) for threads, taken in sorted(seconds.items()) if taken < 1.03 * best)


def _candidates() -> Iterable[int]:
    most = cores()
    return sorted({most, max(1, most - 1), max(1, most // 2)})


def _question(engine: Engine) -> float:
    """Seconds that a question takes: by medians, since other programs run, too."""
    token = min(1, engine.vocabulary - 1)
    room = engine.context // 2
    engine.forget()
    engine.extend([token])  # reads every weight from the file
    engine.forget()
    reading = _times(lambda: engine.extend([token] * min(_ROWS, room)), min(_MOST_ROWS, room) // _ROWS)
    writing = _times(lambda: engine.extend([token]), min(_TOKENS, room))
    engine.forget()
    return _PROMPT * median(reading) / min(_ROWS, room) + _ANSWER * median(writing)


def _times(step: Callable[[], object], most: int) -> list[float]:
    """Seconds of each step: one at least, at most so many, as far as `_SECONDS` reach."""
    seconds: list[float] = []
    while not seconds or (len(seconds) < most and sum(seconds) < _SECONDS):
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
    return seconds


def _recall(memory: Path, key: str) -> Settings | None:
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        found = json.loads(memory.read_text())[key]
        settings = Settings(int(found["context"]), int(found["threads"]), str(found["kv"]))
        if settings.context > 0 and 0 < settings.threads <= cores() and settings.kv in ("f16", "q8_0"):
            return settings
    return None


def _remember(memory: Path, key: str, settings: Settings) -> None:
    known, measured = {}, asdict(settings)
    with suppress(OSError, ValueError):
        known = dict(json.loads(memory.read_text()))
    if known.get(key) == measured:
        return
    with suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        draft = memory.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps({**known, key: measured}, indent=1))
        draft.replace(memory)
