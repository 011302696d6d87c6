"""Jobs -> their batches in order, made by this process and by others like it on the machine's other cores.

A worker is this module run as a program: jobs come in by its standard input, batches go out by its standard output. It
ends with its parent. One that cannot start or that dies costs time only: what it was asked for is made here.
"""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import IO, Any

from whence_indexer import offspring
from whence_indexer.allowing import Allowed
from whence_indexer.batches import Batch, Job, Maker
from whence_indexer.embedder import StaticEmbedder
from whence_indexer.repository import Repository

_MAX_WORKERS = 3  # each takes some 150 MB, and one writer of the store keeps no more of them busy
_QUEUED = 2  # jobs at a worker: one in work and one to go on with
_AHEAD = 8  # batches made before their turn; bounds memory


@dataclass(frozen=True, slots=True)
class Setup:
    """What a maker in another process needs: the static model in `model` is loaded there, and must have this name."""

    repository: Repository
    model: Path
    embedder: str
    embedded: frozenset[bytes]
    allowed: Allowed


class Crew:
    """This process's maker, and workers beside it once they are hired. A context manager: they end with its block."""

    def __init__(self, maker: Maker) -> None:
        """A crew of one."""
        self._maker = maker
        self._workers: list[_Worker] = []
        self._results: SimpleQueue[_Result] = SimpleQueue()

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *error: object) -> None:
        for worker in self._workers:
            worker.stop()

    def hire(self, setup: Setup) -> None:
        """Start a worker for each further core, unless they are there."""
        with suppress(OSError):  # too many processes, or no memory: this one goes on alone
            while len(self._workers) < min(_cores() - 1, _MAX_WORKERS):
                self._workers.append(_Worker(setup, self._results))

    def make(self, jobs: Iterable[Job]) -> Iterator[Batch]:
        """The batch of every job, in the order of the jobs. What this process's maker raises is raised."""
        waiting = enumerate(jobs)
        given: dict[int, Job] = {}
        lost: dict[int, Job] = {}
        done: dict[int, Batch] = {}
        turn = 0
        while True:
            self._hand_out(waiting, given)
            self._collect(given, lost, done, wait=False)
            if turn in done:
                yield done.pop(turn)
                turn += 1
            elif lost:
                number = min(lost)
                done[number] = self._maker.make(lost.pop(number))
            elif len(done) < _AHEAD and (entry := next(waiting, None)):
                done[entry[0]] = self._maker.make(entry[1])
            elif given:
                self._collect(given, lost, done, wait=True)
            else:
                return

    def _hand_out(self, waiting: Iterator[tuple[int, Job]], given: dict[int, Job]) -> None:
        for worker in self._workers:
            while worker.alive and worker.load < _QUEUED and (entry := next(waiting, None)):
                given[entry[0]] = entry[1]
                worker.give(*entry)

    def _collect(self, given: dict[int, Job], lost: dict[int, Job], done: dict[int, Batch], *, wait: bool) -> None:
        """Sort what has come back; with `wait`, one result at least."""
        while wait or not self._results.empty():
            worker, number, batch = self._results.get()
            worker.load -= 1
            job = given.pop(number)
            if batch is None:
                lost[number] = job
            else:
                done[number] = batch
            wait = False


class _Worker:
    """Another process, and the thread here that talks with it. `load` counts the jobs that it has."""

    def __init__(self, setup: Setup, results: SimpleQueue[_Result]) -> None:
        """Raises OSError when no process can be started."""
        self._setup, self._results = setup, results
        self._jobs: SimpleQueue[tuple[int, Job] | None] = SimpleQueue()
        self.alive, self.load = True, 0
        self._process = _start()
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def give(self, number: int, job: Job) -> None:
        """Its batch will be among the results, or None when the worker is dead by then."""
        self.load += 1
        self._jobs.put((number, job))

    def stop(self) -> None:
        """End it at once, whatever it is doing."""
        self._jobs.put(None)
        self._process.kill()
        self._process.wait()
        self._thread.join()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # it never read all of it
                if pipe:
                    pipe.close()

    def _serve(self) -> None:
        self.alive = self._exchange(self._setup) == self._setup.embedder
        while entry := self._jobs.get():
            batch = self._exchange(entry[1]) if self.alive else None
            self.alive = batch is not None
            self._results.put((self, entry[0], batch))

    def _exchange(self, message: object) -> Any:
        """The worker's answer; None when there is none."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            _send(message, self._process.stdin)
            return pickle.load(self._process.stdout)
        except Exception:  # whatever it is: what fails again in this process is told from there
            return None


_Result = tuple[_Worker, int, Batch | None]


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(**offspring.options("whence_indexer.crew"))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _send(message: object, pipe: IO[bytes]) -> None:
    pickle.dump(message, pipe)
    pipe.flush()


def main() -> None:
    """Answer jobs until the parent closes the pipe or is gone. Raises what a job raises, and so ends."""
    inbox, outbox = offspring.pipes()
    setup: Setup = pickle.load(inbox)
    embedder = StaticEmbedder(setup.model)
    maker = Maker(setup.repository, embedder, set(setup.embedded), setup.allowed)
    gc.freeze()  # what is loaded by now stays: it need not be looked through again and again
    with suppress(EOFError, BrokenPipeError):
        _send(embedder.name, outbox)
        while True:
            _send(maker.make(pickle.load(inbox)), outbox)


if __name__ == "__main__":
    main()
