"""A repository with its index kept fresh: what every front end opens.

Brings the index up to date where that is cheap, says when it did not, and mends a damaged one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from whence_indexer import schema
from whence_indexer.adapted import open_embedder
from whence_indexer.allowing import read_allowed
from whence_indexer.attempts import is_due
from whence_indexer.changes import Changes, find_changes
from whence_indexer.errors import DamagedError, LockedError, NoIndexError, ReadOnlyError, TrackerError
from whence_indexer.indexing import Progress, Report, update
from whence_indexer.repository import Repository
from whence_indexer.search import Searcher
from whence_indexer.store import Store

if TYPE_CHECKING:
    from whence_indexer.adapting import Outcome
    from whence_indexer.importing import Imported

T = TypeVar("T")

# More than this takes longer than a person waits for an answer; the answer then comes from the index as it is.
CHEAP_FILES = 100
CHEAP_COMMITS = 300


class Workspace:
    """One repository, its index, and whether that index is `stale`: behind the repository."""

    def __init__(
        self,
        repository: Repository,
        progress: Callable[[], AbstractContextManager[Progress]] = lambda: nullcontext(_silent),
        note: Callable[[str], None] = lambda message: None,
    ) -> None:
        """Nothing is read before `ask` or `update`.

        `progress` is entered around each indexing run; `note` hears in a sentence what the user should know.
        """
        self.repository, self._progress, self._note = repository, progress, note
        self.stale = False
        self._searcher: Searcher | None = None

    def ask(self, question: Callable[[Searcher], T], look: bool = True) -> T:
        """What `question` returns for an up-to-date `Searcher`; asked again after a repair if the index is damaged.

        Without `look` the repository is not searched for changes: the index is taken as this or another process left
        it, which is what a program wants that hears of each change and calls `saved`.
        """
        for _ in range(2):  # a writer may compact the tables under a reader once
            with suppress(DamagedError):
                if look or not (self.repository.index_dir / "state.json").exists():
                    self._freshen()
                return question(self._open(look))
        self._note("the index is damaged and is being rebuilt")
        self.update(rebuild=True)
        return question(self._open(look))

    def saved(self, paths: Sequence[str]) -> list[str]:
        """Take over these files, relative to the root, as they are on disk; those that differ from what was searched.

        They are searched from now on, but stored by `store_edits`, or by the next `ask` that looks. No other file is
        looked at. Without an index that can be read nothing is done.
        """
        for _ in range(2):  # as in `ask`
            with suppress(DamagedError):
                try:
                    self._searcher, changed = self._open().with_files(paths)
                except NoIndexError:
                    return []
                return changed
        return []

    def show(self, contents: Mapping[str, str | None]) -> None:
        """Search these files, relative to the root, by these texts: those that an editor shows and has not saved.

        None ends that: the file is searched as it is on disk. Raises what `current` does.
        """
        texts = {path: text for path, text in contents.items() if text is not None}
        self._searcher, _ = self.current().with_files(list(contents), texts)

    def current(self) -> Searcher:
        """A searcher of the index as it is, with what `saved` and `show` took over; nothing is brought up to date.

        Raises `NoIndexError` where there is none, and `DamagedError` where it must be made anew.
        """
        store = Store(self.repository.index_dir)
        if _outdated(self.repository, store):
            raise DamagedError("the index was made by another version or in another way")
        return self._reopened(store, look=False)

    def store_edits(self) -> bool:
        """Bring the index up to date, so that what `saved` took over is stored; whether nothing of it is left to store.

        For a moment when there is time: it looks at the whole repository, and loads the index anew.
        """
        if self._searcher is None or not self._searcher.edits:
            return True
        with suppress(LockedError, ReadOnlyError):
            self.update(wait=False)
        return not self._open(look=True).edits

    def update(
        self, *, model: str | None = None, rebuild: bool = False, history: bool | None = None, wait: bool = True
    ) -> Report:
        """`indexing.update` for this repository, with its progress shown."""
        with self._progress() as progress:
            return update(
                self.repository,
                model=model,
                rebuild=rebuild,
                history=history,
                wait=wait,
                progress=progress,
                waiting=lambda holder: self._note(f"waiting for {holder}, which is writing the index"),
            )

    def import_threads(self, spec: str) -> Imported:
        """`importing.import_threads` for this repository, which is indexed by then, with its progress shown."""
        from whence_indexer.importing import import_threads

        with self._progress() as progress:
            return import_threads(
                self.repository,
                spec,
                progress=progress,
                say=self._note,
                waiting=lambda holder: self._note(f"waiting for {holder}, which is writing the index"),
            )

    @property
    def threads(self) -> int:
        """How many issues and pull requests the index holds."""
        return Store(self.repository.index_dir).count(schema.THREADS_TABLE, "part = 0")

    @property
    def redacted(self) -> dict[str, int]:
        """What was taken out of this work tree's files, the history and threads: how often, by kind."""
        store, kinds = Store(self.repository.index_dir), Counter[str]()
        for table in (schema.redactions_table(self.repository.work_tree), schema.REDACTIONS_TABLE):
            if table in store.state.tables:
                kinds.update(store.rows(table, ["kind"])["kind"].to_pylist())
        return dict(sorted(kinds.items()))

    def export_threads(self, file: Path) -> int:
        """Write them all into `file`, in the schema of docs/threads.md; how many.

        Raises `TrackerError`; where there are none, too, and leaves the file alone.
        """
        from whence_indexer.threadfile import write_threads
        from whence_indexer.threadrows import stored_threads

        if not self.threads:
            raise TrackerError("no threads are in the index; whence index --issues brings them in")
        return write_threads(stored_threads(Store(self.repository.index_dir)), file)

    def adapt(self, off: bool = False) -> Outcome:
        """`adapting.adapt` for this repository, or the way back, with its progress shown."""
        from whence_indexer import adapting

        with self._progress() as progress:
            return (adapting.restore if off else adapting.adapt)(
                self.repository,
                progress=progress,
                waiting=lambda holder: self._note(f"waiting for {holder}, which is writing the index"),
            )

    def adaptation_due(self) -> bool:
        """`attempts.is_due` for this repository."""
        return is_due(self.repository.index_dir)

    def changes(self, store: Store) -> Changes:
        """What the repository has that the index `store` has not."""
        table, state = schema.files_table(self.repository.work_tree), store.state
        rows = store.rows(table, ["path", "blob"]).to_pydict() if table in state.tables else {"path": [], "blob": []}
        indexed = dict(zip(rows["path"], rows["blob"], strict=True))
        return find_changes(self.repository, indexed, state, state.history)

    def _freshen(self) -> None:
        self.repository = replace(self.repository)  # a new one has not yet asked git where HEAD is
        try:
            store = Store(self.repository.index_dir)
            outdated = _outdated(self.repository, store)
        except NoIndexError:
            outdated = True
        if outdated:
            for problem in self.update().problems:
                if problem.where == "adaptation":
                    self._note(problem.what)
            return
        unseen = self.repository.work_tree not in store.state.trees
        changes = self.changes(store)
        self.stale = not unseen and (changes.files > CHEAP_FILES or changes.commits > CHEAP_COMMITS)
        if changes.any and not self.stale:
            try:
                self.update(wait=unseen)
            except (LockedError, ReadOnlyError):
                self.stale = True
        if self.stale:
            self._note("the index is behind the repository; run whence index to bring it up to date")

    def _open(self, look: bool = False) -> Searcher:
        """A searcher of the index as it is now, which this or another process wrote, and of later edits.

        With `look` the edited files are read again: one may be what it was before.
        """
        store = Store(self.repository.index_dir)
        if _outdated(self.repository, store):
            self.update()
            store = Store(self.repository.index_dir)
        return self._reopened(store, look)

    def _reopened(self, store: Store, look: bool) -> Searcher:
        opened = self._searcher
        shown = opened.unsaved_texts if opened else {}
        edited = list(dict.fromkeys([*opened.edits, *shown])) if opened else []
        if opened is None or opened.store.state != store.state:
            opened, look = Searcher(self.repository, store, open_embedder(store)), True
        if edited and look:
            opened, _ = opened.with_files(edited, shown)
        self._searcher = opened
        return opened


def _silent(stage: str, done: int, total: int | None) -> None:
    """Progress that nobody watches."""


def _outdated(repository: Repository, store: Store) -> bool:
    """Whether another version made the index, with another list of values that may stay, or another embedder."""
    made_with = (store.state.schema, store.state.allowed, store.state.embedder)
    return made_with != (schema.VERSION, read_allowed(repository)[0].name, open_embedder(store).name)
