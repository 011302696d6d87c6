"""Whether other token vectors find more: held-out commits put to the search that users get, before and after.

Takes a store, token vectors and questions, returns recalls and an interval. Decides nothing and writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from whence_indexer import schema
from whence_indexer.adaptation import Floats, sums, unit
from whence_indexer.holdout import Change
from whence_indexer.lessons import Material, bags
from whence_indexer.repository import Repository
from whence_indexer.rows import vector_rows
from whence_indexer.search import Searcher
from whence_indexer.store import Store

RANKS = (5, 10)
MEASURES = tuple(f"{way} recall@{rank}" for way in ("hybrid", "dense") for rank in RANKS)
_CHUNKS_PER_FILE = 5  # chunks asked for, per file wanted: several of one file count once
_RESAMPLES = 5_000
_CONFIDENCE = 0.95  # one-sided, so that the interval printed holds nine tenths


@dataclass(frozen=True, slots=True)
class Gain:
    """A mean difference and the interval that one-sided 95 % bounds give on either side."""

    mean: float
    low: float
    high: float


class Trial:
    """The chunks of one store, to be searched with any token vectors of the same vocabulary."""

    def __init__(self, repository: Repository, store: Store, digests: pa.ChunkedArray, material: Material) -> None:
        """`digests` are those of the material's chunks, in the same order."""
        self._repository, self._store, self._material = repository, store, material
        self._digests = digests.to_pylist()
        self._paths = [chunk.span.path for chunk in material.chunks]

    def recalls(self, weights: Floats, summed: Floats, changes: Sequence[Change]) -> NDArray[np.float64]:
        """Recall of each change's files in the order of `MEASURES`, shape (changes, 4).

        `summed` are the chunks' sums of these `weights`. Hybrid is the whole ranking over files, but for the
        commits, which would give the answers away; dense is the order of the cosines alone.
        """
        vectors = unit(summed)
        searcher = self._searcher(weights, vectors)
        questions = unit(sums(weights, bags(self._material.embedder, [change.question for change in changes])))
        return np.array(
            [
                [*_recalls(self._hybrid(searcher, change), change), *_recalls(self._dense(vectors @ question), change)]
                for change, question in zip(changes, questions, strict=True)
            ]
        )

    def _hybrid(self, searcher: Searcher, change: Change) -> list[str]:
        hits = searcher.search(change.question, max(RANKS) * _CHUNKS_PER_FILE, ["code", "doc"])
        return [hit.path or "" for hit in hits]

    def _dense(self, cosines: Floats) -> list[str]:
        order = np.argsort(-cosines, kind="stable")[: max(RANKS) * _CHUNKS_PER_FILE]
        return [self._paths[place] for place in order]

    def _searcher(self, weights: Floats, vectors: Floats) -> Searcher:
        embedder = self._material.embedder.with_weights(weights)
        return Searcher(self._repository, _Reembedded(self._store, embedder.name, self._digests, vectors), embedder)


class _Reembedded(Store):
    """A store whose chunks have other vectors; it has no commits, which are not asked for, and gives no texts."""

    def __init__(self, store: Store, embedder: str, digests: Sequence[bytes], vectors: Floats) -> None:
        tables = {name: version for name, version in store.state.tables.items() if name != schema.COMMITS_TABLE}
        super().__init__(store.folder, replace(store.state, embedder=embedder, tables=tables))
        self._vectors = vector_rows(digests, vectors)

    def rows(self, name: str, columns: Sequence[str], where: str | None = None) -> pa.Table:
        """See `Store.rows`."""
        if name == schema.VECTORS_TABLE:
            return self._vectors.select(list(columns))
        return super().rows(name, columns, where)

    def take(self, name: str, row_ids: Sequence[int], columns: Sequence[str]) -> list[dict[str, Any]]:
        """Empty texts: only places are looked at, and reading takes longer than searching."""
        return [dict.fromkeys(columns, "") for _ in row_ids]


def gain(before: NDArray[np.float64], after: NDArray[np.float64], seed: int = 0) -> Gain:
    """The mean of `after` - `before`, paired, shape (questions,), with its interval by the percentile bootstrap.

    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    differences = after - before
    drawn = np.random.default_rng(seed).integers(0, len(differences), (_RESAMPLES, len(differences)))
    means = differences[drawn].mean(axis=1)
    low, high = np.quantile(means, [1 - _CONFIDENCE, _CONFIDENCE])
    return Gain(float(differences.mean()), float(low), float(high))


def _recalls(found: Sequence[str], change: Change) -> list[float]:
    files = list(dict.fromkeys(found))
    return [len(change.gold & set(files[:rank])) / len(change.gold) for rank in RANKS]
