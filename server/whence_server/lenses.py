"""What an editor shows above each definition of a file: who changed it last, when, and how many commits touched it.

From one blame and one reading of the file's history, both bounded; for a thread in the background.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from whence_indexer.authorship import Authorship, remember
from whence_indexer.errors import RepositoryError
from whence_indexer.lines import split_lines
from whence_indexer.parsed import Definition, parse
from whence_indexer.repository import Repository
from whence_indexer.touches import count_commits
from whence_indexer.types import Commit, Span
from whence_server.ages import age
from whence_server.markup import label

_LONGEST, _LONGEST_NAME = 80, 40  # characters of what a commit did, and of who did it
_MOST = 500  # definitions of a file that are looked at: what has more was made by a program


@dataclass(frozen=True, slots=True)
class Lens:
    """A definition, `symbol`, whose name stands on `line`; its lines, comments included; the last commit of them.

    `commit` is None where none of it was committed yet, `commits` where git could not tell in time. `edited` where
    lines of it are in no commit.
    """

    symbol: str
    line: int
    span: Span
    commit: Commit | None
    commits: int | None
    edited: bool = False

    def title(self, now: datetime | None = None) -> str:
        """`Ada, 3 months ago: Brake later · 7 commits`, as plain text."""
        if self.commit is None:
            return "not committed yet"
        count = "" if self.commits is None else f" · {self.commits} commit{'s' if self.commits != 1 else ''}"
        edited = " · edited" if self.edited else ""
        when = age(self.commit.date, now or datetime.now(UTC))
        author, subject = label(self.commit.author, _LONGEST_NAME), label(self.commit.subject, _LONGEST)
        return f"{author}, {when}: {subject}{count}{edited}"


def find_lenses(repository: Repository, path: str, contents: str) -> list[Lens]:
    """The lenses of the file `path`, which is `contents` on screen, in order; none where git tells no history of it.

    Format-only commits are counted, but never the last one. Definitions inside of functions have none.
    """
    try:
        known = remember(repository, path)
    except RepositoryError:
        return []
    if not known.shas or not known.known:
        return []
    lines = split_lines(contents)
    origins, places = known.lines(lines), known.places(lines)
    definitions = [each for each in parse(path, contents).definitions if not each.variable][:_MOST]
    committed = [_committed(each, places) for each in definitions]
    asked = tuple(dict.fromkeys(filter(None, committed)))
    counts = dict(zip(asked, _counts(repository, path, known, asked) or (), strict=False))
    return [
        Lens(
            symbol=each.name,
            line=each.line,
            span=Span(path, each.first, each.last),
            commit=known.newest(origins[each.first - 1 : each.last]),
            commits=counts.get(place) if place else None,
            edited="new" in origins[each.first - 1 : each.last],
        )
        for each, place in zip(definitions, committed, strict=True)
    ]


def _committed(definition: Definition, places: list[int | None]) -> tuple[int, int] | None:
    """The lines of a definition in the last commit."""
    own = [place for place in places[definition.first - 1 : definition.last] if place is not None]
    return (own[0] + 1, own[-1] + 1) if own else None


@lru_cache(maxsize=64)
def _counts(
    repository: Repository, path: str, known: Authorship, places: tuple[tuple[int, int], ...]
) -> list[int] | None:
    return count_commits(repository, path, places)
