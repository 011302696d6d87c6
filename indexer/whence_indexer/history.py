"""The commit history, read in one streaming pass of `git log -p` with bounded memory.

Takes a `Repository` and revisions, yields `Commit`s with their hunks, newest first. Stores nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

from git.diff import decode_path

from whence_indexer import plumbing
from whence_indexer.files import reason_by_name
from whence_indexer.repository import Repository
from whence_indexer.types import Commit, Hunk

# A commit may add a whole vendored tree: beyond these bounds its text serves no question. Paths are always kept.
MAX_COMMIT_BYTES = 1_000_000
MAX_HUNKS = 200
MAX_HUNK_BYTES = 1_500

# Only our own lines can begin with the record separator: every line of a diff begins with one of a few other
# characters, and `%w(0,1,1)` indents the message.
_RECORD = b"\x1e"
_FORMAT = "--format=%x1e%H%x1f%P%x1f%an%x1f%aI%x1f%w(0,1,1)%B%w(0,0,0)%x1f"
_OPTIONS = (
    "--no-color --no-ext-diff --no-textconv --no-show-signature --no-notes --encoding=UTF-8 --find-renames "
    "--unified=0 --submodule=short --src-prefix=a/ --dst-prefix=b/ --no-indent-heuristic --diff-algorithm=myers"
).split()
_FILE = re.compile(rb"^diff --git ", re.MULTILINE)
_HUNK = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)\n?", re.MULTILINE)
_OLD_NAME = re.compile(rb"^(--- |rename from )(.+)$", re.MULTILINE)
_ADDRESS = re.compile(r"\s*<[^<>\s]+@[^<>\s]+>")  # in trailers; nobody's address belongs into an index
_NEW_NAME = re.compile(rb"^(\+\+\+ |rename to )(.+)$", re.MULTILINE)


def read_commits(repository: Repository, *revisions: str) -> Iterator[Commit]:
    """Commits reachable from `revisions` (git's own syntax, `^sha` leaves out). Raises `RepositoryError`."""
    boundary = shallow_commits(repository)
    blocks = plumbing.stream(repository.root, "log", "-p", *_OPTIONS, _FORMAT, *revisions, "--")
    for record in _records(blocks):
        yield _commit(record, boundary)


def missing_revisions(repository: Repository, revisions: Iterable[str]) -> list[str]:
    """Those of `revisions` that this repository no longer holds."""
    query = "\n".join(revisions).encode()
    answer = plumbing.run(repository.root, "cat-file", "--batch-check", stdin=query) if query else b""
    return [line.split()[0] for line in answer.decode().splitlines() if not line.split()[1:2] == ["commit"]]


def revision_list(repository: Repository, *revisions: str) -> list[str]:
    """The ids of the commits that `git rev-list` selects."""
    return plumbing.run(repository.root, "rev-list", *revisions, "--").decode().split() if revisions else []


def work_tree_heads(repository: Repository) -> list[str]:
    """The commits checked out in the work trees that share this repository, this one's first."""
    heads = [repository.head] if repository.head else []
    if repository.common_dir is not None:
        listed = plumbing.run(repository.root, "worktree", "list", "--porcelain").decode("utf-8", "replace")
        heads += re.findall(r"^HEAD ((?!0+$)[0-9a-f]+)$", listed, re.MULTILINE)
    return list(dict.fromkeys(heads))


def shallow_commits(repository: Repository) -> frozenset[str]:
    """Commits at which a shallow clone ends. Their diff is the whole tree, which says nothing of what they changed."""
    marks = repository.common_dir / "shallow" if repository.common_dir else None
    return frozenset(marks.read_text().split()) if marks is not None and marks.is_file() else frozenset()


def _records(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut the stream at the record separators; of an enormous record only the beginning is kept."""
    pending = b"\n"
    for block in blocks:
        *complete, pending = (pending + block).split(b"\n" + _RECORD)
        yield from filter(None, complete)
        if len(pending) > MAX_COMMIT_BYTES:  # its last byte may begin a separator
            pending = pending[:MAX_COMMIT_BYTES] + pending[-1:]
    if pending.strip():
        yield pending


def _commit(record: bytes, boundary: frozenset[str]) -> Commit:
    sha, parents, author, date, message, diff = record.split(b"\x1f", 5)
    subject, _, body = _message(message).partition("\n")
    commit = Commit(
        sha=sha.decode(),
        parents=tuple(parents.decode().split()),
        author=author.decode("utf-8", "replace"),
        date=date.decode(),
        subject=subject,
        body=body.strip("\n"),
    )
    if commit.sha in boundary:
        return commit
    paths, hunks = _changes(diff)
    return replace(commit, paths=tuple(paths), hunks=tuple(hunks))


def _message(indented: bytes) -> str:
    lines = _ADDRESS.sub("", indented.decode("utf-8", "replace")).split("\n")
    return "\n".join(line.removeprefix(" ").rstrip() for line in lines).strip("\n")


def _changes(diff: bytes) -> tuple[list[str], list[Hunk]]:
    paths: list[str] = []
    hunks: list[Hunk] = []
    for part in _FILE.split(diff)[1:]:
        first = _HUNK.search(part)
        old_path, path = _names(part[: first.start()] if first else part)
        paths.append(path)
        if first and len(hunks) < MAX_HUNKS and not reason_by_name(path):
            hunks += islice(_hunks(part, old_path, path), MAX_HUNKS - len(hunks))
    return paths, hunks


def _hunks(part: bytes, old_path: str, path: str) -> Iterator[Hunk]:
    heads = list(_HUNK.finditer(part))
    ends = [head.start() for head in heads[1:]] + [len(part)]
    for head, end in zip(heads, ends, strict=True):
        old_start, old_count, new_start, new_count, section = head.groups()
        yield Hunk(
            path=path,
            old_path=old_path,
            old_lines=(int(old_start), int(old_count or 1)),
            new_lines=(int(new_start), int(new_count or 1)),
            section=section.decode("utf-8", "replace").strip(),
            text=part[head.end() : min(end, head.end() + MAX_HUNK_BYTES)].decode("utf-8", "replace"),
        )


def _names(header: bytes) -> tuple[str, str]:
    """(path before, path after) of a file's part of a diff; both are the same unless it was renamed."""
    old, new = _name(_OLD_NAME.search(header)), _name(_NEW_NAME.search(header))
    if old is None and new is None:  # no lines changed, or binary: `a/NAME b/NAME`
        both = header.partition(b"\n")[0]
        new = _decoded(both[len(both) // 2 + 1 :], prefixed=True)
    return old or new or "", new or old or ""


def _name(match: re.Match[bytes] | None) -> str | None:
    return _decoded(match[2], prefixed=not match[1].startswith(b"rename")) if match else None


def _decoded(name: bytes, prefixed: bool) -> str | None:
    path = decode_path(name.removesuffix(b"\t"), has_ab_prefix=prefixed)
    return path.decode("utf-8", "backslashreplace") if path is not None else None
