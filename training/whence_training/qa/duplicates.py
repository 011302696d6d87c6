"""Texts that are nearly the same: by MinHash, in time proportional to their number, or all pairs, where none may stay.

Pure and reproducible. Alike means: the sets of their runs of three words have a Jaccard similarity of `near` or more.
"""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain
from math import ceil

from datasketch import MinHash, MinHashLSH

from whence_server.likeness import jaccard, shingle

_PERMUTATIONS = 64
_MISSES = 0.9  # what a missed pair weighs beside one looked at for nothing: the exact look costs little


def near_copies(texts: Sequence[str], near: float = 0.8) -> dict[int, int]:
    """For each text that is nearly an earlier one, by its place: the place of that one, itself no copy."""
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
            continue
        exact[words] = place
        table.insert(place, signature, check_duplication=False)
    return copies


def alike(texts: Sequence[str], near: float) -> Iterator[tuple[int, int]]:
    """The places of all pairs, the earlier first: those only are compared that share one of their rarest runs, as alike
    ones must (prefix filtering, Chaudhuri et al. 2006)."""
    shingles = [shingle(text) for text in texts]
    count = Counter(chain.from_iterable(shingles))
    held: defaultdict[str, list[int]] = defaultdict(list)
    for place, runs in enumerate(shingles):
        most = len(runs) - ceil(near * len(runs) - 1e-9) + 1  # that can be rare in both and yet shared by neither
        rare = sorted(runs, key=lambda run: (count[run], run))[:most]
        for other in sorted({other for run in rare for other in held[run]}):
            if jaccard(runs, shingles[other]) >= near:
                yield other, place
        for run in rare:
            held[run].append(place)
