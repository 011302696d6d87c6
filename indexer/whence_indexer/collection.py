"""One searchable table in memory: the columns that ranking needs, and the vector and the words of each row.

Loads it from a committed state of the store, and brings it from one state to the next where little has changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from whence_indexer import schema
from whence_indexer.bm25 import WordScorer
from whence_indexer.errors import DamagedError
from whence_indexer.store import State, Store, is_one_of
from whence_indexer.vectors import Vectors

_NO_KEYS = np.zeros(0, np.uint64)


@dataclass(frozen=True)
class Collection:
    """`row_ids` ascend; a row has the same place in all of these."""

    table: str
    columns: pa.Table
    row_ids: NDArray[np.int64]
    vectors: Vectors
    words: WordScorer

    def __len__(self) -> int:
        return len(self.row_ids)

    @property
    def nbytes(self) -> int:
        """What it takes in memory, beside mapped files."""
        return int(self.columns.nbytes) + self.row_ids.nbytes + self.vectors.nbytes + self.words.nbytes

    def positions(self, row_ids: Sequence[int]) -> NDArray[np.intp]:
        """Where these rows, all of this table, stand."""
        return np.searchsorted(self.row_ids, np.array(row_ids, np.int64))

    def after(
        self, before: State, store: Store, paths: Sequence[str], vectors: Sequence[pa.Table]
    ) -> Collection | None:
        """This table as `store` has it, given that only the rows of the files `paths` differ from the state `before`.

        `vectors` holds those of their chunks. None where rows or words were rearranged in between.
        """
        old, new = before.segments.get(self.table, []), store.state.segments.get(self.table, [])
        if not old or new[: len(old)] != old or store.state.uncompacted <= before.uncompacted:
            return None
        kept = pc.invert(pc.is_in(self.columns["path"], pa.array(paths)))
        marks = kept.to_numpy().astype(bool)
        rows = _rows(store, self.table, self.columns.column_names, is_one_of("path", paths))
        more = StoredVectors(vectors, store.state.dimension).of(rows["digest"])
        return Collection(
            self.table,
            pa.concat_tables([self.columns.filter(kept), rows.select(self.columns.column_names)]),
            np.concatenate([self.row_ids[marks], rows["_rowid"].to_numpy().astype(np.int64)]),
            self.vectors.extended(marks, more),
            self.words.extended(marks, store.segments(self.table, len(old)), rows["terms"].to_numpy()),
        )


def load(store: Store, table: str, columns: Sequence[str], vectors: StoredVectors) -> Collection:
    """All rows of `table`; none where it was never written."""
    if table not in store.state.tables:
        empty = pa.table({name: [] for name in columns})
        return Collection(table, empty, np.zeros(0, np.int64), vectors.of(None), WordScorer([], _NO_KEYS))
    rows = _rows(store, table, columns)
    words = WordScorer(store.segments(table), rows["terms"].to_numpy())
    row_ids = rows["_rowid"].to_numpy().astype(np.int64)
    return Collection(table, rows.select(list(columns)), row_ids, vectors.of(rows["digest"]), words)


class StoredVectors:
    """Rows of the table of vectors, by the digest of their text."""

    def __init__(self, tables: Sequence[pa.Table], dimension: int) -> None:
        self._keys, self._values = _NO_KEYS, np.zeros((0, dimension), np.int8)
        if tables:
            rows = pa.concat_tables(tables).combine_chunks()
            self._keys = _keys(rows["digest"])
            self._values = rows["vector"].combine_chunks().flatten().to_numpy().reshape(-1, dimension)
        self._order = np.argsort(self._keys)

    @classmethod
    def all(cls, store: Store) -> StoredVectors:
        """The vectors of an index."""
        stored = schema.VECTORS_TABLE in store.state.tables
        return cls([store.rows(schema.VECTORS_TABLE, ["digest", "vector"])] if stored else [], store.state.dimension)

    def of(self, digests: pa.ChunkedArray | None) -> Vectors:
        """The vectors of these digests. Raises `DamagedError` where one is missing."""
        keys = _keys(digests) if digests is not None else _NO_KEYS
        found = np.searchsorted(self._keys, keys, sorter=self._order)
        places = self._order[np.minimum(found, len(self._keys) - 1)] if len(self._keys) else found[:0]
        if len(places) != len(keys) or np.any(self._keys[places] != keys):
            raise DamagedError("the index is damaged: vectors are missing")
        return Vectors.of(self._values[places])


def _rows(store: Store, table: str, columns: Sequence[str], where: str | None = None) -> pa.Table:
    return store.rows(table, [*columns, "digest", "terms"], where).sort_by("_rowid").combine_chunks()


def _keys(digests: pa.ChunkedArray) -> NDArray[np.uint64]:
    """The first eight bytes of each digest as a number: unique in practice, and quick to sort."""
    flat = digests.combine_chunks()
    data = np.frombuffer(flat.buffers()[1] or b"", np.uint64).reshape(-1, 2)
    return data[flat.offset : flat.offset + len(flat), 0]
