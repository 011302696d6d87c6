"""What changed since a version, why something is gone, which version is the newest: questions about a whole history."""

import pytest
from tests.conftest import GitRepository

from whence_indexer.embedder import load_embedder
from whence_indexer.indexing import update
from whence_indexer.query import parse_query
from whence_indexer.search import Searcher
from whence_indexer.store import Store
from whence_server.answering import answer
from whence_server.types import Question

SESSION = '''class SessionInterface:
    """Open and save the session of a request."""

    def open_session(self, request):
        return request.{source}
'''
ENCODER = "class JSONEncoder:\n    def default(self, value):\n        return str(value)\n"
GONE = "It was replaced by the provider, because a class cannot be configured."


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """Four years of a web framework, a version each; the last one has no tag."""
    project = GitRepository(tmp_path_factory.mktemp("framework"))
    project.git("init", "--quiet", "--initial-branch=main")
    project.git("config", "user.name", "Ada Author")
    project.git("config", "user.email", "ada@example.com")
    with pytest.MonkeyPatch.context() as patch:

        def commit(year, message, tag=None, author="Ada <ada@example.com>"):
            patch.setenv("GIT_COMMITTER_DATE", f"{year}-06-01T12:00:00+00:00")
            sha = project.commit(message, author, f"{year}-06-01T12:00:00+00:00")
            if tag:
                project.git("tag", tag)
            return sha

        project.write("web/sessions.py", SESSION.format(source="cookies"))
        project.write("web/encoding.py", ENCODER)
        project.write("web/blueprints.py", "def register(blueprint):\n    return blueprint\n")
        project.write("web/__main__.py", "from web import main\n\nmain()\n")
        project.first = commit(2020, "Begin", "1.0.0")
        project.write("web/sessions.py", SESSION.format(source="signed_cookies"))
        project.signing = commit(2021, "Read only what we signed", "2.0.0", "Bob <bob@example.com>")
        project.write(
            "web/blueprints.py", "def register(blueprint):\n    blueprint.seen = True\n    return blueprint\n"
        )
        commit(2021, "Remember the blueprint", author="Bob <bob@example.com>")
        project.remove("web/encoding.py")
        project.removal = commit(2022, f"Clean up\n\n{GONE}", "2.1.0")
        project.write("setup.cfg", "[metadata]\npython_requires = 3.8\n")
        project.drop = commit(2022, "Drop support for Python 3.7", "2.2.0")
        project.write("web/sessions.py", SESSION.format(source="sealed_cookies"))
        project.sealing = commit(2023, "Seal the cookies")
    update(project.open())
    return project


def searcher_of(project):
    repository = project.open()
    store = Store(repository.index_dir)
    return Searcher(repository, store, load_embedder(store.state.model))


def ask(project, text):
    return answer(Question(parse_query(text)), searcher_of(project), project.open())


@pytest.mark.parametrize(
    ("question", "commits"),
    [
        ("What changed in the session interface since 1.0?", ["sealing", "signing"]),
        ("What changed in the session interface since 2.0.0?", ["sealing"]),
        ("What changed in web/sessions.py between 1.0 and 2.2?", ["signing"]),
        ("Which commits touched SessionInterface before 2.0?", ["signing", "first"]),
        ("what changed in the session interface in June 2023?", ["sealing"]),
        ("what changed in version 2.2.0?", ["drop"]),
        ("what changed in the last release?", ["drop"]),
    ],
)
def test_what_changed_lists_the_commits_of_that_time_that_touched_it_newest_first(history, question, commits):
    answered = ask(history, question)
    assert [citation.commit for citation in answered.citations] == [getattr(history, name) for name in commits]
    count = "1 commit" if len(commits) == 1 else f"{len(commits)} commits"
    assert answered.text.startswith(f"{count} ")
    assert not answered.abstained


def test_who_worked_on_something_in_a_year_is_counted_by_commits(history):
    assert ask(history, "Who worked on web/sessions.py in 2021?").text.startswith("By commits: Bob (1).")


