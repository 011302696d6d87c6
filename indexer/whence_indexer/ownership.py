"""Who wrote a file, or lines of it, and who last understood it: authors by lines that are theirs, and by recency.

Takes a repository and a `Source`, returns `Owner`s. Names only: nobody's address is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from whence_indexer import plumbing
from whence_indexer.errors import SlowError
from whence_indexer.history import read_commit, read_line_history, universal, without_addresses
from whence_indexer.lineage import trace
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


def find_owners(repository: Repository, source: Source, first: int = 1, last: int | None = None) -> list[Owner]:
    """The authors of lines `first` to `last` (none: the whole file), and of the commits that changed them.

    Of most lines first. Raises `RepositoryError` where git cannot tell.
    """
    whole = first == 1 and last in (None, len(source.lines))
    traced = trace(repository, source, first, last or len(source.lines), steps=0)
    lines = Counter[str]()
    for shaper in traced.shapers:
        lines[shaper.commit.author] += sum(end - start + 1 for start, end in shaper.lines)
    commits, newest = Counter[str](), dict[str, str]()
    changes = _commits(repository, source.path) if whole else _of_lines(repository, source, first, last or first)
    for author, date in changes:
        commits[author] += 1
        newest.setdefault(author, date)
    names = lines.keys() | commits.keys()
    owners = [Owner(name, lines[name], commits[name], newest.get(name, "")) for name in names]
    return sorted(owners, key=lambda owner: (-owner.lines, -owner.commits, owner.author))


def last_to_understand(owners: Iterable[Owner]) -> Owner | None:
    """The one who last changed what the lines say."""
    return max((owner for owner in owners if owner.last), key=lambda owner: owner.last, default=None)


def _commits(repository: Repository, path: str) -> Iterable[tuple[str, str]]:
    """(author, date) of the file's commits, newest first, through renames, as far as git finds them in time; dates in
    universal time, '' where unknown."""
    options = f"--follow --no-merges -n{_RECENT} --no-show-signature --no-color --encoding=UTF-8 --no-ext-diff".split()
    what = ("--format=%H%x00%an%x00%aI", "--no-patch", "--", f":(literal){path}")
    output = bytearray()
    with suppress(SlowError):
        for block in plumbing.stream(repository.root, "log", *options, *what, seconds=_SECONDS):
            output += block
    for number, line in enumerate(output.decode("utf-8", "replace").split("\n")[:-1]):
        sha, author, date = line.split("\0")
        if number >= _JUDGED or mechanical_kind(read_commit(repository, sha)) is None:
            yield without_addresses(author), universal(date)


def _of_lines(repository: Repository, source: Source, first: int, last: int) -> Iterable[tuple[str, str]]:
    """The same of the commits that changed lines, as far as git finds them in time; of the whole file where that
    differs from the last commit, which does not know these lines."""
    if source.revision is None:
        yield from _commits(repository, source.path)
        return
    with suppress(SlowError):
        history = read_line_history(repository, source.revision, source.path, (first, last), _SECONDS)
        for number, commit in enumerate(history):
            if number >= _JUDGED or mechanical_kind(read_commit(repository, commit.sha)) is None:
                yield commit.author, universal(commit.date)
