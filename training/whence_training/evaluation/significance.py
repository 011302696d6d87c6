"""Two systems over the same samples -> is the difference more than chance? Pure; the seed decides what is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from whence_training.evaluation.report import Difference, Discordant

_DRAWS = 2_000
_TAILS = (2.5, 97.5)
_AT_ONCE = 1_000_000  # samples held in memory


def bootstrap(
    before: Sequence[float], after: Sequence[float], groups: Sequence[str], seed: int, draws: int = _DRAWS
) -> Difference:
    """The means, and the 95 % percentile interval of their difference, in pairs. Drawn with replacement are `groups`:
    samples of one hang together, so that each by itself would make the interval too narrow. Of one group they are."""
    one, other = np.array(before, float), np.array(after, float)
    _, place = np.unique(groups if len(set(groups)) > 1 else np.arange(len(one)), return_inverse=True)
    sizes, sums = np.bincount(place), np.bincount(place, other - one)
    random, count = np.random.default_rng(seed), len(sizes)
    batches = np.array_split(np.arange(draws), 1 + draws * count // _AT_ONCE)
    chosen = (random.integers(0, count, (len(batch), count)) for batch in batches)
    drawn = [sums[each].sum(axis=1) / sizes[each].sum(axis=1) for each in chosen]
    low, high = np.percentile(np.concatenate(drawn), _TAILS)
    return Difference(float(one.mean()), float(other.mean()), float(low), float(high), len(one))


def mcnemar(before: Sequence[bool], after: Sequence[bool]) -> Discordant:
    """The exact test (McNemar 1947, binomial): of those that only one got right, could it be a coin's doing?"""
    from scipy.stats import binomtest

    lost = sum(one and not other for one, other in zip(before, after, strict=True))
    won = sum(other and not one for one, other in zip(before, after, strict=True))
    p = binomtest(lost, lost + won).pvalue if lost + won else 1.0
    return Discordant(lost, won, float(p))
