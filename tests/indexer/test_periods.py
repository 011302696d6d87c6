"""Questions of history with a time or a change in them: what they ask for, and which commits answer."""

from datetime import date, timedelta

import pytest

from whence_indexer.dates import days_of
from whence_indexer.embedder import load_embedder
from whence_indexer.errors import PeriodError
from whence_indexer.indexing import update
from whence_indexer.periods import commits_within, complaint
from whence_indexer.query import parse_query
from whence_indexer.search import Searcher
from whence_indexer.store import Store
from whence_indexer.timing import Period
from whence_indexer.versions import newest_version


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("what changed in the session interface since 2.0?", Period(since="2.0")),
        ("which commits touched routing before v1.4-rc1?", Period(until="v1.4-rc1")),
        ("what was fixed in 2023?", Period(during="2023")),
        ("what was fixed during 2023-05", Period(during="2023-05")),
        ("changes after 2023-05-06 and before 2024", Period(since="2023-05-06", until="2024")),
        ("commits since version 3", Period(since="3")),
        ("commits since tokio-1.40.0", Period(since="tokio-1.40.0")),
        ("what changed since werkzeug-0.9?", Period(since="werkzeug-0.9")),
        ("changes since Flask 2.0", Period(since="Flask 2.0")),
        ("what changed in sessions last month", Period(during="last month")),
        ("what changed yesterday?", Period(during="yesterday")),
        ("what was fixed in March 2023?", Period(during="March 2023")),
        ("what changed in routing between 2.0 and 2.3?", Period(since="2.0", through="2.3")),
        ("changes from v1.0 to v2.0", Period(since="v1.0", through="v2.0")),
        ("what changed in the last 3 months?", Period(during="the last 3 months")),
        ("commits since two weeks ago", Period(since="two weeks ago")),
        ("what was added in 2.3?", Period(during="2.3")),
        ("why does it fail in 3.12?", None),
        ("how does it work today?", None),
        ("it may be kept before may it not", None),
        ("how does it retry since 3 clients may write?", None),
        ("since when is it in use?", None),
        ("why are there 2000 in 1 folder before 12?", None),
    ],
)
def test_a_time_in_a_question_is_understood(text, period):
    assert parse_query(text).period == period


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("which commit removed `escape`?", "removed"),
        ("when was send_file dropped?", "removed"),
        ("who introduced send_file?", "added"),
        ("when did we drop send_file?", "removed"),
        ("how are files removed?", None),
        ("who removes expired sessions?", None),
        ("why does it create a context?", None),
        ("why is it slow?", None),
        ("why was the JSON encoder removed?", "removed"),
        ("when was send_file deprecated?", "deprecated"),
    ],
)
def test_a_change_in_a_question_is_understood(text, change):
    assert parse_query(text).change == change


@pytest.fixture
def project(make_repository, monkeypatch):
    """Three years, two versions; `old_name` came in the first and went in the third."""
    made = make_repository()
    made.shas = []
    for year, content in (
        (2021, "def old_name():\n    return 1\n"),
        (2022, "def old_name():\n    return 2\n\n\nprint(old_name())\n"),
        (2023, "def new_name():\n    return 2\n"),
    ):
        date = f"{year}-06-01T12:00:00+00:00"
        monkeypatch.setenv("GIT_COMMITTER_DATE", date)
        made.write("names.py", content)
        made.shas.append(made.commit(f"Work of {year}", date=date))
        if year < 2023:
            made.git("tag", f"v{year - 2020}.0.0")
    return made


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        (Period(since="1.0"), [1, 2]),
        (Period(since="v1.0.0"), [1, 2]),
        (Period(until="2.0"), [0, 1]),
        (Period(since="1", until="2"), [1]),
        (Period(during="2022"), [1]),
        (Period(during="June 2022"), [1]),
        (Period(since="1 June 2022", through="2022"), [1]),
        (Period(since="v1.0.0", through="2.0"), [1]),
        (Period(during="2.0"), [1]),
        (Period(since="the last release"), [2]),
        (Period(during="2022", until="v1.0.0"), []),
        (Period(since="3 weeks ago"), []),
        (Period(during="2022-06"), [1]),
        (Period(since="2022-06-02"), [2]),
        (Period(until="2022"), [0]),
    ],
)
def test_a_period_selects_commits(project, period, expected):
    found = commits_within(project.open(), period)
    assert found == [project.shas[place] for place in reversed(expected)]


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("what changed since 9.9?", "there is no version 9.9 here; the newest is v2.0.0"),
        ("what changed since cart-9.9?", "there is no version cart-9.9 here; the newest is v2.0.0"),
        ("what changed in 2022-13?", "there is no day 2022-13"),
        ("what changed before 2020?", "no commit here is of that time: before 2020"),
        ("what changed since 1.0?", ""),
        ("what changed since Python 3.8 is needed?", ""),
        ("what changed?", ""),
    ],
)
def test_a_time_that_means_nothing_here_is_said(project, question, said):
    assert complaint(project.open(), parse_query(question).period) == said


