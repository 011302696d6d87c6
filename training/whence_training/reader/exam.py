"""How well questions are answered: by a reader through its worker, and by the composer of quotations, alike.

Takes records of projects that neither has learned from. An answer is the first sentence it gives, with its passage;
none where it says that it does not know.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from whence_indexer.embedder import Embedder
from whence_indexer.query import parse_query
from whence_indexer.terms import words
from whence_server import extractive
from whence_server.extractive import ABSTAIN_BELOW
from whence_server.generation.drafting import write
from whence_server.generation.generator import Generator
from whence_server.generation.prompt import UNKNOWN
from whence_server.generation.quoting import Sentence, chosen, offered
from whence_training.reader.records import Record

Answerer = Callable[[Record], Sentence | None]


@dataclass(frozen=True, slots=True)
class Marks:
    """Over the records that have an answer, shares of 0 to 1: the right sentence, the right passage, ROUGE-L (F) of the
    sentence. Of saying that it does not know: precision and recall over all records, None where it never did."""

    answerable: int
    unanswerable: int
    sentence: float
    passage: float
    rouge: float
    precision: float | None
    recall: float | None


def examine(records: Sequence[Record], answerer: Answerer) -> Marks:
    """The marks for the answers to `records`, some of which have no answer. Needs rouge-score."""
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"])
    given = [(record, answerer(record)) for record in records]
    wanted = [(_right(record), said) for record, said in given if record.answer != UNKNOWN]
    silent = [record.answer == UNKNOWN for record, said in given if said is None]
    unanswerable = len(records) - len(wanted)
    return Marks(
        answerable=len(wanted),
        unanswerable=unanswerable,
        sentence=fmean(said is not None and said.text == right.text for right, said in wanted),
        passage=fmean(said is not None and said.passage == right.passage for right, said in wanted),
        rouge=fmean(scorer.score(right.text, said.text)["rougeL"].fmeasure if said else 0.0 for right, said in wanted),
        precision=fmean(silent) if silent else None,
        recall=sum(silent) / unanswerable if unanswerable else None,
    )


def reader(generator: Generator) -> Answerer:
    """Answers of a model in quote mode, as it is served."""

    def answer(record: Record) -> Sentence | None:
        written = write(generator, record.question, record.passages)
        shown = record.passages[: len(record.passages) - written.trimmed]
        return next(iter(chosen(written.generated.text, offered(shown))), None)

    return answer


def composer(records: Iterable[Record], embedder: Embedder, abstains: bool = True) -> Answerer:
    """Answers of the composer of quotations. Words are as rare as in the passages of `records`, all of one project."""
    held: Counter[str] = Counter()
    passages = {passage.quote for record in records for passage in record.passages}
    for quote in passages:
        held.update(set(words(quote)))

    def answer(record: Record) -> Sentence | None:
        query = parse_query(record.question)
        weights = _rarity(query.content, held, len(passages))
        hits = [replace(p.hit, text=p.quote, start_line=p.start_line) for p in record.passages]
        draft = extractive.draft(query, hits, weights, embedder.embed, unknown=[w for w in weights if not held[w]])
        if not draft.lead or (abstains and extractive.confidence(draft.support) < ABSTAIN_BELOW):
            return None
        return Sentence(" ".join(draft.lead.split()), hits.index(draft.passages[0].hit) + 1)

    return answer


def first(record: Record) -> Sentence | None:
    """The first sentence of the best passage: what takes no reading at all."""
    return next(iter(record.choices), None)


def _right(record: Record) -> Sentence:
    return next(choice for choice in record.choices if choice.line == record.answer)


def _rarity(content: Iterable[str], held: Mapping[str, int], passages: int) -> dict[str, float]:
    return {word: math.log((passages + 1) / (1 + held[word])) + 0.1 for word in content}
