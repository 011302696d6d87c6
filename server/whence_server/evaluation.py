"""Questions with known answers -> how well search finds them and how well answers cite them.

Metrics are pure functions; the loop takes a `Searcher`. Writes nothing.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from whence_indexer.errors import QueryError
from whence_indexer.query import parse_query
from whence_indexer.repository import Repository
from whence_indexer.search import Searcher
from whence_indexer.types import Hit, Kind
from whence_server.answering import answer
from whence_server.types import Answer, Question

_HITS_PER_SOURCE = 5  # hits asked for, per distinct file wanted: several chunks of one file count once
_IDENTIFIER = re.compile(r"\b\w*[a-z0-9](?:_\w+|[A-Z]\w*)\b|`([^`\s]+)`")


@dataclass(frozen=True, slots=True)
class Example:
    """A question and what answers it: files, commits (full ids or beginnings), and a reference answer."""

    question: str
    paths: frozenset[str] = frozenset()
    commits: frozenset[str] = frozenset()
    answer: str | None = None


def read_examples(file: Path) -> list[Example]:
    """Examples from JSON lines. Raises `QueryError` naming the first line that is not one."""
    examples = []
    try:
        lines = file.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise QueryError(f"{file} cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            examples.append(_example(line, f"{file.name} line {number}"))
    if not examples:
        raise QueryError(f"{file} holds no questions")
    return examples


def evaluate(examples: Sequence[Example], searcher: Searcher, repository: Repository, k: int = 10) -> dict[str, Any]:
    """Mean recall, MRR and nDCG over the examples that name sources, answer scores over those with an answer."""
    rankings, seconds = [], []
    for example in examples:
        started = time.perf_counter()
        rankings.append(rank_sources(example, searcher, max(k, 10)))
        seconds.append(time.perf_counter() - started)
    judged = [(ranking, example) for ranking, example in zip(rankings, examples, strict=True) if _gold(example)]
    report: dict[str, Any] = {"queries": len(examples)}
    for cut in sorted({1, 5, 10, k}):
        report[f"recall@{cut}"] = _mean([recall(ranking, _gold(example), cut) for ranking, example in judged])
    report["mrr"] = _mean([reciprocal_rank(ranking, _gold(example)) for ranking, example in judged])
    for cut in sorted({10, k}):
        report[f"ndcg@{cut}"] = _mean([ndcg(ranking, _gold(example), cut) for ranking, example in judged])
    report["p50_ms"], report["p95_ms"] = (round(float(np.percentile(seconds, cut)) * 1000, 2) for cut in (50, 95))
    return report | _answer_scores(examples, searcher, repository)


def rank_sources(example: Example, searcher: Searcher, k: int) -> list[str]:
    """The first `k` distinct files (and commits, where the example names some) in the order they are found."""
    kinds: list[Kind] = ["code", "doc"] if example.paths or not example.commits else []
    hits = searcher.search(example.question, k * _HITS_PER_SOURCE, [*kinds, "commit"] if example.commits else kinds)
    return list(dict.fromkeys(_source(hit, example) for hit in hits))[:k]


def recall(ranking: Sequence[str], gold: frozenset[str], k: int) -> float:
    """|gold ∩ first k| / |gold|."""
    return len(gold & set(ranking[:k])) / len(gold)


def reciprocal_rank(ranking: Sequence[str], gold: frozenset[str]) -> float:
    """1 / rank of the first source in `gold`; 0 if none is found."""
    return next((1 / rank for rank, source in enumerate(ranking, 1) if source in gold), 0.0)


def ndcg(ranking: Sequence[str], gold: frozenset[str], k: int) -> float:
    """Binary gains, discount log2(rank + 1), ideal over min(k, |gold|)."""
    gained = sum(1 / math.log2(rank + 1) for rank, source in enumerate(ranking[:k], 1) if source in gold)
    return gained / sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(gold)) + 1))


def citation_precision_recall(answered: Answer, gold: frozenset[str]) -> tuple[float, float]:
    """Over the distinct files that an answer cites."""
    cited = {citation.path for citation in answered.citations if citation.path}
    return (len(cited & gold) / len(cited) if cited else 0.0), len(cited & gold) / len(gold)


def identifier_coverage(text: str, reference: str) -> float:
    """Share of the identifiers of a reference answer that `text` holds."""
    wanted = {match[1] or match[0] for match in _IDENTIFIER.finditer(reference)}
    return sum(name in text for name in wanted) / len(wanted) if wanted else 1.0


def _answer_scores(examples: Sequence[Example], searcher: Searcher, repository: Repository) -> dict[str, Any]:
    with_answer = [example for example in examples if example.answer is not None]
    if not with_answer:
        return {}
    answers = [answer(Question(parse_query(example.question)), searcher, repository) for example in with_answer]
    pairs = list(zip(answers, with_answer, strict=True))
    cited = [citation_precision_recall(given, example.paths) for given, example in pairs if example.paths]
    coverages = [identifier_coverage(given.text, example.answer or "") for given, example in pairs]
    return {
        "citation_precision": _mean([precision for precision, _ in cited]),
        "citation_recall": _mean([found for _, found in cited]),
        "identifier_coverage": _mean(coverages),
        "abstained": _mean([float(given.abstained) for given in answers]),
    }


def _example(line: str, where: str) -> Example:
    try:
        record: Mapping[str, Any] = json.loads(line)
        question, reference = record["question"], record.get("answer")
        listed = [record.get(key) or [] for key in ("paths", "commits")]
        if not all(isinstance(sources, list) for sources in listed):
            raise TypeError("a source is not in a list")
        paths, commits = map(frozenset, listed)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise QueryError(f"{where}: not a JSON object with a question and lists of paths and commits") from error
    texts = [question, *paths, *commits, *([reference] if reference is not None else [])]
    if not all(isinstance(text, str) for text in texts):
        raise QueryError(f"{where}: question, answer, paths and commits must be text")
    return Example(question, paths, commits, reference)


def _gold(example: Example) -> frozenset[str]:
    return example.paths | example.commits


def _source(hit: Hit, example: Example) -> str:
    """A hit's file, or its commit as the example writes it."""
    if hit.commit is None:
        return hit.path or ""
    return next((commit for commit in example.commits if hit.commit.startswith(commit)), hit.commit)


def _mean(values: Sequence[float]) -> float | None:
    return round(fmean(values), 4) if values else None
