"""Reports as evaluation makes them, with the measures that a test wants."""

from __future__ import annotations

from dataclasses import replace

from whence_training.evaluation.report import Prediction, Report


def report(model="tuned", accuracy=0.8, f1=(0.6, 0.6), precision=0.9, **changes):
    """`f1` are those of the categories; `changes` are fields of the report."""
    names = ("code", "docs", "history", "discussion")
    asked = Prediction("1", "Why?", "So.", "So.", (), False, True, 0.9, 0.1, {"token_f1": 0.6}, {"category": "code"})
    of_categories = {name: {"n": 5.0, "token_f1": value} for name, value in zip(names, f1, strict=False)}
    made = Report(
        model, "data", 1, {"accuracy": accuracy, "citation_precision": precision}, 0.6, (),
        {"category": of_categories}, {}, {}, (asked,), {"evidence": "retrieval"},
    )  # fmt: skip
    return replace(made, **changes)
