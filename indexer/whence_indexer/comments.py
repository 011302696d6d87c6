"""A chunk's text -> the prose in it: documentation comments and docstrings, with the code left without them.

Pure. Knows comment marks by language family; what is no prose (licences, linter switches, code) is nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from whence_indexer.types import Chunk

_LONGEST = 500  # characters of a question
_DOCSTRING = re.compile(r'(?:"""|\'\'\')(.*?)(?:"""|\'\'\')', re.DOTALL)
_AFTER_HEAD = re.compile(r":\s*(#[^\n]*)?\n\s*[rbu]*\Z|\A\s*[rbu]*\Z", re.IGNORECASE)
_ELIXIR_DOC = re.compile(r'@(?:module)?doc\s+(?:~S)?"""(.*?)"""', re.DOTALL)
_NO_COMMENT = r"(?!\[|!|include|define|if|elif|else|endif|pragma|region)"  # what else may follow a hash
_LEADING = re.compile(rf"\A((?:[ \t]*(?://[/!]?|#+{_NO_COMMENT}|--+|/\*+|;+|\*)[^\n]*\n)+)")
_INNER = re.compile(
    rf"^[ \t]*(?://|#{_NO_COMMENT}|--)[ \t]*([A-Za-z][^\n]{{18,}})\n((?:[ \t]*(?://|#|--)[^\n]*\n)*)", re.MULTILINE
)
_MARK = re.compile(r"^[ \t]*(?:///?!?|#+!?|--+\s*\|?|/\*+!?|\*+/?|;+)[ \t]?", re.MULTILINE)
_END = re.compile(
    r"\n\s*\n|\n\s*[@:\\]\w|\n\s*(?:Args|Arguments|Parameters|Returns|Raises|Examples?|Usage)\b"
)  # of the first paragraph
_MARKUP = re.compile(r"<[^>\n]{1,60}>|\{@\w+ ([^{}\n]*)\}|:\w+:`~?\.?([^`<\n]*)(?:<[^`]*>)?`|[`*]{1,2}")
_NO_PROSE = re.compile(
    r"copyright|licen[sc]e|eslint|noqa|todo|pragma|fixme|prettier|pylint|type:|rubocop|swiftlint|nolint", re.IGNORECASE
)


def documentation(chunk: Chunk) -> tuple[str, str] | None:
    """(first paragraph of the documentation, the definition without it), where there is a usable one."""
    match = _find(chunk)
    if match is None:
        return None
    doc = clean(match[1])
    body = chunk.text[: match.start()] + chunk.text[match.end() :]
    return (doc, body) if is_prose(doc) and len(body) > 40 else None


def inner_comments(chunk: Chunk, most: int = 4) -> Iterator[tuple[str, str]]:
    """(comment inside a definition, the code after it), for the first few comments that say something."""
    for match in [found for found in _INNER.finditer(chunk.text) if found.start() > 4][:most]:
        comment = clean(f"{match[1]} {_MARK.sub('', match[2])}".replace("\n", " "))
        code = chunk.text[match.end() : match.end() + 700]
        if is_prose(comment) and len(comment.split()) >= 5 and len(code) > 80:
            yield comment, code


def clean(text: str) -> str:
    """The first paragraph of a comment on one line, without comment marks and markup."""
    paragraph = _END.split(_MARK.sub("", text).strip())[0]
    plain = _MARKUP.sub(lambda match: match[1] or match[2] or "", paragraph)
    return re.sub(r"\s+", " ", plain).strip(" */-=.")[:_LONGEST]


def is_prose(text: str) -> bool:
    """Whether `text` is a sentence or two of natural language that tells something."""
    letters = sum(character.isalpha() or character == " " for character in text)
    return 3 <= len(text.split()) <= 90 and letters > 0.75 * len(text) and not _NO_PROSE.search(text)


def _find(chunk: Chunk) -> re.Match[str] | None:
    if chunk.language == "python":
        found = _DOCSTRING.search(chunk.text)
        return found if found and _AFTER_HEAD.search(chunk.text[: found.start()]) else None
    if chunk.language == "elixir" and (found := _ELIXIR_DOC.search(chunk.text)):
        return found
    return _LEADING.match(chunk.text)
