"""`python -m tests.benchmarks.retrieval`: how well search and answers do on the two public sets.

Indexes each pinned revision in a temporary checkout, asks through the interface the command line uses, and writes the
tables into a page between its markers. Clones are only read.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.progress import track
from tests.benchmarks import datasets, peers
from tests.benchmarks.baselines import Baselines
from tests.benchmarks.checkouts import Checkout, open_checkout
from tests.benchmarks.datasets import RANKS, Pinned, SpanQuery
from tests.benchmarks.markdown import measured, number, table, write_section

from whence_indexer.types import Hit, Kind
from whence_server.evaluation import Example, evaluate, recall, reciprocal_rank

_HITS_PER_FILE = 5  # as `whence eval` asks: several chunks of one file count once
_METRICS = ("recall@1", "recall@5", "recall@10", "mrr")
_ANSWER_SCORES = ("citation_precision", "citation_recall", "identifier_coverage", "abstained")
_METHODS = ("Whence", "dense only", "lexical only")
_OTHER_MODEL = "other model, same ranking"

Search = Callable[[str, int], list[Hit]]


def main() -> None:
    """Measure, print, and write where asked."""
    options = _options()
    with ExitStack() as stack:
        model = stack.enter_context(peers.model2vec_folder()) if peers.available() else None
        bench = _Bench(options.clones, options.embedder, options.other_model, model)
        report = "\n\n".join(_report(options.data, bench))
    print(report)
    if options.write:
        write_section(options.write, "retrieval", report)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.retrieval", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with swe-qa/ and semble/")
    parser.add_argument("--clones", type=Path, required=True, help="folder of clones, named as in repos.json")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the tables into this page")
    parser.add_argument("--embedder", metavar="MODEL", help="the embedding model (default: the shipped one)")
    parser.add_argument("--other-model", metavar="MODEL", help="measure this embedding model beside it")
    return parser.parse_args()


@dataclass(frozen=True)
class _Bench:
    """What is measured: Whence with one model, beside it another model, and semble with vectors in a folder."""

    clones: Path
    model: str | None
    other_model: str | None
    semble: Path | None

    @property
    def methods(self) -> list[str]:
        """The names of what `searches` returns."""
        other = [_OTHER_MODEL] if self.other_model else []
        return [*_METHODS, *other, *(peers.NAMES if self.semble else ())]

    @contextmanager
    def searches(self, pinned: Pinned, docs: bool) -> Iterator[tuple[Checkout, dict[str, Search]]]:
        """A checkout and every way to search it, over code or over code and documentation."""
        with ExitStack() as stack:
            checkout = stack.enter_context(open_checkout(self.clones, pinned, self.model, history=True))
            kinds: list[Kind] = ["code", "doc"] if docs else ["code"]
            halves = Baselines(checkout, set(kinds), pinned.root)
            found: list[Search] = [_hybrid(checkout, kinds), halves.dense, halves.lexical]
            if self.other_model:  # without history: a large model takes hours over thousands of commits
                other = stack.enter_context(open_checkout(self.clones, pinned, self.other_model, history=False))
                found.append(_hybrid(other, kinds))
            if self.semble:
                semble = peers.Semble(checkout, self.semble, docs)
                found += [semble.hybrid, semble.lexical]
            yield checkout, dict(zip(self.methods, found, strict=True))


def _hybrid(checkout: Checkout, kinds: Sequence[Kind]) -> Search:
    return lambda query, limit: checkout.searcher.search(query, limit, kinds, under=checkout.pinned.root)


def _report(data: Path, bench: _Bench) -> Iterator[str]:
    about = f" Embedder: `{bench.model}`." if bench.model else ""
    other = f" Other model: {Path(bench.other_model).parent.name}." if bench.other_model else ""
    yield measured() + about + other
    yield from _swe_qa(data, bench)
    yield from _semble(data, bench)


def _swe_qa(data: Path, bench: _Bench) -> Iterator[str]:
    rows: list[list[str]] = []
    answers: list[list[str]] = []
    scores: dict[str, list[dict[str, float]]] = {method: [] for method in bench.methods}
    for pinned in track(datasets.SWE_QA, "swe-qa", console=_console(), transient=True):
        with bench.searches(pinned, docs=True) as (checkout, searches):
            examples = [
                example for example in datasets.read_swe_qa(data, pinned.name, checkout.tracked) if example.paths
            ]
            report = evaluate(examples, checkout.searcher, checkout.repository)
            for method, search in searches.items():
                scores[method].append(_file_scores(search, examples))
                rows.append([_labelled(pinned, checkout.note), method, *_cells(scores[method][-1], _METRICS)])
            answers.append([_labelled(pinned, checkout.note), str(len(examples)), *_cells(report, _ANSWER_SCORES)])
    for method, values in scores.items():
        means = {metric: fmean(value[metric] for value in values) for metric in _METRICS}
        rows.append(["**mean**", method, *_cells(means, _METRICS)])
    yield "**swe-qa**: file recall and MRR over chunks of code and documentation."
    yield table(["repository", "method", *_METRICS], rows)
    yield "**swe-qa**: extractive answers, without a language model, against gold files and reference answers."
    yield table(["repository", "questions", *(name.replace("_", " ") for name in _ANSWER_SCORES)], answers)


def _file_scores(search: Search, examples: Sequence[Example]) -> dict[str, float]:
    """The means that `evaluate` reports, for any way of searching."""
    rankings = [_files(search(example.question, RANKS * _HITS_PER_FILE)) for example in examples]
    pairs = list(zip(rankings, (example.paths for example in examples), strict=True))
    scores = {f"recall@{k}": fmean(recall(ranking, gold, k) for ranking, gold in pairs) for k in (1, 5, 10)}
    return scores | {"mrr": fmean(reciprocal_rank(ranking, gold) for ranking, gold in pairs)}


def _files(hits: Sequence[Hit]) -> list[str]:
    return list(dict.fromkeys(hit.path or "" for hit in hits))[:RANKS]


def _semble(data: Path, bench: _Bench) -> Iterator[str]:
    rows, scores = [], []
    for pinned, queries in track(datasets.read_semble(data), "semble", console=_console(), transient=True):
        with bench.searches(pinned, docs=False) as (checkout, searches):
            values = [_mean_ndcg(search, queries) for search in searches.values()]
            scores.append(values)
            rows.append([_labelled(pinned, checkout.note), pinned.language, str(len(queries)), *map(number, values)])
    means = [number(fmean(column)) for column in zip(*scores, strict=True)]
    rows.append(["**mean**", "", str(sum(int(row[2]) for row in rows)), *means])
    yield "**semble**: nDCG@10 over ten chunks of code below the folder that the queries are about."
    yield table(["repository", "language", "queries", *bench.methods], rows)


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
