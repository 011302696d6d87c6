"""Text of a repository as Markdown of an answer: it must not be taken for the answer's own.

Pure.
"""

from __future__ import annotations

import re


def quoted(quote: str) -> str:
    """A fence longer than any in the quote, so that nothing in it is taken for Markdown of ours."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", quote)), default=0))
    return f"{fence}\n{quote}\n{fence}"


def plain(text: str) -> str:
    """A sentence that brings no link, no markup and nothing that looks like a receipt; a code span stays one."""
    return text if text.startswith("`") else re.sub(r"([\[\]<>])", r"\\\1", text)
