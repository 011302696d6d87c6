"""`python -m tests.benchmarks.abstention`: does an answer know when it has none?

Asks each public question of its own repository, which should answer, and of others, which should abstain; and made-up
ones that name the repository and something that has nothing to do with it. `--fit` computes the coefficients of
`whence_server.extractive.confidence` from the public ones. Questions and repositories are split in two halves that
never meet, one to fit on and one to measure on.

Precision and recall are those of abstaining, and the calibration error is that of the confidence, all with as many
questions to abstain from as to answer: answerable and unanswerable ones weigh equal, whatever their number.
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
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from tests.benchmarks import datasets
from tests.benchmarks.checkouts import Checkout, open_checkout
from tests.benchmarks.datasets import Pinned
from tests.benchmarks.markdown import measured, number, table, write_section

from whence_indexer.query import parse_query
from whence_indexer.search import Searcher
from whence_server import answering, extractive
from whence_server.extractive import Support

_OTHERS = 3  # other repositories that each question is asked of
_RIDGE = 1.0  # weight of the squared coefficients, of standardised features, beside the sum of log losses
_STEPS = 50
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
_OFF_TOPIC, _NO_SUCH_NAME = "nothing to do with it", "names that do not exist"
_BINS = 10  # of the expected calibration error
_FEATURES = tuple(field.name for field in fields(Support))

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """One question asked of one repository; `own` when it was written for it. `half` is 0 or 1.

    `made_up` names the kind of a question that was made up.
    """

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
    cases = _cases(options.data, options.clones, options.embedder)
    report = f"{measured()}\n\n{_scores_table(cases)}\n\n{_features_table(cases)}"
    print(report)
    if options.fit:
        print("\n" + _fit_report(cases))
    if options.write:
        write_section(options.write, "abstention", report)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.abstention", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with swe-qa/ and semble/")
    parser.add_argument("--clones", type=Path, required=True, help="folder of clones, named as in repos.json")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the tables into this page")
    parser.add_argument("--embedder", metavar="MODEL", help="the embedding model (default: the shipped one)")
    parser.add_argument("--fit", action="store_true", help="print coefficients fitted on half of the repositories")
    return parser.parse_args()


def _cases(data: Path, clones: Path, model: str | None) -> list[Case]:
    console = Console(stderr=True)
    sources = list(_sources(data))
    with ExitStack() as stack:
        opened = track(sources, "indexing", console=console, transient=True)
        asked = [
            (stack.enter_context(open_checkout(clones, pinned, model, history=True)), texts) for pinned, texts in opened
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
            yield Case(half, True, support(text, own.searcher))
            yield from (Case(half, False, support(text, other.searcher)) for other in others)
        for kind, text in _made_up(own.pinned.name):
            yield Case(half, False, support(text, own.searcher), kind)


def _made_up(repository: str) -> Iterator[tuple[str, str]]:
    """Questions that no repository of the sets answers, with their kind."""
    for form in _FORMS:
        yield from ((_OFF_TOPIC, form.format(repository, subject)) for subject in _FOREIGN)
    for form in _LOOKUPS:
        yield from ((_NO_SUCH_NAME, form.format(name)) for name in _MISSING)


def support(question: str, searcher: Searcher) -> Support:
    """What `answering.answer` bases its confidence on."""
    query = parse_query(question)
    hits = searcher.search(query, answering.HITS)
    return extractive.draft(
        query, hits, searcher.rarity(query.content), searcher.embed, unknown=searcher.unknown(query)
    ).support


def auroc(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """The probability that a random positive is above a random negative, ties counting half."""
    above = np.subtract.outer(np.array(positives), np.array(negatives))
    return float(np.mean((above > 0) + 0.5 * (above == 0)))


def fit(features: Array, own: NDArray[np.bool_]) -> tuple[float, Array]:
    """Bias and coefficients of a ridge-regularised logistic regression, by Newton's method; both classes weigh equal.

    `features` has shape (n, m). Coefficients are for the features as they are, not standardised.
    """
    mean, spread = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-9)
    design = np.column_stack([np.ones(len(features)), (features - mean) / spread])
    weights = np.where(own, 0.5 / own.mean(), 0.5 / (1 - own.mean()))
    penalty = _RIDGE * np.diag([0.0, *np.ones(features.shape[1])])
    solution = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        probability = 1 / (1 + np.exp(-design @ solution))
        gradient = design.T @ (weights * (probability - own)) + penalty @ solution
        curvature = (design * (weights * probability * (1 - probability))[:, None]).T @ design + penalty
        solution -= np.linalg.solve(curvature, gradient)
    coefficients = solution[1:] / spread
    return float(solution[0] - coefficients @ mean), coefficients


def _scores_table(cases: Sequence[Case]) -> str:
    current = Model(extractive.BIAS, extractive.COEFFICIENTS)
    names = ("both halves", "first half", "second half")
    chosen = (cases, *([case for case in cases if case.half == half] for half in (0, 1)))
    public = [
        (name, current, [case for case in part if not case.made_up]) for name, part in zip(names, chosen, strict=True)
    ]
    made_up = [
        (f"both halves, others: {kind}", current, [case for case in cases if case.own or case.made_up == kind])
        for kind in (_OFF_TOPIC, _NO_SUCH_NAME)
    ]
    return _table([*public, *made_up, ("both halves, others: all of these", current, cases)])


def _table(lines: Sequence[tuple[str, Model, Sequence[Case]]]) -> str:
    header = ["measured on", "answerable", "not", "AUROC", "precision", "recall", "wrongly refused", "ECE"]
    return table(header, [[name, *_scores(model, cases)] for name, model, cases in lines])


def _scores(model: Model, cases: Sequence[Case]) -> list[str]:
    own, others = (_confidences(model, cases, side) for side in (True, False))
    refused, recall = (fmean(value < answering.ABSTAIN_BELOW for value in side) for side in (own, others))
    precision = recall / (recall + refused) if recall + refused else 0.0
    error = calibration_error(own, others)
    shown = (auroc(own, others), precision, recall, refused, error)
    return [str(len(own)), str(len(others)), *map(number, shown)]


def calibration_error(answerable: Sequence[float], others: Sequence[float]) -> float:
    """The expected calibration error of confidences, in bins of equal width (Guo et al. 2017); sides weigh equal."""
    confidence = np.array([*answerable, *others])
    right = np.repeat([1.0, 0.0], [len(answerable), len(others)])
    weight = np.repeat([0.5 / len(answerable), 0.5 / len(others)], [len(answerable), len(others)])
    places = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(places, weight * (right - confidence), _BINS)
    return float(np.abs(gaps).sum())


def _confidences(model: Model, cases: Sequence[Case], own: bool) -> list[float]:
    return [model.confidence(case.support) for case in cases if case.own is own]


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
    return "\n\n".join([_table(lines), *map(_as_code, ("the first half", "the second half", "both"), models)])


def _fitted(cases: Sequence[Case]) -> Model:
    features = np.array([astuple(case.support) for case in cases], float)
    bias, coefficients = fit(features, np.array([case.own for case in cases]))
    return Model(bias, dict(zip(_FEATURES, coefficients.tolist(), strict=True)))


def _as_code(name: str, model: Model) -> str:
    rounded = {feature: round(value, 2) for feature, value in model.coefficients.items()}
    return f"# fitted on {name}\nBIAS = {model.bias:.2f}\nCOEFFICIENTS = {rounded}"


if __name__ == "__main__":
    main()
