"""Reports -> every sample beside its truth: JSON lines for programs, and a page for people. Pure, but for the writing.

The page needs nothing but itself: no script, font or picture from elsewhere. What models and repositories say is shown
as text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from whence_training.evaluation.plots import bars, confusion, differences
from whence_training.evaluation.report import Comparison, Difference, Prediction, Report
from whence_training.runfolder import write_durably

LINES, PAGE = "samples.jsonl", "samples.html"
# Of a report's measures those that a reader looks for first, in this order; the rest come after.
FIRST = (
    "accuracy", "token_f1", "exact_match", "rouge1", "rouge2", "rougeL", "bertscore_f1", "embedding_f1", "bleu",
    "citation_precision", "citation_recall", "context_precision", "context_recall", "coverage", "relevance",
    "hallucinated", "abstained", "abstention_precision", "abstention_recall", "calibration_error", "perplexity",
    "seconds_p50", "seconds_p95",
)  # fmt: skip
_PLOTTED = ("category", "type", "difficulty", "source", "hops", "generator")


def write_samples(folder: Path, reports: Sequence[Report], comparison: Comparison | None = None) -> None:
    """`samples.jsonl`, `samples.html` and the plots of one report, or of two (before and after) and how they differ."""
    write_durably(folder / LINES, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(reports)))
    write_durably(folder / PAGE, page(reports, comparison))
    for name, picture in pictures(reports, comparison).items():
        write_durably(folder / f"{name}.svg", picture)


def rows(reports: Sequence[Report]) -> list[dict[str, Any]]:
    """A row for each question that all were asked: id, question, truth, slices, and the answer of each."""
    first, *others = reports
    held = [{each.id: each for each in other.predictions} for other in others]
    return [
        _row(each, [each, *(known[each.id] for known in held)])
        for each in first.predictions
        if all(each.id in known for known in held)
    ]


def page(reports: Sequence[Report], comparison: Comparison | None = None) -> str:
    """The page: what was measured, pictures of it, and a table of every sample that can be searched and filtered."""
    data = json.dumps({"models": [report.model for report in reports], "rows": rows(reports)}, ensure_ascii=False)
    return _template().substitute(
        title=escape(" and ".join(report.model for report in reports)),
        facts=escape(_facts(reports[-1])),
        summary="\n".join(_summary(reports, comparison)),
        data=data.replace("<", "\\u003c"),  # nothing in it can end the element that holds it
    )


def ordered(names: Sequence[str]) -> list[str]:
    """Names of measures, those first that a reader looks for."""
    return [name for name in FIRST if name in names] + sorted(set(names).difference(FIRST))


def score_name(reports: Sequence[Report]) -> str:
    """What the combined score is called: with what it had to do without."""
    missing = sorted({name for report in reports for name in report.missing})
    return f"combined score without {', '.join(missing)}" if missing else "combined score"


def interval(difference: Difference) -> str:
    """The interval of a difference, marked where it leaves out zero, or why there is none; all on one line."""
    told = difference.untold or f"{difference.low:+.3f} to {difference.high:+.3f}"
    return f"{told}{' *' if difference.sure else ''}".replace(" ", "\u00a0")


def _row(asked: Prediction, answers: Sequence[Prediction]) -> dict[str, Any]:
    return {
        "id": asked.id,
        "question": asked.question,
        "truth": asked.truth,
        "slices": dict(asked.slices),
        "answers": [
            {
                "answer": each.answer,
                "cited": each.cited,
                "abstained": each.abstained,
                "correct": each.correct,
                "confidence": each.confidence,
                "metrics": {name: round(value, 4) for name, value in each.metrics.items()},
                "problems": each.problems,
            }
            for each in answers
        ],
    }


def pictures(reports: Sequence[Report], comparison: Comparison | None = None) -> dict[str, str]:
    """The plots, as SVG, by the name of their file without its end."""
    found = {}
    if comparison:
        names = ordered([*comparison.metrics])
        found["differences"] = differences("After less before, 95 % interval", comparison, names)
    for number, report in enumerate(reports, 1):
        found[f"abstention-{number}"] = confusion(f"Abstention: {report.model}", report.measured)
    for name in _PLOTTED:
        if len(reports[-1].slices.get(name, {})) > 1:
            found[f"accuracy-by-{name}"] = bars(f"Accuracy by {name}", reports, name)
    return found


def _summary(reports: Sequence[Report], comparison: Comparison | None) -> list[str]:
    tables = [_metrics(reports, comparison), _suites(reports), _rubric(reports)]
    shown = [*tables, *pictures(reports, comparison).values()]
    return ['<div class="cards">', *(f'<div class="card">{each}</div>' for each in shown if each), "</div>"]


def _metrics(reports: Sequence[Report], comparison: Comparison | None) -> str:
    head = [
        "measure",
        *(report.model for report in reports),
        *(["95 % of the change"] if comparison else []),
    ]
    lines = [[score_name(reports), *(_number(report.combined) for report in reports), *([""] if comparison else [])]]
    for name in ordered(list({name: 0 for report in reports for name in report.metrics})):
        line = [name, *(_number(report.metrics.get(name)) for report in reports)]
        if comparison:
            each = comparison.metrics.get(name)
            line.append(interval(each) if each else "")
        lines.append(line)
    return _table("Measures", head, lines)


def _suites(reports: Sequence[Report]) -> str:
    names = list({name: 0 for report in reports for name in report.suites})
    lines = [
        [
            name,
            *(_number(report.suites.get(name, {}).get("rate")) for report in reports),
            _number(reports[-1].suites.get(name, {}).get("wanted")),
        ]
        for name in names
    ]
    return _table("As it should be, where models fail", ["suite", *(r.model for r in reports), "wanted"], lines)


def _rubric(reports: Sequence[Report]) -> str:
    lines = []
    for aspect, mark in reports[-1].rubric.items():
        worst = f"{mark.best} {mark.gap:.2f} above {mark.worst}" if mark.points else "too few groups"
        lines.append([aspect, *(f"{report.rubric[aspect].points or '–'} of 5" for report in reports), worst])
    return _table("Fairness", ["aspect", *(report.model for report in reports), "largest gap"], lines)


def _table(title: str, head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    if not lines:
        return ""
    cells = [
        "".join(f'<td class="{"n" if place else ""}">{escape(cell)}</td>' for place, cell in enumerate(line))
        for line in lines
    ]
    header = "".join(f'<th class="{"n" if place else ""}">{escape(name)}</th>' for place, name in enumerate(head))
    body = "".join(f"<tr>{line}</tr>" for line in cells)
    return f"<strong>{escape(title)}</strong><table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table>"


def _facts(report: Report) -> str:
    told = {"dataset": report.dataset[:16], "samples": f"{report.samples:,}"} | dict(report.facts)
    return " · ".join(f"{name} {value}" for name, value in told.items() if not isinstance(value, dict | list))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


@cache
def _template() -> Template:
    return Template(Path(__file__).with_name("page.html").read_text("utf-8"))
