"""Text of a repository as Markdown of an answer: it must not be taken for the answer's own.

Pure.
"""

from __future__ import annotations

import re

# In a code span nothing is markup; of all other backticks none may begin one.
_SPAN = re.compile(r"(?<!`)(`[^`\n]+`)(?!`)")
_MARKS = re.compile(r"[\\`*\[\]<>&|~]|(?<!\w)_+|_+(?!\w)")


def quoted(quote: str) -> str:
    """A fence longer than any in the quote, so that nothing in it is taken for Markdown of ours."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", quote)), default=0))
    return f"{fence}\n{quote}\n{fence}"


def inline(text: str) -> str:
    """A line for where links may run commands: it keeps its code spans, and no other character of it means anything."""
    parts = _SPAN.split(" ".join(text.split()))
    return "".join(part if place % 2 else _MARKS.sub(_escaped, part) for place, part in enumerate(parts))


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"\\{mark}" for mark in match[0])


def code(text: str) -> str:
    """A code span of `text` on one line, whatever it holds."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{' '.join(text.split())}{pad}{fence}"


def plain(text: str) -> str:
    """A sentence that brings no link, no markup and nothing that looks like a receipt; a code span stays one."""
    return text if text.startswith("`") else re.sub(r"([\[\]<>])", r"\\\1", text)
