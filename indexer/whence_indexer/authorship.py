"""The commit that each line of a file is from, held in memory: what an editor asks with every movement of the mouse.

`remember` reads it once, which takes a second; `recall` asks nobody. Commits that changed only the form are seen
through. It is of the file as committed: `Authorship.commits_of` finds the lines of a text that was edited since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile

from whence_indexer import plumbing
from whence_indexer.decoding import decode
from whence_indexer.errors import RepositoryError
from whence_indexer.lineage import last_changes
from whence_indexer.lines import split_lines
from whence_indexer.repository import Repository
from whence_indexer.types import Commit

_KEPT = 128  # files
_MOST_EDITED = 1_000  # lines on either side that are compared one by one


@dataclass(frozen=True, eq=False)
class Authorship:
    """The committed lines of a file, each by a hash, and the id of the commit it is from; these commits by id."""

    hashes: tuple[int, ...] = ()
    shas: tuple[str, ...] = ()
    commits: Mapping[str, Commit] | None = None

    def places(self, lines: Sequence[str]) -> list[int | None]:
        """For each of `lines`, the file as it is now, its place among the committed ones; None for a new one."""
        now, before = tuple(map(_hash, lines)), self.hashes
        head = _alike(now, before)
        tail = _alike(now[head:][::-1], before[head:][::-1])
        found: list[int | None] = [*range(head), *[None] * (len(now) - head - tail)]
        edited, replaced = now[head : len(now) - tail], before[head : len(before) - tail]
        if max(len(edited), len(replaced)) <= _MOST_EDITED:
            for block in SequenceMatcher(None, edited, replaced, autojunk=False).get_matching_blocks():
                found[head + block.a : head + block.a + block.size] = range(head + block.b, head + block.b + block.size)
        return [*found, *range(len(before) - tail, len(before))]

    def commits_of(self, lines: Sequence[str]) -> list[Commit | None]:
        """For each of `lines` the commit it is from; None for one that is in no commit."""
        commits = self.commits or {}
        return [None if place is None else commits.get(self.shas[place]) for place in self.places(lines)]


def recall(repository: Repository, path: str) -> Authorship | None:
    """What was read of the file as of `repository.head`; None where that was not yet."""
    return _read.get((repository, repository.head, path))


def remember(repository: Repository, path: str) -> Authorship:
    """Read it, unless that was done; of a file that is not in the last commit nothing is known, and no error."""
    known = recall(repository, path)
    if known is None:
        known = _authorship(repository, path)
        while len(_read) >= _KEPT:
            _read.pop(next(iter(_read)), None)
        _read[repository, repository.head, path] = known
    return known


def committed_text(repository: Repository, path: str) -> str | None:
    """The file as it was committed last; None where it is not in the last commit, or no text."""
    if repository.head is None:
        return None
    try:
        return decode(plumbing.run(repository.root, "cat-file", "blob", f"{repository.head}:{path}"))
    except RepositoryError:
        return None


def _authorship(repository: Repository, path: str) -> Authorship:
    text = committed_text(repository, path)
    if not text or repository.head is None:
        return Authorship()
    lines = split_lines(text)
    try:
        origins, commits = last_changes(repository, path, len(lines), repository.head)
    except RepositoryError:  # contents are missing, as in a partial clone
        return Authorship()
    shas = [""] * len(lines)
    for origin in origins:
        shas[origin.first - 1 : origin.last] = [origin.sha or ""] * (origin.last - origin.first + 1)
    return Authorship(tuple(map(_hash, lines)), tuple(shas), commits)


def _alike(one: Sequence[int], other: Sequence[int]) -> int:
    """How many lines both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _hash(line: str) -> int:
    return hash(line.rstrip("\r\n"))


_read: dict[tuple[Repository, str | None, str], Authorship] = {}
