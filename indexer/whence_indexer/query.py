"""A question as typed -> what it asks for: the words, the names and paths in it, and where its answer will lie.

Pure, without a model: question words and spelling are enough to tell "why" from "where".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from whence_indexer.errors import QueryError
from whence_indexer.terms import words
from whence_indexer.timing import Period, find_period

Intent = Literal["history", "definition", "explanation"]
Change = Literal["removed", "added", "deprecated"]

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
_REMOVED = re.compile(
    r"\b(removed|deleted|dropped|renamed|replaced|got rid of|did .+ (?:remove|delete|drop|rename|replace))\b",
    re.IGNORECASE,
)
_ADDED = re.compile(r"\b(added|introduced|created|did .+ (?:add|introduce|create))\b", re.IGNORECASE)
_DEPRECATED = re.compile(r"\b(deprecated|did .+ deprecate)\b", re.IGNORECASE)
_DONE = r"(?:removed?|deleted?|dropped|drop|renamed?|replaced?|added?|add|introduced?|created?|deprecated?)"
_THING = re.compile(
    rf"\b(?:was|were|is|are|has|have)\s+(?:(?:the|an?|our)\s+)?(?P<passive>\w+(?:[ -]\w+){{0,4}}?)\s+(?:been\s+)?"
    rf"{_DONE}\b"
    rf"|\b{_DONE}\s+(?:(?:the|an?|our)\s+)?(?P<active>\w+(?:[ -]\w+){{0,4}}?)\s*(?=[?.,!]|$|\s(?:from|in|to|by|as)\b)",
    re.IGNORECASE,
)
_GENERIC = frozenset(
    "class classes function functions method methods module modules option options type struct enum trait interface "
    "macro constant variable parameter argument attribute property field command api file package helper".split()
)
# What a question of history asks, which says nothing of what it is about.
_ASKING = frozenset(
    "add added author authors change changed changes commit commits committed contributed contributor contributors "
    "date deprecated did drop dropped expert fix fixed fixes happened history introduce introduced know knows last "
    "latest list main maintain maintainer maintains maintained merged modified name new newest owner owners owns past "
    "recent recently release released releases remove removed responsible show tell touch touched understand "
    "understands version versions whole work worked working works write writes written wrote file files module modules "
    "class function method package code line lines part parts area since ever first been much many lot".split()
)
_WHOLE = re.compile(
    r"\b(?:this|our|the (?:whole|entire)) (?:project|repo(?:sitory)?|code ?base)\b"
    r"|\bthe (?:project|repo(?:sitory)?|code ?base)\W*$",
    re.IGNORECASE,
)
_FILE = re.compile(r"\bthe\s+([\w-]+)\s+(?:file|folder|directory|package|module|submodule|script)\b", re.IGNORECASE)
_WHAT_CHANGED = re.compile(
    r"^\W*(?:what(?:'s)?\b(?:\s+\w+){0,4}?\s+(?:chang\w+|happen\w*|fixed|added|removed|deprecated|done|new|merged"
    r"|committed|touched|worked on)\b"
    r"|(?:(?:which|what|list|show|all|the|me)\s+)*(?:\w+\s+){0,2}?(?:commits|changes|fixes)\b"
    r"|who\b(?!.*\b(?:removed|deleted|added|introduced|created|deprecated|renamed)\b))",
    re.IGNORECASE,
)
_NEWEST = r"(?:last|latest|newest|most recent|current)"
_RELEASE = re.compile(
    r"^\W*(?:when\s+(?:was|is|did)|what(?:'s|\s+is|\s+was)?|which(?:\s+is|\s+was)?|who\s+(?:made|tagged|released))\b"
    rf"[^,;]*?\b(?:{_NEWEST}\s+(?:[\w-]+\s+)?(?:release|version|tag|released)\b|last\s+released"
    rf"|(?:release|version|tag)\s+(?:is|was)\s+(?:the\s+)?{_NEWEST})"
    r"(?!\s+(?:that|which|to|with|before|without|where|supporting))",
    re.IGNORECASE,
)
_NOT_RELEASE = re.compile(r"\b(?:chang\w+|add\w*|remov\w+|fix\w*|new in|since|break\w*|dependenc\w+)\b", re.IGNORECASE)
_CHANGED_IN = re.compile(
    r"^\W*what(?:\s+has|\s+was|\s+have)?\s+(?:recently\s+)?changed\s+"
    r"(?:(?:in|to|with|about|around)\b|(?:recently|lately|last)\W*\Z)",
    re.IGNORECASE,
)
# "Since which version is there a `Cart`?" asks when it was added.
_THERE = re.compile(
    r"^\W*(?:since|as of|from) (?:when|which|what)\b.*\b(?:is|are|has|have|does|do|exist\w*)\b", re.IGNORECASE
)
_DEFINITION = re.compile(r"^\W*where\b|\b(defined|definition|declared|implemented|located)\b", re.IGNORECASE)
_THREAD = re.compile(
    r"(?:(?<![\w&/])#|\b(?:issues?|pull requests?|merge requests?|prs?)\s+#?)(\d{1,9})\b", re.IGNORECASE
)
_QUOTED = re.compile(r"`([^`]+)`|\"([^\"]+)\"|(?<!\w)'([^']+)'(?!\w)")
_IDENTIFIER = re.compile(
    r"\b[A-Za-z]\w*(?:(?:\.|::|#)\w+)+\b|\b\w+(?=\(\))"  # a.b, A::b, call()
    r"|\b[A-Za-z0-9]*_\w+\b|\b[a-z]+[A-Z]\w*\b|\b[A-Z]+[a-z0-9]+[A-Z]\w*\b"  # snake_case, camelCase, PascalCase
    r"|\b[A-Z]{2,}[a-z0-9]{2,}\b"  # HTTPAdapter
)
_BARE_NAME = re.compile(r"[^\W\d]\w*(?:(?:\.|::|#|->|\\)\w+)*[?!]?")  # all there is: a symbol looked up
_PATH = re.compile(r"(?<![\w.-])(?:[\w.-]+/)+[\w.-]+|\b[\w-]{1,100}\.(?:ipynb|scala|swift|[a-z]{1,4})\b")
_COMMIT = re.compile(  # its id, or the beginning of it: no number and no word, unless it is said to be one
    r"(?<![\w./-])(?:(?=\d*[a-f])(?=[a-f]*\d)[0-9a-f]{7,40}|(?<=\bcommit )[0-9a-f]{7,40})(?![\w/-])"
)
_NUMBERED = re.compile(r"(?<![\w./-])([A-Za-z]{2,})[/ -](\d{1,4})(?![\w./-])")  # HTTP/3, which code calls http3
_SCOPE = re.compile(r"::|#|->|\\")
FUNCTION_WORDS = frozenset(
    "a about after all also an and any are as at be been before being between but by can could did do does doing for "
    "from get gets had has have how i if in into is it its like make makes many may me might more most must my no not "
    "of on once one only or other our out over she should so some such than that the their them then there these "
    "they this those to under up use used uses using was we were what when where which while who whom whose why will "
    "with within without work works would you your".split()
)


@dataclass(frozen=True, slots=True)
class Query:
    """What a question asks.

    `names` are identifiers, their scopes joined by dots, and quoted strings; `paths` look like file names. `change` is
    what is asked to have been done to the names, or to the `thing` where none is a name: "the JSON encoder". `period`
    is when, None where the question does not say, and `timeless` is the question without that. `threads` are the issues
    and pull requests it names by number, `commits` the beginnings of the ids that it names.
    """

    text: str
    words: tuple[str, ...]
    names: tuple[str, ...]
    paths: tuple[str, ...]
    intent: Intent
    change: Change | None = None
    period: Period | None = None
    threads: tuple[int, ...] = ()
    timeless: str = ""
    thing: str = ""
    commits: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[str, ...]:
        """What was added or removed, by its names or in words; of files and folders see `files`."""
        names = tuple(name for name in self.names if name not in self.paths)
        return names or ((self.thing,) if self.thing and not self.files else ())

    @property
    def files(self) -> tuple[str, ...]:
        """The files and folders that are asked about: by a path, or by a name that is said to be one of these."""
        said = _FILE.search(self.text)
        return self.paths or ((said[1],) if said and not self.names else ())

    @property
    def asks_changes(self) -> bool:
        """Whether what was done is asked for, in a period or to something, and not one change by what it was."""
        asked = _WHAT_CHANGED.search(self.text) if self.period else _CHANGED_IN.search(self.text)
        return asked is not None

    @property
    def asks_why(self) -> bool:
        """Whether a reason is asked for."""
        return _WHY.search(self.text) is not None

    @property
    def content(self) -> tuple[str, ...]:
        """The words that carry the question: those of names, and all others but those that any question may hold."""
        named = {word for name in self.names for word in words(name)}
        return tuple(word for word in self.words if word in named or word not in FUNCTION_WORDS) or self.words

    @property
    def searched(self) -> tuple[str, ...]:
        """The words by which texts are found: `content`, and what code may make of two of them, `http3` of HTTP/3."""
        joined = (f"{name}{number}".lower() for name, number in _NUMBERED.findall(self.timeless))
        return tuple(dict.fromkeys([*self.content, *joined]))

    @property
    def asks_release(self) -> bool:
        """Whether the newest version is asked for."""
        return _asks_release(self.text)

    @property
    def topic(self) -> tuple[str, ...]:
        """The words of what a question of history is about; none where it is about all there is."""
        named = {word for name in (*self.names, *self.paths) for word in words(name)}
        found = tuple(word for word in self.content if word in named or word not in _ASKING)
        whole = {word for phrase in _WHOLE.findall(self.text) for word in words(phrase)}
        return tuple(word for word in found if word not in FUNCTION_WORDS | whole or word in named)


def parse_query(text: str) -> Query:
    """Understand `text`. Raises `QueryError` when it is empty or beyond `MAX_CHARACTERS`."""
    stripped = text.encode("utf-8", "replace").decode().strip()  # a shell may pass on bytes that are no text
    if not stripped:
        raise QueryError("the question is empty")
    if len(stripped) > MAX_CHARACTERS:
        raise QueryError(f"the question has {len(stripped):,} characters; at most {MAX_CHARACTERS:,} are read")
    period, timeless = find_period(stripped, versions=_WHAT_CHANGED.search(stripped) is not None)
    quoted = [next(filter(None, match.groups())) for match in _QUOTED.finditer(stripped)]
    bare = [stripped] if _BARE_NAME.fullmatch(stripped) else []
    names = [_SCOPE.sub(".", name) for name in bare or _IDENTIFIER.findall(timeless)]
    return Query(
        text=stripped,
        words=tuple(dict.fromkeys(words(timeless) or words(stripped)))[:_SEARCHED_WORDS],
        names=tuple(dict.fromkeys([*quoted, *names])),
        paths=tuple(dict.fromkeys(path for path in _PATH.findall(timeless) if not _NUMBERED.fullmatch(path))),
        intent="history" if period and _WHAT_CHANGED.search(stripped) else _intent(stripped),
        change=_change(stripped),
        period=period,
        timeless=" ".join(timeless.split()),
        thing=_thing(timeless),
        threads=tuple(dict.fromkeys(map(int, _THREAD.findall(stripped)))),
        commits=tuple(dict.fromkeys(_COMMIT.findall(stripped))),
    )


def _intent(text: str) -> Intent:
    if _HISTORY.search(text) or _asks_release(text):
        return "history"
    return "definition" if _DEFINITION.search(text) else "explanation"


def _asks_release(text: str) -> bool:
    return _RELEASE.search(text) is not None and not _NOT_RELEASE.search(text)


def _change(text: str) -> Change | None:
    """What was done, where the question is which commit, who, when or why."""
    if not (_BY_COMMIT.search(text) or _WHY.search(text)):
        return None
    if _REMOVED.search(text):
        return "removed"
    if _DEPRECATED.search(text):
        return "deprecated"
    return "added" if _ADDED.search(text) or _THERE.search(text) else None


def _thing(text: str) -> str:
    """What was removed or added, in words that may be those of a name: `the JSON encoder class` is `JSON encoder`.

    A plain word alone is too common to be one.
    """
    match = _THING.search(text)
    said = re.split(r"[ -]", (match["passive"] or match["active"]) if match else "")
    while len(said) > 1 and said[-1].lower() in _GENERIC and not (len(said) == 2 and said[0].islower()):
        said.pop()
    plain = len(said) == 1 and not said[0][:1].isupper() and "_" not in said[0]
    told = any(word.lower() in FUNCTION_WORDS or word[:1].isdigit() for word in said)
    return "" if plain or told else " ".join(said)
