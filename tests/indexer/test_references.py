"""Commit messages -> the issues and pull requests they mention."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whence_indexer.references import find_references
from whence_indexer.types import Reference

PROJECT = "github.com/pallets/flask"

MENTIONS = [
    ("See #12", [Reference(12)]),
    ("Fixes #12", [Reference(12, closes=True)]),
    ("fix: #12", [Reference(12, closes=True)]),
    ("closed #1, resolves #2 and refs #3", [Reference(1, closes=True), Reference(2, closes=True), Reference(3)]),
    ("GH-12 and gh-13", [Reference(12), Reference(13)]),
    ("(#12)", [Reference(12, pull=True)]),
    ("Fixes pallets/flask#12", [Reference(12, closes=True)]),
    ("Fixes Pallets/Flask#12", [Reference(12, closes=True)]),
    ("https://github.com/pallets/flask/issues/12", [Reference(12)]),
    ("https://github.com/pallets/flask/pull/12#discussion_r99", [Reference(12, pull=True)]),
    ("Closes https://github.com/pallets/flask/issues/12.", [Reference(12, closes=True)]),
    ("https://www.github.com:443/pallets/flask/issues/12", [Reference(12)]),
    ("See merge request !12", [Reference(12, pull=True)]),
    ("#1 #1 and fixes #1", [Reference(1, closes=True)]),
    ("[#12], '#13', #14: done", [Reference(12), Reference(13), Reference(14)]),
]

SILENT = [
    "",
    "No number here: # 12",
    "werkzeug/other#12 is somebody else's",
    "https://github.com/pallets/werkzeug/issues/12",
    "https://example.com/page#12",
    "https://gitlab.com/pallets/flask/-/issues/12",
    "https://github.com@example.com/pallets/flask/issues/12",
    "&#39; is an apostrophe",
    "C#12 and item#3",
    "#12abc",
    "#0",
    "#99999999999",
    "#" + "1" * 5_000,
    "https://github.com/pallets/flask/issues/" + "1" * 5_000,
    "hello!12 world",
    "UGH-12",
]


@pytest.mark.parametrize(("message", "expected"), MENTIONS)
def test_a_mention_becomes_a_reference(message, expected):
    assert find_references(message, "", PROJECT) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [("/-/issues/12", [Reference(12)]), ("/-/merge_requests/12", [Reference(12, pull=True)])],
)
def test_an_address_counts_if_it_is_of_the_projects_own_page(message, expected):
    page = "https://gitlab.example.com/group/sub/project"
    assert find_references(f"{page}{message}", "", page.removeprefix("https://")) == expected
    # Of a host that only the user's own ssh knows by this name nothing more is known.
    assert find_references(f"{page}{message}", "", "work/group/sub/project") == expected
    assert find_references(f"Fixes {page}{message}", "", None) == []


@pytest.mark.parametrize("message", SILENT, ids=lambda message: message[:40])
def test_what_only_looks_like_a_mention_is_none(message):
    assert find_references(message, message, PROJECT) == []


@pytest.mark.parametrize(
    "subject",
    [
        "Merge pull request #7 from ada/fix-routes",
        "Merged in ada/fix-routes (pull request #7)",
        "Fix the routes (#7)",
        "Fix the routes (#7)  ",
    ],
)
def test_the_number_in_a_merge_or_squash_title_is_the_pull_request(subject):
    assert find_references(subject, "Fixes #3", PROJECT) == [Reference(7, pull=True), Reference(3, closes=True)]


def test_a_reverted_squash_title_mentions_the_pull_request_but_is_not_it():
    assert find_references('Revert "Fix the routes (#7)"', "", PROJECT) == [Reference(7)]
    assert find_references('Revert "Fix the routes (#7)" (#8)', "", PROJECT)[0] == Reference(8, pull=True)


def test_a_pull_request_in_the_title_stays_one_when_the_body_names_it_again():
    assert find_references("Fix the routes (#7)", "Closes #7", PROJECT) == [Reference(7, pull=True, closes=True)]


def test_without_a_remote_other_projects_are_told_by_being_written_out():
    assert find_references("#1, other/name#2", "https://host/any/name/issues/3") == [Reference(1)]


def test_a_subgroup_belongs_to_the_project():
    body = "https://gitlab.com/a/b/c/-/merge_requests/5 and https://gitlab.com/a/b/-/issues/6"
    assert find_references("", body, "gitlab.com/a/b/c") == [Reference(5, pull=True)]


def test_a_remote_may_have_another_name_for_the_host_than_the_page():
    body = "https://github.com/a/b/issues/6"
    for host in ("ssh.github.com", "github-at-work"):  # the latter only the settings of ssh know
        assert find_references("", body, f"{host}/a/b") == [Reference(6)]


@pytest.mark.parametrize("hostile", ["a/", "#", "fixes ", "http://a/", "-", "a.", "a/b", "https://a/b/issues/"])
def test_a_message_made_to_be_slow_is_read_in_no_time(hostile):
    start = time.perf_counter()
    find_references("", hostile * (50_000 // len(hostile)), PROJECT)
    assert time.perf_counter() - start < 2


MESSAGES = st.lists(
    st.text(max_size=20) | st.sampled_from(["#", "GH-", "fixes ", "https://h/a/b/pull/", "a/b#", "!", "7", "²", "٣"])
).map("".join)


@given(MESSAGES, MESSAGES)
def test_any_message_gives_each_number_once_and_in_range(subject, body):
    numbers = [reference.number for reference in find_references(subject, body, "h/a/b")]
    assert len(numbers) == len(set(numbers))
    assert all(0 < number < 2**31 for number in numbers)


@given(st.integers(1, 2**31 - 1), st.text("äz .,:;()[]\n", max_size=5), st.text(" .,:;()[]\n", max_size=5))
def test_a_number_is_found_whatever_stands_around_it(number, before, after):
    found = find_references("", f"{before} #{number}{after}", PROJECT)
    assert [reference.number for reference in found] == [number]
