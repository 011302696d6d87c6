"""A later question of a conversation is about what the earlier ones were about, unless it says otherwise."""

from whence_indexer.query import parse_query
from whence_indexer.types import Hit
from whence_server.conversations import Given, Memory, Turn, follow, understand
from whence_server.types import Answer, Model, Timings

HIT = Hit("code", 1.0, "def charge_card(): ...", "pay.py", 1, 2, "charge_card")


def answered(*evidence):
    return Answer("It does.", 0.9, False, (), Model("extractive"), Timings(0, 0, 0), evidence)


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


def test_the_oldest_conversations_are_forgotten():
    memory = Memory()
    for number in range(60):
        memory.remember(f"c{number}", Turn("?"), f"a{number}", Given("?", answered(), "file:///x"))
    assert memory.turn("c0") is None
    assert memory.answer("a0") is None
    assert memory.turn("c59") == Turn("?")
