"""What was said of answers -> examples to learn from: what each is of, what is amiss with it, and how many there are.

Pure. A correction is an example of its own answer, a thumb up one of the model's; other verdicts are none.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from whence_server.likeness import shingle

if TYPE_CHECKING:
    from whence_server.feedback import Feedback

Kind = Literal["correction", "confirmation"]
Fault = Literal["duplicate", "near_duplicate", "conflict", "no_evidence"]
Category = Literal["code", "docs", "history", "discussion"]
QuestionType = Literal["what", "why", "where", "when", "who", "how", "explain", "compare"]

NEAR = 0.8  # likeness from which two examples are nearly the same, as in the data that is learnt from
_KINDS: Mapping[str, Kind] = {"correction": "correction", "up": "confirmation"}
_TYPES: tuple[QuestionType, ...] = ("why", "where", "when", "who", "how", "explain", "compare")
_CATEGORIES: Mapping[str, Category] = {
    "code": "code",
    "doc": "docs",
    "commit": "history",
    "issue": "discussion",
    "pull": "discussion",
}


@dataclass(frozen=True, slots=True)
class Flag:
    """Something amiss, and the ids of the other examples that it is with."""

    fault: Fault
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """One example: `answer` is what would be learnt, `given` what had been answered; `learnt` whether a run takes it:
    the last correction of its question, where it has evidence.
    """

    id: str
    at: str
    kind: Kind
    category: Category
    type: QuestionType
    question: str
    answer: str
    given: str
    evidence: Sequence[Mapping[str, Any]]
    learnt: bool
    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are of one category or type."""

    name: str
    corrections: int
    confirmations: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """`learnt` corrections count against the `minimum`; `ratio` is corrections by confirmations, None without any."""

    corrections: int
    confirmations: int
    learnt: int
    ratio: float | None
    categories: tuple[Count, ...]
    types: tuple[Count, ...]
    flagged: int
    minimum: int
    ready: bool
    told: str


def type_of(question: str) -> QuestionType:
    """What a question asks, by its first three words."""
    begins = question.lower().split()[:3]
    return next((each for each in _TYPES if each in begins), "what")


def category_of(evidence: Sequence[Mapping[str, Any]]) -> Category:
    """What an answer is made of, by its first citation."""
    return _CATEGORIES.get(str(evidence[0].get("kind")), "code") if evidence else "code"


def folded(text: str) -> str:
    """The text without what does not count when two are the same: case and spaces."""
    return " ".join(text.lower().split())


def collect(given: Iterable[Feedback]) -> list[Example]:
    """The examples among all that was said, oldest first, with what is amiss with each."""
    held = [each for each in given if each.verdict in _KINDS]
    flags, last = _flags(held), {folded(each.question): each.id for each in held if _is_learnable(each)}
    return [
        Example(
            id=each.id,
            at=each.at,
            kind=_KINDS[each.verdict],
            category=category_of(each.evidence),
            type=type_of(each.question),
            question=each.question,
            answer=_answer(each),
            given=each.answer,
            evidence=each.evidence,
            learnt=_is_learnable(each) and last[folded(each.question)] == each.id,
            flags=tuple(flags[each.id]),
        )
        for each in held
    ]


def count(examples: Sequence[Example], minimum: int) -> Statistics:
    """How many there are, and whether they are enough to learn from."""
    kinds = Counter(each.kind for each in examples)
    corrections, confirmations = kinds["correction"], kinds["confirmation"]
    learnt = sum(each.learnt for each in examples)
    return Statistics(
        corrections=corrections,
        confirmations=confirmations,
        learnt=learnt,
        ratio=round(corrections / confirmations, 3) if confirmations else None,
        categories=_counts((each.category, each.kind) for each in examples),
        types=_counts((each.type, each.kind) for each in examples),
        flagged=sum(bool(each.flags) for each in examples),
        minimum=minimum,
        ready=learnt >= minimum,
        told=_told(corrections, learnt, minimum),
    )


def _told(corrections: int, learnt: int, minimum: int) -> str:
    collected = f"{corrections:,} {'correction' if corrections == 1 else 'corrections'} collected"
    if learnt >= minimum:
        return f"{collected}, ready to train"
    unusable = f", {corrections - learnt:,} of them not to be learnt from" if learnt < corrections else ""
    return f"{collected}{unusable}; {minimum - learnt:,} more to go"


def _counts(named: Iterable[tuple[str, Kind]]) -> tuple[Count, ...]:
    counts = Counter(named)
    names = sorted({name for name, _ in counts})
    return tuple(Count(name, counts[name, "correction"], counts[name, "confirmation"]) for name in names)


def _answer(given: Feedback) -> str:
    return (given.text or "").strip() if given.verdict == "correction" else given.answer


def _is_learnable(given: Feedback) -> bool:
    return given.verdict == "correction" and bool(given.text) and bool(given.evidence)


def _flags(held: Sequence[Feedback]) -> Mapping[str, list[Flag]]:
    faults: defaultdict[str, defaultdict[Fault, list[str]]] = defaultdict(lambda: defaultdict(list))
    same: defaultdict[str, list[str]] = defaultdict(list)
    asked: defaultdict[tuple[str, ...], list[Feedback]] = defaultdict(list)
    for each, alike in zip(held, _alike(held), strict=True):
        own, text = faults[each.id], _text(each)
        clashing = [other for other in asked[_asked(each)] if folded(_answer(other)) != folded(_answer(each))]
        for other in clashing:
            own["conflict"].append(other.id)
            faults[other.id]["conflict"].append(each.id)
        if same[text]:
            own["duplicate"] = list(same[text])
        elif near := [other.id for other in alike if other not in clashing]:
            own["near_duplicate"] = near
        if not each.evidence:
            own["no_evidence"] = []
        same[text].append(each.id)
        asked[_asked(each)].append(each)
    return {name: [Flag(fault, tuple(others)) for fault, others in own.items()] for name, own in faults.items()}


def _alike(held: Sequence[Feedback]) -> Iterator[list[Feedback]]:
    """For each, those before it that are nearly the same."""
    holders: defaultdict[str, list[int]] = defaultdict(list)
    sizes: list[int] = []
    for place, each in enumerate(held):
        runs = shingle(_text(each))
        shared = Counter(other for run in runs for other in holders[run])
        yield [held[other] for other, both in shared.items() if both / (len(runs) + sizes[other] - both) >= NEAR]
        sizes.append(len(runs))
        for run in runs:
            holders[run].append(place)


def _text(given: Feedback) -> str:
    return folded(f"{given.question} {_answer(given)}")


def _asked(given: Feedback) -> tuple[str, ...]:
    """The question and the evidence that it was answered from."""
    return folded(given.question), *(str(each.get("quote")) for each in given.evidence)
