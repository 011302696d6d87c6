"""Who writes the answer to one question: the model that was asked for, or the one in use here, or none.

The composition of model manager and workers, for as long as a command or an editor lasts. What runs models is imported
only when one does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from whence_indexer.errors import QueryError
from whence_server.errors import ModelError, WorkerError
from whence_server.models import roles as steps
from whence_server.models.choosing import Active, active, load, record
from whence_server.models.installed import EVERYWHERE, Home, find
from whence_server.models.naming import reference
from whence_server.models.trials import Event
from whence_server.types import Model

if TYPE_CHECKING:
    from whence_server.composing import Writing
    from whence_server.generation.drafting import Unsupported
    from whence_server.generation.generator import Generator, Told
    from whence_server.generation.local import Workers

AUTO, NONE = "auto", "none"  # what `whence models use` chose; quotations


class Serving:
    """Models at work. For any thread; close it when done."""

    def __init__(self, home: Home, note: Callable[[str], None] = lambda message: None, patience: float = 60.0) -> None:
        """`note` hears in a sentence what the user should know; `patience` are seconds that a question waits."""
        self._home, self._note, self._patience = home, note, patience
        self._opened: Workers | None = None
        self._lock = Lock()

    @contextmanager
    def writing(
        self,
        wanted: str,
        scope: str = EVERYWHERE,
        question: str = "",
        *,
        told: Told = lambda text: None,
        unsupported: Unsupported = "mark",
        asker: str = "",
    ) -> Iterator[Writing | None]:
        """Who writes the answer to the question with this id; None for quotations.

        `wanted` is `auto`, `none`, `NAME[@VERSION]`, a file that ends with `.gguf`, or `URL#NAME` of an endpoint. What
        was asked for by name and cannot be had raises `QueryError` or `ModelError`; `auto` then gives quotations.
        """
        with ExitStack() as held:
            generator = self._generator(wanted, scope, question, held)
            if generator is None:
                yield None
                return
            from whence_server.composing import Writing

            def ended(well: bool) -> None:
                self.record(generator.model, "answered" if well else "failed", scope)

            yield Writing(generator, told, unsupported, asker, ended)

    def record(self, model: Model, event: Event, scope: str) -> None:
        """Count what a model did or what people say of it; a challenger that does worse is taken back."""
        self._count(f"{model.name}@{model.version}", event, scope)

    def _count(self, label: str, event: Event, scope: str) -> None:
        with suppress(ModelError):  # an answer is worth more than its place in a statistic
            if said := record(self._home, label, event, scope):
                self._note(said)

    def prepare(self, wanted: str, scope: str) -> None:
        """Begin to load who is going to write."""
        with suppress(ModelError, QueryError), ExitStack() as held:
            self._generator(wanted, scope, "", held)

    def close(self) -> None:
        """End all workers."""
        with self._lock:
            if self._opened:
                self._opened.close()

    @property
    def _workers(self) -> Workers:
        from whence_server.generation.local import Workers

        with self._lock:
            self._opened = self._opened or Workers(self._note, self._patience)
            return self._opened

    def _generator(self, wanted: str, scope: str, question: str | None, held: ExitStack) -> Generator | None:
        """Who writes; with None for the question's id the champion, not a challenger."""
        if wanted == NONE:
            return None
        if "://" in wanted:
            from whence_server.generation.endpoint import Endpoint

            return Endpoint.parse(wanted)
        if wanted.endswith(".gguf"):
            return held.enter_context(self._workers.file(Path(wanted).expanduser()))
        if wanted != AUTO:
            return held.enter_context(self._workers.installed(self._named(wanted, scope)))
        try:
            chosen = self._in_use(scope, question)
            return held.enter_context(self._workers.installed(chosen)) if chosen else None
        except ModelError as error:
            challenger = None if isinstance(error, WorkerError) else self._challenger(scope, question)
            self._note(f"{error}; {'the champion answers' if challenger else 'quotations answer'}")
            if challenger is None:
                return None
        if question:
            self._count(challenger, "failed", scope)
        return self._generator(wanted, scope, None, held)

    def _challenger(self, scope: str, question: str | None) -> str | None:
        """Who is on trial, where the question falls to it."""
        with suppress(ModelError):
            roles = self._home.state().roles_in(scope)
            if question is not None and steps.chosen(roles, question) != roles.champion:
                return roles.challenger
        return None

    def _named(self, wanted: str, scope: str) -> Active:
        try:
            return load(self._home, find(self._home.state(), reference(wanted), scope))
        except ModelError as error:
            raise QueryError(f"{error}; 'none' gives answers made of quotations") from error

    def _in_use(self, scope: str, question: str | None) -> Active | None:
        """Who answers; while a new champion loads, the one before it goes on where it is still loaded."""
        chosen = active(self._home, scope, question)
        previous = self._home.state().roles_in(scope).previous
        if chosen and previous and chosen.role == "champion" and not self._workers.ready(chosen.base):
            with suppress(ModelError):
                before = load(self._home, previous, "previous")
                if self._workers.ready(before.base):
                    with self._workers.installed(chosen):  # it begins to load
                        return before
        return chosen
