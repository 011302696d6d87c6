"""A file, lines of it or a definition -> whose they are: authors with their share, and who was there last.

Takes a repository and a place, asks git; needs no index. Names only, never an address.
"""

from __future__ import annotations

from dataclasses import dataclass

from whence_indexer.definitions import locate
from whence_indexer.ownership import Owner, Ownership, find_ownership
from whence_indexer.repository import Repository
from whence_indexer.source import find_source
from whence_indexer.types import Span


@dataclass(frozen=True, slots=True)
class Authorship:
    """Whose lines are: of `places` in one file, all of them of `symbol` where a definition was asked about."""

    places: tuple[Span, ...]
    symbol: str | None
    found: Ownership

    @property
    def path(self) -> str:
        """The file."""
        return self.places[0].path

    @property
    def owners(self) -> tuple[Owner, ...]:
        """Those who have lines or commits of it; most lines first."""
        return self.found.owners

    @property
    def last(self) -> Owner | None:
        """Who last changed what it says."""
        return self.found.last

    @property
    def notes(self) -> list[str]:
        """What a reader should know of how this was found, a sentence each."""
        passed = ", ".join(f"{sha[:10]} ({kind})" for sha, kind in self.found.seen_through)
        cut = "The clone is shallow: whoever was here before its first commits is not known."
        return [f"Newer commits changed only the form: {passed}."] * bool(passed) + [cut] * self.found.shallow

    def share(self, owner: Owner) -> float:
        """The share (0 to 1) of the committed lines that are theirs."""
        return owner.lines / max(sum(each.lines for each in self.owners), 1)


def authorship_of(
    repository: Repository, path: str | None, symbol: str | None = None, first: int = 1, last: int | None = None
) -> Authorship:
    """Whose lines `first` to `last` of `path` are, or the definition of `symbol`; without either the whole file.

    Raises `SourceError` where there is no such place, `RepositoryError` where git cannot tell.
    """
    if symbol is not None:
        source, definition = locate(repository, symbol, path)
        places, symbol = definition.places, definition.symbol
    else:
        source = find_source(repository, path or "", first, last or first)
        places = (Span(source.path, first, last or len(source.lines)),)
    ranges = [(place.start_line, place.end_line) for place in places]
    return Authorship(places, symbol, find_ownership(repository, source, ranges))
