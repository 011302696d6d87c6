"""The benchmarks' own arithmetic against values worked out by hand; no clone and no index is needed."""

import math
import random
import subprocess

import numpy as np
import pytest
from tests.benchmarks import synthetic
from tests.benchmarks.ablation import NEUTRAL
from tests.benchmarks.calibration import auroc, calibration_error, fit
from tests.benchmarks.checkouts import check_out
from tests.benchmarks.datasets import Target, gold_files, ndcg_of_targets
from tests.benchmarks.markdown import table, with_section
from tests.benchmarks.reasons import make_cases, subject_question
from tests.benchmarks.speed import Measure
from tests.benchmarks.why import is_format_only

from whence_indexer import ranking
from whence_indexer.types import Hit

TRACKED = [
    "src/flask/app.py",
    "src/flask/cli.py",
    "tests/test_cli.py",
    "src/flask/json/tag.py",
    "docs/tag.py",
    "setup.py",
]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("See `src/flask/app.py` (line 3).", {"src/flask/app.py"}),
        ("It is in ./src/flask/app.py and /setup.py.", {"src/flask/app.py", "setup.py"}),
        ("In app.py, and in flask/cli.py.", {"src/flask/app.py", "src/flask/cli.py"}),
        ("tag.py is one of two; json/tag.py is not.", {"src/flask/json/tag.py"}),
        ("pp.py is no file, nor is cli.rb, nor missing.py.", set()),
    ],
)
def test_gold_files_are_those_an_answer_names_without_doubt(answer, expected):
    assert gold_files(answer, TRACKED) == expected


def hit(path, start=1, end=10):
    return Hit("code", 1.0, "", path, start, end)


def test_a_file_ranks_by_its_first_chunk_and_its_others_use_up_ranks():
    hits = [hit("a"), hit("a", 11, 20), hit("b")]
    assert ndcg_of_targets(hits, [Target("a"), Target("b")]) == pytest.approx((1 + 1 / 2) / (1 + 1 / math.log2(3)))


def test_lines_must_overlap():
    hits = [hit("a", 1, 10), hit("a", 11, 20)]
    assert ndcg_of_targets(hits, [Target("a", 20, 30)]) == pytest.approx(1 / math.log2(3))
    assert ndcg_of_targets(hits, [Target("a", 21, 30)]) == 0
    assert ndcg_of_targets(hits, [Target("a", 10, 10)]) == 1


def test_two_targets_at_one_rank_count_once_but_the_ideal_has_both():
    targets = [Target("a", 1, 3), Target("a", 5, 8)]
    assert ndcg_of_targets([hit("a")], targets) == pytest.approx(1 / (1 + 1 / math.log2(3)))


def test_paths_are_compared_whole_and_only_ten_chunks_count():
    assert ndcg_of_targets([hit("lib/a")], [Target("a")]) == 0
    assert ndcg_of_targets([*(hit(f"x{number}") for number in range(10)), hit("a")], [Target("a")]) == 0


def test_the_ideal_has_at_most_ten_targets():
    targets = [Target(str(number)) for number in range(12)]
    assert ndcg_of_targets([hit(str(number)) for number in range(10)], targets) == pytest.approx(1)


def test_a_section_is_replaced_and_the_rest_of_the_page_stays():
    page = "# Title\n\n<!-- a:begin -->\nold\n<!-- a:end -->\n\ntext\n<!-- b:begin -->\nkept\n<!-- b:end -->\n"
    assert with_section(page, "a", "new\n") == page.replace("old", "new")
    assert with_section(with_section(page, "a", "new"), "a", "old") == page


def test_a_page_without_the_markers_gets_them_at_its_end():
    assert with_section("text\n", "a", "new") == "text\n\n<!-- a:begin -->\nnew\n<!-- a:end -->\n"
    assert with_section("", "a", "new") == "<!-- a:begin -->\nnew\n<!-- a:end -->\n"


