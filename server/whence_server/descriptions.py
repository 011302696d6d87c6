"""A question of where one named thing is, what it is or does -> its definition, before what else was found.

Takes a question and its hits, asks the index for the place and the file for its lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from whence_indexer.finder import Finder
from whence_indexer.parsed import Definition, parse
from whence_indexer.query import Query
from whence_indexer.ranking import is_test
from whence_indexer.repository import Repository
from whence_indexer.types import Hit, Span
from whence_server.conversations import asked_of
from whence_server.inquiry import Evidence, each_once
from whence_server.markup import code
from whence_server.opened import text_of
from whence_server.passages import MAX_LINES, Passage, coverage
from whence_server.reasons import Reason
from whence_server.summaries import summary

_KINDS = (
    "class|struct|type|trait|enum|interface|function|method|macro|module|decorator|constant|exception|object|protocol"
)
_ASKED = re.compile(
    r"\W*(?:where(?:'s|\s+is|\s+are)\s+(?P<where>.+?)(?P<defined>\s+(?:defined|declared|implemented|located))?"
    r"|what(?:'s|\s+is|\s+are)\s+(?P<what>.+?)|what\s+does\s+(?P<does>.+?)\s+do)[\s?.!]*\Z",
    re.IGNORECASE,
)
_AROUND = re.compile(rf"^(?:an?|the)\s+|^(?:(?:an?|the)\s+)?(?:{_KINDS})\s+|\s+(?:{_KINDS})$", re.IGNORECASE)
_KIND = re.compile(rf"\b(?:{_KINDS})\b", re.IGNORECASE)
_POINTING = {"it", "this", "that", "these", "those", "they", "there", "here"}
_ONE = re.compile(r"an?\s", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*\Z")
_IMPLEMENTS = re.compile(r"\s*(?:unsafe\s+)?impl\b")
_DONE = re.compile(r"\W*(?:where|how)\s+(?:is|are|gets?)\s.*?\b(\w+ed)\b", re.IGNORECASE)
_FILES = 2  # found first, in which what is done may be defined
_LOOKED_AT = 8  # files whose definitions are compared


def find_description(query: Query, hits: Sequence[Hit], searcher: Finder, repository: Repository) -> Evidence | None:
    """The definition of X in "what does X do?", "what is an X?" and "where is X defined?", with the sentence that says
    what it is; None for another question.

    Of several the one that is called by just this name, is in no test, and is in the file found first.
    """
    asked = next(filter(None, (_definitions(name, searcher, repository, hits) for name in _subjects(query))), [])
    for text, definition, span in asked:
        here = searcher.at(span.path, definition.line)
        if here is not None:
            return Evidence(each_once([here, *hits]), {here: _told(here, text, definition)}, sure=True)
    return None


def find_doer(query: Query, hits: Sequence[Hit], searcher: Finder, repository: Repository) -> Evidence | None:
    """The definition that is called by what "where is X signed?" asks for, in the files found first, before the hits;
    None for another question.

    Its piece may say nothing of X, which the rest of its file is about.
    """
    match = _DONE.match(query.text)
    paths = (str(hit.path) for hit in hits if match and hit.kind == "code" and not is_test(str(hit.path)))
    found = [
        (path, each)
        for path in islice(dict.fromkeys(paths), _FILES)
        for each in parse(path, _text(path, searcher, repository)).definitions
        if match and not each.variable and coverage(_last(each.name), {match[1].lower(): 1.0})
    ]
    weights = searcher.rarity(query.content)
    path, best = max(found, key=lambda each: coverage(_last(each[1].name), weights), default=("", None))
    here = searcher.at(path, best.line) if best else None
    return Evidence(each_once([replace(here, score=hits[0].score), *hits]), {}) if here else None


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def place_of(name: str, searcher: Finder, repository: Repository) -> Span | None:
    """The lines of the definition that `name` most likely means."""
    for _, definition, span in _definitions(name, searcher, repository):
        return Span(span.path, definition.first, definition.last)
    return None


def named(passage: Passage, searcher: Finder, repository: Repository) -> Passage:
    """The passage under the name of what it shows: the smallest definition that holds its lines, else the one that
    begins among them; under none where there is none, or several."""
    hit, path = passage.hit, str(passage.hit.path)
    found = parse(path, _text(path, searcher, repository)).definitions if hit.kind == "code" else ()
    if not found:  # a notebook, say, whose pieces have names of their own
        return passage
    first, last = passage.start_line, passage.end_line
    holding = sorted(
        (each for each in found if each.first <= first and last <= each.last), key=lambda each: each.last - each.first
    )
    begun = [each for each in found if first <= each.line <= last]
    begun = [each for each in begun if not each.variable] or begun
    outer = {each.name for each in begun if not any(each is not one and _within(each, one) for one in begun)}
    name = holding[0].name if holding else next(iter(outer)) if len(outer) == 1 else None
    return replace(passage, hit=replace(hit, symbol=name))


def _within(inner: Definition, outer: Definition) -> bool:
    return outer.first <= inner.first and inner.last <= outer.last


def _text(path: str, searcher: Finder, repository: Repository) -> str:
    """A file as it is searched, "" where it is not there."""
    shown = searcher.unsaved(path)
    return (text_of(repository, path, large=True) if shown is None else shown) or ""


def _subjects(query: Query) -> Iterator[str]:
    """What may be the name of the one thing that is asked about, likeliest first."""
    if len(query.names) == 1 and asked_of(query.text, query.names) == "what":
        yield query.names[0]
    if not (match := _ASKED.match(query.text)):
        return
    said = match["where"] or match["what"] or match["does"]
    name = _AROUND.sub("", said).removesuffix("()").strip("`").replace("::", ".").replace("#", ".")
    if not _NAME.match(name):
        return
    # A plain word is a name only where something says so: "what is routing?" asks no definition.
    called = match["does"] or match["defined"] or "`" in said or _KIND.search(said)
    if name.lower() not in _POINTING and (called or not name.islower() or not name.isalpha()):
        yield name
    if name.isalpha() and _ONE.match(said):
        yield name.capitalize()


def _definitions(
    name: str, searcher: Finder, repository: Repository, hits: Sequence[Hit] = ()
) -> list[tuple[str, Definition, Span]]:
    """The definitions that `name` may mean, likeliest first: the text of the file, the definition, its chunk."""
    scope, _, last = name.rpartition(".")
    module = scope.rpartition(".")[2]  # no scope of what a file defines, but its path may say it
    order = {path: place for place, path in reversed(list(enumerate(hit.path for hit in hits)))}
    known = [
        (whole, span)
        for whole, span in searcher.defined(last)
        if f".{whole}".endswith(f".{name}") or (module and module in re.split(r"[/.]", span.path))
    ]

    def unlikeliness(each: tuple[str, Span]) -> tuple[bool, bool, bool, int]:
        whole, span = each
        stem = span.path.rpartition("/")[2].partition(".")[0]
        own = stem.replace("_", "") == last.lower().replace("_", "")
        return is_test(span.path), whole not in (name, last), not own, order.get(span.path, len(order))

    likely: list[tuple[str, Definition, Span]] = []
    for whole, span in sorted(known, key=unlikeliness)[:_LOOKED_AT]:
        text = _text(span.path, searcher, repository)
        for each in parse(span.path, text).definitions:
            if each.name == whole and span.start_line <= each.line <= span.end_line:
                likely.append((text, each, span))
    return sorted(likely, key=_says_little)  # stable: else as before


def _says_little(found: tuple[str, Definition, Span]) -> tuple[bool, bool]:
    """Whether it is in a test or does something for a type, and whether nothing is written about it."""
    text, definition, span = found
    implements = _IMPLEMENTS.match(text.split("\n")[definition.line - 1]) is not None
    return is_test(span.path) or implements, not summary(span.path, text, definition)[1]


def _told(here: Hit, text: str, definition: Definition) -> Reason:
    """What a definition is, and its first lines as they are in the chunk."""
    said, prose = summary(str(here.path), text, definition)
    first, name = here.start_line or 1, code(definition.name)
    start = max(definition.first - first, 0)
    rows = here.text.split("\n")[start : min(definition.last - first + 1, start + MAX_LINES)]
    return Reason(f"{name}: {said if prose else code(said)}", "\n".join(rows).rstrip(), 0)
