"""Questions of why, when and who, asked without a place: the code that they are about leads to its history."""

import re

import pytest

from whence_indexer.embedder import load_embedder
from whence_indexer.errors import SourceError
from whence_indexer.indexing import update
from whence_indexer.query import parse_query
from whence_indexer.search import Searcher
from whence_indexer.store import Store
from whence_indexer.types import Hit
from whence_server import extractive
from whence_server.answering import answer, answer_from_search
from whence_server.authorship import authorship_of
from whence_server.passages import Passage
from whence_server.types import Question
from whence_server.why import explain_definition

SIGN = '''def sign_cookie(session, key):
    """Sign the session cookie with the secret key."""
    return {digest}(key, session)
'''
OTHER = "def area(width, height):\n    return width * height\n"
REASON = "A plain digest can be extended by an attacker, so that sessions were forged."


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    from tests.conftest import GitRepository

    project = GitRepository(tmp_path_factory.mktemp("shop"))
    project.git("init", "--quiet", "--initial-branch=main")
    project.git("config", "user.name", "Ada Author")
    project.git("config", "user.email", "ada@example.com")
    project.write("web/cookies.py", SIGN.format(digest="md5"))
    project.write("web/shape.py", OTHER)
    project.write("web/legacy.py", "class PlainEncoder:\n    def encode(self, value):\n        return str(value)\n")
    project.commit("Keep the session in a cookie")
    project.git("tag", "1.0")
    project.write("web/cookies.py", SIGN.format(digest="compute_hmac"))
    project.fix = project.commit(f"Harden\n\n{REASON}", author="Grace <grace@example.com>", date="2024-07-01T00:00:00Z")
    project.remove("web/legacy.py")
    project.removal = project.commit("Clean up", author="Bob <bob@example.com>", date="2025-02-03T00:00:00Z")
    project.git("tag", "2.0")
    for number in range(3):
        project.write(f"docs/{number}.md", f"# Session {number}\n\nThe session cookie is kept for {number} days.\n")
        project.commit(f"Describe the session cookie, part {number}")
    update(project.open())
    return project


def ask(project, text, way=answer):
    repository = project.open()
    store = Store(repository.index_dir)
    return way(Question(parse_query(text)), Searcher(repository, store, load_embedder(store.state.model)), repository)


def test_the_code_leads_to_a_reason_that_shares_no_word_with_the_question(shop):
    question = "Why does `sign_cookie` use `compute_hmac`?"
    answered = ask(shop, question)
    assert answered.text.startswith(f"{REASON} [1]")
    assert (answered.citations[0].commit, answered.citations[0].quote) == (shop.fix, REASON)
    assert not answered.abstained
    assert any(citation.path == "web/cookies.py" for citation in answered.citations)
    assert not ask(shop, question, answer_from_search).text.startswith(REASON)


def test_a_reason_for_something_else_does_not_lead(shop):
    assert not ask(shop, "Why is the area of a shape a product?").text.startswith(REASON)
    assert ask(shop, "Why does the kubernetes scheduler evict pods?").abstained


@pytest.mark.parametrize("question", ["When was PlainEncoder removed?", "In which version was PlainEncoder removed?"])
def test_when_gives_the_date_and_the_first_version_and_cites_the_commit(shop, question):
    answered = ask(shop, question)
    said = "`PlainEncoder` was removed on 2025-02-03; the first version without it is 2.0. [1]"
    assert answered.text.startswith(said)
    assert (answered.citations[0].commit, answered.abstained) == (shop.removal, False)


def test_since_which_version_asks_when_it_was_added(shop):
    answered = ask(shop, "Since which version is there a sign_cookie?")
    assert answered.text.startswith("`sign_cookie` was added on 2024-05-06; the first version with it is 1.0. [1]")


@pytest.mark.parametrize("question", ["Who removed PlainEncoder?", "Which commit removed the PlainEncoder class?"])
def test_who_and_which_commit_name_the_author_of_a_removal_whatever_its_message(shop, question):
    answered = ask(shop, question)
    assert answered.text.startswith("`PlainEncoder` was removed by Bob on 2025-02-03;")
    assert answered.citations[0].commit == shop.removal


def indexed(project):
    update(project.open())
    return project


def test_a_definition_was_removed_by_the_commit_that_took_it_whatever_else_spoke_of_it(make_repository):
    project = make_repository()
    project.write("rows.py", "def parse_row(row):\n    return row\n")
    project.write("use.py", "parse_row(1)\n" * 12)
    project.write("CHANGES.md", "# Changes\n")
    project.commit("Begin")
    project.write("use.py", "")
    project.commit("Read rows elsewhere", date="2024-06-01T00:00:00Z")
    project.remove("rows.py")
    project.write("CHANGES.md", "# Changes\n\nThe function parse_row is gone.\n")
    removal = project.commit("Clean up", date="2024-07-01T00:00:00Z")
    project.write("CHANGES.md", "# Changes\n")
    project.commit("Empty the changelog", date="2024-08-01T00:00:00Z")
    answered = ask(indexed(project), "When was `parse_row` removed?")
    assert answered.text.startswith("`parse_row` was removed on 2024-07-01;")
    assert answered.citations[0].commit == removal


