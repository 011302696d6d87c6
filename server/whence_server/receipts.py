"""Citations of commits against git itself, and where a commit is shown to people.

Takes a citation and the repository, needs no index. Never repairs a citation.
"""

from __future__ import annotations

from functools import lru_cache

from whence_indexer.history import read_message
from whence_indexer.repository import Repository
from whence_indexer.types import Citation, Reference


def in_history(citation: Citation, repository: Repository) -> bool:
    """Whether git has the commit, and its message holds the quote."""
    if not citation.quote.strip() or citation.commit is None or repository.common_dir is None:
        return False
    commit = read_message(repository, citation.commit)
    return commit is not None and citation.quote in f"{commit.subject}\n\n{commit.body}"


def citation_url(repository: Repository, commit: str | None) -> str | None:
    """The page of a commit on the project's host; None without a remote. Lines have none: HEAD may differ."""
    return repository.commit_url(commit)


def thread_url(repository: Repository, reference: Reference) -> str | None:
    """The page of an issue or pull request; None where the remote is on no tracker whose addresses are known."""
    kind = tracker_of(repository)
    if not kind:
        return None
    if kind == "gitlab":
        return f"{repository.web_url}/-/{'merge_requests' if reference.pull else 'issues'}/{reference.number}"
    return f"{repository.web_url}/issues/{reference.number}"  # both lead on to pull requests


def tracker_of(repository: Repository) -> str:
    """`github`, `gitlab` or `gitea` where the remote is known to be on one; "" elsewhere."""
    return _kind(repository.web_url) if repository.web_url else ""


@lru_cache(maxsize=16)
def _kind(page: str) -> str:
    from whence_indexer.trackers import tracker_kind  # loads what speaks to trackers, which takes a while

    return tracker_kind(page)
