"""A question -> an answer with verified citations: search, draft, verify, decide whether to abstain.

Takes a `Searcher`; knows no editor and no command line.
"""

from __future__ import annotations

import time

from whence_indexer.repository import Repository
from whence_indexer.search import Searcher
from whence_indexer.types import Citation
from whence_server import extractive
from whence_server.citations import citation_url, verify
from whence_server.extractive import Draft
from whence_server.passages import Passage
from whence_server.types import Answer, Model, Question, Timings

HITS = 12  # read for an answer
ABSTAIN_BELOW = 0.5
EXTRACTIVE = Model("extractive")
_ABSTENTION = "I don't know: nothing in this repository clearly answers that. The nearest evidence:\n\n"
_UNVERIFIED = "\n\n_{} quotation(s) no longer match the repository and were left out._"


def answer(question: Question, searcher: Searcher, repository: Repository) -> Answer:
    """Answer from the index alone."""
    started = time.monotonic()
    query = question.query
    hits = searcher.search(query, HITS)
    here = searcher.at(question.at.path, question.at.start_line) if question.at else None
    retrieved = time.monotonic()
    evidence = [here, *(hit for hit in hits if hit.text != here.text)] if here else hits
    leads_from = 1 if here else extractive.LEADS_FROM
    draft = extractive.draft(query, evidence, searcher.rarity(query.content), searcher.embed, leads_from)
    passages, citations = _verified(draft, repository, searcher)
    confidence = extractive.confidence(draft.support) if passages else 0.0
    abstained = confidence < ABSTAIN_BELOW
    lead = draft.lead if passages[:1] == list(draft.passages[:1]) else ""
    text = _ABSTENTION if abstained else ""
    text += extractive.render("" if abstained else lead, passages, citations)
    unverified = len(draft.passages) - len(passages)
    if unverified:
        text += _UNVERIFIED.format(unverified)
    total = time.monotonic() - started
    return Answer(
        text=text.strip(),
        confidence=round(confidence, 3),
        abstained=abstained,
        citations=tuple(citations),
        model=EXTRACTIVE,
        timings=Timings(round(retrieved - started, 4), round(total, 4), round(total, 4)),
    )


def _verified(draft: Draft, repository: Repository, searcher: Searcher) -> tuple[list[Passage], list[Citation]]:
    """The passages whose citations hold, numbered anew from 1."""
    passages: list[Passage] = []
    citations: list[Citation] = []
    for passage in draft.passages:
        url = citation_url(repository, passage.hit.commit)
        citation = extractive.cite(len(citations) + 1, passage, url)
        if verify(citation, repository, searcher.store):
            passages.append(passage)
            citations.append(citation)
    return passages, citations
