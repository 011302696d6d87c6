"""The write mode: a model that writes freely but must name a passage for each sentence, and is then checked.

Passages -> the grammar; what was written -> statements, each held against the passages that it names. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from whence_indexer.query import MAX_CHARACTERS, parse_query
from whence_server.generation.grammar import literal, one_of
from whence_server.generation.prompt import UNKNOWN, place
from whence_server.passages import SENTENCE_END, Passage, coverage

MOST = 8  # sentences of an answer
SUPPORTED = 0.6  # of a statement's words, those that its passages must have
_NUMBERS = r" ?\[\d{1,3}(?:, ?\d{1,3}){0,8}\]"
_CITED = re.compile(rf"(`[^`]+`)|{_NUMBERS}")
# Endpoints get no grammar: their sentences cite before the full stop or after it, and several share a line.
_SENTENCE = re.compile(rf"(?>`[^`]+`|.)*?(?:[.!?](?:{_NUMBERS}){{1,8}}|(?:{_NUMBERS}){{1,8}}[.!?])(?=\s|$)|.+")
_DECLINED = re.compile(
    rf"\W*{re.escape(UNKNOWN.rstrip('.'))}(?:{_NUMBERS})*\s*(?:[.!\n]|$)".replace("'", "['’]"), re.IGNORECASE
)
_PLACING = frozenset(
    "class code declared defined file found function implemented line lines located method module".split()
)  # words for what the head of every passage says
_DENIED = re.compile(r"\b(?:not?|never|cannot|nowhere)\b|n['’]t\b", re.IGNORECASE)
_CODE = re.compile(r"`([^`]+)`")
_NUMBER = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+)*)")
_ITEM = re.compile(r"^\d{1,2}[.)] ")  # the number of a list's item says nothing
_NAME = re.compile(r"[A-Za-z_]\w*")
_WORD = re.compile(r"[^\s'’]+")
_LIKE_CODE = re.compile(r"\w_|_\w|[a-z][A-Z]|\w\((?!s\))|\w\w\.\w\w")  # but not e.g., or attempt(s)


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence as written, without its numbers; `passages` are those it names that hold it up, or none."""

    text: str
    passages: tuple[int, ...]


def write_grammar(count: int) -> str:
    """GBNF for lines of free text, each ending with numbers from 1 to `count`, or that it does not know.

    Brackets can be written in code alone, so that no number but these reads as a citation.
    """
    unknown = f"root ::= {literal(UNKNOWN)}"
    if not count:
        return unknown
    numbers = one_of([f" [{number}]" for number in range(1, count + 1)])
    return "\n".join((
        f'{unknown} | line ("\\n" line){{0,{MOST - 1}}}',
        "line ::= first part* cite{1,3}",
        r"first ::= [^\x00-\x20`\[\]] | code",
        r"part ::= [^\x00-\x1F`\[\]\x7F] | code",
        r'code ::= "`" [^\x00-\x1F`\x7F]+ "`"',
        f"cite ::= {numbers}",
    ))  # fmt: skip


def statements(text: str, passages: Sequence[Passage]) -> list[Statement]:
    """What is said, sentence by sentence, each once, with those of its passages that bear it out.

    Left out is what ends neither with a number nor as a sentence does: a heading, or a sentence that was cut.
    """
    found: dict[str, Statement] = {}
    for sentence in _SENTENCE.findall(text):
        said = _CITED.sub(lambda part: part[1] or "", sentence).strip()
        cited = "".join(part[0] for part in _CITED.finditer(sentence) if not part[1])
        named = dict.fromkeys(int(number) for number in re.findall(r"\d+", cited))
        if (named or said.endswith((".", "!", "?"))) and not declines(said):
            borne = tuple(number for number in named if 0 < number <= len(passages))
            together = supports(said, [passages[number - 1] for number in borne])
            found.setdefault(said, Statement(said, borne if together else ()))
    return [statement for statement in found.values() if statement.text]


def declines(text: str) -> bool:
    """Whether an answer begins with not knowing one."""
    return _DECLINED.match(text) is not None


def supports(statement: str, passages: Sequence[Passage]) -> bool:
    """Whether `passages` say what `statement` does, as far as words tell.

    Every name in backquotes or written as code is, and every number must be there, and in each sentence `SUPPORTED` of
    the other words in any inflection.
    """
    if not passages:
        return False
    statement = _ITEM.sub("", statement)
    evidence = "\n".join(f"{place(passage)}\n{passage.quote}" for passage in passages)
    prose = _CODE.sub("`", statement)  # which begins a sentence as well
    coded = [*_CODE.findall(statement), *(word for word in _WORD.findall(prose) if _LIKE_CODE.search(word))]
    names = {name for code in coded for name in _NAME.findall(code)}
    if not names <= set(_NAME.findall(evidence)):
        return False
    if not set(_NUMBER.findall(statement)) <= set(_NUMBER.findall(evidence)):
        return False
    said = [words for sentence in SENTENCE_END.split(prose) if (words := _weights(sentence))]
    return bool(said or names) and all(coverage(evidence, words) >= SUPPORTED for words in said)


def _weights(sentence: str) -> dict[str, float]:
    """The words that carry it, all alike."""
    said = parse_query(sentence[:MAX_CHARACTERS]).content if sentence.strip() else ()
    placing = frozenset[str]() if _DENIED.search(sentence) else _PLACING
    return {word: 1.0 for word in said if len(word) > 2 and word not in placing}
