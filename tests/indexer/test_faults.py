"""Tearing at the index: killed writers, a thousand edits, a disk that fills. Minutes, so not in the default run."""

import os
import random
import resource
import signal
import subprocess
import sys
import time

import pytest

from whence_indexer.embedder import load_embedder
from whence_indexer.errors import StoreError
from whence_indexer.indexing import update
from whence_indexer.search import Searcher
from whence_indexer.store import Store, size_bytes

pytestmark = pytest.mark.slow

INDEX = [sys.executable, "-m", "whence_server", "index", "--repo"]


def searcher(repository):
    store = Store(repository.index_dir)
    return Searcher(repository, store, load_embedder(store.state.model))


def test_a_writer_killed_at_any_moment_leaves_an_index_that_answers(make_repository):
    project = make_repository()
    for number in range(300):
        project.write(f"module_{number}.py", f"def function_{number}():\n    return {number}\n")
    project.commit("Add three hundred functions")
    repository = project.open()
    before = update(repository)
    chance = random.Random(7)
    for round_ in range(12):
        for number in range(0, 300, 3):
            project.write(f"module_{number}.py", f"def function_{number}():\n    return 'round {round_}'\n")
        project.commit(f"Round {round_}")
        writer = subprocess.Popen([*INDEX, str(project.path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.5, 4.0))
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        hits = searcher(repository).search("function_7", 3, ["code"])
        assert hits[0].path == "module_7.py"
    after = update(repository)
    assert after.problems == []
    assert (after.files, after.chunks) == (before.files, before.chunks)
    assert after.commits == 13
    assert any("round 11" in hit.text for hit in searcher(repository).search("function_9", 5, ["code"]))


def test_a_thousand_edits_leave_an_index_of_at_most_twice_its_live_data(make_repository):
    project = make_repository()
    for number in range(100):
        body = "\n".join(f"    step_{line} = prepare({number}, {line})" for line in range(20))
        project.write(f"module_{number}.py", f"def function_{number}():\n{body}\n")
    project.commit("Add a hundred functions")
    repository = project.open()
    update(repository)
    for edit in range(1000):
        project.write(f"module_{edit % 100}.py", f"def function_{edit % 100}():\n    return 'edit {edit}'\n" * 8)
        update(repository)
    assert any("edit 999" in hit.text for hit in searcher(repository).search("edit 999", 5, ["code"]))
    worn = size_bytes(repository.index_dir)
    live = update(repository, rebuild=True).index_bytes
    assert worn <= 2 * live


def test_a_full_disk_is_named_and_loses_nothing(make_repository):
    project = make_repository()
    project.write("kept.py", "def kept():\n    return 'here before'\n")
    project.commit("Add kept")
    repository = project.open()
    update(repository)
    project.write("large.py", "\n".join(f"value_{number} = {random.random()}" for number in range(20_000)))
    run = subprocess.run(
        [*INDEX, str(project.path)],
        preexec_fn=lambda: (
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
        ),
        capture_output=True,
        text=True,
        env=os.environ,
    )
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert searcher(repository).search("kept", 1, ["code"])[0].path == "kept.py"
    assert update(repository).problems == []


def test_an_index_folder_that_cannot_be_written_is_named(make_repository):
    project = make_repository()
    project.write("a.py", "x = 1\n")
    project.commit("Add a")
    repository = project.open()
    repository.index_dir.write_text("in the way")
    with pytest.raises(StoreError, match="cannot write the index"):
        update(repository)
