"""A question of what one named thing is or does -> its definition, which leads, before what else was found.

Takes a question and its hits, asks the index for the place and the file for its lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
from whence_server.passages import MAX_LINES
from whence_server.reasons import Reason
from whence_server.summaries import summary


def find_description(query: Query, hits: Sequence[Hit], searcher: Finder, repository: Repository) -> Evidence | None:
    """The definition of the only name in "what does X do?", with the sentence that says it; None for another question.

    Of several the one that is called by just this name, is in no test, and is in the file found first.
    """
    if len(query.names) != 1 or asked_of(query.text, query.names) != "what":
        return None
    for text, definition, span in _definitions(query.names[0], searcher, repository, hits):
        here = searcher.at(span.path, definition.line)
        if here is not None:
            return Evidence(each_once([here, *hits]), {here: _told(here, text, definition)}, sure=True)
    return None


def place_of(name: str, searcher: Finder, repository: Repository) -> Span | None:
    """The lines of the definition that `name` most likely means."""
    for _, definition, span in _definitions(name, searcher, repository):
        return Span(span.path, definition.first, definition.last)
    return None


def _definitions(
    name: str, searcher: Finder, repository: Repository, hits: Sequence[Hit] = ()
) -> Iterator[tuple[str, Definition, Span]]:
    """The definitions that `name` may mean, likeliest first: the text of the file, the definition, its chunk."""
    known = [each for each in searcher.defined(name.rpartition(".")[2]) if f".{each[0]}".endswith(f".{name}")]
    order = {path: place for place, path in reversed(list(enumerate(hit.path for hit in hits)))}

    def unlikeliness(each: tuple[str, Span]) -> tuple[bool, bool, int]:
        whole, span = each
        return is_test(span.path), whole != name, order.get(span.path, len(order))

    for whole, span in sorted(known, key=unlikeliness):
        shown = searcher.unsaved(span.path)
        text = (text_of(repository, span.path, large=True) if shown is None else shown) or ""
        for each in parse(span.path, text).definitions:
            if each.name == whole and span.start_line <= each.line <= span.end_line:
                yield text, each, span


def _told(here: Hit, text: str, definition: Definition) -> Reason:
    """What a definition is, and its first lines as they are in the chunk."""
    said, prose = summary(str(here.path), text, definition)
    first, name = here.start_line or 1, code(definition.name)
    start = max(definition.first - first, 0)
    rows = here.text.split("\n")[start : min(definition.last - first + 1, start + MAX_LINES)]
    return Reason(f"{name}: {said if prose else code(said)}", "\n".join(rows).rstrip(), 0)
