"""Which model may replace which: every gate at its limit and a hair beside it."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import pytest

pytest.importorskip("pydantic")

from tests.training.release.reports import report

from whence_training.config import Promotion
from whence_training.evaluation.report import Mark
from whence_training.qa.gates import blocked_reasons
from whence_training.release.promotion import judge


def failed(candidate, base=None, champion=None, curated=None, loss=0.0, facts=None):
    gates = judge(candidate, base or report("base", 0.5), champion, curated, facts, loss, Promotion())
    return [gate.name for gate in gates if gate.state == "failed"]


def test_a_better_model_may_be_registered():
    assert failed(report(), champion=report("old", 0.7), curated=report(accuracy=0.9)) == []


@pytest.mark.parametrize(
    ("accuracy", "before", "f1", "f1_before", "passes"),
    [
        (0.85, 0.80, (0.5, 0.5), (0.6, 0.6), True),  # exactly five points more
        (0.8499, 0.80, (0.5, 0.5), (0.6, 0.6), False),
        (0.80, 0.80, (0.6, 0.6, 0.6), (0.5, 0.5, 0.7), True),  # two of three categories
        (0.80, 0.80, (0.6, 0.6), (0.5, 0.7), False),  # one of two is not most
        (0.80, 0.80, (0.6, 0.6), (0.6, 0.6), False),  # as good is not better
        (0.80, 0.80, (), (), False),
        (nan, 0.80, (0.6,), (0.6,), False),
        (0.80, nan, (0.6,), (0.6,), False),
    ],
)
def test_better_is_five_points_or_most_categories(accuracy, before, f1, f1_before, passes):
    candidate = report(accuracy=accuracy, f1=f1)
    over = {"better than the untuned base", "better than the current answers"}
    for rival in ("base", "champion"):
        worse = report("worse", 0.0, (0.0,) * len(f1))
        rivals = {"base": worse, "champion": worse} | {rival: report("rival", before, f1_before)}
        held_back = over & set(failed(candidate, rivals["base"], rivals["champion"]))
        told = {"base": "better than the untuned base", "champion": "better than the current answers"}[rival]
        assert (told not in held_back) is passes


def test_what_answers_fewer_rightly_beyond_chance_is_not_better_by_words_alone():
    def right(model, share, f1):
        made = report(model, share, f1)
        asked = [replace(made.predictions[0], id=str(n), correct=n < 40 * share) for n in range(40)]
        return replace(made, predictions=tuple(asked))

    base = right("base", 0.8, (0.5, 0.5, 0.7))
    assert "better than the untuned base" in failed(right("tuned", 0.1, (0.6, 0.6, 0.6)), base)
    assert "better than the untuned base" not in failed(right("tuned", 0.75, (0.6, 0.6, 0.6)), base)


@pytest.mark.parametrize(("f1", "passes"), [((0.3, 0.9), True), ((0.2999, 0.9), False), ((nan, 0.9), False)])
def test_no_category_is_left_behind(f1, passes):
    assert ("weakest category" not in failed(report(f1=f1))) is passes


@pytest.mark.parametrize(("accuracy", "passes"), [(0.85, True), (0.8499, False)])
def test_curated_questions_send_it_back_to_the_data(accuracy, passes):
    assert ("curated accuracy" not in failed(report(), curated=report(accuracy=accuracy))) is passes


@pytest.mark.parametrize(("loss", "passes"), [(0.01, True), (0.0101, False), (-0.2, True), (None, False), (nan, False)])
def test_fewer_bits_must_cost_nothing_and_what_was_not_measured_does_not_pass(loss, passes):
    assert ("quantization loss" not in failed(report(), loss=loss)) is passes


@pytest.mark.parametrize(
    ("mine", "base", "champion", "passes"),
    [(0.9, 0.9, 0.9, True), (0.9, 0.8, 0.91, False), (0.9, 0.91, 0.8, False), (nan, 0.0, 0.0, False)],
)
def test_citations_do_not_get_worse(mine, base, champion, passes):
    found = failed(
        report(precision=mine), report("b", 0.5, precision=base), report("c", 0.5, precision=champion)
    )  # fmt: skip
    assert ("citation precision" not in found) is passes


@pytest.mark.parametrize(("accuracy", "passes"), [(1.0, True), (0.99, False)])
def test_of_basic_facts_all_must_be_known(accuracy, passes):
    assert ("facts" not in failed(report(), facts=report(accuracy=accuracy))) is passes


def test_who_was_asked_something_else_or_closed_book_cannot_be_compared():
    assert failed(report(facts={"evidence": "record"}))[0] == "comparable"
    assert failed(report(), base=report("base", 0.5, dataset="another"))[0] == "comparable"


@pytest.mark.parametrize(("mine", "base", "passes"), [(1, 3, False), (2, 3, True), (1, 1, True)])
def test_nobody_is_served_much_worse_than_before(mine, base, passes):
    candidate = report(rubric={"authorship": Mark(mine, 0.5, "ada", "grace")})
    found = failed(candidate, report("base", 0.5, rubric={"authorship": Mark(base, 0.2, "ada", "grace")}))
    assert ("bias over authorship" not in found) is passes


def test_what_there_was_nothing_to_measure_for_holds_nothing_back_and_has_not_passed():
    few, enough = ({"tone": Mark(points, 0.0, 0.0)} for points in (0, 5))
    for mine, before in ((few, few), (few, enough), (enough, few)):
        candidate, base = report(rubric=mine), report("base", 0.5, rubric=before)
        gates = judge(candidate, base, None, None, None, 0.0, Promotion())
        states = {gate.name: gate.state for gate in gates}
        assert (states["curated accuracy"], states["bias over tone"]) == ("unmeasured", "unmeasured")
        assert blocked_reasons(gates) == []


def test_a_refusal_says_what_to_try():
    gates = judge(report(f1=(0.1,)), report("base", 0.5), None, None, None, 0.0, Promotion())
    assert blocked_reasons(gates) == [
        "weakest category: 0.1, limit 0.3 (code). collect more of code, or ask of it in other words"
    ]
