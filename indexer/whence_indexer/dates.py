"""Words for a time (`last month`, `March 2023`, `3 weeks ago`, `2023-05`) -> its first day and the first one after it.

What is no number is git's to understand, in the zone of this machine.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from whence_indexer import plumbing
from whence_indexer.repository import Repository

_NUMBERS = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?")
_SPAN = re.compile(r"(?:the )?(?:last|past) (?P<count>[\w ]+?) (?P<unit>days|weeks|months|years)")
_UNIT = re.compile(r"\b(?:this|last|previous) (week|month|year)$|\bago$")
_MONTH_ONLY = re.compile(r"[a-z]+(?: of)?(?:,? \d{4})?")
_ONE = {"a couple of": "2", "a few": "3", "an": "1", "a": "1"}  # git knows `two`, but not these


def days_of(repository: Repository, text: str) -> tuple[date, date] | None:
    """The first day of a time, and the first day after it; None where there is no such day."""
    words = " ".join(text.lower().split())
    if match := _NUMBERS.fullmatch(words):
        return _numbered(match)
    if match := _SPAN.fullmatch(words):
        count = _ONE.get(match["count"], match["count"])
        return _asked(repository, f"{count} {match['unit']} ago"), _after(_asked(repository, "today"), "day")
    words = re.sub(r"^(?:the )?(a couple of|a few|an?)\b", lambda found: _ONE[found[1]], words)
    words = re.sub(r"^(?:the )?past\b", "last", words)
    unit = match[1] or "day" if (match := _UNIT.search(words)) else "day"
    words = "today" if words.startswith("this ") else re.sub(r"^(?:the )?previous\b", "last", words)
    if _MONTH_ONLY.fullmatch(words) and words.split()[0] not in {"today", "yesterday", "last"}:
        words, unit = f"1 {words.replace(' of', '')}", "month"
    day = _asked(repository, re.sub(r"\bthe\b|\bof\b|,", " ", words))
    first = _first(day, unit)
    return first, _after(first, unit)


def _numbered(match: re.Match[str]) -> tuple[date, date] | None:
    unit = "day" if match[3] else "month" if match[2] else "year"
    try:
        first = date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
        return first, _after(first, unit)
    except (ValueError, OverflowError):
        return None


def _asked(repository: Repository, words: str) -> date:
    """The day that git understands; today for what it does not."""
    output = plumbing.run(repository.root, "rev-parse", f"--since={words}").decode()
    return date.fromtimestamp(int(output.strip().rpartition("=")[2]))


def _first(day: date, unit: str) -> date:
    """The first day of the unit that a day is in; weeks begin on Monday."""
    if unit == "week":
        return day - timedelta(days=day.weekday())
    return day if unit == "day" else day.replace(day=1) if unit == "month" else day.replace(month=1, day=1)


def _after(first: date, unit: str) -> date:
    if unit == "year":
        return date(first.year + 1, 1, 1)
    if unit == "month":
        return date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return first + timedelta(days=7 if unit == "week" else 1)
