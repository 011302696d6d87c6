"""The training that somebody started: one at a time for a repository, in a process of its own that outlives the editor.

Its state is in files of the training folder, so that any server sees it: `job.lock` is held while it runs, `job.json`
says how it went, `job.log` what it said, and a file `job.stop` ends it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any

from whence_indexer import extras, offspring
from whence_server.errors import TrainingJobError
from whence_server.training.runs import is_held

LOCK, STATE, LOG, STOP = "job.lock", "job.json", "job.log", "job.stop"
_NEEDED = ("datasketch", "pydantic", "yaml", "rouge_score", "torch", "transformers", "peft", "llama_cpp")
_PATIENCE = 15.0  # seconds until a job that was begun runs, or one that was stopped has ended
_TAIL = 4000  # bytes of the log that are looked at for its last line
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Job:
    """The last training that was started here: `running`, `completed`, `failed`, `blocked` or `stopped`, when it began
    and ended, and what it said last.
    """

    state: str
    began: str | None
    ended: str | None
    message: str


def lacking() -> str | None:
    """What is missing, so that training cannot begin; None where all is there."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    return f"Training needs {', '.join(missing)}" if missing else None


def how_to_install() -> str:
    """The command that brings what training needs."""
    return extras.command("training", "model")


def start(folder: Path, repository: Path, arguments: Sequence[str] = ()) -> None:
    """Begin `whence-train` for a repository, and return once it runs. Raises `TrainingJobError`."""
    if problem := lacking():
        raise TrainingJobError(problem)
    command = [*offspring.PYTHON, "-m", "whence_training", "--repo", str(repository), *arguments]
    launch(folder, command)


def launch(folder: Path, command: Sequence[str]) -> None:
    """Begin a command as the job of this folder, and return once it runs. Raises `TrainingJobError`."""
    if is_running(folder):
        raise TrainingJobError("a training run is under way already")
    folder.mkdir(parents=True, exist_ok=True)
    before = _state(folder)
    supervisor = [*offspring.PYTHON, "-m", "whence_server.training.supervisor", str(folder), *command]
    quiet: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    try:
        process = subprocess.Popen(
            supervisor, cwd=folder, env=offspring.environment(), start_new_session=os.name != "nt", **quiet
        )
    except OSError as error:
        raise TrainingJobError(f"training could not begin: {error.strerror}") from error
    if not _within(_PATIENCE, lambda: is_running(folder) or process.poll() is not None or _state(folder) != before):
        raise TrainingJobError("training could not begin: its process does not answer")
    if process.poll() not in (None, 0):
        raise TrainingJobError("training could not begin: its process died")
    Thread(target=process.wait, daemon=True).start()  # it outlives this process, or is taken leave of by it


def stop(folder: Path) -> None:
    """End the job, and return once it has ended; what its finished stages made stays. Raises `TrainingJobError`."""
    if not is_running(folder):
        raise TrainingJobError("no training run was started from here, or it has ended")
    (folder / STOP).touch()
    if not _within(_PATIENCE, lambda: not is_running(folder)):
        raise TrainingJobError("the training run does not end")


def is_running(folder: Path) -> bool:
    """Whether a job is under way."""
    return is_held(folder / LOCK)


def read_job(folder: Path) -> Job | None:
    """The job as it is now; None where there never was one."""
    told = _state(folder)
    if not told:
        return None
    state = str(told.get("state"))
    if state == "running" and not is_running(folder):
        state = "stopped"  # killed, with the machine perhaps, before it could say so
    return Job(state, told.get("began"), told.get("ended"), last_line(folder / LOG))


def last_line(log: Path) -> str:
    """The last thing that a log says; of a bar that draws itself anew the last state. "" where there is none."""
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL))
        lines = re.split(r"[\r\n]+", _ESCAPES.sub("", file.read().decode("utf-8", "replace")))
        return next((line.strip() for line in reversed(lines) if line.strip()), "")
    return ""


def _state(folder: Path) -> Mapping[str, Any]:
    try:
        told = json.loads((folder / STATE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _within(seconds: float, so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
