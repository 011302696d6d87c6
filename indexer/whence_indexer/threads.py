"""Threads: the issues and pull requests of a project with what was said in them, and how they arrive.

Frozen values and pure functions. Every text in them was written by somebody outside: it is data, never an instruction,
and plain text. Where it comes from is the business of a `Source`; nothing here fetches or stores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from whence_indexer.types import Problem

ThreadKind = Literal["issue", "pull"]
ThreadState = Literal["open", "closed", "merged"]
CommentKind = Literal["comment", "review", "review_comment", "changelog"]
Verdict = Literal["approved", "changes_requested", "commented", "dismissed", ""]

# How far a source has been read: small, JSON, and understood by that source alone.
Cursor = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Comment:
    """Something said in a thread. Dates are ISO 8601 in UTC, authors are account names, never addresses.

    A `review` is the summary of one and has its verdict as `state`; a `review_comment` is about `line` of `path` as
    they were in `commit`; a `changelog` comment is an entry that names the thread, at `line` of `path`. Without an
    `url` it is told from others by all it has.
    """

    author: str
    date: str
    body: str
    url: str = ""
    kind: CommentKind = "comment"
    state: Verdict = ""
    path: str | None = None
    line: int | None = None
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class Thread:
    """An issue or a pull request (elsewhere: merge request) with its comments, oldest first.

    (`kind`, `number`) is its identity: GitLab counts the two kinds apart. `merge_commit` is the commit that brought a
    pull request in. `derived` says that no tracker was asked: it was put together from commits and changelogs, and
    gives way to any imported thread of the same number.
    """

    number: int
    kind: ThreadKind
    title: str
    body: str = ""
    state: ThreadState = "open"
    labels: tuple[str, ...] = ()
    author: str = ""
    created: str = ""
    updated: str = ""
    closed: str = ""
    url: str = ""
    merge_commit: str | None = None
    comments: tuple[Comment, ...] = ()
    derived: bool = False

    @property
    def key(self) -> tuple[ThreadKind, int]:
        """What tells it from every other thread of the project."""
        return self.kind, self.number


@dataclass(frozen=True, slots=True)
class Page:
    """What a source hands over at a time, to be stored together with `cursor`; `merge` makes whole threads of it.

    `comments` are (thread number, comment). `whole` says that the threads come with all their comments; otherwise
    those known before stay. A comment whose thread is unknown may be dropped: it comes again after its thread.
    `off` says that the problem is a part of the project that is turned off, with which nothing is wrong.
    """

    cursor: Cursor
    threads: tuple[Thread, ...] = ()
    comments: tuple[tuple[int, Comment], ...] = ()
    problems: tuple[Problem, ...] = ()
    whole: bool = False
    off: bool = False

    @property
    def numbers(self) -> frozenset[int]:
        """The numbers of the threads that the page says something about."""
        return frozenset(thread.number for thread in self.threads) | {number for number, _ in self.comments}


class Source(Protocol):
    """Where threads come from: a tracker or a file."""

    @property
    def name(self) -> str:
        """What a person calls it; without credentials."""
        ...

    def pages(self, cursor: Cursor | None, say: Callable[[str], None]) -> Iterator[Page]:
        """What is new since `cursor`, which is the one of the last stored page or None; `say` hears the progress.

        A cursor that is not this source's counts as None. Raises `TrackerError` when there is no going on; pages
        handed over before are good, and the next call goes on from there.
        """
        ...


def merge(page: Page, known: Iterable[Thread]) -> list[Thread]:
    """The threads to store for `page`, given those of its numbers that are stored already."""
    threads = {thread.key: thread for thread in known if not thread.derived}
    changed = dict.fromkeys(thread.key for thread in page.threads)
    for thread in page.threads:
        before = threads.get(thread.key)
        threads[thread.key] = replace(thread, comments=before.comments) if before and not page.whole else thread
    said: dict[int, list[Comment]] = {}
    for number, comment in page.comments:
        said.setdefault(number, []).append(comment)
    for key, thread in threads.items():
        if thread.number in said:
            threads[key] = _with_comments(thread, said[thread.number])
            changed[key] = None
    return [threads[key] for key in changed]


def _with_comments(thread: Thread, comments: Iterable[Comment]) -> Thread:
    """`thread` with `comments` added, or put in place of their older versions."""
    by_identity = {comment.url or comment: comment for comment in (*thread.comments, *comments)}
    return replace(thread, comments=tuple(sorted(by_identity.values(), key=lambda comment: comment.date)))
