"""What people say of answers is kept on this machine, without secrets, whatever happens in between; and forgotten."""

from __future__ import annotations

import json

import pytest
from filelock import FileLock
from tests.commands import called, process

from whence_indexer.errors import QueryError, StoreError
from whence_indexer.types import Citation
from whence_server import feedback
from whence_server.feedback import FILE, delete_feedback, give, read_feedback
from whence_server.types import Answer, Model, Timings

ANSWER = Answer(
    "By the bank. [1]", 0.9, False, (Citation(1, "code", "def charge():", "pay.py", 1, 1),), Model("extractive"),
    Timings(0, 0, 0),
)  # fmt: skip


def test_an_opinion_is_kept_with_what_it_is_of(tmp_path):
    given, _ = give(tmp_path, "correction", "How?", ANSWER, "By the till.")
    assert read_feedback(tmp_path) == [given]
    assert (given.verdict, given.text, given.evidence[0]["path"]) == ("correction", "By the till.", "pay.py")


def test_another_opinion_of_an_answer_replaces_the_first_and_a_note_stays_beside_it(tmp_path):
    first, before = give(tmp_path, "up", "How?", ANSWER, of="0123456789ab")
    note, _ = give(tmp_path, "note", "How?", ANSWER, "read on a Monday", of="0123456789ab")
    second, replaced = give(tmp_path, "down", "How?", ANSWER, of="0123456789ab")
    assert (before, replaced) == (None, first)
    assert read_feedback(tmp_path) == [note, second]


def test_a_secret_in_a_note_is_not_kept(tmp_path):
    secret = "ghp_" + "a1B2c3D4e5F6" * 3
    give(tmp_path, "note", f"why {secret}?", ANSWER, f"use {secret}")
    assert secret not in (tmp_path / FILE).read_text()


def test_while_another_process_writes_it_neither_is_lost_without_a_word(tmp_path, monkeypatch):
    monkeypatch.setattr(feedback, "_PATIENCE", 0.1)
    given, _ = give(tmp_path, "up", "How?", ANSWER)
    with FileLock(tmp_path / "feedback.lock"):
        with pytest.raises(StoreError, match="cannot be kept: another process is writing it"):
            give(tmp_path, "down", "How?", ANSWER)
        with pytest.raises(StoreError, match="cannot be deleted: another process is writing it"):
            delete_feedback(tmp_path, given.id)
    assert read_feedback(tmp_path) == [given]


@pytest.mark.parametrize(
    ("verdict", "text"), [("maybe", None), ("note", " "), ("correction", None), ("note", "x" * 30_000)]
)
def test_what_is_no_opinion_is_refused(tmp_path, verdict, text):
    with pytest.raises(QueryError):
        give(tmp_path, verdict, "How?", ANSWER, text)
    assert read_feedback(tmp_path) == []


def test_a_half_written_line_costs_itself_alone(tmp_path):
    first, _ = give(tmp_path, "up", "One?", ANSWER)
    with (tmp_path / FILE).open("a") as file:
        file.write('{"id": "half')
    second, _ = give(tmp_path, "down", "Two?", ANSWER)
    assert read_feedback(tmp_path) == [first, second]


def test_the_command_lists_exports_and_deletes(make_repository, tmp_path):
    repository = make_repository().open()
    one, two = (give(repository.index_dir, "up", question, ANSWER)[0] for question in ("One?", "Two?"))

    def whence(*arguments, run=called):
        return run("feedback", *arguments, "--repo", repository.root)

    assert [each["id"] for each in json.loads(whence("list", "--json", run=process).stdout)["feedback"]] == [
        one.id,
        two.id,
    ]
    assert "2 written" in whence("export", str(tmp_path / "out.jsonl")).stdout
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 2
    assert whence("remove", one.id).returncode == 0
    assert "Two?" in whence("list").stdout
    assert whence("remove", "nothing").returncode == 2
    delete_feedback(repository.index_dir, "all")
    assert read_feedback(repository.index_dir) == []
