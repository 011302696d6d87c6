"""Lines of a file -> why they are as they are: the commits that shaped them, and the reasons these give.

Takes a repository and lines, asks git; the index is asked for imported threads alone, and there need be none. Every
quotation is verified against git, or the thread or file it is from, before it is shown. Where nobody wrote down a
reason, the answer says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from whence_indexer.definitions import locate
from whence_indexer.descent import SECONDS as DEFINITION_SECONDS
from whence_indexer.descent import trace_definition
from whence_indexer.lineage import SECONDS, Lineage, Range, Shaper, trace
from whence_indexer.references import find_references, foremost
from whence_indexer.repository import Repository
from whence_indexer.source import find_source
from whence_indexer.types import Citation, Commit, Span
from whence_server.changelogs import Entry, find_entries, stands
from whence_server.discussions import Discussions, Told, find_discussions, find_told, holds
from whence_server.markup import lines_of, plain, quoted
from whence_server.reasons import CAUSE, PROBLEM, PROSE, Reason, find_reasons
from whence_server.receipts import citation_url, in_history
from whence_server.types import Answer, Change, Explanation, Model, Timings

SHOWN = 4  # commits quoted; the history names all
HISTORY = Model("history")
# An order, fitted on nothing: a sentence with a word of cause is an answer more often than one of what was wrong.
_CONFIDENCE = {CAUSE: 0.9, PROBLEM: 0.75, PROSE: 0.6}
_EARLIER = 1  # a reason for what a line was before is as sure as one of the next lower strength for what it is
_NONE_RECORDED, _MAY_BE_TOLD = 0.9, 0.7  # the same: where nothing says why, and where a thread not read may say it
_NUMBERS = 5  # of threads that are named

FindDiscussions = Callable[[Repository, Sequence[Commit]], Discussions]


@dataclass(frozen=True, slots=True)
class _Found:
    """A reason and where it stands: in the message of the commit, in a thread of it, or in a changelog `entry`."""

    reason: Reason
    shaper: Shaper
    told: Told | None = None
    entry: Entry | None = None
    number: int | None = None

    @property
    def value(self) -> int:
        """How surely it is the reason, as a strength."""
        here = self.told is not None and self.told.here
        return CAUSE if here else self.reason.strength - (_EARLIER if self.shaper.earlier else 0)

    @property
    def rank(self) -> tuple[bool, bool, int]:
        """What leads: any reason for the lines as they are before those for what they were, and what a review says."""
        given = self.reason.strength > 0
        here = self.told is not None and self.told.here
        return given and not self.shaper.earlier, here, self.value


def explain(
    repository: Repository,
    lines: Span,
    discuss: FindDiscussions = find_discussions,
    seconds: float = SECONDS,
    contents: str | None = None,
) -> Explanation:
    """Why `lines` are as they are in the work tree.

    `discuss` finds the threads of commits; `seconds` are those of `trace`; `contents` are those of an editor that shows
    the file otherwise than the disk. Raises `SourceError` where the lines have no history to tell, `RepositoryError`
    where git refuses.
    """
    started = time.monotonic()
    source = find_source(repository, lines.path, lines.start_line, lines.end_line, contents)
    lineage = trace(repository, source, lines.start_line, lines.end_line, seconds=seconds)
    return _explained(repository, [lines], source.lines, lineage, started, discuss)


def explain_definition(
    repository: Repository,
    symbol: str,
    path: str | None = None,
    discuss: FindDiscussions = find_discussions,
    seconds: float = DEFINITION_SECONDS,
) -> Explanation:
    """Why the definition of `symbol`, in `path` or wherever it is, is as it is: its whole history, in `seconds`.

    Raises `SourceError` where there is none or there are several, `RepositoryError` where git refuses.
    """
    started = time.monotonic()
    source, definition = locate(repository, symbol, path)
    lineage = trace_definition(repository, source, definition, seconds)
    return _explained(repository, definition.places, source.lines, lineage, started, discuss)


def explain_commit(repository: Repository, commit: Commit, discuss: FindDiscussions = find_discussions) -> Explanation:
    """Why a commit was made: the reason in its message, in its threads, or in a changelog's entry about these."""
    started = time.monotonic()
    return _explained(repository, [Span("", 1, 1)], (), Lineage((Shaper(commit, ()),)), started, discuss)


