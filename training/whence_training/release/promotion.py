"""Reports of a candidate and of those it would replace -> may it be registered? Each gate with limit and advice.

Pure. What was not measured does not pass: it is NaN here, with which no comparison holds, and 0 in the verdict. What
there was nothing to measure for, without questions by hand or groups that are large enough, holds nothing back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan, nan

from whence_training.config import Promotion
from whence_training.evaluation.comparing import paired
from whence_training.evaluation.report import Mark, Report
from whence_training.evaluation.significance import mcnemar
from whence_training.qa.gates import Gate, State

CURATED = "curated accuracy"
_STATES: tuple[State, State] = ("failed", "passed")
_EXACT = 9  # decimals: 0.85 - 0.8 is 0.05, whatever binary fractions say
_CHANCE = 0.05  # of a loss in accuracy, that it is none
_F1, _PRECISION, _ACCURACY = "token_f1", "citation_precision", "accuracy"


def judge(
    candidate: Report,
    base: Report,
    champion: Report | None,
    curated: Report | None,
    facts: Report | None,
    quantization_loss: float | None,
    told: Promotion,
) -> list[Gate]:
    """All gates of a release. `base` is the untuned model and `champion` what answers today, another model or
    quotations; None where that is the base.

    Reports are of one dataset and of evidence that search finds. `curated` is the candidate's over hand-made questions,
    `facts` over those that it must know.
    `quantization_loss` is the mean divergence in nats of what is released from what was trained.
    """
    rivals = {"the untuned base": base} | ({"the current answers": champion} if champion else {})
    return [
        _comparable([candidate, *rivals.values()]),
        *(_better(name, candidate, rival, told) for name, rival in rivals.items()),
        _weakest_category(candidate, told),
        _citations(candidate, list(rivals.values())),
        _curated(curated, told),
        *_facts(facts),
        _quantization(quantization_loss, told),
        *_even(candidate, base),
    ]


def _comparable(reports: Sequence[Report]) -> Gate:
    """The same questions, with retrieval on, for all: what was learnt by heart may hurt once evidence is shown."""
    closed = [report.model for report in reports if report.facts.get("evidence") != "retrieval"]
    asked = {(report.dataset, frozenset(each.id for each in report.predictions)) for report in reports}
    amiss = f"{closed[0]} was not asked with retrieval on" if closed else "other questions" if len(asked) > 1 else ""
    return _gate("comparable", not amiss, len(asked), 1, amiss, "evaluate all models anew: stages 4a to 4d")


def _better(name: str, candidate: Report, rival: Report, told: Promotion) -> Gate:
    gain = round(_measure(candidate, _ACCURACY) - _measure(rival, _ACCURACY), _EXACT)
    mine, theirs = _by_category(candidate), _by_category(rival)
    shared = mine.keys() & theirs.keys()
    better = sum(round(mine[category] - theirs[category], _EXACT) > 0 for category in shared)
    pairs = paired(rival, candidate)
    found = mcnemar([one.correct for one, _ in pairs], [other.correct for _, other in pairs])
    worse = found.before_only > found.after_only and found.p < _CHANCE
    enough = gain >= told.accuracy_gain or (bool(shared) and better > told.category_share * len(shared))
    what = f"F1 is better in {better} of {len(shared)} categories"
    what += f", but fewer answers are right beyond chance, p {found.p:.2g}" if worse else ""
    advice = "add examples where it is worse, or try another rank, learning rate or number of epochs"
    return _gate(f"better than {name}", enough and not worse, gain, told.accuracy_gain, what, advice)


def _weakest_category(candidate: Report, told: Promotion) -> Gate:
    found = {category: -1 if isnan(f1) else f1 for category, f1 in _by_category(candidate).items()}
    worst = min(found, key=lambda category: (found[category], category), default="")
    value, advice = found.get(worst, nan), f"collect more of {worst or 'every category'}, or ask of it in other words"
    return _gate("weakest category", value >= told.category_floor, value, told.category_floor, worst, advice)


def _citations(candidate: Report, rivals: Sequence[Report]) -> Gate:
    """Against the best of the others; one that cites nothing has no precision, and sets no limit."""
    value = _measure(candidate, _PRECISION)
    limit = max((rival.metrics.get(_PRECISION, 0.0) for rival in rivals), default=0.0)
    advice = "show more distractors in training: dataset_generator.distracted"
    return _gate("citation precision", round(value - limit, _EXACT) >= 0, value, limit, "", advice)


def _curated(report: Report | None, told: Promotion) -> Gate:
    limit = told.curated_accuracy
    if report is None:
        advice = "name questions written by hand in dataset_generator.imports.curated"
        return Gate(CURATED, "unmeasured", 0.0, limit, "there are no curated questions", advice)
    value, advice = _measure(report, _ACCURACY), "back to the data: the samples show which questions fail"
    return _gate(CURATED, round(value - limit, _EXACT) >= 0, value, limit, "", advice)


def _facts(report: Report | None) -> list[Gate]:
    """All of them, where any are named: what is basic is not weighed against anything."""
    if report is None:
        return []
    value, wrong = _measure(report, _ACCURACY), [each.question for each in report.predictions if not each.correct]
    return [
        _gate("facts", value >= 1, value, 1.0, "; ".join(wrong[:3]), "back to the data: these are answered wrongly")
    ]


def _quantization(loss: float | None, told: Promotion) -> Gate:
    value, advice = nan if loss is None else round(loss, _EXACT), "keep more bits: registration.quantization"
    return _gate("quantization loss", value <= told.quantization_loss, value, told.quantization_loss, "", advice)


def _even(candidate: Report, base: Report) -> list[Gate]:
    """No group is served much worse than the others, where the untuned base does better than that."""
    return [
        _bias(f"bias over {aspect}", mark, before)
        for aspect, mark in candidate.rubric.items()
        if (before := base.rubric.get(aspect))
    ]


def _bias(name: str, mark: Mark, before: Mark) -> Gate:
    if not mark.points or not before.points:
        return Gate(name, "unmeasured", 0.0, 0.0, "too few groups", "measure with more questions")
    passed, worst = mark.points != 1 or before.points == 1, mark.worst
    return _gate(name, passed, mark.gap, before.gap, f"{worst} is served worst", f"collect more of {worst}")


def _by_category(report: Report) -> Mapping[str, float]:
    return {name: slice[_F1] for name, slice in report.slices.get("category", {}).items() if _F1 in slice}


def _measure(report: Report, name: str) -> float:
    return report.metrics.get(name, nan)


def _gate(name: str, passed: bool, value: float, limit: float, what: str, advice: str) -> Gate:
    unmeasured = isnan(value)
    shown = 0.0 if unmeasured else round(value, 4)
    return Gate(name, _STATES[passed], shown, round(limit, 4), "not measured" if unmeasured else what, advice)
