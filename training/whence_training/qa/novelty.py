"""Questions against those already kept: one that says nearly the same as another of its type is not new.

Pure. After self-instruct (Wang et al. 2022): a question is new while its ROUGE-L with each of the pool is below 0.7.
Compared are the words that carry the meaning, without those that all questions share; a name in backquotes is one
word.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from rouge_score.rouge_scorer import RougeScorer

from whence_indexer.terms import identifiers_of, split_name

LIMIT = 0.7
_FRAME = frozenset(
    """a an the of in on at to for from with by and or is are was were be do does did done it its that this which
    what why who whom whose when where how can could would should i we you me my our there here any some has have
    had not no use used get call called calling code function method class type tell explain describe difference
    between purpose reason made make commit change file files docs say about give given need know signature look
    like declared accept pass take name find decision decided project somebody maintainers author talk ask date
    day talking wrote""".split()
)


class Pool:
    """The questions kept so far. Owns an index of their words, so that a new one is compared with few."""

    def __init__(self, limit: float = LIMIT) -> None:
        """`limit` is the ROUGE-L from which a question is a repetition."""
        self._limit = limit
        self._scorer = RougeScorer(["rougeL"], tokenizer=_Split())
        self._held: list[list[str]] = []
        self._places: defaultdict[tuple[str, str], list[int]] = defaultdict(list)

    def add(self, question: str, kind: str) -> str | None:
        """Keep a question of a kind if it is new; what it repeats, as its telling words, if it is not."""
        telling = telling_words(question)
        for place in self._alike(telling, kind):
            other = self._held[place]
            score = self._scorer.score(" ".join(other), " ".join(telling))["rougeL"].fmeasure
            if score >= self._limit:
                return " ".join(other)
        place = len(self._held)
        self._held.append(telling)
        for word in set(telling):
            self._places[kind, word].append(place)
        return None

    def _alike(self, telling: Sequence[str], kind: str) -> list[int]:
        """Those that share enough words to reach the limit: the longest common subsequence is no longer than that."""
        rarest = sorted(set(telling), key=lambda word: len(self._places[kind, word]))
        least = math.ceil(self._limit / (2 - self._limit) * len(telling))  # shared with any question that reaches it
        probed = rarest[: max(1, len(rarest) - least + 1 + len(telling) - len(set(telling)))]
        found = {place for word in probed for place in self._places[kind, word]}
        counts = Counter(telling)
        return [
            place
            for place in sorted(found)
            if 2 * (Counter(self._held[place]) & counts).total()
            >= self._limit * (len(self._held[place]) + len(telling))
        ]


def telling_words(question: str) -> list[str]:
    """The words of a question that tell it from others; all of them where none does."""
    spoken: list[str] = []
    for number, part in enumerate(question.split("`")):
        spoken += (
            ["".join(part.split())] if number % 2 else [w for name in identifiers_of(part) for w in split_name(name)]
        )
    return [word for word in spoken if word not in _FRAME] or spoken


class _Split:
    """The tokenizer of texts that are words already."""

    def tokenize(self, text: str) -> list[str]:
        """Words between spaces."""
        return text.split()