def test_that_nothing_changed_is_an_answer(history):
    answered = ask(history, "What changed in web/blueprints.py since 2.2.0?")
    assert answered.text.startswith("No commit since 2.2.0 touched `web/blueprints.py`.")
    assert not answered.abstained
    assert ask(history, "what changed yesterday?").text.startswith("There is no commit of yesterday here")


def test_a_version_that_is_none_is_said_and_not_passed_over(history):
    answered = ask(history, "What changed in the session interface since 99.0?")
    assert answered.text.startswith("There is no version 99.0 here; the newest is 2.2.0.")
    assert (answered.abstained, answered.confidence) == (True, 0.0)


def test_search_in_a_period_finds_files_that_changed_in_it_and_the_commits_that_did_that(history):
    hits = searcher_of(history).search("session interface since 2.2.0")
    assert {hit.path for hit in hits if hit.path} == {"web/sessions.py"}
    assert [hit.commit for hit in hits if hit.commit] == [history.sealing]


def test_why_something_was_removed_is_asked_of_the_commit_that_took_it_away(history):
    answered = ask(history, "Why was the JSON encoder removed?")
    said = f"`JSONEncoder` was removed on 2022-06-01; the first version without it is 2.1.0. The reason given: “{GONE}”"
    assert answered.text.startswith(said)
    assert answered.citations[0].commit == history.removal


def test_why_something_was_removed_that_is_still_there_is_not_answered(history):
    answered = ask(history, "Why was the session interface removed?")
    assert answered.text.startswith("No commit here says that it was removed.")
    assert answered.abstained


@pytest.mark.parametrize("question", ["When was encoding.py removed?", "Which commit removed the encoding module?"])
def test_a_file_was_removed_by_the_commit_that_deleted_it(history, question):
    answered = ask(history, question)
    assert answered.citations[0].commit == history.removal
    assert "was removed " in answered.text.partition("\n")[0]


@pytest.mark.parametrize("question", ["Which version dropped Python 3.7?", "When did we drop Python 3.7 support?"])
def test_what_only_a_message_tells_has_a_date_and_a_version(history, question):
    said = "On 2022-06-01: Drop support for Python 3.7; the first version with this change is 2.2.0. [1]"
    assert ask(history, question).text.startswith(said)


@pytest.mark.parametrize("question", ["When was the last release?", "What is the latest version?"])
def test_the_newest_version_is_a_tag_with_its_day(history, question):
    answered = ask(history, question)
    assert answered.text.startswith("The newest version is `2.2.0`, tagged on 2022-06-01. [1]")
    assert answered.citations[0].commit == history.drop


def test_the_author_of_a_module_is_that_of_the_file_of_its_name(history):
    answered = ask(history, "Who is the main author of the blueprints module?")
    assert answered.text.startswith("Lines of web/blueprints.py, by author: Ada 67%, Bob 33%.")


@pytest.mark.parametrize("question", ["who is the main author of this project?", "Who wrote framework?"])
def test_the_author_of_the_project_is_who_made_most_commits(history, question):
    answered = ask(history, question)
    assert answered.text.startswith("Of 6 commits, merges left out, by author: Ada 67%, Bob 33%. [1]")
    assert answered.citations[0].commit == history.sealing
    assert not answered.abstained


def test_a_file_that_search_only_guessed_is_not_told_as_the_one_that_was_meant(history):
    answered = ask(history, "Who understands the opening of cookies?")
    assert answered.text.startswith("Nothing here is called that; web/sessions.py is what search finds first. Lines of")
    assert answered.abstained


def test_a_comment_that_names_a_class_does_not_define_it(make_repository):
    project = make_repository()
    project.write("cart.py", "class Cart:\n    pass\n")
    project.commit("Begin", date="2023-01-01T00:00:00Z")
    project.write("use.py", "# The class without the Cart suffix.\nkind: Cart = None\n")
    project.commit("Use it", date="2022-01-01T00:00:00Z")
    update(project.open())
    assert ask(project, "When was Cart added?").text.startswith("`Cart` was added on 2023-01-01;")
