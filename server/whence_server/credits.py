"""Questions of who -> the authors of what is asked about, a file, a definition or all, each with a commit of theirs.

Takes a question and its hits, asks the index and git. Of a file that search only guessed that is said, and the answer
abstains.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from whence_indexer import plumbing
from whence_indexer.errors import RepositoryError
from whence_indexer.finder import Finder
from whence_indexer.history import read_message, without_addresses
from whence_indexer.query import Query
from whence_indexer.repository import Repository
from whence_indexer.terms import words
from whence_indexer.types import Commit, Hit
from whence_server.authorship import Authorship, authorship_of
from whence_server.inquiry import Evidence, commit_hit, each_once
from whence_server.markup import lines_of
from whence_server.reasons import Reason
from whence_server.subjects import find_subjects

_WHO = re.compile(
    r"^\W*(?:who|whose)\b.*\b(?:wrote|written|writes|knows?|maintain\w*|owns?|owners?|author\w*|understands?|works? on"
    r"|worked on|responsible|expert|ask|code is|last (?:changed|touched|edited|modified)|changed .+ last)\b",
    re.IGNORECASE,
)
_PART = re.compile(r"\b(?:class|function|method|file|module|package|folder|directory)\b", re.IGNORECASE)
_NAMED = 3  # authors that are named, each with the commit that most of their lines are from
_QUOTED = 3  # lines of the code, which the answer is about and does not explain
_SECONDS = 3.0  # to count the commits of all


def find_authors(query: Query, hits: Sequence[Hit], searcher: Finder, repository: Repository) -> Evidence | None:
    """Who wrote and last changed the file or definition that is asked about, or the project, each with a commit."""
    if not _WHO.search(query.text):
        return None
    whole = not (query.names or query.paths or _PART.search(query.text))
    if whole and not set(query.topic).difference(words(repository.name)):
        return _authors_of_all(repository)
    for subject in find_subjects(query, searcher, repository):
        definition = subject.definition
        with suppress(RepositoryError):
            found = authorship_of(repository, subject.path, definition.symbol if definition else None)
            commits = _commits(found, repository)
            # Of a whole file no lines say whose it is, unless there is nothing else to cite.
            shown = [*(_head(found, searcher) if found.symbol or not commits else []), *commits]
            if shown and found.last is not None:
                reasons = {hit: Reason("", quote, 0) for hit, quote in shown}
                reasons[shown[0][0]] = Reason(_said(found), shown[0][1], 0)
                order = each_once([*(hit for hit, _ in shown), *hits])
                guess = f"nothing here is called that; {subject.path} is what search finds first. {_said(found)[:-1]}"
                return Evidence(order, reasons, sure=subject.certain, amiss="" if subject.certain else guess)
    return None


def _authors_of_all(repository: Repository) -> Evidence | None:
    """Who made most commits of the repository, each with the newest of theirs."""
    head, named, hits = repository.head or "HEAD", [], []
    try:
        listed = plumbing.run(repository.root, "shortlog", "-sn", "--no-merges", head, "--", seconds=_SECONDS)
    except RepositoryError:
        return None
    counts = [line.strip().split("\t", 1) for line in listed.decode("utf-8", "replace").splitlines()]
    total = sum(int(count) for count, _ in counts)
    for count, name in counts[:_NAMED]:
        newest = ("log", "-n1", "--no-merges", "--no-show-signature", "--format=%H", "-F", f"--author={name} <", head)
        sha = plumbing.run(repository.root, *newest, "--").decode().strip()
        if (commit := read_message(repository, sha)) and commit.subject:
            hits.append(commit_hit(commit, repository))
        named.append(f"{without_addresses(name)} {int(count) / total:.0%}")
    more = f" and {len(counts) - _NAMED:,} others the rest" if len(counts) > _NAMED else ""
    said = f"Of {total:,} commits, merges left out, by author: {', '.join(named)}{more}."
    reasons = {hit: Reason("", hit.text.partition("\n")[0], 0) for hit in hits}
    return Evidence(hits, reasons | {hit: replace(reasons[hit], sentence=said) for hit in hits[:1]}, sure=True)


def _head(found: Authorship, searcher: Finder) -> list[tuple[Hit, str]]:
    """The piece of code in which the place asked about begins, and its first lines."""
    place = found.places[0]
    here = searcher.at(place.path, place.start_line)
    if here is None:
        return []
    lines = here.text.split("\n")[place.start_line - (here.start_line or 1) :]
    return [(here, "\n".join(lines[:_QUOTED]))]


def _said(found: Authorship) -> str:
    """`send_file (src/helpers.py:3-40): Ada wrote 90% of its lines, Bob 10%. Last changed by Bob on 2020-01-02.`"""
    lines = ", ".join(lines_of(place.start_line, place.end_line) for place in found.places)
    where = f"{found.path}:{lines}" if found.symbol else found.path
    owners = [owner for owner in found.owners if owner.lines]
    shares = [f"{owner.author} {found.share(owner):.0%}" for owner in owners[:_NAMED]]
    more = f" and {len(owners) - _NAMED} others the rest" if len(owners) > _NAMED else ""
    last = f" Last changed by {found.last.author} on {found.last.last[:10]}." if found.last else ""
    notes = "".join(f" {note}" for note in found.notes)
    named = f"{found.symbol}, " if found.symbol else ""
    return f"Lines of {named}{where}, by author: {', '.join(shares)}{more}.{last}{notes}"


def _commits(found: Authorship, repository: Repository) -> list[tuple[Hit, str]]:
    """For each author that is named the commit that most of their lines are from, then the last one; their subjects."""
    best: dict[str, Commit | None] = {}
    for shaper in found.found.shapers:
        best.setdefault(shaper.commit.author, shaper.commit)
    named = [best.get(owner.author) for owner in found.owners[:_NAMED]]
    shown = [*named, read_message(repository, found.found.commit or "")]
    each = {commit.sha: commit for commit in shown if commit is not None and commit.subject}
    return [(commit_hit(commit, repository), commit.subject) for commit in each.values()]
