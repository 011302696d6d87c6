"""Text of a repository as Markdown of an answer: it must not be taken for the answer's own.

Pure.
"""

from __future__ import annotations

import re

# In a code span nothing is markup; of all other backticks none may begin one.
_SPAN = re.compile(r"(?<!`)(`[^`\n]+`)(?!`)")
_MARKS = re.compile(r"[\\`*\[\]<>&|~]|(?<!\w)_+|_+(?!\w)")

# What makes a heading, a list or a rule of a line; `1.` is one by its full stop.
_OPENING = re.compile(r"^(\d{0,9})([#+=.)-])(?=[#=-]*(?:\s|$))")
# Neither control characters nor those that turn the direction in which a line is read.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def quoted(quote: str) -> str:
    """A fence longer than any in the quote, so that nothing in it is taken for Markdown of ours."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", quote)), default=0))
    return f"{fence}\n{quote}\n{fence}"


def plain(text: str) -> str:
    """A line that brings no link, no markup and nothing like a receipt: it keeps its code spans, and no other
    character of it means anything. What would begin another line, or steer a terminal, is a space or is shown as `�`.
    """
    parts = _SPAN.split(_one_line(text))
    line = "".join(part if place % 2 else _MARKS.sub(_escaped, part) for place, part in enumerate(parts))
    return _OPENING.sub(r"\1\\\2", line)


def cell(text: str) -> str:
    """`plain` for a cell of a table. Cells end at a `|` before code spans are looked for, so that here there are none:
    half of one would set free what stands in it."""
    line = _MARKS.sub(_escaped, _one_line(text))
    return _OPENING.sub(r"\1\\\2", line)


def _one_line(text: str) -> str:
    return _CONTROLS.sub("�", " ".join(text.split()))


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"\\{mark}" for mark in match[0])


def code(text: str) -> str:
    """A code span of `text` on one line, whatever it holds."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{_one_line(text)}{pad}{fence}"
