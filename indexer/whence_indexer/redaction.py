"""Text -> the same text without secrets and personal data, and what was taken out of it by kind and line.

Pure, and the one door: whatever is stored, learnt from or shown goes through `redact`. Never raises, whatever the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from whence_indexer.allowing import NOTHING, Allowed
from whence_indexer.assignments import find_assignments
from whence_indexer.credentials import find_credentials
from whence_indexer.findings import Finding, Prepared
from whence_indexer.fragments import find_fragments
from whence_indexer.personal import find_personal

# What the ecosystem's scanners are told on a line, and our own word for it.
_ALLOWED_LINE = re.compile(r"whence:\s*allow\b|pragma:\s*(?:allow|white)list[ -]secret|gitleaks:\s*allow\b")
_ALLOWED_NEXT = re.compile(r"pragma:\s*(?:allow|white)list[ -]nextline[ -]secret")
_MARKED = re.compile(
    r"«redacted:([\w-]+)»(?:(?<=private-key»)[ \t]*\n[ \t]*«redacted:[\w-]*private-key»)*"  # a key has many lines
)
_PASSES = 8


@dataclass(frozen=True, slots=True)
class Place:
    """Something taken out: its kind, and the line, 1-based, where it stood. Never what it was."""

    kind: str
    line: int


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text fit to be kept, with as many lines as it had, and what is no longer in it."""

    text: str
    found: tuple[Place, ...] = ()


def redact(text: str, allowed: Allowed = NOTHING, fragment: bool = False) -> Redacted:
    """`text` with a marker in the place of each secret and each piece of personal data, unless it is `allowed`.

    Of a `fragment`, the changed lines of a file, what names a secret may stand outside. Lines stay lines, and what is
    redacted once stays as it is when it is redacted again.
    """
    found: list[Place] = []
    for _ in range(_PASSES):  # a marker may uncover what stood beside it
        findings = _kept(text, allowed, fragment)
        if not findings:
            break
        found += [Place(item.kind, text.count("\n", 0, item.start) + 1) for item in findings if not item.goes_on]
        text = _replaced(text, findings)
    return Redacted(text, tuple(sorted(found, key=lambda place: place.line)))


def marker(kind: str) -> str:
    """What stands in the place of something of `kind`."""
    return f"«redacted:{kind}»"


def marked(text: str) -> list[str]:
    """The kinds of the markers in `text`, in order; those of a key on line after line are one."""
    return [match[1] for match in _MARKED.finditer(text)]


def _kept(text: str, allowed: Allowed, fragment: bool) -> list[Finding]:
    prepared = Prepared.of(text)
    found = chain(find_credentials(prepared), find_assignments(prepared), find_personal(prepared))
    found = chain(found, find_fragments(text)) if fragment else found
    noted: dict[int, bool] = {}  # by where a line begins: one may hold thousands
    return _merged(item for item in found if not _is_allowed(item, text, allowed, noted))


def _merged(findings: Iterable[Finding]) -> list[Finding]:
    """In the order of the text, one in the place of those that overlap. What was found first names the kind."""
    merged: list[tuple[int, Finding]] = []
    for rank, item in sorted(enumerate(findings), key=lambda entry: (entry[1].start, entry[0])):
        if merged and item.start < merged[-1][1].end:
            before = merged[-1][1]
            first, named = min(merged[-1], (rank, item), key=lambda entry: entry[0])
            joint = Finding(named.kind, before.start, max(before.end, item.end), before.goes_on)
            merged[-1] = (first, joint)
        else:
            merged.append((rank, item))
    return [item for _, item in merged]


def _replaced(text: str, findings: list[Finding]) -> str:
    parts, at = [], 0
    for item in findings:
        parts += [text[at : item.start], marker(item.kind)]
        at = item.end
    return "".join(parts) + text[at:]


def _is_allowed(item: Finding, text: str, allowed: Allowed, noted: dict[int, bool]) -> bool:
    start = text.rfind("\n", 0, item.start) + 1
    if start not in noted:
        noted[start] = _has_note(text, start)
    return noted[start] or allowed.holds(text[item.start : item.end])


def _has_note(text: str, start: int) -> bool:
    """Whether the line that begins at `start`, or the one above, says that it may stay."""
    end = text.find("\n", start)
    above = text[text.rfind("\n", 0, max(start - 1, 0)) + 1 : start]
    line = text[start : end if end >= 0 else len(text)]
    return _ALLOWED_LINE.search(line) is not None or _ALLOWED_NEXT.search(above) is not None
