"""Places of a file -> how many commits touched each, by one reading of the file's history.

A place is followed back from commit to commit through what each inserted and took out above it, along every branch, and
through renames. Takes a repository; what a commit did is not judged.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence

from whence_indexer import plumbing
from whence_indexer.errors import RepositoryError, SlowError
from whence_indexer.repository import Repository

Range = tuple[int, int]
Hunk = tuple[Range, Range]  # (first, count) before and after, as in git's `@@ -old +new @@`

SECONDS = 5.0
_RENAMES = 3  # earlier names that are followed
_MOST_COMMITS = 5_000
_HUNK = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
_OPTIONS = "--no-ext-diff --no-textconv --no-color --no-show-signature --unified=0 --no-indent-heuristic".split()
_LOG = ("log", "--topo-order", "--parents", "-p", "--no-renames", f"-n{_MOST_COMMITS}", "--format=%x1e%H %P")


def count_commits(
    repository: Repository, path: str, places: Sequence[Range], seconds: float = SECONDS
) -> list[int] | None:
    """For each of `places`, lines of the file in the last commit, how many commits touched it; merges do not count.

    As many as `git log -L --no-merges` lists, in one reading for all of them. None where git is not done in `seconds`.
    """
    touched: list[set[str]] = [set() for _ in places]
    revision, deadline = repository.head, time.monotonic() + seconds
    now: list[Range | None] = list(places)
    try:
        for _ in range(1 + _RENAMES):
            if revision is None or not any(now):
                break
            now, made = _walk(repository, revision, path, now, touched, deadline)
            path, revision, now = _renamed(repository, made, path, now, touched, deadline)
    except RepositoryError:
        return None
    return [len(commits) for commits in touched]


def _walk(
    repository: Repository,
    revision: str,
    path: str,
    places: list[Range | None],
    touched: list[set[str]],
    deadline: float,
) -> tuple[list[Range | None], str]:
    """Follow `places` to the commit that made the file: where they were in it, and its id."""
    output = _git(repository, deadline, *_LOG, *_OPTIONS, revision, "--", path)
    waiting: dict[str, list[Range | None]] = {}
    made, last = "", places
    for record in (b"\n" + output).split(b"\n\x1e")[1:]:
        head, _, diff = record.partition(b"\n")
        sha, *parents = head.decode().split()
        now = waiting.pop(sha, None) if waiting else places
        if now is None:
            continue
        if not parents:
            made, last = sha, now
        for parent in parents:
            if len(parents) > 1:  # of a merge, the log shows no differences
                diff = _git(repository, deadline, "diff", "--no-renames", *_OPTIONS, parent, sha, "--", path)
            hunks = _hunks(diff)
            before = [_before(place, hunks) if place else (None, False) for place in now]
            if len(parents) == 1:
                for commits, (_, changed) in zip(touched, before, strict=True):
                    commits.update([sha] if changed else ())
            known = waiting.get(parent, [None] * len(places))
            waiting[parent] = [old or new for old, (new, _) in zip(known, before, strict=True)]
    return last, made


def _hunks(diff: bytes) -> list[Hunk]:
    return [
        ((int(old), int(old_count or 1)), (int(new), int(new_count or 1)))
        for old, old_count, new, new_count in _HUNK.findall(diff)
    ]


def _before(place: Range, hunks: Sequence[Hunk]) -> tuple[Range | None, bool]:
    """Where `place` was before a commit, None where it was not there, and whether the commit touched it."""
    first, last = place
    touched, start, end, shift = False, 0, 0, 0
    for (old, old_count), (new, new_count) in hunks:
        new_first, old_first = new + (not new_count), old + (not old_count)  # git names the line before an empty side
        new_last, old_last = new_first + new_count - 1, old_first + old_count - 1
        if new_count:
            touched = touched or (new_first <= last and new_last >= first)
        else:
            touched = touched or first < new_first <= last
        # Where it begins or ends in what was replaced, all of that may be it: as `git log -L` has it.
        if not start and new_last >= first:
            start = first + shift if first < new_first else old_first
        if not end and new_last >= last:
            end = last + shift if last < new_first else old_last
        shift += old_count - new_count
    start, end = start or first + shift, end or last + shift
    return ((start, end) if 1 <= start <= end else None), touched


def _renamed(
    repository: Repository,
    made: str,
    path: str,
    places: list[Range | None],
    touched: list[set[str]],
    deadline: float,
) -> tuple[str, str | None, list[Range | None]]:
    """What the file was called before the commit that gave it its name, which commit that was, and the places then.

    Where there was no such file before, that commit touched all that it made.
    """
    if not made:
        return path, None, places
    options = ("log", "-1", "--follow", "-M", "--name-status", "-z", "--format=")
    status, *names = _git(repository, deadline, *options, made, "--", path).strip(b"\n\0").split(b"\0")
    if not status.startswith(b"R") or len(names) != 2:
        for commits, place in zip(touched, places, strict=True):
            commits.update([made] if place else ())
        return path, None, places
    old = os.fsdecode(names[0])
    hunks = _hunks(_git(repository, deadline, "diff", "-M", *_OPTIONS, f"{made}^", made, "--", old, path))
    before = [_before(place, hunks) if place else (None, False) for place in places]
    for commits, (_, changed) in zip(touched, before, strict=True):
        commits.update([made] if changed else ())
    return old, f"{made}^", [place for place, _ in before]


def _git(repository: Repository, deadline: float, *arguments: str) -> bytes:
    left = deadline - time.monotonic()
    if left <= 0:
        raise SlowError("the file's history takes too long to read")
    return plumbing.run(repository.root, *arguments, seconds=left)
