"""Threads from GitLab and from Gitea, against servers on this machine that answer as their documentation says."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from tests.indexer.tracker_server import day, serving

from whence_indexer.errors import TrackerError
from whence_indexer.gitea import Gitea
from whence_indexer.gitlab import GitLab
from whence_indexer.threads import Comment, Thread, merge


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return waited


@dataclass
class Site:
    """Lists by path, each item with `updated_at` or a list as it is; pages of `size`."""

    lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    faults: list[Any] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    size: int = 100
    base: str = ""
    date: str = "Sat, 01 Jun 2024 12:00:00 GMT"

    def answer(self, address, headers):
        self.asked.append((address, headers))
        if self.faults and (fault := self.faults.pop(0)):
            return fault
        parts = urlsplit(address)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path not in self.lists:
            return 404, {}, {"message": "404 Project Not Found"}
        since = query.get("updated_after") or query.get("since") or ""
        items = [item for item in self.lists[parts.path] if item.get("updated_at", "9") >= since]
        if query.get("order_by") == "updated_at" or query.get("sort") == "recentupdate":
            items = sorted(items, key=lambda item: item["updated_at"], reverse="order_by" not in query)
        page = int(query.get("page", 1))
        links = {}
        if page * self.size < len(items):
            following = urlencode(query | {"page": page + 1})
            links = {"Link": f'<{self.base}{parts.path}?{following}>; rel="next"'}
        return 200, links, items[(page - 1) * self.size : page * self.size]


@pytest.fixture
def site():
    made = Site()
    with serving(made):
        yield made


def update(source, cursor=None, known=()):
    """(threads by identity, problems, progress, cursor) after everything new."""
    threads, problems, said = {thread.key: thread for thread in known}, [], []
    for page in source.pages(cursor, said.append):
        threads |= {thread.key: thread for thread in merge(page, threads.values())}
        problems += [problem.what for problem in page.problems]
        cursor = page.cursor
    return threads, problems, said, cursor


LAB = "/api/v4/projects/group%2Fengine"


def lab_thread(number, changed, **fields):
    return {
        "id": 100 + number,
        "iid": number,
        "title": f"Thread {number}",
        "description": None,
        "state": "opened",
        "labels": ["bug"],
        "author": {"username": "ada", "name": "Ada"},
        "created_at": "2024-01-01T00:00:00.000Z",
        "updated_at": day(changed).replace("Z", ".123Z"),
        "closed_at": None,
        "web_url": f"https://gitlab.com/group/engine/-/issues/{number}",
        "user_notes_count": 0,
    } | fields


def note(identity, body, **fields):
    author = {"username": "grace"}
    return {"id": identity, "body": body, "system": False, "author": author, "created_at": day(identity)} | fields


@pytest.fixture
def lab(site):
    merged = {
        "state": "merged",
        "merged_at": day(6),
        "merge_commit_sha": "a" * 40,
        "user_notes_count": 2,
        "web_url": "https://x/!1",
    }
    site.lists = {
        f"{LAB}/issues": [lab_thread(1, 4), lab_thread(2, 5, state="closed", closed_at=day(5), user_notes_count=1)],
        f"{LAB}/merge_requests": [lab_thread(1, 6, **merged)],
        f"{LAB}/issues/2/notes": [note(3, "changed the label", system=True), note(4, "Solved")],
        f"{LAB}/merge_requests/1/notes": [
            note(5, "Why?", position={"new_path": "e.py", "new_line": 7, "head_sha": "b" * 40}),
            note(6, "Looks good"),
        ],
    }
    return site


def test_gitlab_counts_issues_and_merge_requests_apart(lab):
    threads, problems, _, _ = update(GitLab(lab.base, "group/engine", "glpat"))
    assert problems == []
    assert set(threads) == {("issue", 1), ("issue", 2), ("pull", 1)}
    assert threads["issue", 1] == Thread(
        number=1,
        kind="issue",
        title="Thread 1",
        labels=("bug",),
        author="ada",
        created=day(1),
        updated=day(4),
        url="https://gitlab.com/group/engine/-/issues/1",
    )
    assert [comment.body for comment in threads["issue", 2].comments] == ["Solved"]
    brakes = threads["pull", 1]
    assert (brakes.state, brakes.closed, brakes.merge_commit) == ("merged", day(6), "a" * 40)
    assert brakes.comments == (
        Comment("grace", day(5), "Why?", "https://x/!1#note_5", "review_comment", "", "e.py", 7, "b" * 40),
        Comment("grace", day(6), "Looks good", "https://x/!1#note_6"),
    )
    assert {headers["Authorization"] for _, headers in lab.asked} == {"Bearer glpat"}


def test_from_gitlab_only_what_is_new_is_fetched_and_pages_may_change(lab):
    lab.size = 2
    lab.lists[f"{LAB}/issues"] += [lab_thread(number, number) for number in range(10, 20)]
    source = GitLab(lab.base, "group/engine")
    threads, _, _, cursor = update(source)
    assert len(threads) == 13
    lab.asked.clear()
    lab.lists[f"{LAB}/issues"][0].update(title="Renamed", updated_at=day(90), user_notes_count=1)
    lab.lists[f"{LAB}/issues/1/notes"] = [note(9, "New")]
    threads, _, _, _ = update(source, cursor, threads.values())
    assert threads["issue", 1].title == "Renamed"
    assert [comment.body for comment in threads["issue", 1].comments] == ["New"]
    assert [urlsplit(address).path for address, _ in lab.asked].count(f"{LAB}/issues/2/notes") == 0


def test_gitlab_s_limit_is_waited_for_and_said(lab, waits):
    lab.faults = [(429, {"Retry-After": "20"}, {"message": "Too many"}), (502, {}, b"<html>")]
    threads, _, said, _ = update(GitLab(lab.base, "group/engine"))
    assert len(threads) == 3
    assert waits[0] == 20
    assert any("waiting 20 s" in line for line in said)


def test_gitlab_s_limit_of_hours_is_not(lab, waits):
    lab.faults = [None, None, (429, {"Retry-After": "99999"}, {"message": "Too many"})]
    pages = []
    with pytest.raises(TrackerError, match="allows no more requests for now"):
        pages.extend(GitLab(lab.base, "group/engine").pages(None, print))
    assert (len(pages), waits) == (1, [])


LAB_REFUSALS = [
    ((401, {}, {"message": "401 Unauthorized"}), "does not accept the token, or wants one"),
    ((403, {}, {"error": "insufficient_scope"}), "forbids it .*: set GITLAB_TOKEN"),
    ((404, {}, {"message": "404 Project Not Found"}), "knows no such project, or hides it"),
    ((500, {}, b"oh"), "answered 500"),
    ((200, {}, {"a": 1}), "nonsense"),
    ((200, {}, b"<html>"), "nonsense"),
    ((302, {"Location": "/users/sign_in"}, b""), "nonsense|knows no such|answered"),
    ("cut", "cannot be reached"),
]


@pytest.mark.parametrize(("fault", "told"), LAB_REFUSALS)
def test_gitlab_s_refusals_are_told_in_words_that_help(lab, fault, told):
    lab.faults = [fault] * 7
    with pytest.raises(TrackerError, match=told) as caught:
        update(GitLab(lab.base, "group/engine", "glpat"))
    assert "glpat" not in str(caught.value)


def test_where_gitlab_has_issues_turned_off_there_are_still_merge_requests(lab):
    lab.faults = [(403, {}, {"message": "403 Forbidden"})]
    threads, problems, _, _ = update(GitLab(lab.base, "group/engine"))
    assert (set(threads), len(problems)) == ({("pull", 1)}, 1)


def test_gitlab_s_token_is_sent_to_no_other_host(lab):
    other = Site()
    with serving(other):
        other.lists = {"/x": []}
        lab.faults = [(302, {"Location": f"{other.base}/x"}, b"")]
        update(GitLab(lab.base, "group/engine", "glpat"))
        assert len(other.asked) == 1
    assert not any("glpat" in str(headers) for _, headers in other.asked)


@pytest.mark.parametrize("address", ["https://[bad/x", "http://x:port/"])
def test_a_next_page_of_gitlab_without_a_sensible_address_is_refused(lab, address):
    lab.faults = [(200, {"Link": f'<{address}>; rel="next"'}, [])]
    with pytest.raises(TrackerError, match="another host"):
        update(GitLab(lab.base, "group/engine"))


def test_gitlab_s_notes_that_follow_each_other_in_a_circle_end(lab):
    notes = f"{lab.base}{LAB}/issues/2/notes"
    circle = [(200, {"Link": f'<{notes}?page={page}>; rel="next"'}, []) for page in (2, 3)]
    lab.faults = [None, *circle * 20]
    with pytest.raises(TrackerError, match="followed by itself"):
        update(GitLab(lab.base, "group/engine"))


TEA = "/api/v1/repos/ada/engine"


def tea_thread(number, changed, **fields):
    return {
        "id": 100 + number,
        "number": number,
        "title": f"Thread {number}",
        "body": "",
        "state": "open",
        "labels": [{"name": "bug"}],
        "user": {"login": "ada", "email": "ada@example.com"},
        "created_at": "2024-01-01T01:00:00+01:00",
        "updated_at": day(changed),
        "closed_at": None,
        "html_url": f"https://codeberg.org/ada/engine/issues/{number}",
    } | fields


def tea_comment(identity, **fields):
    when = {"created_at": day(identity), "updated_at": day(identity), "submitted_at": day(identity)}
    return (
        {"id": identity, "body": f"Said {identity}", "user": {"login": "grace"}, "html_url": f"https://x/#{identity}"}
        | when
        | fields
    )


@pytest.fixture
def tea(site):
    merged = {"merged": True, "merged_at": day(6), "merge_commit_sha": "a" * 40, "state": "closed", "closed_at": day(6)}
    place = {"path": "e.py", "position": 7, "original_position": 0, "commit_id": "b" * 40}
    site.lists = {
        f"{TEA}/issues": [tea_thread(1, 4)],
        f"{TEA}/pulls": [tea_thread(2, 6, **merged), tea_thread(3, 5)],
        f"{TEA}/issues/comments": [
            tea_comment(4, issue_url="https://x/ada/engine/issues/1", pull_request_url=""),
            tea_comment(5, issue_url="", pull_request_url="https://x/ada/engine/pulls/2"),
        ],
        f"{TEA}/pulls/2/reviews": [
            tea_comment(6, state="REQUEST_CHANGES", commit_id="b" * 40, comments_count=2),
            tea_comment(9, state="APPROVED", body="", comments_count=0),
            tea_comment(10, state="COMMENT", body="", comments_count=0),
            tea_comment(11, state="PENDING", comments_count=1),
        ],
        f"{TEA}/pulls/2/reviews/6/comments": [tea_comment(7, **place), tea_comment(8, **place | {"position": 0})],
    }
    return site


def test_gitea_s_threads_come_with_all_that_was_said(tea):
    threads, problems, _, cursor = update(Gitea(f"{tea.base}/api/v1", "ada/engine", "teapot"))
    assert problems == []
    assert set(threads) == {("issue", 1), ("pull", 2), ("pull", 3)}
    assert threads["issue", 1].created == day(1)
    assert [comment.body for comment in threads["issue", 1].comments] == ["Said 4"]
    brakes = threads["pull", 2]
    assert (brakes.state, brakes.merge_commit, brakes.labels) == ("merged", "a" * 40, ("bug",))
    assert [(comment.kind, comment.state, comment.line) for comment in brakes.comments] == [
        ("comment", "", None),
        ("review", "changes_requested", None),
        ("review_comment", "", 7),
        ("review_comment", "", None),
        ("review", "approved", None),
    ]
    assert {headers["Authorization"] for _, headers in tea.asked} == {"token teapot"}
    tea.asked.clear()
    tea.date = Site.date.replace("Jun", "Jul")
    tea.lists[f"{TEA}/issues"].append(tea_thread(9, 200))
    again, _, _, _ = update(Gitea(f"{tea.base}/api/v1", "ada/engine", "teapot"), cursor, threads.values())
    assert again == threads | {("issue", 9): again["issue", 9]}
    assert len(tea.asked) == 3


def test_gitea_pages_are_followed(tea):
    tea.size = 3
    tea.lists[f"{TEA}/issues"] += [tea_thread(number, number) for number in range(10, 40)]
    assert len(update(Gitea(f"{tea.base}/api/v1", "ada/engine"))[0]) == 33


def test_gitea_without_issues_or_project(tea):
    tea.faults = [(404, {}, {"message": "The target couldn't be found."})]
    with pytest.raises(TrackerError, match=r"knows no such project, or hides it .*: set GITEA_TOKEN"):
        update(Gitea(f"{tea.base}/api/v1", "ada/engine"))
