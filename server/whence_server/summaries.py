"""A definition -> what it is in one line: the first sentence of its documentation, else its signature. Pure."""

from __future__ import annotations

import re

from whence_indexer.comments import documentation
from whence_indexer.languages import language_of
from whence_indexer.parsed import Definition
from whence_indexer.redaction import redact
from whence_indexer.types import Chunk, Span

_LONGEST = 200  # characters of a line that is read in passing
_MOST_LINES = 200  # of a definition: its documentation is at its beginning
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[^\sa-z])")
_BODY = re.compile(r"\s*(?:\{|=>|:|\bdo|\bthen|;)?\s*$")


def summary(path: str, text: str, definition: Definition) -> tuple[str, bool]:
    """(what a definition of the file `path` is, whether that is prose and not code), redacted; "" where it has no line.

    `text` is the whole file.
    """
    rows = text.split("\n")
    lines = rows[definition.first - 1 : min(definition.last, definition.first + _MOST_LINES)]
    shown = redact("\n".join(lines)).text
    said = _documented(path, text, definition, shown)
    if said:
        return _clipped(_SENTENCE.split(said)[0]), True
    head = shown.split("\n")[definition.line - definition.first :]
    return _clipped(_signature(head)), False


def _documented(path: str, text: str, definition: Definition, shown: str) -> str:
    language = language_of(path, text)
    span = Span(path, definition.first, definition.last)
    # A one-line definition with a good comment is documented too, which `documentation` has no use for.
    found = documentation(Chunk(span, language.kind, language.name, f"{shown}\n{' ' * 40}.\n"))
    return found[0] if found else ""


def _signature(lines: list[str]) -> str:
    """The lines up to where the brackets that were opened are closed, on one line, without what begins the body."""
    text = ""
    for line in lines[:12]:
        text = f"{text} {line.strip()}".strip() if not text.endswith("(") else text + line.strip()
        if text.count("(") <= text.count(")"):
            break
    return _BODY.sub("", text)


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"
