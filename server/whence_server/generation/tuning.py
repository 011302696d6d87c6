"""How a model runs best on this machine: threads and the type of the KV cache, measured once and remembered.

Lives in the worker's process. The context is what was wanted, as far as the model and the memory allow.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from statistics import median

from whence_server.generation.engine import Engine, EngineError, Settings

_SECONDS = 0.4  # for one setting; a small model is measured in milliseconds
_TOKENS, _ROWS = 64, 64
# Eight bits of keys and values cost a little accuracy: taken where that is this much quicker, or where f16 has no room.
_WORTH = 1.15
_CONTEXTS = (8192, 4096, 2048, 1024, 512)


def tune(engine: Engine, wanted: int, memory: Path, model: str) -> Settings:
    """Configure `engine` for this machine and return how. `memory` is the file of what was measured, by `model`.

    Raises `EngineError` where there is no room for any context.
    """
    context = min(wanted, engine.trained_context)
    key = f"{model} {context} {cores()} {'gpu' if engine.gpu else 'cpu'}"
    for measure in (False, True):
        with suppress(EngineError):  # what had room the last time may have none today
            if settings := _measured(engine, context) if measure else _recall(memory, key):
                engine.configure(settings)
                _remember(memory, key, settings)
                return settings
    raise EngineError(f"no room for a context of {min(_CONTEXTS[-1], context):,} tokens")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _measured(engine: Engine, wanted: int) -> Settings | None:
    for context in (wanted, *(size for size in _CONTEXTS if size < wanted)):
        rates = {}
        for kv in ("f16", "q8_0"):
            with suppress(EngineError):
                engine.configure(Settings(context, cores(), kv))
                threads, rate = _best_threads(engine)
                rates[Settings(context, threads, kv)] = rate * (_WORTH if kv == "f16" else 1)
        if rates:
            return max(rates, key=lambda settings: rates[settings])
    return None


def _best_threads(engine: Engine) -> tuple[int, float]:
    """The number of threads that writes fastest, and its tokens a second; of nearly equal ones the smaller."""
    rates = {}
    for threads in _candidates():
        engine.set_threads(threads)
        rates[threads] = _rate(engine)
    best = max(rates.values())
    return next((threads, rate) for threads, rate in sorted(rates.items()) if rate > 0.97 * best)


def _candidates() -> Iterable[int]:
    most = cores()
    return sorted({most, max(1, most - 1), max(1, most // 2)})


def _rate(engine: Engine) -> float:
    """Tokens a second of writing after a short prompt: by the median, since other programs run, too."""
    token = min(1, engine.vocabulary - 1)
    engine.forget()
    engine.extend([token] * min(_ROWS, engine.context // 2))  # warm
    seconds: list[float] = []
    while len(seconds) < min(_TOKENS, engine.context // 2) and sum(seconds) < _SECONDS:
        started = time.perf_counter()
        engine.extend([token])
        seconds.append(time.perf_counter() - started)
    engine.forget()
    return 1 / median(seconds)


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
