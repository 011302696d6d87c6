"""What a repository has that its index has not yet: files to read and to forget, commits to add and to drop.

Takes the repository and what the index says of itself; reads listings and revision lists, no contents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from whence_indexer.files import Listing, list_files
from whence_indexer.history import missing_revisions, revision_list, shallow_commits, work_tree_heads
from whence_indexer.repository import Repository
from whence_indexer.store import State


@dataclass(frozen=True)
class Changes:
    """The difference. `revisions` are git's arguments that select exactly the commits in `new_commits`.

    `refill` says that the indexed history is of no use: it was rewritten and cleaned up, or has become complete.
    """

    listing: Listing
    to_read: dict[str, str]
    to_forget: list[str]
    heads: list[str]
    revisions: list[str]
    new_commits: int
    lost_commits: list[str]
    boundary: list[str]
    refill: bool = False

    @property
    def files(self) -> int:
        """How many files differ."""
        return len(self.to_read) + len(self.to_forget)

    @property
    def commits(self) -> int:
        """How many commits differ."""
        return self.new_commits + len(self.lost_commits)

    @property
    def any(self) -> bool:
        """Whether anything differs."""
        return bool(self.files or self.commits or self.refill)


def find_changes(repository: Repository, indexed: Mapping[str, str], state: State, history: bool) -> Changes:
    """Compare the repository with an index of the files `indexed` (path -> content id) and the commits of `state`.

    Without `history` no commit is wanted.
    """
    listing = list_files(repository)
    heads = work_tree_heads(repository) if history else []
    boundary = sorted(shallow_commits(repository)) if history else []
    refill = boundary != state.boundary or bool(missing_revisions(repository, state.heads))
    revisions, new, lost = _commit_changes(repository, heads, [] if refill else state.heads)
    return Changes(
        listing=listing,
        to_read={path: blob for path, blob in listing.files.items() if indexed.get(path) != blob},
        to_forget=[path for path in indexed if path not in listing.files],
        heads=heads,
        revisions=revisions,
        new_commits=new,
        lost_commits=lost,
        boundary=boundary,
        refill=refill,
    )


def _commit_changes(repository: Repository, heads: list[str], old: list[str]) -> tuple[list[str], int, list[str]]:
    if set(heads) == set(old):
        return [], 0, []
    revisions = [*heads, *(f"^{head}" for head in old)] if heads else []
    lost = revision_list(repository, *old, *(f"^{head}" for head in heads)) if old else []
    return revisions, len(revision_list(repository, *revisions)), lost
