"""Text of a repository as Markdown of an answer: it must not be taken for the answer's own.

Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import indent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it.token import Token

# In a code span nothing is markup; of all other backticks none may begin one.
CODE_SPAN = re.compile(r"(?<!`)(`[^`\n]+`)(?!`)")
_MARKS = re.compile(r"[\\`*\[\]<>&|~]|(?<!\w)_+|_+(?!\w)")
# `:py:class:`~a.b.C``, `:doc:`text <target>``, ``code`` and `text <target>`_
_ROLE = re.compile(
    r"(?<!`):[a-z][\w:+-]*:`(?:~(?:[^`<>]*\.)?(?P<short>[^`<>.]+)|[.!]?(?P<said>[^`<>]+?)(?:\s*<[^`>]*>)?)`(?!`)"
    r"|(?<!`)``(?P<plain>[^`]+)``(?!`)|(?<!`)`(?P<link>[^`<>]+?)(?:\s*<[^`>]*>)?`__?(?!\w)"
)

# What makes a heading, a list or a rule of a line; `1.` is one by its full stop.
_OPENING = re.compile(r"^(\d{0,9})([#+=.)-])(?=[#=-]*(?:\s|$))")
# Neither control characters nor those that turn the direction in which a line is read.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def lines_of(first: int | None, last: int | None) -> str:
    """Lines as a place names them: `3`, or `3-5`."""
    return f"{first}" if first == last else f"{first}-{last}"


def quoted(quote: str) -> str:
    """A fence longer than any in the quote, so that nothing in it is taken for Markdown of ours."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", quote)), default=0))
    return f"{fence}\n{quote}\n{fence}"


def plain(text: str) -> str:
    """A line that brings no link, no markup and nothing like a receipt: it keeps its code spans, and no other
    character of it means anything. What would begin another line, or steer a terminal, is a space or is shown as `�`.
    """
    parts = CODE_SPAN.split(_one_line(text))
    line = "".join(part if place % 2 else _MARKS.sub(_escaped, part) for place, part in enumerate(parts))
    return _OPENING.sub(r"\1\\\2", line)


def without_roles(text: str) -> str:
    """A sentence of reStructuredText as it reads: ``x`` and `:class:` of `~a.b.C` are code spans, of the latter `C`."""
    return _ROLE.sub(lambda match: match["link"] or f"`{match['short'] or match['said'] or match['plain']}`", text)


def cell(text: str) -> str:
    """`plain` for a cell of a table. Cells end at a `|` before code spans are looked for, so that here there are none:
    half of one would set free what stands in it."""
    line = _MARKS.sub(_escaped, _one_line(text))
    return _OPENING.sub(r"\1\\\2", line)


def as_text(markdown: str) -> str:
    """An answer or a hover as it reads: without the marks of Markdown, for where these would be shown as they are."""
    from markdown_it import MarkdownIt

    said, cells, mark = "", list[str](), ""
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        if token.type == "list_item_open":
            mark = f"{token.info}. " if token.info else "- "
        elif token.type == "inline":
            cells.append(_words(token.children or []))
        elif token.type in ("paragraph_close", "heading_close"):
            said += f"{mark}{cells.pop()}\n" + ("" if token.hidden else "\n")
            mark = ""
        elif token.type == "tr_close":
            said += " | ".join(cells) + "\n"
            cells.clear()
        elif token.type in ("fence", "code_block"):
            said += indent(token.content, "    ") + "\n"
        elif token.type in ("table_close", "bullet_list_close", "ordered_list_close"):
            said = said.rstrip("\n") + "\n\n"
    return said.rstrip("\n")


def as_message(markdown: str) -> str:
    """The same for a message: some editors make links of `[a](b)` in it, even where text of others says so."""
    return as_text(markdown).replace("](", "]\u200b(")


def _words(tokens: Sequence[Token]) -> str:
    """What one paragraph says; a link says its address too, where that is one to open elsewhere."""
    said, address = "", ""
    for token in tokens:
        if token.type == "link_open":
            address = str(token.attrs.get("href", ""))
        elif token.type == "link_close":
            said += f" ({address})" if address.startswith(("http:", "https:")) else ""
        else:
            said += "\n" if token.type in ("softbreak", "hardbreak") else token.content
    return said


def label(text: str, longest: int) -> str:
    """A short line for a place that shows no Markdown; nor an icon, as some editors make of `$(name)`."""
    line = _one_line(text).replace("$(", "$ (")
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def _one_line(text: str) -> str:
    return _CONTROLS.sub("�", " ".join(text.split()))


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"\\{mark}" for mark in match[0])


def code(text: str) -> str:
    """A code span of `text` on one line, whatever it holds."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{_one_line(text)}{pad}{fence}"
