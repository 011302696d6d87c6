"""A chunk or a commit -> pairs of what a person would ask and the text that answers, for contrastive training.

Doc comment -> the definition without it, name in words -> the definition without its name, heading -> its section,
commit message -> a hunk it changed. The passage looks as it will in the index. Pure; the caller brings the chance.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from whence_indexer.terms import words
from whence_indexer.types import Chunk

_PASSAGE = 2_000  # characters
_QUERY = 400
_MESSAGE_WORDS = 4  # a message of fewer asks nothing
_HUNK = 60  # characters; a smaller change says nothing
_NAME_REMOVED = 0.3  # share of definitions whose name is taken out, so that the body must be understood
_ASKED = 0.15  # share of doc sentences turned into a question
_NAMED = 0.35  # share of undocumented definitions used with their name alone
_QUESTIONS = ("how does it ", "where is the code to ", "how to ", "what is ")

_DOCSTRING = re.compile(r'^\s*(?:[rbu]*"""|\'\'\')(.*?)(?:"""|\'\'\')', re.DOTALL | re.MULTILINE)
_LEADING_COMMENT = re.compile(r"\A((?:[ \t]*(?://+!?|#+|--+\s*\|?|/\*\*?|;+|\*)[^\n]*\n)+)")
_COMMENT_MARK = re.compile(r"^[ \t]*(?:///?!?|#+!?|--+\s*\|?|/\*\*?|\*/?|;+)[ \t]?", re.MULTILINE)
_DOC_END = re.compile(r"\n\s*\n|\n\s*[@:]\w|\n(?:Args:|Parameters|Returns)")
_NO_DOC = re.compile(r"copyright|license|eslint|noqa|TODO|pragma|FIXME", re.IGNORECASE)
_NO_REASON = re.compile(r"bump|release|version|merge|update change|chore", re.IGNORECASE)
_THREAD = re.compile(r"\(?#\d+\)?")
_TRAILER = re.compile(r"^[A-Z][\w-]+: .*$", re.MULTILINE)
_DIFF_MARK = re.compile(r"^[+-]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pair:
    """What is asked, what answers, and how the pair came about."""

    kind: str
    query: str
    passage: str


def chunk_pairs(chunk: Chunk, chance: random.Random) -> Iterator[Pair]:
    """What one chunk teaches: nothing, or one pair."""
    if chunk.kind == "doc":
        if chunk.scope and len(chunk.text) > 200:
            yield Pair("section", chunk.scope[-1], f"{chunk.span.path}\n{chunk.text[:_PASSAGE]}")
    elif chunk.symbols:
        documented = _documented(chunk)
        if documented:
            yield _doc_pair(chunk, *documented, chance)
        elif chance.random() < _NAMED:
            yield from _name_pair(chunk)


def commit_question(subject: str, body: str) -> str | None:
    """What a commit's message asks for: its subject and the beginning of its body; None where it gives no reason."""
    if _NO_REASON.match(subject):
        return None
    paragraph = _TRAILER.sub("", body).strip().partition("\n\n")[0][: _QUERY // 2]
    question = " ".join(_THREAD.sub("", f"{subject}. {paragraph}").split())[:_QUERY]
    return question if len(question.split()) >= _MESSAGE_WORDS else None


def hunk_passage(path: str, section: str, text: str) -> str | None:
    """A changed place as it would stand in the index, without the marks of the diff; None for a tiny one."""
    lines = changed_lines(text)
    return f"{path} > {section}\n{lines[:_PASSAGE]}" if len(lines) >= _HUNK else None


def changed_lines(text: str) -> str:
    """The lines of a hunk without their `-` and `+`."""
    return _DIFF_MARK.sub("", text)


def _documented(chunk: Chunk) -> tuple[str, str] | None:
    """(first paragraph of the documentation, the definition without it), where there is a usable one."""
    match = _DOCSTRING.search(chunk.text) or _LEADING_COMMENT.match(chunk.text)
    if not match:
        return None
    doc = _COMMENT_MARK.sub("", match[1]).replace("*/", "").strip()
    doc = re.sub(r"\s+", " ", _DOC_END.split(doc)[0]).strip()[:_QUERY]
    body = chunk.text[: match.start()] + chunk.text[match.end() :]
    return (doc, body) if _is_prose(doc) and len(body) > 40 else None


def _is_prose(doc: str) -> bool:
    letters = sum(character.isalpha() or character == " " for character in doc)
    return 4 <= len(doc.split()) <= 70 and letters > 0.75 * len(doc) and not _NO_DOC.search(doc)


def _doc_pair(chunk: Chunk, doc: str, body: str, chance: random.Random) -> Pair:
    header = chunk.header
    if chance.random() < _NAME_REMOVED:
        header, body = chunk.span.path, body.replace(_name(chunk), "f")
    if chance.random() < _ASKED:
        doc = chance.choice(_QUESTIONS) + doc[0].lower() + doc[1:]
    return Pair("doc", doc, f"{header}\n{body[:_PASSAGE]}")


def _name_pair(chunk: Chunk) -> Iterator[Pair]:
    parts = words(_name(chunk))[:-1]
    stem = chunk.span.path.rpartition("/")[2].partition(".")[0]
    if len(parts) >= 2 and len(chunk.text) > 150:
        body = chunk.text.replace(_name(chunk), "f")
        yield Pair("name", " ".join([*parts, *words(stem)]), f"{chunk.span.path}\n{body[:_PASSAGE]}")


def _name(chunk: Chunk) -> str:
    return chunk.symbols[0].rpartition(".")[2]
