"""Runs as they lie on disk, finished, under way, killed or damaged; and a job that outlives who started it."""

from __future__ import annotations

import json
import sys
import time

import pytest
from filelock import FileLock

from whence_server.errors import TrainingJobError
from whence_server.training import job
from whence_server.training.job import is_running, last_line, launch, read_job, stop
from whence_server.training.runs import read_run, read_runs

STAGES = [{"stage": "3", "name": "generate", "title": "ask and answer"}, {"stage": "4b", "name": "train", "title": "t"}]


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "runs" / "abc-123"
    folder.mkdir(parents=True)
    write(folder / "run.json", {"began": "2026-01-01T00:00:00+00:00", "ended": "2026-01-01T01:00:00+00:00",
                                "state": "completed", "stages": STAGES, "reasons": []})  # fmt: skip
    write(
        folder / "3-generate" / "stage.json", {"inputs": "", "files": {}, "summary": {"records": 1234, "blocked": []}}
    )
    write(folder / "3-generate" / "dataset.json", {"version": "v", "records": 40, "quarantined": 2,
                                                   "splits": {"train": 30, "validation": 5, "test": 5}})  # fmt: skip
    gate = {"name": "minimum", "state": "failed", "value": 7, "limit": 20, "what": "", "advice": "index more"}
    write(folder / "3-generate" / "gates.json", [gate])
    write(folder / "4b-train" / "stage.json", {"summary": {"epochs": 3}})
    return folder


def write(file, value):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(value if isinstance(value, str) else json.dumps(value))


def test_a_finished_run_tells_its_data_measures_gates_and_model(run):
    write(run / "4a-baseline" / "eval_baseline.json", {"metrics": {"token_f1": 0.5, "accuracy": 0.6}, "combined": 0.4})
    write(run / "4d-evaluate" / "eval_finetuned.json", {"metrics": {"token_f1": 0.7}, "combined": None})
    (told,) = read_runs(run.parents[1])
    assert [(each.name, each.before, each.after) for each in told.measures] == [
        ("token_f1", 0.5, 0.7), ("accuracy", 0.6, None), ("combined", 0.4, None),
    ]  # fmt: skip
    write(run / "4d-evaluate" / "comparison.json",
          {"metrics": {"token_f1": {"before": 0.5, "after": 0.7, "low": 0.1, "high": 0.3}}})  # fmt: skip
    write(run / "5-register" / "reader-v1.0.zip", "PK")
    write(run / "5-register" / "registration.json",
          {"model": "reader@1.0", "url": "file:///registry", "bundle": "../../reader-v1.0.zip"})  # fmt: skip
    told = read_run(run)
    assert (told.status, told.data.examples, told.data.train) == ("completed", 40, 30)
    assert [(each.low, each.high) for each in told.measures] == [(0.1, 0.3)]
    assert [(each.name, each.state, each.advice) for each in told.gates] == [("minimum", "failed", "index more")]
    assert (told.model, told.bundle) == ("reader@1.0", run / "5-register" / "reader-v1.0.zip")
    assert told.stages[0].said == {"records": "1,234", "blocked": ""}


@pytest.mark.parametrize(
    ("there", "stage", "status"), [("1-collect", "2-process", "preparing"), ("4a-baseline", "4b-train", "training"),
                                   ("4b-train", "4c-select", "evaluating")],
)  # fmt: skip
def test_a_run_under_way_tells_what_it_is_at(tmp_path, there, stage, status):
    folder = tmp_path / "run"
    write(folder / there / "stage.json", {"summary": {}})
    (folder / f".{stage}.draft").mkdir()
    number, _, name = stage.partition("-")
    told = {"began": "x", "ended": None, "state": "running", "stages": [{"stage": number, "name": name, "title": "t"}]}
    write(folder / "run.json", told)
    with FileLock(folder / ".lock"):
        run = read_run(folder)
        assert (run.status, run.under_way) == (status, True)
        assert [each.state for each in run.stages] == ["done", "running"]
    assert read_run(folder).status == "stopped"


@pytest.mark.parametrize(
    "damage", ["", "[]", "{", '{"metrics": 5, "stages": [7, null], "state": []}', "NaN", '{"splits": 3}']
)
def test_what_is_damaged_is_left_out(run, damage):
    files = ("run.json", "3-generate/dataset.json", "3-generate/gates.json", "3-generate/stage.json",
             "4d-evaluate/comparison.json", "4a-baseline/eval_baseline.json",
             "5-register/registration.json")  # fmt: skip
    for name in files:
        write(run / name, damage)
    told = read_run(run)
    assert (told.gates, told.measures, told.model, told.bundle) == ((), (), None, None)
    assert {each.stage for each in told.stages} == {"3", "4b"}


def test_there_are_no_runs_where_none_was_made(tmp_path):
    assert (read_runs(tmp_path), read_job(tmp_path)) == ([], None)


def python(text):
    return [
        sys.executable,
        "-c",
        f"import sys, time, signal\ndef say(line): print(line, file=sys.stderr, flush=True)\n{text}",
    ]


def ended(folder):
    deadline = time.monotonic() + 30
    while is_running(folder):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return read_job(folder)


@pytest.mark.parametrize(
    ("program", "state", "message"),
    [("say('stage 1: collect')", "completed", "stage 1: collect"),
     ("say('blocked: minimum'); sys.exit(1)", "blocked", "blocked: minimum"),
     ("say('whence-train: no'); sys.exit(1)", "failed", "whence-train: no")],
)  # fmt: skip
def test_a_job_says_how_it_ended(tmp_path, program, state, message):
    launch(tmp_path, python(program))
    told = ended(tmp_path)
    assert (told.state, told.message) == (state, message)
    assert told.ended >= told.began


def test_one_job_runs_at_a_time_and_is_stopped_with_all_that_it_began(tmp_path):
    marker = tmp_path / "alive"
    child = f"import time\nwhile True:\n open({str(marker)!r}, 'w').close()\n time.sleep(.05)"
    launch(
        tmp_path,
        python(f"import subprocess\nsubprocess.Popen([sys.executable, '-c', {child!r}])\nsay('on')\ntime.sleep(60)"),
    )
    assert read_job(tmp_path).state == "running"
    with pytest.raises(TrainingJobError, match="under way already"):
        launch(tmp_path, python("pass"))
    while not marker.exists():
        time.sleep(0.02)
    stop(tmp_path)
    assert read_job(tmp_path).state == "stopped"
    marker.unlink()
    time.sleep(0.3)
    assert not marker.exists()
    with pytest.raises(TrainingJobError, match="has ended"):
        stop(tmp_path)


def test_a_killed_machine_leaves_a_job_that_was_stopped(tmp_path):
    write(tmp_path / "job.json", {"state": "running", "began": "x", "ended": None})
    assert read_job(tmp_path).state == "stopped"


def test_the_last_line_of_a_bar_is_its_last_state(tmp_path):
    (tmp_path / "job.log").write_bytes(b"begun\n\r10%|#    |\r\x1b[32m50%|##   |\x1b[0m\r\n\n")
    assert last_line(tmp_path / "job.log") == "50%|##   |"


def test_what_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(job, "_NEEDED", ("json", "no_such_package"))
    with pytest.raises(TrainingJobError, match="Training needs no_such_package"):
        job.start(tmp_path, tmp_path)
