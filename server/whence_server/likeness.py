"""How alike two texts are: the Jaccard similarity of the sets of their runs of three words."""

from __future__ import annotations

from whence_indexer.terms import identifiers_of

_RUN = 3  # words


def shingle(text: str) -> frozenset[str]:
    """The runs of three words in `text`, of a shorter one all its words as one run; case does not count."""
    words = identifiers_of(text.lower())
    if len(words) < _RUN:
        return frozenset([" ".join(words)] if words else [])
    return frozenset(" ".join(words[start : start + _RUN]) for start in range(len(words) - _RUN + 1))


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Size of what they share by size of both together."""
    return len(one & other) / len(one | other) if one or other else 1.0
