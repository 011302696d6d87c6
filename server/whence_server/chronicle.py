"""Questions of when and by whom -> a sentence with the date and the version, and the commit that shows it.

Takes a question and its hits, asks the index and git. Where the code or commit that is asked about is not found, there
is no sentence, and the answer is search's own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress

from whence_indexer.definitions import locate
from whence_indexer.descent import trace_definition
from whence_indexer.errors import PeriodError, RepositoryError
from whence_indexer.finder import Finder
from whence_indexer.history import instant, read_file_change, read_message
from whence_indexer.periods import commits_within
from whence_indexer.pickaxe import Changed, find_changes
from whence_indexer.presence import is_present
from whence_indexer.query import Query
from whence_indexer.repository import Repository
from whence_indexer.terms import words
from whence_indexer.types import Commit, Hit
from whence_indexer.versions import NO_VERSION, first_told, versions_with
from whence_server.inquiry import Evidence, commit_hit, each_once
from whence_server.markup import code
from whence_server.passages import coverage
from whence_server.reasons import Reason

_WHEN = re.compile(
    r"^\W*(?:(?:since )?when\b|(?:(?:since|in|from|as of|with|by) )?(?:which|what) (?:version|release)\b)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+(?:\.\d+)*")
_MERGE = re.compile(r"^Merge (?:pull request|branch|remote-tracking branch|tag|commit)\b.*")
DONE = {
    "removed": re.compile(r"\b(drop|remov|delet|renam|replac|end|no longer|get rid)", re.IGNORECASE),
    "added": re.compile(r"\b(add|introduc|creat|support|implement|new|allow|start)", re.IGNORECASE),
    "deprecated": re.compile(r"\bdeprecat", re.IGNORECASE),
}
_MESSAGES = 40  # that may say when something was done
_SAYS = 0.75  # of the words of a question without a name
_FILES = 2  # that a name was removed from are named
_TAKEN = 8  # commits that took uses of a name away, of which one may have taken the last
_TAGS = 5  # that may be the first without it
_DESCENT = 3.0  # to follow it back


def find_moment(query: Query, hits: Sequence[Hit], searcher: Finder, repository: Repository) -> Evidence | None:
    """When, or by which commit, and in which version something was added or removed; None for another question, or if
    unknown.

    What is asked for is looked for in what commits changed; without a name, or if none changed it, a message must say
    what is asked. While it is defined elsewhere it was removed from a file only.
    """
    asks_when = _WHEN.search(query.text) is not None
    if not asks_when and not query.change:
        return None
    changed = find_changed(query, searcher, repository)
    told = None if changed else _told(query, searcher, repository)
    commit = read_message(repository, changed.sha if changed else told or "")
    if commit is None or not commit.subject:  # without a word of it there is nothing to cite
        return None
    found = (hit for hit in hits if hit.kind == "commit" and hit.commit == commit.sha)
    hit = next(found, None) or commit_hit(commit, repository)
    by = "" if asks_when else f" by {commit.author}"
    if changed:
        sentence = said_of_change(query, changed, commit, repository, by)
    else:
        told = first_told(repository, commit.sha)
        sentence = f"On {commit.date[:10]}{by}: {title(commit.subject, commit.body)}; {told}."
    return Evidence(each_once([hit, *hits]), {hit: Reason(sentence, commit.subject, 0)}, sure=changed is not None)


def find_changed(query: Query, searcher: Finder, repository: Repository) -> Changed | None:
    """The commit that took away, brought or deprecated what a question names; None where there is none.

    Of words that may be a name only a definition counts. Who took away uses removed the name with the last of them.
    """
    if not (searcher.store and query.change and (query.changed or query.files)):
        return None
    if query.change in ("added", "removed") and (found := _changed_file(query, repository)):
        return found
    if not query.changed:
        return None
    within = _within(query, repository)
    changes = find_changes(searcher.store, query.changed, query.change, _TAKEN, within)
    if query.change == "removed":
        return _removal([each for each in changes if each.defining or query.names], repository)
    changed = next(iter(changes), None)
    if query.change == "added" and within is None and len(query.names) == 1:
        changed = _first(changed, query.names[0], repository)
    return changed if changed and (changed.defining or query.names) else None


def _removal(found: Sequence[Changed], repository: Repository) -> Changed | None:
    """The commit after which a name was gone from all code, else the last that took away a definition of it."""
    if found and not is_present(repository, found[0].names, "HEAD"):
        for each in found:
            before = each.defining or is_present(repository, each.names, f"{each.sha}^")
            if before and not is_present(repository, each.names, each.sha):
                return each
    return next((each for each in found if each.defining), None)


def _changed_file(query: Query, repository: Repository) -> Changed | None:
    """The commit that took away, or first brought, a file or folder that is asked about."""
    for name in query.files:
        with suppress(RepositoryError):
            if found := read_file_change(repository, name, query.change == "added"):
                return Changed(found[0], (found[1],), True, (name,))
    return None


def _first(changed: Changed | None, name: str, repository: Repository) -> Changed | None:
    """The older of the commit found by its lines, of which long ones are not stored whole, and the one that the lines
    of the definition lead back to."""
    with suppress(RepositoryError):
        source, definition = locate(repository, name)
        shapers = trace_definition(repository, source, definition, _DESCENT).shapers
        made = next((shaper.commit for shaper in shapers if shaper.change == "added"), None)
        known = read_message(repository, changed.sha) if changed and changed.defining else None
        if made and (known is None or instant(made.date) < instant(known.date)):
            return Changed(made.sha, (source.path,), True, (name,))
    return changed


def _within(query: Query, repository: Repository) -> set[str] | None:
    with suppress(PeriodError):
        return set(commits_within(repository, query.period)) if query.period else None
    return None


def said_of_change(query: Query, changed: Changed, commit: Commit, repository: Repository, by: str = "") -> str:
    """That `Cart` was removed on 2025-02-03, and that the first version without it is 2.0."""
    names = tuple(query.changed if query.names else changed.names)[:2] or changed.names or (query.thing,)
    what = ", ".join(code(name) for name in names) + (" were " if len(names) > 1 else " was ")
    removed = query.change == "removed"
    left = removed and not query.files and any(is_present(repository, names, at) for at in (commit.sha, "HEAD"))
    where = f" from {', '.join(code(path) for path in changed.paths[:_FILES])}" if left else ""
    done = f"{what}{query.change}{where}{by} on {commit.date[:10]}"
    holding = versions_with(repository, commit.sha)
    if not holding:
        return f"{done}; {NO_VERSION}."
    version, holds = holding[0], "that holds this commit"
    it = "them" if len(names) > 1 else "it"
    if query.change == "added":
        holds = f"with {it}"
    elif removed and not left:
        without = (tag for tag in holding[:_TAGS] if query.files or not is_present(repository, names, tag.sha))
        if gone := next(without, None):
            version, holds = gone, f"without {it}"
    return f"{done}; the first version {holds} is {version.name}."


def _told(query: Query, searcher: Finder, repository: Repository) -> str | None:
    """The commit whose message says what is asked: most of its words, all of its numbers, and that it was done."""
    project = words(repository.name)
    asked = [word for word in query.topic if word not in project and word != "support"]
    done = DONE[query.change] if query.change else None
    if not asked:
        return None
    weights = searcher.rarity(asked)
    numbers = [re.compile(rf"(?<![\d.]){re.escape(number)}(?!\.?\d)") for number in _NUMBER.findall(query.timeless)]
    for hit in searcher.search(query, _MESSAGES, ["commit"]):
        subject, _, body = hit.text.partition("\n\n")
        said = title(subject, body) if done else _MERGE.sub("", hit.text)
        tells = coverage(said, weights) >= _SAYS and (done is None or done.search(said))
        if tells and all(number.search(said) for number in numbers):
            return hit.commit
    return None


def title(subject: str, body: str) -> str:
    """What a commit did: of a merge, what is merged."""
    first = next(filter(None, body.split("\n")), "") if _MERGE.match(subject) else ""
    return first or subject
