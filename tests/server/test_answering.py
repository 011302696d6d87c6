"""Answers as a reader receives them: every receipt holds, and what cannot be shown is not counted on."""

import json

import pytest

from whence_indexer.embedder import load_embedder
from whence_indexer.indexing import update
from whence_indexer.query import parse_query
from whence_indexer.search import Searcher
from whence_indexer.store import Store
from whence_indexer.types import Citation, Hit, Span
from whence_server.answering import answer
from whence_server.citations import verify
from whence_server.types import Question

RETRY = 'def retry(send):\n    """Send again when the server is busy.\n\n    The delay doubles each time.\n    """\n'


@pytest.fixture
def project(make_repository):
    made = make_repository()
    made.write("net/retry.py", RETRY)
    made.write("README.md", "# Net\n\nTalks to servers.\n")
    made.commit("Retry when the server is busy (#12)\n\nUsers saw errors at noon, when load is highest.")
    return made


def ask(project, text, at=None, earlier=()):
    repository = project.open()
    store = Store(repository.index_dir)
    searcher = Searcher(repository, store, load_embedder(store.state.model))
    return answer(Question(parse_query(text), at), searcher, repository, earlier)


def test_the_lead_is_the_sentence_that_answers_and_its_receipt_holds(project):
    update(project.open())
    answered = ask(project, "what happens when the server is busy?")
    assert answered.text.startswith("Send again when the server is busy. [1]")
    first = answered.citations[0]
    assert (first.path, first.start_line) == ("net/retry.py", 1)
    assert not answered.abstained


def test_a_reason_is_found_in_the_history(project):
    update(project.open())
    answered = ask(project, "Why is a request sent again when the server is busy?")
    commits = [citation for citation in answered.citations if citation.kind == "commit"]
    assert "Users saw errors at noon" in commits[0].quote
    assert commits[0].thread == 12


def test_what_is_not_in_the_repository_is_not_answered(project):
    update(project.open())
    answered = ask(project, "How does the kubernetes scheduler place pods on nodes?")
    assert answered.abstained
    assert answered.text.startswith("I don't know")
    assert answered.confidence < 0.5


def test_the_code_under_the_cursor_leads(project):
    update(project.open())
    answered = ask(project, "what does this do?", at=Span("net/retry.py", 2, 2))
    assert answered.citations[0].path == "net/retry.py"


def test_a_quotation_that_the_file_no_longer_holds_is_left_out_and_said(project):
    update(project.open())
    project.write("net/retry.py", "def other():\n    pass\n")
    answered = ask(project, "what happens when the server is busy?")
    assert all(citation.path != "net/retry.py" for citation in answered.citations)
    assert "no longer match" in answered.text


def test_a_deleted_file_is_no_source_though_git_still_has_it(project):
    update(project.open())
    project.remove("net/retry.py")
    answered = ask(project, "what happens when the server is busy?")
    assert all(citation.path != "net/retry.py" for citation in answered.citations)


def test_a_notebook_is_cited_by_the_lines_of_its_cell(project):
    source = [
        "# Clean the measurements before plotting them.\n",
        *(f"step_{number} = {number}\n" for number in range(20)),
    ]
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": source}
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    project.write("plots.ipynb", json.dumps(notebook, indent=1))
    update(project.open())
    answered = ask(project, "where are measurements cleaned before plotting?")
    first = answered.citations[0]
    assert first.path == "plots.ipynb"
    assert "Clean the measurements" in first.quote
    cited = (project.path / "plots.ipynb").read_text().split("\n")[first.start_line - 1 : first.end_line]
    assert "Clean the measurements" in "\n".join(cited)


def test_a_sentence_of_the_repository_brings_no_link_and_no_receipt_of_its_own(project):
    project.write(
        "trap.md", "# Trap\n\nZebras are described [here](https://example.org) and in [7] by <b>experts</b>.\n"
    )
    update(project.open())
    lead = ask(project, "where are zebras described by experts?").text.split("\n")[0]
    assert r"\[here\](https://example.org)" in lead
    assert r"\[7\]" in lead


