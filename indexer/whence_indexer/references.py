"""Mentions of issues and pull requests in commit messages: `#12`, `GH-12`, `Fixes #12`, merge titles, full URLs.

Pure text -> references: what a message says, not whether the thread exists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from whence_indexer.types import Reference

_CLOSING = r"(?P<closes>\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\b:?\s+)?"
_URL = r"https?://(?:[^\s/@]+@)?(?P<host>[^\s/@:]+)(?::\d+)?/(?P<site>[\w./~-]+?)/(?:-/)?(?P<part>issues|pulls?|merge_requests)/(?P<url>\d{1,10})(?!\d)"
_SHORT = r"(?:(?<![\w&/.-])(?P<other>[\w.-]+/[\w.-]+)?#|(?<!\w)GH-|(?<![\w/!])!)(?P<short>\d{1,10})\b"
_MENTION = re.compile(f"{_CLOSING}(?P<mention>{_URL}|{_SHORT})", re.IGNORECASE)
_TITLE = re.compile(
    r"^Merge pull request #(\d{1,10})\b"  # GitHub
    r"|^Merged in .*\(pull request #(\d{1,10})\)"  # Bitbucket
    r"|\(#(\d{1,10})\)\s*$",  # squash
)
_MAX_NUMBER = 2**31 - 1


def find_references(subject: str, body: str, project: str | None = None) -> list[Reference]:
    """References of a commit message, each number once, in order of appearance.

    The number in a merge or squash title is the pull request that brought the commit. `project` is the address of this
    project's page, `https://host/owner/name`: what names another one is left out, and so is every address without it.
    """
    found: dict[int, Reference] = {}
    for reference in (*_title(subject), *_mentions(subject, project), *_mentions(body, project)):
        known = found.get(reference.number, reference)
        pull, closes = known.pull or reference.pull, known.closes or reference.closes
        found[reference.number] = Reference(reference.number, pull, closes)
    return [reference for number, reference in found.items() if 0 < number <= _MAX_NUMBER]


def foremost(references: Sequence[Reference]) -> int | None:
    """The number that a message is about: what it closes before what it names."""
    return next((each.number for each in sorted(references, key=lambda each: not each.closes)), None)


def find_mentions(text: str, project: str | None = None) -> Iterator[tuple[int, int, Reference]]:
    """Each mention in `text` with where it begins and ends, addresses and numbers of other projects left out."""
    for match, reference in _matches(text, project):
        if match["short"] and 0 < reference.number <= _MAX_NUMBER:
            yield *match.span("mention"), reference


def _title(subject: str) -> Iterator[Reference]:
    match = _TITLE.search(subject)
    if match:
        yield Reference(int(next(filter(None, match.groups()))), pull=True)


def _mentions(text: str, project: str | None) -> Iterator[Reference]:
    return (reference for _, reference in _matches(text, project))


def _matches(text: str, project: str | None) -> Iterator[tuple[re.Match[str], Reference]]:
    host, _, own = (project or "").lower().removeprefix("https://").partition("/")
    for match in _MENTION.finditer(text):
        named = match["other"] or match["site"]
        if named and named.lower() != own:  # without a project: written out because it is somebody else's
            continue
        if match["host"] and "." in host and match["host"].lower() != host:  # one without a dot is a name of ssh's
            continue
        pull = (match["part"] or "").startswith(("pull", "merge")) or "!" in match[0]
        yield match, Reference(int(match["url"] or match["short"]), pull, match["closes"] is not None)
