"""A definition -> its whole history: the commits that added, changed and moved it, back to its first form.

Takes a repository, a `Source` and a `Definition` in it; returns a `Lineage` whose shapers say what each commit did. Git
follows the lines, through renamed files too. Where it stops, the definition is looked for in what that commit took out
elsewhere. Commits that changed only the form are seen through.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from whence_indexer import plumbing
from whence_indexer.decoding import decode
from whence_indexer.definitions import Definition, definition_in, definitions_in
from whence_indexer.errors import RepositoryError, SlowError, SourceError
from whence_indexer.history import instant, read_commit, read_line_history, shallow_commits
from whence_indexer.lineage import Lineage, Shaper, trace
from whence_indexer.mechanical import mechanical_kind
from whence_indexer.repository import Repository
from whence_indexer.source import Source
from whence_indexer.types import ChangeKind, Commit, Hunk, Span

SECONDS = 3.0  # for the whole history: a person waits, no editor does
_MOVES = 8  # from place to place that git does not follow by itself
_SEARCHED = 20  # files of a commit in which the definition is looked for as it was before
_ALIKE = 0.5  # share of its lines that are the same where a definition was moved


@dataclass(frozen=True, slots=True)
class _Step:
    """What one commit did to the definition, whose lines the `hunk` has before and after."""

    commit: Commit
    hunk: Hunk
    kind: ChangeKind


def trace_definition(
    repository: Repository, source: Source, definition: Definition, seconds: float = SECONDS
) -> Lineage:
    """The commits that shaped `definition`: first those its lines are from, then the one that added it, then others.

    `complete` is false where `seconds` did not suffice. Raises `RepositoryError` where git cannot tell.
    """
    deadline = time.monotonic() + seconds
    now = _now(repository, source, definition)
    steps: list[_Step] = []
    complete, through = True, {commit.sha: (commit, kind) for commit, kind in now.seen_through}
    try:
        for step in _all_steps(repository, source, definition, deadline):
            kind = _mechanical(repository, step)
            if kind and step.kind == "changed":
                through[step.commit.sha] = step.commit, kind
            else:
                steps.append(step)
    except SlowError:
        complete = False
    kinds = {step.commit.sha: step.kind for step in steps}
    current = [replace(shaper, change=kinds.get(shaper.commit.sha)) for shaper in now.shapers]
    shown = {shaper.commit.sha for shaper in current}
    lines = tuple((place.start_line, place.end_line) for place in definition.places)
    earlier = [
        Shaper(step.commit, lines, True, step.kind, made=(_made(step.hunk),))
        for step in steps
        if step.commit.sha not in shown
    ]
    earlier.sort(key=lambda shaper: (shaper.change == "added", instant(shaper.commit.date)), reverse=True)
    shallow = shallow_commits(repository)
    return Lineage(
        shapers=(*current, *earlier),
        uncommitted=now.uncommitted,
        seen_through=tuple(seen for sha, seen in through.items() if sha not in shown and sha not in kinds),
        shallow=now.shallow or any(sha in shallow for sha in kinds),
        complete=complete,
    )


def _now(repository: Repository, source: Source, definition: Definition) -> Lineage:
    """The commits that the lines of all places of a definition are from, each once, of most lines first."""
    traced = [trace(repository, source, place.start_line, place.end_line, steps=0) for place in definition.places]
    shapers: dict[str, Shaper] = {}
    for shaper in (shaper for each in traced for shaper in each.shapers):
        known = shapers.get(shaper.commit.sha, replace(shaper, lines=(), made=()))
        joined = replace(known, lines=(*known.lines, *shaper.lines), made=(*known.made, *shaper.made))
        shapers[shaper.commit.sha] = joined
    through = {commit.sha: (commit, kind) for each in traced for commit, kind in each.seen_through}
    return Lineage(
        shapers=tuple(sorted(shapers.values(), key=lambda each: -sum(last - first + 1 for first, last in each.lines))),
        uncommitted=tuple(lines for each in traced for lines in each.uncommitted),
        seen_through=tuple(through.values()),
        shallow=any(each.shallow for each in traced),
    )


def _all_steps(repository: Repository, source: Source, definition: Definition, deadline: float) -> Iterator[_Step]:
    """The commits that changed the definition in any of its places, each once. Raises `SlowError` as `_steps`.

    It was added with its first place: to add another is to change it.
    """
    seen: set[str] = set()
    for number in range(len(definition.places)):
        for step in _steps(repository, _committed(repository, source, definition, number), deadline):
            if step.commit.sha not in seen:
                seen.add(step.commit.sha)
                yield replace(step, kind="changed") if number and step.kind == "added" else step


def _steps(repository: Repository, at: Definition | None, deadline: float) -> Iterator[_Step]:
    """The commits that changed a definition of the last commit, newest first. Raises `SlowError` once time is over."""
    revision = repository.head or ""
    for _ in range(_MOVES):
        if at is None:
            return
        origin: Definition | None = None
        lines = at.place.start_line, at.place.end_line
        for commit in read_line_history(repository, revision, at.place.path, lines, deadline - time.monotonic()):
            if time.monotonic() > deadline:
                raise SlowError("the history is too long for the time there was")
            hunk = commit.hunks[0]
            if not hunk.old_lines[1]:
                origin = _before_the_move(repository, commit, hunk, at)
                yield _Step(commit, hunk, "moved" if origin else "added")
                revision = f"{commit.sha}^"
                break
            yield _Step(commit, hunk, "changed")
        at = origin


def _committed(repository: Repository, source: Source, definition: Definition, number: int) -> Definition | None:
    """The place of the definition with this number as the last commit has it; None where it has none."""
    if source.revision is not None:
        return Definition(definition.symbol, definition.places[number])
    text = _text_at(repository, repository.head or "", source.path)
    with suppress(SourceError):
        places = definition_in(source.path, text, definition.symbol).places
        return Definition(definition.symbol, places[number]) if number < len(places) else None
    return None


def _before_the_move(repository: Repository, commit: Commit, hunk: Hunk, at: Definition) -> Definition | None:
    """The definition of the same name that the commit took away elsewhere, if it was much the same."""
    if len(commit.parents) != 1 or commit.sha in shallow_commits(repository):
        return None
    suffix = PurePosixPath(hunk.path).suffix
    removing = [each for each in read_commit(repository, commit.sha, compared=True).hunks if each.old_lines[1]]
    paths = list(dict.fromkeys(each.old_path for each in removing if PurePosixPath(each.old_path).suffix == suffix))
    first, count = hunk.new_lines
    now = _lines(_text_at(repository, commit.sha, hunk.path), first, first + count - 1)
    best, likest = None, _ALIKE
    for path in paths[:_SEARCHED]:
        text = _text_at(repository, f"{commit.sha}^", path)
        if at.name not in text:
            continue
        for found in definitions_in(path, text):
            alike = _likeness(now, _lines(text, found.place.start_line, found.place.end_line))
            if found.name == at.name and alike >= likest:
                best, likest = found, alike
    return best


def _made(hunk: Hunk) -> Span:
    first, count = hunk.new_lines
    return Span(hunk.path, first, first + count - 1)


def _likeness(one: Counter[str], other: Counter[str]) -> float:
    return (one & other).total() / max(one.total(), other.total(), 1)


def _lines(text: str, first: int, last: int) -> Counter[str]:
    return Counter(line.strip() for line in text.split("\n")[first - 1 : last] if line.strip())


def _text_at(repository: Repository, revision: str, path: str) -> str:
    """A file as of a revision, for comparing alone: nothing of it is shown. Empty where it is not there, or no text."""
    with suppress(RepositoryError):
        return decode(plumbing.run(repository.root, "cat-file", "blob", f"{revision}:{path}")) or ""
    return ""


def _mechanical(repository: Repository, step: _Step) -> str | None:
    """The kind of change where the commit changed only the form: everywhere, or in the lines of the definition."""
    whole = read_commit(repository, step.commit.sha, compared=True)
    (old, old_count), (new, new_count) = step.hunk.old_lines, step.hunk.new_lines
    here = [
        hunk
        for hunk in whole.hunks
        if hunk.path == step.hunk.path
        and (_meet(hunk.old_lines, (old, old_count)) or _meet(hunk.new_lines, (new, new_count)))
    ]
    return mechanical_kind(whole) or (mechanical_kind(replace(whole, hunks=tuple(here))) if here else None)


def _meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[1] > 0 and one[0] < other[0] + other[1] and other[0] < one[0] + one[1]
