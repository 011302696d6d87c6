"""A question of history -> the places it is about: files, or definitions in them, as they are now.

Takes a question, asks the index and git. What is named is meant; else a definition or file of the words asked for; else
what search finds first, which is a guess and is marked as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from whence_indexer import plumbing
from whence_indexer.definitions import Definition, definitions_in
from whence_indexer.errors import RepositoryError
from whence_indexer.files import read_text
from whence_indexer.finder import Finder
from whence_indexer.query import Query
from whence_indexer.ranking import is_test
from whence_indexer.repository import Repository
from whence_indexer.terms import split_name
from whence_indexer.types import Hit

_LOOKED_AT = 20  # hits among which the words of a question may be those of a name


@dataclass(frozen=True, slots=True)
class Subject:
    """A file or folder, or a definition in a file; not `certain` where it is only what search found first."""

    path: str
    definition: Definition | None = None
    certain: bool = True


def find_subjects(query: Query, searcher: Finder, repository: Repository) -> list[Subject]:
    """What may be meant, likeliest first; none where it is about the whole repository, or nothing is found."""
    if not query.topic or repository.head is None:
        return []
    about = replace(query, words=query.topic, intent="explanation", period=None, change=None)
    hits = [hit for hit in searcher.search(about, _LOOKED_AT, ["code", "doc"]) if hit.path]
    code = [hit for hit in hits if hit.kind == "code"]
    named = [*_files(query, repository), *(found for name in query.names for found in _defined(name, code, repository))]
    if named or query.paths:
        return named
    return [*_called(query, code, repository), *(Subject(str(hit.path), certain=False) for hit in (code or hits)[:1])]


def _files(query: Query, repository: Repository) -> Iterator[Subject]:
    """The files and folders that are named, by the end of their path at least; the shortest path first."""
    tracked = _tracked(repository) if query.paths else []
    for name in sorted(query.paths, key=len, reverse=True):
        asked = name.strip("/")
        if any(path.startswith(f"{asked}/") for path in tracked):
            yield Subject(asked)
        yield from (Subject(path) for path in sorted(tracked, key=len) if f"/{path}".endswith(f"/{asked}"))


def _tracked(repository: Repository) -> list[str]:
    output = plumbing.run(repository.root, "ls-tree", "-r", "-z", "--name-only", "--full-tree", "HEAD")
    return output.decode("utf-8", "surrogateescape").split("\0")[:-1]


def _defined(name: str, code: Sequence[Hit], repository: Repository) -> Iterator[Subject]:
    """The definitions of a name in the files that were found."""
    for path in dict.fromkeys(str(hit.path) for hit in code):
        for each in _definitions(path, repository):
            if f".{each.symbol}".endswith(f".{name}"):
                yield Subject(path, each)
                break


def _called(query: Query, code: Sequence[Hit], repository: Repository) -> Iterator[Subject]:
    """The files, or else the definitions, whose name is the words of the question, one or many; tests come last."""
    paths = sorted(dict.fromkeys(str(hit.path) for hit in code), key=is_test)
    files = [Subject(path) for path in paths if _same(path.rpartition("/")[2].partition(".")[0], query.topic)]
    symbols = (
        ()
        if files
        else [
            Subject(path, each)
            for path in paths
            for each in _definitions(path, repository)
            if _same(each.name, query.topic)
        ]
    )
    yield from files or symbols


def _same(name: str, words: Sequence[str]) -> bool:
    return [_singular(part) for part in split_name(name)] == [_singular(word) for word in words]


def _singular(word: str) -> str:
    return word.removesuffix("s")


def _definitions(path: str, repository: Repository) -> list[Definition]:
    with suppress(OSError, RepositoryError):
        return definitions_in(path, read_text(repository, path, f"{repository.head}:{path}")[0] or "")
    return []
