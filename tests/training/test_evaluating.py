"""Whole reports: of planted answers, beside each other, on paper and on a terminal."""

import json
import random
import re
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

pytest.importorskip("rouge_score")

from tests.training.answers import answered, code, commit, record, right, unanswerable

from whence_training.cli import command
from whence_training.config import Evaluation
from whence_training.errors import InputError
from whence_training.evaluation.behaviour import calibration_error
from whence_training.evaluation.comparing import compare
from whence_training.evaluation.encoders import local_encoder
from whence_training.evaluation.evaluating import evaluate
from whence_training.evaluation.names import Inventory
from whence_training.evaluation.personas import personas
from whence_training.evaluation.report import read_report, write_report
from whence_training.evaluation.rubric import rubric
from whence_training.evaluation.samples import interval, page, rows, write_samples
from whence_training.evaluation.significance import bootstrap, mcnemar
from whence_training.evaluation.suites import HOPS, INJECTION, MISSING, obeyed, suite_of, suites
from whence_training.evaluation.terminal import show
from whence_training.qa.record import Quote

PARTS = ("stock", "price", "invoice", "refund", "country", "customer", "parcel", "voucher")


def _asked(number, **told):
    """A question of its own for each number."""
    part = PARTS[number % len(PARTS)]
    text = f"Works out the {part} number {number} of the shop."
    shown = code(f'def {part}_{number}():\n    """{text}"""', f"shop/{part}.py", 1, f"{part}_{number}")
    return record(f"What does `{part}_{number}` do?", text, (shown,), **told)


ASKED = [_asked(number) for number in range(16)] + [
    unanswerable(f"What does `Cart.fly_{number}` do?") for number in range(4)
]


def _report(answers, model="model", **told):
    return evaluate(answers, Evaluation(), model=model, dataset="1" * 64, **told)


@pytest.fixture
def good():
    return _report([right(each) for each in ASKED], "good")


@pytest.fixture
def poor():
    """Answers everything, half of it with something else, and invents a name."""
    answers = [
        right(each) if number % 2 and each.answerable else answered(each, "It calls `zap_all`. [1]")
        for number, each in enumerate(ASKED)
    ]
    return _report(answers, "poor")


def test_who_answers_all_of_it_as_the_reference_does_has_the_whole_score(good):
    assert good.combined == pytest.approx(1)
    assert good.missing == ("bertscore_f1",)
    for name in (
        "accuracy",
        "exact_match",
        "rougeL",
        "abstention_precision",
        "abstention_recall",
        "citation_precision",
    ):
        assert good.metrics[name] == pytest.approx(1), name
    assert good.metrics["hallucinated"] == 0
    assert good.metrics["abstained"] == pytest.approx(4 / 20)


def test_who_answers_anything_is_told_by_every_measure(poor):
    assert poor.metrics["accuracy"] == pytest.approx(8 / 20)
    assert poor.metrics["hallucinated"] == pytest.approx(12 / 20)
    assert poor.metrics["abstention_recall"] == 0
    assert "abstention_precision" not in poor.metrics  # it never abstained
    assert poor.metrics["calibration_error"] == pytest.approx(0.8 - 8 / 20)
    wrong = next(each for each in poor.predictions if not each.correct)
    assert wrong.problems == ("there is no symbol zap_all",)


def test_what_the_repository_has_is_not_invented():
    asked = _report([answered(ASKED[0], "It calls `zap_all`.")], inventory=Inventory(frozenset({"zap_all"})))
    assert asked.metrics["hallucinated"] == 0
    assert asked.facts["inventory"] == "the repository"


def test_perplexity_is_that_of_all_tokens_together():
    told = [right(ASKED[0], log_loss=(6.0, 2)), right(ASKED[1], log_loss=(0.0, 4)), right(ASKED[2])]
    assert _report(told).metrics["perplexity"] == pytest.approx(2.718281828)


def test_slices_say_where_it_fails(poor):
    assert poor.slices["hops"]["0"]["n"] == 4
    assert poor.slices["hops"]["0"]["accuracy"] == 0
    assert poor.slices["hops"]["1"]["accuracy"] == 0.5
    assert sum(held["n"] for held in poor.slices["module"].values()) == 20


@pytest.mark.parametrize(("correct", "points"), [((5, 5), 5), ((5, 3), 5), ((4, 1), 5), ((5, 0), 1), ((0, 5), 1)])
def test_ten_planted_answers_and_their_points(correct, points):
    """Two authors with five answers each: by hand, 4 to 1 or more comes of 52 in 252 ways to deal five right ones out,
    and 5 to 0 of 2, so that 1.0 - 0.6 is beyond chance."""
    answers = [
        right(_asked(5 * group + place, author=author))
        if place < count
        else answered(_asked(5 * group + place, author=author), "No idea, sorry.")
        for group, (author, count) in enumerate(zip(("Ada", "Grace"), correct, strict=True))
        for place in range(5)
    ]
    mark = _report(answers).rubric["authorship"]
    assert mark.points == points
    assert mark.gap == pytest.approx(abs(correct[0] - correct[1]) / 5)
    assert _report(answers).rubric["tone"].points == 0  # all are asked alike
    assert rubric(_report(answers).predictions, least=6)["authorship"].points == 0


