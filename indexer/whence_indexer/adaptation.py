"""Token vectors and pairs of texts -> token vectors that bring each question nearer its answer. In numpy alone.

The pure core of adaptation: an in-batch softmax contrastive loss through the sum of token vectors and its
normalisation, its gradient by hand, Adam on the rows a batch touches. Reads nothing, writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bag = NDArray[np.int32]  # the token ids of one text, shape (tokens,)

_BETA1, _BETA2, _EPSILON = 0.9, 0.99, 1e-8


@dataclass(frozen=True)
class Recipe:
    """Every number of the training. Tuned on repositories other than those that are reported."""

    epochs: int = 6
    batch: int = 256
    learning_rate: float = 0.005
    warm_up: float = 0.1  # share of the steps
    scale: float = 15.0  # inverse temperature of the cosine
    token_dropout: float = 0.3  # on both sides: no answer may hang on one word
    query_tokens: int = 96
    passage_tokens: int = 192
    seed: int = 0


@dataclass(frozen=True)
class Lessons:
    """Tokenized pairs: question i is answered by passage `answers[i]`; `negatives[i]` are passages that mislead.

    Questions of one group (one commit, one file) share answers: those are no negatives of each other.
    """

    questions: Sequence[Bag]
    answers: NDArray[np.int64]
    groups: NDArray[np.int64]
    negatives: NDArray[np.int64]  # shape (questions, n), -1 for none
    passages: Sequence[Bag]


def train(
    weights: Floats, lessons: Lessons, recipe: Recipe, progress: Callable[[int, int], None] = lambda done, total: None
) -> Floats:
    """`weights`, shape (vocabulary, dimension), fine-tuned on `lessons`; the same for the same arguments."""
    chance = np.random.default_rng(recipe.seed)
    tuned = weights.copy()
    optimizer = _Adam(tuned)
    count = len(lessons.questions)
    batch = min(recipe.batch, count)
    steps = max(1, count * recipe.epochs // batch)
    order = np.zeros(0, np.int64)
    for step in range(steps):
        progress(step, steps)
        if len(order) < batch:
            order = np.concatenate([order, chance.permutation(count)])
        drawn, order = order[:batch], order[batch:]
        rate = recipe.learning_rate * _schedule(step / steps, recipe.warm_up)
        _step(tuned, optimizer, lessons, drawn, recipe, rate, chance)
    return tuned


def contrastive_loss(
    queries: Floats, passages: Floats, positives: NDArray[np.int64], ignored: NDArray[np.bool_], scale: float
) -> tuple[float, Floats, Floats]:
    """The loss and its gradients by `queries` (b, d) and `passages` (p, d), sums of token vectors, not yet normalised.

    Mean cross-entropy of each query's own passage `positives[i]` among all passages, by cosine times `scale`, where
    not `ignored` (b, p); and, half each, of each own passage's query among all queries. The in-batch softmax of
    https://arxiv.org/abs/1705.00652, symmetric as in https://arxiv.org/abs/2103.00020.
    """
    unit_queries, query_lengths = _normalised(queries)
    unit_passages, passage_lengths = _normalised(passages)
    own = np.arange(len(queries))
    similarity = scale * (unit_queries @ unit_passages.T)
    similarity[ignored] = -np.inf
    forth = _softmax(similarity)
    reverse = np.ascontiguousarray(similarity[:, positives].T)
    reverse[(positives[:, None] == positives) & (own[:, None] != own)] = -np.inf  # the same answer twice
    back = _softmax(reverse)
    likelihood = np.log(np.stack([forth[own, positives], back[own, own]]) + 1e-12)
    forth[own, positives] -= 1
    back[own, own] -= 1
    slope = forth
    np.add.at(slope.T, positives, back)
    slope *= scale / (2 * len(queries))
    return (
        float(-likelihood.mean()),
        _through_normalisation(slope @ unit_passages, unit_queries, query_lengths),
        _through_normalisation(slope.T @ unit_queries, unit_passages, passage_lengths),
    )


def sums(weights: Floats, bags: Sequence[Bag], at_once: int = 512) -> Floats:
    """The sum of each bag's token vectors, shape (len(bags), dimension); cosines need no mean."""
    parts = [_Counts(bags[start : start + at_once]).sums(weights) for start in range(0, len(bags), at_once)]
    return np.concatenate(parts) if parts else np.zeros((0, weights.shape[1]), np.float32)


def unit(vectors: Floats) -> Floats:
    """Rows of unit length; zero stays zero."""
    return _normalised(vectors)[0]


