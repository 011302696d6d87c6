"""Questions of what changed, and of who worked on something in a period -> the commits, newest first, each cited.

Takes a question, asks the index and git. A commit belongs to the answer when it touched the file or definition that is
asked about, or says so; of a question about everything, when it is of the period.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress

from whence_indexer import plumbing
from whence_indexer.errors import PeriodError, RepositoryError, SlowError
from whence_indexer.finder import Finder
from whence_indexer.history import read_line_history, read_message, revision_list
from whence_indexer.periods import commits_within
from whence_indexer.query import Query
from whence_indexer.repository import Repository
from whence_indexer.timing import Period
from whence_indexer.types import Hit
from whence_server.inquiry import Evidence, commit_hit
from whence_server.markup import code, plain
from whence_server.passages import coverage
from whence_server.reasons import Reason
from whence_server.subjects import Subject, find_subjects

LISTED = 8  # commits quoted; their number is told
_AUTHORS = 5
_SEARCHED = 100  # commits found by their words that may be about it
_SAYS = 0.9  # of the words of what is asked about, to be about it
_SECONDS = 3.0  # for the history of a definition
_SUBJECTS = 3  # files or definitions of the words asked for
_WHO = re.compile(r"^\W*who\b", re.IGNORECASE)


def find_digest(query: Query, _hits: Sequence[Hit], searcher: Finder, repository: Repository) -> Evidence | None:
    """The commits of the period that touched what is asked about; None for another question."""
    if not query.asks_changes:
        return None
    try:
        within = commits_within(repository, query.period or Period())
    except PeriodError:
        return None
    if not within:
        return _never(query, repository)
    subjects = _meant(find_subjects(query, searcher, repository))
    if query.topic and not subjects:
        return None
    speaking = _speaking(query, searcher) if query.topic else set[str]()
    if speaking and not subjects[0].certain:  # what they say is surer than a guess at the file
        subjects = []
    touching = set() if query.topic and not subjects else _touching(subjects, repository) if subjects else set(within)
    merges = set(revision_list(repository, "--merges", repository.head or "HEAD"))
    wanted = [sha for sha in within if (sha in touching or sha in speaking) and sha not in merges]
    commits = [commit for sha in wanted[:LISTED] if (commit := read_message(repository, sha)) and commit.subject]
    certain = not subjects or subjects[0].certain
    what = " or ".join(dict.fromkeys(map(_named, subjects)))
    if not commits:
        return _nothing(query, subjects, what, certain, searcher)
    hits = [commit_hit(commit, repository) for commit in commits]
    lead = _lead(query, len(wanted), what, bool(speaking.intersection(wanted)))
    if _WHO.search(query.text):
        lead = f"{_authors(repository, wanted)} {lead}"
    quotes = {hit: Reason("", commit.subject, 0) for hit, commit in zip(hits, commits, strict=True)}
    return Evidence(hits, quotes | {hits[0]: Reason(lead, commits[0].subject, 0)}, sure=certain, shown=LISTED)


def _never(query: Query, repository: Repository) -> Evidence | None:
    """That there is no commit of the period, shown by the newest one."""
    newest = read_message(repository, repository.head or "")
    if newest is None or not newest.subject:
        return None
    hit, last = commit_hit(newest, repository), newest.date[:10]
    lead = f"There is no commit{_when(query)} here: the newest is of {last}."
    return Evidence([hit], {hit: Reason(lead, newest.subject, 0)}, sure=True)


def _meant(subjects: Sequence[Subject]) -> list[Subject]:
    """Those that are certain, or else the first, which is a guess."""
    certain = [each for each in subjects if each.certain]
    return certain[:_SUBJECTS] or list(subjects[:1])


def _touching(subjects: Iterable[Subject], repository: Repository) -> set[str]:
    found = set[str]()
    for subject in subjects:
        if subject.definition is None:
            found.update(_of_file(subject.path, repository))
        else:
            found.update(_of_definition(subject, repository))
    return found


def _of_file(path: str, repository: Repository) -> list[str]:
    """The commits that touched a file, under its earlier names too, or a folder."""
    with suppress(RepositoryError):
        is_file = plumbing.run(repository.root, "cat-file", "-t", f"{repository.head}:{path}").strip() == b"blob"
        options = ("--full-history", "--no-show-signature", "--format=%H", *(["--follow"] if is_file else []))
        return plumbing.run(repository.root, "log", *options, repository.head or "HEAD", "--", path).decode().split()
    return []


def _of_definition(subject: Subject, repository: Repository) -> set[str]:
    """The commits that changed the lines of a definition, as far as they are found in the time there is."""
    found = set[str]()
    if subject.definition is not None:
        place = subject.definition.place
        lines = place.start_line, place.end_line
        with suppress(SlowError, RepositoryError):
            for commit in read_line_history(repository, repository.head or "HEAD", subject.path, lines, _SECONDS):
                found.add(commit.sha)
    return found


def _speaking(query: Query, searcher: Finder) -> set[str]:
    """The commits whose message is about what is asked."""
    weights = searcher.rarity(query.topic)
    found = searcher.search(query, _SEARCHED, ["commit"])
    return {hit.commit for hit in found if hit.commit and coverage(hit.text.partition("\n")[0], weights) >= _SAYS}


def _named(subject: Subject) -> str:
    return f"{code(subject.definition.symbol)} in {code(subject.path)}" if subject.definition else code(subject.path)


def _lead(query: Query, count: int, what: str, told: bool) -> str:
    """`12 commits since 2.0 touched `app.py` or speak of it; the newest 8:`."""
    commits = "1 commit" if count == 1 else f"{count:,} commits"
    speaks = "speaks of it" if count == 1 else "speak of it"
    touched = " or ".join(filter(None, (f"touched {what}" if what else "", speaks if told else "")))
    order = "" if count == 1 else ", newest first" if count <= LISTED else f"; the newest {LISTED}"
    return f"{commits}{_when(query)}{f' {touched}' if touched else ''}{order}:"


def _when(query: Query) -> str:
    period = query.period or Period()
    names = {" since ": period.since, " before ": period.until, " of ": period.during, " up to ": period.through}
    return "".join(f"{name}{plain(text)}" for name, text in names.items() if text)


def _authors(repository: Repository, shas: Sequence[str]) -> str:
    """`Ada (12 commits), Bob (3) and 2 others.`"""
    names = Counter(name for name in _log_authors(repository, shas))
    said = ", ".join(f"{plain(name)} ({count})" for name, count in names.most_common(_AUTHORS))
    more = f" and {len(names) - _AUTHORS} others" if len(names) > _AUTHORS else ""
    return f"By commits: {said}{more}."


def _log_authors(repository: Repository, shas: Sequence[str]) -> list[str]:
    from whence_indexer.history import without_addresses

    arguments = ("log", "--no-walk=unsorted", "--stdin", "--no-show-signature", "--format=%an")
    output = plumbing.run(repository.root, *arguments, stdin="\n".join(shas).encode())
    return [without_addresses(name) for name in output.decode("utf-8", "replace").splitlines()]


def _nothing(query: Query, subjects: Sequence[Subject], what: str, certain: bool, searcher: Finder) -> Evidence | None:
    """That nothing was done, shown by the place as it is."""
    if not subjects:
        return None
    place = subjects[0].definition.place.start_line if subjects[0].definition else 1
    here = searcher.at(subjects[0].path, place)
    if here is None:
        return None
    lead = f"No commit{_when(query)} touched {what}."
    quote = "\n".join(here.text.split("\n")[:3])
    return Evidence([here], {here: Reason(lead, quote, 0)}, sure=certain)
