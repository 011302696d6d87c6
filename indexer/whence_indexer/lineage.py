"""Lines of a file -> the commits that shaped them: who wrote them last, and what they were before.

Takes a repository and a `Source`, returns a `Lineage`. Commits that changed only how the lines stand are seen through;
each step back is one blame of the few lines that a commit replaced. Says where it stopped; judges no reason.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import lru_cache
from itertools import islice

from whence_indexer.allowing import Allowed, read_allowed
from whence_indexer.blame import Origin, blame, ignored_revisions
from whence_indexer.history import instant, read_commit, read_named, shallow_commits
from whence_indexer.mechanical import mechanical_kind
from whence_indexer.repository import Repository
from whence_indexer.source import Source
from whence_indexer.types import ChangeKind, Commit, Span

STEPS = 4  # earlier versions of a line: what is older seldom says why it is as it is now
SECONDS = 0.12  # after which no further step begins: an editor waits for the answer
_PATIENCE = 30.0  # seconds for the first blame, without which there is no answer
_LONG_PATIENCE = 120.0  # seconds for one of a whole file, which nobody waits for
_ROUNDS = 8  # formatting commits seen through, one behind another
_ALIKE = 0.5  # of two lines that one became the other; below, difflib finds likeness in any two lines of code
_MOST_ALIKE = 20  # lines of one place compared so
_PREPARED = 64  # files kept ready
_MOST_JUDGED = 4_000  # commits of which is kept what they are
_MANY = 8  # commits that are read at once; fewer are kept one by one
_FEW_LINES = 4  # replaced lines that are taken as one place whatever they hold

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Shaper:
    """A commit that lines of the file are from, or were changed by `earlier` on their way; `lines` as they are now.

    `change` is what it did to a definition, where one was asked about and git could tell. `made` is where the lines
    were in the commit.
    """

    commit: Commit
    lines: tuple[Range, ...]
    earlier: bool = False
    change: ChangeKind | None = None
    made: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Lineage:
    """What shaped lines of a file: first the commits they are from, of most lines first, then earlier ones.

    The commits are without hunks. `uncommitted` are lines that are in no commit; `seen_through` are commits that only
    changed how lines stand, with their kind. `shallow` when a commit is where the clone's history ends, `complete`
    unless older ones were not read.
    """

    shapers: tuple[Shaper, ...]
    uncommitted: tuple[Range, ...] = ()
    seen_through: tuple[tuple[Commit, str], ...] = ()
    shallow: bool = False
    complete: bool = True


@dataclass
class _Walk:
    """What one walk has learnt so far."""

    repository: Repository
    boundary: frozenset[str]
    ignored: list[str]
    allowed: Allowed
    unsaved: bytes | None
    patience: float
    seen: dict[str, tuple[Commit, str]] = field(default_factory=dict)
    read: dict[str, Commit] = field(default_factory=dict)

    def commit(self, sha: str) -> Commit:
        return self.read.get(sha) or _read(self.repository, sha, sha in self.boundary, self.allowed)

    def judge(self, shas: Sequence[str]) -> dict[str, tuple[Commit, str | None]]:
        """Each of these without its hunks, and its kind where it is mechanical: what is kept of many commits."""
        keys = {sha: (self.repository, sha, sha in self.boundary, self.allowed) for sha in shas}
        self.read_all([sha for sha in shas if keys[sha] not in _judged])
        judged: dict[str, tuple[Commit, str | None]] = {}
        for sha, key in keys.items():
            known = _judged.get(key)
            if known is None:
                commit = self.commit(sha)
                known = _judged[key] = replace(commit, paths=(), hunks=()), mechanical_kind(commit)
            judged[sha] = known
        for old in list(_judged)[:-_MOST_JUDGED]:
            _judged.pop(old, None)
        return judged

    def read_all(self, shas: Sequence[str]) -> None:
        """Read these at once, which takes a fraction of the time."""
        new = [sha for sha in shas if sha not in self.read]
        if len(new) >= _MANY:
            self.read |= {commit.sha: commit for commit in read_named(self.repository, new, compared=True)}

    def origins(self, path: str, lines: Range, revision: str | None) -> Sequence[Origin]:
        """Where lines are from once mechanical commits are passed over."""
        rounds = _prepared.get((self.repository, revision, path, tuple(self.ignored)))
        if rounds is None:
            rounds = self.rounds(path, lines, revision)
        within = [[part for origin in found if (part := origin.within(*lines))] for found in rounds]
        for sha, (commit, kind) in self.judge([sha for found in within[:-1] for sha in _ids(found)]).items():
            if kind:
                self.seen[sha] = commit, kind
        return within[-1]

    def rounds(self, path: str, lines: Range, revision: str | None) -> list[Sequence[Origin]]:
        """Blames of which each passes over the mechanical commits that the ones before it named."""
        rounds: list[Sequence[Origin]] = []
        ignored = self.ignored
        while len(rounds) < _ROUNDS:
            rounds.append(_blame(self, path, lines, revision, tuple(ignored)))
            judged = self.judge(_ids(rounds[-1]))
            new = [sha for sha, (_, kind) in judged.items() if kind and sha not in ignored]
            if not new:
                break
            ignored = [*ignored, *new]
        return rounds


def prepare(repository: Repository, source: Source) -> None:
    """Blame the whole file once, so that `trace` tells any of its lines from memory; an editor does when it opens one.

    Costs a second or so. Nothing is kept of a file that differs from its last commit. Raises as `trace` does.
    """
    if source.revision is not None:
        walk = _walk(repository)
        _prepare(walk, source.path, len(source.lines), source.revision)


def last_changes(
    repository: Repository, path: str, lines: Range, revision: str, whole: bool = False
) -> tuple[Sequence[Origin], dict[str, Commit]]:
    """Where these lines of a file in `revision` are from, and these commits, without their hunks.

    Where they are the `whole` file it is prepared, as `prepare` does, and git may take its time. Raises as `trace`.
    """
    walk = _walk(repository)
    if whole:
        walk.patience = _LONG_PATIENCE
        _prepare(walk, path, lines[1], revision)
    origins = walk.origins(path, lines, revision)
    return origins, {sha: commit for sha, (commit, _) in walk.judge(_ids(origins)).items()}


def _prepare(walk: _Walk, path: str, lines: int, revision: str) -> list[Sequence[Origin]]:
    key = walk.repository, revision, path, tuple(walk.ignored)
    if key not in _prepared:
        rounds = walk.rounds(path, (1, lines), revision)
        while len(_prepared) >= _PREPARED:
            _prepared.pop(next(iter(_prepared)), None)
        _prepared[key] = rounds
    return _prepared[key]


def forget() -> None:
    """Drop all that is kept in memory of files and commits."""
    _prepared.clear()
    _judged.clear()
    _blame_of_commit.cache_clear()
    _read.cache_clear()


def trace(
    repository: Repository, source: Source, first: int, last: int, steps: int = STEPS, seconds: float = SECONDS
) -> Lineage:
    """The commits that shaped lines `first` to `last` of `source`.

    Earlier ones are read for at most `steps` steps, none of which begins later than `seconds` after the call. Raises
    `RepositoryError` where git cannot tell, as in a partial clone without the contents.
    """
    started = time.monotonic()
    walk = _walk(repository, source.unsaved)
    origins = walk.origins(source.path, (first, last), source.revision)
    shapers = sorted(_newest_first(_grouped(walk, origins)), key=lambda shaper: -_size(shaper.lines))
    known = {shaper.commit.sha for shaper in shapers}
    earlier, complete = _earlier(walk, origins, known, steps, started + seconds)
    named = [*shapers, *_newest_first(earlier)]
    shown = {shaper.commit.sha for shaper in named}
    return Lineage(
        shapers=tuple(replace(shaper, commit=_as_shown(shaper.commit)) for shaper in named),
        uncommitted=_ranges((origin.first, origin.last) for origin in origins if origin.sha is None),
        seen_through=tuple((_as_shown(commit), kind) for sha, (commit, kind) in walk.seen.items() if sha not in shown),
        shallow=any(sha in walk.boundary for sha in shown),
        complete=complete,
    )


def _as_shown(commit: Commit) -> Commit:
    """Without its hunks, which were read to be compared."""
    return replace(commit, hunks=())


def _grouped(walk: _Walk, origins: Iterable[Origin], now: Range | None = None) -> Iterator[Shaper]:
    """The commits of `origins`, each once; their lines, or `now` in their place where they are earlier ones."""
    runs: dict[str, list[Origin]] = {}
    for origin in origins:
        if origin.sha is not None:
            runs.setdefault(origin.sha, []).append(origin)
    walk.read_all(list(runs))
    for sha, found in runs.items():
        lines = _ranges(now or (origin.first, origin.last) for origin in found)
        made = (Span(each.path, each.line, each.line + each.last - each.first) for each in found)
        yield Shaper(walk.commit(sha), lines, now is not None, made=tuple(made))


def _earlier(
    walk: _Walk, origins: Sequence[Origin], known: set[str], steps: int, deadline: float
) -> tuple[list[Shaper], bool]:
    """What came before, step by step; and whether all of it was read."""
    found: dict[str, Shaper] = {}
    places = [(origin, (origin.first, origin.last)) for origin in origins if origin.sha is not None]
    for _ in range(steps):
        following: list[tuple[Origin, Range]] = []
        for place, now in places:
            if time.monotonic() > deadline:
                return list(found.values()), False
            before = _before(walk, place)
            for shaper in _grouped(walk, before, now):
                sha = shaper.commit.sha
                if sha not in known:
                    known_of = found.get(sha, replace(shaper, lines=(), made=()))
                    lines = _ranges([*known_of.lines, *shaper.lines])
                    found[sha] = replace(shaper, lines=lines, made=(*known_of.made, *shaper.made))
            following += [(origin, now) for origin in before if origin.sha is not None]
        places = following
    return list(found.values()), not places


def _before(walk: _Walk, place: Origin) -> Sequence[Origin]:
    """Where the lines are from that the commit of `place` replaced there; nothing where it only added lines."""
    replaced = _replaced(walk.commit(place.sha or ""), place)
    if place.previous is None or not replaced:
        return []
    revision, path = place.previous
    return walk.origins(path, (replaced[0], replaced[-1]), revision)


def _replaced(commit: Commit, place: Origin) -> list[int]:
    """The lines before the commit that those of `place` came from, in order."""
    last = place.line + place.last - place.first
    found: set[int] = set()
    for hunk in commit.hunks:
        (old, old_count), (new, new_count) = hunk.old_lines, hunk.new_lines
        start, end = max(new, place.line), min(new + new_count - 1, last)
        if hunk.path != place.path or start > end or not old_count:
            continue
        if old_count == new_count:
            found.update(range(old + start - new, old + end - new + 1))
        elif old_count <= _FEW_LINES:
            found.update(range(old, old + old_count))
        else:
            found.update(old + row for row in _alike(hunk.text, range(start - new, end - new + 1)))
    # Far apart they would bring in what lies between; those near the first are the place.
    nearest = sorted(found)
    return [line for line in nearest if line - nearest[0] <= last - place.line + 2 * _FEW_LINES]


def _alike(text: str, rows: Iterable[int]) -> Iterator[int]:
    """For each of the first added `rows` of a hunk the removed row most like it, if any is."""
    removed = [line[1:].strip() for line in text.split("\n") if line.startswith("-")]
    added = [line[1:].strip() for line in text.split("\n") if line.startswith("+")]
    for row in islice(rows, _MOST_ALIKE):
        if row < len(added):
            for line in get_close_matches(added[row], removed, n=1, cutoff=_ALIKE):
                yield removed.index(line)


def _newest_first(shapers: Iterable[Shaper]) -> list[Shaper]:
    return sorted(shapers, key=lambda shaper: instant(shaper.commit.date), reverse=True)


def _ids(origins: Iterable[Origin]) -> list[str]:
    return list(dict.fromkeys(origin.sha for origin in origins if origin.sha is not None))


def _size(ranges: Iterable[Range]) -> int:
    return sum(last - first + 1 for first, last in ranges)


def _ranges(parts: Iterable[Range]) -> tuple[Range, ...]:
    """The same lines as few ranges, in order."""
    joined: list[Range] = []
    for first, last in sorted(parts):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return tuple(joined)


def _walk(repository: Repository, unsaved: bytes | None = None) -> _Walk:
    boundary, ignored = shallow_commits(repository), ignored_revisions(repository)
    return _Walk(repository, boundary, ignored, read_allowed(repository)[0], unsaved, _PATIENCE)


# What a commit holds but for what may not be shown, and what a commit's lines are from, never changes: an editor asks
# of the same places again.
@lru_cache(maxsize=256)
def _read(repository: Repository, sha: str, boundary: bool, allowed: Allowed) -> Commit:
    return read_commit(repository, sha, compared=True)


def _blame(walk: _Walk, path: str, lines: Range, revision: str | None, ignored: tuple[str, ...]) -> Sequence[Origin]:
    if revision is None:  # the work tree, and what an editor shows, may change at any time
        return blame(walk.repository, path, *lines, None, ignored, walk.patience, walk.unsaved)
    return _blame_of_commit(walk.repository, path, *lines, revision, ignored, walk.patience)


@lru_cache(maxsize=1024)
def _blame_of_commit(
    repository: Repository, path: str, first: int, last: int, revision: str, ignored: tuple[str, ...], patience: float
) -> tuple[Origin, ...]:
    return tuple(blame(repository, path, first, last, revision, ignored, patience))


_judged: dict[tuple[Repository, str, bool, Allowed], tuple[Commit, str | None]] = {}
_prepared: dict[tuple[Repository, str | None, str, tuple[str, ...]], list[Sequence[Origin]]] = {}
