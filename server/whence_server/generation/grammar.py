"""Pieces of GBNF, the grammar language of llama.cpp: texts that are to be said as they are.

Pure. Takes any text, returns grammar that can mean nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

_ESCAPES = {'"': r"\"", "\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"}


def literal(text: str) -> str:
    """A rule's text for exactly `text`."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def one_of(texts: Sequence[str]) -> str:
    """A rule's text for one of `texts`, which are not empty."""
    return " | ".join(literal(text) for text in texts)


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() else f"\\U{ord(character):08X}"
