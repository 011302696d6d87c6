"""A question as typed -> what it asks for: the words, the names and paths in it, and where its answer will lie.

Pure, without a model: question words and spelling are enough to tell "why" from "where".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from whence_indexer.errors import QueryError
from whence_indexer.terms import words

Intent = Literal["history", "definition", "explanation"]

MAX_CHARACTERS = 20_000  # a pasted traceback is a fair question, a pasted log file is not
_SEARCHED_WORDS = 200

_HISTORY = re.compile(
    r"^\W*(why|when|who|whose|since when|what changed|which (commit|pull request|pr|issue|release|version))\b"
    r"|\b(commit(s|ted)?|introduced|was (added|removed|changed|dropped|renamed)|history of|reason for)\b",
    re.IGNORECASE,
)
_DEFINITION = re.compile(r"^\W*where\b|\b(defined|definition|declared|implemented|located)\b", re.IGNORECASE)
_QUOTED = re.compile(r"`([^`]+)`|\"([^\"]+)\"|(?<!\w)'([^']+)'(?!\w)")
_IDENTIFIER = re.compile(
    r"\b[A-Za-z]\w*(?:(?:\.|::|#)\w+)+\b|\b\w+(?=\(\))"  # a.b, A::b, call()
    r"|\b[A-Za-z0-9]*_\w+\b|\b[a-z]+[A-Z]\w*\b|\b[A-Z]+[a-z0-9]+[A-Z]\w*\b"  # snake_case, camelCase, PascalCase
    r"|\b[A-Z]{2,}[a-z0-9]{2,}\b"  # HTTPAdapter
)
_BARE_NAME = re.compile(r"[^\W\d]\w*(?:(?:\.|::|#|->|\\)\w+)*[?!]?")  # all there is: a symbol looked up
_PATH = re.compile(r"(?<![\w.-])(?:[\w.-]+/)+[\w.-]+|\b[\w-]{1,100}\.(?:ipynb|scala|swift|[a-z]{1,4})\b")
_SCOPE = re.compile(r"::|#|->|\\")
_FUNCTION_WORDS = frozenset(
    "a about after all also an and any are as at be been before being between but by can could did do does doing for "
    "from get gets had has have how i if in into is it its like make makes many may me might more most must my no not "
    "of on once one only or other our out over she should so some such than that the their them then there these "
    "they this those to under up use used uses using was we were what when where which while who whom whose why will "
    "with within without work works would you your".split()
)


@dataclass(frozen=True, slots=True)
class Query:
    """What a question asks.

    `names` are identifiers, their scopes joined by dots, and quoted strings; `paths` look like file names.
    """

    text: str
    words: tuple[str, ...]
    names: tuple[str, ...]
    paths: tuple[str, ...]
    intent: Intent

    @property
    def content(self) -> tuple[str, ...]:
        """The words that carry the question: those of names, and all others but those that any question may hold."""
        named = {word for name in self.names for word in words(name)}
        return tuple(word for word in self.words if word in named or word not in _FUNCTION_WORDS) or self.words


def parse_query(text: str) -> Query:
    """Understand `text`. Raises `QueryError` when it is empty or beyond `MAX_CHARACTERS`."""
    stripped = text.encode("utf-8", "replace").decode().strip()  # a shell may pass on bytes that are no text
    if not stripped:
        raise QueryError("the question is empty")
    if len(stripped) > MAX_CHARACTERS:
        raise QueryError(f"the question has {len(stripped):,} characters; at most {MAX_CHARACTERS:,} are read")
    quoted = [next(filter(None, match.groups())) for match in _QUOTED.finditer(stripped)]
    bare = [stripped] if _BARE_NAME.fullmatch(stripped) else []
    names = [_SCOPE.sub(".", name) for name in bare or _IDENTIFIER.findall(stripped)]
    return Query(
        text=stripped,
        words=tuple(dict.fromkeys(words(stripped)))[:_SEARCHED_WORDS],
        names=tuple(dict.fromkeys([*quoted, *names])),
        paths=tuple(dict.fromkeys(_PATH.findall(stripped))),
        intent=_intent(stripped),
    )


def _intent(text: str) -> Intent:
    if _HISTORY.search(text):
        return "history"
    return "definition" if _DEFINITION.search(text) else "explanation"
