"""What an editor offers on a selection, above definitions and in comments, over a real repository."""

import pytest
from markdown_it import MarkdownIt

from whence_indexer import lineage
from whence_indexer.embedder import load_embedder
from whence_indexer.errors import QueryError, SourceError
from whence_indexer.indexing import update
from whence_indexer.search import Searcher
from whence_indexer.store import Store
from whence_indexer.touches import count_commits
from whence_indexer.types import Span
from whence_server import actions
from whence_server.citations import verify
from whence_server.lenses import find_lenses
from whence_server.links import find_links
from whence_server.why import explain

PAY = '''def charge(card, amount):
    """Take the amount from the card, once."""
    if card.charged:
        return
    card.debit(amount)


def refund(card, amount):
    """Give the amount back to the card."""
    card.credit(amount)
'''
GRACE = "Grace <grace@example.com>"


@pytest.fixture
def shop(make_repository):
    lineage.forget()
    project = make_repository("shop")
    project.git("remote", "add", "origin", "https://github.com/acme/shop.git")
    first = PAY.replace("    if card.charged:\n        return\n", "")
    project.write("pay.py", first)
    project.write("docs/paying.md", "# Paying\n\nCall `charge` with a card; to give money back, call `refund`.\n")
    project.add = project.commit("Add paying")
    project.write("pay.py", PAY)
    project.fix = project.commit(
        "Charge once (#7)\n\nThe bank repeats its answers, so that customers paid twice.\n",
        author=GRACE,
        date="2024-05-07T07:08:09+02:00",
    )
    project.write("bank.py", "def repay(card, amount):\n    # Give it back to the card.\n    card.credit(amount)\n")
    project.last = project.commit("Add a bank")
    update(project.open())
    return project


def searcher_of(repository):
    store = Store(repository.index_dir)
    return Searcher(repository, store, load_embedder(store.state.model))


def test_explaining_a_line_tells_its_definition_its_reason_and_where_it_is_described(shop):
    repository = shop.open()
    searcher = searcher_of(repository)
    answer = actions.explain(searcher, repository, Span("pay.py", 3, 3))
    lead, reason, *_ = answer.text.split("\n\n")
    assert lead == "`charge`: Take the amount from the card, once [1]"
    assert reason.startswith("Why: The bank repeats its answers, so that customers paid twice. [")
    assert [(each.path, each.commit) for each in answer.citations] == [
        ("pay.py", None),
        ("docs/paying.md", None),
        (None, shop.fix),
    ]
    assert all(verify(citation, repository, searcher) for citation in answer.citations)
    assert [each.id for each in answer.citations] == [1, 2, 3]


def test_explaining_quotes_the_lines_on_screen(shop):
    repository = shop.open()
    screen = "import bank\n\n" + PAY.replace("return\n", "return None  # AKIA" + "Q3EGRZ7XWOLNTY4D\n")
    answer = actions.explain(searcher_of(repository), repository, Span("pay.py", 5, 6), screen)
    quote = answer.citations[0]
    assert (quote.start_line, quote.end_line) == (5, 6)
    assert quote.quote.startswith("    if card.charged:\n        return None  # «redacted:")
    with pytest.raises(SourceError, match="there is no line 40"):
        actions.explain(searcher_of(repository), repository, Span("pay.py", 40, 40), screen)


def test_what_git_does_not_know_is_explained_without_a_reason(shop):
    shop.write("new.py", "def charge_all(cards):\n    for card in cards:\n        charge(card, 1)\n")
    repository = shop.open()
    answer = actions.explain(searcher_of(repository), repository, Span("new.py", 2, 2))
    assert answer.text.startswith("`charge_all`: `def charge_all(cards)` [1]")
    assert "Why:" not in answer.text


