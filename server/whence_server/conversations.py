"""Questions that follow on one another: what a later one means, and the evidence that the earlier ones found.

Kept in memory, a few of them. Pure but for that.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from threading import Lock

from whence_indexer.query import Query, parse_query
from whence_indexer.types import Citation, Hit, Span
from whence_server.types import Answer, Asked, Question

_KEPT = 50  # conversations, and answers that may still be judged
_EVIDENCE = 8  # hits of earlier answers that go on counting
_POINTS_BACK = re.compile(
    r"\b(it|its|itself|that|this(?!\s+(?:project|repository|repo|code\s?base|library|package)\b)|these|those|they|them"
    r"|their|there|then|he|she|same|above)\b|^\W*(and|but|so|also)\b",
    re.IGNORECASE,
)

# By the first of these words that a question has; what it asks of the past is else when that was.
_ASKS: tuple[tuple[Asked, frozenset[str]], ...] = (
    ("tests", frozenset("test tests tested testing covered".split())),
    ("who", frozenset("who whose whom author authors".split())),
    ("why", frozenset("why reason reasons motivation rationale".split())),
    ("when", frozenset("when version release commit date".split())),
    ("where", frozenset("where called defined used uses".split())),
    ("what", frozenset("what how explain describe show".split())),
)
# With those all the words of a question that says nothing of its own about what it asks of.
_SAYS_NOTHING = frozenset(
    "a about actually added after again all also an and any are as at author be been before behind being block but by "
    "can change changed changes class code come committed could created deleted did do does doing done ever exactly "
    "exist exists first for from function get had happen happened happening happens has have he here how i in "
    "introduced is it its itself last latest line lines made maintain maintains make me mean means merged method "
    "modified now of on or originally please purpose removed s say selected selection she should since so still tell "
    "that the their them then there these they thing this those to touched up us was way were which with work works "
    "would write written wrote you".split()
).union(*(words for _, words in _ASKS))
_WORDS = re.compile(r"[^\W_]+|_")


@dataclass(frozen=True, slots=True)
class Turn:
    """What was asked last, and what all of the conversation is about: its subject's names, its evidence, and the
    `subject` itself, what the last clear answer showed first. `root` names the repository."""

    question: str
    names: tuple[str, ...] = ()
    evidence: tuple[Hit, ...] = ()
    subject: Citation | None = None
    root: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it was given, for those who judge it; `root` names the repository, None the first one."""

    question: str
    answer: Answer
    root: str | None


def asked_of(question: str, names: Iterable[str] = ()) -> Asked | None:
    """What a question asks of something that it only points at, or calls by `names`; None where it says more.

    "When was that?" asks when, and can be answered of anything; "when are sessions saved?" stands for itself.
    """
    words = set(_WORDS.findall(question.lower())) - set(_WORDS.findall(" ".join(names).lower()))
    asked = next((asked for asked, by in _ASKS if words & by), None)
    if asked is None or not words <= _SAYS_NOTHING:
        return None
    return "when" if asked == "what" and parse_query(question).intent == "history" else asked


def points_back(question: str) -> bool:
    """Whether a question is about what was said before it."""
    return asked_of(question) is not None or _POINTS_BACK.search(question) is not None


def question_of(text: str, at: Span | None = None, before: Turn | None = None) -> Question:
    """The question `text` about a commit that it names, or at the lines under the cursor, else about what the
    conversation was about `before`."""
    commits = parse_query(text).commits
    if commits and (asked := asked_of(text, commits)):
        return Question(parse_query(text), None, asked, Citation(1, "commit", "", commit=commits[0]))
    asked = asked_of(text) if at or before else None
    about = before.subject if before and asked and at is None else None
    return Question(understand(text, None if at else before), at, asked, about)


def understand(question: str, before: Turn | None) -> Query:
    """What `question` asks: where it only points back, also by the names that the conversation is about."""
    query, points = parse_query(question), asked_of(question) is not None
    if before and points:
        query = replace(query, names=())  # a word alone, such as "Why?", is a name only to who begins with it
    if not before or not before.names or query.names or not points_back(query.text):
        return query
    return parse_query(f"{query.text} {' '.join(f'`{name}`' for name in before.names)}")


def follow(question: str, query: Query, answer: Answer, before: Turn | None, root: str = "") -> Turn:
    """The conversation after this answer. One that abstained is about nothing; a question that only points back leaves
    it where it was if it was not answered, or asked who or for tests."""
    asked = asked_of(question) if before else None
    shown = answer.citations[0] if answer.citations and not answer.abstained else None
    symbol = answer.evidence[0].symbol if answer.evidence and not answer.abstained else None
    named, subject = query.names or tuple(filter(None, [symbol])), shown
    if before and asked:
        named = before.names or named
        subject = before.subject if asked in ("who", "tests") else shown or before.subject
    earlier = before.evidence if before else ()
    evidence = tuple(dict.fromkeys([*answer.evidence, *earlier]))[:_EVIDENCE]
    return Turn(question, named or (before.names if before else ()), evidence, subject, root)


class Memory:
    """The latest conversations by their ids, and the latest answers by theirs. From any thread."""

    def __init__(self) -> None:
        self._turns: OrderedDict[str, Turn] = OrderedDict()
        self._answers: OrderedDict[str, Given] = OrderedDict()
        self._lock = Lock()

    def turn(self, conversation: str, root: str = "") -> Turn | None:
        """Where this conversation stands; what was said about another repository than `root` is left there."""
        with self._lock:
            turn = self._turns.get(conversation)
        return turn if turn and turn.root == root else None

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
