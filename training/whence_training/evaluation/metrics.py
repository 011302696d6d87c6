"""An answer beside the reference -> how alike they are, by the measures that question answering is judged with.

Pure. Text overlap says little of whether an answer is right; no measure here gates by itself but the combined score.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from statistics import fmean

from rouge_score.rouge_scorer import RougeScorer

_ROUGE = {"rouge1": "rouge1", "rouge2": "rouge2", "rougeL": "rougeL"}
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_BLEU_ORDER = 4


def normalised(text: str) -> str:
    """Lower case, without punctuation, articles and doubled spaces: as the script of SQuAD v1.1 compares answers."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, reference: str) -> float:
    """1 where both are the same when normalised, else 0."""
    return float(normalised(answer) == normalised(reference))


def token_scores(answer: str, reference: str) -> dict[str, float]:
    """Precision, recall and F1 over normalised words, each counted as often as both have it (SQuAD v1.1)."""
    given, wanted = normalised(answer).split(), normalised(reference).split()
    if not given or not wanted:
        same = float(given == wanted)
        return {"token_precision": same, "token_recall": same, "token_f1": same}
    shared = (Counter(given) & Counter(wanted)).total()
    precision, recall = shared / len(given), shared / len(wanted)
    f1 = 2 * precision * recall / (precision + recall) if shared else 0.0
    return {"token_precision": precision, "token_recall": recall, "token_f1": f1}


def rouge(answer: str, reference: str) -> dict[str, float]:
    """F-measures of ROUGE-1, -2 and -L with stemming, by Google's rouge-score (Lin 2004)."""
    scores = _scorer().score(reference, answer)
    return {name: float(scores[key].fmeasure) for name, key in _ROUGE.items()}


def bleu(answer: str, reference: str) -> float:
    """BLEU-4 of one sentence, with one added to the counts of n-grams from two on (Lin and Och 2004, smoothing 2).

    Reported, never gating: near 0.02 even for good short answers.
    """
    given, wanted = answer.lower().split(), reference.lower().split()
    if not given or not wanted:
        return 0.0
    logs = []
    for order in range(1, _BLEU_ORDER + 1):
        ours, theirs = _ngrams(given, order), _ngrams(wanted, order)
        added = int(order > 1)
        shared, total = (ours & theirs).total() + added, ours.total() + added
        if not shared:
            return 0.0
        logs.append(math.log(shared / total))
    brevity = min(0.0, 1 - len(wanted) / len(given))
    return math.exp(brevity + fmean(logs))


def score(answer: str, reference: str) -> dict[str, float]:
    """All of the above of one answer."""
    return {
        "exact_match": exact_match(answer, reference),
        **token_scores(answer, reference),
        **rouge(answer, reference),
        "bleu": bleu(answer, reference),
    }


def combined(metrics: Mapping[str, float], weights: Mapping[str, float]) -> tuple[float, tuple[str, ...]]:
    """(the weighted mean of the measures, those of the weights that are missing).

    What is missing is left out, and the other weights grow to sum to 1. Raises `ValueError` where all are missing.
    """
    missing = tuple(name for name, weight in weights.items() if weight and name not in metrics)
    present = {name: weight for name, weight in weights.items() if weight and name in metrics}
    if not present:
        raise ValueError(f"there is none of {', '.join(missing)} to combine")
    total = math.fsum(present.values())
    return math.fsum(metrics[name] * weight for name, weight in present.items()) / total, missing


def _ngrams(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[start : start + order]) for start in range(len(words) - order + 1))


@lru_cache(maxsize=1)
def _scorer() -> RougeScorer:
    return RougeScorer(list(_ROUGE.values()), use_stemmer=True)
