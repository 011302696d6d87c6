"""What people said becomes examples: counted, and flagged where they repeat or contradict each other."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.commands import called

from whence_indexer.errors import QueryError
from whence_server.feedback import FILE, Feedback, delete_feedback, fix_feedback, read_feedback
from whence_server.training.examples import collect, count

CODE = {"kind": "code", "quote": "def charge(card):", "path": "pay.py"}
COMMIT = {"kind": "commit", "quote": "Charge once", "commit": "abc"}


def said(identifier, verdict="correction", question="Why is the card charged once?", text="The bank repeats.", **more):
    told = {"evidence": [CODE], "answer": "By the till. [1]"} | more
    return Feedback(identifier, "2026-01-01T00:00:00+00:00", verdict, question, text=text, **told)


def flags(*given):
    return {each.id: {flag.fault: flag.others for flag in each.flags} for each in collect(given)}


def test_thumbs_up_and_corrections_are_examples_and_nothing_else_is():
    given = [said("a"), said("b", "up", text=None), said("c", "down", text=None), said("d", "note")]
    examples = collect(given)
    assert [(each.id, each.kind, each.answer) for each in examples] == [
        ("a", "correction", "The bank repeats."), ("b", "confirmation", "By the till. [1]"),
    ]  # fmt: skip
    assert [(each.type, each.category, each.learnt) for each in examples] == [
        ("why", "code", True), ("why", "code", False),
    ]  # fmt: skip


def test_they_are_counted_by_what_they_are_of():
    told = count(collect([
        said("a"), said("b", question="Who wrote it?", evidence=[COMMIT]), said("c", "up", text=None),
    ]), minimum=3)  # fmt: skip
    assert (told.corrections, told.confirmations, told.learnt, told.ratio) == (2, 1, 2, 2.0)
    assert [(each.name, each.corrections, each.confirmations) for each in told.categories] == [
        ("code", 1, 1), ("history", 1, 0),
    ]  # fmt: skip
    assert (told.ready, told.told) == (False, "2 corrections collected; 1 more to go")


@pytest.mark.parametrize(("number", "ready"), [(19, False), (20, True)])
def test_twenty_corrections_are_enough(number, ready):
    examples = collect([said(str(each), question=f"Why is line {each} there?") for each in range(number)])
    told = count(examples, 20)
    assert told.ready is ready
    assert ("ready to train" in told.told) is ready


def test_what_cannot_be_learnt_from_does_not_count():
    told = count(collect([said("a", evidence=[]), said("b"), said("c", text="Another.")]), 2)
    assert (told.corrections, told.learnt, told.ready, told.ratio) == (3, 1, False, None)
    assert told.told == "3 corrections collected, 2 of them not to be learnt from; 1 more to go"


def test_the_same_again_and_nearly_the_same_are_flagged():
    long = "The bank repeats its answers to us, so that a customer would have to pay twice for one thing that was sold"
    given = [said("a", text=long), said("b", text=f" {long.upper()}"), said("c", text=long, evidence=[COMMIT]),
             said("d", text=f"{long} again", evidence=[])]  # fmt: skip
    assert flags(*given) == {
        "a": {}, "b": {"duplicate": ("a",)}, "c": {"duplicate": ("a", "b")},
        "d": {"near_duplicate": ("a", "b", "c"), "no_evidence": ()},
    }  # fmt: skip


def test_other_answers_to_the_same_question_over_the_same_evidence_conflict():
    told = flags(
        said("a"), said("b", text="For no reason."), said("c", text="Else.", evidence=[COMMIT]), said("d", "up")
    )
    assert told == {
        "a": {"conflict": ("b", "d")}, "b": {"conflict": ("a", "d")}, "c": {}, "d": {"conflict": ("a", "b")},
    }  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["up", "correction"]), st.text(max_size=8), st.text(min_size=1, max_size=8))))
def test_every_flag_names_others_that_are_there(rows):
    given = [said(str(place), verdict, question, text) for place, (verdict, question, text) in enumerate(rows)]
    names = {each.id for each in given}
    for each in collect(given):
        for flag in each.flags:
            assert set(flag.others) <= names - {each.id}


def test_an_example_is_put_right_and_a_thumb_becomes_a_correction(tmp_path):
    (tmp_path / FILE).write_text("".join(json.dumps(vars_of(each)) + "\n" for each in (said("a"), said("b", "up"))))
    fixed = fix_feedback(tmp_path, "b", "By the bank; the key is ghp_" + "a1B2c3D4e5F6" * 3 + ".")
    assert fixed.verdict == "correction"
    assert "ghp_a1" not in fixed.text
    assert read_feedback(tmp_path) == [said("a"), fixed]
    for identifier, text in (("b", " "), ("c", "text"), ("b", "x" * 30_000)):
        with pytest.raises(QueryError):
            fix_feedback(tmp_path, identifier, text)
    delete_feedback(tmp_path, "a")
    assert read_feedback(tmp_path) == [fixed]


def test_the_command_puts_right_and_tells_what_is_amiss(make_repository):
    repository = make_repository().open()
    repository.index_dir.mkdir(parents=True)
    rows = [said("a"), said("b", "down", text=None)]
    (repository.index_dir / FILE).write_text("".join(json.dumps(vars_of(each)) + "\n" for each in rows))

    def whence(*arguments):
        return called("feedback", *arguments, "--repo", repository.root)

    assert "b is a correction: By nobody." in whence("fix", "b", "By nobody.").stdout
    told = whence("list").stdout
    assert "! conflict with b" in told
    assert "2 corrections collected, 1 of them not to be learnt from; 19 more to go" in told
    report = json.loads(whence("list", "--json").stdout)
    assert report["feedback"][0]["flags"] == [{"fault": "conflict", "others": ["b"]}]
    assert report["statistics"]["minimum"] == 20
    assert whence("fix", "z", "text").returncode == 2


def vars_of(each):
    return {name: getattr(each, name) for name in each.__slots__}
