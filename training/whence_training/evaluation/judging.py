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
_TO_THE_POINT = 0.5  # of its words are of what is right or of the question: all evidence together is no answer


def bare(answer: str) -> str:
    """The words of an answer: without the numbers of passages, the marks of sentences not borne out, and escapes."""
    return _ESCAPE.sub(r"\1", _RECEIPT.sub("", answer)).strip()


def is_correct(answered: Answered) -> bool:
    """Whether it abstained where there is no answer, or else says what the reference or a quote of it says.

    Says: has 80 % of its words, and half of its own are of it or of the question. A name is one word.
    """
    record = answered.record
    if answered.abstained or not record.answerable:
        return answered.abstained and not record.answerable
    said, asked = Counter(_words(bare(answered.answer))), Counter(_words(record.question))
    quotes = Counter(_words(" ".join(quote.text for quote in record.quotes)))
    says_more = (quotes & asked).total() < _BORNE * quotes.total()  # what only repeats the question answers nothing
    targets = [Counter(_words(record.answer)), *([quotes] if says_more else [])]
    return any(_says(said, target, asked) for target in targets)


def facts_of(reference: str) -> set[str]:
    """What of a reference can be right or wrong by itself: code, names, numbers, versions, commits, dates."""
    return {" ".join((code or word).split()) for code, word in _FACT.findall(reference)}


def coverage(answer: str, reference: str) -> float | None:
    """Share of the facts of the reference that the answer has; None where the reference has none."""
    wanted, said = facts_of(reference), " ".join(answer.split())
    if not wanted:
        return None
    return sum(re.search(rf"(?<!\w){re.escape(fact)}(?!\w)", said) is not None for fact in wanted) / len(wanted)


def _says(said: Counter[str], wanted: Counter[str], asked: Counter[str]) -> bool:
    shared = (said & wanted).total()
    to_the_point = (said & (wanted + asked)).total() >= _TO_THE_POINT * said.total()
    return shared > 0 and shared >= _BORNE * wanted.total() and to_the_point


def _words(text: str) -> list[str]:
    return identifiers_of(text.lower())
