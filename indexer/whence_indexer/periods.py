"""A period of a question -> the commits that fall into it; tags are the versions.

Takes a repository and a `Period`, returns ids. A version bounds by ancestry, a date by when a commit was committed.
"""

from __future__ import annotations

import re
from datetime import date

from whence_indexer import plumbing
from whence_indexer.errors import RepositoryError
from whence_indexer.history import revision_list
from whence_indexer.query import Period
from whence_indexer.repository import Repository

_SECONDS = 3.0  # to ask each tag for a commit
_DATE = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?")


def commits_within(repository: Repository, period: Period) -> set[str] | None:
    """The commits of the period that HEAD reaches; None where it has no meaning here: no git, no such version or day.

    `since` a version are the commits that it lacks, `before` one those that it holds.
    """
    if repository.head is None:
        return None
    start, arguments = repository.head, list[str]()
    for bound, text in (("since", period.since), ("until", period.until)):
        tag = _tag(repository, text) if text else None
        first = None if tag or not text else _days(text)
        if text and not (tag or first):
            return None
        if tag and bound == "until":
            start = tag
        elif tag:
            arguments.append(f"^{tag}")
        elif first:
            arguments.append(f"--{bound}={first[0].isoformat()}T00:00:00")
    if period.during:
        days = _days(period.during)
        if days is None:
            return None
        arguments += [f"--since={days[0].isoformat()}T00:00:00", f"--until={days[1].isoformat()}T00:00:00"]
    try:
        return set(revision_list(repository, *arguments, start))
    except RepositoryError:  # a tag of something that is no commit
        return None


def first_version(repository: Repository, sha: str) -> str | None:
    """The tag, of those with a number in them, that was made first of those that hold a commit; None without any."""
    options = (
        "refs/tags",
        f"--contains={sha}",
        "--sort=version:refname",
        "--sort=creatordate",
        "--format=%(refname:strip=2)",
    )
    try:
        listed = plumbing.run(repository.root, "for-each-ref", *options, seconds=_SECONDS)
    except RepositoryError:
        return None
    names = listed.decode("utf-8", "replace").splitlines()
    return next((name for name in names if any(letter.isdigit() for letter in name)), None)


def _tag(repository: Repository, text: str) -> str | None:
    """The commit of the tag that names this version: `2.0` is `2.0`, `v2.0`, `release-2.0`, any other tag of these
    numbers if there is only one and, without these, `2.0.0`."""
    listed = plumbing.run(repository.root, "for-each-ref", "refs/tags", "--format=%(refname:strip=2)%00%(objectname)")
    tags = dict(line.split("\0") for line in listed.decode("utf-8", "replace").split("\n")[:-1])
    wanted = _version(text)
    for version in (wanted, f"{wanted}.0", f"{wanted}.0.0") if wanted else ():
        same = {name.lower(): sha for name, sha in tags.items() if _version(name) == version}
        if same:
            named = [same[name] for name in (version, f"v{version}", f"release-{version}") if name in same]
            return next(iter(named or same.values())) if named or len(set(same.values())) == 1 else None
    return None


def _version(name: str) -> str:
    """The numbers that a tag or a question names a version by."""
    return re.sub(r"^\D*", "", name).lower()


def _days(text: str) -> tuple[date, date] | None:
    """The first day of a year, a month or a day, and the first one after it."""
    match = _DATE.fullmatch(text)
    if not match:
        return None
    year, month, day = int(match[1]), int(match[2] or 1), int(match[3] or 1)
    try:
        first = date(year, month, day)
        if match[3]:
            return first, date.fromordinal(first.toordinal() + 1)
        if match[2]:
            return first, date(year + month // 12, month % 12 + 1, 1)
        return first, date(year + 1, 1, 1)
    except ValueError:
        return None
