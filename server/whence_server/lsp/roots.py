"""One folder of the editor: its repository, what is searched of it, and whether that is all there is.

Asked from many threads at once. What takes time is done in them, never on the event loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from whence_indexer.errors import DamagedError, NoIndexError
from whence_indexer.finder import Finder
from whence_indexer.repository import Repository, open_repository

if TYPE_CHECKING:
    from whence_indexer.scan import Scan
    from whence_indexer.search import Searcher
    from whence_indexer.workspace import Workspace

T = TypeVar("T")


@dataclass(frozen=True)
class Found(Generic[T]):
    """What a question brought. It is `partial` where the index was not there yet, or not yet all of it."""

    value: T
    partial: bool


class Root:
    """An opened repository."""

    def __init__(self, folder: Path) -> None:
        """Nothing but git is asked. Raises `RepositoryError`."""
        self.repository: Repository = open_repository(folder)
        _ = self.repository.head, self.repository.web_url
        self.history = True  # whether the index is to hold commits
        self.damaged = False
        self.opened: Searcher | None = None  # what was opened last, for those who must not wait
        self._workspace: Workspace | None = None
        self._scan: Scan | None = None
        self._lock = Lock()
        self._screen: dict[str, str] = {}
        self._pending: set[str] = set()

    @property
    def has_index(self) -> bool:
        """Whether there is one, of whatever quality."""
        return (self.repository.index_dir / "state.json").exists()

    def show(self, path: str, contents: str | None) -> None:
        """From now on search this file by these contents; None: as it is on disk, where it may have changed."""
        with self._lock:
            self._pending.add(path)
            self._scan = None
            if contents is None:
                self._screen.pop(path, None)
            else:
                self._screen[path] = contents

    def ask(self, question: Callable[[Finder], T]) -> Found[T]:
        """What `question` returns for the index as it is, else for the files alone."""
        for _ in range(2):  # a writer may compact the tables under a reader once
            try:
                searcher = self._current()
                found = Found(question(searcher), partial=self._lacks_history(searcher))
                self.damaged = False
                return found
            except NoIndexError:
                break
            except DamagedError:
                self.damaged = True
        return Found(question(self._scanned()), partial=True)

    def moved(self) -> None:
        """HEAD is elsewhere: where, is asked now, before a hover wants to know. Not on the event loop."""
        now = replace(self.repository)
        _ = now.head, now.web_url
        self.repository = now

    def load(self) -> None:
        """Open the index as it is now, before somebody asks; without one, make ready what answers meanwhile."""
        self.ask(lambda finder: finder.embed(["ready"]))
        if self.opened:
            self.opened.defined("")  # what a hover asks, which prepares it

    def status(self) -> dict[str, Any] | None:
        """`status.index_status` as far as it may leave this machine's folders unnamed; None without an index."""
        from whence_server.status import index_status

        try:
            searcher = self._current()
        except (NoIndexError, DamagedError):
            return None
        with self._lock:
            assert self._workspace is not None
            told = index_status(self._workspace, memory=searcher.nbytes)
        return {key: value for key, value in told.items() if key not in {"repository", "index"}}

    def _current(self) -> Searcher:
        """Raises `NoIndexError` also where the index has nothing of this work tree yet."""
        if not self.has_index:
            raise NoIndexError("the repository has not been indexed")
        from whence_indexer.workspace import Workspace

        with self._lock:
            if self._workspace is None:
                self._workspace = Workspace(self.repository)
            searcher = self._workspace.current()
            if self.repository.work_tree not in searcher.store.state.trees:
                raise NoIndexError("this work tree has not been indexed")
            if self._pending:
                self._workspace.show({path: self._screen.get(path) for path in self._pending})
                self._pending.clear()
                searcher = self._workspace.current()
            self._scan, self.opened = None, searcher
            return searcher

    def _lacks_history(self, searcher: Searcher) -> bool:
        wanted = self.history and self.repository.common_dir is not None
        return wanted and not searcher.store.state.heads and self.repository.head is not None

    def _scanned(self) -> Scan:
        from whence_indexer.scan import Scan

        with self._lock:
            if self._scan is None:
                self._scan = Scan(self.repository, self._screen)
                self._scan.embed(["ready"])  # the model is loaded once, by whoever comes first
            return self._scan
