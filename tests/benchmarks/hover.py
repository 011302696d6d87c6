"""`python -m tests.benchmarks.hover REPOSITORY...`: how long a hover takes, while another process indexes.

Asks at random words of the indexed repositories: before their file was opened, right after, and once more. The other
process builds an index of a clone of the first repository, again and again.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import numpy as np
from tests.benchmarks.markdown import measured, table

from whence_indexer.adapted import open_embedder
from whence_indexer.files import list_files, read_text
from whence_indexer.languages import language_of
from whence_indexer.repository import Repository, open_repository
from whence_indexer.search import Searcher
from whence_indexer.store import Store
from whence_server.hovering import hover
from whence_server.opened import open_file

_WORD = re.compile(r"[^\W\d]\w{2,}")
STAGES = ("not opened yet", "just opened", "again", "opening")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.hover", description=__doc__)
    parser.add_argument("repositories", type=Path, nargs="+", help="work trees that were indexed")
    parser.add_argument("--places", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rows = []
    with _indexing(options.repositories[0]):
        for folder in options.repositories:
            times = _measure(open_repository(folder), options.places, random.Random(options.seed))
            for stage in STAGES:
                p50, p95 = np.percentile(np.array(times[stage]) * 1e3, [50, 95])
                rows.append([folder.name, stage, str(len(times[stage])), f"{p50:.1f}", f"{p95:.1f}"])
    print(f"{measured()}\n\n{table(['repository', 'file', 'hovers', 'p50, ms', 'p95, ms'], rows)}")


def _measure(repository: Repository, places: int, chance: random.Random) -> dict[str, list[float]]:
    store = Store(repository.index_dir)
    searcher = Searcher(repository, store, open_embedder(store))
    searcher.defined("")  # an editor's server does so once it has opened the index
    texts = dict(_texts(repository))
    times = defaultdict[str, list[float]](list)
    opened, missing = set[str](), set[str]()
    for _ in range(places):
        path = chance.choice(sorted(texts))
        place = chance.choice(list(_WORD.finditer(texts[path]))).start()
        line, column = texts[path].count("\n", 0, place) + 1, place - texts[path].rfind("\n", 0, place) - 1

        def ask(stage: str, path: str = path, line: int = line, column: int = column) -> None:
            with _timed(times[stage]):
                hover(
                    searcher, repository, path, line, column, texts[path], wait=lambda lines, _: missing.add(lines.path)
                )

        if path not in opened:
            ask("not opened yet")
            with _timed(times["opening"]):
                open_file(repository, path, texts[path])
        opened.add(path)
        ask("just opened")
        while missing:
            open_file(repository, missing.pop())
        ask("again")
    return times


def _texts(repository: Repository) -> Iterator[tuple[str, str]]:
    for path, blob in list_files(repository).files.items():
        text, _ = read_text(repository, path, blob)
        if text and language_of(path).grammar and _WORD.search(text):
            yield path, text


@contextmanager
def _timed(times: list[float]) -> Iterator[None]:
    started = time.perf_counter()
    yield
    times.append(time.perf_counter() - started)


@contextmanager
def _indexing(folder: Path) -> Iterator[None]:
    """Another process that indexes a clone of `folder` as long as this lasts."""
    done = Event()
    with TemporaryDirectory(prefix="whence-bench-") as temporary:
        clone = Path(temporary) / folder.name
        subprocess.run(["git", "clone", "--quiet", "--shared", folder, clone], check=True)
        command = [sys.executable, "-m", "whence_server", "index", "--rebuild", "--repo", str(clone)]

        def work() -> None:
            while not done.is_set():
                subprocess.run(command, capture_output=True, check=True)

        worker = Thread(target=work)
        worker.start()
        try:
            yield
        finally:
            done.set()
            worker.join()


if __name__ == "__main__":
    main()
