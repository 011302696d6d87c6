"""How a commit came to the main line: the merge that brought it in, which may name a pull request where it does not.

Takes a repository and a commit, asks git. A commit made on the main line itself came by none.
"""

from __future__ import annotations

from functools import lru_cache

from whence_indexer import plumbing
from whence_indexer.errors import RepositoryError
from whence_indexer.history import read_message
from whence_indexer.repository import Repository
from whence_indexer.types import Commit


def bringing_merge(repository: Repository, sha: str, seconds: float | None = None) -> Commit | None:
    """The first merge on the way of first parents to HEAD that holds `sha` and whose first parent does not.

    None where there is none, or git takes longer than `seconds`.
    """
    if repository.head is None or repository.head == sha:
        return None
    try:
        return _bringing(repository, sha, repository.head, seconds)
    except RepositoryError:
        return None


@lru_cache(maxsize=1024)
def _bringing(repository: Repository, sha: str, head: str, seconds: float | None) -> Commit | None:
    way = "--first-parent --merges --ancestry-path --reverse".split()
    found = plumbing.run(repository.root, "rev-list", *way, f"{sha}..{head}", "--", seconds=seconds)
    merge = found.partition(b"\n")[0].decode()
    if not merge or _holds(repository, f"{merge}^1", sha, seconds):
        return None
    return read_message(repository, merge)


def _holds(repository: Repository, revision: str, sha: str, seconds: float | None) -> bool:
    """Whether `sha` is among the ancestors of `revision`."""
    base = plumbing.run(repository.root, "merge-base", revision, sha, seconds=seconds)
    return base.decode().strip() == sha
