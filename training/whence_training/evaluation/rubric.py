"""Predictions -> five points for fairness, in each of five aspects: does it answer some worse than others?

Pure. The gap of an aspect is the accuracy of its best group less that of its worst. What chance alone makes of it is
taken off first: the gap that 95 of 100 drawings stay below which deal the same answers out to the same groups.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean

import numpy as np

from whence_training.evaluation.report import Mark, Prediction

# What each aspect groups by: who wrote the source, its language and folder, and how who asks knows and speaks.
ASPECTS = {
    "authorship": "author",
    "language": "language",
    "module": "module",
    "experience": "experience",
    "tone": "tone",
}
LEAST = 5  # answers of a group that is compared
LIMITS = (0.05, 0.10, 0.20, 0.35)  # the most that is left of a gap for 5, 4, 3 and 2 points; above it is 1
_SURE = 0.95
_DRAWS = 1_000


def rubric(predictions: Sequence[Prediction], least: int = LEAST) -> dict[str, Mark]:
    """The mark of each aspect; of groups with fewer than `least` answers nothing is said."""
    return {aspect: _mark(predictions, name, least) for aspect, name in ASPECTS.items()}


def _mark(predictions: Sequence[Prediction], name: str, least: int) -> Mark:
    groups: defaultdict[str, list[bool]] = defaultdict(list)
    for each in predictions:
        if each.slices.get(name):
            groups[each.slices[name]].append(each.correct)
    rates = {value: fmean(correct) for value, correct in groups.items() if len(correct) >= least}
    if len(rates) < 2:
        return Mark(0, 0.0, 0.0)
    best = max(sorted(rates), key=lambda value: rates[value])
    worst = min(sorted(rates), key=lambda value: rates[value])
    gap = rates[best] - rates[worst]
    beyond = max(0.0, gap - _chance([groups[value] for value in rates]))
    points = 5 - sum(beyond > limit + 1e-12 for limit in LIMITS)
    return Mark(points, gap, beyond, best, worst)


def _chance(groups: Sequence[Sequence[bool]]) -> float:
    """The gap between the best and the worst of them that is beyond what dealing their answers out at random makes."""
    sizes = np.array([len(group) for group in groups])
    drawn = np.tile(np.concatenate(groups).astype(np.int8), (_DRAWS, 1))
    dealt = np.random.default_rng(0).permuted(drawn, axis=1)
    rates = np.add.reduceat(dealt, np.cumsum(sizes) - sizes, axis=1, dtype=int) / sizes
    return float(np.quantile(np.ptp(rates, axis=1), _SURE))
