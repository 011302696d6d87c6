"""Why lines are as they are, as a reader is told: reasons quoted from commits, or that nobody wrote one down."""

import pytest

from whence_indexer.embedder import load_embedder
from whence_indexer.errors import SourceError
from whence_indexer.indexing import update
from whence_indexer.query import parse_query
from whence_indexer.search import Searcher
from whence_indexer.store import Store
from whence_indexer.types import Citation, Span
from whence_server.answering import answer
from whence_server.citations import verify
from whence_server.receipts import in_history
from whence_server.types import Question
from whence_server.why import explain

PAY = "def charge(card, amount):\n    if card.charged:\n        return\n    card.debit(amount)\n"
REASON = "The bank repeats its answers, so that customers paid twice."


@pytest.fixture
def shop(make_repository):
    project = make_repository("shop")
    project.write("pay.py", "def charge(card, amount):\n    card.debit(amount)\n")
    project.commit("Add paying")
    project.write("pay.py", PAY)
    project.fix = project.commit(
        f"Charge cards once (#7)\n\n{REASON}\n\nFixes #5\nSigned-off-by: Ada Author", author="Grace <grace@example.com>"
    )
    return project


def why(project, first, last=None, path="pay.py", **options):
    return explain(project.open(), Span(path, first, last or first), seconds=60, **options)  # however slow the machine


def searcher_of(repository):
    store = Store(repository.index_dir)
    return Searcher(repository, store, load_embedder(store.state.model))


def test_the_reason_leads_and_is_quoted_from_the_commit(shop):
    explained = why(shop, 2)
    assert explained.answer.text.startswith(f"{REASON} [1]")
    first = explained.answer.citations[0]
    assert (first.commit, first.kind, first.quote, first.thread) == (shop.fix, "commit", REASON, 5)
    change = explained.history[0]
    assert (change.commit, change.author, change.threads) == (shop.fix, "Grace", (7, 5))
    assert not explained.answer.abstained
    assert "Signed-off-by" not in explained.answer.text


def test_the_commit_of_a_line_leads_and_an_earlier_one_is_told_as_earlier(shop):
    shop.write("pay.py", PAY.replace("card.charged", "card.charged()"))
    shop.commit("Ask the card\n\nThe ledger has the date.", author="Linus <linus@example.com>")
    assert why(shop, 2).answer.text.startswith("The ledger has the date. [1]")
    shop.write("pay.py", PAY.replace("card.charged", "card.is_charged()"))
    last = shop.commit("Rename charged")
    explained = why(shop, 2)
    assert explained.history[0].commit == last
    assert explained.answer.text.startswith(f"An earlier form of it, of {explained.history[2].date[:10]}: {REASON} [1]")
    assert "earlier form of line 2, Grace" in explained.answer.text


def test_every_citation_is_in_the_history_though_there_is_no_index(shop):
    repository = shop.open()
    for citation in why(shop, 1, 4).answer.citations:
        assert in_history(citation, repository)
        assert f"[{citation.id}]" in why(shop, 1, 4).answer.text
    assert not repository.index_dir.exists()


@pytest.mark.parametrize(
    "message", ["update", "wip", "Fix typo", "Rename charge to debit", "* wip\n* more\n", "Fixes #3"]
)
def test_where_no_reason_was_recorded_that_is_the_answer(shop, message):
    shop.write("pay.py", PAY.replace("amount", "sum"))
    shop.commit(message)
    explained = why(shop, 4)
    assert explained.answer.text.startswith("No reason was recorded")
    assert not explained.answer.abstained  # that there is none is as sure as blame
    assert explained.answer.confidence == (0.7 if "#3" in message else 0.9)
    assert not explained.recorded


def test_of_the_threads_that_may_tell_a_reason_five_are_named(shop):
    shop.write("pay.py", PAY.replace("amount", "sum"))
    shop.commit(f"Rename {' '.join(f'#{number}' for number in range(11, 29))}")
    assert "It may be told in #11, #12, #13, #14, #15 and 13 more." in why(shop, 4).answer.text


def test_a_commit_without_a_message_gives_none(shop):
    shop.write("pay.py", PAY.replace("amount", "sum"))
    shop.commit("")
    explained = why(shop, 4)
    assert explained.answer.text.startswith("No reason was recorded: the commit has no message.")
    assert explained.history[0].subject == ""


def test_uncommitted_lines_say_so(shop):
    shop.write("pay.py", PAY.replace("        return\n", "        return None\n"))
    alone = why(shop, 3)
    assert alone.answer.text == "Not committed yet: line 3. No reason is recorded."
    assert (alone.history, alone.answer.citations, alone.uncommitted) == ((), (), ((3, 3),))
    among = why(shop, 2, 3)
    assert among.answer.text.startswith(f"Not committed yet: line 3. {REASON} [1]")


