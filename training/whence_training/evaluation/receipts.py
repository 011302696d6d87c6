"""Citations and evidence beside what a record quotes: were the right passages cited, and were they there at all?

Pure. A passage is right where it overlaps what the record quotes from, or holds the words it quotes: evidence that was
searched for anew need not be cut as the record's.
"""

from __future__ import annotations

from collections.abc import Sequence

from whence_server.generation.prompt import place
from whence_server.passages import Passage
from whence_training.evaluation.answered import Answered
from whence_training.qa.record import Evidence, Record


def citation_scores(answered: Answered) -> dict[str, float]:
    """`citation_precision` over what is cited, where anything is, and `citation_recall` over what the record quotes.

    An answer to what has none cites nothing that is right; one that abstains where there is an answer recalls nothing.
    """
    record = answered.record
    cited, scores = _cited(answered), {}
    if answered.cited and not answered.abstained:
        scores["citation_precision"] = _right(cited, record) / len(answered.cited)
    if record.answerable:
        scores["citation_recall"] = _found([] if answered.abstained else cited, record)
    return scores


def context_scores(answered: Answered) -> dict[str, float]:
    """`context_precision` and `context_recall` of the passages served, for a record with an answer."""
    if not answered.record.answerable:
        return {}
    served = answered.passages
    precision = _right(served, answered.record) / len(served) if served else 0.0
    return {"context_precision": precision, "context_recall": _found(served, answered.record)}


def cited_places(answered: Answered) -> tuple[str, ...]:
    """Where the cited passages are from, for a reader."""
    return tuple(place(passage) for passage in _cited(answered))


def _cited(answered: Answered) -> list[Passage]:
    """The passages of the numbers there are; an answer may name others."""
    return [answered.passages[number - 1] for number in answered.cited if 0 < number <= len(answered.passages)]


def _right(passages: Sequence[Passage], record: Record) -> int:
    return sum(any(_bears(passage, number, record) for number in _quoted(record)) for passage in passages)


def _found(passages: Sequence[Passage], record: Record) -> float:
    wanted = _quoted(record)
    found = sum(any(_bears(passage, number, record) for passage in passages) for number in wanted)
    return found / len(wanted) if wanted else 0.0


def _quoted(record: Record) -> list[int]:
    return sorted({quote.evidence for quote in record.quotes})


def _bears(passage: Passage, number: int, record: Record) -> bool:
    """Whether a passage is of the evidence `number` of the record, or holds all that is quoted from it."""
    if _overlaps(passage, record.context[number]):
        return True
    quotes = [" ".join(quote.text.split()) for quote in record.quotes if quote.evidence == number]
    text = " ".join(passage.quote.split())
    return all(quote in text for quote in quotes)


def _overlaps(passage: Passage, evidence: Evidence) -> bool:
    hit = passage.hit
    if evidence.path is not None:
        in_lines = passage.start_line <= evidence.end_line and evidence.start_line <= passage.end_line
        return hit.path == evidence.path and in_lines
    if evidence.commit is not None:
        return hit.path is None and hit.commit is not None and _same(hit.commit, evidence.commit)
    return hit.path is None and hit.thread == evidence.thread and hit.kind == evidence.kind


def _same(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)
