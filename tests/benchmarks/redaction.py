"""`python -m tests.benchmarks.redaction`: how often redaction takes out what it should not, and what it costs.

Redacts every file of the clones that `redaction.tsv` has judgements of. Each has been read and judged:
`true` (a secret or personal data, a key for tests too), `made-up` (an invention that has the form of one) or `false`
(something else). `--show` prints the places that nobody has judged yet, with their lines, on the terminal alone; until
then they count as false.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from tests.benchmarks.markdown import measured, table, write_section

from whence_indexer import files, rows
from whence_indexer.allowing import NOTHING
from whence_indexer.chunker import chunk_file
from whence_indexer.embedder import load_embedder
from whence_indexer.redaction import redact
from whence_indexer.repository import open_repository
from whence_indexer.types import Chunk

_JUDGED = Path(__file__).with_suffix(".tsv")
Place = tuple[str, str, int, str]  # repository, path, line, kind


@dataclass
class Result:
    """One repository. Seconds are of one core; `chunks_by` counts the chunks that hold a place of a verdict."""

    name: str
    revision: str
    chunks: int = 0
    redacted: int = 0
    places: Counter[str] = field(default_factory=Counter)
    chunks_by: Counter[str] = field(default_factory=Counter)
    redacting: float = 0.0
    chunking: float = 0.0
    embedding: float = 0.0


def judgements(file: Path = _JUDGED) -> dict[Place, str]:
    """The verdict on each place."""
    with file.open(encoding="utf-8", newline="") as lines:
        read = csv.reader(lines, delimiter="\t")
        return {(name, path, int(line), kind): verdict for name, path, line, kind, verdict in read}


def measure(clone: Path, judged: dict[Place, str], show: bool = False) -> Result:
    """Redact, chunk and embed the files of `clone`; `show` prints the places that nobody has judged."""
    repository = open_repository(clone)
    result = Result(clone.name, _revision(clone))
    texts: list[str] = []
    for path, blob in files.list_files(repository).files.items():
        raw = _raw_text(clone / path)
        if raw is None or files.read_redacted(repository, path, blob, NOTHING)[0] is None:
            continue
        started = time.process_time()
        redacted = redact(raw)
        result.redacting += time.process_time() - started
        started = time.process_time()
        chunks = chunk_file(path, redacted.text)
        result.chunking += time.process_time() - started
        result.chunks += len(chunks)
        texts += map(rows.chunk_text, chunks)
        verdicts: dict[int, set[str]] = {}
        for place in redacted.found:
            verdict = judged.get((clone.name, path, place.line, place.kind), "not judged")
            result.places[verdict] += 1
            verdicts.setdefault(place.line, set()).add(verdict)
            if show and verdict == "not judged":
                line = raw.split("\n")[place.line - 1].strip()
                print(clone.name, path, place.line, place.kind, line[:200], sep="\t")
        _count_chunks(chunks, verdicts, result)
    embedder = load_embedder()
    started = time.process_time()
    embedder.embed(texts)
    result.embedding = time.process_time() - started
    return result


def _count_chunks(chunks: Sequence[Chunk], verdicts: dict[int, set[str]], result: Result) -> None:
    for chunk in chunks:
        here = {
            verdict
            for line, some in verdicts.items()
            if chunk.span.start_line <= line <= chunk.span.end_line
            for verdict in some
        }
        result.redacted += bool(here)
        result.chunks_by.update(here)


def _raw_text(location: Path) -> str | None:
    """The text before redaction, which only this benchmark looks at."""
    return files.decode(location.read_bytes()) if location.is_file() and not location.is_symlink() else None


def _revision(clone: Path) -> str:
    run = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=clone, capture_output=True, text=True, check=True)
    return run.stdout.strip()


def report(results: Sequence[Result]) -> str:
    """Two tables: what was taken out and how it was judged, and the cost."""
    total = Result("**all**", "")
    for result in results:
        for name in ("chunks", "redacted", "redacting", "chunking", "embedding"):
            setattr(total, name, getattr(total, name) + getattr(result, name))
        total.places += result.places
        total.chunks_by += result.chunks_by
    header = [
        "repository",
        "revision",
        "chunks",
        "redacted",
        "places",
        "true",
        "made-up",
        "false",
        "false chunks",
        "with made-up",
    ]
    body = [_row(result) for result in (*results, total)]
    others = total.chunking + total.embedding
    cost = (
        f"Redaction took {total.redacting / others:.1%} of the time that chunking and embedding the same files took "
        f"({total.redacting / total.chunks * 1e6:.0f} µs against {others / total.chunks * 1e6:.0f} µs a chunk)."
    )
    return f"{measured()}\n\n{table(header, body)}\n\n{cost}"


def _row(result: Result) -> list[str]:
    wrong = result.chunks_by["false"] + result.chunks_by["not judged"]
    made_up = wrong + result.chunks_by["made-up"]
    return [
        result.name,
        result.revision,
        f"{result.chunks:,}",
        f"{result.redacted:,}",
        f"{sum(result.places.values()):,}",
        f"{result.places['true']:,}",
        f"{result.places['made-up']:,}",
        f"{result.places['false'] + result.places['not judged']:,}",
        f"{wrong / max(result.chunks, 1):.2%}",
        f"{made_up / max(result.chunks, 1):.2%}",
    ]


def main() -> None:
    """Measure, print, and write the section where a page is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clones", type=Path, required=True, help="folder of clones, read only")
    parser.add_argument("--names", nargs="*", help="other clones than those that were judged")
    parser.add_argument("--show", action="store_true", help="print what nobody has judged, with its line")
    parser.add_argument("--write", type=Path, help="the page with the section to write")
    options = parser.parse_args()
    judged = judgements()
    names = options.names or sorted({name for name, *_ in judged})
    found = [options.clones / name for name in names if (options.clones / name).is_dir()]
    console = Console(highlight=False, markup=False)
    page = report([measure(clone, judged, options.show) for clone in found])
    console.print(page, soft_wrap=True)
    if options.write:
        write_section(options.write, "redaction", page)


if __name__ == "__main__":
    main()
