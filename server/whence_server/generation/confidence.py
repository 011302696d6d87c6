"""How sure an answer by a model is: what retrieval supports and how likely the model found its own words.

Pure. What a model's probabilities are worth differs from model to model: each brings its own calibration, in the
metrics of its manifest; those of one without count for nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

_METRIC = "calibration."
_MOST = 30.0  # log-odds that are as good as certain


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic function of two numbers: the log-odds of the retrieval's confidence, and the mean logarithm of the
    probabilities of the words. `tests/benchmarks/calibration.py` fits one. As it stands retrieval alone counts."""

    bias: float = 0.0
    margin: float = 1.0
    likelihood: float = 0.0

    @property
    def metrics(self) -> dict[str, float]:
        """As a manifest holds it."""
        return {_METRIC + name: value for name, value in asdict(self).items()}


RETRIEVAL_ALONE = Calibration()


def read_calibration(metrics: Mapping[str, float]) -> Calibration:
    """That of a manifest's metrics; the one of retrieval alone where one of its numbers is not there."""
    own = {name: metrics.get(_METRIC + name) for name in Calibration.__slots__}
    found = {name: value for name, value in own.items() if value is not None}
    return Calibration(**found) if len(found) == len(own) else RETRIEVAL_ALONE


def calibrated(retrieval: float, logprobs: Sequence[float], calibration: Calibration) -> float:
    """Confidence, 0 to 1, from that of the evidence and the natural logarithms of the words' probabilities.

    Where a model tells none, as endpoints do, it is that of the evidence.
    """
    if not logprobs:
        return retrieval
    odds, words = log_odds(retrieval), fmean(logprobs)
    z = calibration.bias + calibration.margin * odds + calibration.likelihood * words
    return 1 / (1 + math.exp(-max(-_MOST, min(_MOST, z))))


def log_odds(confidence: float) -> float:
    """The logarithm of p / (1 - p), finite."""
    held = max(1e-6, min(1 - 1e-6, confidence))
    return math.log(held / (1 - held))
