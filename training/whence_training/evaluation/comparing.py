"""Two reports -> how the second differs from the first, question by question, and whether that is more than chance."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from statistics import fmean

from whence_training.errors import InputError
from whence_training.evaluation.report import ENOUGH, Comparison, Difference, Prediction, Report
from whence_training.evaluation.significance import bootstrap, mcnemar

_OF_A_CATEGORY = "token_f1"


def compare(before: Report, after: Report, seed: int) -> Comparison:
    """Over the questions that both were asked. Raises `InputError` where there is none.

    A measure is compared over the samples of which both have it, so that its means may differ from those of a report.
    """
    pairs = paired(before, after)
    if not pairs:
        raise InputError(f"{before.model} and {after.model} were not asked one question that is the same")
    names = list(dict.fromkeys(name for pair in pairs for each in pair for name in each.metrics))
    values = {"accuracy": [(float(one.correct), float(other.correct), one.group or one.id) for one, other in pairs]}
    for name in names:
        both = [(one.metrics, other.metrics, one.group or one.id) for one, other in pairs]
        values[name] = [(one[name], other[name], group) for one, other, group in both if name in one and name in other]
    return Comparison(
        before=before.model,
        after=after.model,
        samples=len(pairs),
        metrics={name: _difference(listed, seed) for name, listed in values.items() if listed},
        correct=mcnemar([one.correct for one, _ in pairs], [other.correct for _, other in pairs]),
        categories=_categories(pairs),
    )


def paired(before: Report, after: Report) -> list[tuple[Prediction, Prediction]]:
    """The predictions of both for the same record of no suite, in the order of `before`."""
    held = {each.id: each for each in after.measured}
    return [(each, held[each.id]) for each in before.measured if each.id in held]


def _difference(listed: list[tuple[float, float, str]], seed: int) -> Difference:
    before, after, groups = zip(*listed, strict=True)
    found = bootstrap(before, after, groups, seed)
    told = found.samples >= ENOUGH and found.low != found.high
    return found if told else replace(found, low=None, high=None)


def _categories(pairs: list[tuple[Prediction, Prediction]]) -> dict[str, tuple[float, float]]:
    held: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for one, other in pairs:
        held[one.slices["category"]].append((one.metrics[_OF_A_CATEGORY], other.metrics[_OF_A_CATEGORY]))
    return {
        category: (fmean(one for one, _ in values), fmean(other for _, other in values))
        for category, values in sorted(held.items())
    }
