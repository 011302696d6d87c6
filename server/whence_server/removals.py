"""Questions of why something was removed, renamed or deprecated -> the commit that did it, and the reasons it gives.

Takes a question and its hits, asks the index and git. The code is gone, so that no line of it leads to its reason, and
search finds what speaks of it; the commit that took the definition away is found by what it changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from whence_indexer.finder import Finder
from whence_indexer.history import read_message
from whence_indexer.query import Query
from whence_indexer.repository import Repository
from whence_indexer.types import Hit
from whence_server.chronicle import find_changed, said_of_change
from whence_server.inquiry import Candidate, Evidence, commit_hit, each_once, told_in_threads
from whence_server.reasons import Reason, find_reasons


def find_removal(query: Query, hits: Sequence[Hit], searcher: Finder, repository: Repository) -> Evidence | None:
    """When and by which commit it was done, and why if that was written down; None for another question or if unknown.

    Before a removal stands the commit that deprecated it, if there is one.
    """
    if query.change not in ("removed", "deprecated"):
        return None
    changed = find_changed(query, searcher, repository)
    commit = read_message(repository, changed.sha) if changed else None
    if changed is None or commit is None or not commit.subject:
        return None
    hit, done = commit_hit(commit, repository), said_of_change(query, changed, commit, repository)
    told = told_in_threads(Candidate(hit, shaped=1.0), repository)
    given = next(iter(find_reasons(commit.subject, commit.body)), None)
    before = _deprecation(query, changed.names, searcher, repository) if query.change == "removed" else None
    reasons = dict([before] if before else [])
    first: list[Hit] = [hit]
    if given is None and told is not None:
        first, reasons = [told[0], hit], reasons | {told[0]: replace(told[1], sentence=_with_reason(done, told[1]))}
    elif given is not None:
        reasons[hit] = replace(given, sentence=_with_reason(done, given))
    else:
        why = "No reason was recorded there: the commit only says what it did."
        reasons[hit] = Reason(f"{done} {why}", commit.subject, 0)
    reasons.setdefault(hit, Reason("", commit.subject, 0))
    return Evidence(each_once([*first, *([before[0]] if before else []), *hits]), reasons, sure=True)


def _with_reason(done: str, reason: Reason) -> str:
    return f"{done} The reason given: “{reason.sentence}”"


def _deprecation(
    query: Query, names: Sequence[str], searcher: Finder, repository: Repository
) -> tuple[Hit, Reason] | None:
    """The commit that deprecated it first, with what it says."""
    asked = replace(query, change="deprecated", names=query.names or tuple(names))
    changed = find_changed(asked, searcher, repository)
    commit = read_message(repository, changed.sha) if changed else None
    if commit is None or not commit.subject:
        return None
    given = next(iter(find_reasons(commit.subject, commit.body)), Reason("", commit.subject, 0))
    return commit_hit(commit, repository), given
