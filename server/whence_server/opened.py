"""What an editor's instant answers need of a file, held in memory; and the work in the background that puts it there.

The `read_` functions take a second and more, for a thread of their own; all else here asks no process and no database.
It holds what was true at `repository.head`: whoever hears that HEAD moved opens the repository anew, and its files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import lru_cache

from whence_indexer.authorship import Authorship, Line, glimpse, recall, remember
from whence_indexer.errors import RepositoryError, StoreError
from whence_indexer.files import read_text
from whence_indexer.lines import split_lines
from whence_indexer.parsed import parse
from whence_indexer.references import find_references
from whence_indexer.repository import Repository
from whence_indexer.types import Commit, Span

_LARGE = 60_000  # bytes of a file that is not read while somebody waits: redacting and parsing it takes 20 ms
_MOST_KNOWN = 5_000  # titles, and states of large files, that are kept

Wait = Callable[[Span, str | None], None]  # hears which lines to read, and the text on screen where that is the file


def open_file(repository: Repository, path: str, contents: str | None = None) -> None:
    """Read all that `hover` and `find_lenses` want to know of a file, `contents` as it is on screen. Raises nothing."""
    with suppress(RepositoryError):
        read_text_of(repository, path, contents)
        read_history(repository, path)


def read_text_of(repository: Repository, path: str, contents: str | None = None) -> None:
    """Parse a file, however large, as it is on disk and as it is on screen: `contents`."""
    for text in (text_of(repository, path, large=True), contents):
        if text is not None:
            parse(path, text)


def read_lines(repository: Repository, lines: Span, contents: str | None = None) -> None:
    """Read what `lines` of a file are from, as it is on screen or else on disk. Raises `RepositoryError`."""
    text = text_of(repository, lines.path, large=True) if contents is None else contents
    if text is not None:
        known = glimpse(repository, lines.path, split_lines(text), lines.start_line, lines.end_line)
        _learn_titles(repository, known)


def read_history(repository: Repository, path: str) -> None:
    """Read what all lines of a file are from. Raises `RepositoryError`."""
    _learn_titles(repository, remember(repository, path))


def text_of(repository: Repository, path: str, large: bool = False) -> str | None:
    """The file as it is on disk, redacted; None where it is no text, not there, or too large to be read for the first
    time while somebody waits, unless it is asked for: `large`."""
    try:
        about = (repository.root / path).stat()
    except OSError:
        return None
    state = repository, path, about.st_mtime_ns, about.st_size
    if about.st_size > _LARGE and state not in _large:
        if not large:
            return None
        if len(_large) >= _MOST_KNOWN:
            _large.clear()
        _large.add(state)
    return _text(*state)


def history_of(repository: Repository, path: str, text: str) -> tuple[Authorship, Sequence[Line]] | None:
    """What was read of the history of a file, and what each line of it, now `text`, is from; None where nothing was."""
    known = recall(repository, path)
    return None if known is None else (known, _lines(known, text))


def title_of(repository: Repository, commit: Commit) -> tuple[int, str] | None:
    """The pull request or issue that a commit names, by its number, and its title, "" where that is not known."""
    named = find_references(commit.subject, commit.body, repository.project)
    known = [each.number for each in named if (repository, each.number) in _titles]
    number = next(iter(known), None) or next((each.number for each in named), None)
    return None if number is None else (number, _titles.get((repository, number), ""))


@lru_cache(maxsize=128)
def _text(repository: Repository, path: str, changed: int, size: int) -> str | None:
    try:
        return read_text(repository, path, "")[0]
    except (OSError, RepositoryError):
        return None


@lru_cache(maxsize=16)
def _lines(known: Authorship, text: str) -> Sequence[Line]:
    return known.lines(split_lines(text))


def _learn_titles(repository: Repository, known: Authorship) -> None:
    _titles.update(_read_titles(repository, known.commits.values()))
    for key in list(_titles)[:-_MOST_KNOWN]:
        _titles.pop(key, None)


def _read_titles(repository: Repository, commits: Iterable[Commit]) -> dict[tuple[Repository, int], str]:
    """The titles of the imported threads that these commits name."""
    named = (find_references(commit.subject, commit.body, repository.project) for commit in commits)
    numbers = sorted({reference.number for references in named for reference in references})
    if not numbers or not (repository.index_dir / "state.json").is_file():
        return {}
    from whence_indexer import schema
    from whence_indexer.store import Store

    try:
        store = Store(repository.index_dir)
        if schema.THREADS_TABLE not in store.state.tables:
            return {}
        where = f"part = 0 AND number IN ({', '.join(map(str, numbers))})"
        rows = store.rows(schema.THREADS_TABLE, ["number", "title"], where).to_pylist()
    except StoreError:
        return {}
    return {(repository, row["number"]): row["title"] for row in rows}


_large: set[tuple[Repository, str, int, int]] = set()  # states of large files that were read
_titles: dict[tuple[Repository, int], str] = {}
