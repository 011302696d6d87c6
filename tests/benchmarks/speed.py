"""`python -m tests.benchmarks.speed`: what indexing and searching cost beside work that cannot be avoided.

Compares within one run, since ratios travel better than seconds. Without clones it makes a repository up. A missed bar
is shown, not raised: machines are noisy.
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean, median
from subprocess import DEVNULL, PIPE
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console
from rich.progress import Progress
from tests.benchmarks import synthetic
from tests.benchmarks.checkouts import check_out, open_searcher
from tests.benchmarks.markdown import measured, number, table, write_section
from tests.benchmarks.throughput import has_peer, index_code, peer_ratio

from whence_indexer import schema
from whence_indexer.errors import RepositoryError
from whence_indexer.indexing import Report, update
from whence_indexer.repository import Repository, open_repository
from whence_indexer.store import Store
from whence_indexer.workspace import Workspace

_INDEX_RATIO, _INDEX_FROM_SECONDS = 3.0, 10.0  # what is promised
_UNCHANGED_SECONDS, _UNCHANGED_FILES = 0.5, 1_000
_SEARCH_P50_MS, _SEARCH_P95_MS = 5.0, 15.0
_SAVE_MS, _SAVE_FILES = 150.0, 4_200  # of twelve chunks each: 50,000
_PROCESS_RATIO = 1.5
_SIZE_RATIO = 1.0
_CHUNKS_A_SECOND = 5_000.0
_PEER_RATIO = 100.0
_MEMORY_GB, _LARGE_FILES, _LARGE_COMMITS = 1.0, 8_400, 2_000  # 100,000 chunks

_CLONES, _SMALLEST_CLONE = 3, 1_000  # how many are measured; commits that make one worth it
_REPEATS = 5
_QUERIES = 200
_SAVES = 200
_BLOCK = 1 << 20
_QUESTION = "how is the value of a name returned?"


@dataclass(frozen=True, slots=True)
class Measure:
    """One number; where it has a `bar`, it should not be above it, or below it where that is the `least`."""

    what: str
    value: float
    unit: str
    bar: float | None = None
    least: bool = False

    @property
    def verdict(self) -> str:
        """Whether the bar was met."""
        if self.bar is None:
            return "–"
        return "met" if (self.value >= self.bar if self.least else self.value <= self.bar) else "missed"


def main() -> None:
    """Measure, print, write where asked, and judge."""
    options = _options()
    with TemporaryDirectory(prefix="whence-bench-") as folder, _progress() as progress:
        measures = list(_measure(Path(folder), options.clones, progress))
    report = f"{measured()}\n\n{judged(measures)}"
    print(report)
    if options.write:
        write_section(options.write, "speed", report)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.speed", description=__doc__)
    parser.add_argument("--clones", type=Path, help="folder of clones; the largest few are measured too")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the table into this page")
    return parser.parse_args()


def _measure(folder: Path, clones: Path | None, progress: Progress) -> Iterator[Measure]:
    task = progress.add_task("Making up a repository", total=None)
    made = folder / "made-up"
    synthetic.make_repository(made)
    steps: list[tuple[str, Callable[[], Iterator[Measure]]]] = [
        ("Indexing the made-up repository", lambda: _indexing("made-up", made)),
        ("Starting processes", lambda: _process(made)),
        ("Indexing its files alone", lambda: _code("made-up", made)),
        ("Indexing 100,000 chunks", lambda: _memory(folder / "large")),
        ("Searching 100,000 chunks", lambda: _searching(folder / "large")),
        ("Saving files among 50,000 chunks", lambda: _saving(folder / "open")),
        *((f"Indexing {clone.name}", partial(_clone, clone, folder)) for clone in _largest(clones)),
    ]
    for done, (name, step) in enumerate(steps):
        progress.update(task, description=name, completed=done, total=len(steps))
        yield from step()


def _clone(clone: Path, folder: Path) -> Iterator[Measure]:
    work_tree, _ = check_out(clone, folder / clone.name)
    try:
        yield from _indexing(clone.name, work_tree)
        yield from _code(clone.name, work_tree)
    except RepositoryError as error:  # a clone that lacks blobs has no history to compare with
        Console(stderr=True).print(f"{clone.name} is left out: {error}", markup=False)


def _indexing(name: str, folder: Path) -> Iterator[Measure]:
    repository = open_repository(folder)
    read_everything(repository)  # warms the page cache, for whoever comes first
    before = _seconds(lambda: read_everything(repository))
    report = update(repository, rebuild=True, history=True)
    reading = fmean((before, _seconds(lambda: read_everything(repository))))
    bar = _INDEX_RATIO if report.seconds > _INDEX_FROM_SECONDS else None
    about = f"{name}: {report.files:,} files, {report.commits:,} commits"
    yield Measure(f"full index ({about})", report.seconds, "s")
    yield Measure(f"full index ÷ reading the same bytes ({name})", report.seconds / reading, "×", bar)
    yield Measure(f"chunks and commits embedded a second ({name})", report.embedded / report.seconds, "/s")
    yield Measure(f"index ÷ text it holds ({name})", report.index_bytes / text_bytes(repository), "×", _SIZE_RATIO)
    yield _unchanged(name, repository, report)


def _code(name: str, folder: Path) -> Iterator[Measure]:
    run = index_code(folder)
    about = f"{name}, {run.chunks:,} chunks, code only, whole process"
    yield Measure(f"chunks indexed a second ({about})", run.chunks / run.seconds, "/s", _CHUNKS_A_SECOND, least=True)
    yield Measure(f"chunks indexed a processor-second ({about})", run.chunks / run.processor_seconds, "/s")
    if has_peer():
        ratio = peer_ratio(open_repository(folder))
        yield Measure(f"embedding ÷ all-MiniLM-L6-v2, same chunks ({name})", ratio, "×", _PEER_RATIO, least=True)
    else:
        Console(stderr=True).print("all-MiniLM-L6-v2 is not compared with: the extra `training` is not installed")


def _memory(folder: Path) -> Iterator[Measure]:
    synthetic.make_repository(folder, _LARGE_FILES, _LARGE_COMMITS)
    run = index_code(folder)
    about = f"made-up, {run.chunks:,} chunks"
    yield Measure(f"peak memory of indexing, all processes ({about})", run.bytes / 1e9, "GB", _MEMORY_GB)
    yield Measure(
        f"chunks indexed a second ({about}, code only)", run.chunks / run.seconds, "/s", _CHUNKS_A_SECOND, True
    )


def _unchanged(name: str, repository: Repository, report: Report) -> Measure:
    seconds = median(_seconds(lambda: update(open_repository(repository.root))) for _ in range(_REPEATS))
    bar = _UNCHANGED_SECONDS * max(1, report.files / _UNCHANGED_FILES)
    return Measure(f"index again, nothing changed ({name}, {report.files:,} files)", seconds, "s", bar)


def _searching(folder: Path) -> Iterator[Measure]:
    """Questions to the index of the repository in `folder`, its history included."""
    repository = open_repository(folder)
    report = update(repository, history=True)
    about = f"{report.chunks:,} chunks, {report.commits:,} commits"
    loading = time.perf_counter()
    searcher = open_searcher(repository)
    yield Measure(f"opening an index of {about}", time.perf_counter() - loading, "s")
    yield Measure(f"memory that an open index of {about} takes", searcher.nbytes / 1e6, "MB")
    author = synthetic.Author()
    questions = [author.question() for _ in range(_QUERIES)]
    searcher.search(questions[0])
    gc.collect()  # what was measured before is no part of this
    p50, p95 = _percentiles(_seconds(partial(searcher.search, question)) for question in questions)
    yield Measure(f"search p50, warm, {about}", p50, "ms", _SEARCH_P50_MS)
    yield Measure(f"search p95, warm, {about}", p95, "ms", _SEARCH_P95_MS)
    yield Measure("search p50 ÷ one product of that many vectors", p50 / 1_000 / _product_seconds(report.chunks), "×")


def _saving(folder: Path) -> Iterator[Measure]:
    """Edits to a file at a time, each followed by a search, as an editor that keeps the repository open makes them."""
    synthetic.make_repository(folder, _SAVE_FILES, 1)
    workspace = Workspace(open_repository(folder))
    chunks = workspace.update(history=False).chunks
    author = synthetic.Author()
    files = sorted(folder.glob("src/*/*.py"))
    workspace.ask(lambda searcher: searcher.search(_QUESTION))
    seconds = []
    for file in author.chance.choices(files, k=_SAVES):
        file.write_text(file.read_text() + author.function())
        seconds.append(_seconds(partial(_save_and_search, workspace, file.relative_to(folder).as_posix())))
    p50, p95 = _percentiles(seconds)
    yield Measure(f"a saved file searchable, p50, {chunks:,} chunks, the search included", p50, "ms")
    yield Measure(f"a saved file searchable, p95, {chunks:,} chunks, the search included", p95, "ms", _SAVE_MS)
    yield Measure(f"storing those {_SAVES} saves, and loading the index anew", _seconds(workspace.store_edits), "s")


def _save_and_search(workspace: Workspace, path: str) -> None:
    workspace.saved([path])
    workspace.ask(lambda searcher: searcher.search(_QUESTION), look=False)


def _percentiles(seconds: Iterable[float]) -> tuple[float, float]:
    """The median and the 95th percentile in milliseconds."""
    p50, p95 = np.percentile(list(seconds), (50, 95)) * 1_000
    return float(p50), float(p95)


def _product_seconds(count: int) -> float:
    """What comparing a question with every vector costs numpy alone: how fast this machine is at this moment."""
    vectors, question = np.ones((count, 256), np.float32), np.ones(256, np.float32)
    return median(_seconds(lambda: vectors @ question) for _ in range(_QUERIES))


def _process(folder: Path) -> Iterator[Measure]:
    """Whole processes, one after the other in turns, so that a busy moment hits both."""
    search = [sys.executable, "-m", "whence_server", "search", "--json", "--repo", str(folder), _QUESTION]
    bare = [sys.executable, "-c", "import lancedb"]
    for command in (search, bare):
        subprocess.run(command, check=True, capture_output=True)
    pairs = [(_run(search), _run(bare)) for _ in range(_REPEATS)]
    ours, theirs = (median(side) for side in zip(*pairs, strict=True))
    yield Measure("`whence search`, whole process", ours, "s")
    yield Measure("`whence search` ÷ `python -c 'import lancedb'`", ours / theirs, "×", _PROCESS_RATIO)


def read_everything(repository: Repository) -> int:
    """Read the whole history as `git log -p` prints it, and every file of the tree; the number of bytes."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=repository.root, check=True, capture_output=True).stdout
    files = [repository.root / name.decode("utf-8", "surrogateescape") for name in listed.split(b"\0")[:-1]]
    return _read_history(repository) + sum(len(file.read_bytes()) for file in files if file.is_file())


