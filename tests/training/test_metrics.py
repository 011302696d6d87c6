"""Answers beside references: the numbers that others publish, and those that can be worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("rouge_score")

from whence_training.config import Weights
from whence_training.evaluation.metrics import bleu, combined, exact_match, rouge, score, token_scores

WEIGHTS = Weights().model_dump()


def test_the_combined_score_is_the_weighted_mean():
    value, missing = combined({"bertscore_f1": 0.8, "rougeL": 0.44, "token_f1": 0.47, "rouge1": 0.52}, WEIGHTS)
    assert value == pytest.approx(0.4 * 0.8 + 0.3 * 0.44 + 0.2 * 0.47 + 0.1 * 0.52)
    assert missing == ()


def test_the_published_metrics_of_the_energyai_pipeline_give_its_published_score():
    """As its report of the tuned model has them (eval_finetuned.json: 7,346 samples, Llama-3.2-3B, LoRA)."""
    published = {
        "bertscore_f1": 0.9080653190612793,
        "rougeL": 0.3859523064030608,
        "token_f1": 0.37784404547416534,
        "rouge1": 0.4367727779683871,
    }
    value, missing = combined(published, WEIGHTS)
    assert round(value, 5) == 0.59826
    assert value == pytest.approx(0.5982579064371017, abs=1e-12)
    assert missing == ()


def test_a_missing_metric_is_said_and_the_others_weigh_more():
    value, missing = combined({"rougeL": 0.5, "token_f1": 0.2, "rouge1": 0.2}, WEIGHTS)
    assert missing == ("bertscore_f1",)
    assert value == pytest.approx((0.3 * 0.5 + 0.2 * 0.2 + 0.1 * 0.2) / 0.6)
    with pytest.raises(ValueError, match="none of"):
        combined({}, WEIGHTS)


@pytest.mark.parametrize(
    ("answer", "reference", "exact", "f1"),
    [
        ("The Denver Broncos!", "denver broncos", 1, 1),
        ("Broncos", "Denver Broncos", 0, 2 / 3),
        ("in the cat", "the dog in a house", 0, 0.4),
        ("", "", 1, 1),
        ("", "something", 0, 0),
    ],
)
def test_answers_are_compared_as_squad_does(answer, reference, exact, f1):
    assert exact_match(answer, reference) == exact
    assert token_scores(answer, reference)["token_f1"] == pytest.approx(f1)


def test_rouge_and_bleu_by_hand():
    found = rouge("the cat sat on the mat", "the cat is on the mat")
    assert found == pytest.approx({"rouge1": 5 / 6, "rouge2": 3 / 5, "rougeL": 5 / 6})
    assert bleu("the cat sat on the mat", "the cat sat on the mat") == pytest.approx(1)
    assert bleu("dogs run", "the cat sat") == 0


@given(st.text(), st.text())
def test_every_score_is_a_share_and_the_same_text_scores_best(answer, reference):
    assert all(0 <= value <= 1 + 1e-9 for value in score(answer, reference).values())
    assert score(answer, answer)["exact_match"] == 1


@given(st.lists(st.sampled_from("cart adds items counts prices stock returns".split()), min_size=2, max_size=12))
def test_what_is_left_out_of_an_answer_never_makes_it_better(words):
    reference = " ".join(words)
    scores = [score(" ".join(words[:kept]), reference) for kept in range(len(words), 0, -1)]
    for name in ("token_f1", "token_recall", "rouge1", "rougeL", "bleu"):
        values = [each[name] for each in scores]
        assert values == sorted(values, reverse=True), name