def test_a_name_that_another_file_defines_was_removed_from_its_file_only(make_repository):
    project = make_repository()
    project.write("old.py", "def parse_row(row):\n    return row\n")
    project.write("new.py", "def parse_row(row):\n    return row + 1\n")
    project.commit("Begin")
    project.remove("old.py")
    project.commit("Clean up", date="2024-07-01T00:00:00Z")
    project.git("tag", "2.0")
    project.write("tests/test_rows.py", "def test_rows():\n    class RowTable:\n        pass\n")
    project.write("table.py", "class RowTable:\n    pass\n")
    project.commit("Add a table", date="2024-08-01T00:00:00Z")
    project.remove("table.py")
    project.commit("Clean up more", date="2024-09-01T00:00:00Z")
    assert ask(indexed(project), "When was RowTable removed?").text.startswith("`RowTable` was removed from `table.py`")
    project.remove("tests/test_rows.py")
    project.commit("Test no tables", date="2024-10-01T00:00:00Z")
    assert ask(indexed(project), "When was RowTable removed?").text.startswith(
        "`RowTable` was removed from `table.py` on 2024-09-01"
    )
    said = "`parse_row` was removed from `old.py` on 2024-07-01; the first version that holds this commit is 2.0. [1]"
    assert ask(indexed(project), "When was `parse_row` removed?").text.startswith(said)


def test_a_name_was_removed_by_the_commit_that_left_none_of_it_and_not_when_it_was_deprecated(make_repository):
    project = make_repository()
    read, warn = 'mode = os.environ.get("SHOP_ENV")\n', "warn(\"'SHOP_ENV' is deprecated\")\n"

    def commit(message, month, tag):
        sha = project.commit(message, date=f"2024-0{month}-01T00:00:00Z")
        project.git("tag", tag)
        return sha

    project.write("shop.py", read)
    project.write("cli.py", '"""Run it.\n\nSHOP_ENV=test: no charges.\n"""\n' + read * 5)
    commit("Begin", 1, "1.0")
    project.write("cli.py", "")
    commit("Add options", 2, "2.0")
    project.write("shop.py", f"# SHOP_ENV is read here.\n{warn}{read}")
    commit("deprecate SHOP_ENV", 3, "2.1")
    project.write("shop.py", "# SHOP_ENV is read here.\n")
    project.write("tests/test_shop.py", 'assert "SHOP_ENV" not in shop.read()\n')
    removal = commit("Remove deprecated code", 4, "3.0")
    answered = ask(indexed(project), "Why was SHOP_ENV removed?")
    assert answered.text.startswith("`SHOP_ENV` was removed on 2024-04-01; the first version without it is 3.0.")
    assert answered.citations[0].commit == removal


def test_a_class_that_left_a_warning_behind_was_removed_with_that(make_repository):
    project = make_repository()
    project.write("rows.py", "class RowReader:\n    pass\n")
    project.commit("Begin")
    project.write("rows.py", 'if name == "RowReader":\n    warn("RowReader is deprecated")\n')
    project.commit("Read rows otherwise", date="2024-02-01T00:00:00Z")
    assert "was removed" not in ask(indexed(project), "When was RowReader removed?").text
    project.write("rows.py", "")
    project.commit("Clean up", date="2024-03-01T00:00:00Z")
    answered = ask(indexed(project), "When was RowReader removed?")
    assert answered.text.startswith("`RowReader` was removed on 2024-03-01;")


def test_the_first_version_without_a_name_is_one_that_lacks_it(make_repository):
    project = make_repository()
    project.write("rows.py", "def parse_row(row):\n    return row\n")
    project.commit("Begin")
    project.remove("rows.py")
    project.commit("Clean up", date="2024-02-01T00:00:00Z")
    project.git("checkout", "--quiet", "-b", "old")
    project.write("use.py", "parse_row(1)\n")
    project.commit("Use it again", date="2024-03-01T00:00:00Z")
    project.git("tag", "2.0")
    project.git("checkout", "--quiet", "main")
    project.write("other.py", "")
    project.commit("Release", date="2024-04-01T00:00:00Z")
    project.git("tag", "3.0")
    said = "`parse_row` was removed on 2024-02-01; the first version without it is 3.0. [1]"
    assert ask(indexed(project), "When was parse_row removed?").text.startswith(said)


def test_what_a_commit_did_is_no_reason(shop):
    assert not ask(shop, "Why describe the session cookie?").text.startswith("Describe the session cookie")


def test_what_is_still_defined_was_not_removed_where_a_use_of_it_was(make_repository):
    project = make_repository()
    project.write("rows.go", "package rows\n\nfunc (table *Table) ParseRow(row string) string {\n\treturn row\n}\n")
    added = project.commit("Begin", date="2024-01-01T00:00:00Z")
    project.write("main.go", "package main\n\nfunc main() {\n\ttable.ParseRow(text)\n\ttable.ParseRow(more)\n}\n")
    project.commit("Use it", date="2024-02-01T00:00:00Z")
    project.write("main.go", "package main\n")
    project.commit("Drop the example", date="2024-03-01T00:00:00Z")
    update(project.open())
    assert "was removed" not in ask(project, "When was ParseRow removed?").text
    answered = ask(project, "When was ParseRow added?")
    assert answered.text.startswith("`ParseRow` was added on 2024-01-01")
    assert answered.citations[0].commit == added


