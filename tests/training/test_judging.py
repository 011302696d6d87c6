"""One answer at a time: is it right, are its receipts, and does everything that it names exist?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("rouge_score")

from tests.training.answers import answered, code, commit, record, unanswerable

from whence_server.generation.prompt import user_text
from whence_training.errors import InputError
from whence_training.evaluation.judging import bare, coverage, facts_of, is_correct
from whence_training.evaluation.leaks import refuse_leak
from whence_training.evaluation.names import Inventory, invented, inventory_of, names_in
from whence_training.evaluation.receipts import citation_scores, cited_places, context_scores
from whence_training.evaluation.similarity import likeness, relevance
from whence_training.qa.collecting import Change, Collected, File
from whence_training.qa.record import Quote

HELD = Collected(
    commit="f" * 40,
    files=(File("shop/cart.py", "b", "code", "python", "class Cart:\n    def add(self): ...\n# See #7.\n"),),
    changes=(Change("ab12cd34ef" * 4, (), "Ada", "2024-03-02", "Refuse", "", ("shop/old_cart.py",), (), (), None),),
    threads=(),
)


@pytest.mark.parametrize(
    ("answer", "correct"),
    [
        ("Puts an item into the cart and counts it. [1]", True),
        ("`Cart.add` puts an item into the cart, and counts it _(not found in the evidence)_", True),
        ("It takes an item out of the cart.", False),
        ("Puts an item into the cart and counts it. " + "The stock is read again for everybody. " * 6, False),
        ("", False),
    ],
)
def test_an_answer_is_right_that_says_what_the_reference_says_and_little_else(answer, correct):
    assert is_correct(answered(record(), answer)) is correct


def test_to_quote_what_bears_the_reference_out_is_right_too():
    who = record("Who refused items that are sold out?", "Ada Author, in commit ab12cd34ef.", (commit(),))
    who = record(who.question, who.answer, who.context, quotes=(Quote(0, "Author: Ada Author"),))
    assert is_correct(answered(who, "Author: Ada Author [1]"))
    assert not is_correct(answered(who, "Author: Grace Maintainer [1]"))


def test_to_repeat_the_question_is_no_answer():
    summary = "Puts an item into the cart and counts it."
    asked = record(f"Which function {summary[0].lower()}{summary[1:-1]}?", "`Cart.add`, in `shop/cart.py`.")
    asked = record(asked.question, asked.answer, quotes=(Quote(0, summary),))
    assert not is_correct(answered(asked, f"{summary} [1]"))
    assert is_correct(answered(asked, "`Cart.add` in `shop/cart.py` [1]"))


def test_what_has_no_answer_is_rightly_left_alone_and_what_has_one_is_not():
    assert is_correct(answered(unanswerable(), None))
    assert not is_correct(answered(unanswerable(), "It flies. [1]"))
    assert not is_correct(answered(record(), None))


def test_marks_of_the_answer_are_not_words_of_it():
    assert bare(r"Takes `*args` and \[options\]. [1][2]") == "Takes `*args` and [options]."


def test_facts_are_what_can_be_right_by_itself():
    assert facts_of("Added `Cart.add` in version 1.2.0 by open_shop, commit ab12cd34ef, on 2024-03-02.") == {
        "Cart.add", "1.2.0", "open_shop", "ab12cd34ef", "2024-03-02",
    }  # fmt: skip
    assert coverage("It is 45 or `None`.", "`None` or 45, not 7") == pytest.approx(2 / 3)
    assert coverage("145", "45") == 0
    assert coverage("anything", "nothing to hold on to") is None


def test_an_answer_names_symbols_paths_commits_and_threads():
    answer = (
        "Since #12 `Cart.add(item)` in `shop/cart.py:3-4` calls open_shop, see commit ab12cd34ef and docs/guide.md."
    )
    assert {(name.kind, name.text) for name in names_in(answer)} == {
        ("thread", "12"), ("symbol", "Cart"), ("symbol", "add"), ("symbol", "item"), ("path", "shop/cart.py"),
        ("symbol", "open_shop"), ("commit", "ab12cd34ef"), ("path", "docs/guide.md"),
    }  # fmt: skip
    assert (
        names_in("Read and/or write it, e.g. at https://example.com/a_b.py: the deadbeef effaced 1234567 times.") == []
    )


def test_what_an_answer_names_is_invented_where_neither_evidence_nor_repository_has_it():
    inventory, passages = inventory_of(HELD), [code("return warehouse.stock_of(item)").passage()]
    true = (
        "`Cart.add` calls `stock_of`, in `cart.py` once `shop/old_cart.py`, since ab12cd34 and #7, as `Refunds` asks."
    )
    assert [name.text for name in invented(names_in(true), "And `Refunds`?", passages, inventory)] == []
    lie = "`Cart.add_all` in `shop/basket.py` calls stock_off since commit 99aa99aa and #8."
    assert [(name.kind, name.text) for name in invented(names_in(lie), "?", passages, inventory)] == [
        ("symbol", "add_all"), ("path", "shop/basket.py"), ("commit", "99aa99aa"), ("thread", "8"),
        ("symbol", "stock_off"),
    ]  # fmt: skip


@given(st.from_regex(r"[a-z]{3,8}_[a-z]{3,8}", fullmatch=True))
def test_a_planted_name_is_found_and_no_name_of_the_evidence_is(name):
    planted = f"`{name}_planted` is called by {name}."
    passages = [code(f"{name}(1)").passage()]
    assert [each.text for each in invented(names_in(planted), "?", passages, Inventory())] == [f"{name}_planted"]


def test_receipts_are_held_against_what_the_record_quotes():
    asked = record(context=(code(), commit()))
    assert citation_scores(answered(asked, "Puts …", (1,))) == {"citation_precision": 1, "citation_recall": 1}
    assert citation_scores(answered(asked, "Puts …", (1, 2))) == {"citation_precision": 0.5, "citation_recall": 1}
    assert citation_scores(answered(asked, "Puts …", (2, 9))) == {"citation_precision": 0, "citation_recall": 0}
    assert citation_scores(answered(asked, None)) == {"citation_recall": 0}
    assert citation_scores(answered(unanswerable(), "It flies.", (1,))) == {"citation_precision": 0}
    assert citation_scores(answered(unanswerable(), None)) == {}
    assert cited_places(answered(asked, "Puts …", (2, 9))) == ("commit ab12cd34ef 2024-03-02",)


def test_evidence_found_anew_counts_where_it_overlaps_or_holds_the_quote():
    asked = record()
    inside, elsewhere = code("self.items[item] += 1", start=12), code("pass", start=40)
    copied = code(f"# as the cart does:\n{record().answer}", "docs/cart.py", 1)
    served = tuple(each.passage() for each in (elsewhere, inside, copied, commit()))
    assert context_scores(answered(asked, "…", (), passages=served)) == {"context_precision": 0.5, "context_recall": 1}
    assert context_scores(answered(asked, "…", (), passages=served[:1])) == {
        "context_precision": 0,
        "context_recall": 0,
    }


def test_a_prompt_that_gives_the_answer_away_is_refused():
    asked = record()
    passages = [each.passage() for each in asked.context]
    served = user_text(asked.question, passages)
    refuse_leak(asked, served, passages)  # the evidence holds it, as evidence does
    for leaking in (f"{served}\n\nReference: {asked.answer}", served.replace("Question:", f"({asked.answer})", 1)):
        with pytest.raises(InputError, match=asked.id):
            refuse_leak(asked, leaking, passages)
    with pytest.raises(InputError):  # what looks like evidence and was not served is none
        refuse_leak(asked, f"{served}\n| {asked.answer}", passages)


def test_a_word_of_the_question_gives_nothing_away():
    asked = record("Is `Cart.add` called by `open_shop`?", "`open_shop`")
    refuse_leak(asked, user_text(asked.question, []), [])
    refuse_leak(unanswerable(), "If the evidence does not answer, say: I don't know.", [])
    with pytest.raises(InputError):
        refuse_leak(asked, f"{user_text(asked.question, [])}\nHint: open_shop", [])


class Letters:
    """Every letter a direction of its own, and all of them a little alike: as vectors of language models are."""

    name, contextual = "letters", True

    def tokens(self, texts):
        rows = np.eye(128, dtype=np.float32) + 0.3
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return [rows[[ord(letter) % 128 for letter in text]] for text in texts]


def test_the_floor_of_bertscore_hides_no_failure():
    references = ["abc", "def", "ghi", "jkl"]
    wrong, raw = likeness(references[1:] + references[:1], references, Letters()), 0.9
    assert wrong.baseline[2] > raw  # unrelated texts score above 0.9 …
    assert wrong.scores[:, 2] == pytest.approx(0, abs=1e-6)  # … and that is nothing
    assert likeness(references, references, Letters()).scores == pytest.approx(1, abs=1e-5)


def test_likeness_by_hand():
    found = likeness(["ab", "", "xy"], ["abc", "def", "ghi"], Letters())
    floor = found.baseline[1]
    assert found.scores[0, 0] == pytest.approx(1, abs=1e-5)
    assert found.scores[0, 1] == pytest.approx((2 + floor - 3 * floor) / 3 / (1 - floor), abs=1e-5)
    assert found.scores[1].tolist() == [0, 0, 0]
    assert found.name == "bertscore"
    assert likeness(["ab"], ["abc"], Letters()) is None
    assert relevance(["ab"], ["ba"], Letters()) == pytest.approx([1])


@given(st.text("abcdefgh", min_size=2, max_size=12), st.integers(0, 11))
def test_a_spoilt_answer_is_no_more_alike_than_a_whole_one(reference, at):
    spoilt = f"{reference[:at]}z{reference[at + 1 :]}"
    found = likeness([reference, spoilt, "q"], [reference, reference, "zzz"], Letters())
    assert found.scores[0, 2] >= found.scores[1, 2]
    assert found.scores.max() <= 1 + 1e-5
