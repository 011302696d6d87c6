"""What people said of answers -> records: a correction with the evidence that the answer had cited.

Pure. Corrections are validated as any other record, and wait in quarantine where the evidence does not bear them out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from whence_server.feedback import Feedback
from whence_server.training.examples import category_of, collect, type_of
from whence_training.qa.record import Evidence, Quote, Record


def corrections(given: Iterable[Feedback]) -> list[Record]:
    """A record for each correction that has evidence; of several of one question the last."""
    held = list(given)
    learnt = {example.id for example in collect(held) if example.learnt}
    return [_record(each) for each in held if each.id in learnt]


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
    main = context[0]
    group = main.path or (f"thread {main.thread}" if main.thread else f"commit {main.commit}")
    answer = (given.text or "").strip()
    category, kind = category_of(given.evidence), type_of(given.question)
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
