"""Hits -> the few lines of each that answer a question best, and the sentence that says it.

Pure: text, words and weights in, passages out. A passage quotes whole lines, unchanged, so that it can be verified.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from Stemmer import Stemmer

from whence_indexer.terms import words
from whence_indexer.types import Hit
from whence_server.markup import CODE_SPAN

MAX_LINES = 12  # what a person takes in at a glance under an answer
_MAX_SENTENCE = 320
_LONGEST_STEM = 10
_MAX_SIGNATURE = 160
_MARKER = re.compile(
    r"^\s*(?:\*+(?=[\s/]|$)|[#;%]+[!:]?(?!\d)|//[/!]?|/\*+|--+|\"{3}|'{3}|[rbu]\"{3}|<!--|\.\.(?=\s))?\s*"
)
_CLOSER = re.compile(r"\s*(?:\*/|\"{3}|'{3}|-->)\s*$")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z`\"'(*:])")
_FULL_STOP = re.compile(r"[.!?][\"'`)*\]]*$")
_ENDS = re.compile(r"[.!?:][\"'`)*\]]*$|^\W*$")  # a line that the next one does not go on from
_MARKED = re.compile(r"\s*(?:#|//|/?\*|--|;|%)")
_NO_PROSE = re.compile(r"[{}]|</?\w+\s|=\"|^\".*\"\)?$|\w::\s")  # templates, strings of code, directives
_FIELD = re.compile(r"[:@\\](?:param|arg|type|returns?|rtype|raises?|throws|see|since)\b|\.\. \w+::|[-=~^`\"*#+]{4,}$")
_CODE = re.compile(r"[{};=]|\w\(|->|=>|^\s*(?:import|from|return|if|else|for|while|def|class|@)\b.*[:(]?$")
_DEFINITION_LINE = re.compile(
    r"^\s*(?:(?:export|public|private|protected|internal|static|async|abstract|final|override|default|pub(?:\(\w+\))?"
    r"|inline|virtual|open|data|sealed|unsafe|const|extern)\s+)*"
    r"(?:def|defp|defmodule|defmacro|class|function|fn|func|fun|struct|enum|trait|interface|impl|type|module|object"
    r"|protocol|extension|namespace|record|macro_rules!)\b"
)


@dataclass(frozen=True, slots=True)
class Passage:
    """Quoted lines of one hit; `start_line` counts in its file, or in the message of a commit."""

    hit: Hit
    start_line: int
    quote: str

    @property
    def end_line(self) -> int:
        """The last quoted line."""
        return self.start_line + self.quote.count("\n")


def best_passage(hit: Hit, weights: Mapping[str, float], most: int = MAX_LINES) -> Passage:
    """At most `most` lines of `hit` that hold the most weight of the question's words.

    Of equal ones the one that begins where a reader would: at a definition, else after a blank line, else latest.
    """
    lines = hit.text.rstrip("\n").split("\n")
    gains = [_matched(line, weights) for line in lines]

    def value(first: int) -> tuple[float, int, int]:
        return _weight(gains[first : first + most], weights), _opening(lines, first), first

    start = max(range(max(0, len(lines) - most) + 1), key=value)
    start, end = trimmed(lines, start, min(start + most, len(lines)))
    return Passage(hit, (hit.start_line or 1) + start, "\n".join(lines[start:end]))


def sentences(passage: Passage) -> Iterator[str]:
    """The prose of a passage, sentence by sentence, without comment markers; code lines are passed over."""
    paragraph: list[str] = []
    for line in [*passage.quote.split("\n"), ""]:
        text = bare_line(line)
        if text and not _FIELD.match(text) and (passage.hit.kind != "code" or not _CODE.search(text)):
            paragraph.append(text)
            continue
        for sentence in SENTENCE_END.split(" ".join(paragraph)):
            if len(sentence.split()) >= 3 and len(sentence) <= _MAX_SENTENCE:
                yield sentence
        paragraph = []


def is_whole(sentence: str, passage: Passage) -> bool:
    """Whether one of `sentences` is whole and prose: no heading or template, and not what is left of a sentence whose
    beginning or end stands elsewhere. A line of a message needs no full stop."""
    hit = passage.hit
    if hit.path is None:
        return not sentence.endswith((",", ":", ";"))
    if not _FULL_STOP.search(sentence) or _NO_PROSE.search(CODE_SPAN.sub("", sentence)):
        return False
    rows = hit.text.split("\n")
    bare = [bare_line(line) for line in rows]
    opens = next(
        (row for row, text in enumerate(bare) if text and (sentence.startswith(text) or text.startswith(sentence))), 0
    )
    if hit.kind == "code" and sentence[0].islower() and bare[opens] == rows[opens].strip():  # without a comment's mark
        return False
    above = rows[opens - 1] if opens else ""
    apart = not opens or _ENDS.search(bare[opens - 1]) or (hit.kind == "code" and _CODE.search(above))
    return bool(apart) or bool(_MARKED.match(above)) != bool(_MARKED.match(rows[opens]))


def bare_line(line: str) -> str:
    """A line without the marks of comments, lists and headings around it."""
    return _CLOSER.sub("", _MARKER.sub("", line)).strip()


def signature(passage: Passage) -> str | None:
    """The first definition in a passage on one line, its parameters included; None if there is none."""
    lines = passage.quote.split("\n")
    start = next((row for row, line in enumerate(lines) if _DEFINITION_LINE.match(line)), None)
    if start is None:
        return None
    text = lines[start].strip()
    for line in lines[start + 1 :]:
        if text.count("(") <= text.count(")") or len(text) > _MAX_SIGNATURE:
            break
        text += ("" if text.endswith("(") else " ") + line.strip()
    return text[:_MAX_SIGNATURE].rstrip("{: ")


def coverage(text: str, weights: Mapping[str, float]) -> float:
    """Share (0 to 1) of the question's weight whose words `text` holds, in any inflection."""
    total = sum(weights.values())
    return sum(weights[word] for word in _matched(text, weights)) / total if total else 0.0


def _matched(text: str, weights: Mapping[str, float]) -> set[str]:
    present = {_stem(word) for word in words(text)}
    return {word for word in weights if _stem(word) in present}


def _weight(gains: list[set[str]], weights: Mapping[str, float]) -> float:
    return sum(weights[word] for word in set().union(*gains))


def _opening(lines: list[str], row: int) -> int:
    """How good a place to begin reading: 2 for a definition, 1 after a blank line, 0 in the middle of something."""
    if _DEFINITION_LINE.match(lines[row]):
        return 2
    return int(bool(lines[row].strip()) and (row == 0 or not lines[row - 1].strip()))


@lru_cache(maxsize=20_000)
def _stem(word: str) -> str:
    """What `add` and `added` share by Snowball's rules for English, and of that the beginning that `registers` and
    `registration` share: a stemmer keeps word classes apart. A name of several words in one shares none with others."""
    stem: str = Stemmer("english", 0).stemWord(word)  # one is not for two threads
    return stem[:6] if len(stem) <= _LONGEST_STEM else stem


def trimmed(lines: list[str], start: int, end: int) -> tuple[int, int]:
    """Without blank lines at either end; one line remains whatever it holds."""
    while start < end - 1 and not lines[start].strip():
        start += 1
    while end - 1 > start and not lines[end - 1].strip():
        end -= 1
    return start, end
