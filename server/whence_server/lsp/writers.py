"""The models that write answers for this editor, and what people say of them."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whence_indexer.repository import Repository
    from whence_server.generation.serving import Serving
    from whence_server.models.trials import Event
    from whence_server.types import Model

_LOADED_WITHIN = 10.0  # seconds that a question waits for a model; then quotations answer it


class Writers:
    """For any thread but the event loop's: what models need is imported with the first use."""

    def __init__(self, note: Callable[[str], None]) -> None:
        """`note` hears, in any thread, what the user should know."""
        self._note, self._lock = note, Lock()
        self._serving: Serving | None = None

    @property
    def serving(self) -> Serving:
        """Who writes answers."""
        from whence_server.generation.serving import Serving
        from whence_server.models.installed import user_home

        with self._lock:
            if self._serving is None:
                self._serving = Serving(user_home(), self._note, _LOADED_WITHIN)
            return self._serving

    def prepare(self, wanted: str, repository: Repository) -> None:
        """Begin to load who is going to write."""
        from whence_server.models.choosing import scope_of

        self.serving.prepare(wanted, scope_of(repository))

    def judge(self, model: Model, repository: Repository, *, good: bool) -> None:
        """Count what people say of an answer of `model`."""
        from whence_server.models.choosing import scope_of

        event: Event = "up" if good else "down"
        self.serving.record(model, event, scope_of(repository))

    def close(self) -> None:
        """End the models' processes."""
        if self._serving:
            self._serving.close()
