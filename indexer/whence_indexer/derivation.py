"""Threads that no tracker was asked for: pull requests that merge commits name, and numbers that a changelog explains.

Pure: commits and the texts of changelogs to threads marked as `derived`. The kind of a number that only a changelog
has is a guess, where it does not say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from whence_indexer.history import universal
from whence_indexer.records import plain
from whence_indexer.references import MAX_NUMBER, find_references
from whence_indexer.threads import Comment, Thread
from whence_indexer.types import Commit

_MERGE = re.compile(r"Merge pull request #(\d{1,10}) from |Merged in .{1,250} \(pull request #(\d{1,10})\)")
_GITLAB = re.compile(r"^See merge request \S*!(\d{1,10})\s*\Z", re.MULTILINE)
# These two are for texts with single spaces: in long runs of white space they would look again and again.
_SQUASH = re.compile(r"(\S.*?) ?\(#(\d{1,10})\)\Z")
_MARKUP = re.compile(r"\[([^\][]*)\]\([^()\s]*\)|`([^`<]*?)(?: ?<[^<>`]*>)?`_{1,2}")
# `:issue:`12``, `:pr:`12, 13``, as Sphinx extensions have it.
_ROLE = re.compile(r":(?:gh-?)?(issue|pr|pull)s?:`#?(\d{1,10}(?:\s*,\s*#?\d{1,10})*)`", re.IGNORECASE)
_BULLET = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s+")
_HEADING = re.compile(r"#{1,6}\s")
_UNDERLINE = re.compile(r"[=\-~^\"'`*+_]{3,}\s*\Z")
_SENTENCE = re.compile(r"(.+?[.!?])(?:\s|\Z)")
_MAX_TITLE = 200


def derive_threads(
    commits: Iterable[Commit], changelogs: Mapping[str, str], project: str | None = None
) -> list[Thread]:
    """Pull requests named by `commits`, and threads named by `changelogs` (path: text), by number.

    Each number is one thread, with the changelog's entries as comments. `project` is the repository's own
    `host/owner/name`.
    """
    threads: dict[int, Thread] = {}
    for commit in commits:
        thread = _brought(commit)
        known = threads.get(thread.number) if thread else None
        if thread and (known is None or "" < thread.closed < known.closed):  # the later ones are backports
            threads[thread.number] = thread
    for path, text in changelogs.items():
        for entry in _entries(text):
            comment = Comment(author="", date="", body=entry.text, kind="changelog", path=path, line=entry.line)
            for number, pull in entry.numbers(project):
                known = threads.get(number) or _explained(number, pull, entry)
                threads[number] = replace(known, comments=(*known.comments, comment))
    return [threads[number] for number in sorted(threads)]


def _brought(commit: Commit) -> Thread | None:
    """The pull request that a merge or squash commit brought in."""
    first, _, rest = commit.body.partition("\n")
    if match := _MERGE.match(commit.subject):
        number, title, body = match[1] or match[2], first or commit.subject, rest
    elif match := _GITLAB.search(commit.body):
        number, title, body = match[1], first, rest[: match.start() - len(first) - 1]
    elif match := _SQUASH.match(_with_single_spaces(commit.subject)):
        number, title, body = match[2], match[1], commit.body
    else:
        return None
    if not 0 < int(number) <= MAX_NUMBER:
        return None
    return Thread(
        number=int(number),
        kind="pull",
        title=plain(title).strip() or commit.subject,
        body=plain(body).strip(),
        state="merged",
        closed=universal(commit.date),
        merge_commit=commit.sha,
        derived=True,
    )


@dataclass(frozen=True)
class _Entry:
    """A point of a changelog as one line of text; `line` is where it begins, counted from 1."""

    line: int
    text: str

    def numbers(self, project: str | None) -> Iterator[tuple[int, bool]]:
        """Each number it names, and whether that is a pull request."""
        found = {reference.number: reference.pull for reference in find_references("", self.text, project)}
        for role, numbers in _ROLE.findall(self.text):
            found |= {int(number): role.lower() != "issue" for number in re.findall(r"\d+", numbers)}
        return ((number, pull) for number, pull in found.items() if 0 < number <= MAX_NUMBER)


def _explained(number: int, pull: bool, entry: _Entry) -> Thread:
    """A thread of which nothing is known but what the changelog says."""
    text = _with_single_spaces(_ROLE.sub("", entry.text))
    text = _MARKUP.sub(lambda match: match[1] or match[2] or "", text).strip()
    sentence = _SENTENCE.match(text)
    title = (sentence[1] if sentence else text)[:_MAX_TITLE] or entry.text[:_MAX_TITLE]
    return Thread(number, "pull" if pull else "issue", title, state="merged" if pull else "closed", derived=True)


def _with_single_spaces(text: str) -> str:
    return " ".join(text.split())


def _entries(text: str) -> Iterator[_Entry]:
    """The points and paragraphs of a changelog; headings end them and are none."""
    begun, lines = 0, list[str]()
    for number, line in enumerate([*plain(text).split("\n"), ""], 1):
        bullet, heading = _BULLET.match(line), _HEADING.match(line)
        if _UNDERLINE.match(line):
            lines = lines if len(lines) > 1 else []
        elif lines and (bullet or heading or not line.strip()):
            yield _Entry(begun, " ".join(lines))
            lines = []
        if line.strip() and not heading and not _UNDERLINE.match(line):
            begun = begun if lines else number
            lines.append(line[bullet.end() if bullet else 0 :].strip())
