"""Threads into the index: what a source hands over, merged with what is known, redacted and stored, page by page.

Only what is new since the last time is asked for, and only when the user asks. Every page is stored together with how
far the source was read: an import that stops is gone on with by the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from whence_indexer import schema
from whence_indexer.adapted import open_embedder
from whence_indexer.allowing import read_allowed
from whence_indexer.embedder import Embedder
from whence_indexer.errors import TrackerError
from whence_indexer.indexing import Progress
from whence_indexer.lock import write_lock
from whence_indexer.repository import Repository
from whence_indexer.rows import redaction_rows
from whence_indexer.store import Store, Writer
from whence_indexer.threadrows import add_threads, redacted, stored_threads
from whence_indexer.threads import Page, Thread, merge
from whence_indexer.trackers import open_source
from whence_indexer.types import Problem, Redaction

_AT_ONCE, _PATIENCE = 1_000, 10.0  # threads, seconds: whichever is reached first is written


@dataclass
class Imported:
    """What an import brought: how many threads are new or changed, and what could not be read."""

    threads: int = 0
    problems: list[Problem] = field(default_factory=list)


def import_threads(
    repository: Repository,
    spec: str,
    *,
    progress: Progress = lambda stage, done, total: None,
    say: Callable[[str], None] = lambda message: None,
    waiting: Callable[[str], None] = lambda holder: None,
) -> Imported:
    """Store what is new in the source that `spec` names (see `trackers.open_source`) in the index that is there.

    A source that stops half-way leaves what came before, and a problem that says why. Raises `TrackerError` when
    there is no such source, `NoIndexError` without an index.
    """
    source, imported = open_source(spec, repository), Imported()
    pages: list[Page] = []

    def store() -> None:
        with write_lock(repository.index_dir, True, waiting):
            imported.threads += _store(repository, source.name, pages)
        pages.clear()
        progress("Importing threads", imported.threads, None)

    written = time.monotonic()
    progress("Importing threads", 0, None)
    try:
        for page in source.pages(Store(repository.index_dir).state.sources.get(source.name), say):
            pages.append(page)
            imported.problems += page.problems
            if sum(len(each.numbers) for each in pages) >= _AT_ONCE or time.monotonic() - written > _PATIENCE:
                store()
                written = time.monotonic()
    except TrackerError as error:
        imported.problems.append(Problem(source.name, f"{error}; what came before is kept"))
    if pages:
        store()
    return imported


def _store(repository: Repository, name: str, pages: Iterable[Page]) -> int:
    """Write these pages under one commit point; how many threads they changed."""
    store = Store(repository.index_dir)
    allowed, _ = read_allowed(repository)
    stored = {thread.key: thread for thread in stored_threads(store, {n for page in pages for n in page.numbers})}
    known = dict(stored)
    changed: dict[tuple[str, int], Thread] = {}
    cursor = store.state.sources.get(name, {})
    for page in pages:
        for thread in merge(page, [known[key] for key in known if known[key].number in page.numbers]):
            known[thread.key] = changed[thread.key] = thread
        cursor = page.cursor
    cleaned = [redacted(thread, allowed) for thread in changed.values()]
    new = [(thread, found) for thread, found in cleaned if thread != stored.get(thread.key)]
    writer = Writer(store.folder, store.state)
    if new:
        _write(writer, open_embedder(store), new)
    writer.commit(sources=store.state.sources | {name: cursor})
    return len(new)


def _write(writer: Writer, embedder: Embedder, cleaned: Sequence[tuple[Thread, list[Redaction]]]) -> None:
    """Put threads, with what was taken out of them, in the place of their older selves."""
    threads = [thread for thread, _ in cleaned]
    for kind in sorted({thread.kind for thread in threads}):
        of_kind = [thread.number for thread in threads if thread.kind == kind]
        writer.remove(schema.THREADS_TABLE, f"kind = '{kind}' AND number IN ({', '.join(map(str, of_kind))})")
    writer.remove(schema.REDACTIONS_TABLE, f"thread IN ({', '.join(str(thread.number) for thread in threads)})")
    found = [redaction for _, redactions in cleaned for redaction in redactions]
    writer.append(schema.REDACTIONS_TABLE, redaction_rows(found))
    embedded = set(writer.column(schema.VECTORS_TABLE, "digest"))
    add_threads(writer, embedder, threads, embedded)
