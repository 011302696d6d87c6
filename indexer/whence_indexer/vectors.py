"""Vectors held in memory, and those nearest to a question.

Eight bits a dimension, as they are stored, and the sign of each dimension: a quarter and a thirty-second of float32.
The signs choose candidates, by counting bits, and the eight bits order them. docs/benchmarks.md compares the ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHORTLIST = 2_000  # vectors compared exactly; of 100,000 chunks they held 99.9% of the ten nearest to a question
_BLOCK = 4_096
_STRONG = np.uint8(2)  # times that a sign counts besides where the question's component is above its median


@dataclass(frozen=True)
class Vectors:
    """`values` has shape (n, dimension), `signs` (words, n), with one bit a dimension, and `lengths` (n,)."""

    values: NDArray[np.int8]
    signs: NDArray[np.uint64]
    lengths: NDArray[np.float32]

    @classmethod
    def of(cls, values: NDArray[np.int8]) -> Vectors:
        """Prepare vectors of eight bits a dimension, of any length."""
        return cls(values, _signs(values), _lengths(values))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def nbytes(self) -> int:
        """What they take in memory."""
        return self.values.nbytes + self.signs.nbytes + self.lengths.nbytes

    def extended(self, kept: NDArray[np.bool_], more: Vectors) -> Vectors:
        """The vectors marked `kept`, followed by `more`."""
        runs = _runs(kept)  # copies whole stretches: what is gone is a file's rows, side by side
        return Vectors(
            np.concatenate([*(self.values[run] for run in runs), more.values]),
            np.concatenate([*(self.signs[:, run] for run in runs), more.signs], axis=1),
            np.concatenate([*(self.lengths[run] for run in runs), more.lengths]),
        )

    def cosines(self, question: NDArray[np.float32], rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Of the question, of unit length, and each of these rows; 0 for a vector of zeros."""
        single = self.values.take(rows, axis=0).astype(np.float32)
        products = np.einsum("ij,j->i", single, question)  # a product by BLAS waits for its threads on a busy machine
        cosines: NDArray[np.float32] = products / self.lengths.take(rows)
        return cosines

    def nearest(
        self, question: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """(rows, cosines) of the `count` vectors nearest to the question among those `allowed`, in no order."""
        rows = self._shortlist(question, max(SHORTLIST, count), allowed)
        cosines = self.cosines(question, rows)
        if len(rows) > count:
            best = np.argpartition(-cosines, count - 1)[:count]
            rows, cosines = rows[best], cosines[best]
        return rows, cosines

    def _shortlist(
        self, question: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None
    ) -> NDArray[np.intp]:
        """At least `count` rows, where there are so many, whose signs agree best with the question's."""
        if len(self) <= count:
            return np.arange(len(self)) if allowed is None else np.flatnonzero(allowed)
        distances = self._distances(question)
        if allowed is not None:
            distances[~allowed] = (farthest := int(distances.max(initial=0)) + 1)
        sizes = np.bincount(distances).cumsum()
        near = distances <= np.searchsorted(sizes, count)
        if allowed is not None:
            near &= distances < farthest
        return np.flatnonzero(near)

    def _distances(self, question: NDArray[np.float32]) -> NDArray[np.uint16]:
        """How many signs differ from the question's, those of its strong components counted more."""
        signs = _signs(question[None])
        strong = _signs((np.abs(question) > np.median(np.abs(question)))[None])
        distances = np.zeros(len(self), np.uint16)
        for ours, theirs, mask in zip(self.signs, signs, strong, strict=True):
            differing = ours ^ theirs
            distances += np.bitwise_count(differing)
            distances += np.bitwise_count(differing & mask) * _STRONG
        return distances


def _runs(kept: NDArray[np.bool_]) -> list[slice]:
    """The stretches that are marked."""
    edges = np.flatnonzero(np.diff(kept, prepend=False, append=False)).tolist()
    return [slice(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _signs(values: NDArray[Any]) -> NDArray[np.uint64]:
    """Which components are positive, 64 to a word, shape (words, n)."""
    bits = np.packbits(values > 0, axis=1)
    padded = np.pad(bits, ((0, 0), (0, -bits.shape[1] % 8)))
    return np.ascontiguousarray(padded.view(np.uint64).T)


def _lengths(values: NDArray[np.int8]) -> NDArray[np.float32]:
    """Euclidean lengths, at least 1, in blocks that fit the processor's cache."""
    lengths = np.empty(len(values), np.float32)
    for start in range(0, len(values), _BLOCK):
        single = values[start : start + _BLOCK].astype(np.float32)
        lengths[start : start + _BLOCK] = np.sqrt(np.einsum("ij,ij->i", single, single))
    return np.maximum(lengths, 1)
