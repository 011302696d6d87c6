"""Threads of a project on GitHub or GitHub Enterprise, over REST, as few requests as there are lists.

A `Source`: issues, pull requests, their comments and review comments come from lists of the whole repository; only
reviews cost a request for each changed pull request. The cursor holds how far each list was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from whence_indexer.errors import MissingError
from whence_indexer.paging import Part, State, all_items, newest_change_first, oldest_change_first, read_parts
from whence_indexer.records import at, number_at_end, page_of
from whence_indexer.rest import Client, RestProject, rest_client
from whence_indexer.threads import Cursor, Page

_ADVICE = (
    "set GITHUB_TOKEN (and GH_HOST for a server of your own) to a token that may read its issues and pull requests, "
    "or run `gh auth login`"
)
_VERDICTS = {"request_changes": "changes_requested", "comment": "commented", "request_review": "pending"}
_NO_REVIEWS = "no reviews were fetched: each pull request takes a request of its own, too many without a token"


@dataclass(frozen=True)
class GitHub(RestProject):
    """A project on GitHub."""

    def pages(self, cursor: Cursor | None, say: Callable[[str], None]) -> Iterator[Page]:
        """What is new, a list after the other, first the threads; see `Source.pages`."""
        parts = _PARTS if self.token else {part: read for part, read in _PARTS.items() if part != "reviews"}
        with rest_client(self.api, self.token, _ADVICE, say) as client:
            yield from read_parts(client, self.name, parts, cursor, say)
        if not self.token:
            say(_NO_REVIEWS)


def _issues(client: Client, base: str, state: State) -> Iterator[Page]:
    address = f"{base}/issues?state=all&sort=updated&direction=asc&per_page=100"
    for items in oldest_change_first(client, address, "since", state):
        yield page_of(address, issue_record, threads=[item for item in items if not at(item, "pull_request")])


def _pulls(client: Client, base: str, state: State) -> Iterator[Page]:
    address = f"{base}/pulls?state=all&sort=updated&direction=desc&per_page=100"
    for items in newest_change_first(client, address, state):
        yield page_of(address, pull_record, threads=items)


def _comments(client: Client, base: str, state: State) -> Iterator[Page]:
    address = f"{base}/issues/comments?sort=updated&direction=asc&per_page=100"
    for items in oldest_change_first(client, address, "since", state):
        yield page_of(address, comment_record, comments=items)


def _review_comments(client: Client, base: str, state: State) -> Iterator[Page]:
    address = f"{base}/pulls/comments?sort=updated&direction=asc&per_page=100"
    for items in oldest_change_first(client, address, "since", state):
        yield page_of(address, review_comment_record, comments=items)


def _reviews(client: Client, base: str, state: State) -> Iterator[Page]:
    """A page for twenty pull requests, themselves in it: that many requests are made again after a stop."""
    address = f"{base}/pulls?state=all&sort=updated&direction=desc&per_page=20"
    for pulls in newest_change_first(client, address, state):
        reviews = [review for pull in pulls for review in _reviews_of(client, base, at(pull, "number"))]
        said = page_of(address, review_record, comments=filter(says_something, reviews))
        yield replace(page_of(address, pull_record, threads=pulls), comments=said.comments, problems=said.problems)


def _reviews_of(client: Client, base: str, number: Any) -> Iterator[Any]:
    if isinstance(number, int):
        with suppress(MissingError):  # hidden since the list was made
            yield from all_items(client, f"{base}/pulls/{number}/reviews?per_page=100")


# Threads before what was said in them, and last what costs most.
_PARTS: dict[str, Part] = {
    "issues": _issues,
    "pulls": _pulls,
    "comments": _comments,
    "review_comments": _review_comments,
    "reviews": _reviews,
}


def issue_record(item: Any) -> dict[str, Any]:
    """The record of an issue, as GitHub and its relatives give it."""
    labels = at(item, "labels")
    return {
        "number": at(item, "number"),
        "kind": "issue",
        "title": at(item, "title"),
        "body": at(item, "body"),
        "state": at(item, "state"),
        "labels": [at(label, "name") or label for label in labels] if isinstance(labels, list) else labels,
        "author": at(item, "user", "login"),
        "created": at(item, "created_at"),
        "updated": at(item, "updated_at"),
        "closed": at(item, "closed_at"),
        "url": at(item, "html_url"),
    }


def pull_record(item: Any) -> dict[str, Any]:
    """The record of a pull request, likewise."""
    record = issue_record(item) | {"kind": "pull"}
    if at(item, "merged_at"):  # before that, the commit is one that GitHub made to try the merge
        record |= {"state": "merged", "merge_commit": at(item, "merge_commit_sha")}
    return record


def comment_record(item: Any) -> dict[str, Any]:
    """The record of a comment, likewise."""
    return {
        "thread": number_at_end(at(item, "issue_url")),
        "author": at(item, "user", "login"),
        "date": at(item, "created_at"),
        "body": at(item, "body"),
        "url": at(item, "html_url"),
    }


def review_comment_record(item: Any) -> dict[str, Any]:
    """The record of a review comment, likewise.

    It is where it was made, not where GitHub thinks the line is now; a line that was removed is no line of the commit.
    """
    removed = at(item, "side") == "LEFT"
    return comment_record(item) | {
        "thread": number_at_end(at(item, "pull_request_url")),
        "kind": "review_comment",
        "path": at(item, "path"),
        "line": None if removed else at(item, "original_line") or at(item, "line"),
        "commit": at(item, "original_commit_id") or at(item, "commit_id"),
    }


def review_record(item: Any) -> dict[str, Any]:
    """The record of a review, likewise."""
    return comment_record(item) | {
        "thread": number_at_end(at(item, "pull_request_url")),
        "kind": "review",
        "date": at(item, "submitted_at"),
        "state": verdict(item),
        "commit": at(item, "commit_id"),
    }


def says_something(review: Any) -> bool:
    """Whether it is neither a mere envelope of review comments nor still being written."""
    return verdict(review) != "pending" and bool(at(review, "body") or verdict(review) != "commented")


def verdict(review: Any) -> str:
    """What a review says of the pull request, in GitHub's words; its relatives have others for some."""
    said = str(at(review, "state") or "").lower()
    return _VERDICTS.get(said, said)
