"""What answers need of whatever finds evidence: the opened index, or the files alone while there is none.

Types only; imports nothing that takes time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from whence_indexer.query import Query
    from whence_indexer.store import Store
    from whence_indexer.types import Hit, Kind, Span


class Finder(Protocol):
    """See `search.Searcher`, whose methods these are."""

    @property
    def store(self) -> Store | None:
        """The index that commits and threads are in; None where there is none."""
        ...

    def search(
        self, query: Query | str, limit: int = 10, kinds: Iterable[Kind] = (), under: str | None = None
    ) -> list[Hit]:
        """The best hits, best first."""
        ...

    def at(self, path: str, line: int) -> Hit | None:
        """The chunk that holds a line."""
        ...

    def defined(self, name: str) -> list[tuple[str, Span]]:
        """The definitions called `name`, whatever their scope, each with the lines of its chunk."""
        ...

    def similar(self, text: str, limit: int, apart_from: Span) -> list[Hit]:
        """The chunks nearest in meaning to `text`, but for those of its own lines."""
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of `texts`, shape (n, dimension)."""
        ...

    def unknown(self, query: Query) -> frozenset[str]:
        """The words of the question that are nowhere."""
        ...

    def rarity(self, words: Sequence[str]) -> dict[str, float]:
        """How much each word tells."""
        ...

    def blob(self, path: str) -> str:
        """The content id of a file as it is searched, '' for one that is not."""
        ...

    def unsaved(self, path: str) -> str | None:
        """Its text where an editor shows another than is on disk."""
        ...
