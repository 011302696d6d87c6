"""The store keeps one promise: what was committed can be read, whatever happens to a writer."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from whence_indexer.bm25 import WordScorer
from whence_indexer.errors import DamagedError, NoIndexError
from whence_indexer.rows import unit_vectors, vector_rows
from whence_indexer.store import State, Store, Writer, size_bytes

ROWS = pa.schema([pa.field("path", pa.string()), pa.field("terms", pa.string())])


def rows(*pairs):
    return pa.table({"path": [path for path, _ in pairs], "terms": [terms for _, terms in pairs]}, schema=ROWS)


@pytest.fixture
def index(tmp_path):
    """An index of two rows, committed."""
    writer = Writer(tmp_path, State())
    writer.append("notes", rows(("a.py", "red apple"), ("b.py", "green pear")))
    writer.commit(embedder="fake", dimension=4)
    return tmp_path


def paths(folder):
    return sorted(Store(folder).rows("notes", ["path"])["path"].to_pylist())


def matches(folder, *words):
    """The paths of the rows that hold some of `words`, best first."""
    store = Store(folder)
    held = store.rows("notes", ["path", "terms"])
    scores = WordScorer(store.segments("notes"), held["terms"].to_numpy()).scores(words)
    return [held["path"][place].as_py() for place in np.argsort(-scores, kind="stable").tolist() if scores[place] > 0]


def test_a_folder_without_an_index_says_so(tmp_path):
    with pytest.raises(NoIndexError, match="no index yet"):
        Store(tmp_path)


def test_words_find_their_rows_best_first(index):
    assert matches(index, "pear") == ["b.py"]
    assert matches(index, "apple", "pear", "red") == ["a.py", "b.py"]


def test_rows_come_back_in_the_order_asked_for(index):
    store = Store(index)
    row_ids = store.rows("notes", ["path"])["_rowid"].to_pylist()
    found = store.take("notes", row_ids[::-1], ["path"])
    assert [row["path"] for row in found] == ["b.py", "a.py"]


def test_a_table_that_was_never_written_is_empty(index):
    assert Store(index).count("commits") == 0
    assert Store(index).segments("commits") == []


def test_what_a_killed_writer_left_is_never_seen_and_taken_back(index):
    abandoned = Writer(index, Store(index).state)
    abandoned.delete("notes", "path", ["a.py"])
    abandoned.append("notes", rows(("c.py", "blue plum")))
    abandoned.append("half", rows(("d.py", "torn")))
    assert paths(index) == ["a.py", "b.py"]

    assert matches(index, "plum") == []

    following = Writer(index, Store(index).state)
    assert sorted(following.column("notes", "path")) == ["a.py", "b.py"]
    assert following.count("half") == 0
    following.append("notes", rows(("e.py", "new fig")))
    following.commit()
    assert paths(index) == ["a.py", "b.py", "e.py"]


def test_a_reader_keeps_its_state_while_a_writer_commits(index):
    reader = Store(index)
    writer = Writer(index, reader.state)
    writer.delete("notes", "path", ["a.py"])
    writer.commit()
    assert reader.count("notes") == 2
    assert paths(index) == ["b.py"]


def test_new_rows_are_found_before_segments_are_merged(index):
    writer = Writer(index, Store(index).state)
    writer.append("notes", rows(("c.py", "blue plum")))
    writer.commit()
    assert matches(index, "plum") == ["c.py"]


def test_values_with_quotes_are_values(index):
    writer = Writer(index, Store(index).state)
    writer.append("notes", rows(("it's.py", "odd")))
    writer.delete("notes", "path", ["it's.py", "' OR 1=1 --"])
    writer.commit()
    assert paths(index) == ["a.py", "b.py"]


def test_many_small_changes_leave_no_trail(index):
    for number in range(60):
        writer = Writer(index, Store(index).state)
        writer.delete("notes", "path", ["a.py"])
        writer.append("notes", rows(("a.py", f"apple {number}")))
        writer.commit()
    manifests = list((index / "tables-0" / "notes.lance" / "_versions").glob("*.manifest"))
    assert len(manifests) < 60
    assert len(list((index / "tables-0" / "words").iterdir())) < 10
    assert paths(index) == ["a.py", "b.py"]


def test_a_new_generation_serves_only_when_it_is_complete(index):
    rebuilding = Writer(index, State(generation=1))
    rebuilding.append("notes", rows(("z.py", "new")))
    assert paths(index) == ["a.py", "b.py"]
    rebuilding.commit()
    assert paths(index) == ["z.py"]
    assert not (index / "tables-0").exists()


def test_keeping_some_rows_removes_the_others(index):
    writer = Writer(index, Store(index).state)
    writer.keep("notes", "path", {"b.py"})
    writer.commit()
    assert paths(index) == ["b.py"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"unknown": 1}', "null"])
def test_an_unreadable_state_is_named_as_damage(index, content):
    (index / "state.json").write_text(content)
    with pytest.raises(DamagedError, match=r"state\.json"):
        Store(index)


def test_a_missing_table_is_named_as_damage(index):
    state = json.loads((index / "state.json").read_text())
    state["tables"]["gone"] = 3
    (index / "state.json").write_text(json.dumps(state))
    with pytest.raises(DamagedError, match="gone"):
        Writer(index, Store(index).state)


def test_a_truncated_data_file_is_named_as_damage(index):
    for file in (index / "tables-0" / "notes.lance" / "data").iterdir():
        file.write_bytes(file.read_bytes()[:20])
    with pytest.raises(DamagedError, match="notes"):
        Store(index).rows("notes", ["path"])


def test_words_that_are_missing_or_cut_short_are_named_as_damage(index):
    (segment,) = (index / "tables-0" / "words").iterdir()
    segment.write_bytes(segment.read_bytes()[:-1])
    with pytest.raises(DamagedError, match=segment.name):
        Store(index).segments("notes")
    segment.unlink()
    with pytest.raises(DamagedError, match=segment.name):
        Store(index).segments("notes")


def test_vectors_keep_their_direction_through_the_store(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(50, 256)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    writer = Writer(tmp_path, State())
    writer.append("vectors", vector_rows([bytes([number]) * 16 for number in range(50)], vectors))
    writer.commit()
    stored = unit_vectors(np.array(Store(tmp_path).rows("vectors", ["vector"])["vector"].to_pylist()))
    assert (stored * vectors).sum(axis=1).min() > 0.9999


def test_a_zero_vector_stays_zero():
    stored = vector_rows([bytes(16)], np.zeros((1, 8), np.float32))["vector"].to_pylist()
    assert not unit_vectors(np.array(stored)).any()


def test_the_database_is_opened_without_the_client_of_remote_catalogues_which_stays_importable(tmp_path):
    program = """
import sys
from pathlib import Path
from whence_indexer.lance import connect
database = connect(Path(sys.argv[1]))
database.create_table("numbers", [{"n": 1}, {"n": 2}])
assert database.open_table("numbers").search().where("n > 1").to_list() == [{"n": 2}]
assert database.list_tables().tables == ["numbers"]
assert not [name for name in sys.modules if name.startswith("lance_namespace_urllib3_client")]
from lance_namespace_urllib3_client.models import QueryTableRequest
assert QueryTableRequest.model_fields
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)


def test_the_size_of_an_index_is_told_while_a_writer_takes_folders_away(tmp_path, monkeypatch):
    (tmp_path / "index.json").write_text("12345")
    for number in range(3):
        (tmp_path / f"tables-{number}" / "chunks").mkdir(parents=True)
        (tmp_path / f"tables-{number}" / "chunks" / "data").write_text("123")
    scandir = os.scandir

    def vanishing(folder):
        if str(folder).endswith("tables-1"):
            shutil.rmtree(folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", vanishing)
    assert size_bytes(tmp_path) == 5 + 3 + 3
