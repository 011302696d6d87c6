"""What was collected -> the things that questions are asked of: definitions, sections, changes and threads.

Pure. Takes out what teaches nothing: tests, near-copies, merges and changes of form; says how much of each.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from whence_indexer.definitions import definitions_in
from whence_indexer.lines import Lines, lines_of
from whence_indexer.prose import sections
from whence_indexer.threads import Thread
from whence_indexer.types import Span
from whence_training.qa.collecting import Change, Collected, File
from whence_training.qa.duplicates import near_copies

_Item = TypeVar("_Item")
_MARKUPS = ("markdown", "restructuredtext", "asciidoc")
_TEST = re.compile(
    r"(^|/)(tests?|testing|spec|specs|__tests__|testdata|fixtures?|benchmarks?|mocks?)/|(^|/)(test_[^/]*"
    r"|conftest\.py)$"
    r"|_test\.\w+$|[._-](test|spec)\.\w+$|Tests?\.\w+$",
)
_DEPENDENCY = re.compile(
    r"\b(bump|dependabot|renovate|pre-commit|release \d|version \d|\d+\.\d+\.\d+)\b", re.IGNORECASE
)
_CHORE = re.compile(
    r"(chore|ci|style|build|release|test|tests|docs?)(\([^)]*\))?!?:|merge\b|revert\b|(minor|small|tiny|more"
    r"|some)\b.{0,24}$"
    r"|(fix(e[sd])?|correct(ed|s)?)\b.{0,40}\b(typos?|spelling|grammar|lint|formatting|comments?|docs?|links?|tests?"
    r"|flake8|pep8|whitespace|ci)\b"
    r"|(update|upgrade|pin|unpin)\b.{0,30}\b(version|requirements|dependenc\w+|tox|actions?|hooks?|themes?|sphinx"
    r"|travis)\b"
    r"|add(ed|s)?\b.{0,20}\bchange(s|log)( entry)?\b|(re)?format\b|lint\b|wip\b|start(ed|ing)? (version|working)"
    r"|prepare\b|initial\b|apply suggestions",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Unit:
    """A definition with its comments: its `text` are the lines of `place`. `name` tells it from all others.

    `own` is how many of these lines come before the first definition inside it: what is said there is said of it.
    """

    symbol: str
    name: str
    place: Span
    language: str
    text: str
    own: int

    @property
    def own_text(self) -> str:
        """The lines that are about it and nothing inside it."""
        return "\n".join(self.text.split("\n")[: self.own])


@dataclass(frozen=True, slots=True)
class Section:
    """Lines of documentation under a heading; `text` begins with the heading."""

    title: str
    scope: tuple[str, ...]
    place: Span
    markup: str
    text: str


@dataclass(frozen=True)
class Material:
    """What questions are asked of. `left_out` counts, by reason, what they are not asked of."""

    units: tuple[Unit, ...]
    sections: tuple[Section, ...]
    changes: tuple[Change, ...]
    threads: tuple[Thread, ...]
    left_out: dict[str, int] = field(default_factory=dict)


def process(collected: Collected, near: float = 0.8) -> Material:
    """The material of a repository; of copies that are alike by `near` or more (Jaccard) the first is kept."""
    left_out: Counter[str] = Counter()
    units = _distinct(list(_units(collected.files, left_out)), lambda unit: unit.text, near, "copied code", left_out)
    found = [section for file in collected.files for section in _sections(file)]
    kept = _distinct(found, lambda section: section.text, near, "copied documentation", left_out)
    changes = [change for change in collected.changes if _tells(change, left_out)]
    changes = _distinct(changes, lambda each: f"{each.subject}\n{each.body}", near, "copied commits", left_out)
    return Material(tuple(units), tuple(kept), tuple(changes), collected.threads, dict(sorted(left_out.items())))


def is_test(path: str) -> bool:
    """Whether a file is there to try the others."""
    return _TEST.search(path) is not None


def _units(files: Iterable[File], left_out: Counter[str]) -> Iterator[Unit]:
    found: list[tuple[str, Span, str, str, int]] = []
    for file in files:
        if file.kind != "code":
            continue
        if is_test(file.path):
            left_out["tests"] += 1
            continue
        rows = file.text.split("\n")
        listed = definitions_in(file.path, file.text)
        for number, each in enumerate(listed):
            place = each.place
            inner = (other.place.start_line for other in listed[number + 1 :] if other.place.end_line <= place.end_line)
            own = next((start for start in inner if start > place.start_line), place.end_line + 1) - place.start_line
            text = "\n".join(rows[place.start_line - 1 : place.end_line])
            found.append((each.symbol, place, file.language, text, own))
    often = Counter(symbol for symbol, *_ in found)
    in_file = Counter((symbol, place.path) for symbol, place, *_ in found)
    for symbol, place, language, text, own in found:
        if in_file[symbol, place.path] > 1:
            left_out["overloads"] += 1  # which of them is meant cannot be said in a question
        else:
            name = f"`{symbol}`" if often[symbol] == 1 else f"`{symbol}` in `{place.path}`"
            yield Unit(symbol, name, place, language, text, own)


def _sections(file: File) -> Iterator[Section]:
    if file.language not in _MARKUPS or is_test(file.path):
        return
    lines: Lines = lines_of(file.text)
    for title, scope, first, last in sections(lines, file.language):
        rows = [row.rstrip("\r\n") for row in lines.rows[first : last + 1]]
        while rows and not rows[-1].strip():
            rows.pop()
        if len(rows) > 1:
            place = Span(file.path, first + 1, first + len(rows))
            yield Section(title, scope, place, file.language, "\n".join(rows))


def _tells(change: Change, left_out: Counter[str]) -> bool:
    if len(change.parents) > 1:
        left_out["merges"] += 1
    elif _CHORE.match(change.subject) or _DEPENDENCY.search(change.subject):
        left_out["chores"] += 1
    else:
        return True
    return False


def _distinct(
    items: Sequence[_Item], text: Callable[[_Item], str], near: float, reason: str, left_out: Counter[str]
) -> list[_Item]:
    copies = near_copies([text(item) for item in items], near)
    left_out[reason] += len(copies)
    return [item for number, item in enumerate(items) if number not in copies]
