"""Questions of history with a time or a change in them: what they ask for, and which commits answer."""

import pytest

from whence_indexer.embedder import load_embedder
from whence_indexer.indexing import update
from whence_indexer.periods import commits_within
from whence_indexer.query import Period, parse_query
from whence_indexer.search import Searcher
from whence_indexer.store import Store


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("what changed in the session interface since 2.0?", Period(since="2.0")),
        ("which commits touched routing before v1.4-rc1?", Period(until="v1.4-rc1")),
        ("what was fixed in 2023?", Period(during="2023")),
        ("what was fixed during 2023-05", Period(during="2023-05")),
        ("changes after 2023-05-06 and before 2024", Period(since="2023-05-06", until="2024")),
        ("commits since version 3", Period(since="3")),
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
        (Period(during="2022-06"), [1]),
        (Period(since="2022-06-02"), [2]),
        (Period(until="2022"), [0]),
        (Period(since="9.9"), None),
        (Period(since="2022-13"), None),
    ],
)
def test_a_period_selects_commits(project, period, expected):
    found = commits_within(project.open(), period)
    assert found == (None if expected is None else {project.shas[place] for place in expected})


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
        found = commits_within(project.open(), Period(since=version))
        return found if found is None else {project.shas.index(sha) for sha in found}

    project.git("tag", "docs-2.0", project.shas[0])
    project.git("tag", "release-2.0", project.shas[1])
    assert since("2.0") == {2}
    project.git("tag", "api-3.1", project.shas[0])
    assert since("3.1") == {1, 2}
    project.git("tag", "docs-3.1", project.shas[1])
    assert since("3.1") is None
