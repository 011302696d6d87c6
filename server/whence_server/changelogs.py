"""Numbers of issues and pull requests -> what the project's changelogs say of them, as lines that can be quoted.

Reads the changelogs of the work tree that are indexed files of it, redacted like every file.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from whence_indexer.allowing import read_allowed
from whence_indexer.derivation import derive_threads
from whence_indexer.errors import RepositoryError
from whence_indexer.files import is_present, list_named, read_text
from whence_indexer.repository import Repository
from whence_indexer.types import Span

_NAME = re.compile(r"(change(s|log)?|history|news|release[-_ ]?notes)(\.(md|rst|txt|adoc))?", re.IGNORECASE)
_FOLDERS = ("", "docs", "doc")
_MOST_LINES = 12
_MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A point of a changelog: where it stands and its lines."""

    place: Span
    text: str


def find_entries(repository: Repository, numbers: Collection[int]) -> list[tuple[int, Entry]]:
    """The entries that name one of `numbers`, each with the number."""
    found = []
    allowed = read_allowed(repository)[0].name if numbers else ""
    for path in _changelogs(repository) if numbers else ():
        about = (repository.root / path).stat()
        entries = _entries(repository, path, about.st_mtime_ns, about.st_size, allowed)
        found += [(number, entry) for number in numbers for entry in entries.get(number, ())]
    return found


def stands(repository: Repository, entry: Entry) -> bool:
    """Whether the file holds the entry's lines now."""
    place = entry.place
    try:
        text = read_text(repository, place.path, "")[0] or ""
    except (OSError, RepositoryError):
        return False
    return text.split("\n")[place.start_line - 1 : place.end_line] == entry.text.split("\n")


def _changelogs(repository: Repository) -> list[str]:
    """Paths of the changelogs, relative to the root; none of a bare repository, which has no files."""
    found = []
    for folder in _FOLDERS if not repository.bare else ():
        files = sorted((repository.root / folder).glob("*"))
        found += [f"{folder}/{file.name}".lstrip("/") for file in files if _NAME.fullmatch(file.name) and _fits(file)]
    return [path for path in list_named(repository, found).files if is_present(repository, path)]


def _fits(file: Path) -> bool:
    return file.is_file() and not file.is_symlink() and file.stat().st_size <= _MOST_BYTES


@lru_cache(maxsize=16)
def _entries(repository: Repository, path: str, changed: int, size: int, allowed: str) -> dict[int, list[Entry]]:
    """The entries of one file by number; `changed` and `size` tell a later state of it, `allowed` what may stay."""
    try:
        text, _ = read_text(repository, path, "")
    except (OSError, RepositoryError):
        return {}
    lines = (text or "").split("\n")
    found = {}
    for thread in derive_threads([], {path: text or ""}, repository.project):
        entries = (_entry(path, lines, comment.line or 1, comment.body) for comment in thread.comments)
        found[thread.number] = [entry for entry in entries if entry is not None]
    return found


def _entry(path: str, lines: list[str], first: int, body: str) -> Entry | None:
    """The lines from `first` on that say `body`, which is them on one line."""
    for last in range(first, min(first + _MOST_LINES, len(lines) + 1)):
        said = " ".join(line.strip() for line in lines[first - 1 : last])
        if said.endswith(body):
            return Entry(Span(path, first, last), "\n".join(lines[first - 1 : last]))
    return None
