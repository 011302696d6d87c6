"""A question as typed -> when it asks about: a version, a time, or from one to another, as words.

Pure. What the words mean in a repository is told by `dates`, `versions` and `periods`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

# Where a time stands. Words for it are git's to understand (see `dates`); a month alone needs its capital: "it may".
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_COUNT = r"(?:\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten|a couple of|a few)"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_PAST_UNIT = (
    rf"(?:the\s+)?(?:last|past)\s+{_COUNT}\s+(?:days|weeks|months|years)"
    r"|(?:this|(?:the\s+)?(?:last|past|previous))\s+(?:week|month|year)|yesterday"
    rf"|{_COUNT}\s+(?:days?|weeks?|months?|years?)\s+ago"
)
_TIME = (
    rf"{_PAST_UNIT}|today|last\s+(?:mon|tues|wednes|thurs|fri|satur|sun)day"
    rf"|(?:{_DAY}\s+(?:of\s+)?)?{_MONTH}\s+(?:{_DAY},?\s+)?(?:of\s+)?(?:19|20)\d\d\b|{_MONTH}\s+{_DAY}(?!\w)"
    r"|(?-i:January|February|March|April|May|June|July|August|September|October|November|December)\b"
)
# A version has a dot, a `v`, or is called one; four digits alone are a year. Before it may stand what it is of.
_VERSION = (
    r"(?:the\s+)?(?:last|latest|newest|previous)\s+(?:release|version|tag)"
    r"|[a-z][\w.]*?(?:[-/_@][a-z]\w*)*[-/_@]v?\d+(?:[._]\w+)+|v\d[\w.-]*\w|v\d"
    r"|(?:(?!version|release)[a-z][\w-]*\s+)?v?\d+(?:\.\w+)+(?:-\w+(?:\.\w+)*)?|(?<=version )\d+"
)
_POINT = rf"{_TIME}|\d{{4}}-\d\d(?:-\d\d)?(?![\w.])|(?:{_VERSION})(?![\w/])|(?:19|20)\d{{2}}(?![\d.\w])"
_CALLED = r"(?:(?:version|release)\s+)?"
_BETWEEN = (
    rf"\b(?:between\s+{_CALLED}(?P<since>{_POINT})\s+and|from\s+{_CALLED}(?P<from>{_POINT})\s+(?:to|until|through))"
    rf"\s+{_CALLED}(?P<through>{_POINT})"
)
_SINCE = rf"\b(?:since|after|newer than|as of)\s+{_CALLED}(?P<since>{_POINT})"
_UNTIL = rf"\b(?:before|until|prior to|older than|up to)\s+{_CALLED}(?P<until>{_POINT})"
_DURING = rf"\b(?:in|during|over|within|for|on)\s+(?P<during>{_TIME}|(?:19|20)\d\d(?:-\d\d){{0,2}}\b(?![-.]\d))"
_LATELY = rf"\b(?P<during>{_PAST_UNIT})\b"
_IN_VERSION = rf"\b(?:in|with|for|by|of)\s+{_CALLED}(?P<during>{_VERSION})(?![\w/])"


@dataclass(frozen=True, slots=True)
class Period:
    """When, as typed: a version or a time; empty for an open end. `during` is one of these in whole, and `through` the
    last one that belongs to it, where `until` is the first that does not."""

    since: str = ""
    until: str = ""
    during: str = ""
    through: str = ""


def find_period(text: str, versions: bool) -> tuple[Period | None, str]:
    """When, and the question without that; with `versions` one that something is only `in` counts too."""
    if between := _form(_BETWEEN).search(text):
        since = between["since"] or between["from"]
        return Period(since=since, through=between["through"]), _without(text, [between])
    found = {
        "since": _form(_SINCE).search(text),
        "until": _form(_UNTIL).search(text),
        "during": _form(_DURING).search(text),
    }
    if not any(found.values()):
        found["during"] = _form(_LATELY).search(text) or (_form(_IN_VERSION).search(text) if versions else None)
    matches = {name: match for name, match in found.items() if match}
    if not matches:
        return None, text
    return Period(**{name: match[name] for name, match in matches.items()}), _without(text, list(matches.values()))


@cache
def _form(pattern: str) -> re.Pattern[str]:
    """Compiled with the first question: these are long, and many commands ask none."""
    return re.compile(pattern, re.IGNORECASE)


def _without(text: str, matches: list[re.Match[str]]) -> str:
    for match in sorted(matches, key=lambda each: -each.start()):
        text = f"{text[: match.start()]} {text[match.end() :]}"
    return text
