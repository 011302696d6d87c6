"""A later question of a conversation is about what the earlier ones were about, unless it says otherwise."""

import pytest

from whence_indexer.query import parse_query
from whence_indexer.types import Citation, Hit, Span
from whence_server.conversations import Given, Memory, Turn, asked_of, follow, question_of, understand
from whence_server.types import Answer, Model, Timings

HIT = Hit("code", 1.0, "def charge_card(): ...", "pay.py", 1, 2, "charge_card")


COMMIT = Citation(1, "commit", "Charge once", commit="c" * 40)


def answered(*evidence, citations=(), abstained=False):
    return Answer("It does.", 0.9, abstained, citations, Model("extractive"), Timings(0, 0, 0), evidence)


def test_a_question_that_points_back_is_about_the_same_names():
    before = Turn("Where is `charge_card` defined?", ("charge_card",))
    assert understand("and where is that used?", before).names == ("charge_card",)
    assert understand("why was it changed?", before).intent == "history"


def test_a_question_that_stands_for_itself_is_left_alone():
    before = Turn("Where is `charge_card` defined?", ("charge_card",))
    assert understand("Where is `refund` defined?", before).names == ("refund",)
    assert understand("how are routes registered?", before) == parse_query("how are routes registered?")
    assert understand("and where is that used?", None) == parse_query("and where is that used?")


def test_what_was_found_goes_on_counting_newest_first_each_once():
    question = "How are cards charged?"
    turn = follow(question, parse_query(question), answered(HIT), Turn("?", (), (HIT,)))
    assert (turn.names, turn.evidence) == (("charge_card",), (HIT,))


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("When was that?", "when"), ("And in which version?", "when"), ("What changed there?", "when"),
        ("Who did that?", "who"), ("By whom?", "who"), ("who wrote this?", "who"),
        ("Why?", "why"), ("Why was that changed?", "why"), ("What is the reason for it?", "why"),
        ("Where is that tested?", "tests"), ("Is there a test for it?", "tests"),
        ("What is this?", "what"), ("How does this work?", "what"), ("explain this function", "what"),
        ("Where is it used?", "where"),
        ("Who maintains the router?", None), ("Why does it use hmac?", None), ("When was `charge` added?", None),
        ("How are tests run?", None), ("Charge it", None), ("?", None),
    ],
)  # fmt: skip
def test_a_question_without_words_of_its_own_only_points(question, asked):
    assert asked_of(question) == asked


def test_that_is_what_the_last_clear_answer_showed_first():
    before = follow("Why once?", parse_query("Why once?"), answered(citations=(COMMIT,)), None)
    assert before.subject == COMMIT
    then = question_of("Who did that?", None, before)
    assert (then.asked, then.about) == ("who", COMMIT)
    assert question_of("Who did that?").asked is None  # nobody said what
    here = question_of("Who wrote this?", Span("pay.py", 1, 2), before)
    assert (here.asked, here.about) == ("who", None)  # the cursor says more than what was said before


def test_an_answer_that_abstained_is_about_nothing_and_is_forgotten_where_it_was_to_something_pointed_at():
    unsure = answered(HIT, citations=(COMMIT,), abstained=True)
    lost = follow("Why twice?", parse_query("Why twice?"), unsure, None)
    assert (lost.subject, lost.names) == (None, ())
    asked = question_of("When was that?", None, lost)
    assert (asked.asked, asked.about) == ("when", None)
    before = Turn("Why once?", subject=COMMIT)
    assert follow("Is that tested?", parse_query("Is that tested?"), unsure, before).subject == COMMIT


def test_what_was_said_about_one_repository_is_left_there():
    memory = Memory()
    memory.remember("c", Turn("?", subject=COMMIT, root="file:///x"), "a", Given("?", answered(), "file:///x"))
    assert memory.turn("c", "file:///x")
    assert memory.turn("c", "file:///y") is None


def test_the_oldest_conversations_are_forgotten():
    memory = Memory()
    for number in range(60):
        memory.remember(f"c{number}", Turn("?"), f"a{number}", Given("?", answered(), "file:///x"))
    assert memory.turn("c0") is None
    assert memory.answer("a0") is None
    assert memory.turn("c59") == Turn("?")
