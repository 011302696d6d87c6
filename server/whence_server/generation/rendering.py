"""What a model says, line by line, as Markdown of an answer: its own markup means nothing, its citations are ours.

Pure. `Lines` takes text as it comes and gives out what can be shown so far, which is never taken back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from whence_server.markup import CODE_SPAN, plain

# What the next character may turn into markup, or out of it: a mark at the end, and a code span that may not be one.
_OPEN = re.compile(r"(?:`[^`]*`|[_#+=.)-])+$")


def cited(text: str, numbers: Sequence[int]) -> str:
    """A line of an answer with its citations."""
    return plain(text) + "".join(f" [{number}]" for number in numbers)


class Lines:
    """Raw text coming in pieces -> `told` with what may be shown.

    A line's text is shown as it comes up to the first bracket outside code: what follows may be a citation, which is
    shown when `render` has judged the whole line. `render` returns the line as shown, or None for one to leave out;
    with `hold` nothing of a line is shown before that.
    """

    def __init__(self, told: Callable[[str], object], render: Callable[[str], str | None], hold: bool = False) -> None:
        self._told, self._render, self._hold = told, render, hold
        self._line, self._shown, self._any = "", "", False

    def feed(self, piece: str) -> None:
        """More of the text."""
        *whole, rest = piece.split("\n")
        for line in whole:
            self._line += line
            self.end()
        self._line += rest
        if not self._hold:
            self._show(plain(certain(self._line)))

    def end(self) -> None:
        """The line is complete."""
        line, self._line = self._line, ""
        rendered = self._render(line) if line else None
        if rendered is not None and rendered.startswith(self._shown):
            self._show(rendered)
        self._any = self._any or bool(self._shown)
        self._shown = ""

    def _show(self, text: str) -> None:
        if len(text) > len(self._shown) and text.startswith(self._shown):
            opening = "  \n" if self._any and not self._shown else ""
            self._told(opening + text[len(self._shown) :])
            self._shown = text


def certain(line: str) -> str:
    """What will be shown of a line whatever comes after it: all up to a bracket, or to code that is not closed yet."""
    parts = CODE_SPAN.split(line)
    for place, part in enumerate(parts):
        if place % 2 == 0 and (found := re.search(r"[\[`]", part)):
            line = "".join(parts[:place]) + part[: found.start()]
            break
    return _OPEN.sub("", line)
