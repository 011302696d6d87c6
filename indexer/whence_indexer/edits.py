"""Files as they were saved since the index was written, or are on screen unsaved: their rows in memory.

An index kept open follows every edit this way, without a look at any other file. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pyarrow as pa

from whence_indexer import schema
from whence_indexer.allowing import read_allowed
from whence_indexer.batches import Files, Maker
from whence_indexer.embedder import Embedder
from whence_indexer.files import blob_hash, list_named
from whence_indexer.repository import Repository
from whence_indexer.segments import Bags, Segment


@dataclass(frozen=True, slots=True)
class Edit:
    """One file: its content id, '' where there is nothing to index any more; its chunks' rows, vectors and words."""

    blob: str
    rows: pa.Table | None = None
    vectors: pa.Table | None = None
    words: Segment | None = None


def read_edits(
    repository: Repository,
    embedder: Embedder,
    paths: Collection[str],
    indexed: Mapping[str, str],
    contents: Mapping[str, str] = {},
) -> dict[str, Edit]:
    """Those of the files `paths` that are not what `indexed`, path -> content id, says of them.

    `contents` are those of files that an editor shows other than they are on disk, where they must be.
    """
    listed = list_named(repository, paths).files
    listed |= {path: _blob(contents[path]) for path in listed if path in contents}
    gone = {path: Edit("") for path in paths if indexed.get(path) and path not in listed}
    changed = {path: blob for path, blob in listed.items() if indexed.get(path) != blob}
    allowed, _ = read_allowed(repository)
    made = {
        path: Maker(repository, embedder, set(), allowed).make(Files({path: blob}, contents))
        for path, blob in changed.items()
    }
    table = schema.chunks_table(repository.work_tree)
    return gone | {path: _edit(changed[path], batch.tables, table) for path, batch in made.items()}


def _blob(contents: str) -> str:
    return blob_hash(contents.encode("utf-8", "replace"))


def _edit(blob: str, tables: Mapping[str, pa.Table], chunks: str) -> Edit:
    rows = tables[chunks]
    if not rows.num_rows:
        return Edit(blob)
    bags = Bags()
    keys = pa.array([bags.add(words) for words in rows["terms"].to_pylist()], pa.uint64())
    rows = rows.set_column(rows.column_names.index("terms"), "terms", keys)
    return Edit(blob, rows, tables[schema.VECTORS_TABLE], bags.segment())
