"""Indexing on several cores: the same index as on one, whatever becomes of the other processes."""

import json
import subprocess
import sys

import pytest

from whence_indexer import crew, indexing, schema
from whence_indexer.indexing import update
from whence_indexer.store import Store

FILES = 30


@pytest.fixture
def repository(make_repository):
    """Thirty small files, two of them alike and one no program can read, and as many commits."""
    project = make_repository()
    project.write("latin.py", "# caf\xe9\n".encode("latin-1"))
    project.write("broken.ipynb", '{"cells": [{"cell_type": "code", "source": ["x = \'\\ud800\'"]}]}')
    for number in range(FILES):
        project.write(f"part/module_{number:02}.py", f"def function_{number % 29}():\n    return {number % 29}\n")
        project.commit(f"Add function {number} (#{number + 1})")
    return project.open()


@pytest.fixture
def processes(monkeypatch):
    """Every worker started: three of them, also for little work."""
    monkeypatch.setattr(crew, "_cores", lambda: 4)
    monkeypatch.setattr(indexing, "_FILES_ALONE", 0)
    monkeypatch.setattr(indexing, "_COMMITS_ALONE", 0)
    monkeypatch.setattr(indexing, "_FILES_AT_ONCE", 2)
    monkeypatch.setattr(indexing, "_COMMITS_AT_ONCE", 2)
    started = []
    start = crew._start
    monkeypatch.setattr(crew, "_start", lambda: started.append(start()) or started[-1])
    yield started
    assert all(process.returncode is not None for process in started)  # none is left behind


def contents(repository):
    """Every table but the vectors in the order of its rows; and all vectors."""
    store = Store(repository.index_dir)
    tables = {
        schema.files_table(repository.work_tree): schema.FILES,
        schema.chunks_table(repository.work_tree): schema.CHUNKS,
        schema.COMMITS_TABLE: schema.COMMITS,
        schema.HUNKS_TABLE: schema.HUNKS,
    }
    held = {name: store.rows(name, columns.names).sort_by("_rowid").to_pylist() for name, columns in tables.items()}
    vectors = store.rows(schema.VECTORS_TABLE, ["digest", "vector"]).to_pydict()
    return held, dict(zip(vectors["digest"], vectors["vector"], strict=True))


def test_several_processes_make_the_index_that_one_makes(repository, processes, monkeypatch):
    shared = update(repository)
    expected = contents(repository)
    assert len(processes) == 3
    monkeypatch.setattr(crew, "_cores", lambda: 1)
    alone = update(repository, rebuild=True)
    assert len(processes) == 3
    assert contents(repository) == expected
    assert (shared.files, shared.chunks, shared.embedded) == (alone.files, alone.chunks, alone.embedded)
    assert [problem.where for problem in shared.problems] == ["broken.ipynb"]


def test_workers_that_die_cost_nothing_but_their_help(repository, processes):
    def kill(stage, done, total):
        if stage in ("Indexing files", "Indexing history") and done >= 4:
            for process in processes:
                process.kill()

    report = update(repository, progress=kill)
    assert (report.files, report.commits) == (FILES + 1, FILES)
    assert contents(repository)[0][schema.COMMITS_TABLE][-1]["subject"] == "Add function 0 (#1)"


def test_workers_that_cannot_start_are_not_waited_for(repository, processes, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert update(repository).files == FILES + 1
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    assert update(repository, rebuild=True).commits == FILES


def test_an_interrupted_run_leaves_no_process(repository, processes):
    def interrupt(stage, done, total):
        if stage == "Indexing history":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        update(repository, progress=interrupt)
    assert len(processes) == 3
    assert update(repository).commits == FILES


def test_a_worker_ends_when_its_parent_is_gone():
    worker = crew._start()
    worker.stdin.close()
    worker.stdout.close()
    assert worker.wait(timeout=60) is not None


def test_what_a_worker_prints_never_mixes_with_the_answer(make_repository):
    project = make_repository()
    for number in range(indexing._FILES_ALONE + 1):
        project.write(f"module_{number}.py", f"value = {number}\n")
    command = [sys.executable, "-m", "whence_server", "index", "--json", "--repo", str(project.path)]
    finished = subprocess.run(command, capture_output=True, check=True)
    assert json.loads(finished.stdout)["files"] == indexing._FILES_ALONE + 1


def test_a_repository_cannot_make_a_worker_import_its_files(make_repository, monkeypatch, processes):
    project = make_repository()
    project.write("whence_indexer.py", "raise SystemExit('imported')")
    project.write("numpy.py", "open('imported', 'w')")
    monkeypatch.chdir(project.path)
    assert update(project.open()).files == 2
    assert not (project.path / "imported").exists()
