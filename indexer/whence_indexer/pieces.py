"""The size limits of chunks, and pieces: runs of rows with their symbols, before they become chunks.

Pure. Small neighbours under the same parent are joined here; nothing here knows a language or a file format.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from whence_indexer.lines import Lines

MAX_CHARACTERS = 2500  # what one embedding still represents, and what fits in a prompt several times over
MAX_LINES = 60  # what a reader takes in at once
TARGET_CHARACTERS = 1500  # where parts of something larger are cut, and up to which neighbours are joined
TARGET_LINES = 45
SMALL_CHARACTERS = 400  # shorter pieces say too little alone: they are joined with a neighbour
TINY_CHARACTERS = 150  # so short that it joins even what it does not quite belong to


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows `first` to `last` (0-based), what they define and where they are.

    `scope` encloses the piece; `inner` is the scope of what may follow inside it (equal to `scope` unless the piece
    opens a definition that goes on). `variables` are the lesser symbols, listed after `symbols`.
    """

    first: int
    last: int
    symbols: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    inner: tuple[str, ...] = ()


def fits(lines: Lines, first: int, last: int) -> bool:
    """Whether the rows are small enough to be one chunk."""
    return last - first < MAX_LINES and lines.size(first, last) <= MAX_CHARACTERS


def join_small(pieces: Iterable[Piece], lines: Lines) -> list[Piece]:
    """Neighbours joined where one is small and both belong together; no piece of blank lines only is left over."""
    joined: list[Piece] = []
    for piece in pieces:
        if joined and _belong_together(joined[-1], piece, lines):
            joined[-1] = _join(joined[-1], piece)
        else:
            joined.append(piece)
    return joined


def _belong_together(left: Piece, right: Piece, lines: Lines) -> bool:
    if lines.is_blank(left.first, left.last):
        return True  # also an empty one: the header of a container whose first member is on the same line
    if right.first > right.last or lines.is_blank(right.first, right.last):
        return right.first <= right.last
    if right.scope not in (left.scope, left.inner) or not fits(lines, left.first, right.last):
        return False
    sizes = lines.size(left.first, left.last), lines.size(right.first, right.last)
    if sizes[0] < TINY_CHARACTERS and left.inner != left.scope:
        return True  # a header such as `class A:` explains what follows, and is nothing without it
    if sum(sizes) > TARGET_CHARACTERS or (right.inner != right.scope and sizes[0] >= TINY_CHARACTERS):
        return False  # what opens a container goes with what follows
    imports = not left.inner and bool(left.symbols) != bool(right.symbols)  # or other statements between definitions
    return min(sizes) < (TINY_CHARACTERS if imports else SMALL_CHARACTERS)


def _join(left: Piece, right: Piece) -> Piece:
    inner = right.inner if right.scope in (left.inner, left.scope) else left.inner
    symbols, variables = left.symbols + right.symbols, left.variables + right.variables
    return Piece(left.first, right.last, symbols, variables, left.scope, inner)
