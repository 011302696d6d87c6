"""A chunk or a commit -> pairs of what a person would ask and the text that answers, for contrastive training.

Documentation -> the definition without it, comment -> the code after it, name in words -> the definition without its
name, heading -> its section; a commit's message and hunks as question and passage. The passage looks as it will in the
index. Pure; the caller brings the chance.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from whence_indexer.comments import documentation, inner_comments
from whence_indexer.terms import split_name
from whence_indexer.types import Chunk

PASSAGE = 2_000  # characters
QUERY = 500
_MESSAGE_WORDS = 4  # a message of fewer asks nothing
_HUNK = 60  # characters; a smaller change says nothing
_NAME_REMOVED = 0.4  # share of documented definitions whose name is taken out: the body must be understood
_ASKED = 0.45  # share of documentation turned into a question
_UNDOCUMENTED, _DOCUMENTED = 0.5, 0.12  # shares of definitions that are asked for by their name
_COMMENTED = 0.5  # share of comments inside definitions that are used
_DOC_QUESTIONS = (
    "How does {place} {doc}?",
    "Where is the code that {doc}?",
    "How is {name} implemented, to {doc}?",
    "What is the purpose of {name} in {place}? {doc}",
    "how to {doc}",
    "What does the {place} {name} do to {doc}?",
    "Which function {doc}?",
    "What mechanism {doc}?",
    "Why does {place} {doc}?",
    "{doc}",
)
_NAME_QUESTIONS = ("{}", "{}", "{}", "how {} works", "where is {} defined", "what does {} do", "How is {} handled?")
_HEADING_QUESTIONS = ("{}", "{}", "How does {} work?", "what is {}", "how to use {}")
_NO_REASON = re.compile(r"bump|release|version|merge|update change|chore", re.IGNORECASE)
_THREAD = re.compile(r"\(?#\d+\)?")
_TRAILER = re.compile(r"^[A-Z][\w-]+: .*$", re.MULTILINE)
_DIFF_MARK = re.compile(r"^[+-]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pair:
    """What is asked, what answers, how the pair came about, and the place it is from: a chunk or a commit."""

    kind: str
    query: str
    passage: str
    place: str = ""


def chunk_pairs(chunk: Chunk, chance: random.Random) -> Iterator[Pair]:
    """What one chunk teaches by itself."""
    if chunk.kind == "doc":
        yield from _section_pairs(chunk, chance)
    elif chunk.symbols:
        found = documentation(chunk)
        if found:
            yield _doc_pair(chunk, *found, chance)
        if chance.random() < (_DOCUMENTED if found else _UNDOCUMENTED):
            yield from _name_pair(chunk, chance)
        for comment, code in inner_comments(chunk):
            if chance.random() < _COMMENTED:
                yield place_pair("comment", comment, chunk.header, code, chunk)


def commit_question(subject: str, body: str) -> str | None:
    """What a commit's message asks for: its subject and the beginning of its body; None where it gives no reason."""
    if _NO_REASON.match(subject):
        return None
    paragraph = _TRAILER.sub("", body).strip().partition("\n\n")[0][: QUERY // 2]
    question = " ".join(_THREAD.sub("", f"{subject}. {paragraph}").split())[:QUERY]
    return question if len(question.split()) >= _MESSAGE_WORDS else None


def hunk_passage(path: str, section: str, text: str) -> str | None:
    """A changed place as it would stand in the index, without the marks of the diff; None for a tiny one."""
    lines = changed_lines(text)
    return f"{path} > {section}\n{lines[:PASSAGE]}" if len(lines) >= _HUNK else None


def changed_lines(text: str) -> str:
    """The lines of a hunk without their `-` and `+`."""
    return _DIFF_MARK.sub("", text)


def _section_pairs(chunk: Chunk, chance: random.Random) -> Iterator[Pair]:
    headings = list(dict.fromkeys((*chunk.scope, *chunk.symbols[:1])))
    if not headings or len(chunk.text) <= 150:
        return
    asked = headings[-1] if chance.random() < 0.4 else " ".join(headings[-2:])
    body = chunk.text if chance.random() < 0.4 else chunk.text.replace(headings[-1], "", 1)
    if len(asked.split()) <= 12:
        yield place_pair("section", chance.choice(_HEADING_QUESTIONS).format(asked), chunk.span.path, body, chunk)


def _doc_pair(chunk: Chunk, doc: str, body: str, chance: random.Random) -> Pair:
    header = chunk.header
    if chance.random() < _NAME_REMOVED:
        header, body = _placed(chunk.span.path, *chunk.scope), _without_name(body, chunk)
    return place_pair("doc", _asked(doc, chunk, chance) if chance.random() < _ASKED else doc, header, body, chunk)


def _asked(doc: str, chunk: Chunk, chance: random.Random) -> str:
    sentence = re.split(r"(?<=[a-z)])\.\s", doc)[0]
    place = chunk.scope[-1] if chunk.scope else _file_stem(chunk)
    return chance.choice(_DOC_QUESTIONS).format(
        doc=sentence[:1].lower() + sentence[1:], name=_in_words(definition_name(chunk)), place=_in_words(place)
    )


def _name_pair(chunk: Chunk, chance: random.Random) -> Iterator[Pair]:
    asked = _in_words(definition_name(chunk))
    if len(asked) <= 5 or len(chunk.text) <= 120:
        return
    if chance.random() < 0.5:
        asked = f"{asked} {_in_words(chunk.scope[-1] if chunk.scope else _file_stem(chunk))}"
    question = chance.choice(_NAME_QUESTIONS).format(asked)
    if chance.random() < 0.3:
        yield place_pair("name", question, _placed(chunk.span.path, *chunk.scope), chunk.text, chunk)
    else:
        header = _placed(chunk.span.path, *chunk.scope[:-1])
        yield place_pair("name", question, header, _without_name(chunk.text, chunk), chunk)


def place_pair(kind: str, query: str, header: str, body: str, chunk: Chunk) -> Pair:
    """A pair of which `chunk` is the place."""
    place = f"{chunk.span.path}:{chunk.span.start_line}"
    return Pair(kind, query[:QUERY], f"{header}\n{body}"[:PASSAGE], place)


def _placed(*parts: str) -> str:
    return " > ".join(parts)


def _without_name(text: str, chunk: Chunk) -> str:
    return re.sub(rf"\b{re.escape(definition_name(chunk))}\b", "", text)


def definition_name(chunk: Chunk) -> str:
    """The name of what a chunk defines, without its scope."""
    return re.split(r"[.:#]", chunk.symbols[0])[-1]


def _file_stem(chunk: Chunk) -> str:
    return chunk.span.path.rpartition("/")[2].partition(".")[0]


def _in_words(name: str) -> str:
    return " ".join(split_name(name))
