"""One base model, kept running: its worker started in the background, restarted when it dies, asked in turns.

Takes a `Plan`, gives the words of `Child`. A death costs the answers it was working on, never this process; until the
worker is back, asking raises `WorkerError` at once, and says why and when.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Condition, Timer
from typing import Any

from whence_server.errors import LoadingError, WorkerError
from whence_server.generation.child import Child
from whence_server.generation.generator import Check, Generated, Request, Told
from whence_server.generation.turns import POLL, Turns

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0  # seconds before a start after a death, doubled each time


@dataclass(frozen=True, slots=True)
class Plan:
    """What a worker loads and how long it is waited for, in seconds: until it is ready, and from word to word.

    `systems` are the beginnings of prompts that it computes before anything is asked; `cache` is a folder for them.
    """

    path: Path
    cache: Path
    context: int = 4096
    gpu_layers: int = -1
    systems: tuple[str, ...] = ()
    loading: float = 60.0
    patience: float = 120.0


class Supervisor:
    """The worker of one model. `note` hears in a sentence what the user should know."""

    def __init__(self, plan: Plan, note: Callable[[str], None] = lambda message: None) -> None:
        self._plan, self._note = plan, note
        self._turns, self._changed = Turns(), Condition()
        self._child: Child | None = None
        self._problem: WorkerError | None = None
        self._restart: Timer | None = None
        self._due = 0.0  # when the restart is, by the monotonic clock
        self._deaths, self._gpu_layers, self._closed = 0, plan.gpu_layers, False
        self._refused = False  # llama.cpp does not take the file: trying again is no use

    def start(self) -> None:
        """Begin to load, if that has not begun; returns at once."""
        with self._changed:
            if self._child is None and self._restart is None and not (self._closed or self._refused):
                self._launch()

    @property
    def pid(self) -> int | None:
        """The worker's process; None while there is none."""
        return self._child.pid if self._child else None

    @property
    def ready(self) -> bool:
        """Whether it can be asked without waiting."""
        child = self._child
        return child is not None and bool(child.about) and not child.end

    def about(self, check: Check = lambda: None) -> dict[str, Any]:
        """How the model runs: context, threads, kv, gpu, template. Waits for it; raises `WorkerError`."""
        return self._ready(check).about or {}

    def count(self, texts: Sequence[str], check: Check = lambda: None) -> list[int]:
        """How many tokens each text has; answered also while it writes. Raises `WorkerError`."""
        return self._ready(check).count(list(texts), self._plan.patience, check)

    def generate(
        self,
        request: Request,
        adapter: Path | None = None,
        told: Told = lambda text: None,
        check: Check = lambda: None,
    ) -> Generated:
        """Write in turn, with an adapter over the model or without. Raises `GenerationError`, or what `check` does."""
        with self._turns.turn(request.asker, check):
            child = self._ready(check)
            written = child.generate(request, adapter, self._plan.patience, told, check)
        self._deaths = 0
        return written

    def close(self) -> None:
        """End the worker; asking raises from now on. Harmless when repeated."""
        with self._changed:
            self._closed, self._problem = True, WorkerError("the model was stopped")
            child, self._child = self._child, None
            if self._restart:
                self._restart.cancel()
        if child:
            child.stop()

    def _ready(self, check: Check) -> Child:
        """The worker, when it has loaded."""
        self.start()
        ends = time.monotonic() + self._plan.loading
        while True:
            check()
            with self._changed:
                child = self._child
                if child is not None and self.ready:
                    return child
                if child is None:
                    raise self._absent()
                self._changed.wait(POLL)
            if time.monotonic() > ends:
                raise LoadingError("the model is still being loaded; ask again in a while")

    def _absent(self) -> WorkerError:
        why = str(self._problem or "the model's process ended")
        left = self._due - time.monotonic()
        return WorkerError(f"{why}; it starts again in {max(left, 0.1):.1f} s" if self._restart else why)

    def _launch(self) -> None:
        """Start a worker; `_changed` is held."""
        self._restart = None
        plan = self._plan
        load = {"path": str(plan.path), "cache": str(plan.cache), "context": plan.context}
        load |= {"gpu_layers": self._gpu_layers, "systems": plan.systems}
        try:
            self._child = Child(load, self._heard)
        except OSError as error:
            self._problem = WorkerError(f"the model's process cannot start: {error.strerror}")
            self._pause()

    def _heard(self, child: Child) -> None:
        """A worker is ready, or gone."""
        with self._changed:
            if child is self._child and child.end and not self._closed:
                self._mourn(child)
            self._changed.notify_all()

    def _mourn(self, child: Child) -> None:
        self._child, self._problem = None, child.end
        loading = child.about is None
        if loading and child.gpu and self._gpu_layers != 0:  # what a full or failing GPU does, too
            self._gpu_layers = 0
            self._note(f"{child.end}; it is tried without the GPU")
            self._launch()
        else:
            self._gpu_layers = self._plan.gpu_layers  # which may have room the next time
            self._note(str(child.end))
            self._refused = child.final
            if not self._refused:
                self._pause()

    def _pause(self) -> None:
        pause = min(_FIRST_PAUSE * 2**self._deaths, _LONGEST_PAUSE)
        self._deaths += 1
        self._due = time.monotonic() + pause
        self._restart = Timer(pause, self._again)
        self._restart.daemon = True
        self._restart.start()

    def _again(self) -> None:
        with self._changed:
            if not self._closed:
                self._launch()
