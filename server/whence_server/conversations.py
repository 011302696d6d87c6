"""Questions that follow on one another: what a later one means, and the evidence that the earlier ones found.

Kept in memory, a few of them. Pure but for that.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

from whence_indexer.query import Query, parse_query
from whence_indexer.types import Hit
from whence_server.types import Answer

_KEPT = 50  # conversations, and answers that may still be judged
_EVIDENCE = 8  # hits of earlier answers that go on counting
_POINTS_BACK = re.compile(
    r"\b(it|its|itself|that|this|these|those|they|them|their|there|then|he|she|same|above)\b|^\W*(and|but|so|also)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Turn:
    """What was asked last, and what all of the conversation is about: its subject's names, and its evidence."""

    question: str
    names: tuple[str, ...] = ()
    evidence: tuple[Hit, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it was given, for those who judge it; `root` names the repository."""

    question: str
    answer: Answer
    root: str


def understand(question: str, before: Turn | None) -> Query:
    """What `question` asks: where it only points back, also by the names that the conversation is about."""
    query = parse_query(question)
    if before is None or query.names or not before.names or not _POINTS_BACK.search(query.text):
        return query
    return parse_query(f"{query.text} {' '.join(f'`{name}`' for name in before.names)}")


def follow(question: str, query: Query, answer: Answer, before: Turn | None) -> Turn:
    """The conversation after this answer."""
    named = query.names or tuple(filter(None, [next((hit.symbol for hit in answer.evidence if hit.symbol), None)]))
    earlier = before.evidence if before else ()
    evidence = dict.fromkeys([*answer.evidence, *earlier])
    return Turn(question, named or (before.names if before else ()), tuple(evidence)[:_EVIDENCE])


class Memory:
    """The latest conversations by their ids, and the latest answers by theirs. From any thread."""

    def __init__(self) -> None:
        self._turns: OrderedDict[str, Turn] = OrderedDict()
        self._answers: OrderedDict[str, Given] = OrderedDict()
        self._lock = Lock()

    def turn(self, conversation: str) -> Turn | None:
        """Where this conversation stands."""
        with self._lock:
            return self._turns.get(conversation)

    def answer(self, identifier: str) -> Given | None:
        """The answer that was given under this id."""
        with self._lock:
            return self._answers.get(identifier)

    def remember(self, conversation: str, turn: Turn, identifier: str, given: Given) -> None:
        """Keep both, and forget the oldest."""
        with self._lock:
            self._turns[conversation] = turn
            self._turns.move_to_end(conversation)
            self._answers[identifier] = given
            for held in (self._turns, self._answers):
                while len(held) > _KEPT:
                    held.popitem(last=False)
