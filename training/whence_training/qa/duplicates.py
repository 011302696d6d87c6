"""Texts that are nearly the same, by MinHash: found in time proportional to their number, confirmed exactly.

Pure and reproducible. Alike means: the sets of their runs of three words have a Jaccard similarity of `near` or more.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from datasketch import MinHash, MinHashLSH

from whence_server.likeness import jaccard, shingle

_PERMUTATIONS = 64
_MISSES = 0.9  # what a missed pair weighs beside one looked at for nothing: the exact look costs little


def near_copies(texts: Sequence[str], near: float = 0.8, of_copies: bool = False) -> dict[int, int]:
    """For each text that is nearly an earlier one, by its place: the place of that one, itself no copy, or with
    `of_copies` maybe one."""
    shingles = [shingle(text) for text in texts]
    table = MinHashLSH(threshold=near, num_perm=_PERMUTATIONS, weights=(1 - _MISSES, _MISSES))
    exact: dict[frozenset[str], int] = {}
    copies: dict[int, int] = {}
    hashes = MinHash.generator(
        [[word.encode() for word in each] for each in shingles], num_perm=_PERMUTATIONS, hashfunc=zlib.crc32
    )
    for place, (words, signature) in enumerate(zip(shingles, hashes, strict=True)):
        if not words:
            continue
        original = exact.get(words)
        if original is None:
            alike = sorted(int(other) for other in table.query(signature))
            original = next((other for other in alike if jaccard(words, shingles[other]) >= near), None)
        if original is not None:
            copies[place] = original
            if not of_copies:
                continue
        exact.setdefault(words, place)
        table.insert(place, signature, check_duplication=False)
    return copies
