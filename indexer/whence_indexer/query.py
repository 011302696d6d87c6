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
Change = Literal["removed", "added"]

MAX_CHARACTERS = 20_000  # a pasted traceback is a fair question, a pasted log file is not
_SEARCHED_WORDS = 200

_HISTORY = re.compile(
    r"^\W*(why|when|who|whose|since when|(?:since|in|from|as of|by) (?:which|what) (?:version|release)"
    r"|what changed|which (commit|pull request|pr|issue|release|version))\b"
    r"|\b(commit(s|ted)?|introduced|was (added|removed|changed|dropped|renamed)|history of|reason for)\b",
    re.IGNORECASE,
)
_WHY = re.compile(r"^\W*(why\b|how come\b|what (is|was|are|were) the (reason|motivation|rationale)s?\b)", re.IGNORECASE)
_BY_COMMIT = re.compile(
    r"^\W*(?:(?:which|what) (?:commit|pull request|pr|change|release|version)"
    r"|who|(?:since|in|from|as of|by) (?:which|what) (?:version|release)|since when|when (?:was|were|did|has|have))\b",
    re.IGNORECASE,
)
# Of the past: "who removes expired sessions" asks for code.
_REMOVED = re.compile(r"\b(removed|deleted|dropped|got rid of|did .+ (?:remove|delete|drop))\b", re.IGNORECASE)
_ADDED = re.compile(r"\b(added|introduced|created|did .+ (?:add|introduce|create))\b", re.IGNORECASE)
# "Since which version is there a `Cart`?" asks when it was added.
_THERE = re.compile(
    r"^\W*(?:since|as of|from) (?:when|which|what)\b.*\b(?:is|are|has|have|does|do|exist\w*)\b", re.IGNORECASE
)
# A version has a dot, a `v`, or is called one; four digits alone are a year.
_POINT = (
    r"(?:(?:version|release)\s+)?"
    r"(?P<{0}>v\d[\w.-]*\w|v\d|\d{{4}}-\d\d(?:-\d\d)?|\d{{4}}(?![\d.])|\d+(?:\.\w+)+|(?<=version )\d+)"
)
_SINCE = re.compile(r"\b(?:since|after|newer than)\s+" + _POINT.format("since"), re.IGNORECASE)
_UNTIL = re.compile(r"\b(?:before|until|prior to|older than|up to)\s+" + _POINT.format("until"), re.IGNORECASE)
_DURING = re.compile(r"\b(?:in|during)\s+(?P<during>(?:19|20)\d\d(?:-\d\d)?)\b(?![-.]\d)", re.IGNORECASE)
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
class Period:
    """When, as typed: a version, a year, a month or a day; empty for an open end. `during` is one of these in whole."""

    since: str = ""
    until: str = ""
    during: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """What a question asks.

    `names` are identifiers, their scopes joined by dots, and quoted strings; `paths` look like file names. `change` is
    what is asked to have been done to the names; `period` is when, None where the question does not say.
    """

    text: str
    words: tuple[str, ...]
    names: tuple[str, ...]
    paths: tuple[str, ...]
    intent: Intent
    change: Change | None = None
    period: Period | None = None

    @property
    def asks_why(self) -> bool:
        """Whether a reason is asked for."""
        return _WHY.search(self.text) is not None

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
        change=_change(stripped),
        period=_period(stripped),
    )


def _intent(text: str) -> Intent:
    if _HISTORY.search(text):
        return "history"
    return "definition" if _DEFINITION.search(text) else "explanation"


def _change(text: str) -> Change | None:
    """What was done, where the question is which commit, who or when."""
    if not _BY_COMMIT.search(text):
        return None
    if _REMOVED.search(text):
        return "removed"
    return "added" if _ADDED.search(text) or _THERE.search(text) else None


def _period(text: str) -> Period | None:
    since, until, during = _SINCE.search(text), _UNTIL.search(text), _DURING.search(text)
    if not (since or until or during):
        return None
    return Period(since["since"] if since else "", until["until"] if until else "", during["during"] if during else "")