def test_chance_alone_marks_hardly_any_model_as_unfair():
    one = _report([right(_asked(1))]).predictions[0]
    dice, low = random.Random(1), 0
    for _ in range(60):
        dealt = [
            replace(one, correct=dice.random() < 0.5, slices={"author": f"author {place % 20}"}) for place in range(100)
        ]
        low += rubric(dealt)["authorship"].points < 5
    assert low <= 6  # as many as 1 in 20 to be expected, and one in five once had one point


def test_a_question_that_gives_its_answer_away_is_not_evaluated():
    given_away = record(f"Is it true that it {record().answer.lower()}")
    with pytest.raises(InputError, match=given_away.id):
        _report([right(given_away)])
    with pytest.raises(InputError, match="nothing"):
        _report([])


def test_suites_try_a_model_where_models_fail(good):
    made = suites(ASKED, Inventory())
    assert made == suites(ASKED[::-1], Inventory())  # whatever the order
    assert len({each.id for each in made}) == len(made)
    by_suite = {name: [each for each in made if suite_of(each) == name] for name in (INJECTION, MISSING, HOPS)}
    assert all(by_suite.values())
    for each in by_suite[INJECTION]:
        assert obeyed(each.context[0].text)
        assert all(quote.text in each.context[quote.evidence].text for quote in each.quotes)
    for each in by_suite[MISSING]:
        name = re.search(r"`(\w+)`", each.question)[1]
        assert not any(name in evidence.text for evidence in each.context)
        assert not each.answerable
    for each in by_suite[HOPS]:
        assert {each.context[quote.evidence].text.count(quote.text) for quote in each.quotes} == {1}
        assert len({each.context[quote.evidence].source for quote in each.quotes}) == 2
    report = _report([right(each) for each in (*ASKED, *made)])
    assert report.metrics == good.metrics  # a suite measures nothing else
    assert {held["rate"] for held in report.suites.values()} == {1}
    assert set(report.suites) == {*by_suite, *(f"persona-{each.name}" for each in personas())}


def test_who_does_what_the_evidence_says_is_found_out():
    planted = [each for each in suites(ASKED, Inventory()) if suite_of(each) == INJECTION]
    order = re.search(r"heron-\w+", planted[0].context[0].text)[0]
    report = _report([right(ASKED[0]), answered(planted[0], f"{order} [1]"), *(right(each) for each in planted[1:])])
    assert report.suites[INJECTION]["rate"] == pytest.approx(1 - 1 / len(planted))
    assert report.suites[INJECTION]["wanted"] == 1
    assert report.predictions[1].problems[-1] == "obeys an instruction in the evidence"


def test_an_encoder_adds_likeness_under_its_own_name():
    encoder = local_encoder()
    report = _report([right(each) for each in ASKED], encoder=encoder)
    name = "bertscore" if encoder.contextual else "embedding"
    assert report.metrics[f"{name}_f1"] == pytest.approx(1, abs=1e-4)
    assert report.missing == (() if encoder.contextual else ("bertscore_f1",))
    swapped = [answered(one, other.answer) for one, other in zip(ASKED[:12], [*ASKED[1:12], ASKED[0]], strict=True)]
    assert _report(swapped, encoder=encoder).metrics[f"{name}_f1"] < 0.5


def test_two_models_are_compared_question_by_question(poor, good):
    found = compare(poor, good, seed=1)
    assert found == compare(poor, good, seed=1)
    assert found.samples == 20
    assert found.metrics["accuracy"].change == pytest.approx(12 / 20)
    assert found.metrics["accuracy"].sure
    assert (found.correct.before_only, found.correct.after_only) == (0, 12)
    assert found.correct.p == pytest.approx(2 / 2**12)
    assert found.categories["code"][1] == pytest.approx(1)
    same = compare(good, good, seed=1)
    assert not any(each.sure or each.change for each in same.metrics.values())
    assert interval(same.metrics["accuracy"]) == "no\u00a0spread"  # nothing of zero width is called 95 %
    with pytest.raises(InputError, match="not asked one question"):
        compare(poor, _report([right(_asked(99))]), seed=1)


def test_a_few_questions_are_too_few_to_tell(tmp_path):
    """Eight, of which nobody is right: no certainty that both are as bad."""
    one, other = (_report([answered(each, "No idea.") for each in ASKED[:8]], name) for name in ("base", "tuned"))
    compared = compare(one, other, 1)
    assert (compared.metrics["accuracy"].low, compared.metrics["accuracy"].sure) == (None, False)
    assert "too\u00a0few\u00a0to\u00a0tell" in page([one, other], compared)
    for name, report in (("eval_a.json", one), ("eval_b.json", other)):
        write_report(tmp_path / name, report)
    console = Console(width=160, record=True, file=StringIO())
    show(tmp_path, console)
    assert "too\u00a0few\u00a0to\u00a0tell" in console.export_text()


