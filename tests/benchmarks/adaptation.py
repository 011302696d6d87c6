"""`python -m tests.benchmarks.adaptation`: what fitting the embedding model to a repository brings, and what it costs.

Adapts a temporary checkout of each clone as `whence adapt` does, and asks the public questions, where there are some,
before and after. Writes the tables into a page between its markers. Clones are only read.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from tests.benchmarks import datasets
from tests.benchmarks.baselines import Baselines
from tests.benchmarks.checkouts import Checkout, check_out, open_searcher
from tests.benchmarks.datasets import Pinned
from tests.benchmarks.markdown import measured, number, table, write_section

from whence_indexer.adapting import Outcome, adapt
from whence_indexer.repository import Repository, open_repository
from whence_indexer.trial import MEASURES, RANKS, gain
from whence_indexer.types import Hit
from whence_indexer.workspace import Workspace
from whence_server.evaluation import Example, recall

REPORTED = ("flask", "requests", "click", "monolog", "pytest")  # the recipe was tuned on none of them
_HITS_PER_FILE = 5  # as `whence eval` asks

Search = Callable[[str, int], list[Hit]]
Rows = list[list[str]]


def main() -> None:
    """Measure, print, and write where asked."""
    options = _options()
    histories: Rows = []
    publics: Rows = []
    names = [name for name in options.only if (options.clones / name).is_dir()]
    for name in track(names, "adaptation", console=Console(stderr=True), transient=True):
        pinned = next((each for each in datasets.SWE_QA if each.name == name), Pinned(name, "", "HEAD"))
        with TemporaryDirectory(prefix="whence-bench-") as folder:
            work_tree, note = check_out(options.clones / name, Path(folder) / name, pinned.revision)
            history, public = _measure(pinned, open_repository(work_tree), note, options.data)
        histories += history
        publics += public
        print("\n".join(" ".join(row) for row in history + public))
    report = "\n\n".join(_report(histories, publics))
    print(report)
    if options.write:
        write_section(options.write, "adaptation", report)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.adaptation", description=__doc__)
    parser.add_argument("--clones", type=Path, required=True, help="folder of clones with full history, by name")
    parser.add_argument("--data", type=Path, help="folder with swe-qa/, for the public questions")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=REPORTED, help="clones (default: those reported)")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the tables into this page")
    return parser.parse_args()


def _measure(pinned: Pinned, repository: Repository, note: str, data: Path | None) -> tuple[Rows, Rows]:
    """The rows of one repository in the table of its own history and in that of the public questions."""
    Workspace(repository).update()
    asked = data is not None and pinned in datasets.SWE_QA
    checkout = _checkout(pinned, repository, note)
    examples = _examples(data, checkout) if data and asked else []
    before = _public(checkout, examples)
    outcome = adapt(repository)
    after = _public(_checkout(pinned, repository, note), examples)
    name = f"{pinned.name} ({note})" if note else pinned.name
    return list(_history_rows(name, outcome)), list(_public_rows(name, outcome, before, after)) if asked else []


def _examples(data: Path, checkout: Checkout) -> list[Example]:
    return [example for example in datasets.read_swe_qa(data, checkout.pinned.name, checkout.tracked) if example.paths]


def _checkout(pinned: Pinned, repository: Repository, note: str) -> Checkout:
    return Checkout(pinned, repository, open_searcher(repository), note)


def _public(checkout: Checkout, examples: Sequence[Example]) -> NDArray[np.float64]:
    """Recalls of each question's files in the order of `MEASURES`, shape (questions, 4)."""

    def hybrid(question: str, limit: int) -> list[Hit]:
        return checkout.searcher.search(question, limit, ["code", "doc"])

    searches: list[Search] = [hybrid, Baselines(checkout, {"code", "doc"}).dense]
    return np.array(
        [[recall(_files(search, each), each.paths, rank) for search in searches for rank in RANKS] for each in examples]
    )


def _files(search: Search, example: Example) -> list[str]:
    hits = search(example.question, max(RANKS) * _HITS_PER_FILE)
    return list(dict.fromkeys(hit.path or "" for hit in hits))


def _history_rows(name: str, outcome: Outcome) -> Iterator[list[str]]:
    verdict = "kept" if outcome.adapted else "refused" if outcome.tried else "not tried"
    about = [f"{outcome.pairs:,}", str(outcome.queries), number(outcome.factor, 2), number(outcome.seconds, 0)]
    if not outcome.tried:
        yield [name, "–", "–", "–", "–", "–", *about, verdict]
    for measure, found in outcome.recall.items():
        cells = [number(found["before"]), number(found["after"]), *_interval(found)]
        yield [name, measure, *cells, *about, verdict]


def _public_rows(
    name: str, outcome: Outcome, before: NDArray[np.float64], after: NDArray[np.float64]
) -> Iterator[list[str]]:
    for column, measure in enumerate(MEASURES):
        found = gain(before[:, column], after[:, column])
        means = [number(float(before[:, column].mean())), number(float(after[:, column].mean()))]
        verdict = "kept" if outcome.adapted else "refused"
        yield [name, measure, *means, *_interval(asdict(found)), str(len(before)), verdict]


def _interval(found: Mapping[str, float]) -> list[str]:
    return [f"{found['mean']:+.3f}", f"{found['low']:+.3f} to {found['high']:+.3f}"]


def _report(histories: Rows, publics: Rows) -> Iterator[str]:
    yield measured()
    yield "**held-out history**: file recall of later commits' messages."
    header = ["repository", "measure", "before", "after", "gain", "interval"]
    yield table([*header, "pairs", "questions", "factor", "seconds", "verdict"], histories)
    if publics:
        yield "**swe-qa**: the public questions, asked of the same index."
        yield table([*header, "questions", "verdict"], publics)


if __name__ == "__main__":
    main()
