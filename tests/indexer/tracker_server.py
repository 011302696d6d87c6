"""A small GitHub on this machine: real HTTP, real paging, answers as GitHub's OpenAPI description wants them.

Tests fill its lists, make it fail, and read what it was asked. `make test-trackers` checks its answers.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

NOW = "Sat, 01 Jun 2024 12:00:00 GMT"
Answer = tuple[int, dict[str, str], Any]


class FakeGitHub:
    """The lists of `ada/engine`, what goes wrong, and a record of every request and its answer."""

    def __init__(self) -> None:
        self.base = ""
        self.issues: list[dict[str, Any]] = []
        self.pulls: list[dict[str, Any]] = []
        self.comments: list[dict[str, Any]] = []
        self.review_comments: list[dict[str, Any]] = []
        self.reviews: dict[int, list[dict[str, Any]]] = {}
        self.date = NOW
        self.page_size = 100
        # For the requests to come, in turn: an answer instead of the true one, "cut", or None for the true one.
        self.faults: list[Answer | str | None] = []
        self.before: dict[int, Callable[[], None]] = {}  # what happens before the request of that number, from 1
        self.asked: list[tuple[str, dict[str, str], int, Any]] = []  # (address, request headers, status, body)

    @property
    def paths(self) -> list[str]:
        return [urlsplit(address).path.removeprefix("/repos/ada/engine/") for address, *_ in self.asked]

    @property
    def statuses(self) -> list[int]:
        return [status for _, _, status, _ in self.asked]

    def answer(self, address: str, headers: dict[str, str]) -> Answer | str:
        number = len(self.asked) + 1
        self.before.pop(number, lambda: None)()
        fault = self.faults.pop(0) if self.faults else None
        if fault == "cut":
            self.asked.append((address, headers, 0, None))
            return "cut"
        status, extra, body = fault or self._true_answer(address, headers)  # type: ignore[misc]
        self.asked.append((address, headers, status, body))
        return status, extra, body

    def _true_answer(self, address: str, headers: dict[str, str]) -> Answer:
        parts = urlsplit(address)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        match = re.fullmatch(r"/repos/ada/engine/(.+)", parts.path)
        items = self._list(match[1], query) if match else None
        if items is None:
            return (
                404,
                {},
                {"message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404"},
            )
        size, page = min(int(query.get("per_page", 30)), self.page_size), int(query.get("page", 1))
        shown = items[(page - 1) * size : page * size]
        etag = f'W/"{hashlib.sha256(json.dumps([parts.query, shown]).encode()).hexdigest()}"'
        extra = {"ETag": etag}
        if page * size < len(items):
            extra["Link"] = f'<{self.base}{parts.path}?{urlencode(query | {"page": str(page + 1)})}>; rel="next"'
        return (304, extra, None) if headers.get("If-None-Match") == etag else (200, extra, shown)

    def _list(self, name: str, query: dict[str, str]) -> list[dict[str, Any]] | None:
        if reviews := re.fullmatch(r"pulls/(\d+)/reviews", name):
            return self.reviews.get(int(reviews[1]), [])
        lists = {
            "issues": self.issues,
            "pulls": self.pulls,
            "issues/comments": self.comments,
            "pulls/comments": self.review_comments,
        }
        if name not in lists:
            return None
        items = [item for item in lists[name] if item["updated_at"] >= query.get("since", "")]
        return sorted(items, key=lambda item: item["updated_at"], reverse=query["direction"] == "desc")


@contextmanager
def serving(site: Any) -> Iterator[str]:
    """The address under which `site.answer(address, headers)` is asked, as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # headers and body in one packet: the second would wait for the first one's receipt

        def do_GET(self) -> None:
            answer = site.answer(self.path, dict(self.headers))
            if answer == "cut":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[{")
                self.close_connection = True
                return
            status, extra, body = answer
            data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response_only(status)
            for name, value in {"Date": site.date, "Content-Type": "application/json", **extra}.items():
                self.send_header(name, value)
            if status != 304:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    site.base = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site.base
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def day(number: int) -> str:
    """The first hour of a day of 2024, by its number in the year, from 1."""
    month, rest = divmod(number - 1, 28)
    return f"2024-{month + 1:02}-{rest + 1:02}T00:00:00Z"


def user(login: str = "ada") -> dict[str, Any]:
    page = f"https://api.github.com/users/{login}"
    names = ("followers following gists starred subscriptions organizations repos events received_events").split()
    return {
        "login": login,
        "id": 1,
        "node_id": "U_1",
        "avatar_url": f"https://avatars.githubusercontent.com/{login}",
        "gravatar_id": "",
        "url": page,
        "html_url": f"https://github.com/{login}",
        **{f"{name}_url": f"{page}/{name}" for name in names},
        "type": "User",
        "site_admin": False,
    }


def issue(number: int, changed: int, **fields: Any) -> dict[str, Any]:
    """An issue as the lists have it; `changed` is the day it changed last."""
    api = f"https://api.github.com/repos/ada/engine/issues/{number}"
    return {
        "id": 1000 + number,
        "node_id": f"I_{number}",
        "number": number,
        "url": api,
        "repository_url": "https://api.github.com/repos/ada/engine",
        "labels_url": f"{api}/labels{{/name}}",
        "comments_url": f"{api}/comments",
        "events_url": f"{api}/events",
        "html_url": f"https://github.com/ada/engine/issues/{number}",
        "title": f"Issue {number}",
        "body": f"Body of {number}",
        "state": "open",
        "locked": False,
        "labels": [],
        "user": user(),
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "comments": 0,
        "author_association": "OWNER",
        "created_at": day(1),
        "updated_at": day(changed),
        "closed_at": None,
        **fields,
    }


def pull(number: int, changed: int, **fields: Any) -> dict[str, Any]:
    """A pull request as the list of pull requests has it."""
    api = f"https://api.github.com/repos/ada/engine/pulls/{number}"
    issues = f"https://api.github.com/repos/ada/engine/issues/{number}"
    page = f"https://github.com/ada/engine/pull/{number}"
    addresses = {
        "html": page,
        "issue": issues,
        "comments": f"{issues}/comments",
        "review_comments": f"{api}/comments",
        "review_comment": f"{api}/comments{{/number}}",
        "commits": f"{api}/commits",
        "statuses": f"https://api.github.com/repos/ada/engine/statuses/{number:040x}",
    }
    links = {name: {"href": address} for name, address in addresses.items()} | {"self": {"href": api}}
    return {
        "id": 2000 + number,
        "node_id": f"PR_{number}",
        "number": number,
        "url": api,
        **{f"{name}_url": address for name, address in addresses.items()},
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "title": f"Pull {number}",
        "body": None,
        "state": "open",
        "locked": False,
        "draft": False,
        "labels": [],
        "user": user(),
        "assignee": None,
        "milestone": None,
        "author_association": "OWNER",
        "auto_merge": None,
        "merge_commit_sha": f"{number:040x}",
        "created_at": day(1),
        "updated_at": day(changed),
        "closed_at": None,
        "merged_at": None,
        "head": _branch("change"),
        "base": _branch("main"),
        "_links": links,
        **fields,
    }


def comment(identity: int, thread: int, changed: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": identity,
        "node_id": f"IC_{identity}",
        "url": f"https://api.github.com/repos/ada/engine/issues/comments/{identity}",
        "html_url": f"https://github.com/ada/engine/issues/{thread}#issuecomment-{identity}",
        "issue_url": f"https://api.github.com/repos/ada/engine/issues/{thread}",
        "body": f"Comment {identity}",
        "user": user("grace"),
        "author_association": "CONTRIBUTOR",
        "created_at": day(changed),
        "updated_at": day(changed),
        **fields,
    }


def review_comment(identity: int, thread: int, changed: int, **fields: Any) -> dict[str, Any]:
    api = f"https://api.github.com/repos/ada/engine/pulls/comments/{identity}"
    page = f"https://github.com/ada/engine/pull/{thread}#discussion_r{identity}"
    thread_url = f"https://api.github.com/repos/ada/engine/pulls/{thread}"
    links = {"self": api, "html": page, "pull_request": thread_url}
    return {
        "id": identity,
        "node_id": f"RC_{identity}",
        "url": api,
        "html_url": page,
        "pull_request_url": thread_url,
        "pull_request_review_id": 7,
        "diff_hunk": "@@ -1 +1 @@",
        "path": "engine.py",
        "position": 1,
        "original_position": 1,
        "line": 3,
        "original_line": 12,
        "side": "RIGHT",
        "commit_id": "b" * 40,
        "original_commit_id": "a" * 40,
        "body": f"Line comment {identity}",
        "user": user("grace"),
        "author_association": "CONTRIBUTOR",
        "created_at": day(changed),
        "updated_at": day(changed),
        "_links": {name: {"href": address} for name, address in links.items()},
        **fields,
    }


def review(identity: int, thread: int, state: str, body: str, on: int) -> dict[str, Any]:
    page = f"https://github.com/ada/engine/pull/{thread}#pullrequestreview-{identity}"
    thread_url = f"https://api.github.com/repos/ada/engine/pulls/{thread}"
    return {
        "id": identity,
        "node_id": f"R_{identity}",
        "html_url": page,
        "pull_request_url": thread_url,
        "body": body,
        "state": state,
        "commit_id": "a" * 40,
        "submitted_at": day(on),
        "user": user("grace"),
        "author_association": "MEMBER",
        "_links": {"html": {"href": page}, "pull_request": {"href": thread_url}},
    }


def _branch(name: str) -> dict[str, Any]:
    return {"label": f"ada:{name}", "ref": name, "sha": "c" * 40, "user": user(), "repo": _repository()}


def _repository() -> dict[str, Any]:
    api, page = "https://api.github.com/repos/ada/engine", "https://github.com/ada/engine"
    lists = (
        "archive assignees blobs branches collaborators comments commits compare contents contributors deployments "
        "downloads events forks git_commits git_refs git_tags hooks issue_comment issue_events issues keys labels "
        "languages merges milestones notifications pulls releases stargazers statuses subscribers subscription tags "
        "teams trees"
    ).split()
    return {
        "id": 1,
        "node_id": "R_1",
        "name": "engine",
        "full_name": "ada/engine",
        "owner": user(),
        "url": api,
        "html_url": page,
        **{f"{name}_url": f"{api}/{name}" for name in lists},
        **{f"{name}_url": f"{page}.git" for name in ("clone", "git", "ssh", "svn")},
        **dict.fromkeys(("description", "homepage", "language", "license", "mirror_url")),
        **dict.fromkeys("forks forks_count open_issues open_issues_count size stargazers_count".split(), 0),
        **dict.fromkeys(("watchers", "watchers_count"), 0),
        **dict.fromkeys("private fork has_downloads has_projects has_wiki has_pages archived disabled".split(), False),
        "has_issues": True,
        "default_branch": "main",
        **dict.fromkeys(("pushed_at", "created_at", "updated_at"), day(1)),
    }
