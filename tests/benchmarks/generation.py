"""`python -m tests.benchmarks.generation`: what the worker costs beside llama-cpp-python alone, on the same model.

The model is made up: its words mean nothing, its speed is real. Ratios within one run, of the best of several times. A
missed bar is shown, not raised.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.markdown import measured, write_section
from tests.benchmarks.speed import Measure, judged
from tests.server.generation.gguf_models import write_adapter, write_model

from whence_indexer.types import Hit
from whence_server.composing import PASSAGES
from whence_server.errors import WorkerError
from whence_server.generation.generator import Request
from whence_server.generation.prompt import system_text, user_text
from whence_server.generation.supervisor import Plan, Supervisor
from whence_server.models.gguffile import read_model
from whence_server.passages import Passage

_TOKENS, _REPEATS = 32, 6
_PATIENCE = 600.0  # seconds: a machine may be busy
_SYSTEM = "You answer a developer's question from numbered passages of their repository. " * 2
_EVIDENCE = "| def retry(send): sends again when the server is busy, and the delay doubles each time.\n" * 4
_SHAPE = {"width": 640, "inner": 2560, "blocks": 8, "context": 4096, "filler": 24_000, "quantized": True}
_ASKED = "Where is it decided {}how long to wait?"
_LETTERS = "root ::= [a-zA-Z0-9 .,]+"


class WithdrawnError(Exception):
    """The question is not wanted any more."""


def main() -> None:
    """Measure, print, and write where asked."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--write", type=Path, metavar="FILE", help="put the table into this page")
    options.add_argument("--memory", type=Path, metavar="FILE", action="append", default=[],
                         help="a GGUF file whose worker's memory is held against the estimate, too")  # fmt: skip
    chosen = options.parse_args()
    if importlib.util.find_spec("llama_cpp") is None:
        print("generation is not measured: llama-cpp-python is not installed (make test-model installs it)")
        return
    with TemporaryDirectory(prefix="whence-bench-") as folder:
        measures = []
        for measure in chain(_measure(Path(folder)), (_memory_of(path, Path(folder)) for path in chosen.memory)):
            print(f"{measure.what}: {measure.value:,.2f} {measure.unit}", file=sys.stderr, flush=True)
            measures.append(measure)
    report = f"{measured()}\n\n{judged(measures)}"
    print(report)
    if chosen.write:
        write_section(chosen.write, "generation", report)


def _measure(folder: Path) -> Iterator[Measure]:
    path = write_model(folder / "model.gguf", **_SHAPE)  # type: ignore[arg-type]
    yield Measure("size of the model", path.stat().st_size / 1e6, "MB")
    plan = Plan(path, folder / "cache", 4096, gpu_layers=0, systems=(_SYSTEM,), loading=_PATIENCE, patience=_PATIENCE)
    with closing(Supervisor(plan)) as worker:
        threads, kv = worker.about()["threads"], worker.about()["kv"]
        yield Measure(f"threads found best, with {kv} keys and values", threads, "")
        yield from _beside_bare(worker, path, threads)
        yield from _again(worker)
        yield from _in_service(worker)
        yield _memory(worker, path)
        yield from _withdrawn(worker)
        yield from _swapped(worker, folder)
        yield from _together(worker)
        yield from _killed(worker)
    yield from _started(plan)


