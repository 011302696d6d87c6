"""What an editor shows beside the mouse: what a symbol is and what changed it last, or what changed a line last.

Deterministic and instant: it looks at what is in memory alone, and leaves out what is not; `wait` hears of which file
`opened.open_file` would bring the rest. It knows no editor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from whence_indexer.history import instant
from whence_indexer.parsed import Definition
from whence_indexer.repository import Repository
from whence_indexer.types import Commit, Span
from whence_server.ages import age
from whence_server.cursor import Name
from whence_server.markup import code, plain
from whence_server.opened import last_commits, title_of
from whence_server.reasons import CAUSE, find_reasons
from whence_server.resolving import Found, find_definition
from whence_server.summaries import summary

if TYPE_CHECKING:
    from whence_indexer.search import Searcher

EXPLAIN, WHY = "whence.explain", "whence.why"
_LONGEST = 160  # characters of a reason that is read in passing

# (command, the lines it is about) -> where a link leads that runs it in the editor
Link = Callable[[str, Span], str]


@dataclass(frozen=True, slots=True)
class Hover:
    """Markdown, fewer than 12 lines, and what it is about: columns `start` to `end` of `line`."""

    markdown: str
    line: int
    start: int
    end: int


def hover(
    searcher: Searcher | None,
    repository: Repository,
    path: str,
    line: int,
    column: int,
    contents: str,
    *,
    link: Link | None = None,
    wait: Callable[[str], None] = lambda path: None,
    now: datetime | None = None,
) -> Hover | None:
    """What is known of the place in `path`, which is `contents` on screen; None where nothing is.

    Without a `searcher`, while there is no index, other files are unknown. `link` is given where the editor runs
    commands from Markdown.
    """
    now = now or datetime.now(UTC)
    rows = contents.split("\n")
    if not 1 <= line <= len(rows):
        return None
    resolved = find_definition(searcher, repository, path, contents, line, column, wait)
    if resolved:
        name, found = resolved
        lines = [*_symbol(found, name, path), *_last_change(repository, found, wait, now)]
        links = _links(link, Span(found.path, found.definition.first, found.definition.last))
        return Hover("\n\n".join([*lines, *links]), line, name.start, name.end)
    commits = last_commits(repository, path, contents)
    if commits is None:
        wait(path)
        return None
    if line > len(commits) or not rows[line - 1].strip():
        return None
    commit = commits[line - 1]
    said = _change(repository, commit, now, reason=True) if commit else "Not committed yet"
    return Hover("\n\n".join([said, *_links(link, Span(path, line, line))]), line, 0, len(rows[line - 1]))


def last_change(commits: Iterable[Commit | None]) -> Commit | None:
    """The newest of them."""
    return max(filter(None, commits), key=lambda commit: instant(commit.date), default=None)


def commits_of(commits: Sequence[Commit | None], definition: Definition) -> Sequence[Commit | None]:
    """Those of a definition's lines."""
    return commits[definition.first - 1 : definition.last]


def _symbol(found: Found, name: Name, path: str) -> list[str]:
    """What it is, and where unless that is where the cursor is."""
    said, prose = summary(found.path, found.text, found.definition)
    title = f"**{code(found.definition.name)}**"
    lines = [f"{title} — {plain(said)}" if prose else f"{title}\n\n{code(said)}" if said else title]
    if (found.path, found.definition.name.rpartition(".")[2]) == (path, name.text) and found.certain and not found.more:
        where = f"on line {found.definition.line}"
    else:
        where = f"in {code(f'{found.path}:{found.definition.line}')}"
    more = f", or one of {found.more} more of that name" if found.more else ""
    return [*lines, f"{'Defined' if found.certain else 'Probably defined'} {where}{more}"]


def _last_change(repository: Repository, found: Found, wait: Callable[[str], None], now: datetime) -> list[str]:
    commits = last_commits(repository, found.path, found.text)
    if commits is None:
        wait(found.path)
        return []
    own = commits_of(commits, found.definition)
    newest = last_change(own)
    if newest is None:
        return ["Not committed yet"] if own else []
    edited = " · edited since, not committed" if None in own else ""
    return [f"Last changed {_change(repository, newest, now)}{edited}"]


def _change(repository: Repository, commit: Commit, now: datetime, reason: bool = False) -> str:
    """`3 months ago by Ada: Brake later (#12)`, the title of #12 where it is known, and why where the message says."""
    thread = title_of(repository, commit)
    named = ""
    if thread:
        number, title = thread
        told = f" “{plain(title)}”" if title and title not in commit.subject else ""
        named = f" (#{number}{told})" if told or f"#{number}" not in commit.subject else ""
    why = ""
    if reason:
        found = [each for each in find_reasons(commit.subject, commit.body)[:1] if each.strength >= CAUSE]
        why = "".join(f" — {plain(_clipped(each.sentence))}" for each in found if each.sentence not in commit.subject)
    subject = plain(commit.subject) or "without a message"
    return f"{age(commit.date, now)} by {plain(commit.author)}: {subject}{named}{why}"


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"


def _links(link: Link | None, span: Span) -> list[str]:
    return [f"[Explain]({link(EXPLAIN, span)}) · [Why?]({link(WHY, span)})"] if link else []
