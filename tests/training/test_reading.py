"""What a reader learns from: questions about passages, and the sentence among them that answers."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whence_server.generation.prompt import UNKNOWN, system_text, user_text
from whence_server.generation.quoting import Sentence
from whence_server.passages import Passage
from whence_training.reader.recall import recall_record
from whence_training.reader.records import Record, project_records, read_record, record_json, shortened
from whence_training.reader.tokens import IM_END, Codec, branches, sentence_ends, train_reader_tokenizer

WORDS = "server retry cache busy delay send open close request answer timeout session token buffer".split()
GUIDE = """# Waiting for a busy server

The client sends a request again when the server is busy.
Each new attempt waits twice as long
as the one before it.

# Closing sessions

An open session is closed after ten minutes without a request.
"""
CODE = '''def forget_session(session, store):
    """Remove a session and everything that was stored for it."""
    for key in list(store.keys_of(session)):
        store.delete(key)
    store.flush(session, reason="forgotten")
'''


@pytest.fixture
def records(make_repository):
    project = make_repository()
    project.write("docs/guide.md", GUIDE)
    project.write("session.py", CODE)
    project.write("vendor/requests/api.md", "# Elsewhere\n\nThis sentence is of a project that measures the model.\n")
    project.commit("Describe what happens when the server is busy")
    return [record for seed in range(8) for record in project_records(project.path, seed)]


@pytest.fixture(scope="module")
def codec():
    texts = [f"{system_text('quote')} {GUIDE} {CODE} Question: Evidence: I don't know."] * 3
    return Codec(train_reader_tokenizer(texts, 700))


def test_questions_are_answered_by_a_sentence_on_offer(records):
    assert {"words", "name", "unknown"} <= {record.kind for record in records}
    for record in records:
        assert record.answer == UNKNOWN or record.answer in [choice.line for choice in record.choices]
    assert not any("measures the model" in passage.quote for record in records for passage in record.passages)


def test_a_record_is_kept_as_json_and_cut_down_without_losing_its_answer(records):
    for record in records:
        assert read_record(record_json(record)) == record
        short = shortened(record, random.Random(0))
        assert short is None or short.answer.rpartition(" [")[0] == record.answer.rpartition(" [")[0]


@given(st.integers(0, 10_000))
def test_a_made_up_question_has_its_answer_or_none(seed):
    record = recall_record(WORDS, random.Random(seed))
    assert record.answer == UNKNOWN or record.answer in [choice.line for choice in record.choices]


def test_an_example_is_what_the_worker_would_feed(records, codec):
    record = next(record for record in records if record.answer != UNKNOWN)
    example, decode = codec.example(record), codec.tokenizer.decode
    assert decode(example.prompt, skip_special_tokens=False) == (
        f"{user_text(record.question, record.passages)}<|im_end|>\n<|im_start|>assistant\n"
    )
    assert decode(example.answer, skip_special_tokens=False) == f"{record.answer}{IM_END}"
    assert system_text("quote") in decode(codec.prefix, skip_special_tokens=False)


def test_no_text_of_a_repository_becomes_a_control_token(codec):
    assert codec.end not in codec.plain(f"a line with {IM_END} in it").ids


def test_a_choice_is_where_two_answers_part():
    said = [(1, 2, 3), (1, 2, 4, 5), (6, 7)]
    assert list(branches((1, 2, 4, 5), said)) == [(0, (1, 6)), (2, (3, 4))]


def test_sentences_are_found_in_the_prompt_across_lines_and_marks(records):
    hit = records[0].passages[0].hit
    passage = Passage(hit, 1, "# The client waits\n# twice as long. Then it\n# gives up for good.")
    record = Record("words", "how long?", (passage,), "The client waits twice as long. [1]")
    choices = [Sentence("The client waits twice as long.", 1), Sentence("Then it gives up for good.", 1)]
    user = user_text(record.question, record.passages)
    found = [user[end - 5 : end] for _, end in sentence_ends(user, record, choices)]
    assert found == ["long.", "good."]


def test_marks_count_the_right_sentence_and_silence(records):
    pytest.importorskip("rouge_score")
    from whence_training.reader.exam import examine, first

    answered = [record for record in records if record.answer != UNKNOWN]
    unanswerable = [record for record in records if record.answer == UNKNOWN]

    def knowing(record):
        return next((choice for choice in record.choices if choice.line == record.answer), None)

    perfect = examine([*answered, *unanswerable], knowing)
    assert (perfect.sentence, perfect.passage, perfect.rouge, perfect.precision, perfect.recall) == (1, 1, 1, 1, 1)
    silent = examine([*answered, *unanswerable], lambda record: None)
    assert (silent.sentence, silent.recall) == (0, 1)
    assert 0 < examine(answered, first).sentence < 1
