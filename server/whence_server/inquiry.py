"""A question of why -> the commits that may hold the reason: those that search finds, and those that the code is from.

Takes a question and its hits, asks the index and git. Words are a weak sign of a reason: who asks does not know those
of the message. The code that the question is about leads to its commits whatever these say.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from whence_indexer.errors import RepositoryError
from whence_indexer.finder import Finder
from whence_indexer.history import read_message
from whence_indexer.lineage import trace
from whence_indexer.query import Query
from whence_indexer.references import find_references, foremost
from whence_indexer.repository import Repository
from whence_indexer.source import find_source
from whence_indexer.terms import words
from whence_indexer.types import Commit, Hit, Span
from whence_server.discussions import find_discussions, find_told
from whence_server.extractive import PASSAGES
from whence_server.passages import coverage
from whence_server.reasons import CAUSE, Reason, find_reasons

COMMITS = 20  # found by search that are considered
_PLACES = 3  # pieces of code whose lines are followed
_LINES = 2  # of each, those that hold most of the question
_SECONDS = 0.6  # after which no further place is followed
_STEPS = 1  # versions of a line before the present one
_SHOWN = 3  # commits put before what search found
_SHAPES, _SAYS = 0.3, 0.6  # from which on a reason may lead
_STATES = 0.9  # from which on a subject is what is asked about
_EARLIER = 0.5  # how much a commit of an earlier version counts beside one of the present


@dataclass(frozen=True, slots=True)
class Evidence:
    """Hits in the order in which an answer shows them, and what is quoted of some. The first one's reason, if it has
    one, leads; `sure` when that is a fact found in the history rather than words that are like the question's. `shown`
    are the most that an answer quotes; `amiss` is why they are no answer, as a sentence."""

    hits: list[Hit]
    reasons: Mapping[Hit, Reason]
    sure: bool = False
    shown: int = PASSAGES
    amiss: str = ""


@dataclass(slots=True)
class Candidate:
    """A commit that may hold the reason, with the one in its message that is most to the point.

    `found` is how well search finds it, `shaped` how much of the lines asked about is from it, `like` the likeness of
    its message to the question, `says` the share of the question's words in it, `states` in its subject; 0 to 1 each.
    """

    hit: Hit
    reason: Reason | None = None
    found: float = 0.0
    shaped: float = 0.0
    like: float = 0.0
    says: float = 0.0
    states: float = 0.0

    @property
    def tells(self) -> float:
        """How plainly it gives a reason, 0 to 1."""
        return self.reason.strength / CAUSE if self.reason else 0.0

    @property
    def value(self) -> float:
        """How likely it holds the reason that is asked for, comparable within one question."""
        return sum(weight * float(getattr(self, name)) for name, weight in COEFFICIENTS.items())


# Fitted to which commit a question of `tests/benchmarks/reasons.py` was made from, on the half that was looked at; then
# `tells` was lowered, since all of those commits tell a reason.
COEFFICIENTS = {"found": 1.5, "shaped": 4.0, "like": 1.0, "says": 4.0, "states": 4.0, "tells": 3.0}


def find_evidence(
    query: Query, hits: Sequence[Hit], weights: Mapping[str, float], searcher: Finder, repository: Repository
) -> Evidence:
    """`hits` with the commits before them that most likely hold the reason, which leads where it is about the question.

    What was said in a thread of the likeliest commit comes first where its own message gives no cause.
    """
    likeliest = candidates(query, hits, weights, searcher, repository)[:_SHOWN]
    reasons = {each.hit: each.reason for each in likeliest if each.reason and _is_about(each)}
    told = told_in_threads(likeliest[0], repository) if likeliest and likeliest[0].tells < 1 else None
    if likeliest and not (told or likeliest[0].reason) and likeliest[0].states >= _STATES:
        subject = likeliest[0].hit.text.partition("\n")[0]
        said = f"The commit that did it gives no reason, but only says “{subject}”."
        reasons[likeliest[0].hit] = Reason(said, subject, 0)
    first = [told[0]] if told else []
    threads = [hit for hit in hits[:_SHOWN] if hit.kind in ("issue", "pull")][:1]
    order = [*first, *(each.hit for each in likeliest[:1]), *threads, *(each.hit for each in likeliest[1:]), *hits]
    return Evidence(each_once(order), (dict([told]) if told else {}) | reasons)


def _is_about(candidate: Candidate) -> bool:
    """Whether a reason may lead: its commit made the code that is asked about, or says most of what is asked."""
    return candidate.shaped >= _SHAPES or candidate.says >= _SAYS


def told_in_threads(candidate: Candidate, repository: Repository) -> tuple[Hit, Reason] | None:
    """The best reason given in the threads of a commit."""
    commit = read_message(repository, candidate.hit.commit or "") if _is_about(candidate) else None
    if commit is None:
        return None
    for told in find_told(find_discussions(repository, [commit]).of(commit.sha))[:1]:
        thread, text = told.thread, told.comment.body if told.comment else f"{told.thread.title}\n\n{told.thread.body}"
        if thread.derived:  # what is known of it is the message of the commit that brought it in
            merge = read_message(repository, thread.merge_commit or "")
            return (commit_hit(merge, repository), told.reason) if merge and merge.sha != commit.sha else None
        url = (told.comment.url if told.comment else "") or thread.url or None
        by, date = (told.comment.author, told.comment.date) if told.comment else (thread.author, thread.created)
        about = {"commit": commit.sha, "thread": thread.number, "url": url, "author": by or None, "date": date or None}
        return Hit(thread.kind, 0.0, text, **about), told.reason  # type: ignore[arg-type]
    return None


def each_once(hits: Iterable[Hit]) -> list[Hit]:
    """The hits without those whose commit, or text, came before."""
    found: dict[str, Hit] = {}
    for hit in hits:
        found.setdefault(hit.commit if hit.kind == "commit" and hit.commit else hit.text, hit)
    return list(found.values())


def candidates(
    query: Query, hits: Sequence[Hit], weights: Mapping[str, float], searcher: Finder, repository: Repository
) -> list[Candidate]:
    """The commits for `query`, best first; `hits` were found, `weights` are its words with their rarity."""
    known = {hit.commit: Candidate(hit, found=hit.score) for hit in searcher.search(query, COMMITS, ["commit"])}
    for commit, share in _shapers(query, hits, weights, repository):
        known.setdefault(commit.sha, Candidate(commit_hit(commit, repository))).shaped += share
    found = list(known.values())
    likeness = searcher.embed([each.hit.text for each in found]) @ searcher.embed([query.text])[0] if found else []
    for each, like in zip(found, likeness, strict=True):
        subject, _, body = each.hit.text.partition("\n\n")
        # What was done is what the question repeats, so that a subject is asked where the body gives nothing.
        each.reason = _to_the_point(find_reasons("", body) or find_reasons(subject, ""), weights)
        each.found, each.shaped, each.like = min(each.found, 1.0), min(each.shaped, 1.0), max(float(like), 0.0)
        each.says, each.states = coverage(each.hit.text, weights), coverage(subject, weights)
    return sorted(found, key=lambda each: -each.value)


def _to_the_point(reasons: Sequence[Reason], weights: Mapping[str, float]) -> Reason | None:
    """The reason that says most of what is asked, and why."""
    return max(
        reasons, key=lambda reason: reason.strength / CAUSE + coverage(reason.sentence, weights) / 2, default=None
    )


def _shapers(
    query: Query, hits: Sequence[Hit], weights: Mapping[str, float], repository: Repository
) -> Iterator[tuple[Commit, float]]:
    """The commits that the lines asked about are from, each with its part of them; the code found first counts most."""
    deadline = time.monotonic() + _SECONDS
    code = [hit for hit in hits if hit.kind == "code" and not str(hit.path).endswith(".ipynb")][:_PLACES]
    for rank, hit in enumerate(code):
        for place, share in _focus(hit, weights):
            if time.monotonic() > deadline:
                return
            with suppress(RepositoryError):  # an untracked file, say, has no history
                source = find_source(repository, place.path, place.start_line, place.end_line)
                for shaper in trace(repository, source, place.start_line, place.end_line, _STEPS).shapers:
                    yield shaper.commit, share * (_EARLIER if shaper.earlier else 1.0) / (1 + rank)


def _focus(hit: Hit, weights: Mapping[str, float]) -> list[tuple[Span, float]]:
    """The lines of a piece of code that hold most of what is asked about it, with their part of that.

    The name of the definition tells which it is; what is asked are the other words, where it holds any.
    """
    rows = hit.text.split("\n")
    named = set(words(hit.symbol or ""))
    others = {word: weight for word, weight in weights.items() if word not in named}
    asked = others if coverage(hit.text, others) else weights
    gains = [coverage(row, asked) for row in rows]
    best = sorted(range(len(rows)), key=lambda row: (-gains[row], row))[:_LINES]
    total = sum(gains[row] for row in best) or math.inf
    first = hit.start_line or 1
    return [(Span(str(hit.path), first + row, first + row), gains[row] / total) for row in best if gains[row]]


def commit_hit(commit: Commit, repository: Repository) -> Hit:
    """A commit as search gives it, with a score of 0."""
    named = find_references(commit.subject, commit.body, repository.project)
    text = "\n\n".join(filter(None, (commit.subject, commit.body)))
    about = {"commit": commit.sha, "thread": foremost(named), "author": commit.author, "date": commit.date}
    return Hit(kind="commit", score=0.0, text=text, **about)  # type: ignore[arg-type]
