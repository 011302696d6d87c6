"""What an evaluation found: the report of one model, and of two beside each other; their JSON.

Values only. Every measure is a share of 0 to 1 where its name does not say another unit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from whence_training.errors import InputError
from whence_training.runfolder import write_durably

ENOUGH = 20  # samples of which an interval is told


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answer with its measures. `truth` is "" where the record has no answer, `answer` where it abstained.

    `correct` is what accuracy is the mean of; `slices` are the values by which it is filtered, such as its category;
    `group` is what it has in common with others, that of its record.
    """

    id: str
    question: str
    truth: str
    answer: str
    cited: tuple[str, ...]
    abstained: bool
    correct: bool
    confidence: float
    seconds: float
    metrics: Mapping[str, float]
    slices: Mapping[str, str]
    problems: tuple[str, ...] = ()
    group: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """One aspect of the rubric: 1 to 5 points for what is `beyond` chance of the `gap` between the accuracy of its
    `best` and its `worst` served group; 0 points where there are not two groups large enough to tell.
    """

    points: int
    gap: float
    beyond: float
    best: str = ""
    worst: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """How one model did on one dataset (its version). `metrics` are means over the samples that have a measure.

    `combined` is the weighted score, of which the measures in `missing` could not be taken; None without any.
    `slices` are {slice: {value: {"n": …, measure: …}}}, `suites` {suite: {"n": …, "rate": …, …}}; `facts` say how it
    was run.
    """

    model: str
    dataset: str
    samples: int
    metrics: Mapping[str, float]
    combined: float | None
    missing: tuple[str, ...]
    slices: Mapping[str, Mapping[str, Mapping[str, float]]]
    suites: Mapping[str, Mapping[str, float]]
    rubric: Mapping[str, Mark]
    predictions: tuple[Prediction, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def measured(self) -> list[Prediction]:
        """The predictions that its measures are of: those of no suite."""
        return [each for each in self.predictions if "suite" not in each.slices]


@dataclass(frozen=True, slots=True)
class Difference:
    """A measure of two models over the same `samples`; `low` to `high` holds after - before with 95 % confidence.

    Both are None where nothing can be said: of fewer than `ENOUGH` samples, or where all differ alike, so that there
    is no chance to be seen.
    """

    before: float
    after: float
    low: float | None
    high: float | None
    samples: int

    @property
    def change(self) -> float:
        """after - before."""
        return self.after - self.before

    @property
    def sure(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    @property
    def untold(self) -> str:
        """Why there is no interval; "" where there is one."""
        return "" if self.low is not None else "too few to tell" if self.samples < ENOUGH else "no spread"


@dataclass(frozen=True, slots=True)
class Discordant:
    """McNemar's exact test over the samples that only one of both answered correctly; `p` is two-sided."""

    before_only: int
    after_only: int
    p: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two reports over the `samples` that both have. `categories` are {category: (token F1 before, after)}."""

    before: str
    after: str
    samples: int
    metrics: Mapping[str, Difference]
    correct: Discordant
    categories: Mapping[str, tuple[float, float]]


def write_report(file: Path, report: Report | Comparison) -> None:
    """Write it as JSON, as a whole."""
    write_durably(file, json.dumps(asdict(report), ensure_ascii=False, indent=1) + "\n")


def read_report(file: Path) -> Report:
    """A report that was written. Raises `InputError` naming the file where it is none."""
    try:
        held = json.loads(file.read_text("utf-8"))
        predictions = tuple(
            Prediction(**{**each, "cited": tuple(each["cited"]), "problems": tuple(each["problems"])})
            for each in held["predictions"]
        )
        rubric = {aspect: Mark(**mark) for aspect, mark in held["rubric"].items()}
        told = {"missing": tuple(held["missing"]), "predictions": predictions, "rubric": rubric}
        return Report(**{**held, **told})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{file} is no report of an evaluation: {error}") from error
