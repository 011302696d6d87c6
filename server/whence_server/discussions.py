"""Commits -> the issues and pull requests that they belong to, and the reasons given there.

Imported threads are read from the index. Of others only what merge commits and changelogs say is known. All of it was
written by outsiders: it is quoted, never followed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whence_indexer.arrival import bringing_merges
from whence_indexer.derivation import derive_threads
from whence_indexer.errors import StoreError
from whence_indexer.references import find_references
from whence_indexer.repository import Repository
from whence_indexer.threads import Comment, Thread
from whence_indexer.types import Commit, Reference, Span
from whence_server.reasons import CAUSE, PROSE, Reason, find_reasons

if TYPE_CHECKING:
    from whence_indexer.store import Store

_ASKED = 4  # commits whose merge is looked for: those that are shown
_SECONDS = 0.15  # for each look, and after which none begins
_NEAR = 2  # lines that a place may have moved since it was reviewed
_LONGEST_QUOTE = 500  # characters; paragraphs of threads are often one line
_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
# What a thread holds beside what its author wrote: quotations, output, headings, the boxes and hints of a template.
_NO_PROSE = re.compile(r"\s*>|\t|    |\s*[-*+] \[[ xX]\]|#{1,6}\s|\s*<!--|.*-->\s*$|Traceback |\s*\|")


@dataclass(frozen=True, slots=True)
class Told:
    """A reason given in a thread, in its title and opening, or in `comment`; `here` where a review says it of these
    very lines."""

    reason: Reason
    thread: Thread
    comment: Comment | None = None
    here: bool = False


@dataclass(frozen=True, slots=True)
class Discussions:
    """The threads of commits: their references by commit id, and what is known of each number."""

    references: Mapping[str, tuple[Reference, ...]]
    threads: Mapping[int, Sequence[Thread]]

    def of(self, sha: str) -> list[Thread]:
        """What is known of a commit's threads; of two with a number, as GitLab has them, the kind that is named."""
        found: list[Thread] = []
        for reference in self.references.get(sha, ()):
            same = self.threads.get(reference.number, ())
            named = [thread for thread in same if (thread.kind == "pull") == reference.pull]
            found += (named or same)[:1]
        return found


def find_discussions(repository: Repository, commits: Sequence[Commit]) -> Discussions:
    """The threads that `commits` name, those of the merges that brought them in, and the issues that these close."""
    ways = _ways(repository, commits)
    merged = _pulls_of(repository, [each.sha for way in ways.values() for each in way])
    references: dict[str, tuple[Reference, ...]] = {}
    for commit in commits:
        named = find_references(commit.subject, commit.body, repository.project)
        reviewed = [Reference(merged[commit.sha], pull=True)] if commit.sha in merged else []
        references[commit.sha] = tuple(_each_once([*(named or _brought(ways[commit.sha], merged)), *reviewed]))
    numbers = {reference.number for named in references.values() for reference in named}
    derived = derive_threads([each for way in ways.values() for each in way], {}, repository.project)
    threads = _threads(repository, numbers, derived)
    closed = {sha: _closed(repository, Discussions(references, threads).of(sha)) for sha in references}
    references = {sha: tuple(_each_once([*named, *closed[sha]])) for sha, named in references.items()}
    further = {reference.number for named in closed.values() for reference in named} - numbers
    return Discussions(references, {**_threads(repository, further, derived), **threads})


def _ways(repository: Repository, commits: Sequence[Commit]) -> dict[str, list[Commit]]:
    """Each commit with the merges that brought it in, innermost first, where its message names no thread."""
    started = time.monotonic()
    ways: dict[str, list[Commit]] = {}
    for place, commit in enumerate(commits):
        ways[commit.sha] = [commit]
        asked = place < _ASKED and time.monotonic() - started < _SECONDS
        if asked and not find_references(commit.subject, commit.body, repository.project):
            ways[commit.sha] += bringing_merges(repository, commit.sha, _SECONDS)
    return ways


def _brought(way: Iterable[Commit], merged: Mapping[str, int]) -> list[Reference]:
    """The innermost pull request that a commit came by: of which its tracker says so, or the merge."""
    for commit in way:
        derived = [thread.number for thread in derive_threads([commit], {})]
        if number := merged.get(commit.sha) or next(iter(derived), None):
            return [Reference(number, pull=True)]
    return []


