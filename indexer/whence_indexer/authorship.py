"""The commit that each line of a file is from, held in memory: what an editor asks with every movement of the mouse.

`recall` asks nobody. `glimpse` reads the lines that somebody looks at, `remember` all of them, which takes longer.
Commits that changed only the form are seen through. It is of the file as committed: `Authorship.lines` finds the lines
of a text that was edited since. What git did not tell is not known; that it was not committed is never concluded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import takewhile
from pathlib import PurePosixPath
from threading import Lock, RLock
from typing import Literal

from whence_indexer import plumbing
from whence_indexer.blame import Origin
from whence_indexer.decoding import decode
from whence_indexer.errors import SlowError
from whence_indexer.history import instant
from whence_indexer.lineage import last_changes
from whence_indexer.lines import split_lines
from whence_indexer.repository import Repository
from whence_indexer.types import Commit

_KEPT = 128  # files
_MOST_EDITED = 1_000  # lines on either side that are compared one by one
_AROUND = 16  # lines on either side of those looked at, which are looked at next
_MOST_RANKED, _RANKED_WITHIN = 20_000, 5.0  # commits whose order is known, beyond which their dates tell; seconds
_UNRANKED = 1 << 60
_FILES = ("100644", "100755")  # git's modes of what has lines

Line = Commit | Literal["new"] | None  # what a line is from: a commit, none so far, or what is not known


@dataclass(frozen=True, eq=False)
class Authorship:
    """The committed lines of a file, each by a hash, and the id of the commit it is from, "" while that is not read.

    `commits` by their ids, and `ranks` of them: the smaller the newer. `known` unless the lines cannot be compared with
    what is committed: outside git, in a submodule, of a link or a binary file, or through a filter.
    """

    hashes: tuple[int, ...] = ()
    shas: tuple[str, ...] = ()
    commits: Mapping[str, Commit] = field(default_factory=dict)
    ranks: Mapping[str, int] = field(default_factory=dict)
    known: bool = True

    @property
    def complete(self) -> bool:
        """Whether there is no more to read."""
        return "" not in self.shas

    def places(self, lines: Sequence[str]) -> list[int | None]:
        """For each of `lines`, the file as it is now, its place among the committed ones; None for a new one."""
        return self._placed(lines)[0]

    def lines(self, lines: Sequence[str]) -> list[Line]:
        """What each of `lines` is from."""
        if not self.known:
            return [None] * len(lines)
        places, compared = self._placed(lines)
        held = frozenset[int]() if compared else frozenset(self.hashes)  # such a line may be one of them
        return [
            self.commits.get(self.shas[place]) if place is not None else None if held and _hash(line) in held else "new"
            for place, line in zip(places, lines, strict=True)
        ]

    def newest(self, lines: Iterable[Line]) -> Commit | None:
        """The newest commit that these lines are from: the last one in the history, whatever its date says."""
        found = {each.sha: each for each in lines if isinstance(each, Commit)}.values()
        return max(found, key=lambda each: (-self.ranks.get(each.sha, _UNRANKED), instant(each.date)), default=None)

    def _placed(self, lines: Sequence[str]) -> tuple[list[int | None], bool]:
        """The same, and whether all lines were compared: where nearly all is another, those between are not."""
        now, before = tuple(map(_hash, lines)), self.hashes
        head = _alike(now, before)
        tail = _alike(now[head:][::-1], before[head:][::-1])
        found: list[int | None] = [*range(head), *[None] * (len(now) - head - tail)]
        edited, replaced = now[head : len(now) - tail], before[head : len(before) - tail]
        compared = min(len(edited), len(replaced)) == 0 or max(len(edited), len(replaced)) <= _MOST_EDITED
        if compared:
            for block in SequenceMatcher(None, edited, replaced, autojunk=False).get_matching_blocks():
                found[head + block.a : head + block.a + block.size] = range(head + block.b, head + block.b + block.size)
        return [*found, *range(len(before) - tail, len(before))], compared


def recall(repository: Repository, path: str) -> Authorship | None:
    """What was read of the file as of `repository.head`; None where nothing was."""
    return _read.get((repository, repository.head, path))


def remember(repository: Repository, path: str) -> Authorship:
    """Read all of it, unless that was done; or wait for whoever is reading it. Raises as `glimpse` does."""
    with _turn_of(repository, path):
        known = _begin(repository, path)
        if known.complete:
            return known
        origins, commits = last_changes(repository, path, (1, len(known.shas)), repository.head or "", whole=True)
        return _add(repository, path, known, origins, commits)


def glimpse(repository: Repository, path: str, lines: Sequence[str], first: int, last: int) -> Authorship:
    """Read `first` to `last` of `lines`, which are the file as it is now, and some around them; unless that was done.

    Of a file that is not in the last commit there is nothing to read, and no error. Raises `RepositoryError` where git
    cannot tell, `SlowError` where not in time; the next call tries again.
    """
    known = _begin(repository, path)
    places = [] if known.complete else [place for place in known.places(lines)[first - 1 : last] if place is not None]
    missing = [place + 1 for place in places if not known.shas[place]]
    if not missing:
        return known
    around = max(1, missing[0] - _AROUND), min(len(known.shas), missing[-1] + _AROUND)
    origins, commits = last_changes(repository, path, around, repository.head or "")
    return _add(repository, path, known, origins, commits)


def _begin(repository: Repository, path: str) -> Authorship:
    """What is known of it, its committed lines at least."""
    known = recall(repository, path)
    if known is None:
        mode = _mode(repository, path)
        data = plumbing.run(repository.root, "cat-file", "blob", f"{repository.head}:{path}") if mode in _FILES else b""
        text = decode(data) if mode in ("", *_FILES) and _comparable(repository, path) else None
        hashes = tuple(map(_hash, split_lines(text or "")))
        known = _keep(repository, path, Authorship(hashes, ("",) * len(hashes), known=text is not None))
    return known


def _mode(repository: Repository, path: str) -> str:
    """What the last commit has there, as git's mode; "" for nothing."""
    if repository.head is None:
        return ""
    return plumbing.run(repository.root, "ls-tree", "-z", "--full-tree", repository.head, "--", path).decode()[:6]


