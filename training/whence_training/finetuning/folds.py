"""Records -> parts that share no origin, each with about its share of every category. Pure, and the same each time."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

from whence_training.qa.record import Record

FEW = 50  # records up to which each group is left out by itself
_USUAL = 5


def fold_count(told: int | Literal["auto", "loo"], records: Sequence[Record]) -> int:
    """How many parts that is of these: all groups for `loo`, at most that many otherwise."""
    groups = len({record.group for record in records})
    if told == "loo" or (told == "auto" and len(records) <= FEW):
        return groups
    return min(_USUAL if told == "auto" else told, groups)


def folds(records: Sequence[Record], count: int, seed: int) -> list[list[int]]:
    """The places of the records of each part; none is empty where there are as many groups.

    The largest groups are dealt out first, each to the part that has least of its category, then least of all.
    """
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for place, record in enumerate(records):
        groups[record.group].append(place)
    parts: list[list[int]] = [[] for _ in range(count)]
    held: list[defaultdict[str, int]] = [defaultdict(int) for _ in range(count)]
    for name in sorted(groups, key=lambda name: (-len(groups[name]), _drawn(name, seed))):
        category = records[groups[name][0]].category
        at = min(range(count), key=lambda part: (bool(parts[part]), held[part][category], len(parts[part])))
        parts[at] += groups[name]
        held[at][category] += len(groups[name])
    return [sorted(part) for part in parts if part]


def _drawn(name: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {name}".encode()).hexdigest()
