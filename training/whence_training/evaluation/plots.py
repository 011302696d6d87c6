"""Numbers of reports -> pictures as SVG, each a text that stands alone or inside a page. Pure.

Words take the colour of what is around them, so that a page may be light or dark.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape

from whence_training.evaluation.report import Comparison, Difference, Prediction, Report

COLOURS = ("#8a94a6", "#2f6fde")  # before and after, told apart without seeing colour
_WIDTH, _LABELS, _NUMBERS, _ROW, _BAR = 640, 190, 60, 34, 11
_HEAD, _FOOT = 30, 8


def bars(title: str, reports: Sequence[Report], slice_name: str, measure: str = "accuracy") -> str:
    """A measure in each group of a slice, a bar for each report; groups as the last report orders them."""
    rows = reports[-1].slices.get(slice_name, {})
    room = _WIDTH - _LABELS - _NUMBERS
    parts = []
    for place, (value, held) in enumerate(rows.items()):
        top = _HEAD + place * _ROW
        parts.append(_text(_LABELS - 8, top + 15, f"{_clipped(value or '–')} ({held['n']:g})", "end"))
        for number, report in enumerate(reports):
            share = report.slices.get(slice_name, {}).get(value, {}).get(measure)
            if share is not None:
                y, colour = top + 2 + number * (_BAR + 2), COLOURS[number + 2 - len(reports)]
                parts.append(_bar(_LABELS, y, room * max(0.0, min(share, 1.0)), colour))
                parts.append(_text(_LABELS + room * max(0.0, min(share, 1.0)) + 5, y + 9, f"{share:.2f}"))
    return _picture(title, _HEAD + len(rows) * _ROW + _FOOT, parts)


def differences(title: str, comparison: Comparison, names: Sequence[str]) -> str:
    """Each measure after less before, with its interval; a full dot where that leaves out zero."""
    held = {name: comparison.metrics[name] for name in names if name in comparison.metrics}
    reach = max([0.05, *(max(abs(at) for at in _ends(each)) for each in held.values())])
    middle, scale = _LABELS + (_WIDTH - _LABELS) / 2, (_WIDTH - _LABELS - 2 * _NUMBERS) / 2 / reach
    bottom = _HEAD + len(held) * 24
    parts = [f'<path d="M{middle:.1f} {_HEAD - 6}V{bottom}" stroke="currentColor" stroke-opacity=".4"/>']
    for place, (name, each) in enumerate(held.items()):
        y, at = _HEAD + place * 24 + 8, middle + each.change * scale
        low, high = (middle + end * scale for end in _ends(each))
        fill = COLOURS[1] if each.sure else "none"
        parts += [
            _text(_LABELS - 8, y + 4, _clipped(name), "end"),
            f'<path d="M{low:.1f} {y}H{high:.1f}" stroke="{COLOURS[1]}" '
            f'stroke-width="2"/><circle cx="{at:.1f}" cy="{y}" r="4.5" fill="{fill}" stroke="{COLOURS[1]}" '
            'stroke-width="2"/>',
            _text(_WIDTH - 4, y + 4, f"{each.change:+.3f}", "end"),
        ]
    return _picture(title, bottom + _FOOT, parts)


def _ends(each: Difference) -> tuple[float, float]:
    """Of its line: the interval, or nothing but the dot."""
    return (each.change, each.change) if each.low is None or each.high is None else (each.low, each.high)


def confusion(title: str, predictions: Sequence[Prediction]) -> str:
    """How often it answered and abstained, where there is an answer and where there is none."""
    counts = Counter((bool(each.truth), each.abstained) for each in predictions)
    most = max(counts.values(), default=1) or 1
    parts = [_text(_LABELS + 75, 46, "answered", "middle"), _text(_LABELS + 235, 46, "abstained", "middle")]
    for row, answerable in enumerate((True, False)):
        y = 54 + row * 54
        parts.append(_text(_LABELS - 8, y + 29, "has an answer" if answerable else "has none", "end"))
        for column, abstained in enumerate((False, True)):
            count, x = counts[answerable, abstained], _LABELS + column * 160
            colour = COLOURS[1] if answerable is not abstained else COLOURS[0]
            parts.append(
                f'<rect x="{x}" y="{y}" width="150" height="48" rx="4" fill="{colour}" '
                f'fill-opacity="{0.1 + 0.6 * count / most:.2f}"/>'
            )
            parts.append(_text(x + 75, y + 29, f"{count:,}", "middle"))
    return _picture(title, 54 + 2 * 54 + _FOOT, parts)


def _picture(title: str, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:g}" role="img" '
        f'aria-label="{escape(title)}" font-family="system-ui, sans-serif" font-size="12" fill="currentColor">'
        f'<text x="0" y="14" font-size="13" font-weight="600">{escape(title)}</text>{"".join(parts)}</svg>\n'
    )


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _bar(x: float, y: float, width: float, colour: str) -> str:
    return f'<rect x="{x}" y="{y}" width="{width:.1f}" height="{_BAR}" rx="2" fill="{colour}"/>'


def _clipped(label: str) -> str:
    return label if len(label) <= 24 else f"{label[:23]}…"
