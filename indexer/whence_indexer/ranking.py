"""Candidates and their scores -> an order. Few features, each with one named weight.

Pure: numbers, paths and names in, indices out. Knows nothing of where candidates come from. What each feature is worth
on public questions stands in docs/benchmarks.md.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray

from whence_indexer.query import Query
from whence_indexer.terms import split_name
from whence_indexer.types import Kind

DENSE = 0.55  # the rest is lexical; a convex combination of scores beats rank fusion when the dense side is good
FILE = 0.3  # a chunk whose file has other good chunks
HISTORY = 0.15  # a chunk whose file was touched by the commits that say what the question asks
NAMED = 0.25  # a chunk that defines a name, or is in a file, that the question spells out
DEFINED = 0.2  # on top, where that name is the chunk's main one
FILE_WORDS = 0.25  # a chunk whose file name shares words with the question
SYMBOL_WORDS = 0.15  # a chunk whose main symbol shares words with the question
TESTS = 0.7  # factor for tests, examples and benchmarks, which repeat the words of what they exercise
CHANGELOGS = 0.6  # factor for lists of changes, which name everything and explain little
REEXPORTS = 0.8  # factor for files that only gather what others define
DOCS = 0.85  # factor for prose beside code: it says what, seldom where
SAME_FILE = 0.6  # factor for each earlier chunk of the same file: ten views of one file answer less than ten files

_NOTHING: Mapping[str, float] = {}
_BEST_OF_FILE = 3  # chunks of a file that count as its evidence: a long file must not win by length
_SHORTEST_STEM, _STEM_SHARE = 4, 0.6  # of two words' letters that must agree for them to be forms of one word

_TEST_PATH = re.compile(
    r"(^|/)(tests?|testing|specs?|__tests__|examples?|benchmarks?|benches|fixtures?|testdata|e2e)/"
    r"|(^|/)(test_[^/]*|conftest)\.\w+$|[._-](test|tests|spec|bench)\.\w+$|Tests?\.(java|kt|cs|swift|scala|php)$",
    re.IGNORECASE,
)
_CHANGELOG_PATH = re.compile(
    r"(^|/)(changes|changelog|history|news|releases?|release[-_]?notes|whatsnew|authors|contributors)"
    r"(\.(md|rst|txt|adoc|rdoc|org|markdown|html))?$"
    r"|(^|/)(changelogs?|release[-_]?notes|whatsnew)/",
    re.IGNORECASE,
)
_REEXPORT_PATH = re.compile(r"(^|/)(__init__\.py|index\.(js|ts|jsx|tsx|mjs)|package-info\.java)$")
_ABOUT_TESTS = re.compile(r"\b(tests?|tested|testing|specs?|examples?|benchmarks?|fixtures?)\b", re.IGNORECASE)
_ABOUT_CHANGES = re.compile(r"\b(changelogs?|changes|release[ds]?|versions?|since|deprecat\w+)\b", re.IGNORECASE)
_ABOUT_DOCS = re.compile(r"\b(docs?|documentation|documented|readme|tutorials?|guides?|manual)\b", re.IGNORECASE)


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
    kinds: Sequence[Kind],
    touched: Mapping[str, float] = _NOTHING,
) -> NDArray[np.float32]:
    """Relevance of each candidate, comparable within one query, shape (n,).

    The fused score, raised by what the candidate's file and names say, lowered for what is seldom meant. `touched`
    says, in 0..1, how much the history of the question points to a path.
    """
    fused = fuse(dense, lexical)
    asked = _Asked(query.content)
    stems = {path: asked.share(_stem(path)) for path in dict.fromkeys(paths)}
    spelt = bool(query.names or query.paths)
    named = [_named(query, path, names) if spelt else 0.0 for path, names in zip(paths, symbols, strict=True)]
    raised = (
        FILE * _file_evidence(fused, paths)
        + HISTORY * np.array([touched.get(path, 0.0) for path in paths], np.float32)
        + FILE_WORDS * np.array([stems[path] for path in paths], np.float32)
        + SYMBOL_WORDS * np.array([asked.share(_last(names[0])) if names else 0 for names in symbols], np.float32)
        + np.array(named, np.float32)
    )
    scores: NDArray[np.float32] = (fused + raised) * _demotions(query, paths, kinds)
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


class _Asked:
    """The words of a question, in whose place a name may hold any form: `routing` for "how are routes matched"."""

    def __init__(self, words: Sequence[str]) -> None:
        self._by_start: defaultdict[str, list[str]] = defaultdict(list)
        for word in words:
            self._by_start[_start(word)].append(word)

    def share(self, name: str) -> float:
        """Share of the words of `name` that the question holds."""
        lower = name.lower()
        if not any(start in lower for start in self._by_start):  # most names, and quicker than to take them apart
            return 0.0
        parts = split_name(name)
        return sum(map(self._holds, parts)) / len(parts) if parts else 0.0

    def _holds(self, part: str) -> bool:
        return any(_same_word(part, word) for word in self._by_start.get(_start(part), ()))


def _start(word: str) -> str:
    """The letters that all forms of a word share."""
    return word[:_SHORTEST_STEM]


def _same_word(one: str, other: str) -> bool:
    """Whether two words are forms of one, by the letters they begin with."""
    stem = max(_SHORTEST_STEM, math.ceil(_STEM_SHARE * max(len(one), len(other))))
    return one == other or (min(len(one), len(other)) >= stem and one[:stem] == other[:stem])


def _file_evidence(fused: NDArray[np.float32], paths: Sequence[str]) -> NDArray[np.float32]:
    """The sum of the best scores in each candidate's file, as a share of the best file's, shape (n,)."""
    found: dict[str, list[float]] = defaultdict(list)
    for path, value in zip(paths, fused.tolist(), strict=True):
        found[path].append(value)
    sums = {path: sum(sorted(values)[-_BEST_OF_FILE:]) for path, values in found.items()}
    most = max(sums.values(), default=0.0) or 1.0
    return np.array([sums[path] / most for path in paths], np.float32)


def _demotions(query: Query, paths: Sequence[str], kinds: Sequence[Kind]) -> NDArray[np.float32]:
    """The factor of each candidate: what a question does not ask for stands back, but is not left out."""
    text = query.text
    tests = 1.0 if _ABOUT_TESTS.search(text) else TESTS
    changelogs = 1.0 if query.intent == "history" or _ABOUT_CHANGES.search(text) else CHANGELOGS
    docs = 1.0 if _ABOUT_DOCS.search(text) else DOCS
    of_kind = {"test": tests, "changelog": changelogs, "reexport": REEXPORTS, "": 1.0}
    factors = [of_kind[_role(path)] * (docs if kind == "doc" else 1.0) for path, kind in zip(paths, kinds, strict=True)]
    return np.array(factors, np.float32)


def is_test(path: str) -> bool:
    """Whether a file is one of tests, by its path."""
    return _role(path) == "test"


def _scaled(values: NDArray[np.float32]) -> NDArray[np.float32]:
    if not len(values):
        return values
    low, high = float(values.min()), float(values.max())
    # One candidate, or all of them alike: as good as what was found can be, unless it was not found by this at all.
    return (values - low) / (high - low) if high > low else np.full_like(values, float(high > 0))


def _named(query: Query, path: str, symbols: Sequence[str]) -> float:
    """What it is worth that the question spells out the path, or a symbol with or without its scope."""
    defined = [any(f".{symbol}".endswith(f".{name}") for name in query.names) for symbol in symbols]
    if any(defined):
        return NAMED + DEFINED * defined[0]
    return NAMED if any(f"/{path}".endswith(f"/{asked}") for asked in query.paths) else 0.0


def _stem(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]


def _last(symbol: str) -> str:
    return symbol.rpartition(".")[2]


@lru_cache(maxsize=1 << 16)
def _role(path: str) -> str:
    """What a file is for, where that is a reason to ask for it by name."""
    if _TEST_PATH.search(path):
        return "test"
    if _CHANGELOG_PATH.search(path):
        return "changelog"
    return "reexport" if _REEXPORT_PATH.search(path) else ""
