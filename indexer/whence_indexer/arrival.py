"""How a commit came to the main line: the merges that brought it in, which may name a pull request where it does not.

Takes a repository and a commit, asks git for the history between them, which `graph.arrivals` reads.
"""

from __future__ import annotations

from functools import lru_cache

from whence_indexer import plumbing
from whence_indexer.errors import RepositoryError
from whence_indexer.graph import arrivals
from whence_indexer.history import read_message
from whence_indexer.repository import Repository
from whence_indexer.types import Commit


def bringing_merges(repository: Repository, sha: str, seconds: float | None = None) -> tuple[Commit, ...]:
    """The merge that brought `sha` into its branch, the one that brought that in, and so on to the line of HEAD.

    None where it was made on that line, or git takes longer than `seconds`.
    """
    if repository.head is None or repository.head == sha:
        return ()
    try:
        found = (read_message(repository, merge) for merge in _bringing(repository, sha, repository.head, seconds))
        return tuple(filter(None, found))
    except RepositoryError:
        return ()


@lru_cache(maxsize=1024)
def _bringing(repository: Repository, sha: str, head: str, seconds: float | None) -> tuple[str, ...]:
    # No merge but one that holds the commit can have brought it in, nor a merge of that.
    listed = plumbing.run(
        repository.root, "rev-list", "--ancestry-path", "--parents", f"{sha}..{head}", "--", seconds=seconds
    )
    rows = (line.split() for line in listed.decode().splitlines())
    merges = arrivals({sha: []} | {row[0]: row[1:] for row in rows}, [head])
    way, at = list[str](), merges.get(sha)
    while at is not None:
        way.append(at)
        at = merges.get(at)
    return tuple(way)
