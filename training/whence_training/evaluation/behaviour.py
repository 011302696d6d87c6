"""Answers -> what is said of them together: when they abstain, whether their confidence is true, how fast they are.

Pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from whence_training.evaluation.answered import Answered

_BINS = 10


def abstention(answered: Sequence[Answered]) -> dict[str, float]:
    """Precision and recall of saying that it does not know; each left out where nothing could be right or wrong."""
    silent = [not each.record.answerable for each in answered if each.abstained]
    unanswerable = sum(not each.record.answerable for each in answered)
    scores = {"abstained": len(silent) / len(answered)} if answered else {}
    if silent:
        scores["abstention_precision"] = sum(silent) / len(silent)
    if unanswerable:
        scores["abstention_recall"] = sum(silent) / unanswerable
    return scores


def calibration_error(confidences: Sequence[float], correct: Sequence[bool]) -> float:
    """The expected calibration error in ten bins of equal width (Guo et al. 2017), 0 to 1. Neither may be empty."""
    confidence, right = np.array(confidences), np.array(correct, float)
    places = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(places, right - confidence, _BINS)
    return float(np.abs(gaps).sum() / len(right))


def latency(seconds: Sequence[float]) -> dict[str, float]:
    """The median and the 95th percentile, in seconds."""
    if not seconds:
        return {}
    half, most = np.percentile(seconds, (50, 95))
    return {"seconds_p50": float(half), "seconds_p95": float(most)}


def perplexity(answered: Sequence[Answered]) -> float | None:
    """exp of the mean -log p of a reference's token, over all tokens of all references; None where none is told."""
    losses = [each.log_loss for each in answered if each.log_loss is not None and each.record.answerable]
    tokens = sum(count for _, count in losses)
    return math.exp(min(700.0, math.fsum(loss for loss, _ in losses) / tokens)) if tokens else None
