"""The worker's process as its parent has it: started, spoken to, and its end told in words.

One thread reads what it says and puts each message into the box of whoever waits for it.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any

from whence_indexer import offspring
from whence_server.errors import PromptError, WorkerError
from whence_server.generation.deaths import cause, memory_kills
from whence_server.generation.frames import FrameError, read_frame, write_frame
from whence_server.generation.generator import Check, Generated, Request, Told
from whence_server.generation.turns import POLL

_SAID = 1 << 14  # bytes of what it printed last
_NUMBERS = count(1)
_ENDS = ("done", "failed", "stopped", "counted")  # what ends an order
Box = SimpleQueue[dict[str, Any]]


class Child:
    """A worker's process. `about` is what it said when it was ready, `end` why it is no more: both None before."""

    def __init__(self, load: Mapping[str, Any], changed: Callable[[Child], None]) -> None:
        """Start it and let it load. `changed` hears when it is ready or gone. Raises OSError."""
        self.about: dict[str, Any] | None = None
        self.end: WorkerError | None = None
        self.refused: str | None = None  # why llama.cpp does not take the model
        self.final = False  # no other try will help
        self.gpu = False  # whether there is one, as far as it came to say
        self._changed, self._boxes, self._lock = changed, dict[int, Box](), Lock()
        self._outbox: SimpleQueue[Mapping[str, Any] | None] = SimpleQueue()
        self._open, self._quiet_since = set[int](), 0.0  # orders without an end; when it last said anything of one
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115 (closed when the process has ended)
        self._kills = memory_kills()
        self._process = _start(self._printed)
        self._outbox.put({"load": dict(load)})
        self._thread = Thread(target=self._listen, daemon=True)
        self._thread.start()
        Thread(target=self._post, daemon=True).start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def generate(self, request: Request, adapter: Path | None, patience: float, told: Told, check: Check) -> Generated:
        """Have it write. Raises `GenerationError`, or what `check` and `told` raise: it then stops.

        Where nothing is heard for `patience` seconds, of this order or of those before it that nobody waits for any
        more, it is taken for stuck and killed.
        """
        order: dict[str, Any] = {"system": request.system, "user": request.user, "grammar": request.grammar}
        order |= {"max_tokens": request.max_tokens, "adapter": str(adapter) if adapter else None}
        pieces: list[str] = []
        number, box = self._order("ask", order)
        try:
            while "done" not in (message := self._next(box, patience, check)):
                if "text" in message:
                    pieces.append(message["text"])
                    told(message["text"])
        except BaseException:
            self._outbox.put({"cancel": number})
            raise
        finally:
            self._boxes.pop(number, None)
        return Generated(
            text="".join(pieces),
            finish=message["finish"],
            logprobs=tuple(message["logprobs"]),
            prompt_tokens=message["prompt_tokens"],
            reused=message["reused"],
            first_token=message["first_token"],
            total=message["total"],
        )

    def count(self, texts: list[str], patience: float, check: Check) -> list[int]:
        """How many tokens each text has. Raises as `generate` does."""
        number, box = self._order("count", {"texts": texts})
        try:
            return [int(counted) for counted in self._next(box, patience, check)["counts"]]
        finally:
            self._boxes.pop(number, None)

    def stop(self) -> None:
        """End it at once, whatever it is doing."""
        self._process.kill()
        self._thread.join()

    def _order(self, kind: str, order: Mapping[str, Any]) -> tuple[int, Box]:
        number, box = next(_NUMBERS), Box()
        with self._lock:
            if self.end:
                raise self.end
            self._boxes[number] = box
            if not self._open:
                self._quiet_since = time.monotonic()
            self._open.add(number)
        self._outbox.put({kind: number, **order})
        return number, box

    def _next(self, box: Box, patience: float, check: Check) -> dict[str, Any]:
        """The next message for one order."""
        while True:
            check()
            with suppress(Empty):
                message = box.get(timeout=POLL)
                if "failed" in message:
                    raise PromptError(f"the model cannot answer: {message['why']}")
                if "gone" in message:
                    raise self.end or WorkerError("the model's process ended")
                return message
            if time.monotonic() - self._quiet_since > patience:
                self._process.kill()
                raise WorkerError(f"the model's process said nothing for {patience:.0f} s and was ended")

    def _post(self) -> None:
        """Write what is sent: who asks a process that reads no more must still be able to give up."""
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):  # it died, which `_listen` tells whoever waits
            while (message := self._outbox.get()) is not None:
                write_frame(self._process.stdin, message)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with suppress(FrameError, OSError):
            while message := read_frame(self._process.stdout):
                self._take(message)
        self._outbox.put(None)
        self._process.kill()  # where it said what is no message
        self._bury(self._process.wait())

    def _take(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            self.about = message["ready"]
            self._changed(self)
        elif "refused" in message:
            self.refused, self.final = message["refused"], message["final"]
        elif "gpu" in message:
            self.gpu = message["gpu"]
        else:
            kind = next((kind for kind in ("reading", "token", *_ENDS) if kind in message), "")
            number = message.get(kind, 0)
            with self._lock:
                self._quiet_since = time.monotonic()
                if kind in _ENDS:
                    self._open.discard(number)
            if kind != "stopped" and (box := self._boxes.get(number)) is not None:
                box.put(message)

    def _bury(self, status: int) -> None:
        size = self._printed.seek(0, os.SEEK_END)
        self._printed.seek(max(0, size - _SAID))
        said = self._printed.read().decode("utf-8", "replace")
        self._printed.close()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if pipe:
                    pipe.close()
        with self._lock:
            starved = memory_kills() > self._kills
            ended = f"the model's process ended: {cause(status, said, starved)}"
            self.end = WorkerError(f"the model cannot be used: {self.refused}" if self.refused else ended)
            waiting = list(self._boxes.values())
        for box in waiting:
            box.put({"gone": True})
        self._changed(self)


def _start(printed: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(**offspring.options("whence_server.generation.worker") | {"stderr": printed})
