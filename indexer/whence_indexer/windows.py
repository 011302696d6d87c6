"""Rows cut into runs of about 45 lines at the best places: statement starts that the caller knows, else blank lines.

Pure. Cuts between lines only and never overlaps; used for files without structure and for what is too large elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping

from whence_indexer.lines import Lines
from whence_indexer.pieces import TARGET_CHARACTERS, TARGET_LINES, Piece, fits, join_small

_UNKNOWN = 1000  # the cost of cutting where the caller knows no boundary; above any depth of nesting


def window_pieces(lines: Lines) -> list[Piece]:
    """The whole text in windows."""
    if not len(lines):
        return []
    return join_small((Piece(first, last) for first, last in windows(lines, 0, len(lines) - 1)), lines)


def windows(lines: Lines, first: int, last: int, boundaries: Mapping[int, int] | None = None) -> list[tuple[int, int]]:
    """Rows `first` to `last` as consecutive (first, last) ranges that each fit, a single longer line excepted.

    `boundaries` maps rows at which a part may well begin to the cost of cutting there: the outermost are the cheapest.
    """
    ranges = []
    while not fits(lines, first, last):
        cut = _cut(lines, first, last, boundaries or {})
        if cut > last:
            break
        ranges.append((first, cut - 1))
        first = cut
    return [*ranges, (first, last)]


def _cut(lines: Lines, first: int, last: int, boundaries: Mapping[int, int]) -> int:
    """The row at which the next part begins, `last` + 1 if none does: the cheapest, of those the farthest."""
    end = lines.last_within(first, TARGET_CHARACTERS, TARGET_LINES)
    least = lines.row_at(lines.starts[first] + lines.size(first, end) // 3) if end >= first else first
    candidates = range(max(least, first + 1), min(max(end, first) + 1, last) + 1)
    if not candidates:
        return last + 1
    cut = min(candidates, key=lambda row: (_cost(lines, row, boundaries), -row))
    while cut <= last and lines.rows[cut].isspace():
        cut += 1  # blank lines stay with what they follow
    return cut


def _cost(lines: Lines, row: int, boundaries: Mapping[int, int]) -> int:
    known = boundaries.get(row)
    if known is not None:
        return known
    return _UNKNOWN + 2 * (not lines.rows[row - 1].isspace()) + lines.rows[row][:1].isspace()
