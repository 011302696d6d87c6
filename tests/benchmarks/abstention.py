"""`python -m tests.benchmarks.abstention`: does an answer know when it has none?

Asks each public question of its own repository, which should answer, and of others, which should abstain; and made-up
ones that name the repository and something that has nothing to do with it. `--fit` computes the coefficients of
`whence_server.extractive.confidence` from the public ones. Questions and repositories are split in two halves that
never meet, one to fit on and one to measure on.
With `--model` a model answers those that retrieval supports, and `likelihood` reports what its words tell.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from statistics import fmean

import numpy as np
from rich.console import Console
from rich.progress import track
from tests.benchmarks import datasets
from tests.benchmarks.calibration import Line, auroc, fit, scores_table
from tests.benchmarks.checkouts import Checkout, open_checkout
from tests.benchmarks.datasets import Pinned
from tests.benchmarks.markdown import measured, number, table, write_section

from whence_indexer.query import parse_query
from whence_indexer.search import Searcher
from whence_server import answering, extractive
from whence_server.extractive import Support

_OTHERS = 3  # other repositories that each question is asked of
_FORMS = ("Does {0} support {1}?", "How does {0} handle {1}?")
_FOREIGN = (
    "Windows 95", "OS/2 Warp", "the Kafka protocol", "COBOL copybooks", "Bluetooth pairing", "the Amiga", "Fortran 77",
    "PostgreSQL 9 replication slots", "CUDA 12 kernels", "SOAP envelopes", "LDAP groups", "GraphQL subscriptions",
)  # fmt: skip
# What no project defines, asked as people ask for what they think is there.
_MISSING = (
    "FrobnicatorFactory", "quux_session_token", "ZorbitBackend", "parse_wibble_header", "GlorpMiddleware",
    "teleport_request_body", "SnorkelCache", "defenestrate_response", "FlumoxAdapter", "blorb_to_json",
    "PixelatedMutex", "reverse_entropy_hook",
)  # fmt: skip
_LOOKUPS = ("Where is {0} defined?", "What does {0} do?")
OFF_TOPIC, NO_SUCH_NAME = "nothing to do with it", "names that do not exist"
_FEATURES = tuple(field.name for field in fields(Support))


@dataclass(frozen=True, slots=True)
class Case:
    """One question asked of one repository; `own` when it was written for it. `half` is 0 or 1.

    `made_up` names the kind of a question that was made up.
    """

    question: str
    checkout: Checkout
    half: int
    own: bool
    support: Support
    made_up: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A logistic function of the support."""

    bias: float
    coefficients: Mapping[str, float]

    def confidence(self, support: Support) -> float:
        """As `extractive.confidence`, with these coefficients."""
        z = self.bias + sum(weight * getattr(support, name) for name, weight in self.coefficients.items())
        return 1 / (1 + math.exp(-z))


def main() -> None:
    """Measure, print, fit and write where asked."""
    options = _options()
    with ExitStack() as stack:
        cases = _cases(options.data, options.clones, options.embedder, stack)
        for name, report in _sections(cases, options):
            print(f"{report}\n")
            if options.write:
                write_section(options.write, name, report)
    if options.fit:
        print(_fit_report(cases))


