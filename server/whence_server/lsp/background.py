"""The index of one root, kept up to date in the background: when a run is due, its progress, its end.

One run at a time; requests that come meanwhile make one more. A run the user cancels is resumed when asked for.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from whence_server.lsp import child, failures
from whence_server.lsp.guard import Guard
from whence_server.lsp.progress import Progress

_DIED = "the indexing process died"
_PAUSES = (1.0, 5.0)  # seconds before it is tried again
_LOUD_FROM = 50  # files or commits; less is done before anyone has read that it is


class Background:
    """`running` is whether a run is under way, `paused` whether the user stopped one."""

    def __init__(self, guard: Guard, root: Path, name: str, turn: asyncio.Lock, done: Callable[[], Awaitable[None]]):
        """`turn` is shared by all roots: one index at a time is written. `done` is awaited after each run."""
        self._guard, self._root, self._name, self._turn, self._done = guard, root, name, turn, done
        self.running = self.paused = False
        self.problem: str | None = None
        self.history = True
        self._due: asyncio.Task[None] | None = None
        self._when = 0.0  # that it begins, by the loop's clock
        self._working = False
        self._again = self._rebuild = False
        self._process: asyncio.subprocess.Process | None = None
        self._token: str | None = None
        self.can_show_progress = False

    @property
    def due(self) -> bool:
        """Whether a run is going to begin."""
        return self._due is not None and not self._due.done()

    @property
    def begins(self) -> bool:
        """Whether a run is under way or to come; the first one also before it was requested."""
        return self.due or not (self._when or self.paused)

    def request(self, delay: float = 0.0, *, loud: bool = False, rebuild: bool = False, resume: bool = False) -> None:
        """Bring the index up to date within `delay` seconds; nothing while `paused`, unless this is to `resume`.

        A `loud` run shows its progress from the beginning, others where there turns out to be much to do.
        """
        self.paused = self.paused and not resume
        self._rebuild = self._rebuild or rebuild
        when = asyncio.get_running_loop().time() + delay
        if self.paused:
            return
        if self._working:
            self._again = True
        elif self._due is None or self._due.done() or when < self._when:
            if self._due:
                self._due.cancel()
            self._when = when
            self._due = asyncio.create_task(self._run(delay, loud))

    def cancel(self, token: object) -> None:
        """Stop the run whose progress has this token, until it is asked for again."""
        if token is not None and token == self._token:
            self.paused = True
            self._kill()

    def stop(self) -> None:
        """End what is under way, until it is asked for by name."""
        self.paused = True
        if self._due and not self._due.done():
            self._due.cancel()
        self._kill()

    async def _run(self, delay: float, loud: bool) -> None:
        await asyncio.sleep(delay)
        self._working = True
        try:
            async with self._turn:
                self._again, self.running = False, True
                try:
                    self.problem = await self._persist(loud)
                finally:
                    self._process, self.running = None, False
            if not self.paused:
                await self._done()
        finally:
            self._working, self._due = False, None
            if self._again:
                self.request()

    async def _persist(self, loud: bool) -> str | None:
        """Run the child, again where it dies of no fault of its own; what went wrong."""
        for pause in (*_PAUSES, None):
            try:
                problem = await self._index(loud)
            except OSError as error:
                return f"indexing could not begin: {error.strerror}"
            if problem != _DIED or self.paused or pause is None:
                break
            await asyncio.sleep(pause)
        self._rebuild = False
        return problem

    async def _index(self, loud: bool) -> str | None:
        """Run the child to its end; what went wrong."""
        options = child.command()
        process = await asyncio.create_subprocess_exec(*options.pop("args"), **options)
        self._process = process
        assert process.stdin is not None
        assert process.stdout is not None
        order = {"root": str(self._root), "rebuild": self._rebuild, "history": self.history}
        process.stdin.write(json.dumps(order).encode() + b"\n")
        failed: str | None = _DIED
        shown = Progress(self._guard, f"Whence: indexing {self._name}", self.can_show_progress)
        try:
            while line := await process.stdout.readline():
                message = json.loads(line)
                if "report" in message:
                    failed = None
                elif "failed" in message:
                    failed = failures.public(message["failed"])
                elif loud or (message.get("total") or 0) > _LOUD_FROM:
                    stage = message.get("stage") or f"Waiting for {message.get('waiting')}"
                    await shown.report(stage, message.get("done", 0), message.get("total"))
                    self._token = shown.token
        except ValueError:  # what it says is no message, or has no end
            failed = _DIED
        finally:
            self._token = None
            self._kill()
            await process.wait()
            shown.end("paused; whence.reindex resumes it" if self.paused else failed or "up to date")
        return None if self.paused else failed

    def _kill(self) -> None:
        if self._process and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
