"""Reports of checkpoints on the validation split -> the one to keep: good, and steadily so. Pure.

A checkpoint's rank is the mean of its combined scores over parts of the validation, less their deviation: of two with
one mean the steadier answers a new question better. The test split is not seen here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

from whence_training.evaluation.metrics import combined
from whence_training.evaluation.report import Prediction, Report
from whence_training.evaluation.slices import means
from whence_training.evaluation.suites import suite_of
from whence_training.finetuning.folds import fold_count, folds
from whence_training.qa.record import Record


@dataclass(frozen=True, slots=True)
class Standing:
    """How one did: the combined `scores` of the parts, without the measures that are `missing`, and `rank`, their mean
    less their deviation."""

    name: str
    scores: tuple[float, ...]
    accuracy: float
    missing: tuple[str, ...]

    @property
    def mean(self) -> float:
        """Of the parts' scores."""
        return fmean(self.scores)

    @property
    def deviation(self) -> float:
        """Of the parts' scores, all of them being what there is."""
        return pstdev(self.scores)

    @property
    def rank(self) -> float:
        """What is compared."""
        return self.mean - self.deviation


def standing(
    name: str, report: Report, records: Sequence[Record], weights: Mapping[str, float], count: int, seed: int
) -> Standing:
    """How a model did on `records`, in at most `count` parts that share no origin."""
    held = {each.id: each for each in report.predictions}
    asked = [record for record in records if record.id in held and suite_of(record) is None]
    parts = folds(asked, fold_count(count, asked), seed)
    scores = tuple(_score([held[asked[place].id] for place in part], weights) for part in parts)
    return Standing(name, scores, report.metrics.get("accuracy", 0.0), report.missing)


def best(standings: Sequence[Standing]) -> Standing:
    """The highest rank; of equal ones the first, which has been trained least."""
    return max(standings, key=lambda each: each.rank)


def _score(predictions: Sequence[Prediction], weights: Mapping[str, float]) -> float:
    return combined(means(predictions), weights)[0]
