"""Predictions -> five points for fairness, in each of five aspects: does it answer some worse than others?

Pure. The gap of an aspect is the accuracy of its best group less that of its worst. What chance alone makes of it is
taken off first: 1.96 standard errors of the difference of two groups of these sizes that are served alike.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean

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
_SURE = 1.96


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
    both = groups[best] + groups[worst]
    rate = fmean(both)
    chance = _SURE * math.sqrt(rate * (1 - rate) * (1 / len(groups[best]) + 1 / len(groups[worst])))
    beyond = max(0.0, gap - chance)
    points = 5 - sum(beyond > limit + 1e-12 for limit in LIMITS)
    return Mark(points, gap, beyond, best, worst)
