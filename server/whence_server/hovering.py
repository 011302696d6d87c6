"""What an editor shows beside the mouse: what a symbol is and what changed it last, or what changed a line last.

Deterministic and instant: it looks at what is in memory alone, and leaves out what is not; `wait` hears which lines
`opened.read_lines` should bring. It knows no editor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from whence_indexer.authorship import Line
from whence_indexer.repository import Repository
from whence_indexer.types import Commit, Span
from whence_server.ages import age
from whence_server.cursor import Name
from whence_server.markup import code, plain
from whence_server.opened import Wait, history_of, title_of
from whence_server.reasons import CAUSE, find_reasons
from whence_server.resolving import Found, find_definition
from whence_server.summaries import summary

if TYPE_CHECKING:
    from whence_indexer.search import Searcher

EXPLAIN, WHY = "whence.explain", "whence.why"
_LONGEST = 160  # characters of a subject or reason that is read in passing

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
    wait: Wait = lambda lines, contents: None,
    now: datetime | None = None,
) -> Hover | None:
    """What is known of the place in `path`, which is `contents` on screen; None where nothing is.

    Without a `searcher`, while there is no index, other files are unknown. `link` is given where the editor runs
    commands from Markdown. `wait` hears of what is not in memory, each time.
    """
    now = now or datetime.now(UTC)
    rows = contents.split("\n")
    if not 1 <= line <= len(rows):
        return None
    resolved = find_definition(searcher, repository, path, contents, line, column, wait)
    if resolved:
        name, found = resolved
        lines = [*_symbol(found, name, path), *_last_change(repository, found, path, wait, now)]
        links = _links(link, Span(found.path, found.definition.first, found.definition.last))
        return Hover("\n\n".join([*lines, *links]), line, name.start, name.end)
    place = Span(path, line, line)
    commit = _of_line(repository, place, contents, wait) if rows[line - 1].strip() else None
    if commit is None:
        return None
    said = "Not committed yet" if commit == "new" else _change(repository, commit, now, rows[line - 1])
    return Hover("\n\n".join([said, *_links(link, place)]), line, 0, len(rows[line - 1]))


def _of_line(repository: Repository, place: Span, contents: str, wait: Wait) -> Line:
    told = history_of(repository, place.path, contents)
    if told is None or (told[1][place.start_line - 1] is None and not told[0].complete):
        wait(place, contents)
        return None
    return told[1][place.start_line - 1]


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


def _last_change(repository: Repository, found: Found, path: str, wait: Wait, now: datetime) -> list[str]:
    """Nothing while what one of its lines is from is not known: that may be the newest."""
    place = Span(found.path, found.definition.first, found.definition.last)
    told = history_of(repository, found.path, found.text)
    own = told[1][place.start_line - 1 : place.end_line] if told else []
    if told is None or None in own:
        if told is None or not told[0].complete:
            wait(place, found.text if found.path == path else None)
        return []
    newest = told[0].newest(own)
    if newest is None:
        return ["Not committed yet"] if own else []
    edited = " · edited since, not committed" if "new" in own else ""
    return [f"Last changed {_change(repository, newest, now)}{edited}"]


def _change(repository: Repository, commit: Commit, now: datetime, about: str = "") -> str:
    """`3 months ago by Ada: Brake later (#12)`, the title of #12 where it is known, and why, where the message says it
    of a line that is asked `about`."""
    thread = title_of(repository, commit)
    named = ""
    if thread:
        number, title = thread
        told = f" “{plain(title)}”" if title and title not in commit.subject else ""
        named = f" (#{number}{told})" if told or f"#{number}" not in commit.subject else ""
    why = ""
    if about:
        found = [each for each in find_reasons(commit.subject, commit.body, about)[:1] if each.strength >= CAUSE]
        why = "".join(f" — {plain(_clipped(each.sentence))}" for each in found if each.sentence not in commit.subject)
    subject = plain(_clipped(commit.subject)) or "without a message"
    return f"{age(commit.date, now)} by {plain(commit.author)}: {subject}{named}{why}"


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"


def _links(link: Link | None, span: Span) -> list[str]:
    return [f"[Explain]({link(EXPLAIN, span)}) · [Why?]({link(WHY, span)})"] if link else []
