"""Metrics against values worked out by hand, and question files as people write them."""

import math

import pytest

from whence_indexer.errors import QueryError
from whence_server.evaluation import identifier_coverage, ndcg, read_examples, recall, reciprocal_rank

GOLD = frozenset({"a", "b"})


def test_recall_counts_the_share_found():
    assert recall(["x", "a", "b"], GOLD, 2) == 0.5
    assert recall(["x", "a", "b"], GOLD, 3) == 1.0


def test_reciprocal_rank_looks_at_the_first_source_only():
    assert reciprocal_rank(["x", "a", "b"], GOLD) == 0.5
    assert reciprocal_rank(["x"], GOLD) == 0.0


def test_ndcg_discounts_by_rank():
    ideal = 1 + 1 / math.log2(3)
    assert ndcg(["a", "b"], GOLD, 10) == 1.0
    assert ndcg(["x", "a", "b"], GOLD, 10) == pytest.approx((1 / math.log2(3) + 1 / 2) / ideal)
    assert ndcg(["a"], GOLD, 1) == 1.0


def test_identifiers_of_a_reference_answer_are_looked_for():
    reference = "It calls `send_file` and then makeResponse, never plain words."
    assert identifier_coverage("def send_file(): ...", reference) == 0.5
    assert identifier_coverage("anything", "no names here") == 1.0


def test_a_question_file_may_name_files_commits_and_an_answer(tmp_path):
    file = tmp_path / "questions.jsonl"
    file.write_text(
        '{"question": "how?", "paths": ["a.py"], "commits": ["abc"], "answer": "so"}\n\n{"question": "why?"}\n'
    )
    first, second = read_examples(file)
    assert (first.paths, first.commits, first.answer) == (frozenset({"a.py"}), frozenset({"abc"}), "so")
    assert second.question == "why?"


@pytest.mark.parametrize("line", ["nonsense", "[]", "{}", '{"question": 3}', '{"question": "a", "paths": [1]}'])
def test_a_bad_line_is_named_by_its_number(tmp_path, line):
    file = tmp_path / "questions.jsonl"
    file.write_text('{"question": "how?"}\n' + line + "\n")
    with pytest.raises(QueryError, match="line 2"):
        read_examples(file)


def test_a_missing_or_empty_file_is_an_error(tmp_path):
    with pytest.raises(QueryError, match="cannot be read"):
        read_examples(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(QueryError, match="no questions"):
        read_examples(tmp_path / "empty.jsonl")
