"""Columns as editors count them, in UTF-8, UTF-16 or UTF-32 code units, and as Python does, in code points.

Pure. A tab is one unit; a column beyond the line's end is its end; one inside a character is where that begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Encoding = Literal["utf-8", "utf-16", "utf-32"]
PREFERRED: tuple[Encoding, ...] = ("utf-32", "utf-8", "utf-16")


def choose_encoding(offered: Sequence[str] | None) -> Encoding:
    """The cheapest of those the client offers; UTF-16, which every client knows, where it offers none we know."""
    return next((encoding for encoding in PREFERRED if encoding in (offered or ())), "utf-16")


def to_column(line: str, units: int, encoding: Encoding) -> int:
    """How many characters of `line`, which has no line end, the first `units` code units are."""
    if encoding == "utf-32" or line.isascii():
        return min(units, len(line))
    passed = 0
    for column, character in enumerate(line):
        passed += _units(character, encoding)
        if passed > units:
            return column
    return len(line)


def to_units(line: str, column: int, encoding: Encoding) -> int:
    """How many code units the first `column` characters of `line` are."""
    before = line[:column]
    if encoding == "utf-32" or before.isascii():
        return len(before)
    return sum(_units(character, encoding) for character in before)


def _units(character: str, encoding: Encoding) -> int:
    code = ord(character)
    if encoding == "utf-16":
        return 1 + (code > 0xFFFF)
    return 1 + (code > 0x7F) + (code > 0x7FF) + (code > 0xFFFF)
