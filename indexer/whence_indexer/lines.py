"""A text as lines: where each begins, how long a run of them is, and the text of a run.

Pure. A line ends with a line feed only, as git and tree-sitter count them; rows are 0-based, both ends included.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from operator import not_


def split_lines(text: str) -> list[str]:
    """The lines of `text` with their line feeds. (`str.splitlines` would split at form feeds and more besides.)"""
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of one text; sums over those before each line, and all: of characters, and of lines with any ink."""

    rows: list[str]
    starts: list[int]
    inked: list[int]

    def __len__(self) -> int:
        return len(self.rows)

    def size(self, first: int, last: int) -> int:
        """Characters in rows `first` to `last`; 0 for an empty range."""
        return self.starts[last + 1] - self.starts[first]

    def text(self, first: int, last: int) -> str:
        """Rows `first` to `last` as they are in the file."""
        return "".join(self.rows[first : last + 1])

    def is_blank(self, first: int, last: int) -> bool:
        """Whether rows `first` to `last` hold nothing but white space."""
        return self.inked[last + 1] == self.inked[first]

    def row_at(self, offset: int) -> int:
        """The row that the character at `offset` is in."""
        return bisect_right(self.starts, offset) - 1

    def last_within(self, first: int, characters: int, rows: int) -> int:
        """The last row of the longest run from `first` within both limits; `first` - 1 if that row alone is longer."""
        by_size = bisect_right(self.starts, self.starts[first] + characters, lo=first) - 2
        return min(by_size, first + rows - 1)


def lines_of(text: str) -> Lines:
    """`text` cut into `Lines`."""
    rows = split_lines(text)
    return Lines(rows, [0, *accumulate(map(len, rows))], [0, *accumulate(map(not_, map(str.isspace, rows)))])
