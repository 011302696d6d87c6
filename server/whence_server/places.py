"""What a person types to name a place: lines of a file, a definition, or a file.

`parse_place` is pure: text -> `Place`; whether that exists is for others to say. `exactly` adds what to type instead
where a file or folder was named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from os.path import exists
from pathlib import Path
from typing import NamedTuple

from whence_indexer.errors import QueryError, SourceError
from whence_indexer.repository import Repository

_LINES = re.compile(r"(.+):(\d{1,9})(?:-(\d{1,9}))?", re.DOTALL)
_SYMBOL = re.compile(r"[^\W\d]\w*(?:(?:\.|::|#|->|\\)\w+)*[?!]?")


class Place(NamedTuple):
    """Lines of a file, a definition in it or anywhere, or all of a file; `last` is None for its last line."""

    path: str | None
    symbol: str | None = None
    first: int = 1
    last: int | None = None


def parse_place(value: str, lines_needed: bool = True) -> Place:
    """`PATH:LINE[-LINE]`, `PATH#SYMBOL` or `SYMBOL`; unless lines are needed also `PATH`. Raises `QueryError`."""
    if match := _LINES.fullmatch(value):
        first, last = int(match[2]), int(match[3] or match[2])
        if not 1 <= first <= last:
            raise QueryError(f"{value!r} names no lines: they begin at 1, and the first comes first")
        return Place(match[1], None, first, last)
    path, _, symbol = value.rpartition("#")
    if symbol and ("/" in path or "." in path):  # `Cart#add` is Ruby's way to name a method
        return Place(path, symbol)
    if not lines_needed and ("/" in value or "." in value) and "#" not in value:
        return Place(value)
    if "/" in value or not _SYMBOL.fullmatch(value):
        raise QueryError(f"{value!r} is neither lines, PATH:LINE or PATH:LINE-LINE, nor a definition, PATH#SYMBOL")
    return Place(None, value)


@contextmanager
def exactly(repository: Repository, value: str) -> Iterator[None]:
    """What fails because `value` is only a file or a folder is told as that, with what to type: a `QueryError`."""
    try:
        yield
    except (QueryError, SourceError) as error:
        name = value.rstrip("/")
        at = next((place for folder in (repository.root, Path.cwd()) if exists(place := folder / name)), None)
        told = isinstance(error, SourceError) and not str(error).startswith(
            (f"nothing named {name} ", f"{name} is a f")
        )
        if told or not name or repository.bare or at is None or not at.resolve().is_relative_to(repository.root):
            raise
        if at.is_dir():
            raise QueryError(f"{name} is a folder; name a file in it: {name}/FILE, {name}/FILE:LINE") from error
        raise QueryError(
            f"{name} is a file; say which lines or which definition: {name}:LINE, {name}:LINE-LINE, {name}#SYMBOL"
        ) from error
