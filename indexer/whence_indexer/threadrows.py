"""Threads <-> rows of the store: one row for what opened a thread, one for each comment, each searched by itself.

The caller redacts what outsiders wrote before it becomes a row, holds the lock, and commits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from whence_indexer import schema
from whence_indexer.allowing import Allowed
from whence_indexer.embedder import Embedder
from whence_indexer.records import comment_of, record_of, thread_of
from whence_indexer.redaction import redact
from whence_indexer.rows import digest, vector_rows
from whence_indexer.store import Store, Writer, literal
from whence_indexer.terms import word_bag
from whence_indexer.threads import Comment, Thread
from whence_indexer.types import Redaction

_EMBEDDED_BODY = 1_000  # characters; what follows is mostly logs and tracebacks
_COLUMNS = ["kind", "number", "part", "title", "text", "author", "date", "url", "about"]


@dataclass(frozen=True, slots=True)
class Part:
    """A row: the opening of a thread (`part` 0) or a comment, and `about`, the fields that only reading back needs."""

    thread: Thread
    part: int
    text: str
    author: str
    date: str
    url: str
    about: dict[str, Any]

    @property
    def embedded(self) -> str:
        """What is embedded for it: what the thread is about, then what was said."""
        return f"{self.thread.title}\n{self.text[:_EMBEDDED_BODY]}"


def parts(thread: Thread) -> list[Part]:
    """The rows of a thread, in order."""
    about = record_of(replace(thread, comments=(), body="", title="-"))
    opening = Part(thread, 0, thread.body, thread.author, thread.created, thread.url, about)
    return [opening, *(_comment(thread, number, comment) for number, comment in enumerate(thread.comments, 1))]


def thread_rows(parts: Sequence[Part]) -> pa.Table:
    """Rows with the words they are searched by."""
    columns = {
        "kind": [part.thread.kind for part in parts],
        "number": [part.thread.number for part in parts],
        "part": [part.part for part in parts],
        "title": [part.thread.title for part in parts],
        "text": [part.text for part in parts],
        "author": [part.author for part in parts],
        "date": [part.date for part in parts],
        "url": [part.url for part in parts],
        "about": [json.dumps(part.about) for part in parts],
        "digest": [digest(part.embedded) for part in parts],
        # Words of the title find the opening, which shows it, and not each of a hundred comments.
        "terms": [
            word_bag("" if part.part else part.thread.title, part.text, f"{part.thread.number}") for part in parts
        ],
    }
    return pa.table(columns, schema=schema.THREADS)


def stored_threads(store: Store, numbers: Iterable[int] | None = None) -> list[Thread]:
    """The threads of an index (those with these numbers), by number."""
    if schema.THREADS_TABLE not in store.state.tables:
        return []
    wanted = None if numbers is None else sorted(set(numbers))
    if wanted == []:
        return []
    where = None if wanted is None else f"number IN ({', '.join(map(str, wanted))})"
    rows = store.rows(schema.THREADS_TABLE, _COLUMNS, where).to_pylist()
    rows.sort(key=lambda row: (row["number"], row["kind"], row["part"]))
    threads: list[Thread] = []
    for row in rows:
        about = json.loads(row["about"])
        if row["part"]:
            comment = comment_of(about | {"body": row["text"]})
            threads[-1] = replace(threads[-1], comments=(*threads[-1].comments, comment))
        else:
            threads.append(thread_of(about | {"title": row["title"], "body": row["text"]}, lambda what: None))
    return threads


def merged_pulls(store: Store, shas: Iterable[str]) -> dict[str, int]:
    """The number of the pull request that was merged as each of these commits, or in which a review is about it, where
    a tracker says so."""
    told = " OR ".join(f"about LIKE {literal(f'%{sha}%')}" for sha in sorted(set(shas)))
    if schema.THREADS_TABLE not in store.state.tables or not told:
        return {}
    rows = store.rows(schema.THREADS_TABLE, ["number", "part", "about"], f"kind = 'pull' AND ({told})").to_pylist()
    merged: dict[str, int] = {}
    for row in sorted(rows, key=lambda row: -int(row["part"])):  # what it was merged as says more than a review
        merged[json.loads(row["about"]).get("commit" if row["part"] else "merge_commit")] = row["number"]
    return {sha: merged[sha] for sha in shas if sha in merged}


def add_threads(writer: Writer, embedder: Embedder, threads: Sequence[Thread], embedded: set[bytes]) -> None:
    """Write whole threads, with the vectors of those texts that are not `embedded`; it is added to."""
    rows = [part for thread in threads for part in parts(thread)]
    if not rows:
        return
    table = thread_rows(rows)
    writer.append(schema.THREADS_TABLE, table)
    new: dict[bytes, Part] = dict(zip(table["digest"].to_pylist(), rows, strict=True))
    new = {digest: part for digest, part in new.items() if digest not in embedded}
    if new:
        vectors = embedder.embed([part.embedded for part in new.values()])
        writer.append(schema.VECTORS_TABLE, vector_rows(list(new), vectors))
        embedded.update(new)


def redacted(thread: Thread, allowed: Allowed) -> tuple[Thread, list[Redaction]]:
    """The thread without secrets and personal data, and what was taken out of it."""
    found: list[str] = []

    def clean(text: str) -> str:
        result = redact(text, allowed)
        found.extend(place.kind for place in result.found)
        return result.text

    comments = (
        replace(
            comment,
            author=clean(comment.author),
            body=clean(comment.body),
            url=clean(comment.url),
            path=clean(comment.path) if comment.path else None,
        )
        for comment in thread.comments
    )
    cleaned = replace(
        thread,
        title=clean(thread.title),
        body=clean(thread.body),
        labels=tuple(map(clean, thread.labels)),
        author=clean(thread.author),
        url=clean(thread.url),
        comments=tuple(dict.fromkeys(comments)),  # one whose address was redacted is new when it comes again
    )
    return cleaned, [Redaction(kind, thread=thread.number) for kind in found]


def _comment(thread: Thread, number: int, comment: Comment) -> Part:
    (about,) = record_of(replace(thread, comments=(replace(comment, body=""),)))["comments"]
    return Part(thread, number, comment.body, comment.author, comment.date, comment.url, about)
