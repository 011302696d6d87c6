"""A commit's message, or a thread's text -> the sentences that say why, best first.

Pure. Each reason quotes whole lines as they stand, so that it can be verified; trailers, merge titles and conflicts are
no reasons. English words of cause tell a reason; any other sentence of a body is taken for an explanation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from whence_indexer.query import FUNCTION_WORDS
from whence_indexer.terms import words
from whence_server.passages import MAX_LINES, coverage

CAUSE, PROBLEM, PROSE = (
    3,
    2,
    1,
)  # how plainly a sentence says why: by a word of cause, by what was wrong, by being there

_CAUSE = re.compile(
    r"\b(because|so that|so (?:we|it|they|users|you|this|that)\b|in order to|to (?:avoid|prevent|ensure|allow|make sure"
    r"|make it|work around|keep|support|help|comply|reduce|simplify|improve|speed|match|preserve|mitigate|stop"
    r"|be (?:able|consistent|compatible))|otherwise|or else"
    r"|due to|caused? (?:by|a|an|the)?|the (?:reason|problem|issue|idea|point|goal|motivation|intention)\b|that is why"
    r"|this is why|therefore|as a result|prevent(?:s|ed|ing)|avoid(?:s|ing)|lead(?:s|ing)? to|led to"
    r"|which (?:means|meant|broke|breaks|caused?|causes|leads|led|made|makes|is|was)|no longer"
    r"|work-?around|in case|since (?!\d|v\d|version)|needed|necessary|required (?:by|for|to)|turns? out|it is better"
    r"|unless|would (?:otherwise )?(?:be|fail|break|crash|cause|have|not|never|lead|result|raise))\b",
    re.IGNORECASE,
)
_PROBLEM = re.compile(
    r"\b(bugs?|broken?|breaks|fails?|failed|failing|failures?|crash\w*|wrong(?:ly)?|incorrect\w*|slow\w*|leak\w*|hang\w*"
    r"|deadlock\w*|race|missing|security|vulnerab\w*|cve-\d+|deprecat\w*|unsupported|confus\w*|regress\w*|unused"
    r"|inconsisten\w*|duplicat\w*|raised|exception|error when|could not|couldn't|can't|cannot|did not|didn't|doesn't"
    r"|does not|never|unexpected\w*|ambiguous|obsolete|redundant|unnecessary|overflow\w*|corrupt\w*)\b",
    re.IGNORECASE,
)
# What is said to whoever may merge it.
_PLEA = re.compile(
    r"\b(?:(?<!to )please|thx|thanks(?! to\b)|thank you|let me know|feel free|(?:if|do|what do) you think"
    r"|I (?:pull|close)|I(?:'ll| will| can) (?:close|update|change|open)|lgtm)\b",
    re.IGNORECASE,
)
_UNFINISHED = (",", ":", ";", "(")
_BOILERPLATE = re.compile(
    r"^\s*(?:[A-Z][\w-]*-(?:by|to|id|on|from|url|link|authors?|files?)\s*:|cc\s*:|change-id\b|git-svn-id\b|bug\s*[:=]"
    r"|(?:closes?d?|fix(?:e[sd])?|resolve[sd]?|refs?|see(?: also)?|references?|issues?|related(?: to)?|part of|pr|gh)?"
    r"(?: (?:this |the )?(?:issue|pr|pull request))?"
    r"\s*:?\s*(?:[\w./-]*#\d++|https?://\S++)(?:[\s,;.]|and|[\w./-]*#\d++|https?://\S++)*+$"
    r"|#?\s*conflicts\s*:|merge (?:pull request|branch|remote-tracking branch|tag|commit)\b|merged in\b"
    r"|this reverts commit\b|\(cherry picked from\b|\[(?:skip ci|ci skip)\]|[-=*_#~]{3,}\s*$|diff --git |\t)",
    re.IGNORECASE,
)
_FENCE = re.compile(r"\s*(?:`{3}|~{3})")
_COLUMN = re.compile(
    r"(?:^|(?<=\s))[|│┃](?=\s|$)|\t|\s{3,}|(?<=[^\s.!?:;,])\s{2}(?=\S)"
)  # what parts columns; a sentence may have wide gaps
_FIGURE = re.compile(r"[-+~<>=±(]*\$?\d[\d.,_eE]*\s?(?:[%x)]|[^\W\d]{1,5}(?:/\w+)?)?(?:\W|$)")
_ITEM = re.compile(r"^\s*(?:[*+•-]|\d+[.)])\s+")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[^\sa-z])")
_WORD = re.compile(r"[^\W_]+")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")  # written without, or with few, spaces
_MAX_SENTENCE = 400
_FEWEST_WORDS = 4


@dataclass(frozen=True, slots=True)
class Reason:
    """A sentence, the lines of the text that hold it, and how plainly it says why: `CAUSE`, `PROBLEM` or `PROSE`."""

    sentence: str
    quote: str
    strength: int


def find_reasons(subject: str, body: str, about: str = "") -> list[Reason]:
    """The reasons that a message gives, best first; none where it only names what was done.

    A subject says what; it is a reason only where it also says what for, or what was wrong. Of a list only those items
    are meant that speak of `about`, the code that is asked about: they explain it, whatever they say.
    """
    found = [reason for reason in _reasons(subject) if reason.strength > PROSE]
    found += _reasons(body, about)
    return sorted(found, key=lambda reason: -reason.strength)


def _reasons(text: str, about: str = "") -> Iterator[Reason]:
    paragraphs = list(_paragraphs(text))
    listed = bool(about) and sum(_ITEM.match(lines[0]) is not None for lines in paragraphs) > 1
    asked = {word: 1.0 for word in words(about) if len(word) > 2 and word not in FUNCTION_WORDS} if listed else {}
    goes_on = False
    for lines in paragraphs:
        item = _ITEM.match(lines[0]) is not None
        code = not item and all(line.startswith("    ") for line in lines)
        if code or (item and listed and not coverage(" ".join(lines), asked)):
            continue
        plain = [_ITEM.sub("", line).strip() for line in lines]
        starts = list(accumulate((len(line) + 1 for line in plain), initial=0))
        place = 0
        joined = " ".join(plain)
        for sentence in _SENTENCE.split(joined):
            place = joined.index(sentence, place)
            whole = not sentence.endswith(_UNFINISHED) and not (goes_on and not place and sentence[:1].islower())
            strength = _strength(sentence, item and not listed) if whole else 0
            if strength:
                row = sum(start <= place for start in starts[:-1]) - 1
                first = row if len(lines) > MAX_LINES else 0
                yield Reason(sentence, "\n".join(lines[first : first + MAX_LINES]), strength)
            place += len(sentence)
        goes_on = joined.endswith(",")


def _strength(sentence: str, item: bool) -> int:
    """How plainly it says why; 0 where it is no sentence, a plea, or an item of a list of what was done."""
    count = len(_WORD.findall(sentence)) + len(_WIDE.findall(sentence)) // 3
    if count < _FEWEST_WORDS or len(sentence) > _MAX_SENTENCE or _PLEA.search(sentence):
        return 0
    if _CAUSE.search(sentence):
        return CAUSE
    if _PROBLEM.search(sentence):
        return PROBLEM
    return 0 if item else PROSE


def _paragraphs(text: str) -> Iterator[list[str]]:
    """Runs of lines that belong together: up to a blank line, a trailer, a table, output or the next item of a list."""
    lines: list[str] = []
    fenced = False
    for line in [*text.split("\n"), ""]:
        fence = _FENCE.match(line) is not None
        ends = fence or fenced or not line.strip() or _BOILERPLATE.match(line) is not None or _is_row(line)
        fenced = fenced != fence
        if lines and (ends or _ITEM.match(line)):
            yield lines
            lines = []
        if not ends:
            lines.append(line)


def _is_row(line: str) -> bool:
    """Whether a line is of a table, as of measurements: three columns, or a name and a figure."""
    columns = [column.strip() for column in _COLUMN.split(line) if column.strip()]
    return len(columns) > 2 or (len(columns) == 2 and _FIGURE.match(columns[1]) is not None)
