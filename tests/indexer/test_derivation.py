"""Merge commits and changelogs -> the threads that they name, where no tracker is asked."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whence_indexer.derivation import derive_threads
from whence_indexer.history import read_commits
from whence_indexer.types import Commit


def commit(subject, body="", sha="a" * 40, date="2024-05-06T07:08:09+02:00"):
    return Commit(sha, (), "Ada", date, subject, body)


MESSAGES = [
    ("Merge pull request #12 from ada/brakes", "Add brakes\n\nThey squeak.", (12, "Add brakes", "They squeak.")),
    ("Merge pull request #12 from ada/brakes", "", (12, "Merge pull request #12 from ada/brakes", "")),
    ("Add brakes (#12)", "* Add pads\n\n* Add levers", (12, "Add brakes", "* Add pads\n\n* Add levers")),
    ("Merged in brakes (pull request #12)", "Add brakes\n\nThey squeak.", (12, "Add brakes", "They squeak.")),
    ("Merge branch 'brakes' into 'main'", "Add brakes\n\nThey squeak.\n\nSee merge request ada/engine!12",
     (12, "Add brakes", "They squeak.")),
    ('Revert "Add brakes (#12)" (#15)', "", (15, 'Revert "Add brakes (#12)"', "")),
    ("Fix #12", "", None),
    ('Revert "Add brakes (#12)"', "", None),
    ("Add brakes (#99999999999)", "", None),
    ("(#12)", "", None),
    ("", "", None),
]  # fmt: skip


@pytest.mark.parametrize(("subject", "body", "expected"), MESSAGES)
def test_a_merge_or_squash_commit_names_its_pull_request(subject, body, expected):
    threads = derive_threads([commit(subject, body)], {})
    assert [(thread.number, thread.title, thread.body) for thread in threads] == ([expected] if expected else [])
    for thread in threads:
        assert (thread.kind, thread.state, thread.merge_commit) == ("pull", "merged", "a" * 40)
        assert (thread.closed, thread.derived) == ("2024-05-06T05:08:09Z", True)


def test_a_backport_does_not_take_the_place_of_the_pull_request():
    commits = [
        commit("Add brakes (2.x) (#12)", sha="b" * 40, date="2024-07-01T00:00:00Z"),
        commit("Add brakes (#12)", date="2024-05-01T00:00:00Z"),
    ]
    for order in (commits, commits[::-1]):
        (thread,) = derive_threads(order, {})
        assert (thread.title, thread.merge_commit) == ("Add brakes", "a" * 40)


PROJECT = "github.com/ada/engine"
CHANGES = """\
Version 2.0 (#1)
----------------

-   The wheels have brakes, which are
    described in :doc:`brakes`. :issue:`7, 8` :pr:`12`
-   No number.

-   Other project: other/engine#3. Ours: `#9 <https://github.com/ada/engine/pull/9>`__

## [1.0](https://github.com/ada/engine/releases/1.0) #4

1. Fixed the [horn](https://example.com) ([#10](https://github.com/ada/engine/issues/10))
"""


def test_a_changelog_explains_numbers_and_says_where():
    threads = {
        thread.number: thread for thread in derive_threads([commit("Add brakes (#12)")], {"C": CHANGES}, PROJECT)
    }
    assert {number: thread.kind for number, thread in threads.items()} == {
        7: "issue", 8: "issue", 9: "pull", 10: "issue", 12: "pull",
    }  # fmt: skip
    assert threads[7].title == "The wheels have brakes, which are described in :doc:`brakes`."
    assert threads[10].title.startswith("Fixed the horn")
    assert (threads[12].title, threads[12].merge_commit) == ("Add brakes", "a" * 40)
    for number, line in {7: 4, 8: 4, 12: 4, 9: 8, 10: 12}.items():
        (entry,) = threads[number].comments
        assert (entry.kind, entry.path, entry.line) == ("changelog", "C", line)
        assert entry.body
    assert all(thread.derived for thread in threads.values())


def test_the_history_of_a_real_repository(make_repository):
    project = make_repository()
    project.commit("Begin")
    project.git("checkout", "-q", "-b", "brakes")
    project.commit("Add pads")
    project.git("checkout", "-q", "main")
    project.git("merge", "-q", "--no-ff", "-m", "Merge pull request #3 from ada/brakes\n\nAdd brakes", "brakes")
    (thread,) = derive_threads(read_commits(project.open(), "HEAD"), {})
    assert (thread.number, thread.title, thread.merge_commit) == (3, "Add brakes", project.git("rev-parse", "HEAD"))


TEXTS = st.lists(
    st.text(max_size=8)
    | st.sampled_from(["- ", "\n", "#7", ":issue:`7, 8`", "(#9)", "[x](y)", "`a <b>`__", "===", "!5"])
).map("".join)


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=4), TEXTS)
def test_any_text_gives_each_number_once_with_a_title(messages, changelog):
    threads = derive_threads([commit(subject, body) for subject, body in messages], {"C": changelog})
    numbers = [thread.number for thread in threads]
    assert numbers == sorted(set(numbers))
    assert all(thread.title and thread.derived for thread in threads)
    lines = changelog.count("\n") + changelog.count("\r") + 1
    assert all(1 <= entry.line <= lines for thread in threads for entry in thread.comments)


@pytest.mark.parametrize("hostile", ["Add" + " " * 40_000 + "brakes", "Add" + " " * 40_000 + "brakes (#1)"])
def test_a_subject_made_to_be_slow_is_read_in_no_time(hostile):
    start = time.perf_counter()
    derive_threads([commit(hostile)], {})
    assert time.perf_counter() - start < 2


def test_a_changelog_made_to_be_slow_is_read_in_no_time():
    start = time.perf_counter()
    (thread,) = derive_threads([], {"C": "- See #1 `" + " " * 40_000 + "x"})
    assert time.perf_counter() - start < 2
    assert thread.title == "See #1 ` x"


@pytest.mark.parametrize(
    "date", ["", "2024-05-06T07:08:09+99:99", "10000-01-01T00:00:00+00:00", "9999-12-31T23:00:00-12:00"]
)
def test_a_date_that_is_none_takes_no_pull_request_away(date):
    (thread,) = derive_threads([commit("Add brakes (#12)", date=date)], {})
    assert (thread.number, thread.closed) == (12, "")
