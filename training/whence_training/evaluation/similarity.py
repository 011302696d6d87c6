"""Two texts -> how alike they are in meaning, by the vectors of their tokens (BERTScore, Zhang et al. 2020).

Pure but for the encoder that the caller brings. Raw scores of unrelated texts lie near those of good answers, so that
all look well: they are rescaled against the score of references that have nothing to do with each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Scores = NDArray[np.float64]  # precision, recall and F1


class Encoder(Protocol):
    """Texts as the vectors of their tokens; `contextual` where such a vector hangs on its neighbours."""

    name: str
    contextual: bool

    def tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """For each text an array of shape (tokens, dimension), rows of unit length, without the marks at its ends."""
        ...


@dataclass(frozen=True, slots=True)
class Likeness:
    """`scores` of each pair, rescaled: 1 the same, 0 no more alike than the unrelated, which scored `baseline`."""

    name: str
    scores: Scores
    baseline: Scores


def likeness(answers: Sequence[str], references: Sequence[str], encoder: Encoder) -> Likeness | None:
    """Precision, recall and F1 of each answer beside its reference, shape (pairs, 3); below 0 where worse than chance.

    None where there are not two different references to tell chance from. An empty answer scores 0. The name is
    `bertscore` for a contextual encoder and `embedding` for another: those numbers do not compare.
    """
    distinct = sorted(set(filter(None, references)))
    if len(distinct) < 2:
        return None
    held = dict(zip(distinct, encoder.tokens(distinct), strict=True))
    apart = len(distinct) // 2
    chance = [matched(held[a], held[b]) for a, b in zip(distinct, distinct[apart:] + distinct[:apart], strict=True)]
    baseline = np.minimum(np.mean(chance, axis=0), 0.99)
    given = zip(encoder.tokens(answers), references, answers, strict=True)
    scores = [
        (matched(vectors, held[reference]) - baseline) / (1 - baseline) if answer and reference else np.zeros(3)
        for vectors, reference, answer in given
    ]
    return Likeness("bertscore" if encoder.contextual else "embedding", np.array(scores).reshape(-1, 3), baseline)


def matched(answer: Vectors, reference: Vectors) -> Scores:
    """Precision, recall and F1, each token beside the one most like it in the other text; not rescaled."""
    if not len(answer) or not len(reference):
        return np.zeros(3)
    alike = answer @ reference.T
    precision, recall = float(alike.max(axis=1).mean()), float(alike.max(axis=0).mean())
    f1 = 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0
    return np.array([precision, recall, f1])


def relevance(questions: Sequence[str], answers: Sequence[str], encoder: Encoder) -> list[float]:
    """The cosine of each answer with its question, by the means of their tokens."""
    pairs = zip(encoder.tokens(questions), encoder.tokens(answers), strict=True)
    return [_cosine(question.sum(axis=0), answer.sum(axis=0)) for question, answer in pairs]


def _cosine(one: Vectors, other: Vectors) -> float:
    return float(one @ other / max(1e-9, float(np.linalg.norm(one) * np.linalg.norm(other))))