def test_who_knows_lines_is_told_with_a_commit_of_each(shop):
    repository = shop.open()
    answer = actions.who(repository, Span("pay.py", 1, 1))  # the line of its name: the whole definition
    assert answer.text.startswith("Of `pay.py:1-5` most lines are by Ada Author (60%) [1].")
    assert "| author | lines | share | commits | last |" in answer.text  # commits of these lines
    assert "| Grace [2] | 2 | 40% | 1 | 2024-05-07 |" in answer.text
    assert [citation.commit for citation in answer.citations] == [shop.add, shop.fix]
    assert "example.com" not in answer.text
    new = actions.who(repository, Span("pay.py", 3, 3), PAY.replace("charged", "paid"))
    assert (new.text, new.abstained, new.confidence) == ("`pay.py:3` is in no commit yet.", False, 0.9)
    with pytest.raises(SourceError):
        actions.who(repository, Span("nothing.py", 1, 1))


def test_the_name_of_an_author_is_no_link_and_no_cell_of_the_table(shop):
    trap = "`|[run](command:workbench.action.terminal.new)|`"
    shop.write("bank.py", "def repay(card, amount):\n    card.credit(amount)\n    card.close()\n")
    shop.commit("Close the card", author=f"{trap} <mallory@example.com>")
    text = actions.who(shop.open(), Span("bank.py", 1, 3)).text
    page = MarkdownIt("commonmark").enable("table").render(text)
    assert "<table>" in page
    assert "[run](command:workbench.action.terminal.new)" in page
    assert "<a " not in page


def test_a_reason_for_what_was_there_before_is_none_for_what_is_there_now(shop):
    text = (shop.path / "bank.py").read_text()
    shop.write("bank.py", text.replace("credit(amount)", "credit(amount, now=True)"))
    shop.commit("Credit at once\n\nCustomers called because the money was not there.")
    shop.write("bank.py", text.replace("credit(amount)", "repay(amount, True)"))
    shop.commit("Use the new interface")
    repository = shop.open()
    answer = actions.explain(searcher_of(repository), repository, Span("bank.py", 3, 3))
    assert "Changed by Ada Author on 2024-05-06: Use the new interface [" in answer.text
    assert "Why:" not in answer.text
    assert answer.citations[-1].quote == "Use the new interface"


def test_similar_code_leaves_the_selection_out(shop):
    repository = shop.open()
    searcher = searcher_of(repository)
    answer = actions.similar(searcher, repository, Span("pay.py", 8, 10))
    assert answer.citations[0].path == "bank.py"
    assert all(verify(citation, repository, searcher) for citation in answer.citations)
    assert "pay.py" not in {citation.path for citation in answer.citations}
    with pytest.raises(QueryError, match="nothing to compare"):
        actions.similar(searcher, repository, Span("pay.py", 6, 7), PAY)


def test_why_is_the_answer_of_the_history(shop):
    answer = actions.why(shop.open(), Span("pay.py", 4, 4), "\n" + PAY).answer
    assert answer.text.startswith("The bank repeats its answers, so that customers paid twice. [1]")


def test_at_the_name_of_a_definition_all_of_it_is_meant(shop):
    repository, place = shop.open(), Span("pay.py", 1, 1)
    reason = "The bank repeats its answers, so that customers paid twice."
    assert actions.why(repository, place).answer.text.startswith(reason)  # which another line of it is from
    assert f"Why: {reason}" in actions.explain(searcher_of(repository), repository, place).text
    assert not explain(repository, place).recorded  # the command line means the line


def test_a_line_without_a_name_is_explained_by_its_own_place(shop):
    shop.write(".gitignore", "# what is built\n*.pyc\n")
    shop.write("bank.py", "class Bank:\n    name = 1\n\n    def repay(self, card):\n        card.credit()\n")
    shop.commit("Ignore what is built, because it is made anew")
    repository = shop.open()
    update(repository)
    searcher = searcher_of(repository)
    ignored = actions.explain(searcher, repository, Span(".gitignore", 2, 2))
    assert ignored.text.startswith("Why: Ignore what is built, because it is made anew [2]\n\n**.gitignore:2** [1]")
    blank = actions.explain(searcher, repository, Span("bank.py", 3, 3))
    assert (blank.text, blank.citations) == ("`bank.py:3` is blank, in `Bank`.", ())


