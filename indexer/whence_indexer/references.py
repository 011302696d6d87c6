"""Mentions of issues and pull requests in commit messages: `#12`, `GH-12`, `Fixes #12`, merge titles, full URLs.

Pure text -> references: what a message says, not whether the thread exists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from whence_indexer.types import Reference

_CLOSING = r"(?P<closes>\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\b:?\s+)?"
_URL = r"https?://(?P<host>[^\s/]+)/(?P<site>[\w./~-]+?)/(?:-/)?(?P<part>issues|pulls?|merge_requests)/(?P<url>\d{1,10})(?!\d)"
_SHORT = r"(?:(?<![\w&/.-])(?P<other>[\w.-]+/[\w.-]+)?#|(?<!\w)GH-|(?<![\w/!])!)(?P<short>\d{1,10})\b"
_MENTION = re.compile(f"{_CLOSING}(?P<mention>{_URL}|{_SHORT})", re.IGNORECASE)
_TITLE = re.compile(
    r"^Merge pull request #(\d{1,10})\b"  # GitHub
    r"|^Merged in .*\(pull request #(\d{1,10})\)"  # Bitbucket
    r"|\(#(\d{1,10})\)\s*$",  # squash
)
# The largest number of an issue or pull request that the store can hold.
MAX_NUMBER = 2**31 - 1
# Hosts of remotes whose pages are elsewhere.
HOSTS = {"www.github.com": "github.com", "ssh.github.com": "github.com", "altssh.gitlab.com": "gitlab.com"}


def find_references(subject: str, body: str, project: str | None = None) -> list[Reference]:
    """References of a commit message, each number once, in order of appearance.

    The number in a merge or squash title is the pull request that brought the commit. `project` is this project's
    own `host/owner/name`: what names another project is left out, and without it any that is named.
    """
    found: dict[int, Reference] = {}
    for reference in (*_title(subject), *_mentions(subject, project), *_mentions(body, project)):
        known = found.get(reference.number, reference)
        pull, closes = known.pull or reference.pull, known.closes or reference.closes
        found[reference.number] = Reference(reference.number, pull, closes)
    return [reference for number, reference in found.items() if 0 < number <= MAX_NUMBER]


def foremost(references: Sequence[Reference]) -> int | None:
    """The number that a message is about: what it closes before what it names."""
    return next((each.number for each in sorted(references, key=lambda each: not each.closes)), None)


def find_mentions(text: str, project: str | None = None) -> Iterator[tuple[int, int, Reference]]:
    """Each mention in `text` with where it begins and ends, addresses and numbers of other projects left out."""
    for match, reference in _matches(text, project):
        if match["short"] and 0 < reference.number <= MAX_NUMBER:
            yield *match.span("mention"), reference


def _title(subject: str) -> Iterator[Reference]:
    match = _TITLE.search(subject)
    if match:
        yield Reference(int(next(filter(None, match.groups()))), pull=True)


def _mentions(text: str, project: str | None) -> Iterator[Reference]:
    return (reference for _, reference in _matches(text, project))


def _matches(text: str, project: str | None) -> Iterator[tuple[re.Match[str], Reference]]:
    for match in _MENTION.finditer(text):
        named = match["other"] or match["site"]
        if named and not _is_ours(match["host"], named, project):
            continue
        pull = (match["part"] or "").startswith(("pull", "merge")) or "!" in match[0]
        yield match, Reference(int(match["url"] or match["short"]), pull, match["closes"] is not None)


def _is_ours(host: str | None, named: str, project: str | None) -> bool:
    """Whether the project at `host`, where one is told, and of that name is `project`."""
    own_host, _, own = (project or "").lower().partition("/")
    if named.lower() != own:
        return False
    other_host = (host or own_host).lower().rpartition("@")[2].partition(":")[0]
    # A host without a dot is a name from the settings of ssh, which may stand for any.
    return "." not in own_host or HOSTS.get(other_host, other_host) == HOSTS.get(own_host, own_host)
