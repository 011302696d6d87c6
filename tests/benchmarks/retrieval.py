"""`python -m tests.benchmarks.retrieval`: how well search and answers do on the two public sets.

Indexes each pinned revision in a temporary checkout, asks through the interface the command line uses, and writes the
tables into a page between its markers. Clones are only read.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.progress import track
from tests.benchmarks import datasets
from tests.benchmarks.baselines import Baselines
from tests.benchmarks.checkouts import Checkout, open_checkout
from tests.benchmarks.datasets import RANKS, Pinned, SpanQuery
from tests.benchmarks.markdown import measured, number, table, write_section

from whence_indexer.types import Hit
from whence_server.evaluation import Example, evaluate, recall, reciprocal_rank

_HITS_PER_FILE = 5  # as `whence eval` asks: several chunks of one file count once
_METRICS = ("recall@1", "recall@5", "recall@10", "mrr")
_ANSWER_SCORES = ("citation_precision", "citation_recall", "identifier_coverage", "abstained")
_METHODS = ("Whence", "dense only", "lexical only")

Search = Callable[[str, int], list[Hit]]


def main() -> None:
    """Measure, print, and write where asked."""
    options = _options()
    report = "\n\n".join(_report(options.data, options.clones, options.embedder))
    print(report)
    if options.write:
        write_section(options.write, "retrieval", report)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.retrieval", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with swe-qa/ and semble/")
    parser.add_argument("--clones", type=Path, required=True, help="folder of clones, named as in repos.json")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the tables into this page")
    parser.add_argument("--embedder", metavar="MODEL", help="the embedding model (default: the shipped one)")
    return parser.parse_args()


def _report(data: Path, clones: Path, model: str | None) -> Iterator[str]:
    yield measured() + (f" Embedder: `{model}`." if model else "")
    yield from _swe_qa(data, clones, model)
    yield from _semble(data, clones, model)


def _swe_qa(data: Path, clones: Path, model: str | None) -> Iterator[str]:
    found: dict[str, list[list[str]]] = {method: [] for method in _METHODS}
    answers: list[list[str]] = []
    for pinned in track(datasets.SWE_QA, "swe-qa", console=_console(), transient=True):
        with open_checkout(clones, pinned, model, history=True) as checkout:
            examples = [
                example for example in datasets.read_swe_qa(data, pinned.name, checkout.tracked) if example.paths
            ]
            report = evaluate(examples, checkout.searcher, checkout.repository)
            for method, scores in [("Whence", report), *_baseline_scores(checkout, examples)]:
                found[method].append([_labelled(pinned, checkout.note), method, *_cells(scores, _METRICS)])
            answers.append([_labelled(pinned, checkout.note), str(len(examples)), *_cells(report, _ANSWER_SCORES)])
    yield "**swe-qa**: file recall and MRR over chunks of code and documentation."
    yield table(
        ["repository", "method", *_METRICS], [row for rows in zip(*found.values(), strict=True) for row in rows]
    )
    yield "**swe-qa**: extractive answers, without a language model, against gold files and reference answers."
    yield table(["repository", "questions", *(name.replace("_", " ") for name in _ANSWER_SCORES)], answers)


def _baseline_scores(checkout: Checkout, examples: Sequence[Example]) -> Iterator[tuple[str, Mapping[str, float]]]:
    baselines = Baselines(checkout, {"code", "doc"})
    for method, search in (("dense only", baselines.dense), ("lexical only", baselines.lexical)):
        yield method, _file_scores(search, examples)


def _file_scores(search: Search, examples: Sequence[Example]) -> dict[str, float]:
    """The means that `evaluate` reports, for any way of searching."""
    rankings = [_files(search(example.question, RANKS * _HITS_PER_FILE)) for example in examples]
    pairs = list(zip(rankings, (example.paths for example in examples), strict=True))
    scores = {f"recall@{k}": fmean(recall(ranking, gold, k) for ranking, gold in pairs) for k in (1, 5, 10)}
    return scores | {"mrr": fmean(reciprocal_rank(ranking, gold) for ranking, gold in pairs)}


def _files(hits: Sequence[Hit]) -> list[str]:
    return list(dict.fromkeys(hit.path or "" for hit in hits))[:RANKS]


def _semble(data: Path, clones: Path, model: str | None) -> Iterator[str]:
    rows, scores = [], []
    for pinned, queries in track(datasets.read_semble(data), "semble", console=_console(), transient=True):
        with open_checkout(clones, pinned, model, history=True) as checkout:
            values = [_mean_ndcg(search, queries) for search in _searches(checkout)]
            scores.append(values)
            rows.append([_labelled(pinned, checkout.note), pinned.language, str(len(queries)), *map(number, values)])
    means = [number(fmean(column)) for column in zip(*scores, strict=True)]
    rows.append(["**mean**", "", str(sum(int(row[2]) for row in rows)), *means])
    yield "**semble**: nDCG@10 over ten chunks of code below the folder that the queries are about."
    yield table(["repository", "language", "queries", *_METHODS], rows)


def _searches(checkout: Checkout) -> list[Search]:
    root = checkout.pinned.root
    baselines = Baselines(checkout, {"code"}, root)

    def hybrid(query: str, limit: int) -> list[Hit]:
        return checkout.searcher.search(query, limit, ["code"], under=root)

    return [hybrid, baselines.dense, baselines.lexical]


def _mean_ndcg(search: Search, queries: Sequence[SpanQuery]) -> float:
    return fmean(datasets.ndcg_of_targets(search(query.text, RANKS), query.targets) for query in queries)


def _cells(scores: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    return [number(scores.get(name)) for name in names]


def _labelled(pinned: Pinned, note: str) -> str:
    return f"{pinned.name} ({note})" if note else pinned.name


def _console() -> Console:
    return Console(stderr=True)


if __name__ == "__main__":
    main()
