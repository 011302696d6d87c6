"""Records -> the groups that a model may serve unlike, and how it serves each. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from whence_indexer.languages import language_of
from whence_training.evaluation.report import Prediction
from whence_training.qa.record import Record

MOST = 20  # values of a slice that are shown; the rest are one
REST = "(others)"
_POLITE = re.compile(r"\b(please|thanks?|kindly|(could|can|would|do) you|i'd like|i would like|may i)\b", re.IGNORECASE)
_ORDER = re.compile(r"(explain|describe|tell|show|give|compare|name|list|find|summari[sz]e|say)\b", re.IGNORECASE)
_CODE = re.compile(r"`|\b\w*[a-z0-9](?:_\w+|[A-Z]\w*)\b|\w\(\)|\b[0-9a-f]{7,40}\b")


def _hops(record: Record) -> str:
    """How many sources have to be read."""
    return str(len({record.context[quote.evidence].source for quote in record.quotes}))


def _source(record: Record) -> str:
    return next((evidence.kind for evidence in record.origin), "")


def _path(record: Record) -> str:
    return next((evidence.path for evidence in record.origin if evidence.path), "")


def _module(record: Record) -> str:
    """The folder of the file; "." at the top, "" where it is not of a file."""
    path = _path(record)
    return (path.rpartition("/")[0] or ".") if path else ""


def _language(record: Record) -> str:
    path = _path(record)
    return language_of(path).name if path else ""


def _experience(record: Record) -> str:
    """Who names code knows some of it."""
    return "names code" if _CODE.search(record.question) else "plain words"


def _tone(record: Record) -> str:
    question = record.question
    if _POLITE.search(question):
        return "polite"
    if _ORDER.match(question):
        return "order"
    return "question" if "?" in question else "terse"


SLICES: dict[str, Callable[[Record], str]] = {
    "category": lambda record: record.category,
    "type": lambda record: record.type,
    "difficulty": lambda record: record.difficulty,
    "source": _source,
    "author": lambda record: record.author,
    "hops": _hops,
    "language": _language,
    "module": _module,
    "experience": _experience,
    "tone": _tone,
    "generator": lambda record: record.generator,
}


def slices_of(record: Record) -> dict[str, str]:
    """The value of a record in each slice; one that has none is left out."""
    return {name: value for name, of in SLICES.items() if (value := of(record))}


def sliced(predictions: Sequence[Prediction]) -> dict[str, dict[str, dict[str, float]]]:
    """{slice: {value: {"n", "accuracy", and the mean of each measure}}}, the most frequent values first."""
    return {name: _slice(predictions, name) for name in SLICES if any(name in each.slices for each in predictions)}


def means(predictions: Sequence[Prediction]) -> dict[str, float]:
    """The accuracy, and the mean of each measure over those that have it."""
    held: defaultdict[str, list[float]] = defaultdict(list)
    for each in predictions:
        held["accuracy"].append(float(each.correct))
        for name, value in each.metrics.items():
            held[name].append(value)
    return {name: fmean(values) for name, values in held.items()}


def _slice(predictions: Sequence[Prediction], name: str) -> dict[str, dict[str, float]]:
    having = [each for each in predictions if name in each.slices]
    counts = Counter(each.slices[name] for each in having)
    order = sorted(counts, key=lambda value: (-counts[value], value))
    shown = order if len(order) <= MOST else order[: MOST - 1]
    groups: Mapping[str, list[Prediction]] = {value: [] for value in shown}
    rest: list[Prediction] = []
    for each in having:
        groups.get(each.slices[name], rest).append(each)
    named = {**groups, REST: rest} if rest else groups
    return {value: {"n": len(members), **means(members)} for value, members in named.items()}