def test_a_sweep_is_seen_through_and_named(shop):
    shop.write("pay.py", PAY.replace("(card, amount)", "(\n    card,\n    amount,\n)"))
    sweep = shop.commit("Reformat with black")
    explained = why(shop, 2)
    assert explained.history[0].subject == "Add paying"
    assert explained.seen_through == ((sweep, "format"),)
    assert f"Seen through, as only the form was changed: {sweep[:10]} (format)." in explained.answer.text


def test_text_of_a_commit_brings_no_link_and_no_receipt_of_its_own(shop):
    shop.write("pay.py", PAY.replace("amount", "sum"))
    shop.commit("Rename\n\nIt was wrong because of [this](https://example.org) and [3].\n```\n")
    text = why(shop, 4).answer.text
    assert r"\[this\](https://example.org) and \[3\]" in text.split("\n")[0]


def test_a_question_of_why_at_a_line_goes_through_its_history(shop):
    repository = shop.open()
    update(repository)
    searcher = searcher_of(repository)
    at = Span("pay.py", 2, 2)
    assert answer(Question(parse_query("why is this here?"), at), searcher, repository).text.startswith(REASON)
    whose = answer(Question(parse_query("who wrote this?"), at), searcher, repository).text
    assert whose.startswith("`pay.py:2` is by Grace [1]. Last changed by Grace, on 2024-05-06.")
    shop.write("new.py", "def charge_again(card):\n    charge(card)\n")
    update(repository)
    untracked = answer(Question(parse_query("why charge again?"), Span("new.py", 1, 1)), searcher, repository)
    assert untracked.citations


def test_a_commit_that_the_index_lacks_is_verified_in_git(shop):
    repository = shop.open()
    update(repository, history=False)
    searcher = searcher_of(repository)
    assert verify(Citation(1, "commit", REASON, commit=shop.fix), repository, searcher)
    assert not verify(Citation(1, "commit", REASON + "!", commit=shop.fix), repository, searcher)
    for wrong in ("HEAD", "main", "--help", shop.fix[:10], "f" * 40):
        assert not in_history(Citation(1, "commit", REASON, commit=wrong), repository)


def test_lines_are_those_on_screen_while_a_file_is_unsaved(shop):
    screen = "# A new first line.\n" + PAY.replace("return", "return None")
    explained = why(shop, 3, contents=screen)
    assert explained.answer.text.startswith(f"{REASON} [1]")
    assert explained.history[0].lines == ((3, 3),)
    assert why(shop, 4, contents=screen).uncommitted == ((4, 4),)
    assert why(shop, 2, contents=PAY).answer.text.startswith(REASON)  # the buffer is as it was committed
    with pytest.raises(SourceError, match="there is no line 9"):
        why(shop, 9, contents=screen)
    (shop.path / "pay.py").unlink()  # open in the editor still
    assert why(shop, 3, contents=screen).history[0].commit == shop.fix


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unsaved_text_is_compared_in_the_encoding_of_its_file(make_repository, encoding):
    project = make_repository("shop")
    project.write("a.py", "price = '5 €'\nsum = 1\n".encode(encoding))
    first = project.commit("Add a price")
    screen = "price = '5 €'\nsum = 2\n"
    explained = why(project, 1, 2, path="a.py", contents=screen)
    if encoding != "utf-16":  # which git takes for binary
        assert [(change.commit, change.lines) for change in explained.history] == [(first, ((1, 1),))]
    assert (2, 2) in explained.uncommitted or explained.uncommitted == ((1, 2),)


def test_what_may_be_shown_is_heeded_at_once(shop):
    key = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
    shop.write("pay.py", PAY.replace("debit", "charge"))
    shop.commit(f"Charge\n\nThe bank wants it, because {key} was shown.")
    assert key not in why(shop, 4).answer.text
    shop.write(".whenceallow", f"value:{key}\n")
    assert f"because {key} was shown" in why(shop, 4).answer.text


def test_what_cannot_be_verified_is_left_out_and_counted(shop, monkeypatch):
    monkeypatch.setattr("whence_server.why.in_history", lambda citation, repository: False)
    answer = why(shop, 2).answer
    assert answer.text.startswith("No reason was recorded: what was found could not be verified.")
    assert "1 quotation is left out, as not found again at the source." in answer.text
    assert (answer.citations, answer.abstained) == ((), True)
