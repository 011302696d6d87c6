"""`python -m tests.benchmarks.editor`: what an editor waits for: the server as a process, asked as a client asks.

On repositories that are made up, so that anyone can repeat it. A missed bar is shown, not raised: machines are noisy.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from tests.benchmarks import synthetic
from tests.benchmarks.markdown import measured, write_section
from tests.benchmarks.speed import Measure, judged
from tests.lsp.client import Client, serving

from whence_server.lsp.failures import REQUEST_CANCELLED

_START_RATIO = 1.5
_GLANCE_MS, _CANCEL_MS, _TYPING_MS = 30.0, 50.0, 5.0
_ASK_MS, _ASKS_A_SECOND, _AT_ONCE = 150.0, 12.0, 8
_IDLE_MB, _IDLE_SECONDS = 400.0, 6.0
_FIRST_SECONDS = 1.0

_FILES, _LARGE_FILES, _COMMITS = 4_200, 8_400, 200  # of twelve chunks each: 50,000 and 100,000
_REPEATS, _GLANCES, _ASKS, _CANCELS = 5, 200, 100, 20
_WAIT = 900.0


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.editor", description=__doc__)
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the table into this page")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="whence-bench-") as folder:
        report = f"{measured()}\n\n{judged(list(_measure(Path(folder))))}"
    print(report)
    if options.write:
        write_section(options.write, "editor", report)


def _measure(folder: Path) -> Iterator[Measure]:
    yield from _starting(folder)
    synthetic.make_repository(folder / "open", _FILES, _COMMITS)
    with serving(folder) as client:
        yield from _first_answer(client, folder / "open")
        yield from _glancing(client, folder / "open", "while the first index is made")
        status = client.until_indexed(_WAIT)
        rebuild = [sys.executable, "-m", "whence_server", "index", "--rebuild", "--repo", str(folder / "open")]
        with subprocess.Popen(rebuild, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as beside:
            yield from _glancing(client, folder / "open", "while the index is made anew")
            assert beside.poll() is None, "the index was ready too early to measure beside it"
        client.until_indexed(_WAIT)
        yield from _asking(client, status["index"]["chunks"])
        yield from _typing(client, folder / "open")
    synthetic.make_repository(folder / "large", _LARGE_FILES, _COMMITS)
    with serving(folder) as client:
        client.initialize(folder / "large")
        status = client.until_indexed(_WAIT)
        client.ask("whence/ask", {"question": "how is the value of a name returned?"})
        time.sleep(_IDLE_SECONDS)
        about = f"{status['index']['chunks']:,} chunks"
        yield Measure(f"memory of an idle server ({about})", _resident(client) / 1e6, "MB", _IDLE_MB)


def _starting(folder: Path) -> Iterator[Measure]:
    """In turns, so that a busy moment hits both."""
    pairs = [(_initialize(folder), _import()) for _ in range(_REPEATS)]
    ours, theirs = (median(side) for side in zip(*pairs, strict=True))
    yield Measure("`initialize` answered, from the start of the process", ours, "s")
    ratio = ours / theirs
    yield Measure("`initialize` answered ÷ `python -c 'import pygls.lsp.server'`", ratio, "×", _START_RATIO)


def _initialize(folder: Path) -> float:
    started = time.perf_counter()
    with serving(folder) as client:
        client.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        return time.perf_counter() - started


def _import() -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import pygls.lsp.server"], check=True)
    return time.perf_counter() - started


def _first_answer(client: Client, folder: Path) -> Iterator[Measure]:
    client.initialize(folder)
    started = time.perf_counter()
    told = client.ask("whence/ask", {"question": _question()})
    seconds = time.perf_counter() - started
    assert told["partial"]
    yield Measure("first answer after a folder without an index was opened", seconds, "s", _FIRST_SECONDS)


def _glancing(client: Client, folder: Path, when: str) -> Iterator[Measure]:
    """Hovers and actions while a process beside it makes the whole index."""
    chance = random.Random(7)
    file = sorted(folder.glob("src/*/*.py"))[0]
    uri, lines = client.open(file), len(file.read_text().split("\n"))
    time.sleep(2)  # the file is read in the background by then

    def where() -> dict[str, Any]:
        return {"line": chance.randrange(lines), "character": chance.randrange(20)}

    document = {"textDocument": {"uri": uri}}
    hovers = [
        _seconds(lambda: client.ask("textDocument/hover", document | {"position": where()})) for _ in range(_GLANCES)
    ]
    span = {"start": {"line": 1, "character": 0}, "end": {"line": 3, "character": 0}}
    action = document | {"range": span, "context": {"diagnostics": []}}
    actions = [_seconds(lambda: client.ask("textDocument/codeAction", action)) for _ in range(_GLANCES)]
    yield from _milliseconds(f"hover {when}", hovers, _GLANCE_MS)
    yield from _milliseconds(f"code action {when}", actions, _GLANCE_MS)


def _asking(client: Client, chunks: int) -> Iterator[Measure]:
    client.ask("whence/ask", {"question": _question()})
    one_by_one = [_seconds(lambda: client.ask("whence/ask", {"question": _question()})) for _ in range(_ASKS)]
    yield from _milliseconds(f"extractive answer, {chunks:,} chunks", one_by_one, _ASK_MS)
    started = time.perf_counter()
    for _ in range(_ASKS // _AT_ONCE):
        for number in [client.begin("whence/ask", {"question": _question()}) for _ in range(_AT_ONCE)]:
            assert "result" in client.answer(number)
    rate = _AT_ONCE * (_ASKS // _AT_ONCE) / (time.perf_counter() - started)
    yield Measure(f"extractive answers a second, {_AT_ONCE} at once", rate, "/s", _ASKS_A_SECOND, least=True)
    cancels = [seconds for _ in range(_CANCELS) if (seconds := _cancel(client)) is not None]
    assert len(cancels) > _CANCELS // 2, "questions were answered before they could be cancelled"
    yield Measure(f"slowest of {len(cancels)} cancels of a running question", max(cancels) * 1000, "ms", _CANCEL_MS)


def _cancel(client: Client) -> float | None:
    """Seconds until one of several questions that run is answered as cancelled; None where it was answered before."""
    numbers = [client.begin("whence/ask", {"question": _question()}) for _ in range(_AT_ONCE)]
    time.sleep(0.005)
    started = time.perf_counter()
    client.notify("$/cancelRequest", {"id": numbers[0]})
    told = client.answer(numbers[0])
    seconds = time.perf_counter() - started
    for number in numbers[1:]:
        client.answer(number)
    return seconds if told.get("error", {}).get("code") == REQUEST_CANCELLED else None


def _typing(client: Client, folder: Path) -> Iterator[Measure]:
    """A change to a long document, by what it adds to a request that follows it."""
    text = "\n".join(file.read_text() for file in sorted(folder.glob("src/*/*.py"))[:40])
    uri = client.open(sorted(folder.glob("src/*/*.py"))[1], text)
    rows = text.count("\n")
    plain = [_seconds(lambda: client.ask("whence/models")) for _ in range(_GLANCES)]
    typed = [_seconds(lambda version=version: _type(client, uri, version, rows)) for version in range(2, _GLANCES)]
    more = max(0.0, median(typed) - median(plain)) * 1000
    yield Measure(f"a change to a document of {rows:,} lines, handled", more, "ms", _TYPING_MS)


def _type(client: Client, uri: str, version: int, rows: int) -> None:
    at = {"line": version * 31 % rows, "character": 0}
    change = {"range": {"start": at, "end": at}, "text": "x"}
    client.notify(
        "textDocument/didChange", {"textDocument": {"uri": uri, "version": version}, "contentChanges": [change]}
    )
    client.ask("whence/models")


def _question() -> str:
    return _AUTHOR.question()


_AUTHOR = synthetic.Author()


def _milliseconds(what: str, seconds: list[float], bar: float) -> Iterator[Measure]:
    p50, p95 = np.percentile(seconds, (50, 95)) * 1000
    yield Measure(f"{what}, p50", float(p50), "ms")
    yield Measure(f"{what}, p95", float(p95), "ms", bar)


def _resident(client: Client) -> int:
    """Bytes of memory of the server's process; where /proc is not, `ps` tells."""
    number = client.process.pid
    statm = Path(f"/proc/{number}/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(number)], capture_output=True, text=True, check=True)
    return int(told.stdout) * 1024


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