def _read_history(repository: Repository) -> int:
    total = 0
    with subprocess.Popen(["git", "log", "-p"], cwd=repository.root, stdout=PIPE, stderr=DEVNULL) as log:
        assert log.stdout is not None
        while block := log.stdout.read(_BLOCK):
            total += len(block)
    if log.returncode:
        raise RepositoryError("git cannot read all of its history")
    return total


def text_bytes(repository: Repository) -> int:
    """The UTF-8 bytes of the chunks, commit messages and hunks in the index."""
    store = Store(repository.index_dir)
    held = {
        schema.chunks_table(repository.work_tree): ["text"],
        schema.COMMITS_TABLE: ["subject", "body"],
        schema.HUNKS_TABLE: ["text"],
    }
    columns = [column for table, names in held.items() for column in store.rows(table, names).select(names).columns]
    return sum(len(text.encode("utf-8", "replace")) for column in columns for text in column.to_pylist())


def _largest(clones: Path | None) -> list[Path]:
    """The clones with the longest histories."""
    folders = sorted(path for path in clones.iterdir() if path.is_dir()) if clones and clones.is_dir() else []
    sizes = {folder: _commits(folder) for folder in folders}
    return sorted((path for path in folders if sizes[path] >= _SMALLEST_CLONE), key=lambda path: -sizes[path])[:_CLONES]


def _commits(folder: Path) -> int:
    finished = subprocess.run(
        ["git", "rev-list", "--count", "HEAD"], cwd=folder, capture_output=True, text=True, check=False
    )
    return int(finished.stdout or 0)


def judged(measures: Sequence[Measure]) -> str:
    """A table of them, each with its bar and whether it was met."""
    return table(["measure", "value", "bar", "verdict"], [_cells(measure) for measure in measures])


def _cells(measure: Measure) -> list[str]:
    sign = "≥" if measure.least else "≤"
    bar = "–" if measure.bar is None else f"{sign} {number(measure.bar, 0 if measure.bar >= 10 else 1)} {measure.unit}"
    return [measure.what, f"{number(measure.value, 2)} {measure.unit}", bar, measure.verdict]


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _run(command: list[str]) -> float:
    return _seconds(lambda: subprocess.run(command, check=True, capture_output=True))


def _progress() -> Progress:
    return Progress(console=Console(stderr=True), transient=True)


if __name__ == "__main__":
    main()
