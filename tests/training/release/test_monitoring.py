"""What the local log and feedback tell of a deployed model."""

from __future__ import annotations

import numpy as np
import pytest
from tests.commands import called
from tests.lsp.conftest import sells

from whence_indexer.repository import open_repository
from whence_server.feedback import Feedback
from whence_server.questionlog import FILE, Entry, read_questions
from whence_training.config import Monitoring
from whence_training.release.monitoring import by_model, signals, smoothed, stability, topics
from whence_training.release.monitorpage import page

TOLD = Monitoring()


def asked(count, question="How is a card charged?", **changes):
    fields = {"model": "tuned@1.0", "confidence": 0.8, "abstained": False, "cited": 2, "seconds": 0.5}
    return [Entry("2024-01-01T00:00:00+00:00", question, **(fields | changes)) for _ in range(count)]


def said(*verdicts):
    return [Feedback(f"{number}", "", verdict, "Why?", "So.") for number, verdict in enumerate(verdicts)]


def around(*directions, spread=0.1, seed=0):
    random = np.random.default_rng(seed)
    vectors = np.eye(8)[list(directions)] + random.normal(0, spread, (len(directions), 8))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def watched(name, given=(), entries=(), vectors=None):
    vectors = np.zeros((0, 8), np.float32) if vectors is None else vectors
    return next(each for each in signals(given, entries, vectors, TOLD) if each.name == name)


def test_questions_are_kept_only_where_the_user_wants_that_and_without_secrets(make_repository, monkeypatch):
    shop = sells(make_repository("shop"))
    folder = open_repository(shop.path).index_dir
    question = "who may use the key AKIAIOSFODNN7EXAMPL3?"  # whence: allow
    assert called("ask", question, "--repo", shop.path, "--model", "none").returncode == 0
    assert read_questions(folder) == []
    monkeypatch.setenv("WHENCE_KEEP_QUESTIONS", "1")
    called("ask", question, "--repo", shop.path, "--model", "none")
    with (folder / FILE).open("a") as file:
        file.write('{"half a li')
    (kept,) = read_questions(folder)
    assert kept.model == "extractive"
    assert "AKIA" not in (folder / FILE).read_text()


def test_the_mean_follows_what_is_new():
    assert smoothed([1.0, 0.0, 0.0], 0.5) == [1.0, 0.5, 0.25]


def test_too_few_opinions_say_nothing_and_twenty_do():
    assert watched("satisfaction", said(*["down"] * 19)).value is None
    assert watched("satisfaction", said(*["down"] * 20)).bad
    assert not watched("satisfaction", said(*["up"] * 20)).bad
    assert watched("corrections", said(*["up"] * 20, *["correction"] * 10)).bad
    assert not watched("corrections", said(*["up"] * 20, "note")).bad
    assert watched("abstention", entries=asked(20, abstained=True)).bad
    assert not watched("abstention", entries=asked(20)).bad


def test_other_questions_than_before_are_drift_and_chance_is_none():
    assert stability([10, 10], [10, 10]) == 0
    assert watched("drift", vectors=around(*[0, 1, 2, 3] * 20, *[4, 5, 6, 7] * 20)).bad
    flagged = [watched("drift", vectors=around(*np.random.default_rng(n).integers(0, 8, 80), seed=n)).bad
               for n in range(40)]  # fmt: skip
    assert sum(flagged) <= 6
    assert watched("drift", vectors=around(*[0] * 38)).value is None


def test_what_is_asked_most_and_what_nobody_answers():
    entries = [*asked(6, "How is a card charged?"), *asked(10, "Where are taxes?", abstained=True, confidence=0.1)]
    found = topics(entries, around(*[0] * 6, *[1] * 10))
    assert [(topic.example, topic.questions, topic.unanswered) for topic in found] == [
        ("Where are taxes?", 10, 1.0), ("How is a card charged?", 6, 0.0)
    ]  # fmt: skip
    assert topics(entries[:2], around(0, 0)) == []
    assert by_model(entries)["tuned@1.0"]["questions"] == 16


@pytest.mark.parametrize("question", ["<script>alert(1)</script>", 'a"b'])
def test_the_page_shows_questions_as_text(question):
    entries = asked(20, question, abstained=True)
    vectors = around(*[0] * 20)
    shown = page("Shop", signals([], entries, vectors, TOLD), topics(entries, vectors), [("tuned@1.0", "20")])
    assert "<script" not in shown
    assert shown.count("<svg") == 1
    assert 'class="bad">1.000' in shown
