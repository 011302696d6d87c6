"""What an evaluation found, on a terminal: the measures of each model, and the samples that they answered unlike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from whence_training.errors import InputError
from whence_training.evaluation.comparing import compare, paired
from whence_training.evaluation.report import Report, read_report
from whence_training.evaluation.samples import PAGE, interval, ordered, score_name

_REPORTS = "eval_*.json"
_SAMPLES = 10
_LONGEST = 300  # characters of a text that are shown


def show(where: Path, console: Console) -> None:
    """Print the reports at `where`: a file, or all in a run's folder. The last is compared with the first.

    Raises `InputError` where there is none.
    """
    files = [where] if where.is_file() else sorted(where.rglob(_REPORTS))
    if not files:
        raise InputError(f"{where} holds no report of an evaluation; stages 4a and 4d make them")
    reports = [read_report(file) for file in files]
    console.print(_measures(reports))
    if reports[0].suites:
        console.print(_suites(reports))
    console.print(_samples(reports))
    for page in sorted(where.rglob(PAGE)) if where.is_dir() else ():
        console.print(f"all samples: {page}", soft_wrap=True, markup=False)


def _measures(reports: Sequence[Report]) -> Table:
    first, last = reports[0], reports[-1]
    known = compare(first, last, 0).metrics if len(reports) > 1 and paired(first, last) else {}
    table = _table(f"{last.samples:,} questions of {last.dataset[:16]}", ["measure", *(each.model for each in reports)])
    if known:
        table.add_column("95 % of the change", justify="right")
    table.add_row(score_name(reports), *(_number(each.combined) for each in reports))
    for name in ordered(list({name: 0 for each in reports for name in each.metrics})):
        change = [interval(known[name])] if name in known else []
        table.add_row(name, *(_number(each.metrics.get(name)) for each in reports), *change)
    return table


def _suites(reports: Sequence[Report]) -> Table:
    table = _table("As it should be, where models fail", ["suite", *(each.model for each in reports)])
    for name in reports[-1].suites:
        table.add_row(name, *(_number(each.suites.get(name, {}).get("rate")) for each in reports))
    return table


def _samples(reports: Sequence[Report]) -> Table:
    """Those that the last got wrong and the first right, or the other way round, before the others."""
    first, last = reports[0], reports[-1]
    pairs = paired(first, last) if len(reports) > 1 else [(each, each) for each in last.measured]
    pairs.sort(key=lambda pair: pair[0].correct == pair[1].correct)
    table = Table("question", "truth", *([first.model] if len(reports) > 1 else []), last.model, title="Samples")
    for one, other in pairs[:_SAMPLES]:
        answers = [one, other] if len(reports) > 1 else [other]
        texts = (f"{'✓' if each.correct else '✗'} {each.answer or '(abstained)'}" for each in answers)
        table.add_row(
            *(escape(text[:_LONGEST]) for text in (one.question, one.truth or "(none)", *texts)), end_section=True
        )
    return table


def _table(title: str, names: Sequence[str]) -> Table:
    table = Table(title=title)
    for place, name in enumerate(names):
        table.add_column(escape(name), justify="right" if place else "left")
    return table


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
