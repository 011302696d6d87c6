"""Questions come from SQuAD, Label Studio, corrections and curated sets; they go to reviewers and come back."""

import json
from dataclasses import replace

import pytest

pytest.importorskip("datasketch")

from whence_server.feedback import Feedback
from whence_training.errors import InputError
from whence_training.exchange.corrections import corrections, ratio
from whence_training.exchange.labelstudio import dump_tasks, read_review
from whence_training.exchange.squad import limited, read_squad
from whence_training.qa.record import Evidence, Quote, Record
from whence_training.qa.validation import validate

CONTEXT = "Oxygen was found by Carl Scheele in Uppsala in 1773. It has the atomic number 8."
QUESTIONS = (("Who found oxygen?", "Carl Scheele"),
             ("Where was oxygen found?", "Uppsala"), ("When was it found?", "1773"),
             ("What number has oxygen?", "8"), ("What was found?", "Oxygen"))  # fmt: skip
RECORD = Record(
    "code", "what", "easy", "What does `Cart.add` do?", "Puts an item into the cart.",
    (Evidence("code", '"""Puts an item into the cart."""', "cart.py", 3),), (Quote(0, "Puts an item into the cart."),),
    "rules:documentation", "cart.py",
)  # fmt: skip


def squad(**changes):
    asked = [
        {"id": str(n), "question": question, "answers": [{"text": text, "answer_start": CONTEXT.index(text)}]}
        for n, (question, text) in enumerate(QUESTIONS)
    ]
    return {
        "version": "1.1",
        "data": [{"title": "Oxygen", "paragraphs": [{"context": CONTEXT, "qas": asked}]}],
    } | changes


def test_squad_is_general_knowledge_with_quotes(tmp_path):
    file = tmp_path / "squad.json"
    file.write_text(json.dumps(squad()))
    records = read_squad(file)
    assert [(record.category, record.type, record.answer) for record in records[:3]] == [
        ("general", "who", "Carl Scheele"), ("general", "where", "Uppsala"), ("general", "when", "1773"),
    ]  # fmt: skip
    assert len(limited(records, 0.1, 18)) == 2


@pytest.mark.parametrize("text", ["{", "{}", '{"data": [{"paragraphs": 3}]}'])
def test_what_is_no_squad_is_refused_by_name(tmp_path, text):
    (tmp_path / "squad.json").write_text(text)
    with pytest.raises(InputError, match=r"squad\.json"):
        read_squad(tmp_path / "squad.json")


def test_an_answer_that_is_not_where_it_says_is_refused(tmp_path):
    held = json.dumps(squad()).replace('"answer_start": 20', '"answer_start": 3')
    (tmp_path / "squad.json").write_text(held)
    with pytest.raises(InputError, match="question 0 is not where it says"):
        read_squad(tmp_path / "squad.json")


def reviewed(*results):
    (task,) = json.loads(dump_tasks([RECORD]))
    return task | {"annotations": [{"result": [*results], "created_at": "2024-01-01"}] if results else []}


def result(name, **value):
    return {"from_name": name, "to_name": "given", "type": name, "value": value}


@pytest.mark.parametrize(
    ("results", "answers", "refused"),
    [
        ((), [], 0),
        ((result("verdict", choices=["right"]),), [RECORD.answer], 0),
        ((result("verdict", choices=["wrong"]),), [], 1),
        ((result("stars", rating=2),), [], 1),
        (
            (result("verdict", choices=["wrong"]), result("correction", text=["Puts one item in."])),
            ["Puts one item in."],
            1,
        ),
    ],
)
def test_what_a_reviewer_decides_comes_back(tmp_path, results, answers, refused):
    file = tmp_path / "export.json"
    file.write_text(json.dumps([reviewed(*results)]))
    review = read_review(file)
    assert [record.answer for record in review.records] == answers
    assert len(review.refused) == refused
    assert review.refused <= {RECORD.id}


def test_a_task_of_somebody_else_is_named(tmp_path):
    file = tmp_path / "export.json"
    file.write_text(json.dumps([reviewed(), {"data": {"text": "hello"}}]))
    with pytest.raises(InputError, match=r"export\.json task 2 is not one of ours"):
        read_review(file)


def test_a_correction_that_the_question_gives_away_is_kept_back_and_ends_no_evaluation():
    said = "The cache is flushed on exit."
    cited = {"kind": "code", "path": "cache.py", "start_line": 3, "quote": f"# {said}\natexit(flush)"}
    given = Feedback("a", "2024", "correction", f"Is the claim true that {said[:-1]}?", "?", [cited], {}, said)
    good, bad = validate(corrections([given]), None)
    assert good == []
    assert [verdict.why for verdict in bad[0].verdicts if not verdict.ok] == ["the question holds its answer"]


def test_a_correction_becomes_a_record_with_the_evidence_that_was_cited():
    cited = {"id": 1, "kind": "code", "quote": "stock = 3", "path": "cart.py", "start_line": 4, "end_line": 4}
    first = Feedback("a", "2024", "correction", "Why is stock 3?", "No idea.", [cited], {}, "Because of stock = 3.")
    second, up = replace(first, id="b", text="It is stock = 3."), replace(first, id="c", verdict="up")
    (record,) = corrections([first, second, up, replace(first, id="d", evidence=[], question="Else?")])
    assert (record.answer, record.type, record.group) == ("It is stock = 3.", "why", "cart.py")
    assert record.quotes[0].text == "stock = 3"
    assert ratio([first, second, up]) == {"confirmed": 1, "corrected": 2, "disliked": 0}