def _explained(
    repository: Repository,
    lines: Sequence[Span],
    rows: Sequence[str],
    lineage: Lineage,
    started: float,
    discuss: FindDiscussions,
) -> Explanation:
    discussions = discuss(repository, [shaper.commit for shaper in lineage.shapers])
    retrieved = time.monotonic()
    history = tuple(_change(shaper, discussions) for shaper in lineage.shapers)
    about = "\n".join(row for place in lines for row in rows[place.start_line - 1 : place.end_line])
    best = _best(lineage.shapers, about, discussions, repository)
    cited = _verified(best, repository)
    left_out = sum(each.reason.quote != "" for each in best) - len(cited)
    citations = [_citation(number, found, repository) for number, found in enumerate(cited, 1)]
    lead, told = _lead(lines, lineage, history, cited, left_out)
    blocks = [_block(found, citation) for found, citation in zip(cited, citations, strict=True)]
    total = time.monotonic() - started
    answer = Answer(
        text="\n\n".join(filter(None, (lead, *blocks, *_notes(lineage, left_out)))),
        confidence=_confidence(lineage, history, cited, left_out, told),
        abstained=not told and not _certain(lineage, left_out),
        citations=tuple(citations),
        model=HISTORY,
        timings=Timings(round(retrieved - started, 4), round(total, 4), round(total, 4)),
    )
    seen_through = tuple((commit.sha, kind) for commit, kind in lineage.seen_through)
    return Explanation(answer, history, lineage.uncommitted, seen_through, lineage.shallow, lineage.complete, told)


def _confidence(
    lineage: Lineage, history: Sequence[Change], cited: Sequence[_Found], left_out: int, told: bool
) -> float:
    """How sure the answer is. That no reason was recorded is as sure as blame, unless a thread may tell one."""
    if told:
        return _CONFIDENCE[max(cited[0].value, PROSE)]
    if not _certain(lineage, left_out):
        return 0.0
    return _MAY_BE_TOLD if any(change.threads for change in history) else _NONE_RECORDED


def _certain(lineage: Lineage, left_out: int) -> bool:
    """Whether all there is to the lines was read, so that a reason not found is none that was written down."""
    return not left_out and not lineage.shallow and (lineage.complete or bool(lineage.shapers))


def _change(shaper: Shaper, discussions: Discussions) -> Change:
    commit = shaper.commit
    return Change(
        commit=commit.sha,
        date=commit.date,
        author=commit.author,
        subject=commit.subject,
        lines=shaper.lines,
        threads=tuple(reference.number for reference in discussions.references.get(commit.sha, ())),
        earlier=shaper.earlier,
        change=shaper.change,
    )


def _best(shapers: Sequence[Shaper], about: str, discussions: Discussions, repository: Repository) -> list[_Found]:
    """The best reason for the lines `about` of each of the commits shown, the best of all first; a subject where a
    commit gives none."""
    found = []
    for shaper in shapers[: SHOWN * 2]:
        commit = shaper.commit
        given = [_Found(reason, shaper) for reason in find_reasons(commit.subject, commit.body, about)[:1]]
        # What is known of a pull request that was not imported may be this very message.
        same = (True, commit.sha)
        threads = [each for each in discussions.of(commit.sha) if (each.derived, each.merge_commit) != same]
        given += [_Found(told.reason, shaper, told) for told in find_told(threads, commit.sha, shaper.made)[:1]]
        if not given or max(each.reason.strength for each in given) < CAUSE:
            given += _noted(shaper, discussions, repository)
        what = _Found(Reason(commit.subject, commit.subject, 0), shaper)
        found.append(max(given, key=lambda each: each.rank, default=what))
    led = max(found, key=lambda each: each.rank, default=None)
    if led is not None and led.reason.strength:
        found.insert(0, found.pop(found.index(led)))
    return found[:SHOWN]


def _noted(shaper: Shaper, discussions: Discussions, repository: Repository) -> list[_Found]:
    """The best reason that changelogs give for threads of a commit of which nothing was imported."""
    sha = shaper.commit.sha
    known = {thread.number for thread in discussions.of(sha) if not thread.derived}
    numbers = [each.number for each in discussions.references.get(sha, ()) if each.number not in known]
    found = [
        _Found(Reason(reason.sentence, entry.text, reason.strength), shaper, None, entry, number)
        for number, entry in find_entries(repository, numbers)
        for reason in find_reasons("", entry.text)[:1]
        if reason.strength > PROSE  # it says what was done, unless it says why
    ]
    return sorted(found, key=lambda each: -each.reason.strength)[:1]


def _verified(found: Iterable[_Found], repository: Repository) -> list[_Found]:
    """Those whose quotation stands where it is said to."""
    return [each for each in found if _stands(each, repository)]


def _stands(found: _Found, repository: Repository) -> bool:
    if found.entry is not None:
        return stands(repository, found.entry)
    if found.told is not None and not found.told.thread.derived:
        return holds(found.told)
    return in_history(_citation(0, found, repository), repository)