def _comparable(repository: Repository, path: str) -> bool:
    """Whether the file is git's, and what is committed is what is shown: no program makes the one of the other."""
    folders = list(PurePosixPath(path).parents)[:-1]
    if repository.common_dir is None or any((repository.root / folder / ".git").exists() for folder in folders):
        return False
    attribute = plumbing.run(repository.root, "check-attr", "-z", "filter", "--", path).split(b"\0")[2:3]
    return attribute in ([b"unspecified"], [b"unset"])


def _add(
    repository: Repository, path: str, begun: Authorship, origins: Sequence[Origin], commits: Mapping[str, Commit]
) -> Authorship:
    order = _order(repository, repository.head or "")
    ranks = {sha: order[sha] for sha in commits if sha in order}
    with _changing:
        known = recall(repository, path) or begun
        shas = list(known.shas)
        for origin in origins:
            shas[origin.first - 1 : origin.last] = [origin.sha or ""] * (origin.last - origin.first + 1)
        all_commits, all_ranks = {**known.commits, **commits}, {**known.ranks, **ranks}
        return _keep(repository, path, replace(known, shas=tuple(shas), commits=all_commits, ranks=all_ranks))


@lru_cache(maxsize=4)
def _order(repository: Repository, head: str) -> Mapping[str, int]:
    """The places of the newest commits in the history, counted from HEAD; none where git is too slow."""
    try:
        listed = plumbing.run(repository.root, "rev-list", f"-n{_MOST_RANKED}", head, "--", seconds=_RANKED_WITHIN)
    except SlowError:
        return {}
    return {sha: place for place, sha in enumerate(listed.decode().split())}


def _keep(repository: Repository, path: str, known: Authorship) -> Authorship:
    with _changing:
        while len(_read) >= _KEPT:
            _read.pop(next(iter(_read)))
        _read[repository, repository.head, path] = known
    return known


def _turn_of(repository: Repository, path: str) -> Lock:
    with _changing:
        while len(_turns) >= _KEPT:
            _turns.pop(next(iter(_turns)))
        return _turns.setdefault((repository, repository.head, path), Lock())


def _alike(one: Sequence[int], other: Sequence[int]) -> int:
    """How many lines both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _hash(line: str) -> int:
    return hash(line.rstrip("\r\n"))


_read: dict[tuple[Repository, str | None, str], Authorship] = {}
_turns: dict[tuple[Repository, str | None, str], Lock] = {}
_changing = RLock()  # held for no work
