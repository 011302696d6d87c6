"""What people said of answers -> records: a correction with the evidence that the answer had cited.

Pure. Corrections are validated as any other record, and wait in quarantine where the evidence does not bear them out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from whence_server.feedback import Feedback
from whence_training.qa.record import Category, Evidence, QuestionType, Quote, Record

_TYPES: tuple[QuestionType, ...] = ("why", "where", "when", "who", "how", "explain", "compare")
_CATEGORIES: dict[str, Category] = {
    "code": "code",
    "doc": "docs",
    "commit": "history",
    "issue": "discussion",
    "pull": "discussion",
}


def corrections(given: Iterable[Feedback]) -> list[Record]:
    """A record for each correction that has evidence; of several of one question the last."""
    found: dict[str, Record] = {}
    for each in given:
        if each.verdict == "correction" and each.text and each.evidence:
            found[" ".join(each.question.lower().split())] = _record(each)
    return list(found.values())


def ratio(given: Iterable[Feedback]) -> dict[str, int]:
    """How many answers were confirmed, corrected and disliked."""
    counts = {"confirmed": 0, "corrected": 0, "disliked": 0}
    names = {"up": "confirmed", "correction": "corrected", "down": "disliked"}
    for each in given:
        if each.verdict in names:
            counts[names[each.verdict]] += 1
    return counts


def _record(given: Feedback) -> Record:
    context = tuple(_evidence(each) for each in given.evidence)
    quotes = tuple(Quote(number, each.text) for number, each in enumerate(context))
    begins = given.question.lower().split()[:3]
    kind: QuestionType = next((each for each in _TYPES if each in begins), "what")
    main = context[0]
    group = main.path or (f"thread {main.thread}" if main.thread else f"commit {main.commit}")
    category = _CATEGORIES.get(main.kind, "code")
    answer = (given.text or "").strip()
    return Record(category, kind, "hard", given.question, answer, context, quotes, "import:feedback", group)


def _evidence(cited: Mapping[str, Any]) -> Evidence:
    return Evidence(
        kind=cited["kind"],
        text=cited["quote"],
        path=cited.get("path"),
        start_line=cited.get("start_line") or 1,
        commit=cited.get("commit"),
        thread=cited.get("thread"),
    )
