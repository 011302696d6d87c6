"""What a repository has that its index has not yet: files to read and to forget, commits to add and to drop.

Takes the repository and what the index says of itself; reads listings and revision lists, no contents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from whence_indexer.errors import RepositoryError
from whence_indexer.files import Listing, list_files
from whence_indexer.history import missing_revisions, revision_list, work_tree_heads
from whence_indexer.repository import Repository


@dataclass(frozen=True)
class Changes:
    """The difference. `revisions` are git's arguments that select exactly the commits in `new_commits`."""

    listing: Listing
    to_read: dict[str, str]
    to_forget: list[str]
    heads: list[str]
    revisions: list[str]
    new_commits: int
    lost_commits: list[str]

    @property
    def files(self) -> int:
        """How many files differ."""
        return len(self.to_read) + len(self.to_forget)

    @property
    def commits(self) -> int:
        """How many commits differ."""
        return self.new_commits + len(self.lost_commits)


def find_changes(
    repository: Repository, indexed: Mapping[str, str], indexed_heads: Sequence[str], history: bool
) -> Changes:
    """Compare the repository with an index of the files `indexed` (path -> content id) and of `indexed_heads`.

    Without `history` commits are taken as they are in the index.
    """
    listing = list_files(repository)
    heads = work_tree_heads(repository) if history else list(indexed_heads)
    revisions, new, lost = _commit_changes(repository, heads, indexed_heads)
    return Changes(
        listing=listing,
        to_read={path: blob for path, blob in listing.files.items() if indexed.get(path) != blob},
        to_forget=[path for path in indexed if path not in listing.files],
        heads=heads,
        revisions=revisions,
        new_commits=new,
        lost_commits=lost,
    )


def _commit_changes(repository: Repository, heads: list[str], old: Sequence[str]) -> tuple[list[str], int, list[str]]:
    if set(heads) == set(old):
        return [], 0, []
    if gone := missing_revisions(repository, old):
        raise RepositoryError(f"commit {gone[0][:12]} is no longer in the repository; run whence index --rebuild")
    revisions = [*heads, *(f"^{head}" for head in old)]
    lost = revision_list(repository, *old, *(f"^{head}" for head in heads)) if old else []
    return revisions, len(revision_list(repository, *revisions)), lost
