"""Threads from GitHub, against a server on this machine that behaves and misbehaves like GitHub's."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import replace

import pytest
from tests.indexer.tracker_server import (
    FakeGitHub,
    comment,
    day,
    issue,
    pull,
    review,
    review_comment,
    serving,
    user,
)

from whence_indexer import threads as model
from whence_indexer.errors import TrackerError
from whence_indexer.github import GitHub
from whence_indexer.rest import BACKOFF
from whence_indexer.threads import Comment, Thread

TOKEN = "ghp_secret"


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """How long was waited, without waiting."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return waited


@pytest.fixture
def site():
    github = FakeGitHub()
    with serving(github):
        yield github


class Library:
    """What a user of a source does: stores each page with its cursor, and goes on from there."""

    def __init__(self, site: FakeGitHub, token: str | None = TOKEN) -> None:
        self.source = GitHub(site.base, "ada/engine", token)
        self.site = site
        self.cursor: model.Cursor | None = None
        self.threads: dict[tuple[str, int], Thread] = {}
        self.problems: list[str] = []
        self.said: list[str] = []
        self.new = 0

    def update(self, pages: int = 1000) -> Library:
        """Take what is new, at most so many pages before being stopped."""
        self.site.asked.clear()
        self.new = 0
        for page, _ in zip(self.source.pages(self.cursor, self.said.append), range(pages), strict=False):
            known = [thread for thread in self.threads.values() if thread.number in page.numbers]
            self.threads |= {thread.key: thread for thread in model.merge(page, known)}
            self.cursor = json.loads(json.dumps(page.cursor))
            self.problems += [problem.what for problem in page.problems]
            self.new += len(page.threads) + len(page.comments)
        return self

    @property
    def numbers(self) -> list[int]:
        return sorted(number for _, number in self.threads)


def fill(site: FakeGitHub) -> FakeGitHub:
    merged = {"state": "closed", "merged_at": day(6), "closed_at": day(6), "title": "Add brakes"}
    labels = [{"id": 1, "node_id": "L", "url": "https://x/y", "name": "bug", "color": "f00", "default": False,
               "description": None}]  # fmt: skip
    asked = {"pull_request": {"url": "https://x/1", "html_url": None, "diff_url": None, "patch_url": None}}
    site.issues = [
        issue(1, 4, title="Wheels fall off", body="Since 2.0,\r\nsee abc1234.", labels=labels, state="closed",
              closed_at=day(4)),
        issue(2, 6, **asked),
        issue(3, 5, user=None, body=None),
    ]  # fmt: skip
    site.pulls = [pull(2, 6, body="Fixes #1", **merged), pull(4, 3, state="closed", closed_at=day(3))]
    site.comments = [comment(50, 1, 4, body="Same here"), comment(51, 2, 6)]
    site.review_comments = [review_comment(60, 2, 5, body="Why twelve?"), review_comment(61, 2, 6, side="LEFT")]
    site.reviews = {
        2: [
            review(70, 2, "APPROVED", "", 6),
            review(71, 2, "COMMENTED", "", 5),
            review(72, 2, "CHANGES_REQUESTED", "Too fast", 5),
        ]
    }
    return site


def test_everything_that_was_said_is_brought_into_its_thread(site):
    library = Library(fill(site)).update()
    assert library.problems == []
    assert library.numbers == [1, 2, 3, 4]
    assert library.threads["issue", 1] == Thread(
        number=1,
        kind="issue",
        title="Wheels fall off",
        body="Since 2.0,\nsee abc1234.",
        state="closed",
        labels=("bug",),
        author="ada",
        created=day(1),
        updated=day(4),
        closed=day(4),
        url="https://github.com/ada/engine/issues/1",
        comments=(Comment("grace", day(4), "Same here", "https://github.com/ada/engine/issues/1#issuecomment-50"),),
    )
    brakes = library.threads["pull", 2]
    assert (brakes.state, brakes.merge_commit, brakes.title) == ("merged", f"{2:040x}", "Add brakes")
    assert [(said.kind, said.state, said.body) for said in brakes.comments] == [
        ("review_comment", "", "Why twelve?"),
        ("review", "changes_requested", "Too fast"),
        ("comment", "", "Comment 51"),
        ("review_comment", "", "Line comment 61"),
        ("review", "approved", ""),
    ]
    why, removed = (said for said in brakes.comments if said.kind == "review_comment")
    assert (why.path, why.line, why.commit) == ("engine.py", 12, "a" * 40)
    assert (removed.path, removed.line) == ("engine.py", None)
    assert (library.threads["issue", 3].author, library.threads["issue", 3].body) == ("", "")
    dropped = library.threads["pull", 4]
    assert (dropped.state, dropped.merge_commit) == ("closed", None)
    links = model.find_links(library.threads["issue", 1], "https://github.com/ada/engine")
    assert (links.threads, links.commits) == ((), ("abc1234",))
    assert [(link.number, link.closes) for link in model.find_links(brakes).threads] == [(1, True)]