@pytest.mark.parametrize(("lost", "won", "p"), [(2, 10, 0.0385742), (10, 10, 1.0), (0, 0, 1.0), (0, 6, 0.03125)])
def test_mcnemar_has_the_values_of_the_binomial(lost, won, p):
    before = [True] * lost + [False] * won + [True]
    found = mcnemar(before, [not each for each in before[:-1]] + [True])
    assert (found.before_only, found.after_only) == (lost, won)
    assert found.p == pytest.approx(p, abs=1e-6)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30), st.integers(0, 9))
def test_an_interval_is_of_differences_that_can_be(pairs, seed):
    groups = [str(place % 7) for place in range(len(pairs))]
    found = bootstrap([one for one, _ in pairs], [other for _, other in pairs], groups, seed, draws=50)
    assert -1 <= found.low <= found.high <= 1
    assert min(b - a for a, b in pairs) - 1e-9 <= found.low
    assert found.high <= max(b - a for a, b in pairs) + 1e-9


def test_ten_questions_of_one_file_prove_less_than_ten_of_ten():
    before, after = [0.0] * 60, [1.0] * 30 + [0.0] * 30
    alone = bootstrap(before, after, [str(n) for n in range(60)], 1)
    together = bootstrap(before, after, [str(n // 10) for n in range(60)], 1)
    assert (alone.change, together.change) == (0.5, 0.5)
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_calibration_by_hand():
    assert calibration_error([0.95, 0.95, 0.15, 0.15], [True, False, False, False]) == pytest.approx((0.9 + 0.3) / 4)
    assert calibration_error([1.0], [True]) == 0


def test_a_report_is_read_as_it_was_written(tmp_path, poor):
    write_report(tmp_path / "eval.json", poor)
    assert read_report(tmp_path / "eval.json") == poor
    (tmp_path / "eval.json").write_text("{}")
    with pytest.raises(InputError, match=r"eval\.json"):
        read_report(tmp_path / "eval.json")


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.data, self._in = [], "", False

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._in = dict(attrs).get("id") == "data"

    def handle_data(self, data):
        self.data += data if self._in else ""

    def handle_endtag(self, tag):
        self._in = False


def test_the_page_holds_every_sample_and_nothing_from_elsewhere(tmp_path, poor, good):
    write_samples(tmp_path, [poor, good], compare(poor, good, 1))
    lines = [json.loads(line) for line in (tmp_path / "samples.jsonl").read_text("utf-8").splitlines()]
    assert lines == json.loads(json.dumps(rows([poor, good])))
    assert len(lines) == 20
    assert {"question", "truth", "answers"} <= lines[0].keys()
    read = _Page()
    read.feed((tmp_path / "samples.html").read_text("utf-8"))
    assert json.loads(read.data)["rows"] == lines
    shown = (tmp_path / "samples.html").read_text("utf-8")
    assert ".card th { overflow-wrap: anywhere; }" in shown  # or a long name pushes the last column out of its box
    assert not [attrs for _, attrs in read.tags if {"src", "href"} & attrs.keys()]
    assert {"differences.svg", "abstention-1.svg", "accuracy-by-hops.svg"} <= {file.name for file in tmp_path.iterdir()}


def test_what_a_model_says_cannot_become_a_part_of_the_page():
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    asked = record(f"What is {evil}?", context=(code(), commit()), quotes=(Quote(0, "Puts"),), author=evil)
    read = _Page()
    read.feed(page([replace(_report([answered(asked, evil)]), model=evil)]))
    assert [tag for tag, _ in read.tags].count("script") == 2
    assert "img" not in [tag for tag, _ in read.tags]
    assert json.loads(read.data)["rows"][0]["answers"][0]["answer"] == evil


def test_a_run_is_shown_on_a_terminal(tmp_path, poor, good):
    for name, report in (("4a-baseline/eval_baseline.json", poor), ("4d-evaluate/eval_finetuned.json", good)):
        (tmp_path / name).parent.mkdir()
        write_report(tmp_path / name, report)
    console = Console(width=160, record=True, file=StringIO())
    show(tmp_path, console)
    shown = console.export_text()
    assert re.search(r"accuracy +│ +0\.400 │ +1\.000 │ .* \*", shown.replace("\u00a0", " "))
    assert "✗ It calls `zap_all`" in shown
    run = CliRunner().invoke(command, ["--show", str(tmp_path)])
    assert run.exit_code == 0
    assert "accuracy" in run.stdout
    with pytest.raises(InputError, match="holds no report"):
        show(Path(tmp_path / "4c-select"), console)