def _sections(cases: Sequence[Case], options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Parts of the page by name, each written before the next is measured."""
    yield "abstention", f"{measured()}\n\n{_scores_table(cases)}\n\n{_features_table(cases)}"
    if options.model:
        from tests.benchmarks import likelihood

        yield "likelihood", f"{measured()}\n\n{likelihood.report(cases, options.model, options.every)}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.abstention", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with swe-qa/ and semble/")
    parser.add_argument("--clones", type=Path, required=True, help="folder of clones, named as in repos.json")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the tables into this page")
    parser.add_argument("--embedder", metavar="MODEL", help="the embedding model (default: the shipped one)")
    parser.add_argument("--fit", action="store_true", help="print coefficients fitted on half of the repositories")
    parser.add_argument("--model", type=Path, metavar="FILE", help="a GGUF file that writes answers, too")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="of the questions, ask the model each Nth")
    return parser.parse_args()


def _cases(data: Path, clones: Path, embedder: str | None, stack: ExitStack) -> list[Case]:
    """All cases; their checkouts last as long as `stack`."""
    console = Console(stderr=True)
    opened = track(list(_sources(data)), "indexing", console=console, transient=True)
    asked = [
        (stack.enter_context(open_checkout(clones, pinned, embedder, history=True)), texts) for pinned, texts in opened
    ]
    return [case for half in (0, 1) for case in _ask_half(half, asked[half::2], console)]


def _sources(data: Path) -> Iterator[tuple[Pinned, list[str]]]:
    """Every repository with its questions, by name: neighbours go to different halves."""
    questions = {
        pinned: [example.question for example in datasets.read_swe_qa(data, pinned.name)] for pinned in datasets.SWE_QA
    }
    questions |= {pinned: [query.text for query in queries] for pinned, queries in datasets.read_semble(data)}
    yield from sorted(questions.items(), key=lambda item: item[0].name)


def _ask_half(half: int, asked: Sequence[tuple[Checkout, list[str]]], console: Console) -> Iterator[Case]:
    """Each question asked of its own repository and of the next few in the same half."""
    checkouts = [checkout for checkout, _ in asked]
    for place, (own, texts) in enumerate(track(asked, f"asking, half {half + 1}", console=console, transient=True)):
        others = [checkouts[(place + step) % len(checkouts)] for step in range(1, min(_OTHERS + 1, len(checkouts)))]
        for text in texts:
            yield Case(text, own, half, True, support(text, own.searcher))
            yield from (Case(text, other, half, False, support(text, other.searcher)) for other in others)
        for kind, text in _made_up(own.pinned.name):
            yield Case(text, own, half, False, support(text, own.searcher), kind)


def _made_up(repository: str) -> Iterator[tuple[str, str]]:
    """Questions that no repository of the sets answers, with their kind."""
    for form in _FORMS:
        yield from ((OFF_TOPIC, form.format(repository, subject)) for subject in _FOREIGN)
    for form in _LOOKUPS:
        yield from ((NO_SUCH_NAME, form.format(name)) for name in _MISSING)


def support(question: str, searcher: Searcher) -> Support:
    """What `answering.answer` bases its confidence on."""
    query = parse_query(question)
    hits = searcher.search(query, answering.HITS)
    return extractive.draft(
        query, hits, searcher.rarity(query.content), searcher.embed, unknown=searcher.unknown(query)
    ).support


def _scores_table(cases: Sequence[Case]) -> str:
    current = Model(extractive.BIAS, extractive.COEFFICIENTS)
    names = ("both halves", "first half", "second half")
    chosen = (cases, *([case for case in cases if case.half == half] for half in (0, 1)))
    public = [
        (name, current, [case for case in part if not case.made_up]) for name, part in zip(names, chosen, strict=True)
    ]
    made_up = [
        (f"both halves, others: {kind}", current, [case for case in cases if case.own or case.made_up == kind])
        for kind in (OFF_TOPIC, NO_SUCH_NAME)
    ]
    lines = [*public, *made_up, ("both halves, others: all of these", current, cases)]
    return scores_table([_line(*line) for line in lines])


def _line(name: str, model: Model, cases: Sequence[Case]) -> Line:
    own, others = ([model.confidence(case.support) for case in cases if case.own is side] for side in (True, False))
    return name, own, others


def _features_table(cases: Sequence[Case]) -> str:
    rows, cases = [], [case for case in cases if not case.made_up]
    for name in _FEATURES:
        own, others = ([getattr(case.support, name) for case in cases if case.own is side] for side in (True, False))
        rows.append([name, number(fmean(own)), number(fmean(others)), number(auroc(own, others))])
    return table(["feature of the support", "mean, own", "mean, others", "AUROC alone"], rows)


def _fit_report(everything: Sequence[Case]) -> str:
    cases = [case for case in everything if not case.made_up]
    first, second = ([case for case in cases if case.half == half] for half in (0, 1))
    models = [_fitted(first), _fitted(second), _fitted(cases)]
    lines = [("fitted on the first, measured on the second", models[0], second)]
    lines.append(("fitted on the second, measured on the first", models[1], first))
    for half, model in ((1, models[0]), (0, models[1])):
        part = [case for case in everything if case.half == half and (case.made_up or case.own)]
        lines.append((f"the same on half {half + 1}, others made up", model, part))
    return "\n\n".join(
        [
            scores_table([_line(*line) for line in lines]),
            *map(_as_code, ("the first half", "the second half", "both"), models),
        ]
    )


def _fitted(cases: Sequence[Case]) -> Model:
    features = np.array([astuple(case.support) for case in cases], float)
    own = np.array([case.own for case in cases])
    bias, coefficients = fit(features, own, np.where(own, 0.5 / own.mean(), 0.5 / (1 - own.mean())))
    return Model(bias, dict(zip(_FEATURES, coefficients.tolist(), strict=True)))


def _as_code(name: str, model: Model) -> str:
    rounded = {feature: round(value, 2) for feature, value in model.coefficients.items()}
    return f"# fitted on {name}\nBIAS = {model.bias:.2f}\nCOEFFICIENTS = {rounded}"


if __name__ == "__main__":
    main()
