"""What is new since the last run that was started by itself -> whether another is due. Pure.

What waits is counted until there is enough; then everything that waits is taken at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from whence_indexer.threads import Thread
from whence_training.config import Triggers
from whence_training.qa.collecting import File, News


@dataclass(frozen=True, slots=True)
class Waiting:
    """What has come since: ids of commits, keys of closed issues and merged pull requests, paths of documents, ids of
    corrections; and the signals of monitoring that are bad.
    """

    commits: tuple[str, ...] = ()
    issues: tuple[str, ...] = ()
    pulls: tuple[str, ...] = ()
    docs: tuple[str, ...] = ()
    corrections: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()

    @property
    def history(self) -> int:
        """How many things the buffer holds."""
        return len(self.commits) + len(self.issues) + len(self.pulls) + len(self.docs)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was there when a run was last started: the cursor of the sources, corrections, bad signals.

    `pending` are the reasons of a run that was started and has not ended, `tries` how often it was.
    """

    cursor: dict[str, Any] | None = None
    corrections: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    tries: int = field(default=0)


def waiting(
    news: News, threads: Iterable[Thread], files: Iterable[File], corrections: Sequence[str], bad: Sequence[str],
    seen: Seen,
) -> Waiting:  # fmt: skip
    """What has come since `seen`; `corrections` and `bad` are all there are now."""
    states = {f"{thread.kind} {thread.number}": thread for thread in threads if not thread.derived}
    changed = [states[key] for key in news.threads if key in states]
    docs = {file.path for file in files if file.kind == "doc"}
    return Waiting(
        commits=news.commits,
        issues=tuple(f"issue {each.number}" for each in changed if each.kind == "issue" and each.state == "closed"),
        pulls=tuple(f"pull {each.number}" for each in changed if each.kind == "pull" and each.state == "merged"),
        docs=tuple(path for path in news.files if path in docs),
        corrections=tuple(each for each in corrections if each not in seen.corrections),
        bad=tuple(each for each in bad if each not in seen.bad),
    )


def reasons(held: Waiting, told: Triggers) -> tuple[str, ...]:
    """Why a run is due now, a sentence each; none: it is not."""
    why = []
    if held.history >= told.buffer.min:
        counts = {"commits": held.commits, "closed issues": held.issues, "merged pull requests": held.pulls,
                  "changed documents": held.docs}  # fmt: skip
        why.append(f"new: {', '.join(f'{len(each)} {name}' for name, each in counts.items() if each)}")
    if told.corrections and len(held.corrections) >= told.corrections:
        why.append(f"{len(held.corrections)} corrections")
    if told.degradation and held.bad:
        why.append(f"worse than it should be: {', '.join(held.bad)}")
    return tuple(why)