def test_the_second_time_nothing_is_new_and_the_third_costs_nothing(site):
    library = Library(fill(site)).update()
    library.update()
    before = dict(library.threads)
    library.update()
    assert set(site.statuses) == {304}
    assert (library.new, library.threads) == (0, before)


def test_only_what_changed_is_fetched_and_older_comments_stay(site):
    library = Library(fill(site)).update().update()
    site.issues[0] |= {"title": "Wheels fell off", "updated_at": day(20)}
    site.comments.append(comment(52, 1, 20, body="Solved?"))
    library.update()
    assert library.new == 2
    assert library.threads["issue", 1].title == "Wheels fell off"
    assert [said.body for said in library.threads["issue", 1].comments] == ["Same here", "Solved?"]


def test_a_pull_request_that_changed_is_fetched_again_and_its_neighbours_are_not(site):
    library = Library(fill(site)).update()
    site.date = site.date.replace("Jun", "Dec")
    site.pulls[0] |= {"title": "Add better brakes", "updated_at": day(200)}
    site.reviews[2].append(review(73, 2, "APPROVED", "Much better", 200))
    library.update()
    assert library.threads["pull", 2].title == "Add better brakes"
    assert library.threads["pull", 2].comments[-1].body == "Much better"
    assert [path for path in site.paths if path.endswith("/reviews")] == ["pulls/2/reviews"]


def test_a_long_list_is_gone_on_with_where_it_was_left(site):
    site.page_size = 5
    site.pulls = [pull(number, number) for number in range(1, 61)]
    library = Library(site).update(pages=9)  # one of no issues, and eight of twelve of pull requests
    library.update()
    assert library.numbers == list(range(1, 61))
    pulls = [address for address, *_ in site.asked if "/pulls?" in address and "per_page=100" in address]
    assert len(pulls) == 4


def test_an_edited_comment_replaces_its_older_self(site):
    library = Library(fill(site)).update()
    site.comments[0] |= {"body": "Not here", "updated_at": day(30)}
    library.update()
    assert [said.body for said in library.threads["issue", 1].comments] == ["Not here"]


@pytest.mark.parametrize("stop", range(1, 12))
def test_after_a_stop_at_any_page_nothing_is_missing_and_little_is_asked_again(site, stop):
    fill(site).page_size = 1
    whole = Library(site).update()
    requests = len(site.asked)
    library = Library(site).update(pages=stop)
    first = len(site.asked)
    library.update()
    assert library.threads == whole.threads
    assert first + len(site.asked) <= requests + 6


def test_an_item_that_moves_while_the_pages_are_read_is_neither_lost_nor_doubled(site):
    site.page_size = 10
    site.issues = [issue(number, number) for number in range(1, 41)]
    site.pulls = [pull(number, number) for number in range(41, 81)]
    moved = [(2, site.issues[0]), (3, site.issues[12]), (6, site.pulls[0]), (7, site.pulls[20])]
    for request, item in moved:
        site.before[request] = lambda item=item: item.update(updated_at=day(200), title="moved")
    library = Library(site).update()
    assert [number for kind, number in sorted(library.threads) if kind == "issue"] == list(range(1, 41))
    library.update()
    assert library.numbers == list(range(1, 81))
    assert [number for (_, number), thread in sorted(library.threads.items()) if thread.title == "moved"] == [
        1,
        13,
        41,
        61,
    ]


def test_a_comment_deleted_while_the_pages_are_read_hides_no_other(site):
    site.page_size = 10
    site.issues = [issue(1, 40)]
    site.comments = [comment(number, 1, number) for number in range(1, 41)]
    site.before = {number: lambda: site.comments.pop(0) for number in range(4, 7)}
    library = Library(site).update()
    ids = {int(said.url.rpartition("-")[2]) for said in library.threads["issue", 1].comments}
    assert ids >= {said["id"] for said in site.comments}


def test_more_changes_at_one_moment_than_fit_on_a_page(site):
    site.page_size = 10
    site.issues = [issue(number, 5) for number in range(1, 36)] + [issue(36, 6)]
    assert Library(site).update().numbers == list(range(1, 37))


