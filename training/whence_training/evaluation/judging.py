"""An answer as shown -> its bare text, whether it is right, and how many of the reference's facts it has. Pure."""

from __future__ import annotations

import re
from collections import Counter

from whence_indexer.terms import identifiers_of
from whence_training.evaluation.answered import Answered

_RECEIPT = re.compile(r"\s*(?:\[\d+\])+|\s*_\(not found in the evidence\)_")
_ESCAPE = re.compile(r"\\([\\`*\[\]<>&|~_])")
_FACT = re.compile(r"`([^`\n]+)`|\b(\w*[a-z0-9](?:_\w+|[A-Z]\w*)|[\w-]*\d[\w.-]*\w|\d)\b")
_BORNE = 0.8  # of the words of what is right, as the validators hold answers to their quotes
_TO_THE_POINT = 0.25  # of the answer's words are of what is right: all evidence together is no answer


def bare(answer: str) -> str:
    """The words of an answer: without the numbers of passages, the marks of sentences not borne out, and escapes."""
    return _ESCAPE.sub(r"\1", _RECEIPT.sub("", answer)).strip()


def is_correct(answered: Answered) -> bool:
    """Whether it abstained where there is no answer, or else says what the reference or a quote of it says.

    Says: has 80 % of its words, and these are a quarter of its own at least. Names count as words, not their parts.
    """
    record = answered.record
    if answered.abstained or not record.answerable:
        return answered.abstained and not record.answerable
    said = Counter(_words(bare(answered.answer)))
    targets = [record.answer, " ".join(quote.text for quote in record.quotes)]
    return any(_says(said, Counter(_words(target))) for target in targets)


def facts_of(reference: str) -> set[str]:
    """What of a reference can be right or wrong by itself: code, names, numbers, versions, commits, dates."""
    return {" ".join((code or word).split()) for code, word in _FACT.findall(reference)}


def coverage(answer: str, reference: str) -> float | None:
    """Share of the facts of the reference that the answer has; None where the reference has none."""
    wanted, said = facts_of(reference), " ".join(answer.split())
    if not wanted:
        return None
    return sum(re.search(rf"(?<!\w){re.escape(fact)}(?!\w)", said) is not None for fact in wanted) / len(wanted)


def _says(said: Counter[str], wanted: Counter[str]) -> bool:
    shared = (said & wanted).total()
    return shared > 0 and shared >= _BORNE * wanted.total() and shared >= _TO_THE_POINT * said.total()


def _words(text: str) -> list[str]:
    return identifiers_of(text.lower())
