"""A model that asks besides the rules: its JSON is held to a schema, its quote to the evidence; it is asked once."""

import json
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

pytest.importorskip("datasketch")

from whence_indexer.threads import Comment
from whence_indexer.threads import Thread as Discussion
from whence_indexer.types import Span
from whence_training.config import Author, Teacher
from whence_training.qa.material import Material, Section
from whence_training.qa.record import Evidence, Quote, Record
from whence_training.qa.teaching import open_teaching
from whence_training.qa.threadquestions import thread_records
from whence_training.qa.validation import validate

TEXT = "# Refunds\n\nRefunds are paid out within two weeks of the return of the goods.\nThey are paid in euros only."
MATERIAL = Material((), (Section("Refunds", (), Span("guide.md", 1, 4), "markdown", TEXT),), (), ())
QUOTE = "Refunds are paid out within two weeks of the return of the goods."
RECORD = Record("docs", "when", "easy", "When are refunds paid?", QUOTE, (Evidence("doc", TEXT, "guide.md"),),
                (Quote(0, TEXT),), "rules:section", "guide.md")  # fmt: skip


@pytest.fixture
def teacher():
    """A server in the shape of OpenAI's that says what `said` holds, and remembers what it was asked."""
    asked: list[dict] = []
    said = [json.dumps({"type": "when", "question": "When are refunds paid out?", "quote": QUOTE})]

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            body = json.dumps({"choices": [{"message": {"content": said[0]}}]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", asked, said
    server.shutdown()
    server.server_close()


def test_a_teacher_asks_over_a_passage_and_answers_in_its_words(teacher, tmp_path):
    url, asked, _ = teacher
    for _ in range(2):
        with open_teaching(Author(url=url, model="big"), 9, tmp_path, print) as teaching:
            (record,) = teaching.records(MATERIAL)
    assert (record.question, record.answer, record.generator) == ("When are refunds paid out?", QUOTE, "model:big")
    assert len(asked) == 1
    quotes = asked[0]["response_format"]["json_schema"]["schema"]["properties"]["quote"]["enum"]
    assert QUOTE in quotes
    assert "| Refunds are paid out" in asked[0]["messages"][1]["content"]


@pytest.mark.parametrize("said", ["no JSON", "[]", '{"type": "when", "question": "When?", "quote": "Invented."}'])
def test_what_is_not_in_the_evidence_is_not_taken(teacher, tmp_path, said):
    url, _, answers = teacher
    answers[0] = said
    with open_teaching(Author(url=url, model="big"), 9, tmp_path, lambda message: None) as teaching:
        assert list(teaching.records(MATERIAL)) == []


def test_a_second_model_may_say_that_an_answer_is_wrong(teacher, tmp_path):
    url, _, answers = teacher
    answers[0] = '{"right": false}'
    with open_teaching(Author(url=url, model="big"), 9, tmp_path, print) as teaching:
        assert teaching.judge(RECORD) == 0


@pytest.mark.parametrize("said", ["no JSON", "[]"])
def test_what_a_second_model_does_not_judge_is_kept_back_until_it_does(teacher, tmp_path, said):
    url, _, answers = teacher
    record = replace(RECORD, quotes=(Quote(0, QUOTE),))
    with open_teaching(Author(url=url, model="judge"), 0, tmp_path, lambda message: None) as second:
        answers[0] = said
        good, bad = validate([record], None, second.judge)
        assert (good, bad[0].verdicts[-1].why) == ([], "the second model did not say")
        answers[0] = '{"right": true}'
        assert len(validate([record], None, second.judge)[0]) == 1


def test_nobody_judges_what_they_wrote(teacher):
    url, _, _ = teacher
    with pytest.raises(ValueError, match="the judge is the teacher itself"):
        Teacher(url=url, model="big", judge=Author(url=url, model="big"))
    assert Teacher(url=url, model="big", judge=Author(url=url, model="small")).judge.model == "small"


def test_nobody_is_asked_unless_named_and_nobody_there_is_no_end(tmp_path):
    said: list[str] = []
    with open_teaching(Author(), 9, tmp_path, said.append) as teaching:
        assert not teaching
    with open_teaching(Author(url="http://127.0.0.1:9/v1", timeout=2), 9, tmp_path, said.append) as teaching:
        assert list(teaching.records(MATERIAL)) == []
    assert "did not answer as it should" in said[0]


def test_issues_and_pull_requests_are_asked_about():
    entry = Comment(
        "",
        "",
        "Prices are now kept for a minute. See the guide of the shop.",
        kind="changelog",
        path="CHANGES.md",
        line=3,
    )
    remark = Comment(
        "grace",
        "2024-02-02",
        "The lock must be taken before the stock is read here.",
        kind="review_comment",
        path="cart.py",
        line=3,
    )
    body = "The page of the shop was slow because each price was read from the database again.\n"
    pull = Discussion(
        12, "pull", "Cache the prices of items", body, comments=(entry, remark), author="ada", created="2024-02-01"
    )
    asked = {record.generator.partition(":")[2]: record for record in thread_records(pull)}
    assert asked["title"].answer == "Cache the prices of items."
    assert asked["thread-reason"].answer == body.strip()
    assert asked["outcome"].answer.startswith("Prices are now kept for a minute.")
    assert "`cart.py`" in asked["review"].question
    assert asked["review"].author == "grace"
    assert {record.group for record in asked.values()} == {"thread 12"}
