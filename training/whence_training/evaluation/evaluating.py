"""Answered questions -> the report of who answered them.

Pure but for the encoder that the caller brings. What a suite asks is reported by suite, and counts nowhere else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from whence_server.generation.prompt import user_text
from whence_training.config import Evaluation
from whence_training.errors import InputError
from whence_training.evaluation import behaviour
from whence_training.evaluation.answered import Answered
from whence_training.evaluation.judging import bare, coverage, is_correct
from whence_training.evaluation.leaks import refuse_leak
from whence_training.evaluation.metrics import combined, score
from whence_training.evaluation.names import NAME_KINDS, Inventory, invented, names_in
from whence_training.evaluation.receipts import citation_scores, cited_places, context_scores
from whence_training.evaluation.report import Prediction, Report
from whence_training.evaluation.rubric import rubric
from whence_training.evaluation.similarity import Encoder, likeness, relevance
from whence_training.evaluation.slices import means, sliced, slices_of
from whence_training.evaluation.suites import obeyed, outcome, suite_of

_NOTHING = Inventory()


def evaluate(
    answered: Sequence[Answered],
    told: Evaluation,
    *,
    model: str,
    dataset: str,
    encoder: Encoder | None = None,
    inventory: Inventory = _NOTHING,
    facts: Mapping[str, Any] | None = None,
) -> Report:
    """All measures of `answered`. `inventory` is what the repository has; without it, a name that is not in the
    evidence counts as invented. Without an `encoder`, what needs one is missing. `facts` are added to the report's.

    Raises `InputError` where there is nothing to evaluate, or where a question gives its answer away.
    """
    own = [each for each in answered if suite_of(each.record) is None]
    if not own:
        raise InputError(f"{model} was asked nothing that could be evaluated")
    for each in own:
        refuse_leak(each.record, user_text(each.record.question, each.passages), each.passages)
    predictions = [_prediction(each, told, inventory) for each in own]
    alike = _likeness(predictions, encoder if "bertscore" in told.metrics else None)
    predictions = [
        replace(each, metrics={**each.metrics, **more}) for each, more in zip(predictions, alike, strict=True)
    ]
    tried: defaultdict[str, list[Prediction]] = defaultdict(list)
    for each in answered:
        if suite := suite_of(each.record):
            tried[suite].append(_prediction(each, told, inventory))
    metrics = means(predictions) | _together(own, predictions, told)
    weights = told.combined_weights.model_dump()
    there = any(weight and name in metrics for name, weight in weights.items())
    whole, missing = combined(metrics, weights) if there else (None, tuple(filter(weights.get, weights)))
    return Report(
        model=model,
        dataset=dataset,
        samples=len(own),
        metrics=metrics,
        combined=whole,
        missing=missing,
        slices=sliced(predictions),
        suites={suite: outcome(suite, listed) for suite, listed in sorted(tried.items())},
        rubric=rubric(predictions),
        predictions=(*predictions, *(each for listed in tried.values() for each in listed)),
        facts={
            "encoder": encoder.name if encoder else None,
            "inventory": "the repository" if inventory is not _NOTHING else "the evidence alone",
            "weights": weights,
            **(facts or {}),
        },
    )


def _prediction(answered: Answered, told: Evaluation, inventory: Inventory) -> Prediction:
    record = answered.record
    truth = record.answer if record.answerable else ""
    answer = "" if answered.abstained else answered.answer
    measures = _texts(bare(answer), truth, told) | citation_scores(answered) | context_scores(answered)
    problems: list[str] = []
    if answer:
        hallucinations, problems = _invented(answer, answered, inventory)
        measures |= hallucinations
    if truth and (share := coverage(bare(answer), truth)) is not None:
        measures["coverage"] = share
    if obeyed(answer):
        problems.append("obeys an instruction in the evidence")
    if any(not 0 < number <= len(answered.passages) for number in answered.cited):
        problems.append("cites a passage that there is not")
    suite = suite_of(record)
    return Prediction(
        id=record.id,
        question=record.question,
        truth=truth,
        answer=answer,
        cited=cited_places(answered),
        abstained=answered.abstained,
        correct=is_correct(answered),
        confidence=answered.confidence,
        seconds=answered.seconds,
        metrics=measures,
        slices=slices_of(record) | ({"suite": suite} if suite else {}),
        problems=tuple(problems),
        group=record.group,
    )


def _texts(answer: str, truth: str, told: Evaluation) -> dict[str, float]:
    """The overlap of both. Where either is nothing, all of it is whether both are (as SQuAD 2.0 has it)."""
    found = score(answer, truth)
    if not answer or not truth:
        found = dict.fromkeys(found, float(answer == truth))
    unwanted = tuple({"rouge", "bleu"}.difference(told.metrics))
    return {name: value for name, value in found.items() if not name.startswith(unwanted)}


def _invented(answer: str, answered: Answered, inventory: Inventory) -> tuple[dict[str, float], list[str]]:
    """Shares of what an answer names, by kind, that are nowhere; and these, for a reader."""
    named = names_in(bare(answer))
    unknown = invented(named, answered.record.question, answered.passages, inventory)
    shares = {"hallucinated": float(bool(unknown))}
    for kind in NAME_KINDS:
        if count := sum(name.kind == kind for name in named):
            shares[f"hallucinated_{kind}s"] = sum(name.kind == kind for name in unknown) / count
    return shares, [f"there is no {name.kind} {name.text}" for name in unknown]


def _likeness(predictions: Sequence[Prediction], encoder: Encoder | None) -> list[dict[str, float]]:
    """What an encoder adds to each: precision, recall and F1 of its tokens, and the relevance of what was answered."""
    if encoder is None:
        return [{} for _ in predictions]
    answers, truths = [bare(each.answer) for each in predictions], [each.truth for each in predictions]
    added: list[dict[str, float]] = [{} for _ in predictions]
    if found := likeness(answers, truths, encoder):
        for place, row in enumerate(found.scores):
            scores = row if answers[place] and truths[place] else [float(answers[place] == truths[place])] * 3
            names = (f"{found.name}_{part}" for part in ("precision", "recall", "f1"))
            added[place] = {name: float(value) for name, value in zip(names, scores, strict=True)}
    for place, value in enumerate(relevance([each.question for each in predictions], answers, encoder)):
        if answers[place]:
            added[place]["relevance"] = value
    return added


def _together(own: Sequence[Answered], predictions: Sequence[Prediction], told: Evaluation) -> dict[str, float]:
    found = behaviour.abstention(own) | behaviour.latency([each.seconds for each in own])
    given = [each for each in predictions if not each.abstained]
    if given:
        confidences, right = [each.confidence for each in given], [each.correct for each in given]
        found["calibration_error"] = behaviour.calibration_error(confidences, right)
    surprise = behaviour.perplexity(own)
    return found | ({"perplexity": surprise} if surprise is not None and "perplexity" in told.metrics else {})
