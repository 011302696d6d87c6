"""Threads into the index: what a source hands over, merged with what is known, redacted and stored, page by page.

Only what is new since the last time is asked for, and only when the user asks. Every page is stored together with how
far the source was read: an import that stops is gone on with by the next.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from whence_indexer import schema
from whence_indexer.adapted import open_embedder
from whence_indexer.allowing import Allowed, read_allowed
from whence_indexer.embedder import Embedder
from whence_indexer.errors import TrackerError
from whence_indexer.indexing import Progress
from whence_indexer.lock import write_lock
from whence_indexer.redaction import marked
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
    """What an import brought: how many threads are new or changed, and what could not be read.

    `failed` says that something was wrong and nothing at all could be read. That nothing is new is no failure.
    """

    threads: int = 0
    problems: list[Problem] = field(default_factory=list)
    failed: bool = False


def import_threads(
    repository: Repository,
    spec: str,
    *,
    progress: Progress = lambda stage, done, total: None,
    say: Callable[[str], None] = lambda message: None,
    waiting: Callable[[str], None] = lambda holder: None,
) -> Imported:
    """Store what is new in the source that `spec` names (see `trackers.open_source`) in the index that is there.

    A source that stops half-way leaves what came before, and a problem that says why. Of one that failed nothing is
    stored, not even that it was read: it is read again the next time. Raises `TrackerError` when there is no such
    source, `NoIndexError` without an index.
    """
    source, imported = open_source(spec, repository), Imported()
    pages: list[Page] = []
    said, wrong = 0, False

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
            said += len(page.numbers)
            wrong |= bool(page.problems) and not page.off
            many = sum(len(each.numbers) for each in pages) >= _AT_ONCE
            if said and (many or time.monotonic() - written > _PATIENCE):
                store()
                written = time.monotonic()
    except TrackerError as error:
        imported.problems.append(Problem(source.name, f"{error}; what came before is kept"))
        wrong = True
    imported.failed = wrong and not said
    if pages and not imported.failed:
        store()
    return imported


def _store(repository: Repository, name: str, pages: Iterable[Page]) -> int:
    """Write these pages under one commit point; how many threads they changed."""
    store = Store(repository.index_dir)
    allowed, _ = read_allowed(repository)
    # Before they are merged: what is known is redacted, and what is said again is told by being the same.
    cleaned = [_cleaned(page, allowed) for page in pages]
    pages, taken = [page for page, _ in cleaned], [redaction for _, found in cleaned for redaction in found]
    stored = {thread.key: thread for thread in stored_threads(store, {n for page in pages for n in page.numbers})}
    known = dict(stored)
    changed: dict[tuple[str, int], Thread] = {}
    cursor = store.state.sources.get(name, {})
    for page in pages:
        for thread in merge(page, [known[key] for key in known if known[key].number in page.numbers]):
            known[thread.key] = changed[thread.key] = thread
        cursor = page.cursor
    new = [thread for thread in changed.values() if thread != stored.get(thread.key)]
    writer = Writer(store.folder, store.state)
    if new:
        _write(writer, open_embedder(store), new)
        _report(writer, {thread.number for thread in new}, known.values(), [*_reported(store), *taken])
    writer.commit(sources=store.state.sources | {name: cursor})
    return len(new)


def _cleaned(page: Page, allowed: Allowed) -> tuple[Page, list[Redaction]]:
    """The page without secrets and personal data, and what was taken out of it."""
    threads = [redacted(thread, allowed) for thread in page.threads]
    said = [
        (number, *redacted(Thread(number, "issue", "", comments=(comment,)), allowed))
        for number, comment in page.comments
    ]
    found = [redaction for _, redactions in threads for redaction in redactions]
    found += [redaction for *_, redactions in said for redaction in redactions]
    comments = tuple((number, thread.comments[0]) for number, thread, _ in said)
    return replace(page, threads=tuple(thread for thread, _ in threads), comments=comments), found


def _write(writer: Writer, embedder: Embedder, threads: Sequence[Thread]) -> None:
    """Put threads in the place of their older selves."""
    for kind in sorted({thread.kind for thread in threads}):
        of_kind = [thread.number for thread in threads if thread.kind == kind]
        writer.remove(schema.THREADS_TABLE, f"kind = '{kind}' AND number IN ({', '.join(map(str, of_kind))})")
    embedded = set(writer.column(schema.VECTORS_TABLE, "digest"))
    add_threads(writer, embedder, threads, embedded)


def _reported(store: Store) -> list[Redaction]:
    """What the index says was taken out of threads."""
    if schema.REDACTIONS_TABLE not in store.state.tables:
        return []
    rows = store.rows(schema.REDACTIONS_TABLE, ["kind", "thread"], "thread IS NOT NULL").to_pylist()
    return [Redaction(row["kind"], thread=row["thread"]) for row in rows]


def _report(writer: Writer, numbers: set[int], threads: Iterable[Thread], taken: Iterable[Redaction]) -> None:
    """Say anew what was taken out of the threads of these numbers: of all that ever was, what still has its marker.

    An issue and a pull request may have one number, and what is not said again cannot be found in its thread again.
    """
    standing: Counter[Redaction] = Counter()
    for thread in threads:
        texts = [thread.title, thread.body, thread.author, thread.url, *thread.labels]
        for said in thread.comments:
            texts += [said.body, said.author, said.url, said.state, said.path or ""]
        standing.update(Redaction(kind, thread=thread.number) for text in texts for kind in marked(text))
    kept = standing & Counter(redaction for redaction in taken if redaction.thread in numbers)
    writer.remove(schema.REDACTIONS_TABLE, f"thread IN ({', '.join(map(str, sorted(numbers)))})")
    writer.append(schema.REDACTIONS_TABLE, redaction_rows(list(kept.elements())))
