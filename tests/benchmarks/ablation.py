"""`python -m tests.benchmarks.ablation`: what each feature of the ranking is worth on the two public sets.

Every weight of `whence_indexer.ranking` is put out of effect alone, on the same indexes; the difference is its worth.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean

from rich.console import Console
from rich.progress import track
from tests.benchmarks import datasets
from tests.benchmarks.checkouts import Checkout, open_checkout
from tests.benchmarks.datasets import RANKS, Pinned, SpanQuery
from tests.benchmarks.markdown import measured, number, table, write_section

from whence_indexer import ranking
from whence_server.evaluation import Example, evaluate

NEUTRAL: dict[str, tuple[float, str]] = {
    "DENSE": (0.0, "likeness of meaning"),
    "FILE": (0.0, "other good chunks of the file"),
    "HISTORY": (0.0, "commits that touched the file"),
    "NAMED": (0.0, "names and paths spelled out"),
    "DEFINED": (0.0, "the main definition of a name"),
    "FILE_WORDS": (0.0, "words of the file's name"),
    "SYMBOL_WORDS": (0.0, "words of the symbol's name"),
    "TESTS": (1.0, "tests stand back"),
    "CHANGELOGS": (1.0, "changelogs stand back"),
    "REEXPORTS": (1.0, "re-exports stand back"),
    "DOCS": (1.0, "prose stands back"),
    "SAME_FILE": (1.0, "spread over files"),
}
_MEASURES = ("recall@5", "recall@10", "ndcg@10")


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.ablation", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with swe-qa/ and semble/")
    parser.add_argument("--clones", type=Path, required=True, help="folder of clones, named as in repos.json")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the table into this page")
    options = parser.parse_args()
    report = f"{measured()}\n\n{_report(options.data, options.clones)}"
    print(report)
    if options.write:
        write_section(options.write, "ablation", report)


def _report(data: Path, clones: Path) -> str:
    scores: dict[str, dict[str, list[float]]] = {name: {key: [] for key in _MEASURES} for name in ["", *NEUTRAL]}
    work = [*((pinned, None) for pinned in datasets.SWE_QA), *datasets.read_semble(data)]
    for pinned, queries in track(work, "Leaving out", console=Console(stderr=True), transient=True):
        with open_checkout(clones, pinned, None, history=True) as checkout:
            for name, found in scores.items():
                with _without(name):
                    measures = _spans(checkout, queries) if queries else _files(checkout, data, pinned)
                for key, value in measures.items():
                    found[key].append(value)
    means = {name: {key: fmean(values) for key, values in found.items()} for name, found in scores.items()}
    rows = [["none", "", *(number(means[""][key]) for key in _MEASURES)]]
    for name, (_, what) in NEUTRAL.items():
        rows.append([f"`{name}`", what, *(f"{means[name][key] - means[''][key]:+.3f}" for key in _MEASURES)])
    return table(["left out", "", "swe-qa recall@5", "swe-qa recall@10", "semble nDCG@10"], rows)


def _files(checkout: Checkout, data: Path, pinned: Pinned) -> dict[str, float]:
    examples: list[Example] = datasets.read_swe_qa(data, pinned.name, checkout.tracked)
    found = evaluate(
        [Example(each.question, each.paths) for each in examples if each.paths], checkout.searcher, checkout.repository
    )
    return {key: found[key] for key in ("recall@5", "recall@10")}


def _spans(checkout: Checkout, queries: list[SpanQuery]) -> dict[str, float]:
    hits = [checkout.searcher.search(query.text, RANKS, ["code"], under=checkout.pinned.root) for query in queries]
    return {
        "ndcg@10": fmean(
            datasets.ndcg_of_targets(found, query.targets) for found, query in zip(hits, queries, strict=True)
        )
    }


@contextmanager
def _without(name: str) -> Iterator[None]:
    """The ranking with one weight out of effect; with all of them for ''."""
    if not name:
        yield
        return
    before = getattr(ranking, name)
    setattr(ranking, name, NEUTRAL[name][0])
    try:
        yield
    finally:
        setattr(ranking, name, before)


if __name__ == "__main__":
    main()
