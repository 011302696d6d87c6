"""A question -> an answer with verified citations: search, draft, verify, decide whether to abstain, let a model write.

Takes a `Searcher`; knows no editor and no command line.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from whence_indexer.errors import RepositoryError
from whence_indexer.finder import Finder
from whence_indexer.periods import complaint
from whence_indexer.query import Query
from whence_indexer.repository import Repository
from whence_indexer.types import Citation, Hit
from whence_server import extractive
from whence_server.actions import who
from whence_server.chronicle import find_moment
from whence_server.citations import verify
from whence_server.conversations import points_back
from whence_server.credits import find_authors
from whence_server.descriptions import find_description, find_doer, named
from whence_server.digest import find_digest
from whence_server.extractive import LEADS_FROM, Draft
from whence_server.followups import answer_pointed
from whence_server.inquiry import Evidence, find_evidence
from whence_server.markup import plain
from whence_server.overview import find_overview
from whence_server.passages import Passage, best_passage, coverage
from whence_server.receipts import citation_url
from whence_server.releases import find_release
from whence_server.removals import find_removal
from whence_server.types import Answer, Model, Question, Timings
from whence_server.why import explain

if TYPE_CHECKING:
    from whence_server.composing import Writing

HITS = 12  # read for an answer
_SURE = 0.8  # an order, fitted on nothing: of what was read in the history
_EARLIER = 0.6  # what a question found counts so far for the next one of the conversation
EXTRACTIVE = Model("extractive")
_UNVERIFIED = "\n\n_{} quotation(s) no longer match the repository and were left out._"


@dataclass(frozen=True, slots=True)
class Gathered:
    """An answer made of quotations, the sentence that leads it ("" where none does, or it abstains), and the passages
    that a model is shown to write another: those quoted, and further ones where they were wanted and it does not
    abstain."""

    quotations: Answer
    lead: str
    passages: tuple[Passage, ...]


def answer(
    question: Question,
    searcher: Finder,
    repository: Repository,
    earlier: Sequence[Hit] = (),
    check: Callable[[], object] = lambda: None,
    *,
    writing: Writing | None = None,
) -> Answer:
    """Answer from the index; what only points at lines, or at what was shown, from these and their history.

    `earlier` is the evidence of the conversation so far, which counts less than what is found now. `check` is called
    between the steps and while a model writes, and may raise to end this. With `writing` a model writes from the
    evidence where there is enough of it; where it fails, quotations answer.
    """
    query = question.query
    if question.asked and (pointed := answer_pointed(question, searcher, repository)):
        return pointed
    if question.at and query.intent == "history":
        with suppress(RepositoryError):  # an untracked file, say, has no history, but the index may know of it
            shown = searcher.unsaved(question.at.path)
            if query.words[:1] == ("who",):
                return who(repository, question.at, shown)
            return explain(repository, question.at, contents=shown).answer
    return answer_from_search(
        question, searcher, repository, earlier, check, follow=query.intent == "history", writing=writing
    )


def answer_from_search(
    question: Question,
    searcher: Finder,
    repository: Repository,
    earlier: Sequence[Hit] = (),
    check: Callable[[], object] = lambda: None,
    *,
    follow: bool = False,
    writing: Writing | None = None,
) -> Answer:
    """The answer from what search finds; with `follow` also from the history of that, with `writing` by a model."""
    started = time.monotonic()
    found = gather(question, searcher, repository, earlier, check, follow=follow, further=writing is not None)
    if writing is None or found.quotations.abstained:
        return found.quotations
    from whence_server.composing import compose

    def cite(number: int, passage: Passage) -> Citation:
        return _cite(number, passage, repository)

    text, passages = question.query.text, found.passages
    return compose(found.quotations, text, passages, cite, writing, check, lambda: time.monotonic() - started)


def gather(
    question: Question,
    searcher: Finder,
    repository: Repository,
    earlier: Sequence[Hit] = (),
    check: Callable[[], object] = lambda: None,
    *,
    follow: bool = False,
    further: bool = True,
) -> Gathered:
    """What search finds of a question, verified, before any model is asked; `further` as `Gathered` says."""
    started = time.monotonic()
    query = question.query
    hits = _with_earlier(searcher.search(query, HITS), _concerned(earlier, query, searcher))
    check()
    here = searcher.at(question.at.path, question.at.start_line) if question.at else None
    evidence = [here, *(hit for hit in hits if hit.text != here.text)] if here else hits
    tell = _follow if follow else _describe
    found = tell(query, evidence, searcher, repository) or Evidence(evidence, {})
    retrieved = time.monotonic()
    check()
    by_number = bool(hits) and _is_named(hits[0], query)
    leads_from = 1 if here or by_number else LEADS_FROM
    draft, citations, unverified = _verified_draft(question, found, searcher, repository, leads_from)
    support = draft.support
    if found.reasons:  # whether the repository knows what is asked about is told by what search found
        weights, unknown = searcher.rarity(query.content), searcher.unknown(query)
        support = extractive.draft(query, hits, weights, searcher.embed, unknown=unknown).support
    confidence = max(extractive.confidence(support), _SURE if found.sure or by_number else 0.0) if citations else 0.0
    amiss = found.amiss
    if not amiss and query.intent == "history" and not found.sure:
        amiss = complaint(repository, query.period)
    confidence = 0.0 if amiss else confidence
    abstained = confidence < extractive.ABSTAIN_BELOW
    text = f"{plain(amiss[:1].upper() + amiss[1:])}. " if amiss else ""
    text += extractive.ABSTENTION if abstained else ""
    lead = "" if abstained else draft.lead
    shown = 1 if not amiss and confidence < extractive.NEARLY_NOTHING else len(citations)
    passages = tuple(named(passage, searcher, repository) for passage in draft.passages[:shown])
    citations = citations[:shown]
    text += extractive.render(lead, passages, citations)
    if unverified:
        text += _UNVERIFIED.format(unverified)
    total = time.monotonic() - started
    quotations = Answer(
        text=text.strip(),
        confidence=round(confidence, 3),
        abstained=abstained,
        citations=tuple(citations),
        model=EXTRACTIVE,
        timings=Timings(round(retrieved - started, 4), round(total, 4), round(total, 4)),
        evidence=tuple(passage.hit for passage in draft.passages[:shown]),
    )
    if abstained or not further:
        return Gathered(quotations, lead, passages)
    weights = searcher.rarity(query.content)
    more = _more_passages(draft.passages, found.hits, weights, repository, searcher)
    return Gathered(quotations, lead, tuple(named(passage, searcher, repository) for passage in more))


def _more_passages(
    first: Sequence[Passage],
    evidence: Sequence[Hit],
    weights: Mapping[str, float],
    repository: Repository,
    searcher: Finder,
) -> list[Passage]:
    """`first`, then those of further evidence that stand where they say."""
    from whence_server.composing import PASSAGES

    passages, used = list(first), {passage.hit for passage in first}
    for hit in evidence:
        if len(passages) < PASSAGES and hit not in used:
            passage = best_passage(hit, weights)
            if verify(_cite(0, passage, repository), repository, searcher):
                passages.append(passage)
    return passages


def _cite(number: int, passage: Passage, repository: Repository) -> Citation:
    url = passage.hit.url or citation_url(repository, passage.hit.commit)
    return extractive.cite(number, passage, url)


def _concerned(earlier: Sequence[Hit], query: Query, searcher: Finder) -> Sequence[Hit]:
    """The evidence of earlier questions that this one may be about: all of it where it points back."""
    if points_back(query.text):
        return earlier
    weights = searcher.rarity(query.content)
    return [hit for hit in earlier if coverage(hit.text, weights)]


def _is_named(hit: Hit, query: Query) -> bool:
    """Whether a question names a thread by its number, or a commit by its id."""
    if hit.kind == "commit":
        return any((hit.commit or "").startswith(each) for each in query.commits)
    return hit.kind in ("issue", "pull") and hit.thread in query.threads


def _with_earlier(hits: Sequence[Hit], earlier: Sequence[Hit]) -> list[Hit]:
    """Both, best first, each text once."""
    kept = {hit.text: replace(hit, score=hit.score * _EARLIER) for hit in earlier} if earlier else {}
    return sorted(
        [*hits, *(kept[text] for text in kept.keys() - {hit.text for hit in hits})], key=lambda hit: -hit.score
    )


def _describe(query: Query, hits: list[Hit], searcher: Finder, repository: Repository) -> Evidence | None:
    """What a question of the project, of one named thing, or of what is done somewhere asks for; None for others."""
    found = find_overview(query, searcher, repository) or find_description(query, hits, searcher, repository)
    return found or find_doer(query, hits, searcher, repository)


def _follow(query: Query, hits: list[Hit], searcher: Finder, repository: Repository) -> Evidence | None:
    """What the history tells of a question of why, when or who; None for others."""
    if repository.head is None:
        return None
    if query.asks_why:
        return find_removal(query, hits, searcher, repository) or find_evidence(
            query, hits, searcher.rarity(query.content), searcher, repository
        )
    ways = (find_release, find_moment, find_digest, find_authors)
    return next(filter(None, (way(query, hits, searcher, repository) for way in ways)), None)


def _verified_draft(
    question: Question, found: Evidence, searcher: Finder, repository: Repository, leads_from: int
) -> tuple[Draft, list[Citation], int]:
    """A draft all of whose citations hold, they, and how many quotations had to be left out for that."""
    unknown = searcher.unknown(question.query)
    weights, unverified, evidence = searcher.rarity(question.query.content), 0, found.hits
    while True:
        draft = extractive.draft(
            question.query, evidence, weights, searcher.embed, leads_from, found.reasons, unknown, found.shown
        )
        citations = [_cite(number, passage, repository) for number, passage in enumerate(draft.passages, 1)]
        failed = {
            passage.hit
            for passage, citation in zip(draft.passages, citations, strict=True)
            if not verify(citation, repository, searcher)
        }
        if not failed:
            return draft, citations, unverified
        unverified += len(failed)
        evidence = [hit for hit in evidence if hit not in failed]