def _lead(
    lines: Sequence[Span], lineage: Lineage, history: Sequence[Change], cited: Sequence[_Found], left_out: int
) -> tuple[str, bool]:
    """What the answer begins with, and whether it is a reason; `left_out` quotations could not be verified."""
    new = sum(last - first + 1 for first, last in lineage.uncommitted)
    said = f"Not committed yet: {_named(lineage.uncommitted)}" if new else ""
    if new == sum(place.end_line - place.start_line + 1 for place in lines):
        return f"{said}. No reason is recorded.", False
    opening = f"{said}. " if said else ""
    if cited and cited[0].reason.strength:
        commit = cited[0].shaper.commit
        before = f"An earlier form of it, of {commit.date[:10]}: " if cited[0].shaper.earlier else ""
        return f"{opening}{before}{plain(cited[0].reason.sentence)} [1]", True
    what = "what was found could not be verified" if left_out else "the commit has no message"
    if cited and not cited[0].shaper.earlier:
        what = f"the commit only says what it did, “{plain(cited[0].reason.sentence)}” [1]"
    return f"{opening}No reason was recorded: {what}.{_may_be_told(history)}", False


def _may_be_told(history: Sequence[Change]) -> str:
    """The threads that may tell it: first those of the commits that the lines are from, in the order of these."""
    order = sorted(history, key=lambda change: change.earlier)
    numbers = list(dict.fromkeys(number for change in order for number in change.threads))
    more = f" and {len(numbers) - _NUMBERS} more" if len(numbers) > _NUMBERS else ""
    named = ", ".join(f"#{number}" for number in numbers[:_NUMBERS])
    return f" It may be told in {named}{more}." if numbers else ""


def _citation(number: int, found: _Found, repository: Repository) -> Citation:
    commit = found.shaper.commit
    quote, url = found.reason.quote, citation_url(repository, commit.sha)
    if found.entry is not None:
        place = found.entry.place
        return Citation(number, "doc", quote, place.path, place.start_line, place.end_line, commit.sha, found.number)
    if found.told is not None:
        thread = found.told.thread
        if thread.derived:  # what is known of it is the message of the commit that brought it in
            merge = thread.merge_commit
            url = citation_url(repository, merge)
            return Citation(number, "commit", quote, commit=merge, thread=thread.number, url=url)
        said = found.told.comment.url if found.told.comment else ""
        return Citation(
            number, thread.kind, quote, commit=commit.sha, thread=thread.number, url=said or thread.url or None
        )
    named = find_references(commit.subject, commit.body, repository.project)
    return Citation(number, "commit", quote, commit=commit.sha, thread=foremost(named), url=url)


def _block(found: _Found, citation: Citation) -> str:
    """A commit's place in the history, or where it was told, then the quotation."""
    commit = found.shaper.commit
    thread = f" (#{citation.thread})" if citation.thread else ""
    lines = _named(found.shaper.lines) if found.shaper.lines else ""
    place = ("earlier form of " if found.shaper.earlier else "") + lines
    about = ", ".join(filter(None, (place, plain(commit.author), commit.date[:10])))
    subject = "" if found.reason.quote == commit.subject else f": {plain(commit.subject)}"
    if found.told is not None:
        subject += f"\n\nin {_told_where(found.told)}"
    elif found.entry is not None:
        span = found.entry.place
        subject += f"\n\nin {plain(span.path)}:{lines_of(span.start_line, span.end_line)}"
    return f"**commit {commit.sha[:10]}**{thread}, {about}{subject} [{citation.id}]\n\n{quoted(found.reason.quote)}"


def _told_where(told: Told) -> str:
    """`pull request #12 (Add brakes), review by grace`."""
    thread, comment = told.thread, told.comment
    kind = "pull request" if thread.kind == "pull" else "issue"
    by = comment.author if comment else thread.author
    what = "" if comment is None else ", comment" if comment.kind == "comment" else ", review"
    return f"{kind} #{thread.number} ({plain(thread.title)}){what}{f' by {plain(by)}' if by else ''}"


def _notes(lineage: Lineage, left_out: int) -> list[str]:
    """What a reader should know of how the commits were found."""
    notes = []
    if left_out:
        those = "1 quotation is" if left_out == 1 else f"{left_out} quotations are"
        notes.append(f"{those} left out, as not found again at the source.")
    if lineage.seen_through:
        through = ", ".join(f"{commit.sha[:10]} ({kind})" for commit, kind in lineage.seen_through)
        notes.append(f"Seen through, as only the form was changed: {through}.")
    if lineage.shallow:
        notes.append("The clone is shallow: what is older than its first commits is not known here.")
    if not lineage.complete and any(shaper.change for shaper in lineage.shapers):
        notes.append("The history is longer: older commits were not read in the time there was.")
    return notes


def _named(ranges: Sequence[Range]) -> str:
    """`line 3` or `lines 3-4, 9`."""
    shown = [lines_of(first, last) for first, last in ranges]
    return ("line " if len(shown) == 1 and "-" not in shown[0] else "lines ") + ", ".join(shown)
