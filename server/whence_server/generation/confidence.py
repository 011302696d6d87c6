"""How sure an answer by a model is: what retrieval supports and how likely the model found its own words.

Pure. The weights are not fitted yet: the place where calibration on held-out questions goes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

# How far the model's doubt can lower what retrieval supports: it cannot raise it.
_DOUBT = 0.3


def likelihood(logprobs: Sequence[float]) -> float:
    """The geometric mean of the tokens' probabilities, 0 to 1; 1 where a model tells none."""
    return math.exp(sum(logprobs) / len(logprobs)) if logprobs else 1.0


def combined(retrieval: float, logprobs: Sequence[float]) -> float:
    """Confidence, 0 to 1, from that of the evidence and the probabilities of the words."""
    return retrieval * (1 - _DOUBT * (1 - likelihood(logprobs)))
