"""The documents that are open in the editor, as they are on its screen: lines, kept up to date by edits.

For the editor a line ends with `\\n`, `\\r\\n` or `\\r`; for git, and everywhere else here, with `\\n` alone. Positions
are turned from the one into the other.
"""

from __future__ import annotations

import re
from collections import UserDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from lsprotocol import types as lsp

from whence_server.lsp.locations import normal
from whence_server.lsp.positions import Encoding, to_column, to_units

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")

Change = lsp.TextDocumentContentChangePartial | lsp.TextDocumentContentChangeWholeDocument


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a text: `line` from 1, as git counts, and `column` from 0, in characters."""

    line: int
    column: int


@dataclass(slots=True)
class Document:
    """One open document. `lines` keep their ends; the last one has none, and may be empty."""

    uri: str
    version: int
    lines: list[str] = field(repr=False)
    returns: bool = False  # whether a line may end in a carriage return alone, which no line of git's does

    @classmethod
    def of(cls, uri: str, version: int, text: str) -> Document:
        """A document that shows `text`."""
        lines = split_lines(text)
        return cls(uri, version, lines, _returns(lines))

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self.lines)

    @property
    def count(self) -> int:
        """How many lines it has for git, which does not count an empty one after the last end."""
        return sum(line.endswith("\n") for line in self.lines) + bool(self.lines[-1])

    def change(self, changes: Sequence[Change], version: int, encoding: Encoding) -> None:
        """Take over edits, in order."""
        for each in changes:
            if isinstance(each, lsp.TextDocumentContentChangePartial):
                self._replace(each.range, each.text, encoding)
            else:
                self.lines = split_lines(each.text)
                self.returns = _returns(self.lines)
        self.version = version

    def place(self, position: lsp.Position, encoding: Encoding) -> Place:
        """What the editor calls `position`."""
        row, column = self._column(position, encoding)
        if not self.returns:
            return Place(row + 1, column)
        before = "".join(self.lines[:row]) + self.lines[row][:column]
        return Place(before.count("\n") + 1, len(before) - before.rfind("\n") - 1)

    def position(self, place: Place, encoding: Encoding) -> lsp.Position:
        """What the editor calls `place`; the end of the text for one beyond it."""
        row, column = self._row(place)
        if row >= len(self.lines):
            row, column = len(self.lines) - 1, len(self.lines[-1])
        return lsp.Position(row, to_units(_content(self.lines[row]), column, encoding))

    def _row(self, place: Place) -> tuple[int, int]:
        """The editor's row of `place`, and the column in it; a row beyond the last where there is none."""
        column = place.column
        if not self.returns:
            return (place.line - 1, column) if place.line <= len(self.lines) else (len(self.lines), 0)
        rows = _rows_of_line(self.lines, place.line)
        for row in rows:
            if column < len(self.lines[row]) or row == rows[-1]:
                return row, column
            column -= len(self.lines[row])
        return len(self.lines), 0

    def _column(self, position: lsp.Position, encoding: Encoding) -> tuple[int, int]:
        if position.line >= len(self.lines):
            return len(self.lines) - 1, len(self.lines[-1])
        return position.line, to_column(_content(self.lines[position.line]), position.character, encoding)

    def _replace(self, where: lsp.Range, text: str, encoding: Encoding) -> None:
        first, start = self._column(where.start, encoding)
        last, end = self._column(where.end, encoding)
        if (last, end) < (first, start):
            last, end = first, start
        joined = self.lines[first][:start] + text + self.lines[last][end:]
        if first and self.lines[first - 1].endswith("\r"):  # what follows may make it one end of a line with it
            first, joined = first - 1, self.lines[first - 1] + joined
        if joined.endswith("\r") and last + 1 < len(self.lines):
            last, joined = last + 1, joined + self.lines[last + 1]
        made = split_lines(joined)
        if last + 1 < len(self.lines) and not made[-1]:
            made.pop()
        self.returns = self.returns or _returns(made)
        self.lines[first : last + 1] = made


class Documents(UserDict[str, Document]):
    """The open documents by URI, however it is spelled: ours may be spelled otherwise than the client's."""

    def __getitem__(self, uri: str) -> Document:
        return self.data[normal(uri)]

    def __contains__(self, uri: object) -> bool:
        return isinstance(uri, str) and normal(uri) in self.data

    def __setitem__(self, uri: str, document: Document) -> None:
        self.data[normal(uri)] = document

    def __delitem__(self, uri: str) -> None:
        del self.data[normal(uri)]


def split_lines(text: str) -> list[str]:
    """Lines with their ends, as editors count them; the last has no end, and may be empty."""
    if "\r" not in text:
        lines = text.split("\n")
        return [f"{line}\n" for line in lines[:-1]] + lines[-1:]
    found = _LINE.findall(text)
    return found if text.endswith(("\r", "\n")) else found[:-1]


def _returns(lines: Sequence[str]) -> bool:
    return any(line.endswith("\r") for line in lines)


def _content(line: str) -> str:
    return line.rstrip("\r\n")


def _rows_of_line(lines: Sequence[str], line: int) -> range:
    """The editor's rows that make up git's `line`: more than one where a carriage return stands alone."""
    ends = [row for row, each in enumerate(lines) if each.endswith("\n")]
    first = ends[line - 2] + 1 if line > 1 and line - 2 < len(ends) else 0 if line == 1 else len(lines)
    return range(first, ends[line - 1] + 1 if line - 1 < len(ends) else len(lines))
