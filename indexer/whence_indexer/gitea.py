"""Threads of a project on Gitea or Forgejo, whose API is like GitHub's but for some names.

A `Source`, built like `github`: lists of the whole project, and some requests for the reviews of each changed pull
request. Gitea sorts comments by creation only: one that is deleted during the reading can hide its neighbour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from whence_indexer import github
from whence_indexer.errors import MissingError
from whence_indexer.paging import Part, State, all_items, newest_change_first, read_parts, with_parameter
from whence_indexer.records import at, number_at_end, page_of
from whence_indexer.rest import Client, RestProject, rest_client
from whence_indexer.threads import Cursor, Page

_ADVICE = (
    "set GITEA_TOKEN to a token that may read its issues and pull requests, and GITEA_HOST to the server it is for"
)


@dataclass(frozen=True)
class Gitea(RestProject):
    """A project on Gitea or Forgejo, whose API is at `https://HOST/api/v1`."""

    def pages(self, cursor: Cursor | None, say: Callable[[str], None]) -> Iterator[Page]:
        """What is new, a list after the other, first the threads; see `Source.pages`."""
        with rest_client(self.api, self.token, _ADVICE, say) as client:
            yield from read_parts(client, self.name, _PARTS, cursor, say)


def _issues(client: Client, base: str, state: State) -> Iterator[Page]:
    address = with_parameter(f"{base}/issues?state=all&type=issues&limit=50", "since", state.get("floor"))
    for items in newest_change_first(client, address, state):
        yield page_of(address, github.issue_record, threads=items)


def _comments(client: Client, base: str, state: State) -> Iterator[Page]:
    address = with_parameter(f"{base}/issues/comments?limit=50", "since", state.get("floor"))
    for items in newest_change_first(client, address, state):
        yield page_of(address, _comment, comments=items)


def _pulls(client: Client, base: str, state: State) -> Iterator[Page]:
    """A page for twenty pull requests with their reviews: that many requests are made again after a stop."""
    address = f"{base}/pulls?state=all&sort=recentupdate&limit=20"
    for pulls in newest_change_first(client, address, state):
        pages = [page_of(address, github.pull_record, threads=pulls)]
        pages += [page for pull in pulls for page in _reviews(client, base, at(pull, "number"))]
        comments = tuple(comment for page in pages for comment in page.comments)
        problems = tuple(problem for page in pages for problem in page.problems)
        yield replace(pages[0], comments=comments, problems=problems)


# Threads before what was said in them.
_PARTS: dict[str, Part] = {"issues": _issues, "pulls": _pulls, "comments": _comments}


def _reviews(client: Client, base: str, number: Any) -> Iterator[Page]:
    """The reviews of a pull request, and the comments on lines that belong to each."""
    if not isinstance(number, int):
        return
    address = f"{base}/pulls/{number}/reviews"
    with suppress(MissingError):  # hidden since the list was made
        reviews = [review for review in all_items(client, f"{address}?limit=50") if github.verdict(review) != "pending"]
        telling = filter(github.says_something, reviews)
        yield page_of(address, lambda review: github.review_record(review) | {"thread": number}, comments=telling)
        for review in reviews:
            if at(review, "comments_count") and isinstance(at(review, "id"), int):
                comments = all_items(client, f"{address}/{review['id']}/comments")
                yield page_of(address, lambda comment: _review_comment(comment, number), comments=comments)


def _comment(item: Any) -> dict[str, Any]:
    """The address of the thread is in the one field or the other, by its kind; the other is empty."""
    thread = number_at_end(at(item, "pull_request_url")) or number_at_end(at(item, "issue_url"))
    return github.comment_record(item) | {"thread": thread}


def _review_comment(item: Any, number: int) -> dict[str, Any]:
    """`position` is a line of the new file, 0 where the line was removed."""
    return github.review_comment_record(item) | {"thread": number, "line": at(item, "position") or None}
