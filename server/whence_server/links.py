"""Comments and docstrings -> where the numbers of issues and the ids of commits in them lead.

A link is made only where it leads somewhere: to a commit that git has, to a tracker whose addresses are known. Nothing
is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from whence_indexer.errors import RepositoryError
from whence_indexer.history import resolve_commits
from whence_indexer.parsed import Stretch, parse
from whence_indexer.references import find_mentions
from whence_indexer.repository import Repository
from whence_server.receipts import citation_url, thread_url, tracker_of

_MOST_IDS = 500  # of one file that are looked up
# Numbers, and words of these letters, are seldom meant as an id unless they are whole ones.
_ID = re.compile(r"(?<![\w/.@#=&%:+-])(?:[0-9a-f]{40}|(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,39})(?![\w-])")


@dataclass(frozen=True, slots=True)
class Link:
    """Columns `start` to `end` of `line` lead to `url`; `commit` is a whole id, `thread` a number, the other None."""

    line: int
    start: int
    end: int
    url: str
    commit: str | None = None
    thread: int | None = None


def find_links(repository: Repository, path: str, contents: str) -> list[Link]:
    """The links of the file `path`, which is `contents` on screen, in order. At most one call to git."""
    if not tracker_of(repository):
        return []
    rows = contents.split("\n")
    remarks = list(parse(path, contents).remarks())
    found = [*_threads(repository, rows, remarks), *_commits(repository, rows, remarks)]
    return sorted(found, key=lambda link: (link.line, link.start))


def _threads(repository: Repository, rows: Sequence[str], remarks: Sequence[Stretch]) -> Iterator[Link]:
    for place in remarks:
        said = rows[place.line - 1][place.start : place.end]
        for start, end, reference in find_mentions(said, repository.web_url):
            # A hash may be the mark of the comment itself, of a heading in it, or of a colour.
            marked = said[start] == "#" and (not said[:start].strip(" \t#") and not said[:start].endswith(" "))
            if marked or said[start : start + 2] == "#0":
                continue
            url = thread_url(repository, reference)
            if url is not None:
                yield Link(place.line, place.start + start, place.start + end, url, thread=reference.number)


def _commits(repository: Repository, rows: Sequence[str], remarks: Sequence[Stretch]) -> Iterator[Link]:
    matches = [
        (place, match) for place in remarks for match in _ID.finditer(rows[place.line - 1][place.start : place.end])
    ][:_MOST_IDS]
    try:
        whole = resolve_commits(repository, (match[0] for _, match in matches))
    except RepositoryError:
        return
    for place, match in matches:
        sha = whole.get(match[0])
        url = citation_url(repository, sha)
        if sha is not None and url is not None:
            yield Link(place.line, place.start + match.start(), place.start + match.end(), url, commit=sha)
