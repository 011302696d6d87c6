"""Candidates and their scores -> an order. Few features, each with one named weight.

Pure: numbers, paths and names in, indices out. Knows nothing of where candidates come from.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray

from whence_indexer.query import Query
from whence_indexer.terms import words

DENSE = 0.6  # the rest is lexical; a convex combination of scores beats rank fusion when the dense side is good
NAMED = 0.25  # a chunk that defines a name, or is in a file, that the question spells out
NAME_WORDS = 0.15  # a chunk whose file and symbol names share words with the question
TESTS = 0.75  # factor for tests, examples and benchmarks, which repeat the words of what they exercise
SAME_FILE = 0.8  # factor for each earlier chunk of the same file: ten views of one file answer less than ten files

_TEST_PATH = re.compile(
    r"(^|/)(tests?|testing|specs?|__tests__|examples?|benchmarks?|benches|fixtures?|testdata|e2e)/"
    r"|(^|/)(test_[^/]*|conftest)\.\w+$|[._-](test|tests|spec|bench)\.\w+$|Tests?\.(java|kt|cs|swift|scala|php)$",
    re.IGNORECASE,
)
_ABOUT_TESTS = re.compile(r"\b(tests?|tested|testing|specs?|examples?|benchmarks?|fixtures?)\b", re.IGNORECASE)


def fuse(dense: NDArray[np.float32], lexical: NDArray[np.float32]) -> NDArray[np.float32]:
    """One score in 0..1 from cosines and BM25 scores of the same candidates, shape (n,).

    Each side is scaled to its own range over the candidates, so that neither unit matters.
    """
    fused: NDArray[np.float32] = DENSE * _scaled(dense) + (1 - DENSE) * _scaled(np.maximum(lexical, 0))
    return fused


def score(
    query: Query,
    dense: NDArray[np.float32],
    lexical: NDArray[np.float32],
    paths: Sequence[str],
    symbols: Sequence[Sequence[str]],
) -> NDArray[np.float32]:
    """Relevance of each candidate, comparable within one query, shape (n,): its scores, raised by its names."""
    asked = set(query.words)
    places = list(zip(paths, symbols, strict=True))
    named = np.array([_is_named(query, path, names) for path, names in places], np.float32)
    shared = np.array([_shared(path, names, asked) for path, names in places], np.float32)
    scores: NDArray[np.float32] = fuse(dense, lexical) + NAMED * named + NAME_WORDS * shared
    if not _ABOUT_TESTS.search(query.text):
        scores = scores * np.array([TESTS if _is_test(path) else 1 for path in paths], np.float32)
    return scores


def spread(scores: NDArray[np.float32], paths: Sequence[str], limit: int) -> list[int]:
    """Indices of the best `limit` candidates, best first, each file's later ones held back."""
    order: list[int] = []
    taken: Counter[str] = Counter()
    queue = [(-float(value), index, 0) for index, value in enumerate(scores)]
    heapify(queue)
    while queue and len(order) < limit:
        _, index, held_back = heappop(queue)
        if held_back < (earlier := taken[paths[index]]):  # its file was chosen since: queue it at its new score
            heappush(queue, (-float(scores[index]) * SAME_FILE**earlier, index, earlier))
        else:
            order.append(index)
            taken[paths[index]] += 1
    return order


def _scaled(values: NDArray[np.float32]) -> NDArray[np.float32]:
    if not len(values):
        return values
    low, high = float(values.min()), float(values.max())
    return (values - low) / (high - low) if high > low else np.zeros_like(values)


def _is_named(query: Query, path: str, symbols: Sequence[str]) -> bool:
    """Whether the question spells out the path, or one of `symbols` with or without its scope."""
    return any(f"/{path}".endswith(f"/{asked}") for asked in query.paths) or any(
        f".{symbol}".endswith(f".{name}") for name in query.names for symbol in symbols
    )


def _shared(path: str, symbols: Sequence[str], asked: set[str]) -> float:
    """Share of the words of the best-matching name, the file's or a symbol's, that the question holds."""
    stem = path.rpartition("/")[2].partition(".")[0]
    named = [_name_words(name) for name in (stem, *(symbol.rpartition(".")[2] for symbol in symbols))]
    return max((len(parts & asked) / len(parts) for parts in named if parts), default=0.0)


@lru_cache(maxsize=1 << 16)
def _name_words(name: str) -> frozenset[str]:
    return frozenset(words(name))


@lru_cache(maxsize=1 << 16)
def _is_test(path: str) -> bool:
    return _TEST_PATH.search(path) is not None
