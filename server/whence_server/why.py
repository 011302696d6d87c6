"""Lines of a file -> why they are as they are: the commits that shaped them, and the reasons these give.

Takes a repository and lines, asks git alone: the index may be behind, or there may be none. Every quotation is verified
against git, or the thread it is from, before it is shown. Where nobody wrote down a reason, the answer says so.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from whence_indexer.history import instant
from whence_indexer.lineage import SECONDS, Lineage, Range, Shaper, trace
from whence_indexer.references import find_references
from whence_indexer.repository import Repository
from whence_indexer.source import find_source
from whence_indexer.types import Citation, Kind, Span
from whence_server.markup import plain, quoted
from whence_server.reasons import CAUSE, PROBLEM, PROSE, Reason, find_reasons
from whence_server.receipts import citation_url, in_history
from whence_server.types import Answer, Change, Explanation, Model, Timings

SHOWN = 4  # commits quoted; the history names all
HISTORY = Model("history")
# An order, fitted on nothing: a sentence with a word of cause is an answer more often than one of what was wrong.
_CONFIDENCE = {CAUSE: 0.9, PROBLEM: 0.75, PROSE: 0.6}
_EARLIER = 1  # a reason for what a line was before counts less, by as much as one strength, than one for what it is

ThreadTexts = Callable[[Sequence[int]], Mapping[int, str]]


def no_threads(numbers: Sequence[int]) -> Mapping[int, str]:
    """The texts of the issues and pull requests with these numbers, of which none is known."""
    return {}


@dataclass(frozen=True, slots=True)
class _Found:
    """A reason and where it stands."""

    reason: Reason
    shaper: Shaper
    kind: Kind = "commit"
    thread: int | None = None

    @property
    def value(self) -> int:
        return self.reason.strength - (_EARLIER if self.shaper.earlier else 0)


def explain(
    repository: Repository,
    lines: Span,
    threads: ThreadTexts = no_threads,
    who: bool = False,
    seconds: float = SECONDS,
) -> Explanation:
    """Why `lines` are as they are in the work tree; with `who`, whose they are comes before that.

    `threads` maps numbers that commits name to what is known of them; `seconds` are those of `trace`. Raises
    `SourceError` where the lines have no history to tell, `RepositoryError` where git refuses.
    """
    started = time.monotonic()
    source = find_source(repository, lines.path, lines.start_line, lines.end_line)
    lineage = trace(repository, source, lines.start_line, lines.end_line, seconds=seconds)
    retrieved = time.monotonic()
    history = tuple(_change(shaper, repository.project) for shaper in lineage.shapers)
    texts = threads(sorted({number for change in history for number in change.threads}))
    cited = _verified(_best(lineage.shapers, history, texts), repository, texts)
    citations = [_citation(number, found, repository) for number, found in enumerate(cited, 1)]
    lead, told = _lead(lines, lineage, history, cited)
    blocks = [_block(found, citation) for found, citation in zip(cited, citations, strict=True)]
    total = time.monotonic() - started
    answer = Answer(
        text="\n\n".join(filter(None, (_authors(history) if who else "", lead, *blocks, *_notes(lineage)))),
        confidence=_CONFIDENCE[max(cited[0].value, PROSE)] if told else 0.0,
        abstained=not told,
        citations=tuple(citations),
        model=HISTORY,
        timings=Timings(round(retrieved - started, 4), round(total, 4), round(total, 4)),
    )
    seen_through = tuple((commit.sha, kind) for commit, kind in lineage.seen_through)
    return Explanation(answer, history, lineage.uncommitted, seen_through, lineage.shallow, lineage.complete)


def _change(shaper: Shaper, project: str | None) -> Change:
    commit = shaper.commit
    named = find_references(commit.subject, commit.body, project)
    return Change(
        commit=commit.sha,
        date=commit.date,
        author=commit.author,
        subject=commit.subject,
        lines=shaper.lines,
        threads=tuple(reference.number for reference in named),
        earlier=shaper.earlier,
    )


def _best(shapers: Sequence[Shaper], history: Sequence[Change], texts: Mapping[int, str]) -> list[_Found]:
    """The best reason of each of the commits shown, the best of all first; a subject where a commit gives none."""
    found = []
    for shaper, change in zip(shapers, history, strict=True):
        commit = shaper.commit
        given = [_Found(reason, shaper) for reason in find_reasons(commit.subject, commit.body)[:1]]
        for number in change.threads:
            told = find_reasons("", texts.get(number, ""))[:1]
            given += [_Found(reason, shaper, "issue", number) for reason in told]
        what = _Found(Reason(commit.subject, commit.subject, 0), shaper)
        found.append(max(given, key=lambda each: each.value, default=what))
    led = max(found, key=lambda each: each.value, default=None)
    if led is not None and led.reason.strength:
        found.insert(0, found.pop(found.index(led)))
    return found[:SHOWN]


def _verified(found: Iterable[_Found], repository: Repository, texts: Mapping[int, str]) -> list[_Found]:
    """Those whose quotation stands where it is said to."""
    return [
        each
        for each in found
        if (
            each.reason.quote in texts.get(each.thread, "")
            if each.thread is not None
            else in_history(_citation(0, each, repository), repository)
        )
    ]


def _lead(lines: Span, lineage: Lineage, history: Sequence[Change], cited: Sequence[_Found]) -> tuple[str, bool]:
    """What the answer begins with, and whether it is a reason."""
    new = sum(last - first + 1 for first, last in lineage.uncommitted)
    said = f"Not committed yet: {_named(lineage.uncommitted)}" if new else ""
    if new == lines.end_line - lines.start_line + 1:
        return f"{said}. No reason is recorded.", False
    opening = f"{said}. " if said else ""
    if cited and cited[0].reason.strength:
        return f"{opening}{plain(cited[0].reason.sentence)} [1]", True
    what = "the commit has no message"
    if cited and not cited[0].shaper.earlier:
        what = f"the commit only says what it did, “{plain(cited[0].reason.sentence)}” [1]"
    numbers = dict.fromkeys(number for change in history for number in change.threads)
    named = f" It may be told in {', '.join(f'#{number}' for number in numbers)}." if numbers else ""
    return f"{opening}No reason was recorded: {what}.{named}", False


def _authors(history: Sequence[Change]) -> str:
    """Whose the lines are, and who was there last."""
    lines = Counter[str]()
    now = [change for change in history if not change.earlier]
    for change in now:
        lines[change.author] += sum(last - first + 1 for first, last in change.lines)
    if not now:
        return ""
    last = max(now, key=lambda change: instant(change.date))
    shares = ", ".join(f"{plain(author)} ({count})" for author, count in lines.most_common())
    return f"Lines by author: {shares}. Last changed by {plain(last.author)} on {last.date[:10]}."


def _citation(number: int, found: _Found, repository: Repository) -> Citation:
    commit = found.shaper.commit
    named = find_references(commit.subject, commit.body, repository.project)
    first = next((reference.number for reference in named if reference.closes), None)
    return Citation(
        id=number,
        kind=found.kind,
        quote=found.reason.quote,
        commit=commit.sha,
        thread=found.thread or first or next((reference.number for reference in named), None),
        url=citation_url(repository, commit.sha),
    )


def _block(found: _Found, citation: Citation) -> str:
    """A commit's place in the history, then the quotation."""
    commit = found.shaper.commit
    thread = f" (#{citation.thread})" if citation.thread else ""
    place = ("earlier form of " if found.shaper.earlier else "") + _named(found.shaper.lines)
    about = f"{place}, {plain(commit.author)}, {commit.date[:10]}"
    subject = "" if found.reason.quote == commit.subject else f": {plain(commit.subject)}"
    return f"**commit {commit.sha[:10]}**{thread}, {about}{subject} [{citation.id}]\n\n{quoted(found.reason.quote)}"


def _notes(lineage: Lineage) -> list[str]:
    """What a reader should know of how the commits were found."""
    notes = []
    if lineage.seen_through:
        through = ", ".join(f"{commit.sha[:10]} ({kind})" for commit, kind in lineage.seen_through)
        notes.append(f"Seen through, as only the form was changed: {through}.")
    if lineage.shallow:
        notes.append("The clone is shallow: what is older than its first commits is not known here.")
    return notes


def _named(ranges: Sequence[Range]) -> str:
    """`line 3` or `lines 3-4, 9`."""
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in ranges]
    return ("line " if len(shown) == 1 and "-" not in shown[0] else "lines ") + ", ".join(shown)
