"""Near-copies, novelty, validators, splits and gates: each on records that a reader can judge at sight."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("datasketch")
pytest.importorskip("rouge_score")

from whence_server.likeness import jaccard, shingle
from whence_training.qa.duplicates import alike, near_copies
from whence_training.qa.gates import DOMINANCE, Limits, blocked, check, rebalance
from whence_training.qa.novelty import Pool
from whence_training.qa.record import Evidence, Quote, Record, dump, read_records
from whence_training.qa.splitting import Shares, _without_copies, find_leaks, split
from whence_training.qa.validation import extractive_share, validate

WORDS = st.lists(st.sampled_from("ab bc cd de ef fg gh hi ij jk".split()), min_size=4, max_size=40)


def record(number=0, *, path="a.py", author="", category="code", date="", **changes):
    place = None if category == "history" else path
    text = f"def item_{number}():\n    pass  # gives the number {number}"
    commit = f"{number:040x}" if category == "history" else None
    shown = Evidence(
        "code" if place else "commit", text, path=place, start_line=3 * number + 1, commit=commit, date=date or None
    )
    made = Record(
        category, "what", "easy", f"What does `item_{number}` give?", f"Gives the number {number}.", (shown,),
        (Quote(0, text),), f"rules:{number % 3}", path if place else f"commit {commit}", author, date,
    )  # fmt: skip
    return replace(made, **changes)


@given(WORDS, st.data())
def test_a_near_copy_is_found_and_nothing_else_is_called_one(words, data):
    texts = [" ".join(words), " ".join(words), " ".join(data.draw(WORDS)), " ".join([*words, "zz"])]
    copies = near_copies(texts)
    assert copies[1] == 0
    assert all(jaccard(shingle(texts[place]), shingle(texts[other])) >= 0.8 for place, other in copies.items())


def test_long_texts_that_differ_in_a_word_are_copies():
    text = " ".join(f"word{number}" for number in range(200))
    assert near_copies([text, text.replace("word100", "other"), "something else altogether here"]) == {1: 0}


def test_a_question_asked_again_in_other_words_is_not_new():
    pool = Pool()
    assert pool.add("Why did we cache the prices of items?", "why") is None
    assert pool.add("What was the reason to cache the prices of items?", "why") is not None
    assert pool.add("Why did we remove the basket view?", "why") is None
    assert pool.add("What does `Cart.add` do?", "what") is None
    assert pool.add("What does `Cart.add_all` do?", "what") is None
    assert pool.add("What is the purpose of `Cart.add`?", "what") is not None


@pytest.mark.parametrize(
    ("changes", "validator"),
    [
        ({"answer": "Opens the gates of the city at dawn."}, "support"),
        ({"quotes": (Quote(0, "not there"),)}, "origin"),
        ({"question": "What does this function give?"}, "self-contained"),
        ({"question": "What does `Warehouse.close` lock?"}, "relevancy"),
        (
            {"question": "Does `item_2` do what I mean: gives the number 2?", "answer": "Gives the number 2."},
            "open question",
        ),
    ],
)
def test_a_wrong_record_is_quarantined_with_the_reason(changes, validator):
    good, bad = validate([record(1), replace(record(2), **changes)], None)
    assert [each.question for each in good] == ["What does `item_1` give?"]
    assert validator in [verdict.validator for verdict in bad[0].verdicts if not verdict.ok]
    assert next(verdict.why for verdict in bad[0].verdicts if not verdict.ok)


def test_two_answers_to_one_question_are_both_kept_back():
    other = replace(record(2), question=record(1).question)
    good, bad = validate([record(1), other], None)
    assert good == []
    assert len(bad) == 2


def test_a_second_model_has_the_last_word():
    good, bad = validate([record(1), record(2)], None, judge=lambda each: float("1" in each.answer))
    assert ([len(good), len(bad)], bad[0].verdicts[-1].validator) == ([1, 1], "agreement")


def test_an_answer_in_the_words_of_its_quote_is_extractive():
    assert extractive_share(record(1)) == 1
    assert extractive_share(replace(record(1), answer="Some other words entirely.")) == 0


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.sampled_from(["a.py", "b.py", "c.py", "d.py"]), st.booleans()), max_size=60
    )
)
def test_no_source_is_in_two_splits_and_nothing_learnt_is_later_than_what_measures(drawn):
    records = [
        record(
            number,
            path=path,
            category="history" if dated else "code",
            date=f"2024-01-{number % 28 + 1:02}" if dated else "",
        )
        for number, path, dated in dict.fromkeys(drawn)
    ]
    placed, gone = split(records, Shares())
    assert find_leaks(placed) == []
    assert len(placed) + len(gone) == len(records)
    assert [each.split for each in placed] == [each.split for each in split(records, Shares())[0]]


def test_a_leak_is_told():
    one, other = replace(record(1), split="train"), replace(record(2), split="test")
    assert {leak.what for leak in find_leaks([one, other])} == {"group", "source"}
    copy = replace(record(1, path="b.py"), split="test")
    assert {"question", "near-copy"} <= {leak.what for leak in find_leaks([one, copy])}
    early = record(3, category="history", date="2023-01-01", split="test")
    late = record(4, category="history", date="2024-01-01", split="train")
    assert [leak.what for leak in find_leaks([early, late])] == ["time"]


@pytest.mark.parametrize("seed", range(5))
def test_a_large_file_and_questions_of_several_files_leave_enough_to_measure_with(seed):
    large = [record(number, path="core.py") for number in range(30)]
    small = [record(number, path=f"{number}.py") for number in range(30, 100)]

    def of_both(one, other):
        quotes = (*one.quotes, Quote(1, other.quotes[0].text))
        return replace(one, question=f"{one.question} Or {other.answer}", context=one.context + other.context,
                       quotes=quotes)  # fmt: skip

    joined = [of_both(one, other) for one, other in pairwise(small)]  # each file tied to the next
    placed, gone = split([*large, *small, *joined], Shares(), seed)
    splits = [each.split for each in placed if each.group != "core.py"]
    assert {each.split for each in placed if each.group == "core.py"} == {"train"}
    assert splits.count("test") >= 7
    assert splits.count("validation") >= 7
    assert {each.question for each in gone} <= {each.question for each in joined}
    assert find_leaks(placed) == []


def test_what_is_like_a_copy_of_what_measures_is_not_learnt_from_either():
    """The first two are alike, and the last two, but the first and the last are not."""
    words = [f"word{number}" for number in range(30)]
    texts = [" ".join(words), " ".join([*words[3:], "new"]), " ".join([*words[6:], "new", "newer"])]
    assert list(alike(texts, 0.8)) == [(0, 1), (1, 2)]
    records = [
        replace(record(place, path=f"{place}.py"), question=text, answer="", split=split)
        for place, (text, split) in enumerate(zip(texts, ("test", "test", "train"), strict=True))
    ]
    assert [leak.what for leak in find_leaks(records)] == ["near-copy"]
    assert _without_copies(records) == (records[:2], records[2:])


@given(st.lists(WORDS, max_size=12))
def test_no_pair_that_is_alike_is_missed(drawn):
    texts = [" ".join(words) for words in drawn]
    pairs = [(one, two) for two in range(len(texts)) for one in range(two)]
    near = [(one, two) for one, two in pairs if jaccard(shingle(texts[one]), shingle(texts[two])) >= 0.6]
    assert list(alike(texts, 0.6)) == near


def limits(**changes):
    return Limits(**{"share": 1.0, "per_category": 1, **changes})


def test_half_by_one_author_passes_and_one_more_is_blocked():
    half = [record(number, author="Ada" if number < 50 else f"author {number}") for number in range(100)]
    only_author = limits(dominance={"author": 0.5})
    assert blocked(check(half, only_author, 1)) == []
    more = [*half, record(100, author="Ada")]
    (gate,) = blocked(check(more, only_author, 1))
    assert (gate.name, gate.what) == ("dominance of one author", "Ada")
    assert "--rebalance takes out 1 examples, which leaves 100" in gate.advice
    placed = [replace(each, split="train" if number < 50 else "test") for number, each in enumerate(half)]
    assert [gate.what for gate in blocked(check(placed, only_author, 1))] == ["Ada"]  # all that is learnt from


def test_rebalancing_is_not_proposed_where_too_few_would_be_left():
    mostly = [record(number, author="Ada" if number else "Grace") for number in range(100)]
    (gate,) = blocked(check(mostly, limits(dominance={"author": 0.5}), 1))
    assert "--rebalance" not in gate.advice
    assert "dataset_generator.gates.author: 1" in gate.advice


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["x/a.py", "x/b.py", "y/c.py", "d.py"])), max_size=80)
)
def test_after_rebalancing_nothing_dominates(drawn):
    records = [record(number, author=author, path=path) for number, (author, path) in enumerate(drawn)]
    kept = rebalance(records, Limits())
    for value_of in DOMINANCE.values():
        values = [value_of(each) for each in kept]
        assert all(values.count(value) <= len(kept) / 2 for value in set(values) if value)


@pytest.mark.parametrize(("count", "fails"), [(19, True), (20, False)])
def test_twenty_examples_are_enough(count, fails):
    names = [gate.name for gate in blocked(check([record(n) for n in range(count)], limits(), 1))]
    assert ("minimum" in names) == fails


@pytest.mark.parametrize(("count", "state"), [(2, "failed"), (3, "warned"), (4, "warned"), (5, "passed")])
def test_a_category_needs_three_and_should_have_five(count, state):
    records = [*(record(n) for n in range(25)), *(record(n, category="docs") for n in range(30, 30 + count))]
    gates = {gate.name: gate.state for gate in check(records, limits(per_category=3), 1)}
    assert gates["category docs"] == state
    assert gates["imbalance"] == ("warned" if 25 / count > 5 else "passed")


def test_the_same_question_over_the_same_evidence_with_two_answers_is_a_conflict():
    records = [*(record(n) for n in range(20)), replace(record(1), answer="Gives nothing.")]
    assert "conflicts" in [gate.name for gate in blocked(check(records, limits(), 1))]


def test_records_come_back_from_their_file_and_an_altered_one_is_named(tmp_path):
    file = tmp_path / "train.jsonl"
    records = [replace(record(n), split="train") for n in range(3)]
    file.write_text(dump(records))
    assert read_records(file) == records
    file.write_text(dump(records).replace("number 1.", "number 9."))
    with pytest.raises(Exception, match=r"train\.jsonl line 2 is no record: its hash"):
        read_records(file)
