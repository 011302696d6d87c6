"""The quote mode: a model that may only choose among sentences of the evidence and order them.

Passages -> the sentences that can be said and the grammar that allows nothing else; what was said -> sentences again.
Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from whence_server.generation.grammar import literal, one_of
from whence_server.generation.prompt import UNKNOWN
from whence_server.passages import Passage, sentences, signature

MOST = 3  # sentences of an answer
_OFFERED = 48  # sentences to choose from: a grammar of more slows every token
_LONGEST = 400  # characters


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, or a definition in backquotes, and the number of its passage, from 1."""

    text: str
    passage: int

    @property
    def line(self) -> str:
        """As the model says it."""
        return f"{self.text} [{self.passage}]"


def offered(passages: Sequence[Passage]) -> list[Sentence]:
    """What can be said of `passages`, best first, each text once."""
    found: dict[str, Sentence] = {}
    for number, passage in enumerate(passages, 1):
        definition = signature(passage)
        for text in (*((f"`{definition}`",) if definition and "`" not in definition else ()), *sentences(passage)):
            said = " ".join(text.split())
            if said and said.isprintable() and len(said) <= _LONGEST:
                found.setdefault(said, Sentence(said, number))
    return list(found.values())[:_OFFERED]


def quote_grammar(choices: Sequence[Sentence]) -> str:
    """GBNF for up to `MOST` of `choices`, one a line, or that it does not know."""
    unknown = f"root ::= {literal(UNKNOWN)}"
    if not choices:
        return unknown
    lines = one_of([sentence.line for sentence in choices])
    return f'{unknown} | line ("\\n" line){{0,{MOST - 1}}}\nline ::= {lines}'


def chosen(text: str, choices: Sequence[Sentence]) -> list[Sentence]:
    """The sentences that were said whole, in order, each once. None where it did not know."""
    known = {sentence.line: sentence for sentence in choices}
    return list(dict.fromkeys(known[line] for line in text.split("\n") if line in known))
