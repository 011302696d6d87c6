"""A conversation goes on: "who did that?" is about what the last answer showed, and about nothing else."""

import json

import pytest

from whence_indexer import lineage
from whence_indexer.embedder import load_embedder
from whence_indexer.search import Searcher
from whence_indexer.store import Store
from whence_indexer.types import Span
from whence_indexer.workspace import Workspace
from whence_server.answering import answer
from whence_server.citations import verify
from whence_server.conversations import follow, question_of

PAY = '''class Till:
    """Where the money goes."""

    def charge_card(self, card, amount):
        """Take the amount from the card."""
        card.debit(amount)

    def refund(self, card, amount):
        """Give the amount back."""
        card.credit(amount)


def receipt(amount):
    return f"paid {amount}"


def tip(amount):
    return amount / 10
'''
TEST = """from pay import Till


def test_cards_are_charged():
    till = Till()
    till.charge_card(card, 5)
    assert card.debt == 5


def test_money_is_given_back():
    assert Till().refund(card, 5) is None
"""
GRACE = "Grace <grace@example.com>"


@pytest.fixture
def shop(make_repository):
    lineage.forget()
    project = make_repository("shop")
    project.write("pay.py", PAY)
    project.write("README.md", "# Shop\n\nSells bicycles and tea.\n")
    project.commit("Sell things")
    project.git("tag", "v1.0")
    project.write("pay.py", PAY.replace("card.debit(amount)", "card.debit(amount, once=True)"))
    project.write("tests/test_pay.py", TEST)
    about = "Charge cards once\n\nCustomers paid twice because the bank repeated its answers. See #4."
    project.fix = project.commit(about, author=GRACE, date="2024-07-01T08:00:00+02:00")
    project.git("tag", "v1.1")
    project.write("README.md", "# Shop\n\nSells bicycles, tea and zebras.\n")
    project.commit("Sell zebras", date="2024-08-01T08:00:00+02:00")
    issue = {"number": 4, "kind": "issue", "title": "Statements show two debits", "author": "bob"} | {
        "created": "2024-06-01T00:00:00Z", "body": "My statement shows every bicycle two times."}  # fmt: skip
    (project.path.parent / "issues.jsonl").write_text(json.dumps(issue) + "\n")
    Workspace(project.open()).update()
    Workspace(project.open()).import_threads(str(project.path.parent / "issues.jsonl"))
    return project


@pytest.fixture
def talk(shop):
    """Ask questions in turn; the answers, all of whose citations hold."""
    repository = shop.open()
    store = Store(repository.index_dir)
    searcher = Searcher(repository, store, load_embedder(store.state.model))

    def ask(*questions, at=None):
        turn, answers = None, []
        for text in questions:
            question = question_of(text, at, turn)
            answers.append(answer(question, searcher, repository, turn.evidence if turn else ()))
            turn = follow(text, question.query, answers[-1], turn)
        assert all(verify(citation, repository, searcher) for each in answers for citation in each.citations)
        return answers

    return ask


def test_who_when_and_where_a_change_is_tested_is_told_of_the_commit_that_was_shown(talk, shop):
    first, who, when, version, why, tested = talk(
        "Why are cards charged once?", "Who did that?", "When was that?", "And in which version?", "Why?",
        "Is there a test for it?",
    )  # fmt: skip
    assert first.citations[0].commit == shop.fix
    said = "By Grace, on 2024-07-01: Charge cards once; the first version with this change is v1.1. [1]"
    assert who.text.startswith(said)
    assert when.text.startswith("On 2024-07-01, by Grace: Charge cards once")
    assert "v1.1" in version.text
    assert why.text.startswith("Customers paid twice because the bank repeated its answers. [1]")
    assert tested.citations[0].path == "tests/test_pay.py"
    assert not any(each.abstained for each in (who, when, version, why, tested))


def test_a_commit_that_is_named_by_its_id_is_told_of_whatever_was_shown_before(talk, shop):
    short = shop.fix[:10]
    _, done, who, why, where, unknown = talk(
        "Where are zebras sold?", f"What did commit {short} do?", f"Who made {short}?", f"Why was {short} made?",
        f"What did {short} change in charge_card?", "What did commit 1234567 do?",
    )  # fmt: skip
    assert done.text.startswith(
        "On 2024-07-01, by Grace: Charge cards once; the first version with this change is v1.1"
    )
    assert who.text.startswith("By Grace, on 2024-07-01")
    assert why.text.startswith("Customers paid twice because the bank repeated its answers. [1]")
    assert (where.citations[0].commit, where.abstained) == (shop.fix, False)
    assert (unknown.text, unknown.abstained) == ("I don't know: there is no commit `1234567` here.", True)


def test_a_definition_is_followed_to_its_tests_its_author_and_its_last_change(talk, shop):
    shown, tested, who, why, when = talk(
        "What does charge_card do?", "Where is that tested?", "Who wrote it?", "Why was it changed?",
        "When was it last changed?",
    )  # fmt: skip
    assert shown.text.startswith("`Till.charge_card`: Take the amount from the card [1]")
    assert (shown.citations[0].path, shown.citations[0].start_line) == ("pay.py", 4)
    assert tested.text.startswith("These tests name `Till.charge_card`. [1]")
    assert "till.charge_card(card, 5)" in tested.citations[0].quote
    assert who.text.startswith("Of `pay.py:4-6` most lines are by Ada Author (67%)")
    assert why.text.startswith("Customers paid twice")
    assert when.text.startswith("Last changed on 2024-07-01, by Grace") or "On 2024-07-01, by Grace" in when.text


def test_code_that_no_test_names_is_said_to_be_so(talk):
    _, tested = talk("What does the function `receipt` do?", "Is it tested?")
    assert tested.text.startswith("No test that names `receipt` was found; these are for its file. [1]")
    assert {each.path for each in tested.citations} == {"tests/test_pay.py"}


def test_an_issue_is_told_with_its_author_and_date(talk):
    shown, who, tested = talk("What does issue #4 say?", "Who wrote that?", "Where is that tested?")
    assert (shown.citations[0].kind, shown.citations[0].thread) == ("issue", 4)
    assert who.text.startswith("Opened on 2024-06-01 by bob: Statements show two debits. [1]")
    assert tested.abstained


def test_where_nothing_was_clear_nothing_is_made_up(talk):
    unsure, who, when, used = talk(
        "How does the kubernetes scheduler evict pods?", "Who did that?", "When was that?", "Where is it used?"
    )
    assert unsure.abstained
    for each in (who, when, used):
        assert each.abstained
        assert each.text.startswith("I don't know what is meant")
        assert not each.citations


def test_what_is_under_the_cursor_is_explained_and_its_authors_are_an_answer(talk):
    (what,) = talk("What is this?", at=Span("pay.py", 4, 6))
    assert what.text.startswith("`Till.charge_card`: Take the amount from the card [1]")
    (who,) = talk("Who wrote this?", at=Span("pay.py", 4, 6))
    assert who.text.startswith("Of `pay.py:4-6` most lines are by Ada Author (67%) [1]. Last changed by Grace")
    assert "No reason was recorded" not in who.text
    assert not what.abstained
    assert not who.abstained
    assert min(what.confidence, who.confidence) > 0.5
