"""The index of a repository -> all that questions can be made of: files, commits and threads, as they are stored.

Reads the store alone: it is redacted, and nothing is parsed or asked of git a second time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from whence_indexer import schema
from whence_indexer.pickaxe import BEFORE
from whence_indexer.store import Store
from whence_indexer.threadrows import stored_threads
from whence_indexer.threads import Thread

Cursor = dict[str, Any]

_DECLARED = re.compile(
    rf"^\s*{BEFORE}(?:def|class|func|fn|function|interface|struct|type|trait|enum|impl)"
    r"\s+(?:\([^)]*\)\s*)?([A-Za-z_]\w{2,})(?![\w.])"
)
_OF_THE_NEXT = ("*", "//", "#", "@")  # a comment or decorator: what it is of may stand behind it


@dataclass(frozen=True, slots=True)
class File:
    """An indexed file, with its text as the chunks hold it, and git's id of its content."""

    path: str
    blob: str
    kind: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """A commit of the index and the places it changed: (path, name of the definition; empty where that is not sure)."""

    sha: str
    parents: tuple[str, ...]
    author: str
    date: str
    subject: str
    body: str
    paths: tuple[str, ...]
    threads: tuple[int, ...]
    closes: tuple[int, ...]
    pull: int | None
    places: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Collected:
    """What one state of an index holds, each in a fixed order; `commit` is the newest that is indexed."""

    commit: str
    files: tuple[File, ...]
    changes: tuple[Change, ...]
    threads: tuple[Thread, ...]
    boundary: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class News:
    """What a source has that it had not at an earlier cursor."""

    files: tuple[str, ...]
    removed: tuple[str, ...]
    commits: tuple[str, ...]
    threads: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.files or self.removed or self.commits or self.threads)


def collect(store: Store, work_tree: str, admit: Callable[[str], bool] = lambda path: True) -> Collected:
    """Everything in `store`, without the files that `admit` refuses by their path. Raises `StoreError`."""
    heads = store.state.heads
    return Collected(
        commit=heads[0] if heads else "",
        files=tuple(_files(store, work_tree, admit)),
        changes=tuple(_changes(store)),
        threads=tuple(sorted(stored_threads(store), key=lambda thread: (thread.kind, thread.number))),
        boundary=tuple(store.state.boundary),
    )


def cursor_of(store: Store, work_tree: str) -> Cursor:
    """How far each source has been read: small, JSON, and equal for equal content of the index."""
    files, threads = schema.files_table(work_tree), schema.THREADS_TABLE
    listed = store.rows(files, ["path", "blob"]).to_pylist() if files in store.state.tables else []
    columns = ["kind", "number", "part", "text", "about"]
    said = store.rows(threads, columns).to_pylist() if threads in store.state.tables else []
    said.sort(key=lambda row: (row["kind"], row["number"], row["part"]))
    return {
        "files": {row["path"]: row["blob"] for row in sorted(listed, key=lambda row: str(row["path"]))},
        "heads": sorted(store.state.heads),
        "threads": {
            f"{kind} {number}": _digest(f"{row['text']}\0{row['about']}" for row in rows)
            for (kind, number), rows in groupby(said, key=lambda row: (row["kind"], row["number"]))
        },
    }


def news(before: Cursor | None, now: Cursor, changes: Iterable[Change]) -> News:
    """What the cursor `now` has and `before` has not; None: everything is new. `changes` are all commits."""
    known: Mapping[str, Any] = before or {}
    files, threads = known.get("files", {}), known.get("threads", {})
    return News(
        files=tuple(path for path, blob in now["files"].items() if files.get(path) != blob),
        removed=tuple(path for path in files if path not in now["files"]),
        commits=tuple(_beyond(changes, known)),
        threads=tuple(key for key, digest in now["threads"].items() if threads.get(key) != digest),
    )


def _beyond(changes: Iterable[Change], known: Mapping[str, Any]) -> list[str]:
    """The commits that no head of the cursor leads to."""
    by_sha = {change.sha: change for change in changes}
    seen: set[str] = set()
    waiting = [head for head in known.get("heads", ()) if head in by_sha]
    while waiting:
        sha = waiting.pop()
        if sha not in seen:
            seen.add(sha)
            waiting += [parent for parent in by_sha[sha].parents if parent in by_sha]
    return [sha for sha in by_sha if sha not in seen]


def _files(store: Store, work_tree: str, admit: Callable[[str], bool]) -> Iterable[File]:
    table = schema.chunks_table(work_tree)
    if table not in store.state.tables:
        return
    listed = store.rows(schema.files_table(work_tree), ["path", "blob"]).to_pylist()
    blobs = {row["path"]: row["blob"] for row in listed}
    rows = store.rows(table, ["path", "start_line", "kind", "language", "text"]).to_pylist()
    rows.sort(key=lambda row: (row["path"], row["start_line"]))
    for path, chunks in groupby(rows, key=lambda row: str(row["path"])):
        if admit(path) and not path.endswith(".ipynb"):  # the text of a notebook is not that of its lines
            parts = list(chunks)
            text = "".join(part["text"] for part in parts)
            yield File(path, blobs.get(path, ""), parts[0]["kind"], parts[0]["language"], text)


def _changes(store: Store) -> Iterable[Change]:
    if schema.COMMITS_TABLE not in store.state.tables:
        return
    places: dict[str, list[tuple[str, str]]] = {}
    if schema.HUNKS_TABLE in store.state.tables:
        for batch in store.rows(schema.HUNKS_TABLE, ["sha", "path", "section", "text"]).to_batches():
            for row in batch.to_pylist():
                places.setdefault(row["sha"], []).append((row["path"], definition_of(row["section"], row["text"])))
    columns = ["sha", "parents", "author", "date", "subject", "body", "paths", "threads", "closes", "pull"]
    rows = store.rows(schema.COMMITS_TABLE, columns).to_pylist()
    for row in sorted(rows, key=lambda row: (row["date"], row["sha"])):
        row.pop("_rowid")
        listed: dict[str, Any] = {
            name: tuple(row.pop(name) or ()) for name in ("parents", "paths", "threads", "closes")
        }
        changed = tuple(dict.fromkeys(places.get(row["sha"], ())))
        yield Change(**row, **listed, places=tuple(sorted(changed)))


def definition_of(section: str, text: str) -> str:
    """The definition that a hunk without context changes: the one its lines declare, or the one they are indented in.

    Git's `section` is but the nearest line above that looks like one. Empty where the lines do not show it.
    """
    rows = [row for row in text.split("\n") if row[:1] in {"+", "-"} and row[1:].strip()]
    for sign in "+-":
        declared = {found[1] for row in rows if row[0] == sign and (found := _DECLARED.match(row[1:]))}
        if declared:
            return declared.pop() if len(declared) == 1 else ""
    around = _DECLARED.match(section)
    inside = rows and all(row[1].isspace() for row in rows) and not rows[-1][1:].lstrip().startswith(_OF_THE_NEXT)
    return around[1] if around and inside else ""


def _digest(texts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()[:16]
