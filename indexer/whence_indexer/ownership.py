"""Who wrote a file, or lines of it, and who last understood it: authors by lines that are theirs, and by recency.

Takes a repository and a `Source`, returns an `Ownership`. Names only: nobody's address is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from whence_indexer import plumbing
from whence_indexer.errors import SlowError
from whence_indexer.history import read_line_history, read_named, shallow_commits, universal, without_addresses
from whence_indexer.lineage import Range, Shaper, trace
from whence_indexer.mechanical import mechanical_kind
from whence_indexer.repository import Repository
from whence_indexer.source import Source

_RECENT = 500  # commits of a file that are counted
_SECONDS = 3.0  # to find the commits of a file, or of some lines
_JUDGED = 10  # newest ones, which decide who was there last, that are looked into


@dataclass(frozen=True, slots=True)
class Owner:
    """An author, how many of the lines are theirs, how many commits changed them, and when the last was (ISO 8601).

    Commits that only changed the form are not counted where they are the newest; `last` is "" without any.
    """

    author: str
    lines: int
    commits: int
    last: str


@dataclass(frozen=True, slots=True)
class Ownership:
    """Whose lines are: `owners`, of most lines first; and the newest commit that changed what they say, by whom.

    `shapers` are the commits that the lines are from, `seen_through` newer ones than `commit`, by id, that only changed
    the form, with their kind. `shallow` where the clone's history ends before that of the lines.
    """

    owners: tuple[Owner, ...]
    shapers: tuple[Shaper, ...]
    commit: str | None = None
    last: Owner | None = None
    seen_through: tuple[tuple[str, str], ...] = ()
    shallow: bool = False


@dataclass(frozen=True, slots=True)
class _Change:
    sha: str
    author: str
    date: str  # in universal time; "" where unknown


def find_ownership(repository: Repository, source: Source, places: Sequence[Range] = ()) -> Ownership:
    """The authors of the lines of `places` (none: the whole file), and of the commits that changed them.

    Raises `RepositoryError` where git cannot tell.
    """
    whole = not places or tuple(places) == ((1, len(source.lines)),)
    parts = places or [(1, len(source.lines))]
    traced = [trace(repository, source, first, last, steps=0) for first, last in parts]
    shapers = [shaper for each in traced for shaper in each.shapers]
    lines = Counter[str]()
    for shaper in shapers:
        lines[shaper.commit.author] += sum(end - start + 1 for start, end in shaper.lines)
    found = _commits(repository, source.path) if whole else _of_lines(repository, source, parts)
    changes, passed = _without_form(repository, list(found))
    # Lines that were moved here, and what git did not find in time, are from commits of other places.
    counted = {each.sha for each in changes} | passed.keys()
    moved = {each.commit.sha: each.commit for each in shapers if each.commit.sha not in counted}
    others = (_Change(each.sha, each.author, universal(each.date)) for each in moved.values())
    changes += sorted(others, key=lambda each: each.date, reverse=True)
    commits, newest = Counter(each.author for each in changes), dict[str, str]()
    for each in changes:
        newest.setdefault(each.author, each.date)
    names = lines.keys() | commits.keys()
    owners = [Owner(name, lines[name], commits[name], newest.get(name, "")) for name in names]
    owners.sort(key=lambda owner: (-owner.lines, -owner.commits, owner.author))
    ends = shallow_commits(repository)
    return Ownership(
        owners=tuple(owners),
        shapers=tuple(shapers),
        commit=changes[0].sha if changes else None,
        last=next((owner for owner in owners if changes and owner.author == changes[0].author), None),
        seen_through=tuple(passed.items()),
        shallow=any(each.shallow for each in traced) or any(each.sha in ends for each in changes),
    )


def _without_form(repository: Repository, changes: Sequence[_Change]) -> tuple[list[_Change], dict[str, str]]:
    """`changes`, newest first, without those of the first that only changed the form; and the kinds of these."""
    judged = [each.sha for each in changes[:_JUDGED]]
    kinds = {each.sha: mechanical_kind(each) for each in read_named(repository, judged, compared=True)}
    passed = {sha: kind for sha, kind in kinds.items() if kind}
    left = [each for each in changes if each.sha not in passed]
    newest = [each.sha for each in changes].index(left[0].sha) if left else len(changes)
    before = {each.sha for each in changes[:newest]}
    return left, {sha: kind for sha, kind in passed.items() if sha in before}


def _commits(repository: Repository, path: str) -> Iterator[_Change]:
    """The file's commits, newest first, through renames, as far as git finds them in time."""
    options = f"--follow --no-merges -n{_RECENT} --no-show-signature --no-color --encoding=UTF-8 --no-ext-diff".split()
    what = ("--format=%H%x00%an%x00%aI", "--no-patch", "--", f":(literal){path}")
    output = bytearray()
    with suppress(SlowError):
        for block in plumbing.stream(repository.root, "log", *options, *what, seconds=_SECONDS):
            output += block
    for line in output.decode("utf-8", "replace").split("\n")[:-1]:
        sha, author, date = line.split("\0")
        yield _Change(sha, without_addresses(author), universal(date))


def _of_lines(repository: Repository, source: Source, places: Sequence[Range]) -> Iterator[_Change]:
    """The same of the commits that changed lines, as far as git finds them in time; of the whole file where that
    differs from the last commit, which does not know these lines."""
    if source.revision is None:
        yield from _commits(repository, source.path)
        return
    found: dict[str, _Change] = {}
    for place in places:
        with suppress(SlowError):
            for commit in read_line_history(repository, source.revision, source.path, place, _SECONDS):
                found.setdefault(commit.sha, _Change(commit.sha, commit.author, universal(commit.date)))
    together = found.values() if len(places) == 1 else sorted(found.values(), key=lambda each: each.date, reverse=True)
    yield from together
