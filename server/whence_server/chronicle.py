"""Questions of when and who -> a sentence with the date, the version or the authors, and the hits that show it.

Takes a question and its hits, asks the index and git. Where the code or commit that is asked about is not found, there
is no sentence, and the answer is search's own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress

from whence_indexer.definitions import Definition, definition_in, definitions_in, find_definitions
from whence_indexer.errors import RepositoryError, SourceError
from whence_indexer.files import read_text
from whence_indexer.finder import Finder
from whence_indexer.history import read_message
from whence_indexer.periods import first_version
from whence_indexer.pickaxe import find_changes
from whence_indexer.query import Query
from whence_indexer.repository import Repository
from whence_indexer.types import Commit, Hit
from whence_server.authorship import Authorship, authorship_of
from whence_server.inquiry import Evidence, commit_hit, each_once
from whence_server.markup import code
from whence_server.passages import coverage
from whence_server.reasons import Reason

_WHEN = re.compile(
    r"^\W*(?:(?:since )?when\b|(?:(?:since|in|from|as of|with|by) )?(?:which|what) (?:version|release)\b)",
    re.IGNORECASE,
)
_WHO = re.compile(
    r"^\W*(?:who|whose)\b.*\b(?:wrote|written|writes|knows?|maintain\w*|owns?|owners?|author\w*|understands?|works? on"
    r"|worked on|responsible|expert|ask|code is|last (?:changed|touched|edited|modified)|changed .+ last)\b",
    re.IGNORECASE,
)
_NAMED = 3  # authors that are named, each with the commit that most of their lines are from
_SAYS = 0.75  # of the words of a question without a name
_FILES = 2  # that a name was removed from are named
_SECONDS = 1.0  # to look for what is left of it
_QUOTED = 3  # lines of the code, which the answer is about and does not explain


def find_moment(query: Query, hits: Sequence[Hit], searcher: Finder, repository: Repository) -> Evidence | None:
    """When, or by which commit, and in which version something was added or removed; None for another question, or if
    unknown.

    A name that is asked for is looked for in what commits changed; without one a message must say what is asked. While
    it is defined elsewhere it was removed from a file only.
    """
    asks_when = _WHEN.search(query.text) is not None
    if not asks_when and not query.change:
        return None
    store = searcher.store
    changed = find_changes(store, query.names, query.change, 1) if store and query.change and query.names else []
    best = [hit.commit for hit in hits[:_NAMED] if _says(hit, query, searcher)] if not query.names else []
    commit = read_message(repository, next(filter(None, [*(each.sha for each in changed), *best]), ""))
    if commit is None or not commit.subject:  # without a word of it there is nothing to cite
        return None
    found = (hit for hit in hits if hit.kind == "commit" and hit.commit == commit.sha)
    hit, version = next(found, None) or commit_hit(commit, repository), first_version(repository, commit.sha)
    what = ", ".join(f"`{name}`" for name in query.names[:2]) + (" were " if len(query.names) > 1 else " was ")
    by = "" if asks_when else f" by {commit.author}"
    left = changed and query.change == "removed" and any(_is_defined(repository, name) for name in query.names)
    if left and not changed[0].defining:  # what is still there was not removed where a use of it was
        return None
    where = f" from {', '.join(code(path) for path in changed[0].paths[:_FILES])}" if left else ""
    done = (
        f"{what}{query.change}{where}{by} on {commit.date[:10]}"
        if changed
        else f"On {commit.date[:10]}{by}: {commit.subject}"
    )
    holds = "without it" if query.change == "removed" and changed else "with it"
    first = f"the first version {'that holds this commit' if left else holds} is {version}"
    sentence = f"{done}; {first}." if version else f"{done}; no version's tag has it yet."
    return Evidence(each_once([hit, *hits]), {hit: Reason(sentence.strip(), commit.subject, 0)}, sure=bool(changed))


def _is_defined(repository: Repository, name: str) -> bool:
    """Whether a name is defined somewhere now; it is taken to be where that takes too long to find out."""
    try:
        return bool(find_definitions(repository, name, _SECONDS))
    except SourceError:
        return True


def _says(hit: Hit, query: Query, searcher: Finder) -> bool:
    merges = hit.text.startswith("Merge ")
    return hit.kind == "commit" and not merges and coverage(hit.text, searcher.rarity(query.content)) >= _SAYS


def find_authors(query: Query, hits: Sequence[Hit], searcher: Finder, repository: Repository) -> Evidence | None:
    """Who wrote and last changed the file or definition that is asked about, each with a commit of theirs."""
    if not _WHO.search(query.text):
        return None
    for path, definition in _places(query, hits, searcher, repository):
        with suppress(RepositoryError):
            found = authorship_of(repository, path, definition.symbol if definition else None)
            commits = _commits(found, repository)
            # Of a whole file no lines say whose it is, unless there is nothing else to cite.
            shown = [*(_head(found, searcher) if found.symbol or not commits else []), *commits]
            if shown and found.last is not None:
                reasons = {hit: Reason("", quote, 0) for hit, quote in shown}
                reasons[shown[0][0]] = Reason(_said(found), shown[0][1], 0)
                order = each_once([*(hit for hit, _ in shown), *hits])
                return Evidence(order, reasons, sure=bool(query.names or query.paths))
    return None


def _head(found: Authorship, searcher: Finder) -> list[tuple[Hit, str]]:
    """The piece of code in which the place asked about begins, and its first lines."""
    place = found.places[0]
    here = searcher.at(place.path, place.start_line)
    if here is None:
        return []
    lines = here.text.split("\n")[place.start_line - (here.start_line or 1) :]
    return [(here, "\n".join(lines[:_QUOTED]))]


def _places(
    query: Query, hits: Sequence[Hit], searcher: Finder, repository: Repository
) -> list[tuple[str, Definition | None]]:
    """What may be meant: files that are named, definitions that are, then the definition or file found first."""
    named = [(path, None) for path in query.paths if searcher.blob(path)]
    code = [hit for hit in hits if hit.kind == "code" and hit.path]
    if query.names:
        return [*named, *((str(hit.path), found) for hit in code for found in _defined(query, hit, repository))]
    return [*named, *((str(hit.path), None) for hit in (code or [hit for hit in hits if hit.path])[:1])]


def _defined(query: Query, hit: Hit, repository: Repository) -> list[Definition]:
    """The definition of a name of the question in the file of a hit."""
    path = str(hit.path)
    with suppress(OSError, RepositoryError):
        text = read_text(repository, path, f"{repository.head}:{path}")[0] or ""
        names = [name for name in query.names if any(each.symbol.endswith(name) for each in definitions_in(path, text))]
        return [definition_in(path, text, name) for name in names[:1]]
    return []


def _said(found: Authorship) -> str:
    """`send_file (src/helpers.py:3-40): Ada wrote 90% of its lines, Bob 10%. Last changed by Bob on 2020-01-02.`"""
    lines = ", ".join(f"{place.start_line}-{place.end_line}" for place in found.places)
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
