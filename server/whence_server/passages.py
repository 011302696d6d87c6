"""Hits -> the few lines of each that answer a question best, and the sentence that says it.

Pure: text, words and weights in, passages out. A passage quotes whole lines, unchanged, so that it can be verified.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from whence_indexer.terms import words
from whence_indexer.types import Hit

MAX_LINES = 12  # what a person takes in at a glance under an answer
_MAX_SENTENCE = 320
_MARKER = re.compile(r"^\s*(?:[#*;%]+!?|//[/!]?|/\*+|--+|\"{3}|'{3}|[rbu]\"{3}|<!--|\.\.(?=\s))?\s*")
_CLOSER = re.compile(r"\s*(?:\*/|\"{3}|'{3}|-->)\s*$")
_SENTENCE_END = re.compile(r"(?<=[.!?:])\s+(?=[A-Z`\"'(*:])")
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


def best_passage(hit: Hit, weights: Mapping[str, float]) -> Passage:
    """At most `MAX_LINES` lines of `hit` that hold the most weight of the question's words, the earliest such."""
    lines = hit.text.rstrip("\n").split("\n")
    gains = [_matched(line, weights) for line in lines]
    last_start = max(0, len(lines) - MAX_LINES)
    start = max(range(last_start + 1), key=lambda first: (_weight(gains[first : first + MAX_LINES], weights), -first))
    start, end = _trimmed(lines, start, min(start + MAX_LINES, len(lines)))
    return Passage(hit, (hit.start_line or 1) + start, "\n".join(lines[start:end]))


def sentences(passage: Passage) -> Iterator[str]:
    """The prose of a passage, sentence by sentence, without comment markers; code lines are passed over."""
    paragraph: list[str] = []
    for line in [*passage.quote.split("\n"), ""]:
        text = _CLOSER.sub("", _MARKER.sub("", line)).strip()
        if text and (passage.hit.kind != "code" or not _CODE.search(text)):
            paragraph.append(text)
            continue
        for sentence in _SENTENCE_END.split(" ".join(paragraph)):
            if len(sentence.split()) >= 3 and len(sentence) <= _MAX_SENTENCE:
                yield sentence
        paragraph = []


def signature(passage: Passage) -> str | None:
    """The line of a passage that defines something, if there is one."""
    found = next((line for line in passage.quote.split("\n") if _DEFINITION_LINE.match(line)), None)
    return found.strip().rstrip("{:").strip() if found else None


def coverage(text: str, weights: Mapping[str, float]) -> float:
    """Share (0 to 1) of the question's weight whose words `text` holds, in any inflection."""
    total = sum(weights.values())
    return sum(weights[word] for word in _matched(text, weights)) / total if total else 0.0


def _matched(text: str, weights: Mapping[str, float]) -> set[str]:
    present = {_stem(word) for word in words(text)}
    return {word for word in weights if _stem(word) in present}


def _weight(gains: list[set[str]], weights: Mapping[str, float]) -> float:
    return sum(weights[word] for word in set().union(*gains))


def _stem(word: str) -> str:
    """The beginning that `registers` and `registration` share. Stemmers part the two: they keep word classes apart."""
    return word.removesuffix("s")[:6]


def _trimmed(lines: list[str], start: int, end: int) -> tuple[int, int]:
    """Without blank lines at either end; one line remains whatever it holds."""
    while start < end - 1 and not lines[start].strip():
        start += 1
    while end - 1 > start and not lines[end - 1].strip():
        end -= 1
    return start, end
