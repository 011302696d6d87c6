"""A definition's documentation -> what it says of each parameter, result, exception and version.

Pure. Reads Sphinx fields and directives, Javadoc tags and Google's sections; lines are counted from 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from whence_indexer.comments import clean
from whence_training.qa.quoting import sentences_of

FieldKind = Literal["parameter", "returns", "raises", "added", "changed", "deprecated"]
_SPHINX = re.compile(
    r"^\s*:(?P<kind>param|returns?|raises?|throws)(?:\s+(?:[\w\[\], .|]+\s)?(?P<of>[*\w.]+))?:\s+(?P<text>\S.*)$"
)
_JAVADOC = re.compile(r"^\s*\*?/*\*?\s*@(?P<kind>param|returns?|throws|exception)\s+(?:\{[^}]*\}\s+)?(?P<text>\S.*)$")
_DIRECTIVE = re.compile(
    r"^(?P<indent>\s*)\.\. (?P<kind>versionadded|versionchanged|deprecated):: (?P<of>\S+)\s*(?P<text>.*)$"
)
_HEADER = re.compile(r"^\s*(?P<kind>Args|Arguments|Parameters|Raises):\s*$")
_ITEM = re.compile(r"^(?P<indent>\s+)(?P<of>[*\w.]+)(?:\s*\([^)]*\))?:\s+(?P<text>\S.*)$")
_KINDS: dict[str, FieldKind] = {
    "param": "parameter",
    "return": "returns",
    "returns": "returns",
    "raise": "raises",
    "raises": "raises",
    "throws": "raises",
    "exception": "raises",
    "versionadded": "added",
    "versionchanged": "changed",
    "deprecated": "deprecated",
    "Args": "parameter",
    "Arguments": "parameter",
    "Parameters": "parameter",
    "Raises": "raises",
}
_NEXT = re.compile(r"^\s*(?:[:@]\w|\.\. |\"{3}|'{3}|\*?\*/|\*?\s*@)|\"{3}|'{3}")
_STAR = re.compile(r"^\s*\*\s?")


@dataclass(frozen=True, slots=True)
class Field:
    """What is said `of` a parameter, an exception or a version, and the lines that say it."""

    kind: FieldKind
    of: str
    text: str
    first: int
    last: int


def fields_of(text: str) -> Iterator[Field]:
    """The fields of a definition's documentation, in order. Those without a text are left out."""
    rows = text.split("\n")
    for number, row in enumerate(rows):
        if match := _SPHINX.match(row):
            yield from _field(match["kind"], match["of"] or "", match["text"], rows, number)
        elif match := _JAVADOC.match(row):
            of, _, said = (
                ("", "", match["text"]) if match["kind"].startswith("return") else match["text"].partition(" ")
            )
            yield from _field(match["kind"], of.strip("`[]"), said.lstrip(" -:"), rows, number)
        elif match := _DIRECTIVE.match(row):
            yield from _field(match["kind"], match["of"], match["text"], rows, number, len(match["indent"]))
        elif match := _HEADER.match(row):
            yield from _items(match["kind"], rows, number + 1)


def _items(kind: str, rows: Sequence[str], start: int) -> Iterator[Field]:
    indent = None
    for number in range(start, len(rows)):
        match = _ITEM.match(rows[number])
        if not rows[number].strip():
            return
        if match and indent in {None, len(match["indent"])}:
            indent = len(match["indent"])
            yield from _field(kind, match["of"], match["text"], rows, number, indent)


def _field(
    kind: str, of: str, text: str, rows: Sequence[str], number: int, indent: int | None = None
) -> Iterator[Field]:
    """The field with its further lines: those that stand deeper, up to a blank one or the next field."""
    own = len(rows[number]) - len(_STAR.sub("", rows[number]).lstrip()) if indent is None else indent
    parts, last = [text], number
    for further in range(number + 1, len(rows)):
        row = rows[further]
        bare = _STAR.sub("", row)
        if not bare.strip() or _NEXT.match(row) or len(row) - len(bare.lstrip()) <= own:
            break
        parts.append(bare.strip())
        last = further
    said = clean(" ".join(filter(None, parts)))
    found = _KINDS[kind]
    if found == "added":
        yield Field(found, of, f"Since version {of}.", number, number)
    elif said and (of or found == "returns"):
        sentences = sentences_of(said[:1].upper() + said[1:])
        yield Field(found, of.lstrip("*"), " ".join(sentences[:2]), number, last)
