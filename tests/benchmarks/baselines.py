"""The two halves of hybrid search, each alone and without any ranking stage, over the chunks of the same index.

Reads the store through its public interface, so that what is compared shares files, chunks, words and vectors.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tests.benchmarks.checkouts import Checkout

from whence_indexer import rows, schema
from whence_indexer.bm25 import WordScorer
from whence_indexer.query import parse_query
from whence_indexer.types import Hit

_COLUMNS = ["path", "start_line", "end_line", "kind", "digest", "terms"]


class Baselines:
    """Cosine order, and BM25 order, of the chunks of one checkout."""

    def __init__(self, checkout: Checkout, kinds: set[str], under: str | None = None) -> None:
        """Consider chunks of `kinds` in the folder `under` (None: everywhere)."""
        self._searcher, self._store = checkout.searcher, checkout.searcher.store
        self._table = schema.chunks_table(checkout.repository.work_tree)
        held = self._store.rows(self._table, _COLUMNS)
        prefix = f"{under}/" if under else ""
        kept = [row["kind"] in kinds and row["path"].startswith(prefix) for row in held.to_pylist()]
        self._rows, self._places = held.filter(kept), np.flatnonzero(kept)
        self._words = WordScorer(self._store.segments(self._table), held["terms"].to_numpy())
        self._vectors = self._load_vectors()

    def dense(self, question: str, limit: int) -> list[Hit]:
        """The `limit` chunks most alike the question."""
        scores = self._vectors @ self._searcher.embed([question])[0]
        return self._hits(np.argsort(-scores, kind="stable")[:limit].tolist())

    def lexical(self, question: str, limit: int) -> list[Hit]:
        """The `limit` chunks with the highest BM25 scores."""
        scores = self._words.scores(parse_query(question).words)[self._places]
        order = np.argsort(-scores, kind="stable")[:limit]
        return self._hits([place for place in order.tolist() if scores[place] > 0])

    def _load_vectors(self) -> NDArray[np.float32]:
        stored = self._store.rows(schema.VECTORS_TABLE, ["digest", "vector"])
        places = {digest: place for place, digest in enumerate(stored["digest"].to_pylist())}
        order = [places[digest] for digest in self._rows["digest"].to_pylist()]
        flat = pa.concat_arrays(stored["vector"].chunks).flatten().to_numpy()
        return rows.unit_vectors(flat.reshape(len(stored), -1)[order])

    def _hits(self, places: list[int]) -> list[Hit]:
        return [
            Hit(row["kind"], 0.0, "", row["path"], row["start_line"], row["end_line"])
            for row in self._rows.take(places).to_pylist()
        ]
