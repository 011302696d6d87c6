"""Questions of why something was removed, renamed or deprecated -> the commit that did it, and the reasons it gives.

Takes a question and its hits, asks the index and git. The code is gone, so that no line of it leads to its reason, and
search finds what speaks of it; the commit that took the definition away is found by what it changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from whence_indexer.finder import Finder
from whence_indexer.history import instant, read_message
from whence_indexer.query import Query
from whence_indexer.repository import Repository
from whence_indexer.types import Commit, Hit
from whence_server.chronicle import DONE, find_changed, said_of_change, title
from whence_server.inquiry import Candidate, Evidence, commit_hit, each_once, told_in_threads
from whence_server.passages import coverage
from whence_server.reasons import CAUSE, Reason, find_reasons

_MESSAGES = 20  # searched for one that speaks of it
_SAYS = 0.5  # of the words of what is asked about


def find_removal(query: Query, hits: Sequence[Hit], searcher: Finder, repository: Repository) -> Evidence | None:
    """When and by which commit it was done, and why if that was written down; None for another question or if unknown.

    Before a removal stands the commit that deprecated it, if there is one.
    """
    if query.change not in ("removed", "deprecated"):
        return None
    changed = find_changed(query, searcher, repository)
    commit = read_message(repository, changed.sha) if changed else None
    if changed is None or commit is None or not commit.subject:
        return _unsaid(query, hits, searcher)
    hit, done = commit_hit(commit, repository), said_of_change(query, changed, commit, repository)
    given = _given(commit)
    told = None if given else told_in_threads(Candidate(hit, shaped=1.0), repository)
    if told and told[0].kind == "commit" and told[1].strength < CAUSE:  # a merge, whose title says what it is of
        told = None
    before = _deprecation(query, changed.names, commit, searcher, repository) if query.change == "removed" else None
    reasons = dict([before] if before else [])
    reasons[hit] = Reason("", commit.subject, 0)
    if given is not None:
        reasons[hit] = _with_reason(done, given)
    elif told is not None:
        reasons[told[0]] = _with_reason(done, told[1])
    else:
        nothing = f"{done} No reason was recorded there: the commit only says “{commit.subject}”."
        reasons[hit] = Reason(nothing, commit.subject, 0)
    first = [*([told[0]] if told else []), hit, *([before[0]] if before else [])]
    return Evidence(each_once([*first, *hits]), reasons, sure=True)


def _given(commit: Commit) -> Reason | None:
    """The reason in a message. Of a subject that speaks of what is deprecated or unused, that is what was done."""
    found = find_reasons("", commit.body) or find_reasons(commit.subject, "")
    return next((each for each in found if each.quote != commit.subject or each.strength == CAUSE), None)


def _unsaid(query: Query, hits: Sequence[Hit], searcher: Finder) -> Evidence | None:
    """That nothing says it was done; None where a message does."""
    if query.change is None:
        return None
    found = searcher.search(query, _MESSAGES, ["commit"])
    done, weights = DONE[query.change], searcher.rarity(query.topic)
    said = (title(*hit.text.partition("\n\n")[::2]) for hit in found)
    if any(done.search(text) and coverage(text, weights) >= _SAYS for text in said):
        return None
    return Evidence(list(hits), {}, amiss=f"no commit here says that it was {query.change}")


def _with_reason(done: str, reason: Reason) -> Reason:
    return replace(reason, sentence=f"{done} The reason given: “{reason.sentence}”")


def _deprecation(
    query: Query, names: Sequence[str], removal: Commit, searcher: Finder, repository: Repository
) -> tuple[Hit, Reason] | None:
    """The commit that deprecated it first, before the removal, with what it says."""
    asked = replace(query, change="deprecated", names=query.names or tuple(names))
    changed = find_changed(asked, searcher, repository)
    commit = read_message(repository, changed.sha) if changed else None
    if commit is None or not commit.subject or instant(commit.date) > instant(removal.date):
        return None
    return commit_hit(commit, repository), _given(commit) or Reason("", commit.subject, 0)
