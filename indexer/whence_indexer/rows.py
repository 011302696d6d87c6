"""Domain values -> rows of the store's tables, and the texts that are embedded for them.

Pure. A row's digest names the text its vector stands for, so that equal texts share one vector across branches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from whence_indexer import schema
from whence_indexer.references import find_references
from whence_indexer.terms import word_bag
from whence_indexer.types import Chunk, Commit, Redaction

_EMBEDDED_BODY = 1_000  # characters of a commit message's body; what follows is mostly trailers and logs
_EMBEDDED_PATHS = 8
_SEARCHED_PLACES = 12  # paths, and sections, of a commit: a sweeping one is found by its message


def chunk_text(chunk: Chunk) -> str:
    """What is embedded for a chunk: the line that places it, then its lines."""
    return f"{chunk.header}\n{chunk.text}"


def commit_text(commit: Commit) -> str:
    """What is embedded for a commit: its message and where it reached."""
    return "\n".join((commit.subject, commit.body[:_EMBEDDED_BODY], *commit.paths[:_EMBEDDED_PATHS]))


def digest(text: str) -> bytes:
    """A name for `text`: 16 bytes."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()


def file_rows(blobs: Mapping[str, str], skipped: Mapping[str, str]) -> pa.Table:
    """Files by content id, with the reason where one was left out."""
    columns = {"path": list(blobs), "blob": list(blobs.values()), "skipped": [skipped.get(path, "") for path in blobs]}
    return pa.table(columns, schema=schema.FILES)


def chunk_rows(chunks: Sequence[Chunk], digests: Sequence[bytes]) -> pa.Table:
    """Chunks with the words they are searched by."""
    columns = {
        "path": [chunk.span.path for chunk in chunks],
        "start_line": [chunk.span.start_line for chunk in chunks],
        "end_line": [chunk.span.end_line for chunk in chunks],
        "kind": [chunk.kind for chunk in chunks],
        "language": [chunk.language for chunk in chunks],
        "symbols": [list(chunk.symbols) for chunk in chunks],
        "scope": [list(chunk.scope) for chunk in chunks],
        "digest": list(digests),
        "text": [chunk.text for chunk in chunks],
        "terms": [word_bag(chunk.span.path, *chunk.scope, *chunk.symbols, chunk.text) for chunk in chunks],
    }
    return pa.table(columns, schema=schema.CHUNKS)


def commit_rows(commits: Sequence[Commit], digests: Sequence[bytes], project: str | None) -> pa.Table:
    """Commits with their references to threads and the words they are searched by."""
    references = [find_references(commit.subject, commit.body, project) for commit in commits]
    columns = {
        "sha": [commit.sha for commit in commits],
        "parents": [list(commit.parents) for commit in commits],
        "author": [commit.author for commit in commits],
        "date": [commit.date for commit in commits],
        "subject": [commit.subject for commit in commits],
        "body": [commit.body for commit in commits],
        "paths": [list(commit.paths) for commit in commits],
        "threads": [[reference.number for reference in found] for found in references],
        "closes": [[reference.number for reference in found if reference.closes] for found in references],
        "pull": [next((reference.number for reference in found if reference.pull), None) for found in references],
        "digest": list(digests),
        "terms": [_commit_words(commit) for commit in commits],
    }
    return pa.table(columns, schema=schema.COMMITS)


def hunk_rows(commits: Sequence[Commit]) -> pa.Table:
    """The hunks of `commits`, each linking its commit to a file and the lines it changed."""
    pairs = [(commit.sha, hunk) for commit in commits for hunk in commit.hunks]
    columns = {
        "sha": [sha for sha, _ in pairs],
        "path": [hunk.path for _, hunk in pairs],
        "old_path": [hunk.old_path for _, hunk in pairs],
        "old_start": [hunk.old_lines[0] for _, hunk in pairs],
        "old_count": [hunk.old_lines[1] for _, hunk in pairs],
        "new_start": [hunk.new_lines[0] for _, hunk in pairs],
        "new_count": [hunk.new_lines[1] for _, hunk in pairs],
        "section": [hunk.section for _, hunk in pairs],
        "text": [hunk.text for _, hunk in pairs],
    }
    return pa.table(columns, schema=schema.HUNKS)


def redaction_rows(redactions: Sequence[Redaction]) -> pa.Table:
    """What was taken out, by kind and place."""
    columns = {
        "kind": [each.kind for each in redactions],
        "path": [each.path for each in redactions],
        "line": [each.line for each in redactions],
        "sha": [each.commit for each in redactions],
        "thread": [each.thread for each in redactions],
    }
    return pa.table(columns, schema=schema.REDACTIONS)


def vector_rows(digests: Sequence[bytes], vectors: np.ndarray) -> pa.Table:
    """Vectors of shape (len(digests), dimension), each scaled to its own eight-bit range.

    `unit_vectors` brings them back: a cosine does not depend on the scale, so that none is stored.
    """
    dimension = vectors.shape[1]
    largest = np.maximum(np.abs(vectors).max(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    values = pa.array(np.rint(vectors / largest * 127).astype(np.int8).reshape(-1))
    column = pa.FixedSizeListArray.from_arrays(values, dimension)
    return pa.table([pa.array(digests, pa.binary(16)), column], schema=schema.vectors(dimension))


def unit_vectors(stored: np.ndarray) -> NDArray[np.float32]:
    """Stored vectors of shape (n, dimension) as unit vectors; zero stays zero."""
    single = stored.astype(np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", single, single))[:, None]
    unit: NDArray[np.float32] = np.divide(single, np.maximum(lengths, 1), out=single)
    return unit


def _commit_words(commit: Commit) -> str:
    sections = list(dict.fromkeys(hunk.section for hunk in commit.hunks))[:_SEARCHED_PLACES]
    return word_bag(commit.subject, commit.body, *commit.paths[:_SEARCHED_PLACES], *sections)