def test_of_a_name_that_never_was_nothing_is_claimed(shop):
    answered = ask(shop, "When was QuantumEncoder removed?")
    assert "was removed on" not in answered.text


def test_who_wrote_it_names_authors_with_their_share_and_a_commit_of_each(shop):
    answered = ask(shop, "Who wrote sign_cookie?")
    said = "Lines of sign_cookie, web/cookies.py:1-3, by author: Ada Author 67%, Grace 33%. Last changed by Grace on"
    assert answered.text.startswith(said)
    assert answered.citations[0].path == "web/cookies.py"
    assert shop.fix in [citation.commit for citation in answered.citations]
    assert "example.com" not in answered.text
    answered = ask(shop, "who maintains web/shape.py?")
    assert answered.text.startswith("Lines of web/shape.py, by author: Ada Author 100%.")
    assert answered.citations[0].kind == "commit"  # no lines of a file say whose all of it is


def test_who_says_that_a_clone_is_shallow(shop, tmp_path):
    shop.git("clone", "-q", "--depth=1", f"file://{shop.path}", tmp_path / "cut")
    clone = type(shop)(tmp_path / "cut")
    update(clone.open())
    assert "The clone is shallow" in ask(clone, "Who wrote sign_cookie?").text


def test_a_definition_is_explained_by_its_whole_history(shop):
    explained = explain_definition(shop.open(), "sign_cookie")
    assert explained.answer.text.startswith(REASON)
    assert [(change.subject, change.change) for change in explained.history] == [
        ("Keep the session in a cookie", "added"),
        ("Harden", "changed"),
    ]
    with pytest.raises(SourceError, match=r"nothing named area is defined in web/cookies\.py"):
        explain_definition(shop.open(), "area", "web/cookies.py")


def test_authorship_of_lines_is_of_those_lines(shop):
    found = authorship_of(shop.open(), "web/cookies.py", None, 3, 3)
    assert [(owner.author, found.share(owner)) for owner in found.owners if owner.lines] == [("Grace", 1.0)]
    assert found.last.author == "Grace"


def test_a_message_and_an_author_bring_neither_links_nor_receipts_into_an_answer(make_repository):
    project = make_repository()
    project.write("a.py", "class PlainEncoder:\n    pass\n")
    project.commit("Begin")
    project.write("a.py", "")
    project.commit(
        "`x` [Read this](http://evil.test) ![](http://evil.test/i.png) [9]\n",
        author="` [Bob](http://evil.test) <bob@example.com>",
    )
    update(project.open())
    for question in ("Which commit removed the PlainEncoder class?", "When was PlainEncoder removed?"):
        answered = ask(project, question)
        assert answered.text.startswith("`PlainEncoder` was removed")
        told = answered.text.partition("\n```")[0]
        links = re.compile(r"(?<!\\)\[(?!1\])")
        assert not links.search(told), told


def test_the_name_of_a_file_is_one_line_of_an_answer_and_marks_nothing():
    path = "a\n\n# Trust me [9](http://evil.test)\x1b[2J__init__.py"
    hit = Hit("code", 1.0, "x = 1", path, 1, 1, symbol="a`b")
    passage = Passage(hit, 1, "x = 1")
    place = extractive.render("", [passage], [extractive.cite(1, passage, None)]).split("\n")[0]
    assert place == "**a # Trust me \\[9\\](http://evil.test)�\\[2J__init\\_\\_.py:1** — `` a`b `` [1]"


def test_a_commit_without_a_message_ends_no_answer(make_repository):
    project = make_repository()
    project.write("rows.py", "def parse_row(row):\n    return row\n")
    project.commit("")
    project.remove("rows.py")
    project.write("p.py", "def keep(row):\n    return row\n")
    project.commit("")
    indexed(project)
    assert "was removed" not in ask(project, "When was parse_row removed?").text
    said = ask(project, "who wrote p.py?")
    assert said.text.startswith("Lines of p.py, by author: Ada Author 100%.")
    assert said.citations[0].path == "p.py"


def test_the_commit_that_says_what_is_asked_leads_and_not_another_that_tells_a_reason_for_something_else(
    make_repository,
):
    project = make_repository()
    project.write("rows.py", "def parse_row(row):\n    return row\n")
    project.commit("Begin")
    project.write("rows.py", "def parse_row(row):\n    return fast(row)\n")
    adding = project.commit("Add turbo as a parser (#12)")
    project.write("rows.py", "def parse_row(row):\n    return fast(row) or row\n")
    project.commit("Return empty rows\n\nThey were lost, because the test that was added did not run with turbo.")
    answered = ask(indexed(project), "Why was turbo added?")
    assert answered.text.startswith("The commit that did it gives no reason, but only says “Add turbo as a parser")
    assert answered.citations[0].commit == adding
