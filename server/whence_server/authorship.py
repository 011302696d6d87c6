"""A file, lines of it or a definition -> whose they are: authors with their share, and who was there last.

Takes a repository and a place, asks git; needs no index. Names only, never an address.
"""

from __future__ import annotations

from dataclasses import dataclass

from whence_indexer.definitions import locate
from whence_indexer.ownership import Owner, find_owners, last_to_understand
from whence_indexer.repository import Repository
from whence_indexer.source import find_source
from whence_indexer.types import Span


@dataclass(frozen=True, slots=True)
class Authorship:
    """Whose `place` is. `owners` have their lines and commits of it; most lines first."""

    place: Span
    symbol: str | None
    owners: tuple[Owner, ...]
    last: Owner | None

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
        place, symbol = definition.place, definition.symbol
    else:
        source = find_source(repository, path or "", first, last or first)
        place = Span(source.path, first, last or len(source.lines))
    owners = find_owners(repository, source, place.start_line, place.end_line)
    return Authorship(place, symbol, tuple(owners), last_to_understand(owners))
