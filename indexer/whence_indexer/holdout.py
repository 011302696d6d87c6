"""The commits of an index -> questions with the files that answer them, cut in time: to learn from and to be judged by.

Pure. What is judged is later than all that is learnt, and nothing learnt is a near-copy of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from whence_indexer.pairs import changed_lines, commit_question
from whence_indexer.terms import words

MIN_TEST = 100  # questions; fewer decide nothing
MIN_TRAINING = 150
_MAX_TEST, _MAX_VALIDATION, _MAX_TRAINING = 500, 200, 5_000
_TEST, _VALIDATION = 0.25, 0.15  # shares of the questions, the newest first
_MAX_PATHS = 8  # a commit of more is about none of them
_OFTEN, _SELDOM = 0.08, 20  # a file that so large a share of commits touches (a changelog) answers no question
_ALIKE = 0.7  # words shared of all words: the same change again, on another branch or reverted
_TELLING = 20  # characters; a shorter line (`else:`) is everywhere


@dataclass(frozen=True, slots=True)
class Change:
    """A commit as a question: its message, and the indexed files it changed. `gold` are those that answer it."""

    sha: str
    time: float
    question: str
    paths: frozenset[str]
    gold: frozenset[str]


@dataclass(frozen=True, slots=True)
class Split:
    """Changes in the order of time: `training` before `validation` before `test`."""

    training: Sequence[Change]
    validation: Sequence[Change]
    test: Sequence[Change]

    @property
    def held_out(self) -> list[Change]:
        """What a model that is to be tuned may not have seen."""
        return [*self.validation, *self.test]


def read_changes(commits: Iterable[Mapping[str, Any]], indexed: Collection[str]) -> list[Change]:
    """The rows of the commits table that ask something and changed few files, in the order of time."""
    rows = list(commits)
    touched = Counter(path for row in rows for path in row["paths"])
    bound = max(_OFTEN * len(rows), _SELDOM)
    everywhere = {path for path, count in touched.items() if count > bound}
    changes = []
    for row in rows:
        question = commit_question(row["subject"], row["body"])
        paths = frozenset(path for path in row["paths"] if path in indexed)
        if question and paths and len(row["paths"]) <= _MAX_PATHS and len(row["parents"]) < 2:
            changes.append(Change(row["sha"], _seconds(row["date"]), question, paths, paths - everywhere))
    return sorted(changes, key=lambda change: (change.time, change.sha))


def split(changes: Sequence[Change]) -> Split | None:
    """The newest to judge by, those before to tune on, the rest to learn from; None when there are too few."""
    judging = [change for change in changes if change.gold]
    tests = min(_MAX_TEST, max(MIN_TEST, int(_TEST * len(judging))))
    validations = min(_MAX_VALIDATION, max(MIN_TEST // 2, int(_VALIDATION * len(judging))))
    if len(judging) < tests + validations + MIN_TRAINING:
        return None
    test, validation = judging[-tests:], judging[-tests - validations : -tests]
    training = [change for change in changes if change.time < validation[0].time]
    return Split(training[-_MAX_TRAINING:], validation, test)


def without_copies(
    changes: Sequence[Change], held_out: Sequence[Change], hunks: Mapping[str, Sequence[str]]
) -> list[Change]:
    """Those of `changes` that are no near-copy, by message or by a hunk, of one held out.

    `hunks` gives the texts of a commit's hunks by its id.
    """
    messages = [frozenset(words(change.question)) for change in held_out]
    texts = {text for change in held_out for text in hunks.get(change.sha, ()) if telling_lines(text)}
    return [
        change
        for change in changes
        if texts.isdisjoint(hunks.get(change.sha, ())) and not _is_copy(frozenset(words(change.question)), messages)
    ]


def telling_lines(text: str) -> set[str]:
    """The lines of a hunk or a chunk by which another text that holds them is known."""
    return {stripped for line in changed_lines(text).split("\n") if len(stripped := line.strip()) >= _TELLING}


def _seconds(date: str) -> float:
    """Since 1970; a commit may carry a time zone that there is none of, and is then taken to be in UTC."""
    try:
        return datetime.fromisoformat(date).timestamp()
    except ValueError:
        return datetime.fromisoformat(date[:19] + "+00:00").timestamp()


def _is_copy(message: frozenset[str], others: Iterable[frozenset[str]]) -> bool:
    size = len(message)
    for other in others:
        smaller, larger = sorted((size, len(other)))
        if smaller >= _ALIKE * larger and len(message & other) >= _ALIKE * len(message | other):
            return True
    return False
