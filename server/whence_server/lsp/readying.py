"""What hovers want to know of files, read in the background: first the lines somebody looks at, then whole files.

What was asked for last is read first, and what could not be read is tried again, after a while, when somebody asks for
it once more. Asked from any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Condition, Thread
from time import monotonic

from whence_indexer.errors import WhenceError
from whence_indexer.repository import Repository
from whence_indexer.types import Span
from whence_server.lsp import failures

_MOST = 200  # that wait; what was asked for longest ago is forgotten
_MOST_LINES = 400  # that are read for somebody who looks at them; more are read with the whole file
_REST, _LONGEST_REST = 2.0, 600.0  # seconds before another try, twice as many after each


class Latest:
    """A thread that does what was asked for last first, and each thing once at a time; nothing while `before` works."""

    def __init__(self, name: str, before: Latest | None = None) -> None:
        self._name, self._before = name, before
        self._change = Condition()
        self._waiting: dict[Hashable, Callable[[], None]] = {}
        self._failed: dict[Hashable, tuple[float, float]] = {}  # when it may be tried again, and how long it rested
        self._doing: Hashable = None
        self._thread: Thread | None = None
        self._closed = False

    def ask(self, key: Hashable, work: Callable[[], None]) -> None:
        """Do `work` next; not while the work with this `key` is being done, or has failed a moment ago."""
        with self._change:
            if self._closed or key == self._doing or self._failed.get(key, (0.0, 0.0))[0] > monotonic():
                return
            self._waiting.pop(key, None)
            self._waiting[key] = work
            for old in list(self._waiting)[:-_MOST]:
                del self._waiting[old]
            if self._thread is None:
                self._thread = Thread(target=self._work, name=f"whence-{self._name}", daemon=True)
                self._thread.start()
            self._change.notify_all()

    def wait_until_idle(self) -> None:
        """Until nothing is being done, nor waits."""
        with self._change:
            self._change.wait_for(lambda: self._closed or not (self._waiting or self._doing))

    def close(self) -> None:
        """Begin nothing more."""
        with self._change:
            self._closed = True
            self._waiting.clear()
            self._change.notify_all()

    def _work(self) -> None:
        while True:
            with self._change:
                self._doing = None
                self._change.notify_all()
                self._change.wait_for(lambda: self._waiting or self._closed)
            if self._before:
                self._before.wait_until_idle()
            with self._change:
                if self._closed:
                    return
                if not self._waiting:
                    continue
                key, work = self._waiting.popitem()
                self._doing = key
            failed = False
            try:
                work()
            except WhenceError:
                failed = True
            except Exception as error:
                failed = True
                failures.report(error)
            with self._change:
                rest = min(_LONGEST_REST, 2 * self._failed.pop(key, (0.0, _REST / 2))[1])
                if failed:
                    self._failed[key] = monotonic() + rest, rest
                for old in list(self._failed)[:-_MOST]:
                    del self._failed[old]


class Readying:
    """Makes files ready for hovers."""

    def __init__(self) -> None:
        self._looked_at = Latest("lines")
        self._whole = Latest("files", before=self._looked_at)

    def open(self, repository: Repository, path: str, contents: str) -> None:
        """A file is shown: it is parsed, and its history is read."""

        def work() -> None:
            from whence_server.opened import read_text_of

            read_text_of(repository, path, contents)

        self._looked_at.ask((repository, repository.head, path), work)
        self.read(repository, path)

    def want(self, repository: Repository, lines: Span, contents: str | None) -> None:
        """Somebody looks at these lines, of a file that is `contents` on screen or else as it is on disk."""

        def work() -> None:
            from whence_server.opened import read_lines, read_text_of

            read_text_of(repository, lines.path, contents)
            if lines.end_line - lines.start_line < _MOST_LINES:
                read_lines(repository, lines, contents)

        self._looked_at.ask((repository, repository.head, lines), work)
        self.read(repository, lines.path)

    def read(self, repository: Repository, path: str) -> None:
        """Read the history of all lines of a file."""

        def work() -> None:
            from whence_server.opened import read_history

            read_history(repository, path)

        self._whole.ask((repository, repository.head, path), work)

    def close(self) -> None:
        """Begin nothing more."""
        self._looked_at.close()
        self._whole.close()
