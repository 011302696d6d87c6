"""What an editor's instant answers need of a file, held in memory; and the work in the background that puts it there.

`open_file` takes a second, for a thread of its own; all else here asks no process and no database. It holds what was
true at `repository.head`: whoever hears that HEAD moved opens the repository anew, and its files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from whence_indexer.authorship import Authorship, recall, remember
from whence_indexer.errors import RepositoryError, StoreError
from whence_indexer.files import read_text
from whence_indexer.lines import split_lines
from whence_indexer.parsed import parse
from whence_indexer.references import find_references
from whence_indexer.repository import Repository
from whence_indexer.types import Commit

_LARGE = 60_000  # bytes of a file that is not read while somebody waits: redacting and parsing it takes 20 ms


def open_file(repository: Repository, path: str, contents: str | None = None) -> None:
    """Read what `hover` and `find_lenses` want to know of a file, `contents` as it is on screen. Raises nothing."""
    for text in (contents, text_of(repository, path, large=True)):
        if text is not None:
            parse(path, text)
    try:
        commits = remember(repository, path).commits or {}
    except RepositoryError:
        return
    _titles.update(_read_titles(repository, commits.values()))


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
        _large.add(state)
    return _text(*state)


def last_commits(repository: Repository, path: str, text: str) -> Sequence[Commit | None] | None:
    """For each line of the file, now `text`, the last commit that changed more than its form; None of new lines.

    None where the file was not opened yet.
    """
    known = recall(repository, path)
    return None if known is None else _commits(known, text)


def title_of(repository: Repository, commit: Commit) -> tuple[int, str] | None:
    """The pull request or issue that a commit names, by its number, and its title, "" where that is not known."""
    named = find_references(commit.subject, commit.body, repository.web_url)
    known = [each.number for each in named if (repository, each.number) in _titles]
    number = next(iter(known), None) or next((each.number for each in named), None)
    return None if number is None else (number, _titles.get((repository, number), ""))


@lru_cache(maxsize=128)
def _text(repository: Repository, path: str, changed: int, size: int) -> str | None:
    try:
        return read_text(repository, path, "")[0]
    except (OSError, RepositoryError):
        return None


@lru_cache(maxsize=32)
def _commits(known: Authorship, text: str) -> Sequence[Commit | None]:
    return known.commits_of(split_lines(text))


def _read_titles(repository: Repository, commits: Iterable[Commit]) -> dict[tuple[Repository, int], str]:
    """The titles of the imported threads that these commits name."""
    named = (find_references(commit.subject, commit.body, repository.web_url) for commit in commits)
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
