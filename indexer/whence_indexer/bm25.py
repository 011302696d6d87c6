"""BM25 over the rows of one table: the words of a question -> a score for every row.

Reads segments; writes nothing and knows no store.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy

import numpy as np
from numpy.typing import NDArray

from whence_indexer.errors import DamagedError
from whence_indexer.segments import COUNTS, Segment, key

K1, B = 1.2, 0.75  # how fast repetition saturates, how much length counts: the values most engines start from

_Found = list[tuple[NDArray[np.intp], NDArray[np.float32]]]  # texts, and what a word adds to the score of each


class WordScorer:
    """BM25 over the rows of one table, each known by the key of its text."""

    def __init__(self, segments: Sequence[Segment], keys: NDArray[np.uint64]) -> None:
        """`keys` has one entry a row. Raises `DamagedError` where no segment holds a row's text."""
        self._segments = list(segments)
        self._rows = _places(segments, keys)
        self._weigh()

    def extended(self, kept: NDArray[np.bool_], segments: Sequence[Segment], keys: NDArray[np.uint64]) -> WordScorer:
        """A scorer of the rows marked `kept`, followed by new ones whose words are all in new `segments`."""
        other = copy(self)
        other._segments = [*self._segments, *segments]
        before = sum(len(segment.keys) for segment in self._segments)
        other._rows = np.concatenate([self._rows[kept], _places(segments, keys) + np.int32(before)])
        other._weigh()
        return other

    @property
    def nbytes(self) -> int:
        """What it takes in memory beside the mapped files."""
        return self._rows.nbytes + self._gains.nbytes

    def counts(self, words: Sequence[str]) -> list[int]:
        """How many texts hold each of `words`."""
        return [sum(int(np.count_nonzero(gains)) for _, gains in found) for found in self._postings(words)]

    def scores(self, words: Sequence[str]) -> NDArray[np.float32]:
        """The BM25 score of every row for `words`, 0 where it holds none, shape (rows,)."""
        scores = np.zeros(len(self._gains) // COUNTS, np.float32)
        for found in self._postings(words):
            holding = sum(np.count_nonzero(gains) for _, gains in found)
            weight = np.float32(math.log(1 + (self._texts - holding + 0.5) / (holding + 0.5)))
            for texts, gains in found:
                scores[texts] += gains * weight
        return scores[self._rows]

    def _postings(self, words: Sequence[str]) -> list[_Found]:
        """For each word and each segment that knows it, its texts and what it adds to their scores."""
        keys, first = np.array([key(word) for word in words], np.uint64), 0
        found: list[_Found] = [[] for _ in words]
        for segment in self._segments:
            gains = self._gains[first * COUNTS :]
            places = np.searchsorted(segment.words, keys)
            for word, place in enumerate(places.tolist()):
                if place < len(segment.words) and segment.words[place] == keys[word]:
                    postings = segment.postings[segment.starts[place] : segment.starts[place + 1]]
                    found[word].append(((postings >> 2).astype(np.intp) + first, gains[postings]))
            first += len(segment.keys)
        return found

    def _weigh(self) -> None:
        """What a posting adds to its text's score, but for the word's rarity: nothing for texts that are gone."""
        lengths = np.concatenate([np.zeros(0, np.uint16), *(segment.lengths for segment in self._segments)])
        live = np.zeros(len(lengths), bool)
        live[self._rows] = True
        self._texts = int(live.sum())
        mean = float(lengths[live].mean()) if self._texts else 1.0
        counts = np.arange(COUNTS, dtype=np.float32)
        norms = K1 * (1 - B + B * lengths.astype(np.float32) / max(mean, 1.0))[:, None]
        self._gains = (counts * (K1 + 1) / (counts + norms) * live[:, None]).astype(np.float32).reshape(-1)


def _places(segments: Sequence[Segment], keys: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Where among the texts of all segments each row's text stands, the last of equal ones."""
    known = np.concatenate([np.zeros(0, np.uint64), *(segment.keys for segment in segments)])
    order = np.argsort(known, kind="stable")
    found = np.searchsorted(known, keys, side="right", sorter=order) - 1
    places = order[found].astype(np.int32) if len(known) else np.zeros(0, np.int32)
    if len(places) != len(keys) or np.any(known[places] != keys):
        raise DamagedError("the index is damaged: words are missing")
    return places
