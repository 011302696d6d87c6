"""`python -m tests.benchmarks.neighbours`: ways to find the vectors nearest to a question, by number of vectors.

The chunks of real clones, asked with the subjects of their commits. Each way is measured in the same run on the same
vectors: what a query costs, what it holds in memory or on disk, how long it takes to prepare, and how many of the ten
nearest it finds. The smallest number at which another way is quicker is where the program should change its own.
"""

from __future__ import annotations

import argparse
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import lancedb
import numpy as np
import pyarrow as pa
from lancedb.index import HnswSq, IvfPq
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from tests.benchmarks.markdown import measured, number, table, write_section

from whence_indexer import rows
from whence_indexer.chunker import chunk_file
from whence_indexer.embedder import Embedder, load_embedder
from whence_indexer.files import list_files, read_text
from whence_indexer.repository import open_repository
from whence_indexer.store import size_bytes
from whence_indexer.vectors import Vectors

_SIZES = (10_000, 30_000, 100_000)
_QUESTIONS = 200
_NEAREST, _CANDIDATES = 10, 100  # what is judged; what search asks for
_PROBES = 20  # LanceDB's default
_AT_ONCE = 10_000  # texts

T = TypeVar("T")
Floats = NDArray[np.float32]
Nearest = Callable[[Floats], Sequence[int]]


@dataclass(frozen=True)
class _Way:
    """One way, prepared: how long that took, and what it holds."""

    name: str
    seconds: float
    bytes: int
    nearest: Nearest


def main() -> None:
    """Measure, print, and write where asked."""
    options = _options()
    embedder = load_embedder()
    vectors, questions = _embedded(options.clones, embedder)
    cells = [row for size in _sizes(len(vectors)) for row in _measure(vectors[:size], questions)]
    header = ["vectors", "way", "p50, ms", "p95, ms", "recall@10", "size, MB", "prepared in, s"]
    report = f"{measured()}\n\n{table(header, cells)}"
    print(report)
    if options.write:
        write_section(options.write, "neighbours", report)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.neighbours", description=__doc__)
    parser.add_argument(
        "--clones", type=Path, required=True, help="folder of work trees; the more, the larger the sizes"
    )
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the table into this page")
    return parser.parse_args()


def _sizes(count: int) -> list[int]:
    return [size for size in _SIZES if size <= count] or [count]


def _measure(vectors: Floats, questions: Floats) -> Iterator[list[str]]:
    """A row of the table for each way."""
    exact = [set(_best(vectors @ question, _NEAREST)) for question in questions]
    with TemporaryDirectory(prefix="whence-bench-") as folder:
        for way in _ways(vectors, Path(folder)):
            way.nearest(questions[0])
            seconds, found = zip(*(_timed(partial(way.nearest, question)) for question in questions), strict=True)
            recall = fmean(len(best & set(ours)) / len(best) for best, ours in zip(exact, found, strict=True))
            p95 = float(np.percentile(seconds, 95))
            numbers = [
                number(median(seconds) * 1e3, 2),
                number(p95 * 1e3, 2),
                number(recall),
                number(way.bytes / 1e6, 1),
            ]
            yield [f"{len(vectors):,}", way.name, *numbers, number(way.seconds, 2)]


def _ways(vectors: Floats, folder: Path) -> Iterator[_Way]:
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    small = np.rint(vectors / largest * 127).astype(np.int8)  # as `rows.vector_rows` stores them
    prepared, shortlist = _timed(lambda: Vectors.of(small))
    yield _Way("signs, then eight bits (Whence)", prepared, shortlist.nbytes, partial(_shortlisted, shortlist))
    yield _Way("product, float32", 0.0, vectors.nbytes, partial(_product, vectors))
    half = vectors.astype(np.float16)
    yield _Way("product, float16", 0.0, half.nbytes, partial(_product, half))
    for name, config in (("IVF-PQ", IvfPq(distance_type="dot")), ("IVF-HNSW-SQ", HnswSq(distance_type="dot"))):
        where = folder / name
        prepared, indexed = _timed(partial(_indexed, vectors, where, config))
        yield _Way(f"LanceDB, {name}", prepared, size_bytes(where), partial(_approximate, indexed))


def _product(vectors: NDArray[Any], question: Floats) -> list[int]:
    return _best(vectors @ question.astype(vectors.dtype), _CANDIDATES)[:_NEAREST]


def _shortlisted(vectors: Vectors, question: Floats) -> list[int]:
    places, cosines = vectors.nearest(question, _CANDIDATES)
    return [int(place) for place in places[np.argsort(-cosines)[:_NEAREST]]]


def _indexed(vectors: Floats, folder: Path, config: Any) -> Any:
    column = pa.FixedSizeListArray.from_arrays(vectors.reshape(-1), vectors.shape[1])
    made = lancedb.connect(folder).create_table("vectors", pa.table({"vector": column}))
    made.create_index("vector", config=config)
    return made


def _approximate(indexed: Any, question: Floats) -> list[int]:
    query = indexed.search(question, vector_column_name="vector").distance_type("dot").nprobes(_PROBES)
    found = query.refine_factor(5).limit(_CANDIDATES).with_row_id(True).select(["_distance"]).to_arrow()
    return [int(row) for row in found["_rowid"].to_pylist()[:_NEAREST]]


def _best(scores: NDArray[Any], count: int) -> list[int]:
    best = np.argpartition(-scores, count)[:count]
    return [int(place) for place in best[np.argsort(-scores[best])]]


def _embedded(clones: Path, embedder: Embedder) -> tuple[Floats, Floats]:
    """(vectors, questions): of the chunks of all work trees in a folder, in an order of chance, and of subjects."""
    chance = np.random.default_rng(0)
    texts, subjects = [], []
    folders = [folder for folder in sorted(clones.iterdir()) if (folder / ".git").exists()]
    for folder in track(folders, "Reading", console=Console(stderr=True), transient=True):
        texts += list(dict.fromkeys(_texts(folder)))
        subjects += _subjects(folder)
        if len(texts) >= _SIZES[-1]:
            break
    vectors = np.concatenate([embedder.embed(texts[at : at + _AT_ONCE]) for at in range(0, len(texts), _AT_ONCE)])
    drawn = [subjects[place] for place in chance.permutation(len(subjects))[:_QUESTIONS]]
    return chance.permutation(vectors)[: _SIZES[-1]], embedder.embed(drawn)


def _texts(folder: Path) -> Iterator[str]:
    repository = open_repository(folder)
    for path, blob in list_files(repository).files.items():
        text, _ = read_text(repository, path, blob)
        yield from (rows.chunk_text(chunk) for chunk in chunk_file(path, text)) if text is not None else ()


def _subjects(folder: Path) -> list[str]:
    command = ["git", "log", "--no-merges", "--format=%s", f"--max-count={_QUESTIONS}"]
    listed = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, errors="replace")
    return [subject for subject in listed.stdout.splitlines() if len(subject.split()) > 3]


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    started = time.perf_counter()
    done = work()
    return time.perf_counter() - started, done


if __name__ == "__main__":
    main()
