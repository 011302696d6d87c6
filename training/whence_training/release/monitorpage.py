"""The report of monitoring as one page that needs nothing else: tables, and the course of each signal as SVG. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from whence_training.release.monitoring import Signal, Topic

_WIDTH, _HEIGHT = 320, 60
_HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Whence: monitoring</title>
<style>body{font:15px system-ui;margin:2em;max-width:60em}table{border-collapse:collapse;margin:1em 0}
td,th{border-bottom:1px solid #8886;padding:.3em .8em;text-align:left}.bad{color:#b00;font-weight:bold}</style>
"""


def page(title: str, signals: Sequence[Signal], found: Sequence[Topic], models: Iterable[Sequence[str]]) -> str:
    """The page; text of questions is escaped. `models` are rows: name, questions, cited, p50, p95."""
    worst = sorted((topic for topic in found if topic.unanswered), key=lambda topic: -topic.unanswered)
    return "\n".join(
        [
            f"{_HEAD}<h1>{escape(title)}</h1>",
            _table("Signals", ("signal", "value", "limit", "events", "course"), map(_signal, signals)),
            _table(
                "Models", ("model", "questions", "with receipts", "p50 s", "p95 s"), (map(escape, m) for m in models)
            ),
            _table("Asked about most", ("for example", "questions", "unanswered", "confidence"), map(_topic, found)),
            _table("Not covered", ("for example", "questions", "unanswered", "confidence"), map(_topic, worst)),
        ]
    )


def curve(values: Sequence[float], limit: float) -> str:
    """A line of values between 0 and 1 as SVG, with the limit across."""
    if not values:
        return ""
    step = _WIDTH / max(len(values) - 1, 1)
    points = " ".join(f"{number * step:.1f},{_up(value):.1f}" for number, value in enumerate(values))
    across = (
        f'<line x1="0" x2="{_WIDTH}" y1="{_up(limit):.1f}" y2="{_up(limit):.1f}" stroke="#b00" stroke-dasharray="4"/>'
    )
    line = f'<polyline points="{points}" fill="none" stroke="#26c" stroke-width="2"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}">{across}{line}</svg>'


def _up(value: float) -> float:
    return _HEIGHT - 2 - min(max(value, 0.0), 1.0) * (_HEIGHT - 4)


def _signal(signal: Signal) -> Sequence[str]:
    value = "too few" if signal.value is None else f"{signal.value:.3f}"
    shown = f'<span class="bad">{value}</span>' if signal.bad else value
    return signal.name, shown, f"{signal.limit:.3f}", f"{signal.events}", curve(signal.course, signal.limit)


def _topic(topic: Topic) -> Sequence[str]:
    return escape(topic.example), f"{topic.questions}", f"{topic.unanswered:.0%}", f"{topic.confidence:.2f}"


def _table(title: str, head: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<h2>{title}</h2><table><tr>{''.join(f'<th>{name}</th>' for name in head)}</tr>{lines}</table>"