def test_lenses_name_the_last_change_and_count_the_commits(shop):
    shop.write("pay.py", "\n" + PAY)
    lenses = find_lenses(shop.open(), "pay.py", "\n" + PAY + "\n\ndef new():\n    pass\n")
    assert [(lens.symbol, lens.line, lens.commits) for lens in lenses] == [
        ("charge", 2, 2),
        ("refund", 9, 1),
        ("new", 14, None),
    ]
    assert lenses[0].commit.sha == shop.fix
    assert lenses[0].title().startswith("Grace, ")
    assert lenses[0].title().endswith(": Charge once (#7) · 2 commits")
    assert lenses[2].title() == "not committed yet"
    assert find_lenses(shop.open(), "untracked.py", "def f():\n    pass\n") == []


def test_commits_are_counted_through_branches_renames_and_lines_moved_above(make_repository):
    project = make_repository("count")
    body = [f"line {number}" for number in range(40)]

    def write(path="a.txt"):
        project.write(path, "\n".join(body) + "\n")

    write()
    project.commit("Begin")
    body[20] = "line twenty"
    write()
    project.commit("Touch it")
    project.git("switch", "-qc", "side")
    body[:0] = ["above"] * 7
    write()
    project.commit("Add lines above")
    body[29] = "line twenty-two"
    write()
    project.commit("Touch it on a branch")
    project.git("switch", "-q", "main")
    project.write("other.txt", "beside\n")
    project.commit("Beside it")
    project.git("merge", "-q", "--no-ff", "-m", "Bring it in", "side")
    project.git("mv", "a.txt", "b.txt")
    project.commit("Rename it")
    del body[0:3]
    body[23] = "line 19, once more"
    write("b.txt")
    project.commit("Take lines out above, and touch it")
    place = body.index("line twenty")
    places = [(place, place + 4), (1, 2), (40, 44)]
    assert count_commits(project.open(), "b.txt", places, seconds=60) == [4, 1, 1]  # however slow the machine
    assert count_commits(project.open(), "b.txt", [(1, 2)], seconds=-1) is None


def test_numbers_and_ids_in_comments_lead_where_something_is(shop):
    text = (
        f"#12 is no number of an issue\n# Fixes #12, GH-7 and {shop.fix}; see other/project#3.\n"
        f'def f():\n    """As {shop.fix[:8]} says, unlike abcdef12 and #012."""\n'
        f"    return '#5 {shop.fix}', 7  # (#5)\n"
    )
    links = find_links(shop.open(), "new.py", text)
    rows = text.split("\n")
    page = "https://github.com/acme/shop"
    assert [(link.line, rows[link.line - 1][link.start : link.end], link.url) for link in links] == [
        (2, "#12", f"{page}/issues/12"),
        (2, "GH-7", f"{page}/issues/7"),
        (2, shop.fix, f"{page}/commit/{shop.fix}"),
        (4, shop.fix[:8], f"{page}/commit/{shop.fix}"),
        (5, "#5", f"{page}/issues/5"),
    ]
    assert links[0].thread == 12
    assert links[2].commit == links[3].commit == shop.fix


@pytest.mark.parametrize(
    ("remote", "said", "url"),
    [
        ("git@gitlab.com:acme/shop.git", "#3", "https://gitlab.com/acme/shop/-/issues/3"),
        ("git@gitlab.com:acme/shop.git", "!3", "https://gitlab.com/acme/shop/-/merge_requests/3"),
        ("https://codeberg.org/acme/shop", "#3", "https://codeberg.org/acme/shop/issues/3"),
        ("https://example.com/acme/shop", "#3", None),
        ("/somewhere/shop", "#3", None),
    ],
)
def test_the_address_is_the_trackers_or_there_is_no_link(shop, remote, said, url):
    shop.git("remote", "set-url", "origin", remote)
    found = find_links(shop.open(), "a.go", f"// Brakes — see {said}, {shop.fix}.\npackage a\n")
    assert [link.url for link in found[:1]] == ([url] if url else [])
    assert [(link.start, link.end, link.commit) for link in found] == (
        [(16, 18, None), (20, 60, shop.fix)] if url else []
    )