def _beside_bare(worker: Supervisor, path: Path, threads: int) -> Iterator[Measure]:
    """The same prompt and the same number of tokens, in turn."""
    from llama_cpp import Llama

    bare = Llama(str(path), n_ctx=4096, n_threads=threads, n_threads_batch=threads, n_gpu_layers=0, verbose=False)
    ours, theirs = [], []
    for number in range(_REPEATS):
        text = f"{number} {_EVIDENCE}"
        prompt = bare.tokenize(f"{_SYSTEM}\n\n{text}".encode(), add_bos=False)
        theirs.append(_bare(bare, prompt))
        ours.append(_timed(worker, Request(_SYSTEM, text, None, _TOKENS)))
    bare.close()
    rates = [max(rate for _, rate in side) for side in (ours, theirs)]  # the best: others use this machine, too
    firsts = [min(first for first, _ in side) for side in (ours, theirs)]
    yield Measure("tokens a second through the worker", rates[0], "/s")
    yield Measure("beside llama-cpp-python alone", rates[0] / rates[1], "x", 0.95, least=True)
    yield Measure("first token through the worker", firsts[0] * 1e3, "ms")
    yield Measure("beside llama-cpp-python alone", firsts[0] / firsts[1], "x", 1.1)
    constrained = _timed(worker, Request(_SYSTEM, f"9 {_EVIDENCE}", _LETTERS, _TOKENS))
    yield Measure("tokens a second with a grammar, beside those without", constrained[1] / rates[0], "x")


def _bare(llama: Any, prompt: list[int]) -> tuple[float, float]:
    """Seconds to the first token, and tokens a second after it."""
    llama.reset()
    started = time.perf_counter()
    tokens = llama.generate(prompt, temp=0.0)
    next(tokens)
    first = time.perf_counter()
    for _ in range(_TOKENS - 1):
        next(tokens)
    return first - started, (_TOKENS - 1) / (time.perf_counter() - first)


def _timed(worker: Supervisor, request: Request) -> tuple[float, float]:
    started, times = time.perf_counter(), []
    written = worker.generate(request, told=lambda text: times.append(time.perf_counter()))
    return times[0] - started, (len(written.logprobs) - 1) / (time.perf_counter() - times[0])


def _again(worker: Supervisor) -> Iterator[Measure]:
    ratios = []
    for number in range(_REPEATS):
        first, _ = _timed(worker, Request(_SYSTEM, f"{number + 50} {_EVIDENCE} What is this?", None, 4))
        second, _ = _timed(worker, Request(_SYSTEM, f"{number + 50} {_EVIDENCE} Where is it?", None, 4))
        ratios.append(first / second)
    yield Measure(
        "first token of a second question on the same evidence, quicker by", median(ratios), "x", 3, least=True
    )


def _in_service(worker: Supervisor) -> Iterator[Measure]:
    """Prompts as they are in service: the question stands before the evidence, so that the rules alone are shared."""
    text = _EVIDENCE.partition("\n")[0].removeprefix("| ")
    hits = [Hit("code", 1.0, text, path=f"net/{number}.py", start_line=1, end_line=1) for number in range(PASSAGES)]
    evidence = [Passage(hit, 1, text) for hit in hits]
    rules, ratios, shares = system_text("quote"), [], []
    worker.generate(Request(rules, "?", None, 1))
    for number in range(_REPEATS):
        user = user_text(_ASKED.format(f"{number} "), evidence)
        unknown, _ = _timed(worker, Request("", f"{number} {rules} {user}", None, 4))
        written = worker.generate(Request(rules, user_text(_ASKED.format(""), evidence), None, 4))
        known, _ = _timed(worker, Request(rules, user, None, 4))
        ratios.append(unknown / known)
        shares.append(written.reused / written.prompt_tokens)
    yield Measure("of a prompt in service, known before the first question", median(shares), "x")
    yield Measure("its first token, quicker for that by", median(ratios), "x")


def _memory(worker: Supervisor, path: Path) -> Measure:
    """What the process holds, shared pages of the file included."""
    status = Path(f"/proc/{worker.pid}/status").read_text()
    held = int(status.partition("VmRSS:")[2].split()[0]) * 1024
    estimate = read_model(path).memory_bytes(worker.about()["context"])
    return Measure(f"memory of the worker ÷ the estimate of {estimate / 1e6:,.0f} MB", held / estimate, "x")


def _memory_of(path: Path, folder: Path) -> Measure:
    with closing(Supervisor(Plan(path, folder / "cache", 4096, 0, loading=_PATIENCE, patience=_PATIENCE))) as worker:
        worker.generate(Request(_SYSTEM, _EVIDENCE, None, 2))
        measure = _memory(worker, path)
    return replace(measure, what=f"{path.stem}: {measure.what}")