def test_a_table_has_a_rule_under_its_header():
    assert table(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | --: |\n| x | 1 |"


def test_auroc_counts_ties_half():
    assert auroc([0.9, 0.8], [0.1, 0.2, 0.3]) == 1.0
    assert auroc([0.5], [0.5]) == 0.5
    assert auroc([0.5, 0.9], [0.5, 0.7]) == pytest.approx((0.5 + 0 + 1 + 1) / 4)


def test_the_fit_finds_the_feature_that_tells_and_centres_the_classes():
    chance = np.random.default_rng(0)
    own = np.arange(400) % 4 == 0
    features = np.column_stack([own * 2.0 + chance.normal(size=400), chance.normal(size=400)])
    bias, coefficients = fit(features, own, np.where(own, 2.0, 2 / 3))
    assert coefficients[0] > 5 * abs(coefficients[1])
    assert abs(bias + coefficients[0] * 1.0) < 0.3  # half-way between the means of the two classes, weighed equal


@pytest.mark.parametrize(("value", "verdict"), [(1.0, "met"), (1.5, "missed")])
def test_a_bar_is_met_or_missed(value, verdict):
    assert Measure("index", value, "×", bar=1.0).verdict == verdict


def test_the_made_up_repository_is_the_same_each_time_and_a_checkout_leaves_it_alone(tmp_path):
    heads = []
    for name in ("first", "second"):
        synthetic.make_repository(tmp_path / name, files=3, commits=5)
        heads.append(git(tmp_path / name, "rev-parse", "HEAD"))
    assert heads[0] == heads[1]
    assert git(tmp_path / "first", "rev-list", "--count", "HEAD") == "5"

    work_tree, note = check_out(tmp_path / "first", tmp_path / "copy", "HEAD~2")
    assert (note, git(work_tree, "rev-list", "--count", "HEAD")) == ("", "3")
    assert check_out(tmp_path / "first", tmp_path / "other", "0" * 40)[1] == "at HEAD"
    assert git(tmp_path / "first", "rev-parse", "HEAD") == heads[0]
    assert git(tmp_path / "first", "worktree", "list").count("\n") == 0


def git(folder, *arguments):
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_every_weight_of_the_ranking_has_its_ablation():
    assert {name for name, value in vars(ranking).items() if name[0].isupper() and isinstance(value, float)} == set(
        NEUTRAL
    )


@pytest.mark.parametrize(
    ("path", "before", "after", "expected"),
    [
        ("a.py", "x = f('a', 'b')  # c\n", 'x = f(\n    "a",\n    "b",\n)  #  c\n', True),
        ("a.py", "x = 'a' 'b'\n", "x = 'ab'\n", True),
        ("a.py", "x = 0\n", "x = '0'\n", False),
        ("a.py", "x = (1)  # c\n", "x = (1,)  # c\n", False),
        ("a.py", "x = 1  # c\n", "x = 1  # d\n", False),
        ("a.js", "f('a', b);\n", 'f(\n  "a",\n  b,\n)\n', True),
        ("a.js", "f(1)\n", "f('1')\n", False),
        ("a.txt", "one two\nthree\n", "one\ntwo three\n", True),
        ("a.txt", "one\n", "two\n", False),
    ],
)
def test_a_commit_is_format_only_when_its_files_say_the_same(make_repository, path, before, after, expected):
    project = make_repository()
    project.write(path, before)
    first = project.commit("Before")
    project.write(path, after)
    second = project.commit("After")
    assert is_format_only(project.open(), second) is expected
    assert not is_format_only(project.open(), first)


@pytest.mark.parametrize(
    ("subject", "question"),
    [
        ("Add a cache to the loader (#12)", "Why was a cache to the loader added?"),
        ("net: remove the old retry loop.", "Why was the old retry loop removed?"),
        ("Release 2.0", None),
        ("Fix typo", None),
    ],
)
def test_a_subject_becomes_a_question_of_why(subject, question):
    assert subject_question(subject) == question


def test_questions_of_why_are_made_from_commits_that_say_it_and_code_that_is_still_theirs(make_repository):
    project = make_repository()
    project.write("pay.py", "def charge(card, amount):\n    card.debit(amount)\n")
    project.commit("Add paying for everyone")
    project.write("pay.py", "def charge(card, amount):\n    card.debit(round_half_up(amount))\n")
    told = project.commit("Fix amounts of money\n\nThe bank rounds up, because the law says so.")
    cases = make_cases(project.open(), 5, random.Random(0))
    assert [(case.kind, case.text, case.sha) for case in cases] == [
        ("subject", "Why was amounts of money fixed?", told),
        ("code", "Why does `charge` use `round_half_up`?", told),
    ]


def test_the_calibration_error_is_the_gap_between_what_is_said_and_what_is_so():
    assert calibration_error([1.0, 1.0], [0.0] * 30) == 0
    assert calibration_error([0.0], [1.0]) == 1
    assert calibration_error([0.75], [0.75]) == pytest.approx(0.25)
