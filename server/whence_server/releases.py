"""Questions of the last release -> the newest version by its tag, the day it was made and its commit.

Takes a question, asks git. Knows nothing of packages: a version is a tag with a number in it.
"""

from __future__ import annotations

from collections.abc import Sequence

from whence_indexer.finder import Finder
from whence_indexer.history import read_message
from whence_indexer.query import Query
from whence_indexer.repository import Repository
from whence_indexer.types import Hit
from whence_indexer.versions import newest_version
from whence_server.inquiry import Evidence, commit_hit, each_once
from whence_server.markup import code
from whence_server.reasons import Reason


def find_release(query: Query, hits: Sequence[Hit], searcher: Finder, repository: Repository) -> Evidence | None:
    """The newest release; None for another question, or where no tag has a number in it."""
    if not query.asks_release:
        return None
    newest = newest_version(repository, query.text)
    commit = read_message(repository, newest.sha) if newest else None
    if newest is None or commit is None or not commit.subject:
        return None
    here = newest_version(repository, query.text, reached=True)
    behind = "" if here == newest else f"; what is checked out here holds {code(here.name) if here else 'no version'}"
    sentence = f"The newest version is {code(newest.name)}, tagged on {newest.date}{behind}."
    hit = commit_hit(commit, repository)
    return Evidence(each_once([hit, *hits]), {hit: Reason(sentence, commit.subject, 0)}, sure=True)
