"""Commits and threads joined: which commits belong to an issue or pull request, and which of these a commit came by.

Made of the rows of the store; asks no git. A commit belongs to the threads that its message names, to the pull request
whose merge brought it in, and to the one of which its tracker says that it is the merge.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Graph:
    """How commits hang together, each value by the commit's id.

    `threads` its message names, `closes` those it closes; `pulls` are the pull request that it is titled by, or that a
    tracker says was merged as it; `merges` is the merge that brought it in, as `arrivals` finds them.
    """

    threads: Mapping[str, Sequence[int]]
    closes: Mapping[str, Sequence[int]]
    pulls: Mapping[str, int | None]
    merges: Mapping[str, str]

    def thread_of(self, sha: str) -> int | None:
        """What a commit closes, or is titled by, or was brought in by; None where no thread is known."""
        return next(iter(self.closes.get(sha, ())), None) or self._pull_of(sha)

    def commits_of(self) -> dict[int, list[str]]:
        """The commits of each thread."""
        found: defaultdict[int, list[str]] = defaultdict(list)
        for sha, named in self.threads.items():
            for number in dict.fromkeys((*named, self._pull_of(sha))):
                if number is not None:
                    found[number].append(sha)
        return dict(found)

    def _pull_of(self, sha: str) -> int | None:
        at: str | None = sha
        while at is not None:
            if pull := self.pulls.get(at):
                return pull
            at = self.merges.get(at)
        return None


def arrivals(parents: Mapping[str, Sequence[str]], heads: Iterable[str]) -> dict[str, str]:
    """The merge that brought in each commit that was not made on the main line of a head: the innermost one.

    `parents` are those of every known commit; takes time in proportion to their number.
    """
    found: dict[str, str] = {}
    seen: set[str] = set()
    for head in heads:
        waiting: list[tuple[str, str | None]] = [(head, None)]
        while waiting:
            tip, merge = waiting.pop()
            line = list(_first_parents(tip, parents, seen))
            seen.update(line)
            if merge is not None:
                found.update(dict.fromkeys(line, merge))
            # The oldest merge is taken first, so that what two of them hold came by the earlier.
            waiting += [(other, sha) for sha in line for other in reversed(parents[sha][1:])]
    return found


def _first_parents(tip: str, parents: Mapping[str, Sequence[str]], seen: set[str]) -> Iterable[str]:
    """`tip` and its ancestors by first parents, newest first, as far as they are known and not `seen`."""
    sha: str | None = tip
    while sha is not None and sha in parents and sha not in seen:
        yield sha
        sha = next(iter(parents[sha]), None)
