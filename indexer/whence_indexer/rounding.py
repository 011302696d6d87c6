"""Token vectors as small whole numbers, for a model that travels: each row in steps of a third of its typical number.

A row's numbers are spread around 0 as by a normal distribution, so that few steps are common and deflate, which every
wheel and archive is packed with, needs about 4 bits for each. What that costs stands in docs/benchmarks.md. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WEIGHTS = "embedding.weight"  # as sentence-transformers calls them; those below it does not know
_STEPS, _STEP = "embedding.steps", "embedding.step"
_PART = 0.35  # of a row's root mean square


def rounded(weights: NDArray[Any], part: float = _PART) -> dict[str, NDArray[Any]]:
    """The tensors of a file that holds `weights` in steps: int8 of the same shape, and a float16 for each row."""
    exact = weights.astype(np.float32)
    typical = np.sqrt(np.mean(exact**2, axis=1, keepdims=True))
    step = np.maximum(typical * part, np.finfo(np.float16).tiny).astype(np.float16)
    steps = np.clip(np.rint(exact / step.astype(np.float32)), -127, 127).astype(np.int8)
    return {_STEPS: steps, _STEP: step}


def restored(tensors: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    """The weights of a file's tensors, rounded or as they are. Raises `KeyError` where it holds none."""
    if WEIGHTS in tensors:
        return tensors[WEIGHTS].astype(np.float32)
    weights: NDArray[np.float32] = np.multiply(tensors[_STEPS], tensors[_STEP].astype(np.float32), dtype=np.float32)
    return weights
