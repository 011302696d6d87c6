"""Bring the index of a repository up to date: find what changed, chunk it, embed what is new, commit.

The one place where files, history, chunker, embedder and store meet. Searches nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from whence_indexer import rows, schema
from whence_indexer.changes import Changes, find_changes, find_changes_in
from whence_indexer.chunker import chunk_file
from whence_indexer.embedder import DEFAULT, Embedder, load_embedder
from whence_indexer.errors import DamagedError, NoIndexError, ReadOnlyError
from whence_indexer.files import read_text
from whence_indexer.history import read_commits, shallow_commits
from whence_indexer.lock import write_lock
from whence_indexer.repository import Repository
from whence_indexer.store import State, Store, Writer, next_generation, size_bytes
from whence_indexer.types import Chunk, Commit, Problem

Progress = Callable[[str, int, int | None], None]  # stage, done, total (None when it is not known)
T = TypeVar("T")

_FILES_AT_ONCE = 200  # bounds memory; large enough for the embedder and the store to work in bulk
_COMMITS_AT_ONCE = 1_000
_MAX_UNUSED = 2  # times as many vectors as are in use; the rest belongs to branches left behind
_FAILED = "failed: "


@dataclass
class Report:
    """What the index holds after an update. `embedded` counts the new vectors; `problems` names what is not in it."""

    files: int = 0
    chunks: int = 0
    commits: int = 0
    threads: int = 0
    embedded: int = 0
    seconds: float = 0.0
    index_bytes: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def update(
    repository: Repository,
    *,
    model: str | None = None,
    rebuild: bool = False,
    history: bool | None = None,
    wait: bool = True,
    progress: Progress = lambda stage, done, total: None,
    waiting: Callable[[str], None] = lambda holder: None,
) -> Report:
    """Index what is new, everything the first time, and say what was done.

    `model` and `history` change what the index is made with; None keeps what it has. A damaged index is rebuilt and
    named in `problems`. Raises `LockedError` when another process writes and `wait` is false; any other `WhenceError`
    leaves the index as it was.
    """
    started = time.monotonic()
    folder = _index_folder(repository)
    with write_lock(folder, wait, waiting):
        try:
            report = _update(repository, folder, model, rebuild, history, progress)
        except DamagedError as error:
            report = _update(repository, folder, model, True, history, progress)
            report.problems.append(Problem("index", f"{error}; rebuilt"))
    report.index_bytes = size_bytes(folder)
    report.seconds = round(time.monotonic() - started, 3)
    return report


@dataclass(frozen=True, slots=True)
class Saved:
    """One save: the state it found, the state it left, the files that differ between them, and their vectors."""

    before: State
    after: State
    paths: list[str]
    vectors: list[pa.Table]


def save(repository: Repository, paths: Collection[str], *, wait: bool = False) -> Saved:
    """Bring the index up to date in the files `paths`, in time that does not depend on how many others there are.

    Raises `NoIndexError` or `DamagedError` where there is no index to continue, and `LockedError` as `update` does.
    """
    with write_lock(_index_folder(repository), wait):
        state = Store(repository.index_dir).state
        embedder = load_embedder(state.model)
        if (state.schema, state.embedder) != (schema.VERSION, embedder.name):
            raise DamagedError("the index was made by another version or with another embedder")
        if repository.work_tree not in state.trees:
            raise NoIndexError("this work tree is not indexed yet; whence index does it")
        writer = Writer(repository.index_dir, state, patient=True)
        named = _Update(repository, writer, embedder, Report(), _unwatched, named=True)
        changed = named.save(paths)
        return Saved(state, writer.state, changed, named.vectors)


def compact(repository: Repository) -> bool:
    """Make up for the compaction that `save` puts off; whether there was any to do. Raises `LockedError`."""
    with write_lock(_index_folder(repository), wait=False):
        state = Store(repository.index_dir).state
        writer = Writer(repository.index_dir, state)
        if due := writer.compaction_due:
            _Update(repository, writer, load_embedder(state.model), Report(), _unwatched).commit()
        return due


def _unwatched(stage: str, done: int, total: int | None) -> None:
    """Progress that nobody watches."""


def _update(
    repository: Repository, folder: Path, model: str | None, rebuild: bool, history: bool | None, progress: Progress
) -> Report:
    writer, embedder = _open_writer(folder, model, rebuild)
    report = Report()
    keeps_history = writer.state.history if history is None else history
    _Update(repository, writer, embedder, report, progress).run(keeps_history)
    return report


class _Update:
    """One update in progress: what its steps share."""

    def __init__(
        self,
        repository: Repository,
        writer: Writer,
        embedder: Embedder,
        report: Report,
        progress: Progress,
        named: bool = False,
    ) -> None:
        """`named` says that it is about a few files: what is embedded is looked up for each, not for all at once."""
        self.repository, self.writer, self.embedder = repository, writer, embedder
        self.report, self.progress = report, progress
        self.files, self.chunks = schema.files_table(repository.work_tree), schema.chunks_table(repository.work_tree)
        self.named = named
        self.vectors: list[pa.Table] = []  # of the named files
        self.embedded: set[bytes] = set() if named else set(writer.column(schema.VECTORS_TABLE, "digest"))

    def run(self, history: bool) -> None:
        """Files first, searchable at once; then the history, which takes longer."""
        state = self.writer.state
        self.progress("Looking for changes", 0, None)
        indexed = dict(zip(self.writer.column(self.files, "path"), self.writer.column(self.files, "blob"), strict=True))
        changes = find_changes(self.repository, indexed, state, history)
        if changes.files or self.repository.work_tree not in state.trees:
            self._update_files(changes)
        if changes.commits or changes.refill or (changes.heads, history) != (state.heads, state.history):
            self._update_history(changes, history)
        self._summarise(changes)

    def save(self, paths: Collection[str]) -> list[str]:
        """The files `paths` alone; those that differed."""
        held = self.writer.rows(self.files, ["path", "blob"], "path", list(paths))
        indexed = {row["path"]: row["blob"] for row in held}
        changes = find_changes_in(self.repository, paths, indexed, self.writer.state)
        if changes.files:
            self._update_files(changes)
        return [*changes.to_read, *changes.to_forget]

    def _update_files(self, changes: Changes) -> None:
        stale = [*changes.to_read, *changes.to_forget]
        self.writer.delete(self.chunks, "path", stale)
        self.writer.delete(self.files, "path", stale)
        skipped: dict[str, str] = {}
        for done, paths in _batches(changes.to_read, _FILES_AT_ONCE):
            self.progress("Indexing files", done, len(changes.to_read))
            self._add_chunks([chunk for path in paths for chunk in self._chunk(path, changes.to_read[path], skipped)])
        self.writer.append(self.files, rows.file_rows(changes.to_read, skipped))
        self.commit()

    def _chunk(self, path: str, blob: str, skipped: dict[str, str]) -> list[Chunk]:
        """The chunks of one file; whatever goes wrong with it is noted under its name and stops nothing else."""
        try:
            text, skipped[path] = read_text(self.repository, path, blob)
            chunks = chunk_file(path, text) if text is not None else []
            for chunk in chunks:
                chunk.text.encode()  # JSON can spell half a character, which no store holds
            return chunks
        except Exception as error:
            skipped[path] = f"{_FAILED}{type(error).__name__}: {error}"
            return []

    def _add_chunks(self, chunks: list[Chunk]) -> None:
        digests = self._embed([rows.chunk_text(chunk) for chunk in chunks])
        self.writer.append(self.chunks, rows.chunk_rows(chunks, digests))

    def _update_history(self, changes: Changes, history: bool) -> None:
        for table in (schema.COMMITS_TABLE, schema.HUNKS_TABLE):
            self.writer.clear(table) if changes.refill else self.writer.delete(table, "sha", changes.lost_commits)
        commits = read_commits(self.repository, *changes.revisions, incomplete=self._incomplete)
        for done, batch in _batches(commits if changes.new_commits else (), _COMMITS_AT_ONCE):
            self.progress("Indexing history", done, changes.new_commits)
            self._add_commits(batch)
        self.commit(heads=changes.heads, boundary=changes.boundary, history=history)

    def _incomplete(self, reason: str) -> None:
        self.report.problems.append(Problem("history", f"some commits have no contents here ({reason})"))

    def _add_commits(self, commits: list[Commit]) -> None:
        digests = self._embed([rows.commit_text(commit) for commit in commits])
        self.writer.append(schema.COMMITS_TABLE, rows.commit_rows(commits, digests, self.repository.project))
        self.writer.append(schema.HUNKS_TABLE, rows.hunk_rows(commits))

    def _embed(self, texts: Sequence[str]) -> list[bytes]:
        """The digests of `texts`, after storing the vectors of those not stored yet."""
        digests = [rows.digest(text) for text in texts]
        new = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in self.embedded}
        if new:
            vectors = rows.vector_rows(list(new), self.embedder.embed(list(new.values())))
            self.writer.append(schema.VECTORS_TABLE, self._unknown(vectors) if self.named else vectors)
            self.embedded.update(new)
            self.report.embedded += len(new)
        return digests

    def _unknown(self, vectors: pa.Table) -> pa.Table:
        """Those of `vectors` that are not stored yet; all are remembered."""
        self.vectors.append(vectors)
        digests = vectors["digest"].to_pylist()
        stored = self.writer.rows(schema.VECTORS_TABLE, ["digest"], "digest", digests)
        known = {row["digest"] for row in stored}
        return vectors.filter([digest not in known for digest in digests])

    def commit(self, **changes: Any) -> None:
        """Make what was written the index, and clean up where that is due."""
        self.progress("Writing the index", 0, None)
        trees = self.writer.state.trees
        if self.writer.compaction_due:
            trees = self._without_removed(trees)
            self._drop_unused_vectors({*trees, self.repository.work_tree})
        name = self.repository.work_tree
        about = trees.get(name, {}) if self.named else {"head": self.repository.head}
        tree = about | {"root": str(self.repository.root), "indexed_at": time.time()}
        self.writer.commit(trees=trees | {name: tree}, **changes)

    def _without_removed(self, trees: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """The work trees that still exist; the tables of the others are forgotten."""
        kept = {tree: about for tree, about in trees.items() if Path(about["root"]).is_dir()}
        for tree in trees.keys() - kept.keys():
            self.writer.forget(schema.files_table(tree))
            self.writer.forget(schema.chunks_table(tree))
        return kept

    def _drop_unused_vectors(self, trees: set[str]) -> None:
        """Vectors outlive their chunks, for the way back to a branch; but not without bound."""
        tables = [schema.COMMITS_TABLE, *map(schema.chunks_table, trees)]
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
        report.skipped = dict(sorted((Counter(listing.skipped) + _plain(reasons)).items()))
        report.problems += listing.problems + self._failures(reasons) + _shallow(self.repository)

    def _failures(self, reasons: Counter[str]) -> list[Problem]:
        if not any(reason.startswith(_FAILED) for reason in reasons):
            return []
        pairs = zip(self.writer.column(self.files, "path"), self.writer.column(self.files, "skipped"), strict=True)
        return [Problem(path, why.removeprefix(_FAILED)) for path, why in pairs if why.startswith(_FAILED)]


def _open_writer(folder: Path, model: str | None, rebuild: bool) -> tuple[Writer, Embedder]:
    """Continue the index in `folder`, or start another one where it is missing, outdated or unwanted.

    Raises `DamagedError` unless `rebuild`.
    """
    state = State()
    try:
        state = Store(folder).state
    except NoIndexError:
        rebuild = True
    except DamagedError:
        if not rebuild:
            raise
    model = model or state.model or DEFAULT
    embedder = load_embedder(model)
    if not rebuild and (state.schema, state.embedder) == (schema.VERSION, embedder.name):
        return Writer(folder, state), embedder
    fresh = State(
        model=model,
        embedder=embedder.name,
        dimension=embedder.dimension,
        history=state.history,
        generation=next_generation(folder),
    )
    return Writer(folder, fresh), embedder


def _index_folder(repository: Repository) -> Path:
    folder = repository.index_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReadOnlyError(f"cannot write the index to {folder}: {error.strerror}") from error
    return folder


def _batches(items: Iterable[T], size: int) -> Iterator[tuple[int, list[T]]]:
    """`items` in lists of at most `size`, each with the number of items before it."""
    done, iterator = 0, iter(items)
    while batch := list(islice(iterator, size)):
        yield done, batch
        done += len(batch)


def _plain(reasons: Counter[str]) -> Counter[str]:
    return Counter({reason: count for reason, count in reasons.items() if not reason.startswith(_FAILED)})


def _shallow(repository: Repository) -> list[Problem]:
    ends = len(shallow_commits(repository))
    what = f"a shallow clone: history ends at {ends} commits; git fetch --unshallow brings the rest"
    return [Problem("history", what)] if ends else []