def test_a_comment_in_a_thread_opened_meanwhile_comes_with_the_thread(site):
    fill(site)

    def open_another():
        site.issues.append(issue(9, 100))
        site.comments.append(comment(90, 9, 100))

    site.before[2] = open_another  # the issues have been read, the comments have not
    library = Library(site).update()
    assert 9 not in library.numbers
    library.update()
    assert [said.url.rpartition("-")[2] for said in library.threads["issue", 9].comments] == ["90"]


def limit(status: int, headers: dict[str, str], message: str = "API rate limit exceeded for user ID 1."):
    return status, headers, {"message": message, "documentation_url": "https://docs.github.com/rest"}


def spent(seconds: float) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": "5000",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(int(time.time() + seconds)),
    }


def test_a_spent_rate_limit_is_waited_for_and_said(site, waits):
    fill(site).faults = [
        limit(403, spent(90)),
        limit(429, {"Retry-After": "30"}, "You have exceeded a secondary rate limit"),
    ]
    library = Library(site).update()
    assert library.numbers == [1, 2, 3, 4]
    assert 60 < waits[0] <= 92
    assert waits[1] == 31
    assert any("limits requests: waiting 31 s" in line for line in library.said)


@pytest.mark.parametrize("headers", [spent(7 * 3600), {"Retry-After": "999999999"}], ids=["reset", "retry-after"])
def test_a_limit_that_lasts_for_hours_is_not_waited_for_and_nothing_fetched_is_lost(site, waits, headers):
    fill(site).faults = [None, None, limit(403, headers)]
    library = Library(site)
    with pytest.raises(TrackerError, match=r"allows no more requests for \d+ minutes; what was fetched is kept"):
        library.update()
    assert (library.numbers, waits) == ([1, 2, 3, 4], [])
    library.update()
    assert library.threads == Library(site).update().threads


def test_errors_that_pass_are_asked_again(site, waits):
    fill(site).faults = [(502, {}, b"<html>Bad Gateway</html>"), "cut", None, (503, {}, None), "cut"]
    library = Library(site).update()
    assert library.threads == Library(site).update().threads
    assert waits == [1, 4, 1, 4]


@pytest.mark.parametrize("fault", [(502, {}, b"<html>"), "cut"], ids=["502", "cut"])
def test_errors_that_stay_end_it_and_the_next_run_goes_on(site, waits, fault):
    fill(site).faults = [None, *[fault] * 10]
    library = Library(site)
    with pytest.raises(TrackerError, match=r"answered 502|cannot be reached"):
        library.update()
    assert waits == list(BACKOFF)
    assert library.numbers == [1, 3]
    site.faults = []
    assert library.update().numbers == [1, 2, 3, 4]


def test_a_server_that_is_not_there(site, waits):
    library = Library(site)
    library.source = replace(library.source, api="http://127.0.0.1:9")
    with pytest.raises(TrackerError, match=r"127\.0\.0\.1:9 cannot be reached"):
        library.update()


REFUSALS = {
    401: ("Bad credentials", "does not accept the token"),
    403: ("Resource not accessible by personal access token", "forbids it .*: set GITHUB_TOKEN"),
    404: ("Not Found", "knows no such project, or hides it .*: set GITHUB_TOKEN"),
    422: ("Validation Failed", "answered 422"),
    451: ("Repository access blocked", "answered 451"),
}


@pytest.mark.parametrize(("status", "said", "told"), [(status, *words) for status, words in REFUSALS.items()])
def test_a_refusal_is_told_in_words_that_help_and_never_names_the_token(site, caplog, status, said, told):
    caplog.set_level(logging.DEBUG)
    site.faults = [(status, {}, {"message": f"{said}\x1b[31m"})]
    library = Library(site)
    with pytest.raises(TrackerError, match=told) as caught:
        library.update()
    assert said in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert TOKEN not in f"{caught.value} {library.source!r} {library.cursor} {library.said} {caplog.text}"


def test_where_issues_are_turned_off_there_are_still_pull_requests(site):
    fill(site).faults = [(410, {}, {"message": "Issues are disabled for this repo"})]
    library = Library(site).update()
    assert library.numbers == [2, 4]
    assert "Issues are disabled" in library.problems[0]


NONSENSE = {
    "no JSON": b"<html>Welcome</html>",
    "no list": {"items": []},
    "a number": 7,
    "deep": b"[" * 100_000,
    "half": b'[{"number": 1,',
    "no UTF-8": b'["\xff\xfe"]',
}


