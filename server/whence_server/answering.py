"""A question -> an answer with verified citations: search, draft, verify, decide whether to abstain, let a model write.

Takes a `Searcher`; knows no editor and no command line.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from whence_indexer.errors import RepositoryError
from whence_indexer.repository import Repository
from whence_indexer.search import Searcher
from whence_indexer.types import Citation, Hit
from whence_server import extractive
from whence_server.citations import verify
from whence_server.extractive import LEADS_FROM, Draft
from whence_server.passages import Passage, best_passage
from whence_server.receipts import citation_url
from whence_server.types import Answer, Model, Question, Timings
from whence_server.why import explain

if TYPE_CHECKING:
    from whence_server.composing import Writing

HITS = 12  # read for an answer
ABSTAIN_BELOW = 0.5
EXTRACTIVE = Model("extractive")
_UNVERIFIED = "\n\n_{} quotation(s) no longer match the repository and were left out._"


def answer(question: Question, searcher: Searcher, repository: Repository, *, writing: Writing | None = None) -> Answer:
    """Answer from the index; of the lines under the cursor, why, when and who from their history.

    With `writing` a model writes from the evidence where there is enough of it; where it fails, quotations answer.
    """
    started = time.monotonic()
    query = question.query
    if question.at and query.intent == "history":
        with suppress(RepositoryError):  # an untracked file, say, has no history, but the index may know of it
            return explain(repository, question.at, who=query.words[:1] == ("who",)).answer
    hits = searcher.search(query, HITS)
    here = searcher.at(question.at.path, question.at.start_line) if question.at else None
    retrieved = time.monotonic()
    evidence = [here, *(hit for hit in hits if hit.text != here.text)] if here else hits
    draft, citations, unverified = _verified_draft(question, evidence, searcher, repository, 1 if here else LEADS_FROM)
    confidence = extractive.confidence(draft.support) if citations else 0.0
    abstained = confidence < ABSTAIN_BELOW
    text = extractive.ABSTENTION if abstained else ""
    text += extractive.render("" if abstained else draft.lead, draft.passages, citations)
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
    )
    if writing is None or abstained:
        return quotations
    from whence_server.composing import compose

    def cite(number: int, passage: Passage) -> Citation:
        return _cite(number, passage, repository)

    passages = _more_passages(draft.passages, evidence, searcher.rarity(query.content), repository, searcher)
    return compose(quotations, query.text, passages, cite, writing, lambda: time.monotonic() - started)


def _more_passages(
    first: Sequence[Passage],
    evidence: Sequence[Hit],
    weights: Mapping[str, float],
    repository: Repository,
    searcher: Searcher,
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


def _verified_draft(
    question: Question, evidence: list[Hit], searcher: Searcher, repository: Repository, leads_from: int
) -> tuple[Draft, list[Citation], int]:
    """A draft all of whose citations hold, they, and how many quotations had to be left out for that."""
    weights, unverified = searcher.rarity(question.query.content), 0
    while True:
        draft = extractive.draft(question.query, evidence, weights, searcher.embed, leads_from)
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