@pytest.mark.parametrize(
    "false",
    [
        {"path": "net/retry.py", "start_line": 1, "end_line": 99, "quote": RETRY},
        {"path": "net/retry.py", "start_line": 0, "end_line": 1, "quote": "def retry(send):"},
        {"path": "net/retry.py", "start_line": 2, "end_line": 2, "quote": "def retry(send):"},
        {"path": "net/none.py", "start_line": 1, "end_line": 1, "quote": "def retry(send):"},
        {"path": "../net/retry.py", "start_line": 1, "end_line": 1, "quote": "def retry(send):"},
        {"path": "net/retry.py", "start_line": 1, "end_line": 1, "quote": " "},
        {"commit": "0" * 40, "quote": "Retry when the server is busy (#12)"},
        {"commit": "' OR 1=1 --", "quote": "Retry when the server is busy (#12)"},
        {"quote": "Retry when the server is busy (#12)"},
    ],
)
def test_a_false_citation_is_found_out(project, false):
    repository = project.open()
    update(repository)
    citation = Citation(id=1, kind="commit" if "commit" in false else "code", **false)
    store = Store(repository.index_dir)
    assert not verify(citation, repository, Searcher(repository, store, load_embedder(store.state.model)))


def test_a_test_is_no_answer_to_how_and_roles_are_read(project):
    project.write(
        "tests/test_dock.py", "def test_boat_docks_at_pier():\n    boat = Boat()\n    assert boat.docks(pier)\n"
    )
    project.write("net/mail.py", 'class Mail:\n    """Letters that a :class:`~net.boats.Boat` brings to ``pier``."""\n')
    update(project.open())

    assert "`def test_boat" not in ask(project, "how does the boat dock at the pier?").text
    assert ask(project, "which letters does a boat bring to the pier?").text.startswith(
        "Letters that a `Boat` brings to `pier`. [1]"
    )


RECOVERY = """package gin

// RecoveryFunc is called with what was recovered.
type RecoveryFunc func(err any)

// Recovery returns a handler that recovers from panics.
func Recovery() Handler {
	return recovers(nil)
}

// Custom returns a handler that recovers from panics, with a RecoveryFunc.
func Custom(handle RecoveryFunc) Handler {
	return recovers(handle)
}
"""
STEPS = "\tstep(path)\n\n" * 8
CLEANING = f'func Clean(path string) string {{\n{STEPS}\treturn "cleaned"\n}}\n'


def test_a_quotation_has_the_name_of_what_it_shows_or_none(project):
    project.write("recovery.go", RECOVERY)
    project.write("path.go", f"package gin\n\n{CLEANING}")
    update(project.open())

    assert "**recovery.go:3-14** [1]" in ask(project, "Where are panics recovered?").text
    assert "— `Clean` [1]" in ask(project, "Where is it that a path is `cleaned`?").text


def test_of_what_is_nowhere_one_piece_is_shown(project):
    project.write("docs/trains.md", "# Trains\n\nOf another question.\n")
    update(project.open())
    earlier = Hit("doc", 9.0, "# Trains\n\nOf another question.", "docs/trains.md", 1, 3)
    answered = ask(project, "colourless green zebras sleep furiously", earlier=[earlier])

    assert answered.abstained
    assert len(answered.citations) == 1
    assert "Of another question" not in answered.text


def test_a_protocol_is_found_as_code_calls_it(project):
    for number in range(9):
        project.write(f"net/status_{number}.py", f"def status_{number}():\n    return HTTP.status(3, of={number})\n")
    project.write("net/quic.py", "def listen(engine):\n    return http3.ListenAndServe(engine)\n")
    update(project.open())

    assert ask(project, "Is HTTP/3 spoken?").citations[0].path == "net/quic.py"
