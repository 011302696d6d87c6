"""Questions of a dataset -> answers by a model, on the server's own path: its search, prompt, grammar and decoding.

What is found of a question is found once, for all models that are asked it. Two settings: the evidence that the record
brings (how well it reads), or that which search finds now (how well it serves). Nothing here looks at an answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from whence_indexer.query import parse_query
from whence_indexer.repository import Repository
from whence_indexer.search import Searcher
from whence_indexer.terms import identifiers_of
from whence_server import extractive
from whence_server.answering import gather
from whence_server.errors import PromptError
from whence_server.extractive import ABSTAIN_BELOW
from whence_server.generation.confidence import calibrated
from whence_server.generation.drafting import fitted, write
from whence_server.generation.generator import Generator, Request
from whence_server.generation.grammar import literal
from whence_server.generation.prompt import system_text
from whence_server.generation.quoting import Sentence
from whence_server.passages import Passage
from whence_server.types import Question
from whence_training.evaluation.answered import Answered
from whence_training.evaluation.leaks import refuse_leak
from whence_training.evaluation.suites import INJECTION, suite_of
from whence_training.finetuning.examples import reference
from whence_training.finetuning.pace import paced
from whence_training.qa.record import Record

Setting = Literal["record", "retrieval"]
_DATA = (".json", ".jsonl", ".csv", ".yaml", ".yml")  # in which sets of questions are kept


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the evidence that `setting` serves for it. `weak` evidence is shown to no model: the answer
    abstains. `quoted` is the sentence that quotations answer with; None where they abstain."""

    record: Record
    setting: Setting
    passages: tuple[Passage, ...]
    confidence: float
    weak: bool
    seconds: float
    quoted: Sentence | None = None


def brings_evidence(record: Record) -> bool:
    """Whether a question means nothing without its own evidence: it is asked over that of another, planted, or it is
    not of the repository."""
    own = record.generator == "rules:unanswerable" or suite_of(record) == INJECTION
    return own or record.category == "general"


def ask(
    records: Sequence[Record],
    setting: Setting,
    searcher: Searcher | None = None,
    repository: Repository | None = None,
    note: Callable[[str], None] = lambda message: None,
    sets: frozenset[str] = frozenset(),
) -> list[Asked]:
    """The evidence for each of them. With `retrieval` it is searched for, which needs both optional arguments; a record
    that `brings_evidence` is shown that all the same. `sets` are the files, from the root, that hold the questions."""
    found = []
    for record in paced(records, "searching", note):
        if setting == "record" or brings_evidence(record):
            own = tuple(evidence.passage() for evidence in record.context)
            quoted = _quoted(record, own, searcher) if searcher else None
            found.append(Asked(record, setting, own, 1.0, False, 0.0, quoted))
        else:
            assert searcher is not None
            assert repository is not None
            found.append(_searched(record, searcher, repository, sets))
    return found


def answer_records(
    asked: Sequence[Asked],
    generator: Generator,
    note: Callable[[str], None] = lambda message: None,
    measure_loss: bool = True,
) -> Iterator[Answered]:
    """What the model says to each, in their order. What does not fit into its context it abstains from.

    With `measure_loss` it is also made to say the reference, which takes as long again.
    Raises `WorkerError` where it cannot be asked: silence is not taken for an answer.
    """
    for each in paced(asked, f"{generator.model.name} answers", note):
        yield _answered(each, generator, measure_loss)


def quote_records(asked: Sequence[Asked]) -> Iterator[Answered]:
    """What quotations, which need no model, say to each."""
    for each in asked:
        said, cited = (each.quoted.text, (each.quoted.passage,)) if each.quoted else ("", ())
        yield Answered(each.record, said, cited, each.passages, not cited, each.confidence, each.seconds)


def _searched(record: Record, searcher: Searcher, repository: Repository, sets: frozenset[str]) -> Asked:
    started, query = time.perf_counter(), parse_query(record.question)
    found = gather(Question(query), searcher, repository, follow=query.intent == "history")
    passages = tuple(passage for passage in found.passages if not _is_set(passage, record, sets))
    quotations = found.quotations
    quoted = None
    if passages and not quotations.abstained:
        leads = passages[0] == found.passages[0]  # else it was from a set of questions
        quoted = Sentence(found.lead or passages[0].quote, 1) if leads else _quoted(record, passages, searcher)
    seconds = time.perf_counter() - started
    return Asked(record, "retrieval", passages, quotations.confidence, quotations.abstained, seconds, quoted)


def _quoted(record: Record, passages: Sequence[Passage], searcher: Searcher) -> Sentence | None:
    """What quotations would answer had search found these `passages`."""
    query = parse_query(record.question)
    hits = [replace(each.hit, text=each.quote, start_line=each.start_line) for each in passages]
    unknown = searcher.unknown(query)
    made = extractive.draft(query, hits, searcher.rarity(query.content), searcher.embed, unknown=unknown)
    if not made.passages or extractive.confidence(made.support) < ABSTAIN_BELOW:
        return None
    return Sentence(made.lead or made.passages[0].quote, hits.index(made.passages[0].hit) + 1)


def _is_set(passage: Passage, record: Record, sets: frozenset[str]) -> bool:
    """Whether it is from a set of questions that the repository keeps: what measures is no evidence.

    One that is not named is known by the question in a file of data, or by question and answer in one that the answer
    is not from, whatever the quotation marks and line breaks.
    """
    path = passage.hit.path
    if path is None or path in sets:
        return path is not None
    is_data, is_origin = path.lower().endswith(_DATA), path in {evidence.path for evidence in record.origin}
    holds = _worded(record.question) in (text := _worded(passage.hit.text))
    return holds and (is_data or (not is_origin and _worded(record.answer) in text))


def _worded(text: str) -> str:
    return f" {' '.join(identifiers_of(text.lower()))} "


def _answered(asked: Asked, generator: Generator, measure_loss: bool) -> Answered:
    started, record = time.perf_counter(), asked.record
    if asked.weak or not asked.passages:
        return Answered(record, "", (), asked.passages, True, asked.confidence, asked.seconds)
    try:
        prompt, _ = fitted(generator, record.question, asked.passages)
        refuse_leak(record, f"{system_text(generator.mode)}\n{prompt.text}", asked.passages)
        written = write(generator, record.question, asked.passages)
    except PromptError:
        return Answered(record, "", (), asked.passages, True, 0.0, asked.seconds)
    seconds = asked.seconds + time.perf_counter() - started
    confidence = calibrated(asked.confidence, written.generated.logprobs, generator.calibration)
    loss = _log_loss(asked, generator) if measure_loss else None
    passages = tuple(written.evidence)
    if not written.cited or confidence < ABSTAIN_BELOW:
        return Answered(record, "", (), passages, True, confidence / (1 if written.cited else 2), seconds, loss)
    return Answered(record, written.text, written.cited, passages, False, confidence, seconds, loss)


def _log_loss(asked: Asked, generator: Generator) -> tuple[float, int] | None:
    """How unlikely the model finds the reference, in nats, and of how many tokens: it is made to say it by a grammar.

    None where the evidence does not hold it. The tokens are those by which the model itself would spell it.
    """
    said = reference(asked.record, asked.passages, generator.mode)
    if said is None:
        return None
    prompt, _ = fitted(generator, asked.record.question, asked.passages)
    most = len(said) + 1  # no token is less than a character
    request = Request(system_text(generator.mode), prompt.text, f"root ::= {literal(said)}", most)
    try:
        generated = generator.generate(request)
    except PromptError:
        return None
    return -sum(generated.logprobs), len(generated.logprobs)
