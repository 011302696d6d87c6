"""What `whence status` says: the index's contents, its size, what made it, and how far the repository has moved on."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from whence_indexer import schema
from whence_indexer.adapted import open_embedder
from whence_indexer.adapting import describe
from whence_indexer.errors import DamagedError
from whence_indexer.search import Searcher
from whence_indexer.store import Store, size_bytes
from whence_indexer.workspace import Workspace


def index_status(workspace: Workspace, places: bool = False, memory: int | None = None) -> dict[str, Any]:
    """Counts, bytes and freshness; with `places`, where something was taken out.

    `memory` is what the opened index takes, where the caller has it open.

    Raises `NoIndexError` when there is no index, `DamagedError` when it is broken.
    """
    repository = workspace.repository
    store = Store(repository.index_dir)
    state, changes = store.state, workspace.changes(store)
    tree = state.trees.get(repository.work_tree, {})
    indexed_at = tree.get("indexed_at")
    return {
        "repository": str(repository.root),
        "index": str(repository.index_dir),
        "index_bytes": size_bytes(repository.index_dir),
        "memory_bytes": _memory_bytes(workspace, store) if memory is None else memory,
        "schema": state.schema,
        "embedder": state.embedder,
        "dimension": state.dimension,
        "adapted": describe(store),
        "files": store.count(schema.files_table(repository.work_tree)),
        "chunks": store.count(schema.chunks_table(repository.work_tree)),
        "commits": store.count(schema.COMMITS_TABLE),
        "hunks": store.count(schema.HUNKS_TABLE),
        "threads": store.count(schema.THREADS_TABLE, "part = 0"),
        "sources": sorted(state.sources),
        "redacted": workspace.redacted,
        "vectors": store.count(schema.VECTORS_TABLE),
        "head": tree.get("head"),
        "indexed_at": datetime.fromtimestamp(indexed_at, UTC).isoformat(timespec="seconds") if indexed_at else None,
        "fresh": not changes.files and not changes.commits,
        "pending": {"files": changes.files, "commits": changes.commits},
        **({"places": redactions(workspace, store)} if places else {}),
    }


def redactions(workspace: Workspace, store: Store) -> list[dict[str, Any]]:
    """What was taken out of this work tree's files, of threads and of the history: kind and place; no values."""
    columns = ["kind", "path", "line", "sha", "thread"]
    found = []
    for table in (schema.redactions_table(workspace.repository.work_tree), schema.REDACTIONS_TABLE):
        if table in store.state.tables:
            found += (
                store.rows(table, columns)
                .select(columns)
                .rename_columns(["kind", "path", "line", "commit", "thread"])
                .to_pylist()
            )
    return sorted(
        found, key=lambda each: (each["commit"] or "", each["path"] or "", each["line"] or 0, each["thread"] or 0)
    )


def _memory_bytes(workspace: Workspace, store: Store) -> int | None:
    """What a search holds of the index in memory; None where the index must be brought up to date to be searched."""
    with suppress(DamagedError):
        return Searcher(workspace.repository, store, open_embedder(store)).nbytes
    return None