@pytest.mark.parametrize("body", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_an_error(site, body):
    fill(site).faults = [None, (200, {}, body)]
    library = Library(site)
    with pytest.raises(TrackerError, match="answered nonsense"):
        library.update()
    assert library.numbers == [1, 3]


ODD = [
    *(None, 7, "x", [], {}, {"number": "1"}, {"number": 0, "title": "x"}, {"number": 5}),
    issue(2**40, 1),
    issue(5, 1, title=7),
    issue(5, 1, title=None, updated_at=5),
    issue(5, 1, created_at="yesterday"),
    issue(5, 1, labels=[[1]]),
    issue(5, 1, labels="x"),
    issue(5, 1, html_url="javascript:x"),
]


def test_nonsense_among_the_items_is_reported_and_the_rest_taken(site):
    fill(site)
    good = [item for item in site.issues if "pull_request" not in item]
    odd_comments = [
        None,
        {"issue_url": 5},
        comment(90, 1, 5, issue_url="https://x/issues/none"),
        comment(91, 1, 5, body=[1]),
    ]
    site.faults = [(200, {}, [*ODD, *good]), None, (200, {}, [*odd_comments, *site.comments])]
    library = Library(site).update()
    assert library.numbers == [1, 2, 3, 4]
    assert len(library.problems) == len(ODD) + len(odd_comments)
    assert all(problem.startswith("answered nonsense: ") for problem in library.problems)
    assert len(library.threads["issue", 1].comments) == 1


@pytest.mark.parametrize("headers", [{"Retry-After": "soon"}, spent(1) | {"X-RateLimit-Reset": "9" * 30}])
def test_a_rate_limit_without_sense_is_an_error(site, headers):
    site.faults = [limit(403, headers)]
    with pytest.raises(TrackerError, match=r"nonsense|no more requests"):
        Library(site).update()


def test_a_page_that_follows_itself_ends(site):
    address = f"{site.base}/repos/ada/engine/issues?state=all&sort=updated&direction=asc&per_page=100"
    site.faults = [(200, {"Link": f'<{address}>; rel="next"'}, [])]
    with pytest.raises(TrackerError, match="followed by itself"):
        Library(site).update()


@pytest.mark.parametrize("way", ["link", "redirect"])
def test_the_token_is_sent_to_no_other_host(site, way):
    other = FakeGitHub()
    with serving(other):
        address = f"{other.base}/repos/ada/engine/issues?sort=updated&direction=asc"
        site.faults = [
            (301, {"Location": address}, {}) if way == "redirect" else (200, {"Link": f'<{address}>; rel="next"'}, [])
        ]
        library = Library(site)
        if way == "link":
            with pytest.raises(TrackerError, match="another host"):
                library.update()
        else:
            library.update()
            assert len(other.asked) == 1
    assert all("Authorization" not in headers for _, headers, *_ in other.asked)
    assert {headers["Authorization"] for _, headers, *_ in site.asked} == {f"token {TOKEN}"}


def test_a_renamed_project_is_followed(site):
    fill(site)
    site.faults = [(301, {"Location": f"{site.base}/repos/ada/engine/issues?state=all&sort=updated&direction=asc"}, {})]
    assert Library(site).update().numbers == [1, 2, 3, 4]


def test_without_a_token_reviews_are_not_asked_for_one_by_one(site):
    library = Library(fill(site), token=None).update()
    assert not any("reviews" in path for path in site.paths)
    assert all("Authorization" not in headers for _, headers, *_ in site.asked)
    assert any("no reviews were fetched" in line for line in library.said)


@pytest.mark.parametrize("cursor", [{}, {"source": "https://elsewhere"}, {"file": "x", "offset": 7, "line": 1}])
def test_a_cursor_of_another_source_begins_anew(site, cursor):
    library = Library(fill(site))
    library.cursor = cursor
    assert library.update().numbers == [1, 2, 3, 4]


def test_nothing_is_asked_before_pages_are_wanted(site):
    GitHub(site.base, "ada/engine", TOKEN).pages(None, print)
    assert site.asked == []


def test_an_author_s_name_is_taken_as_it_is_and_an_address_is_not(site):
    site.issues = [issue(1, 1, user=user("dependabot[bot]")), issue(2, 1, user=user("ada@example.com"))]
    library = Library(site).update()
    assert [thread.author for thread in library.threads.values()] == ["dependabot[bot]", "ada"]
