"""What was asked and what people said of answers -> how a deployed model does, what has changed, what it lacks.

Pure; vectors of the questions are brought along. From the log that the user switched on and from feedback, both local.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whence_server.feedback import Feedback
from whence_server.questionlog import Entry
from whence_training.config import Monitoring

Vectors = NDArray[np.float32]
_BUCKETS = 10  # as is usual for the index
_CHANCE = 16.92  # the 95 % quantile of chi-squared with a degree less
_ROUNDS = 10  # of k-means: questions are few
_TOPIC = 8  # questions a topic, about
_FEWEST = 3  # questions that make a topic


@dataclass(frozen=True, slots=True)
class Signal:
    """A mean over time that is watched: its course, where it stands, its limit, and whether it is on the wrong side.

    `value` is None of fewer events than it takes to tell.
    """

    name: str
    value: float | None
    limit: float
    bad: bool
    events: int
    course: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Topic:
    """Questions that are alike: one of them, how many, the share without an answer, and the mean confidence."""

    example: str
    questions: int
    unanswered: float
    confidence: float


def signals(given: Sequence[Feedback], asked: Sequence[Entry], vectors: Vectors, told: Monitoring) -> list[Signal]:
    """Satisfaction, corrections, abstention and drift; `vectors` are those of `asked`, both oldest first."""
    thumbs = [float(each.verdict == "up") for each in given if each.verdict in ("up", "down", "correction")]
    fixes = [float(each.verdict == "correction") for each in given if each.verdict != "note"]
    silent = [float(each.abstained) for each in asked]
    return [
        _watched("satisfaction", thumbs, told.satisfaction, told, low=True),
        _watched("corrections", fixes, told.corrections, told),
        _watched("abstention", silent, told.abstention, told),
        _drift(vectors, told),
    ]


def smoothed(values: Iterable[float], weight: float) -> list[float]:
    """The exponentially weighted mean after each value: `weight` on the newest, the first as it is."""
    course: list[float] = []
    for value in values:
        course.append(value if not course else weight * value + (1 - weight) * course[-1])
    return course


def stability(before: Sequence[int], after: Sequence[int]) -> float:
    """The population stability index of two counts over the same buckets: the sum of (q - p) ln(q / p).

    Half an event is added to each bucket, so that an empty one is no infinity.
    """
    p, q = (np.array(counts, np.float64) + 0.5 for counts in (before, after))
    p, q = p / p.sum(), q / q.sum()
    return float(((q - p) * np.log(q / p)).sum())


def buckets(vectors: Vectors, count: int) -> tuple[Vectors, NDArray[np.intp]]:
    """k-means over unit vectors, by their cosine: the centres, and to which each vector belongs.

    It begins at the vectors that are farthest apart, so that the same questions give the same buckets.
    """
    chosen = [0]
    while len(chosen) < min(count, len(vectors)):
        nearest = (vectors @ vectors[chosen].T).max(axis=1)
        chosen.append(int(nearest.argmin()))
    centres = vectors[chosen]
    for _ in range(_ROUNDS):
        belongs = _nearest(vectors, centres)
        means = [vectors[belongs == k].mean(axis=0) if (belongs == k).any() else centres[k] for k in range(len(chosen))]
        centres = np.array(means, np.float32)
        centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-9)
    return centres, _nearest(vectors, centres)


def topics(asked: Sequence[Entry], vectors: Vectors) -> list[Topic]:
    """What is asked about, most often first."""
    if len(asked) < _FEWEST:
        return []
    centres, belongs = buckets(vectors, max(1, len(asked) // _TOPIC))
    found = []
    for number, centre in enumerate(centres):
        mine = np.flatnonzero(belongs == number)
        if len(mine) >= _FEWEST:
            best = int(mine[(vectors[mine] @ centre).argmax()])
            alike = [asked[int(k)] for k in mine]
            silent = float(np.mean([each.abstained for each in alike]))
            sure = float(np.mean([each.confidence for each in alike]))
            found.append(Topic(asked[best].question, len(mine), round(silent, 3), round(sure, 3)))
    return sorted(found, key=lambda topic: (-topic.questions, topic.example))


def by_model(asked: Sequence[Entry]) -> Mapping[str, Mapping[str, Any]]:
    """Questions, answers with receipts, the median and the slowest twentieth of seconds, of each model."""
    models = {}
    for name in sorted({each.model for each in asked}):
        mine = [each for each in asked if each.model == name]
        p50, p95 = np.quantile([each.seconds for each in mine], [0.5, 0.95])
        cited = sum(each.cited > 0 for each in mine) / len(mine)
        models[name] = {"questions": len(mine), "cited": round(cited, 3), "p50": round(float(p50), 3),
                        "p95": round(float(p95), 3)}  # fmt: skip
    return models


def _watched(name: str, values: Sequence[float], limit: float, told: Monitoring, low: bool = False) -> Signal:
    course = smoothed(values, told.weight)
    if len(course) < told.least:
        return Signal(name, None, limit, False, len(course), tuple(course))
    value = round(course[-1], 4)
    return Signal(name, value, limit, value < limit if low else value > limit, len(course), tuple(course))


def _drift(vectors: Vectors, told: Monitoring) -> Signal:
    """The newer half of the questions against the older, over buckets of the older.

    Of few questions the index is large by chance alone: it is about chi-squared times the sum of 1/n (Yurdakul 2018),
    and its 95 % quantile is the limit where that is above the one set.
    """
    half = len(vectors) // 2
    if half < told.least:
        return Signal("drift", None, told.drift, False, len(vectors))
    centres, before = buckets(vectors[:half], _BUCKETS)
    after = _nearest(vectors[half:], centres)
    counts = [np.bincount(each, minlength=len(centres)).tolist() for each in (before, after)]
    value = round(stability(*counts), 4)
    limit = round(max(told.drift, _CHANCE * (1 / half + 1 / (len(vectors) - half))), 4)
    return Signal("drift", value, limit, value > limit, len(vectors))


def _nearest(vectors: Vectors, centres: Vectors) -> NDArray[np.intp]:
    nearest: NDArray[np.intp] = (vectors @ centres.T).argmax(axis=1)
    return nearest
