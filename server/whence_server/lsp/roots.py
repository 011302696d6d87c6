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
from whence_server.concealment import conceal

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
        conceal(self.repository)
        self.history = True  # whether the index is to hold commits
        self.damaged = False
        self.opened: Searcher | None = None  # what was opened last, for those who must not wait
        self._workspace: Workspace | None = None
        self._scan: Scan | None = None
        self._work = Lock()  # held while an index is opened or files are read: for seconds
        self._screen_lock = Lock()  # held for no work at all: the event loop takes it, too
        self._screen: dict[str, str] = {}
        self._pending: set[str] = set()
        self._edits = self._scanned_edits = 0

    @property
    def has_index(self) -> bool:
        """Whether there is one, of whatever quality."""
        return (self.repository.index_dir / "state.json").exists()

    def show(self, path: str, contents: str | None) -> None:
        """From now on search this file by these contents; None: as it is on disk, where it may have changed."""
        with self._screen_lock:
            self._edits += 1
            self._pending.add(path)
            if contents is None:
                self._screen.pop(path, None)
            else:
                self._screen[path] = contents

    def ask(self, question: Callable[[Finder], T]) -> Found[T]:
        """What `question` returns for the index as it is, else for the files alone."""
        for tries in range(2):  # a writer may compact the tables under a reader once
            try:
                searcher = self._current()
                return Found(question(searcher), partial=self._lacks_history(searcher))
            except NoIndexError:
                break
            except DamagedError:
                self.damaged = tries > 0
        return Found(question(self._scanned()), partial=True)

    @property
    def behind(self) -> bool:
        """Whether the index opened last is of another commit than HEAD is now."""
        tree = self.opened.store.state.trees.get(self.repository.work_tree, {}) if self.opened else {}
        return self.opened is not None and tree.get("head") != self.repository.head

    def holds(self, paths: list[str]) -> bool:
        """Whether one of these files is indexed, or would be."""
        from whence_indexer.files import list_named

        opened = self.opened
        return bool(list_named(self.repository, paths).files) or any(opened and opened.blob(path) for path in paths)

    def fresh(self) -> bool:
        """Whether the index has the files and commits as they are; looks at all of them."""
        from whence_indexer.store import Store
        from whence_indexer.workspace import Workspace

        try:
            changes = Workspace(self.repository).changes(Store(self.repository.index_dir))
        except (NoIndexError, DamagedError):
            return True  # which others see to
        return not changes.files and not changes.commits

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
        from whence_indexer.workspace import Workspace
        from whence_server.status import index_status

        try:
            memory = self._current().nbytes
            told = index_status(Workspace(self.repository), memory=memory)
        except (NoIndexError, DamagedError):
            return None
        return {key: value for key, value in told.items() if key not in {"repository", "index"}}

    def _current(self) -> Searcher:
        """Raises `NoIndexError` also where the index has nothing of this work tree yet."""
        if not self.has_index:
            raise NoIndexError("the repository has not been indexed")
        from whence_indexer.workspace import Workspace

        with self._work:
            if self._workspace is None:
                self._workspace = Workspace(self.repository)
            searcher = self._workspace.current()
            if self.repository.work_tree not in searcher.store.state.trees:
                raise NoIndexError("this work tree has not been indexed")
            with self._screen_lock:
                shown = {path: self._screen.get(path) for path in self._pending}
                self._pending.clear()
            if shown:
                self._workspace.show(shown)
                searcher = self._workspace.current()
            self._scan, self.opened = None, searcher
            return searcher

    def _lacks_history(self, searcher: Searcher) -> bool:
        wanted = self.history and self.repository.common_dir is not None
        return wanted and not searcher.store.state.heads and self.repository.head is not None

    def _scanned(self) -> Scan:
        from whence_indexer.scan import Scan

        with self._work:
            with self._screen_lock:
                edits, screen = self._edits, dict(self._screen)
            if self._scan is None or self._scanned_edits != edits:
                self._scan, self._scanned_edits = Scan(self.repository, screen), edits
                self._scan.embed(["ready"])  # the model is loaded once, by whoever comes first
            return self._scan
