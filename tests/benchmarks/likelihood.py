"""What the words of a model tell of its answers, beyond what retrieval tells: the part of `abstention` with `--model`.

The model answers, as it does in service, what retrieval supports well enough for it to be asked. A calibration is
fitted on one half of the repositories and measured on the other, and the other way round; that of both is what the
model's manifest is to hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from tests.benchmarks.abstention import NO_SUCH_NAME, OFF_TOPIC, Case
from tests.benchmarks.calibration import Line, fit, scores_table

from whence_indexer.query import parse_query
from whence_server import answering, extractive
from whence_server.composing import Writing
from whence_server.generation.confidence import RETRIEVAL_ALONE, Calibration, calibrated, log_odds
from whence_server.generation.generator import Generated, Generator
from whence_server.generation.local import Workers
from whence_server.generation.prompt import UNKNOWN
from whence_server.types import Question

_PATIENCE = 600.0  # seconds for the model to load
_KINDS = {"other repositories' questions": "", OFF_TOPIC: OFF_TOPIC, NO_SUCH_NAME: NO_SUCH_NAME}


@dataclass(frozen=True, slots=True)
class Told:
    """A case, and what the model wrote for it; None where it was not asked, or could not answer."""

    case: Case
    generated: Generated | None

    @property
    def retrieval(self) -> float:
        """The confidence before the model."""
        return extractive.confidence(self.case.support)

    @property
    def declined(self) -> bool:
        """Whether the model said that it does not know."""
        return self.generated is not None and self.generated.text.strip() == UNKNOWN

    def confidence(self, calibration: Calibration) -> float:
        """That of the answer, as `composing` has it."""
        known = calibrated(self.retrieval, self.generated.logprobs if self.generated else (), calibration)
        return known / 2 if self.declined else known


@dataclass
class _Listening:
    """A generator that remembers what it wrote last."""

    inner: Generator
    last: Generated | None = field(default=None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def generate(self, *arguments: Any) -> Generated:
        self.last = self.inner.generate(*arguments)
        return self.last


def report(cases: Sequence[Case], model: Path, every: int) -> str:
    """Markdown: how well retrieval alone tells, and with the words of the model in the GGUF file `model`.

    Only each `every`th question is asked.
    """
    with closing(Workers(print, _PATIENCE)) as workers, workers.file(model) as generator:
        chosen = track(cases[::every], "writing", console=Console(stderr=True), transient=True)
        told = [Told(case, _written(case, _Listening(generator))) for case in chosen]
    halves = [[one for one in told if one.case.half == half] for half in (0, 1)]
    fitted = [_fitted(half) for half in halves]
    of = {id(one): fitted[1 - one.case.half] for one in told}
    ways: dict[str, Callable[[Told], float]] = {
        "retrieval alone": lambda one: one.retrieval,
        "and what the model declines": lambda one: one.confidence(RETRIEVAL_ALONE),
        "and its words": lambda one: one.confidence(of[id(one)]),
    }
    lines = [
        _line(f"{way}; others: {kind}", told, confidence, made_up)
        for kind, made_up in {**_KINDS, "all of these": None}.items()
        for way, confidence in ways.items()
    ]
    asked = sum(one.generated is not None for one in told)
    declined = [sum(one.declined for one in told if one.case.own is side) for side in (True, False)]
    return (
        f"{model.name}, asked {asked:,} of {len(told):,} questions, declined {declined[0]} of the answerable ones and "
        f"{declined[1]} of the others. Fitted on both halves: `{_shown(_fitted(told))}`.\n\n{scores_table(lines)}"
    )


def _written(case: Case, generator: _Listening) -> Generated | None:
    if extractive.confidence(case.support) >= extractive.ABSTAIN_BELOW:
        query = parse_query(case.question)
        searcher, repository = case.checkout.searcher, case.checkout.repository
        answering.answer(Question(query), searcher, repository, writing=Writing(generator))  # type: ignore[arg-type]
    return generator.last


def _fitted(told: Sequence[Told]) -> Calibration:
    """What fits best where the model answered; the two sides weigh as they do among all questions."""
    share = {side: 0.5 / sum(one.case.own is side for one in told) for side in (True, False)}
    wrote = [one for one in told if one.generated and one.generated.logprobs and not one.declined]
    features = [[log_odds(one.retrieval), float(np.mean(one.generated.logprobs))] for one in wrote if one.generated]
    own = np.array([one.case.own for one in wrote])
    if len(set(own)) < 2:
        return RETRIEVAL_ALONE
    weights = len(told) * np.array([share[one.case.own] for one in wrote])
    bias, (margin, likelihood) = fit(np.array(features), own, weights)
    return Calibration(bias, float(margin), float(likelihood))


def _line(name: str, told: Sequence[Told], confidence: Callable[[Told], float], made_up: str | None) -> Line:
    own = [confidence(one) for one in told if one.case.own]
    others = [confidence(one) for one in told if not one.case.own and made_up in (None, one.case.made_up)]
    return name, own, others


def _shown(calibration: Calibration) -> str:
    return ", ".join(f'"{name}": {value:.2f}' for name, value in calibration.metrics.items())
