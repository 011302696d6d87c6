"""A question -> an answer with verified citations: search, draft, verify, decide whether to abstain.

Takes a `Searcher`; knows no editor and no command line.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import suppress

from whence_indexer.errors import RepositoryError
from whence_indexer.repository import Repository
from whence_indexer.search import Searcher
from whence_indexer.types import Citation, Hit
from whence_server import extractive
from whence_server.citations import verify
from whence_server.extractive import LEADS_FROM, Draft
from whence_server.inquiry import find_evidence
from whence_server.reasons import Reason
from whence_server.receipts import citation_url
from whence_server.types import Answer, Model, Question, Timings
from whence_server.why import explain

HITS = 12  # read for an answer
ABSTAIN_BELOW = 0.5
EXTRACTIVE = Model("extractive")
_WHY = re.compile(r"^\W*(why\b|how come\b|what (is|was|are|were) the (reason|motivation|rationale)s?\b)", re.IGNORECASE)
_ABSTENTION = "I don't know: nothing in this repository clearly answers that. The nearest evidence:\n\n"
_UNVERIFIED = "\n\n_{} quotation(s) no longer match the repository and were left out._"


def answer(question: Question, searcher: Searcher, repository: Repository) -> Answer:
    """Answer from the index; of the lines under the cursor, why, when and who from their history."""
    query = question.query
    if question.at and query.intent == "history":
        with suppress(RepositoryError):  # an untracked file, say, has no history, but the index may know of it
            return explain(repository, question.at, who=query.words[:1] == ("who",)).answer
    return answer_from_search(question, searcher, repository, follow=_WHY.search(query.text) is not None)


def answer_from_search(question: Question, searcher: Searcher, repository: Repository, follow: bool = False) -> Answer:
    """The answer from what search finds; with `follow` also from the commits that the code found is from."""
    started = time.monotonic()
    query = question.query
    hits = searcher.search(query, HITS)
    here = searcher.at(question.at.path, question.at.start_line) if question.at else None
    evidence = [here, *(hit for hit in hits if hit.text != here.text)] if here else hits
    reasons: dict[Hit, Reason] = {}
    if follow:
        evidence, reasons = find_evidence(query, evidence, searcher.rarity(query.content), searcher, repository)
    retrieved = time.monotonic()
    leads_from = 1 if here else LEADS_FROM
    draft, citations, unverified = _verified_draft(question, evidence, searcher, repository, leads_from, reasons)
    support = draft.support
    if reasons:  # whether the repository knows what is asked about is told by what search found
        support = extractive.draft(query, hits, searcher.rarity(query.content), searcher.embed).support
    confidence = extractive.confidence(support) if citations else 0.0
    abstained = confidence < ABSTAIN_BELOW
    text = _ABSTENTION if abstained else ""
    text += extractive.render("" if abstained else draft.lead, draft.passages, citations)
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


def _verified_draft(
    question: Question,
    evidence: list[Hit],
    searcher: Searcher,
    repository: Repository,
    leads_from: int,
    reasons: Mapping[Hit, Reason],
) -> tuple[Draft, list[Citation], int]:
    """A draft all of whose citations hold, they, and how many quotations had to be left out for that."""
    weights, unverified = searcher.rarity(question.query.content), 0
    while True:
        draft = extractive.draft(question.query, evidence, weights, searcher.embed, leads_from, reasons)
        citations = [
            extractive.cite(number, passage, passage.hit.url or citation_url(repository, passage.hit.commit))
            for number, passage in enumerate(draft.passages, 1)
        ]
        failed = {
            passage.hit
            for passage, citation in zip(draft.passages, citations, strict=True)
            if not verify(citation, repository, searcher)
        }
        if not failed:
            return draft, citations, unverified
        unverified += len(failed)
        evidence = [hit for hit in evidence if hit not in failed]
