"""Work-done progress of the protocol, for work that the server began."""

from __future__ import annotations

import asyncio
from typing import Any

from lsprotocol import types as lsp

from whence_server.lsp import failures
from whence_server.lsp.guard import Guard


class Progress:
    """What the user sees of work: begun at the first report, where the client can show it; `token` is then its name."""

    def __init__(self, guard: Guard, title: str, possible: bool) -> None:
        self._guard, self._title, self._possible = guard, title, possible
        self.token: str | None = None
        self._told: Any = None

    async def report(self, stage: str, done: int, total: int | None) -> None:
        """It is at `stage`, `done` of `total` there."""
        if self.token is None and not (self._possible and await self._begin()):
            return
        percentage = min(100, 100 * done // total) if total else None
        told = lsp.WorkDoneProgressReport(message=stage, percentage=percentage, cancellable=True)
        if told != self._told:  # work of hours is looked at often
            self._told = told
            self._tell(told)

    def end(self, message: str) -> None:
        """It is over; `message` says how."""
        if self.token is not None:
            self._tell(lsp.WorkDoneProgressEnd(message=message))

    async def _begin(self) -> bool:
        token = f"whence-{id(self)}"
        try:
            create = lsp.WorkDoneProgressCreateParams(token=token)
            await asyncio.wait_for(self._guard.ask(lsp.WINDOW_WORK_DONE_PROGRESS_CREATE, create), 5)
        except (failures.WireError, TimeoutError):
            self._possible = False
            return False
        self.token = token
        self._tell(lsp.WorkDoneProgressBegin(title=self._title, cancellable=True, percentage=0))
        return True

    def _tell(self, value: Any) -> None:
        self._guard.notify(lsp.PROGRESS, lsp.ProgressParams(token=self.token or "", value=value))