def find_told(threads: Iterable[Thread], commit: str = "", made: Sequence[Span] = ()) -> list[Told]:
    """The reasons given in threads, best first: what opened one before what was answered.

    What a review says of lines that a `commit` `made` comes before all else: it was said of the very lines.
    """
    found = [told for thread in threads for told in _told(thread, commit, made)]
    return sorted(found, key=lambda told: (not told.here, -told.reason.strength))


def holds(told: Told) -> bool:
    """Whether the thread, as it is known, holds the quotation."""
    thread = told.thread
    text = f"{thread.title}\n\n{thread.body}" if told.comment is None else told.comment.body
    return told.reason.quote in text


def _told(thread: Thread, commit: str, made: Sequence[Span]) -> Iterator[Told]:
    for reason in find_reasons(thread.title, _prose(thread.body)):
        # Whoever opens a pull request explains it; an issue tells what happened, whatever the words.
        if reason.strength > PROSE or thread.kind == "pull":
            yield Told(_short(reason, thread.body), thread)
    for comment in thread.comments:
        here = _is_about(comment, commit, made)
        for reason in find_reasons("", _prose(comment.body)):
            short = _short(reason, comment.body)
            if here and not reason.sentence.endswith("?"):
                yield Told(short, thread, comment, here)
            elif reason.strength == CAUSE:  # and yet it is one answer among many
                yield Told(Reason(short.sentence, short.quote, CAUSE - 1), thread, comment)


def _is_about(comment: Comment, commit: str, made: Sequence[Span]) -> bool:
    """Whether a review is about these lines, or about lines that end close by them.

    What was reviewed is often no commit of the repository any more: then it was another form of the same change.
    """
    if comment.line is None:
        return False
    near = 0 if comment.commit == commit else _NEAR
    places = [place for place in made if place.path == comment.path]
    return any(place.start_line - near <= comment.line <= place.end_line + near for place in places)


def _prose(text: str) -> str:
    """`text` with empty lines in place of those that are no prose."""
    lines, fenced = [], False
    for line in text.split("\n"):
        fence = _FENCE.match(line) is not None
        lines.append("" if fence or fenced or _NO_PROSE.match(line) else line)
        fenced = fenced != fence
    return "\n".join(lines)


def _short(reason: Reason, text: str) -> Reason:
    """The reason with its sentence for a quotation, where the paragraph is long and the sentence stands in a line."""
    if len(reason.quote) <= _LONGEST_QUOTE or reason.sentence not in text:
        return reason
    return Reason(reason.sentence, reason.sentence, reason.strength)


def _closed(repository: Repository, threads: Iterable[Thread]) -> list[Reference]:
    """The issues that pull requests say they close: one step."""
    pulls = [thread for thread in threads if thread.kind == "pull"]
    found = [each for pull in pulls for each in find_references("", f"{pull.title}\n{pull.body}", repository.project)]
    return [reference for reference in found if reference.closes]


def _each_once(references: Iterable[Reference]) -> list[Reference]:
    found: dict[int, Reference] = {}
    for reference in references:
        found.setdefault(reference.number, reference)
    return list(found.values())


def _threads(repository: Repository, numbers: set[int], derived: Sequence[Thread]) -> dict[int, list[Thread]]:
    """What is known of the threads with these numbers: what was imported, else what was derived."""
    found: dict[int, list[Thread]] = {}
    for thread in derived:
        if thread.number in numbers:
            found[thread.number] = [thread]
    imported: dict[int, list[Thread]] = {}
    for thread in imported_threads(repository, numbers):
        imported.setdefault(thread.number, []).append(thread)
    return found | imported


def imported_threads(repository: Repository, numbers: set[int]) -> list[Thread]:
    """The imported ones."""
    try:
        store = _store(repository) if numbers else None
        if store is None:
            return []
        from whence_indexer.threadrows import stored_threads

        return stored_threads(store, numbers)
    except StoreError:  # why needs no index, so that a damaged one is not in its way
        return []


def _pulls_of(repository: Repository, shas: Sequence[str]) -> dict[str, int]:
    """The imported pull requests of which their tracker says that they were merged as one of these commits, or that a
    review in them is about one."""
    try:
        store = _store(repository) if shas else None
        if store is None:
            return {}
        from whence_indexer.threadrows import merged_pulls

        return merged_pulls(store, shas)
    except StoreError:
        return {}


def _store(repository: Repository) -> Store | None:
    """The index, if it holds threads. Without them no database is opened: that takes a second."""
    if not (repository.index_dir / "state.json").is_file():
        return None
    from whence_indexer import schema
    from whence_indexer.store import Store

    store = Store(repository.index_dir)
    return store if schema.THREADS_TABLE in store.state.tables else None
