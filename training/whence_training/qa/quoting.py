"""Sentences of comments and documents -> the lines they stand on, so that an answer can quote them unchanged.

Pure. A sentence is found by its words in order, whatever marks and markup stand between them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from whence_indexer.comments import clean
from whence_server.passages import MAX_LINES
from whence_training.qa.record import Evidence, Quote

_WORD = re.compile(r"\w+")
_END = re.compile(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)(?<!etc\.)(?<!vs\.)\s+(?=[A-Z`\"'(])")
_OPEN = re.compile(r"[:,;(]\Z|\b(?:the|a|an|of|to|and|or|with|in|for|by|e\.g|i\.e|see)\Z", re.IGNORECASE)
_LINK = re.compile(
    r"https?://|\bTODO\b|\bFIXME\b|\bXXX\b|«redacted|:\w+:|\|\w+\||``|<\w+>|\.\. |\s_(?:\s|\Z)|\w_(?:[\s.,]|\Z)"
)
_SHOWING = re.compile(
    r"\b(as follows|the following|below|above|example:|here is|here's|looks like this|like this|like so|this page"
    r"|this section|this chapter|this document|this tutorial|this guide|next section)\b",
    re.IGNORECASE,
)
_MARK = re.compile(r"\s*(?://[/!]?|#+|\*(?!/)|--|;+)?\s*")
_GOES_ON = re.compile(r":\w+:`|[a-z`(\[*]")
_FEWEST, _MOST = 4, 45  # words of a sentence that answers


def sentences_of(paragraph: str) -> list[str]:
    """The whole sentences of a cleaned paragraph, each ending with its mark."""
    found = []
    for sentence in _END.split(paragraph.strip()):
        text = sentence.strip()
        found.append(text if text[-1:] in {".", "!", "?"} else f"{text}.")
    return found


def is_sentence(text: str) -> bool:
    """Whether it can answer by itself: whole, without links or what it points to on the page."""
    bare = text.rstrip(".!?")
    words = _WORD.findall(bare)
    return (
        _FEWEST <= len(words) <= _MOST
        and bare[:1].isalpha()
        and bare.count("(") == bare.count(")")
        and bare.count("`") % 2 == 0
        and bare.count('"') % 2 == 0
        and not _OPEN.search(bare)
        and not _LINK.search(bare)
        and not _SHOWING.search(bare)
    )


def locate(sentence: str, rows: Sequence[str]) -> tuple[int, int] | None:
    """The first and last of `rows`, from 0, that hold the sentence; None where it is not there in one run."""
    wanted = f" {' '.join(_WORD.findall(sentence.lower()))} "
    numbers = [number for number, row in enumerate(rows) for _ in _words(row)]
    present = f" {' '.join(word for row in rows for word in _words(row))} "
    at = present.find(wanted) if wanted.strip() else -1
    if at < 0:
        return None
    first = present.count(" ", 0, at)
    return numbers[first], numbers[first + wanted.count(" ") - 2]


def is_whole(sentence: str, rows: Sequence[str], place: tuple[int, int]) -> bool:
    """Whether a sentence ends where it is said to: its mark follows, or no further line of the same text."""
    row = rows[place[1]]
    words = _WORD.findall(sentence)
    at = row.lower().rfind(words[-1].lower()) if words else -1
    rest = row[at + len(words[-1]) :].lstrip("`)*\"'_>]}") if at >= 0 else row
    if rest[:1] in {".", "!", "?", ";"}:
        return True
    following = rows[place[1] + 1] if place[1] + 1 < len(rows) else ""
    same_mark = _MARK.match(row)[0].strip() == _MARK.match(following)[0].strip()  # type: ignore[index]
    return not (same_mark and _GOES_ON.match(_MARK.sub("", following, count=1)))


def window(rows: Sequence[str], first: int, last: int) -> tuple[int, int]:
    """The lines that an answer from `first` to `last` is shown with: from the beginning where that has room."""
    if last < MAX_LINES:
        return 0, min(len(rows) - 1, MAX_LINES - 1)
    start = min(first, max(0, last - MAX_LINES + 1))
    return start, min(len(rows) - 1, max(last, start + MAX_LINES - 1))


def evidence_of(whole: Evidence, first: int, last: int) -> tuple[Evidence, Quote]:
    """The part of `whole` that shows its lines `first` to `last`, counted from 0, and these lines as a quote."""
    rows = whole.text.split("\n")
    start, end = window(rows, first, last)
    part = Evidence(
        kind=whole.kind,
        text="\n".join(rows[start : end + 1]),
        path=whole.path,
        start_line=whole.start_line + start,
        symbol=whole.symbol,
        commit=whole.commit,
        date=whole.date,
        thread=whole.thread,
    )
    return part, Quote(0, "\n".join(rows[first : last + 1]))


@lru_cache(maxsize=1 << 14)
def _words(row: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(clean(row).lower()))