def _withdrawn(worker: Supervisor) -> Iterator[Measure]:
    """From a wish to stop, in the middle of a prompt, to the worker being free for another."""
    told, free = [], []
    for number in range(_REPEATS):
        _timed(worker, Request(_SYSTEM, "short", None, 2))
        ends = time.perf_counter() + 0.2

        def check(ends: float = ends) -> None:
            if time.perf_counter() > ends:
                raise WithdrawnError

        with suppress(WithdrawnError):
            worker.generate(Request(_SYSTEM, f"{number + 70} {_EVIDENCE}" * 3, None, 4), check=check)
        told.append(time.perf_counter() - ends)
        worker.generate(Request(_SYSTEM, "short", None, 1))
        free.append(time.perf_counter() - ends)
    alone = min(_timed(worker, Request(_SYSTEM, f"short{number}", None, 2))[0] for number in range(_REPEATS))
    yield Measure("a question withdrawn while its prompt is read, returned after", max(told) * 1e3, "ms", 50)
    yield Measure("and the worker free again after", max(0.0, min(free) - alone) * 1e3, "ms", 50)


def _swapped(worker: Supervisor, folder: Path) -> Iterator[Measure]:
    """What a change of adapter adds to a question, the common beginning to be known again included."""
    adapters = [write_adapter(folder / f"{seed}.gguf", width=_SHAPE["width"], seed=seed) for seed in (1, 2)]
    for adapter in adapters:
        worker.generate(Request(_SYSTEM, "load", None, 1), adapter)
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for number in range(2 * _REPEATS):
        for same in (False, True):  # the first of each two finds the other adapter
            request = Request(_SYSTEM, f"{number}{same}: where is it?", None, 2)
            started = time.perf_counter()
            worker.generate(request, adapters[number % 2])
            seconds[same].append(time.perf_counter() - started)
    yield Measure(
        "a change of adapter adds to a question", (median(seconds[False]) - median(seconds[True])) * 1e3, "ms", 100
    )


def _together(worker: Supervisor) -> Iterator[Measure]:
    """Eight at once, of two askers: how many are answered, and the longest wait beside all answers one by one."""
    started, ended = time.perf_counter(), []

    def ask(number: int) -> None:
        worker.generate(Request(_SYSTEM, f"{number}", None, 12, asker=str(number % 2)))
        ended.append(time.perf_counter() - started)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    _all(threads)
    yield Measure("of eight questions at once, answered", len(ended), "", 8, least=True)
    yield Measure("the first of them after, of the time of all", min(ended) / max(ended), "x", 0.5)


def _all(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _killed(worker: Supervisor) -> Iterator[Measure]:
    killed: list[float] = []

    def kill(text: str) -> None:
        if not killed and worker.pid:
            killed.append(time.perf_counter())
            os.kill(worker.pid, signal.SIGKILL)

    with suppress(WorkerError):
        worker.generate(Request(_SYSTEM, _EVIDENCE, None, 200), told=kill)
    yield Measure("killed while it writes, told after", time.perf_counter() - killed[0], "s", 2)
    while not _answers(worker):
        time.sleep(0.02)
    yield Measure("and answering again after", time.perf_counter() - killed[0], "s")


def _answers(worker: Supervisor) -> bool:
    with suppress(WorkerError):
        worker.generate(Request(_SYSTEM, "?", None, 1))
        return True
    return False


def _started(plan: Plan) -> Iterator[Measure]:
    """A start with what was measured and computed by an earlier one."""
    started = time.perf_counter()
    with closing(Supervisor(plan)) as worker:
        worker.generate(Request(_SYSTEM, "?", None, 1))
        yield Measure("a start until the first token, with what was kept", time.perf_counter() - started, "s")


if __name__ == "__main__":
    main()
