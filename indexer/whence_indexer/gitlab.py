"""Threads of a project on GitLab: issues and merge requests with their notes, through python-gitlab.

A `Source`. Notes cost a request for each changed thread that has any, so threads come whole, twenty a page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlsplit

from whence_indexer.errors import GoneError, MissingError, TrackerError
from whence_indexer.paging import Part, State, all_items, oldest_change_first, read_parts
from whence_indexer.records import at, page_of, plain
from whence_indexer.rest import MAX_WAIT, Answer, Client, list_of, missing_extra, require_same_origin
from whence_indexer.threads import Cursor, Page

_ADVICE = "set GITLAB_TOKEN (and GITLAB_HOST for a server of your own) to a token with the scope read_api"
_STATES = {"opened": "open", "locked": "open"}
_RETRIES = 5
_TIMEOUT = 60


@dataclass(frozen=True)
class GitLab:
    """A project on GitLab. `host` is the server's address, `project` its path with all groups."""

    host: str
    project: str
    token: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The project's address in the API."""
        return f"{self.host}/api/v4/projects/{quote(self.project, safe='')}"

    def pages(self, cursor: Cursor | None, say: Callable[[str], None]) -> Iterator[Page]:
        """What is new, first the issues, then the merge requests; see `Source.pages`."""
        with _client(self.host, self.token, say) as client:
            for page in read_parts(client, self.name, _PARTS, cursor, say):
                yield replace(page, whole=True)


def _issues(client: Client, base: str, state: State) -> Iterator[Page]:
    return _threads(client, f"{base}/issues", "issue", state)


def _merge_requests(client: Client, base: str, state: State) -> Iterator[Page]:
    return _threads(client, f"{base}/merge_requests", "pull", state)


_PARTS: dict[str, Part] = {"issues": _issues, "pulls": _merge_requests}


def _threads(client: Client, base: str, kind: str, state: State) -> Iterator[Page]:
    address = f"{base}?scope=all&order_by=updated_at&sort=asc&per_page=20"
    for items in oldest_change_first(client, address, "updated_after", state):
        with_notes = [(item, list(_notes(client, base, item))) for item in items]
        yield page_of(address, lambda one: _thread(kind, *one), threads=with_notes)


def _notes(client: Client, base: str, thread: Any) -> Iterator[Any]:
    """What people said; the notes that GitLab writes itself, of labels and mentions, are left out."""
    number = at(thread, "iid")
    if not isinstance(number, int) or not at(thread, "user_notes_count"):
        return
    with suppress(MissingError):  # hidden since the list was made
        notes = all_items(client, f"{base}/{number}/notes?sort=asc&per_page=100")
        yield from (note for note in notes if not at(note, "system"))


def _thread(kind: str, item: Any, notes: list[Any]) -> dict[str, Any]:
    url, state = at(item, "web_url"), at(item, "state")
    return {
        "number": at(item, "iid"),
        "kind": kind,
        "title": at(item, "title"),
        "body": at(item, "description"),
        "state": _STATES.get(state, state) if isinstance(state, str) else state,
        "labels": at(item, "labels"),
        "author": at(item, "author", "username"),
        "created": at(item, "created_at"),
        "updated": at(item, "updated_at"),
        "closed": at(item, "merged_at") or at(item, "closed_at"),
        "url": url,
        "merge_commit": at(item, "merge_commit_sha") or at(item, "squash_commit_sha"),
        "comments": [_note(note, url) for note in notes],
    }


def _note(item: Any, thread_url: Any) -> dict[str, Any]:
    place = at(item, "position") or {}
    line = at(place, "new_line")
    return {
        "kind": "review_comment" if at(place, "new_path") else "comment",
        "author": at(item, "author", "username"),
        "date": at(item, "created_at"),
        "body": at(item, "body"),
        "url": f"{thread_url}#note_{at(item, 'id')}" if thread_url else None,
        "path": at(place, "new_path"),
        "line": line,
        "commit": at(place, "head_sha"),
    }


@contextmanager
def _client(host: str, token: str | None, say: Callable[[str], None]) -> Iterator[Client]:
    try:
        import gitlab
    except ImportError as error:
        raise missing_extra() from error
    # As a bearer, which is taken off when the server sends us elsewhere; a PRIVATE-TOKEN is not.
    with gitlab.Gitlab(host, oauth_token=token, retry_transient_errors=True, timeout=_TIMEOUT) as kit:
        kit.session.hooks["response"].append(_limit(host, say))
        yield _GitLabClient(kit, host)


def _limit(host: str, say: Callable[[str], None]) -> Callable[..., None]:
    """What looks at each answer before python-gitlab waits: says so, and refuses to wait for longer than bearable."""

    def look(response: Any, *_: Any, **__: Any) -> None:
        if response.status_code != 429:
            return
        wait = response.headers.get("Retry-After", "1")
        if not wait.isdecimal() or int(wait) > MAX_WAIT.total_seconds():
            raise TrackerError(f"{urlsplit(host).netloc} allows no more requests for now")
        say(f"{urlsplit(host).netloc} limits requests: waiting {wait} s")

    return look


@dataclass(frozen=True)
class _GitLabClient:
    kit: Any
    host: str

    def get(self, address: str, etag: str | None = None) -> Answer | None:
        import gitlab
        import requests

        name = urlsplit(self.host).netloc
        require_same_origin(address, self.host)
        headers = {"If-None-Match": etag} if etag else {}
        try:
            response = self.kit.http_request("get", address, extra_headers=headers, max_retries=_RETRIES)
        except gitlab.GitlabHttpError as error:
            if error.response_code == 304:
                return None
            raise _refusal(name, error.response_code, error.error_message) from error
        except gitlab.GitlabError as error:
            raise _refusal(name, error.response_code, error.error_message) from error
        except requests.RequestException as error:
            raise TrackerError(f"{name} cannot be reached: {error}") from error
        except (ValueError, RecursionError) as error:  # python-gitlab reads an error's JSON as it comes
            raise TrackerError(f"{name} answered nonsense: no JSON") from error
        following = response.links.get("next", {}).get("url")
        return Answer(list_of(name, response.json), following, response.headers.get("etag"))


def _refusal(name: str, status: int | None, message: Any) -> TrackerError:
    said = " ".join(plain(str(message)).split())[:200]
    if status == 401:
        return TrackerError(f"{name} does not accept the token, or wants one ({said}): {_ADVICE}")
    if status == 403 and "scope" not in said:
        return GoneError(f"{name} has it turned off, or forbids it ({said}): {_ADVICE}")
    if status == 403:
        return TrackerError(f"{name} forbids it ({said}): {_ADVICE}")
    if status == 404:
        return MissingError(f"{name} knows no such project, or hides it ({said}): {_ADVICE}")
    if status == 410:
        return GoneError(f"{name} has it turned off ({said})")
    return TrackerError(f"{name} answered {status} ({said})")