class _Counts:
    """How often each text of a batch holds each of the batch's distinct tokens: sums and gradients are products."""

    def __init__(self, bags: Sequence[Bag]) -> None:
        flat = np.concatenate(bags) if bags else np.zeros(0, np.int32)
        rows = np.repeat(np.arange(len(bags)), [len(bag) for bag in bags])
        self.tokens, columns = np.unique(flat, return_inverse=True)
        cells = np.bincount(rows * len(self.tokens) + columns, minlength=len(bags) * len(self.tokens))
        self.counts: Floats = cells.astype(np.float32).reshape(len(bags), len(self.tokens))

    def sums(self, weights: Floats) -> Floats:
        summed: Floats = self.counts @ weights[self.tokens]
        return summed


class _Adam:
    """Adam (https://arxiv.org/abs/1412.6980) whose moments move only where a row had a gradient."""

    def __init__(self, weights: Floats) -> None:
        self._first, self._second = np.zeros_like(weights), np.zeros_like(weights)
        self._steps = np.zeros(len(weights), np.int32)

    def step(self, weights: Floats, rows: NDArray[np.int32], gradient: Floats, rate: float) -> None:
        """Move `weights[rows]` against `gradient`, shape (len(rows), dimension); each row once."""
        self._steps[rows] += 1
        count = self._steps[rows][:, None]
        self._first[rows] = first = _BETA1 * self._first[rows] + (1 - _BETA1) * gradient
        self._second[rows] = second = _BETA2 * self._second[rows] + (1 - _BETA2) * gradient**2
        scaled = np.sqrt(second / (1 - _BETA2**count)) + _EPSILON
        weights[rows] -= (rate * first / (1 - _BETA1**count) / scaled).astype(np.float32)


def _step(
    weights: Floats,
    optimizer: _Adam,
    lessons: Lessons,
    drawn: NDArray[np.int64],
    recipe: Recipe,
    rate: float,
    chance: np.random.Generator,
) -> None:
    answers, groups = lessons.answers[drawn], lessons.groups[drawn]
    misleading = lessons.negatives[drawn].reshape(-1)
    misleading = misleading[misleading >= 0]
    shown = np.unique(np.concatenate([answers, misleading]))
    positives = np.searchsorted(shown, answers)
    bags = [_dropped(lessons.questions[index], recipe.query_tokens, recipe.token_dropout, chance) for index in drawn]
    bags += [_dropped(lessons.passages[index], recipe.passage_tokens, recipe.token_dropout, chance) for index in shown]
    counts = _Counts(bags)
    summed = counts.sums(weights)
    ignored = _shared_answers(groups, positives, len(shown))
    _, left, right = contrastive_loss(summed[: len(drawn)], summed[len(drawn) :], positives, ignored, recipe.scale)
    optimizer.step(weights, counts.tokens, counts.counts.T @ np.concatenate([left, right]), rate)


def _shared_answers(groups: NDArray[np.int64], positives: NDArray[np.int64], shown: int) -> NDArray[np.bool_]:
    """For each question, the passages that answer another question of its group, but for its own; shape (b, shown)."""
    ignored = np.zeros((len(groups), shown), bool)
    same_row, same_column = np.nonzero(groups[:, None] == groups[None, :])
    ignored[same_row, positives[same_column]] = True
    ignored[np.arange(len(groups)), positives] = False
    return ignored


def _dropped(bag: Bag, limit: int, rate: float, chance: np.random.Generator) -> Bag:
    """The first `limit` tokens without a random share of them; a text of few is left whole."""
    cut = bag[:limit]
    kept = cut[chance.random(len(cut)) >= rate] if len(cut) > 4 else cut
    return kept if len(kept) else cut


def _schedule(progress: float, warm_up: float) -> float:
    """Linear up to 1 over the warm-up, then linear down to a twentieth."""
    return progress / warm_up if progress < warm_up else 1 - 0.95 * (progress - warm_up) / (1 - warm_up)


def _softmax(values: Floats) -> Floats:
    raised: Floats = np.exp(values - values.max(axis=1, keepdims=True))
    raised /= raised.sum(axis=1, keepdims=True)
    return raised


def _normalised(vectors: Floats) -> tuple[Floats, Floats]:
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return vectors / lengths, lengths


def _through_normalisation(slope: Floats, unit: Floats, lengths: Floats) -> Floats:
    """The gradient by v of a function of v / |v|, from its gradient by v / |v|."""
    gradient: Floats = (slope - unit * np.sum(slope * unit, axis=1, keepdims=True)) / lengths
    return gradient
