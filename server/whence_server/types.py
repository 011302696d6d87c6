"""The server's vocabulary: a question as asked and an answer as given.

Standard library and the indexer's types only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from whence_indexer.query import Query
from whence_indexer.types import ChangeKind, Citation, Hit, Span

Asked = Literal["what", "why", "who", "when", "tests", "where"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question as understood, and where the asker's cursor was.

    One that is `asked` of what it only points at means the cursor's lines, else what the conversation is `about`; None
    where that is not clear.
    """

    query: Query
    at: Span | None = None
    asked: Asked | None = None
    about: Citation | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """What wrote an answer: a model's name and version, or `extractive` when none did."""

    name: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds from the question: evidence found, first words ready, answer complete."""

    retrieve: float
    first_token: float
    total: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Markdown text whose `[n]` refer to `citations`, all of them verified.

    `confidence` is the probability, 0 to 1, that the evidence answers the question; an `abstained` answer only shows
    what lies nearest. `evidence` is what was quoted from, for the next question of a conversation.
    """

    text: str
    confidence: float
    abstained: bool
    citations: tuple[Citation, ...]
    model: Model
    timings: Timings
    evidence: tuple[Hit, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A commit of the history of lines; `lines` are ranges of the file as it is now, both ends included.

    `threads` are the issues and pull requests its message names; an `earlier` one changed what the lines were before.
    `change` is what it did to the definition that was asked about; None where lines were, or where git cannot tell.
    """

    commit: str
    date: str
    author: str
    subject: str
    lines: tuple[tuple[int, int], ...]
    threads: tuple[int, ...]
    earlier: bool
    change: ChangeKind | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why lines are as they are: the answer, and the commits that shaped them, those the lines are from first.

    `uncommitted` are lines in no commit. `seen_through` are commits, with their kind, that changed only the form.
    `shallow` where the clone's history ends with a commit shown; `complete` unless older commits were not read;
    `recorded` where the answer gives a reason, and does not say that none was written down.
    """

    answer: Answer
    history: tuple[Change, ...]
    uncommitted: tuple[tuple[int, int], ...]
    seen_through: tuple[tuple[str, str], ...]
    shallow: bool
    complete: bool
    recorded: bool
