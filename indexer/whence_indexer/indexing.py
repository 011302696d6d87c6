"""Bring the index of a repository up to date: find what changed, chunk it, embed what is new, commit.

The one place where files, history, chunker, embedder and store meet. Searches nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from whence_indexer import rows, schema
from whence_indexer.adapted import index_embedder
from whence_indexer.allowing import Allowed, read_allowed
from whence_indexer.batches import FAILED, Batch, Files, Job, Maker, Records
from whence_indexer.changes import Changes, find_changes
from whence_indexer.crew import Crew, Setup
from whence_indexer.embedder import DEFAULT, Embedder, StaticEmbedder
from whence_indexer.errors import DamagedError, NoIndexError, ReadOnlyError
from whence_indexer.history import read_log, shallow_commits
from whence_indexer.lock import write_lock
from whence_indexer.repository import Repository
from whence_indexer.store import State, Store, Writer, next_generation, size_bytes
from whence_indexer.threadrows import add_threads, redacted, stored_threads
from whence_indexer.threads import Thread
from whence_indexer.types import Problem, Redaction

Progress = Callable[[str, int, int | None], None]  # stage, done, total (None when it is not known)
T = TypeVar("T")

_FILES_AT_ONCE, _COMMITS_AT_ONCE = 40, 200  # one job: large enough to work in bulk, small enough to share out
# More takes longer than starting another process. A large model keeps all cores busy itself.
_FILES_ALONE, _COMMITS_ALONE = 200, 2_000
_MAX_UNUSED = 2  # times as many vectors as are in use; the rest belongs to branches left behind
_LOST = "the imported issues and pull requests cannot be read; whence index --issues brings them again"
_DROPPED = "the adapted model does not fit this version's model and is dropped; whence adapt makes a new one"


@dataclass
class Report:
    """What the index holds after an update. `embedded` counts the new vectors; `problems` names what is not in it.

    `redacted` counts, by kind, what was taken out of files and history before they were stored.
    """

    files: int = 0
    chunks: int = 0
    commits: int = 0
    threads: int = 0
    embedded: int = 0
    seconds: float = 0.0
    index_bytes: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    redacted: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def update(
    repository: Repository,
    *,
    model: str | None = None,
    adapted: str | None = None,
    rebuild: bool = False,
    history: bool | None = None,
    wait: bool = True,
    progress: Progress = lambda stage, done, total: None,
    waiting: Callable[[str], None] = lambda holder: None,
) -> Report:
    """Index what is new, everything the first time, and say what was done.

    `model`, `adapted` (see `adapted.save_adapted`; '' for none) and `history` change what the index is made with; None
    keeps what it has, and another `model` drops what was adapted. A damaged index is rebuilt and
    named in `problems`. Raises `LockedError` when another process writes and `wait` is false; any other `WhenceError`
    leaves the index as it was.
    """
    started = time.monotonic()
    folder = _index_folder(repository)
    with write_lock(folder, wait, waiting):
        try:
            report = _update(repository, folder, model, adapted, rebuild, history, progress)
        except DamagedError as error:
            report = _update(repository, folder, model, adapted, True, history, progress)
            report.problems.append(Problem("index", f"{error}; rebuilt"))
    report.index_bytes = size_bytes(folder)
    report.seconds = round(time.monotonic() - started, 3)
    return report


def _update(
    repository: Repository,
    folder: Path,
    model: str | None,
    adapted: str | None,
    rebuild: bool,
    history: bool | None,
    progress: Progress,
) -> Report:
    allowed, not_understood = read_allowed(repository)
    writer, embedder, problems = _open_writer(folder, model, adapted, allowed, rebuild)
    report = Report(problems=problems + not_understood)
    keeps_history = writer.state.history if history is None else history
    _Update(repository, writer, embedder, allowed, report, progress).run(keeps_history)
    return report


class _Update:
    """One update in progress: what its steps share."""

    def __init__(
        self,
        repository: Repository,
        writer: Writer,
        embedder: Embedder,
        allowed: Allowed,
        report: Report,
        progress: Progress,
    ) -> None:
        self.repository, self.writer, self.embedder, self.allowed = repository, writer, embedder, allowed
        self.report, self.progress = report, progress
        self.files, self.chunks = schema.files_table(repository.work_tree), schema.chunks_table(repository.work_tree)
        self.redactions = schema.redactions_table(repository.work_tree)
        self.embedded: set[bytes] = set(writer.column(schema.VECTORS_TABLE, "digest"))
        self.crew = Crew(Maker(repository, embedder, set(self.embedded), allowed))

    def run(self, history: bool) -> None:
        """Files first, searchable at once unless an old index serves; then the history, which takes longer."""
        state = self.writer.state
        replacing = state.generation > 0 and not state.tables
        self.progress("Looking for changes", 0, None)
        indexed = dict(zip(self.writer.column(self.files, "path"), self.writer.column(self.files, "blob"), strict=True))
        changes = find_changes(self.repository, indexed, state, history)
        to_history = changes.commits or changes.refill or (changes.heads, history) != (state.heads, state.history)
        with self.crew:
            if changes.files or self.repository.work_tree not in state.trees:
                self._update_files(changes)
                if not to_history:
                    self._commit(last=True)
                elif not replacing:
                    self._commit(last=False)
            if to_history:
                self._update_history(changes, history)
        self._summarise(changes)

    def _update_files(self, changes: Changes) -> None:
        stale = [*changes.to_read, *changes.to_forget]
        self.writer.delete(self.chunks, "path", stale)
        self.writer.delete(self.redactions, "path", stale)
        self.writer.delete(self.files, "path", stale)
        jobs = (Files(dict(blobs)) for blobs in _batches(changes.to_read.items(), _FILES_AT_ONCE))
        enough = len(changes.to_read) > _FILES_ALONE
        skipped: dict[str, str] = {}
        for batch in self._make(jobs, "Indexing files", len(changes.to_read), enough):
            skipped |= batch.skipped
        self.writer.append(self.files, rows.file_rows(changes.to_read, skipped))

    def _update_history(self, changes: Changes, history: bool) -> None:
        for table in (schema.COMMITS_TABLE, schema.HUNKS_TABLE, schema.REDACTIONS_TABLE):
            if changes.refill:
                self.writer.remove(table, "sha IS NOT NULL")
            else:
                self.writer.delete(table, "sha", changes.lost_commits)
        log = read_log(self.repository, *changes.revisions, incomplete=self._incomplete)
        jobs = map(Records, _batches(log if changes.new_commits else (), _COMMITS_AT_ONCE))
        enough = changes.new_commits > _COMMITS_ALONE
        for _ in self._make(jobs, "Indexing history", changes.new_commits, enough):
            pass
        self._commit(last=True, heads=changes.heads, boundary=changes.boundary, history=history)

    def _incomplete(self, reason: str) -> None:
        self.report.problems.append(Problem("history", f"some commits have no contents here ({reason})"))

    def _make(self, jobs: Iterable[Job], stage: str, total: int, enough: bool) -> Iterator[Batch]:
        """The batches of all jobs, written; made on all cores where there is `enough` to do."""
        if enough and isinstance(self.embedder, StaticEmbedder):
            known = frozenset(self.embedded)
            self.crew.hire(Setup(self.repository, self.embedder.folder, self.embedder.name, known, self.allowed))
        done = 0
        self.progress(stage, done, total)
        for batch in self.crew.make(jobs):
            for table, made in batch.tables.items():
                self.writer.append(table, self._unknown(made) if table == schema.VECTORS_TABLE else made)
            yield batch
            done += batch.size
            self.progress(stage, done, total)

    def _unknown(self, vectors: pa.Table) -> pa.Table:
        """Those of `vectors` that are not stored yet: two processes may have made the same."""
        digests = vectors["digest"].to_pylist()
        new = [digest not in self.embedded for digest in digests]
        self.embedded.update(digests)
        self.report.embedded += sum(new)
        return vectors.filter(new)

    def _commit(self, *, last: bool, **changes: Any) -> None:
        """Make what was written the index, and clean up where that is due.

        Vectors are dropped by the `last` commit alone: until then those who make batches rely on what there is.
        """
        self.progress("Writing the index", 0, None)
        trees = self.writer.state.trees
        if self.writer.compaction_due and self.writer.state.tables:
            trees = self._without_removed(trees)
            if last:
                self._drop_unused_vectors({*trees, self.repository.work_tree})
        name = self.repository.work_tree
        tree = {"head": self.repository.head, "root": str(self.repository.root), "indexed_at": time.time()}
        self.writer.commit(trees=trees | {name: tree}, **changes)

    def _without_removed(self, trees: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """The work trees that still exist; the tables of the others are forgotten."""
        kept = {tree: about for tree, about in trees.items() if Path(about["root"]).is_dir()}
        for tree in trees.keys() - kept.keys():
            self.writer.forget(schema.files_table(tree))
            self.writer.forget(schema.chunks_table(tree))
            self.writer.forget(schema.redactions_table(tree))
        return kept

    def _drop_unused_vectors(self, trees: set[str]) -> None:
        """Vectors outlive their chunks, for the way back to a branch; but not without bound."""
        tables = [schema.COMMITS_TABLE, schema.THREADS_TABLE, *map(schema.chunks_table, trees)]
        used = {digest for table in tables for digest in self.writer.column(table, "digest")}
        if len(self.embedded) > _MAX_UNUSED * len(used):
            self.writer.keep(schema.VECTORS_TABLE, "digest", used)
            self.embedded = used

    def _summarise(self, changes: Changes) -> None:
        reasons = Counter(self.writer.column(self.files, "skipped"))
        report, listing = self.report, changes.listing
        report.files = reasons.pop("", 0)
        report.chunks = self.writer.count(self.chunks)
        report.commits = self.writer.count(schema.COMMITS_TABLE)
        report.threads = self.writer.column(schema.THREADS_TABLE, "part").count(0)
        kinds = Counter(self.writer.column(self.redactions, "kind"))
        kinds.update(self.writer.column(schema.REDACTIONS_TABLE, "kind"))
        report.redacted = dict(sorted(kinds.items()))
        report.skipped = dict(sorted((Counter(listing.skipped) + _plain(reasons)).items()))
        report.problems += listing.problems + self._failures(reasons) + _shallow(self.repository)

    def _failures(self, reasons: Counter[str]) -> list[Problem]:
        if not any(reason.startswith(FAILED) for reason in reasons):
            return []
        pairs = zip(self.writer.column(self.files, "path"), self.writer.column(self.files, "skipped"), strict=True)
        return [Problem(path, why.removeprefix(FAILED)) for path, why in pairs if why.startswith(FAILED)]


def _open_writer(
    folder: Path, model: str | None, adapted: str | None, allowed: Allowed, rebuild: bool
) -> tuple[Writer, Embedder, list[Problem]]:
    """Continue the index in `folder`, or start another one where it is missing, outdated or unwanted.

    The vectors of an outdated one are kept where they can be. Raises `DamagedError` unless `rebuild`.
    """
    state = State()
    try:
        state = Store(folder).state
    except NoIndexError:
        rebuild = True
    except DamagedError:
        if not rebuild:
            raise
    wanted = state.adapted if adapted is None and model in (None, state.model) else adapted or ""
    model = model or state.model or DEFAULT
    embedder, kept = index_embedder(folder, model, wanted)
    problems = [Problem("adaptation", _DROPPED)] if wanted != kept else []
    made_so = (state.schema, state.embedder, state.allowed) == (schema.VERSION, embedder.name, allowed.name)
    if not rebuild and made_so:
        return Writer(folder, state), embedder, problems
    threads = _threads(folder)
    useful = not rebuild and state.embedder == embedder.name and state.schema >= schema.REDACTED_SINCE
    vectors = _vectors(folder, embedder) if useful else None
    fresh = State(
        model=model,
        embedder=embedder.name,
        dimension=embedder.dimension,
        history=state.history,
        generation=next_generation(folder),
        adapted=kept,
        allowed=allowed.name,
        # Where other values may stay than before, what was taken out of threads must be fetched again.
        sources=state.sources if threads is not None and state.allowed == allowed.name else {},
    )
    writer = Writer(folder, fresh)
    if vectors is not None:
        writer.append(schema.VECTORS_TABLE, vectors)
    known = set(vectors["digest"].to_pylist()) if vectors is not None else set()
    cleaned = [redacted(thread, allowed) for thread in threads or ()]
    add_threads(writer, embedder, [thread for thread, _ in cleaned], known)
    newly = [redaction for _, found in cleaned for redaction in found]
    writer.append(schema.REDACTIONS_TABLE, rows.redaction_rows([*_taken_from_threads(folder, threads), *newly]))
    if threads is None:
        problems.append(Problem("threads", _LOST))
    return writer, embedder, problems


def _threads(folder: Path) -> list[Thread] | None:
    """The threads of the index that is there, which are not made again as all else is; None where they are lost."""
    try:
        return stored_threads(Store(folder))
    except NoIndexError:
        return []
    except DamagedError:
        return None if any(folder.glob(f"tables-*/{schema.THREADS_TABLE}.lance")) else []


def _taken_from_threads(folder: Path, threads: list[Thread] | None) -> list[Redaction]:
    """What was taken out of the threads that are carried over: it cannot be found in them again."""
    if not threads:
        return []
    with suppress(DamagedError):
        store = Store(folder)
        if schema.REDACTIONS_TABLE in store.state.tables:
            found = store.rows(schema.REDACTIONS_TABLE, ["kind", "thread"], "thread IS NOT NULL").to_pylist()
            return [Redaction(row["kind"], thread=row["thread"]) for row in found]
    return []


def _vectors(folder: Path, embedder: Embedder) -> pa.Table | None:
    """The vectors of the index that is there, if they can be read and mean what they would mean today."""
    columns = schema.vectors(embedder.dimension)
    try:
        vectors = Store(folder).rows(schema.VECTORS_TABLE, columns.names).select(columns.names)
    except DamagedError:  # an old layout is not damage; its texts are embedded again
        return None
    return vectors if vectors.schema.equals(columns) else None


def _index_folder(repository: Repository) -> Path:
    folder = repository.index_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReadOnlyError(f"cannot write the index to {folder}: {error.strerror}") from error
    return folder


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """`items` in lists of at most `size`."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _plain(reasons: Counter[str]) -> Counter[str]:
    return Counter({reason: count for reason, count in reasons.items() if not reason.startswith(FAILED)})


def _shallow(repository: Repository) -> list[Problem]:
    ends = len(shallow_commits(repository))
    what = f"a shallow clone: history ends at {ends} commits; git fetch --unshallow brings the rest"
    return [Problem("history", what)] if ends else []
