"""How well a confidence tells what can be answered from what cannot, and the logistic function that tells it best.

Pure: takes confidences of questions that should be answered, and of others that should not.

Precision and recall are those of abstaining, and the calibration error is that of the confidence, all with as many
questions to abstain from as to answer: answerable and unanswerable ones weigh equal, whatever their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from tests.benchmarks.markdown import number, table

from whence_server.extractive import ABSTAIN_BELOW

Array = NDArray[np.float64]
Line = tuple[str, Sequence[float], Sequence[float]]  # what was measured; confidences of the ones, of the others

_RIDGE = 1.0  # weight of the squared coefficients, of standardised features, beside the sum of log losses
_STEPS = 50
_BINS = 10  # of the expected calibration error


def scores_table(lines: Sequence[Line]) -> str:
    """Markdown: how well each line's confidences tell."""
    header = ["measured on", "answerable", "not", "AUROC", "precision", "recall", "wrongly refused", "ECE"]
    return table(header, [[name, *_scores(own, others)] for name, own, others in lines])


def _scores(own: Sequence[float], others: Sequence[float]) -> list[str]:
    refused, recall = (fmean(value < ABSTAIN_BELOW for value in side) for side in (own, others))
    precision = recall / (recall + refused) if recall + refused else 0.0
    shown = (auroc(own, others), precision, recall, refused, calibration_error(own, others))
    return [str(len(own)), str(len(others)), *map(number, shown)]


def auroc(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """The probability that a random positive is above a random negative, ties counting half."""
    above = np.subtract.outer(np.array(positives), np.array(negatives))
    return float(np.mean((above > 0) + 0.5 * (above == 0)))


def calibration_error(answerable: Sequence[float], others: Sequence[float]) -> float:
    """The expected calibration error of confidences, in bins of equal width (Guo et al. 2017); sides weigh equal."""
    confidence = np.array([*answerable, *others])
    right = np.repeat([1.0, 0.0], [len(answerable), len(others)])
    weight = np.repeat([0.5 / len(answerable), 0.5 / len(others)], [len(answerable), len(others)])
    places = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(places, weight * (right - confidence), _BINS)
    return float(np.abs(gaps).sum())


def fit(features: Array, own: NDArray[np.bool_], weights: Array) -> tuple[float, Array]:
    """Bias and coefficients of a ridge-regularised logistic regression, by Newton's method.

    `features` has shape (n, m), `own` says which rows should answer, `weights` how much each counts. Coefficients are
    for the features as they are, not standardised.
    """
    mean, spread = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-9)
    design = np.column_stack([np.ones(len(features)), (features - mean) / spread])
    penalty = _RIDGE * np.diag([0.0, *np.ones(features.shape[1])])
    solution = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        probability = 1 / (1 + np.exp(-design @ solution))
        gradient = design.T @ (weights * (probability - own)) + penalty @ solution
        curvature = (design * (weights * probability * (1 - probability))[:, None]).T @ design + penalty
        solution -= np.linalg.solve(curvature, gradient)
    coefficients = solution[1:] / spread
    return float(solution[0] - coefficients @ mean), coefficients
