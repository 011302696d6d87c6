"""Some files, or some records of the history -> the rows to store for them: where indexing spends its time.

Reads files, writes nothing. One process may make one batch while another makes the next; see `crew.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from whence_indexer import rows, schema
from whence_indexer.allowing import Allowed
from whence_indexer.chunker import chunk_file
from whence_indexer.embedder import Embedder
from whence_indexer.files import read_redacted
from whence_indexer.history import parse_commit, shallow_commits
from whence_indexer.redaction import redact
from whence_indexer.repository import Repository
from whence_indexer.types import Chunk, Redaction

FAILED = "failed: "


@dataclass(frozen=True, slots=True)
class Files:
    """Files to chunk: path -> content id; and the `contents` of those that an editor shows other than they are."""

    blobs: dict[str, str]
    contents: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Records:
    """Commits to parse, each as `git log` printed it."""

    log: list[bytes]


Job = Files | Records


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be stored for one job: rows by table, the vectors among them; and why files were left out."""

    size: int
    tables: dict[str, pa.Table]
    skipped: dict[str, str] = field(default_factory=dict)


class Maker:
    """Makes batches. Remembers what it has embedded, so that a text's vector is made once in each process."""

    def __init__(self, repository: Repository, embedder: Embedder, embedded: set[bytes], allowed: Allowed) -> None:
        """`embedded` are the digests of the texts that have a vector already; it is added to.

        `allowed` are the values that redaction leaves.
        """
        self._repository, self._embedder, self._embedded = repository, embedder, embedded
        self._allowed = allowed
        self._boundary = shallow_commits(repository)

    def make(self, job: Job) -> Batch:
        """The rows for `job`; whatever goes wrong with one file is noted under its name and stops nothing else."""
        return self._files(job) if isinstance(job, Files) else self._commits(job)

    def _files(self, job: Files) -> Batch:
        skipped: dict[str, str] = {}
        redactions: list[Redaction] = []
        chunks = [chunk for path in job.blobs for chunk in self._chunks(job, path, skipped, redactions)]
        digests, vectors = self._embed([rows.chunk_text(chunk) for chunk in chunks])
        work_tree = self._repository.work_tree
        tables = {
            schema.chunks_table(work_tree): rows.chunk_rows(chunks, digests),
            schema.redactions_table(work_tree): rows.redaction_rows(redactions),
        }
        return Batch(len(job.blobs), tables | vectors, skipped)

    def _chunks(self, job: Files, path: str, skipped: dict[str, str], redactions: list[Redaction]) -> list[Chunk]:
        try:
            redacted, skipped[path] = read_redacted(
                self._repository, path, job.blobs[path], self._allowed, job.contents.get(path)
            )
            if redacted is None:
                return []
            chunks = chunk_file(path, redacted.text)
            for chunk in chunks:
                chunk.text.encode()  # JSON can spell half a character, which no store holds
            redactions += [Redaction(place.kind, path, place.line) for place in redacted.found]
            return chunks
        except Exception as error:
            skipped[path] = f"{FAILED}{type(error).__name__}: {redact(str(error)).text}"
            return []

    def _commits(self, job: Records) -> Batch:
        commits = [parse_commit(record, self._boundary, self._allowed) for record in job.log]
        digests, vectors = self._embed([rows.commit_text(commit) for commit in commits])
        tables = {
            schema.COMMITS_TABLE: rows.commit_rows(commits, digests, self._repository.web_url),
            schema.HUNKS_TABLE: rows.hunk_rows(commits),
            schema.REDACTIONS_TABLE: rows.redaction_rows([each for commit in commits for each in commit.redactions]),
        }
        return Batch(len(commits), tables | vectors)

    def _embed(self, texts: Sequence[str]) -> tuple[list[bytes], dict[str, pa.Table]]:
        """The digests of `texts`, and the vectors of those that have none yet."""
        digests = [rows.digest(text) for text in texts]
        new = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in self._embedded}
        if not new:
            return digests, {}
        vectors = self._embedder.embed(list(new.values()))
        self._embedded.update(new)
        return digests, {schema.VECTORS_TABLE: rows.vector_rows(list(new), vectors)}