def test_the_commit_that_removed_a_name_is_found_though_its_message_says_nothing(project):
    def commits(question):
        hits = searcher.search(question, 10)
        return [project.shas.index(hit.commit) for hit in hits if hit.commit], hits[0].kind

    update(project.open())
    store = Store(project.open().index_dir)
    searcher = Searcher(project.open(), store, load_embedder(store.state.model))
    found, kind = commits("which commit removed old_name?")
    assert (found[0], kind) == (2, "commit")
    assert commits("which commit added new_name?")[0][0] == 2
    assert commits("who introduced old_name?")[0][0] == 0
    assert commits("which commit removed nothing_like_it?")[0]
    assert commits("what work was done in 2022?")[0] == [1]
    assert set(commits("which commit removed old_name before 2.0?")[0]) == {0, 1}


def test_a_version_is_its_own_tag_and_never_one_of_several_others(project):
    def since(version):
        return {project.shas.index(sha) for sha in commits_within(project.open(), Period(since=version))}

    project.git("tag", "docs-2.0", project.shas[0])
    project.git("tag", "release-2.0", project.shas[1])
    assert since("2.0") == {2}
    project.git("tag", "api-3.1", project.shas[0])
    assert since("3.1") == {1, 2}
    project.git("tag", "docs-3.1", project.shas[1])
    with pytest.raises(PeriodError, match=r"3\.1 may be api-3\.1 or docs-3\.1 here"):
        since("3.1")
    assert since("docs-3.1") == since("docs 3.1") == {2}


def test_the_newest_version_is_a_release_of_the_project_and_not_of_its_parts(project):
    for number, name in enumerate(["project-1.10.0", "project-1.9.0", "project-2.0.0rc1", "project-util-7.0", "v1.1"]):
        project.git("tag", name, project.shas[number % 3])
    project.git("tag", "--annotate", "--message=Out", "project-1.11", project.shas[0])
    assert newest_version(project.open()).name == "project-1.11"
    assert newest_version(project.open()).sha == project.shas[0]
    assert newest_version(project.open(), "What is the latest version of project util?").name == "project-util-7.0"


@pytest.mark.parametrize("word", ["today", "yesterday", "last week", "this month", "3 days ago", "last 2 weeks"])
def test_days_of_words_are_near_and_in_order(project, word):
    first, after = days_of(project.open(), word)
    assert first < after <= date.today() + timedelta(days=31)
    assert first >= date.today() - timedelta(days=31)


@pytest.mark.parametrize(
    ("words", "days"),
    [
        ("March 2023", ("2023-03-01", "2023-04-01")),
        ("5 March 2023", ("2023-03-05", "2023-03-06")),
        ("March 5, 2023", ("2023-03-05", "2023-03-06")),
        ("5th of March 2023", ("2023-03-05", "2023-03-06")),
        ("december 2022", ("2022-12-01", "2023-01-01")),
        ("2024-02", ("2024-02-01", "2024-03-01")),
    ],
)
def test_days_of_a_calendar(project, words, days):
    assert tuple(day.isoformat() for day in days_of(project.open(), words)) == days
