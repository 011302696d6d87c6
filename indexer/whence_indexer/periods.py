"""A period of a question -> the commits that fall into it; tags are the versions.

Takes a repository and a `Period`, returns ids. A version bounds by ancestry, a date by when a commit was committed.
What names no version and no day here is an error that says so: no question is answered as if it had not asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from whence_indexer.dates import days_of
from whence_indexer.errors import PeriodError, RepositoryError
from whence_indexer.history import revision_list
from whence_indexer.repository import Repository
from whence_indexer.timing import Period
from whence_indexer.versions import Version, earlier_versions, find_versions, is_foreign, newest_version

_LATEST = re.compile(r"(?:the )?(?:last|latest|newest|previous) (?:release|version|tag)", re.IGNORECASE)


def commits_within(repository: Repository, period: Period) -> list[str]:
    """The commits of the period that HEAD reaches, newest first.

    `since` a version are the commits that it lacks, `before` one those that it holds, `during` one those that no
    earlier one of its family holds. Raises `PeriodError` where it has no meaning here: no git, no such version or day.
    """
    if repository.head is None:
        raise PeriodError("there is no history here")
    arguments, start = list[str](), repository.head
    for argument in _arguments(repository, period):
        if argument.startswith(("^", "--")):
            arguments.append(argument)
        else:
            start = argument
    try:
        return revision_list(repository, *arguments, start)
    except RepositoryError as error:  # a tag of something that is no commit
        raise PeriodError(str(error)) from error


def concerns(repository: Repository, period: Period) -> bool:
    """Whether it is a time of this repository: `since Python 3.8` is none of a project that is not called so."""
    named = (text for text in _texts(period) if re.match(r"[^\W\d][\w-]* v?\d", text) and not is_time(text))
    return not any(is_foreign(repository, text) for text in named)


def complaint(repository: Repository, period: Period | None) -> str:
    """What is wrong with the time of a question, as a sentence; "" where nothing is."""
    if period is None or not concerns(repository, period):
        return ""
    try:
        return "" if commits_within(repository, period) else f"no commit here is of that time: {_said(period)}"
    except PeriodError as error:
        return str(error)


def _said(period: Period) -> str:
    names = ("since", "before", "during", "up to")
    texts = (period.since, period.until, period.during, period.through)
    return ", ".join(f"{name} {text}" for name, text in zip(names, texts, strict=True) if text)


def _texts(period: Period) -> list[str]:
    return [text for text in (period.since, period.until, period.during, period.through) if text]


def _arguments(repository: Repository, period: Period) -> Iterator[str]:
    """What selects the period, for `git rev-list`."""
    if period.since:
        found = _point(repository, period.since)
        yield f"^{found.sha}" if isinstance(found, Version) else _from(found[0])
    for text, inclusive in ((period.until, False), (period.through, True)):
        if text:
            found = _point(repository, text)
            yield found.sha if isinstance(found, Version) else _to(found[1] if inclusive else found[0])
    if period.during:
        found = _point(repository, period.during)
        if isinstance(found, Version):
            yield from (f"^{each.sha}" for each in earlier_versions(repository, found))
            yield found.sha
        else:
            yield from (_from(found[0]), _to(found[1]))


def _point(repository: Repository, text: str) -> Version | tuple[date, date]:
    """The version, or else the days, that a text means."""
    if _LATEST.fullmatch(text):
        found = newest_version(repository, reached=True)
        if found is None:
            raise PeriodError("there is no version here: no tag has a number in it")
        return found
    versions = find_versions(repository, text)
    if len(versions) == 1:
        return versions[0]
    if versions:
        raise PeriodError(f"{text} may be {' or '.join(sorted(each.name for each in versions))} here: say which")
    if is_time(text):
        days = days_of(repository, text)
        if days is None:
            raise PeriodError(f"there is no day {text}")
        return days
    newest = newest_version(repository)
    known = f"the newest is {newest.name}" if newest else "no tag has a number in it"
    raise PeriodError(f"there is no version {text} here; {known}")


def is_time(text: str) -> bool:
    """Whether a point of a period is a time, and not a version."""
    named = re.search(r"[a-z]{3}", text, re.IGNORECASE) and not re.search(r"\d\.\w|\bv\d", text)
    return bool(named or re.fullmatch(r"(?:19|20)\d\d(?:-\d\d){0,2}", text))


def _from(day: date) -> str:
    return f"--since={day.isoformat()}T00:00:00"


def _to(day: date) -> str:
    return f"--until={day.isoformat()}T00:00:00"
