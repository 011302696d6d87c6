"""One searchable table in memory: the columns that ranking needs, and the vector and the words of each row.

Loads it from a committed state of the store, and puts rows in the place of others without writing anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from whence_indexer import schema
from whence_indexer.bm25 import WordScorer
from whence_indexer.edits import Edit
from whence_indexer.errors import DamagedError
from whence_indexer.store import Store
from whence_indexer.vectors import Vectors

_NO_KEYS = np.zeros(0, np.uint64)
_UNSTORED = 1 << 62  # beyond any row id of LanceDB, which are fragments' numbers of 32 bits and places in them


@dataclass(frozen=True)
class Collection:
    """`row_ids` ascend; a row has the same place in all of these."""

    table: str
    columns: pa.Table
    row_ids: NDArray[np.int64]
    vectors: Vectors
    words: WordScorer
    unstored: pa.Table | None = None  # whole rows that the store has not, `_UNSTORED` the id of the first

    def __len__(self) -> int:
        return len(self.row_ids)

    @cached_property
    def symbols(self) -> Symbols:
        """The names that the rows define; the first look takes some milliseconds for 10,000 rows."""
        return Symbols.of(self.columns)

    @property
    def nbytes(self) -> int:
        """What it takes in memory, beside mapped files."""
        return int(self.columns.nbytes) + self.row_ids.nbytes + self.vectors.nbytes + self.words.nbytes

    def texts(self, store: Store, places: Sequence[int], columns: Sequence[str]) -> list[dict[str, Any]]:
        """`columns` of the rows at `places`, in this order: from the store, or from memory what it has not yet."""
        row_ids = self.row_ids[list(places)].tolist()
        stored = iter(store.take(self.table, [row_id for row_id in row_ids if row_id < _UNSTORED], columns))
        added = [row_id - _UNSTORED for row_id in row_ids if row_id >= _UNSTORED]
        unstored = iter(self.unstored.select(columns).take(added).to_pylist() if self.unstored and added else ())
        return [next(stored if row_id < _UNSTORED else unstored) for row_id in row_ids]

    def with_edits(self, edits: Mapping[str, Edit]) -> Collection:
        """This table, of stored rows alone, with those of the edited files replaced by what they hold now."""
        kept = pc.invert(pc.is_in(self.columns["path"], pa.array(list(edits), pa.string())))
        marks = kept.to_numpy().astype(bool)
        rows = [edit.rows for edit in edits.values() if edit.rows is not None]
        added = pa.concat_tables(rows).combine_chunks() if rows else schema.CHUNKS.empty_table()
        vectors = [edit.vectors for edit in edits.values() if edit.vectors is not None]
        words = [edit.words for edit in edits.values() if edit.words is not None]
        keys = added["terms"].to_numpy() if rows else _NO_KEYS
        found = StoredVectors(vectors, self.vectors.values.shape[1]).of(added["digest"])
        columns = [self.columns.filter(kept), added.select(self.columns.column_names).cast(self.columns.schema)]
        return Collection(
            self.table,
            columns=pa.concat_tables(columns).combine_chunks(),
            row_ids=np.concatenate([self.row_ids[marks], _UNSTORED + np.arange(len(added))]),
            vectors=self.vectors.extended(marks, found),
            words=self.words.extended(marks, words, keys),
            unstored=added,
        )


@dataclass(frozen=True)
class Symbols:
    """Every defined name of a table of chunks, in whole and without its scope, and the row that defines it."""

    whole: pa.Array
    last: pa.Array
    rows: pa.Array

    @classmethod
    def of(cls, columns: pa.Table) -> Symbols:
        """Those of code alone: headings of documents are called symbols too."""
        code = pc.equal(columns["kind"], "code")
        places = np.flatnonzero(code.to_numpy()) if len(columns) else np.zeros(0, np.int64)
        symbols = columns["symbols"].combine_chunks().take(pa.array(places))
        whole, parents = pc.list_flatten(symbols), pc.list_parent_indices(symbols)
        last = pc.replace_substring_regex(whole, r"^.*\.", "")
        return cls(whole, last, pa.array(places).take(parents))

    def find(self, name: str) -> list[tuple[int, str]]:
        """(row, whole name) of what is called `name`, whatever its scope."""
        found = pa.array(np.flatnonzero(pc.equal(self.last, name).to_numpy(zero_copy_only=False)))
        rows, names = self.rows.take(found).to_pylist(), self.whole.take(found).to_pylist()
        return list(zip(rows, names, strict=True))


def load(store: Store, table: str, layout: pa.Schema, columns: Sequence[str], vectors: StoredVectors) -> Collection:
    """All rows of `table`, of which `columns` of its `layout` are needed; none where it was never written."""
    if table not in store.state.tables:
        empty = layout.empty_table().select(list(columns))
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


def _rows(store: Store, table: str, columns: Sequence[str]) -> pa.Table:
    return store.rows(table, [*columns, "digest", "terms"]).sort_by("_rowid").combine_chunks()


def _keys(digests: pa.ChunkedArray) -> NDArray[np.uint64]:
    """The first eight bytes of each digest as a number: unique in practice, and quick to sort."""
    flat = digests.combine_chunks()
    data = np.frombuffer(flat.buffers()[1] or b"", np.uint64).reshape(-1, 2)
    return data[flat.offset : flat.offset + len(flat), 0]
