"""The commit history, read in one streaming pass of `git log -p` with bounded memory.

Takes a `Repository` and revisions, yields `Commit`s with their hunks, newest first. Stores nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

from git.diff import decode_path

from whence_indexer import plumbing
from whence_indexer.allowing import NOTHING, Allowed, read_allowed
from whence_indexer.errors import RepositoryError
from whence_indexer.files import has_secret, reason_by_name
from whence_indexer.fragments import is_key_line
from whence_indexer.records import utc
from whence_indexer.redaction import Redacted, marker, redact
from whence_indexer.repository import Repository
from whence_indexer.types import Commit, Hunk, Redaction

# A commit may add a whole vendored tree: beyond these bounds its text serves no question. Paths are always kept.
MAX_COMMIT_BYTES = 1_000_000
MAX_HUNKS = 200
MAX_HUNK_BYTES = 1_500

# Only our own lines can begin with these two: every line of a diff begins with one of a few other characters, the
# author is indented by a space, and the message by `%w(0,1,1)`.
_RECORD, _END_OF_MESSAGE = b"\x1e", b"\x1f"
_FORMAT = "--format=%x1e%H%n%P%n %an%n%aI%n%w(0,1,1)%B%w(0,0,0)%n%x1f"
# Whatever the user's configuration says of `git log`.
_OPTIONS = f"--root --no-color --no-show-signature --no-notes --encoding=UTF-8 -O{os.devnull}".split()
_PATCH_OPTIONS = (
    "--no-ext-diff --no-textconv --find-renames --unified=0 --submodule=short --src-prefix=a/ --dst-prefix=b/ "
    "--no-indent-heuristic --diff-algorithm=myers"
).split()
_FILE = re.compile(rb"^diff --git ", re.MULTILINE)
_HUNK = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)\n?", re.MULTILINE)
_OLD_NAME = re.compile(rb"^(--- |rename from )(.+)$", re.MULTILINE)
_NEW_NAME = re.compile(rb"^(\+\+\+ |rename to )(.+)$", re.MULTILINE)
_HEADER = re.compile(rb"^(?:\x1f|diff --git |rename (?:from|to) |--- |\+\+\+ ).*\n", re.MULTILINE)
_MAX_HEADER = 1 << 16
# Whose address it is, a trailer says before it, in brackets: they go with it. Of a bare one at a domain reserved for
# examples, which redaction leaves, what stands before the `@` is kept; of an author who has no name too.
_BRACKETED = re.compile(r"[ \t]?<[^<>\s@]{1,64}@[^<>\s]{1,255}>")
_BARE = re.compile(r"(?<![\w.+/-])([\w.+-]{1,64})@(?:[\w-]+\.)+[A-Za-z]{2,}(?!\.?[\w:/@-])")
_BEYOND = 2_000  # bytes read past the end of a hunk that is clipped, so that a secret there is seen whole
_MAX_SECTION = 78  # git clips the name of a section at 80 bytes
_LONGEST_NAME, _SHOWN = 250, 80  # characters of a revision, and of one that there is not in a message
_RENAMES = 300  # files added and deleted by one commit beyond which pairing them up takes longer than a reader waits


def read_commits(
    repository: Repository, *revisions: str, incomplete: Callable[[str], None] = lambda reason: None
) -> Iterator[Commit]:
    """Commits reachable from `revisions` (git's own syntax, `^sha` leaves out), newest first.

    Where contents are missing, as in a partial clone, `incomplete` hears why, and the commits from there on come with
    their paths but without hunks. Raises `RepositoryError` when not even those can be read.
    """
    boundary, (allowed, _) = shallow_commits(repository), read_allowed(repository)
    for record in read_log(repository, *revisions, incomplete=incomplete):
        yield parse_commit(record, boundary, allowed)


def read_log(
    repository: Repository, *revisions: str, incomplete: Callable[[str], None] = lambda reason: None
) -> Iterator[bytes]:
    """The same as records for `parse_commit`, which takes longer than reading them."""
    seen: set[bytes] = set()
    try:
        for record in _log(repository, "-p", *_PATCH_OPTIONS, *revisions):
            seen.add(_sha(record))
            yield record
    except RepositoryError as error:
        incomplete(str(error))
        for record in _log(repository, "--name-only", "--no-renames", *revisions):
            if _sha(record) not in seen:
                yield record


def read_commit(repository: Repository, sha: str, compared: bool = False) -> Commit:
    """The commit `sha` with its hunks as far as the first `MAX_COMMIT_BYTES` hold them, however large it is.

    `compared` is for `parse_commit`. Raises `RepositoryError` when there is no such commit, or contents are missing.
    """
    options = ("--no-walk", "-p", *_PATCH_OPTIONS, f"-l{_RENAMES}")
    record = b""
    for block in plumbing.stream(repository.root, "log", *_OPTIONS, _FORMAT, *options, "--end-of-options", sha, "--"):
        record += block
        if len(record) > MAX_COMMIT_BYTES:
            record = record[: record.rfind(b"\n", 0, MAX_COMMIT_BYTES) + 1]
            break
    if not record:  # a revision that leaves out and names nothing
        raise RepositoryError(f"there is no commit {sha[:_SHOWN]!r}")
    boundary, (allowed, _) = shallow_commits(repository), read_allowed(repository)
    return parse_commit(record.removeprefix(_RECORD), boundary, allowed, compared)


def read_line_history(
    repository: Repository, revision: str, path: str, lines: tuple[int, int], seconds: float
) -> Iterator[Commit]:
    """The commits that changed these lines of `path` as of `revision`, newest first, through renamed files.

    Each has one hunk: all the lines before and after. Raises `SlowError` after those that git found in `seconds`,
    `RepositoryError` when there are no such lines.
    """
    boundary, (allowed, _) = shallow_commits(repository), read_allowed(repository)
    where = f"-L{lines[0]},{lines[1]}:{path}"
    options = (*_OPTIONS, _FORMAT, "-p", *_PATCH_OPTIONS, "--no-merges", where, revision, "--")
    for record in _records(plumbing.stream(repository.root, "log", *options, seconds=seconds)):
        commit = parse_commit(record, boundary, allowed)
        if not commit.hunks:  # the contents of the commit at which a shallow clone ends are left out
            commit = replace(commit, hunks=(Hunk(path, path, (0, 0), lines, "", ""),))
        yield commit


def read_file_change(repository: Repository, name: str, added: bool) -> tuple[str, str] | None:
    """(commit, path) of the last removal of the file or folder `name`, or of its first coming; None without one.

    `name` is a path or the end of one, a file's with or without its suffix. What is there still was not removed.
    """
    patterns = [f":(glob)**/{name.strip('/')}{ending}" for ending in ("", ".*", "/**")]
    if not added and plumbing.run(repository.root, "ls-files", "--", *patterns):
        return None
    kind = ("--diff-filter=A", "--reverse") if added else ("--diff-filter=D", "-n1")
    options = ("--no-renames", "--no-merges", "--name-only", "--format=%x1e%H", *kind, repository.head or "HEAD")
    output = plumbing.run(repository.root, "log", *options, "--", *patterns).decode("utf-8", "surrogateescape")
    sha, *paths = output.partition("\x1e")[2].partition("\x1e")[0].split("\n")
    return (sha, next(filter(None, paths), name)) if sha else None


def read_named(repository: Repository, shas: Sequence[str], compared: bool = False) -> Iterator[Commit]:
    """The same for many commits by one call to git, in any order."""
    boundary, (allowed, _) = shallow_commits(repository), read_allowed(repository)
    for record in read_log(repository, "--no-walk=unsorted", f"-l{_RENAMES}", *shas) if shas else ():
        yield parse_commit(record, boundary, allowed, compared)


def read_message(repository: Repository, sha: str) -> Commit | None:
    """The commit with this full id, without its paths and hunks; None when git has none."""
    if not re.fullmatch("[0-9a-f]{40}([0-9a-f]{24})?", sha) or missing_revisions(repository, [sha]):
        return None
    (record,) = _log(repository, "--no-walk", "--no-patch", sha)
    return parse_commit(record, frozenset(), read_allowed(repository)[0])


def missing_revisions(repository: Repository, revisions: Iterable[str]) -> list[str]:
    """Those of `revisions` that this repository no longer holds."""
    query = "\n".join(revisions).encode()
    answer = plumbing.run(repository.root, "cat-file", "--batch-check", stdin=query) if query else b""
    return [line.split()[0] for line in answer.decode().splitlines() if line.split()[1:2] != ["commit"]]


def resolve_commit(repository: Repository, name: str) -> str:
    """The id of the one commit that `name` means: an id or any other name that git understands, written by anybody.

    Raises `RepositoryError` when there is none.
    """
    if len(name) <= _LONGEST_NAME and "\0" not in name:
        with suppress(RepositoryError):
            query = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
            answer = plumbing.run(repository.root, *query).decode().strip()
            if re.fullmatch("[0-9a-f]{40,64}", answer):  # not `^`, which leaves out, with an id
                return answer
    raise RepositoryError(f"there is no commit {name[:_SHOWN]!r}")


def resolve_commits(repository: Repository, ids: Iterable[str]) -> dict[str, str]:
    """Those of `ids`, whole or abbreviated, that name a commit, each with its whole id. One call to git."""
    asked = list(dict.fromkeys(ids))
    if not asked:
        return {}
    arguments = ("cat-file", "--batch-check=%(objectname) %(objecttype)")
    query = "".join(f"{sha}\n" for sha in asked).encode()
    answer = plumbing.run(repository.root, *arguments, stdin=query, options=("-c", "core.disambiguate=commit"))
    pairs = zip(asked, (line.split() for line in answer.decode().splitlines()), strict=True)
    return {sha: words[0] for sha, words in pairs if words[1:] == ["commit"] and words[0].startswith(sha)}


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


def instant(date: str) -> datetime:
    """When `Commit.date` was; the beginning of time for what a broken client wrote."""
    try:
        return datetime.fromisoformat(date)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def universal(date: str) -> str:
    """`Commit.date` as `YYYY-MM-DDThh:mm:ssZ`; '' for what a broken client wrote."""
    try:
        return utc(date)
    except ValueError:
        return ""


def _log(repository: Repository, *arguments: str) -> Iterator[bytes]:
    return _records(plumbing.stream(repository.root, "log", *_OPTIONS, _FORMAT, *arguments, "--"))


def _records(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut the stream at the record separators; an enormous record keeps its beginning and the names of its files."""
    kept, pending = b"", b"\n"
    for block in blocks:
        *complete, pending = (pending + block).split(b"\n" + _RECORD)
        for record in complete:
            if kept or record:
                yield (kept + _headers(record) if kept else record) + b"\n"
            kept = b""
        if kept or len(pending) > MAX_COMMIT_BYTES:
            start = 0 if kept else pending.rfind(b"\n", 0, MAX_COMMIT_BYTES) + 1
            end = max(pending.rfind(b"\n"), 0)  # it may begin a separator
            kept += pending[:start] + _headers(pending[start:end])
            pending = pending[end : end + _MAX_HEADER]
    if kept or pending.strip():
        yield kept + _headers(pending) if kept else pending


def _headers(diff: bytes) -> bytes:
    return b"".join(_HEADER.findall(diff + b"\n"))


def _sha(record: bytes) -> bytes:
    return record[: record.index(b"\n")]


def parse_commit(record: bytes, boundary: frozenset[str], allowed: Allowed = NOTHING, compared: bool = False) -> Commit:
    """The commit of one record, redacted; none of its contents is kept where a shallow clone ends: at a `boundary`.

    With `compared` its hunks are as they are, without their sections, which takes a third of the time: they are there
    to be compared with one another, and may be neither shown nor stored.
    """
    sha, parents, author, date, rest = record.split(b"\n", 4)
    message, _, diff = rest.partition(b"\n" + _END_OF_MESSAGE)
    redacted = _message(message, allowed)
    subject, _, body = redacted.text.partition("\n\n")
    commit = Commit(
        sha=sha.decode(),
        parents=tuple(parents.decode().split()),
        author=without_addresses(author.removeprefix(b" ").decode("utf-8", "replace")),
        date=date.decode(),
        subject=subject.replace("\n", " "),  # the first paragraph, as git's `%s` has it
        body=body.strip("\n"),
        redactions=tuple(Redaction(place.kind, commit=sha.decode()) for place in redacted.found),
    )
    if commit.sha in boundary:
        return commit
    if not _FILE.search(diff):
        return replace(commit, paths=tuple(_listed(diff)))
    paths, hunks, kinds = _changes(diff, allowed, compared)
    redactions = [Redaction(kind, path, commit=commit.sha) for path, kind in kinds]
    return replace(commit, paths=tuple(paths), hunks=tuple(hunks), redactions=(*commit.redactions, *redactions))


def _message(indented: bytes, allowed: Allowed) -> Redacted:
    lines = indented.decode("utf-8", "replace").split("\n")
    text = "\n".join(line.removeprefix(" ").rstrip() for line in lines).strip("\n")
    redacted = redact(_BRACKETED.sub("", text), allowed)
    return Redacted(_BARE.sub(r"\1", redacted.text), redacted.found)


def without_addresses(name: str) -> str:
    """An author's name as it is kept: without an address in it."""
    return redact(_BARE.sub(r"\1", _BRACKETED.sub("", name))).text


def _changes(diff: bytes, allowed: Allowed, compared: bool) -> tuple[list[str], list[Hunk], list[tuple[str, str]]]:
    """Paths, hunks, and (path, kind) of what was taken out of these."""
    paths: list[str] = []
    hunks: list[Hunk] = []
    taken: list[tuple[str, str]] = []
    for part in _FILE.split(diff)[1:]:
        first = _HUNK.search(part)
        old_path, path = _names(part[: first.start()] if first else part)
        if has_secret(path):
            continue
        paths.append(path)
        old_path = path if has_secret(old_path) else old_path
        if first and len(hunks) < MAX_HUNKS and not reason_by_name(path):
            for hunk, found in islice(_hunks(part, old_path, path, allowed, compared), MAX_HUNKS - len(hunks)):
                hunks.append(hunk)
                taken += [(path, place.kind) for place in found.found]
    return list(dict.fromkeys(paths)), hunks, taken  # a file that became a link is two entries


def _listed(names: bytes) -> list[str]:
    """The paths of `--name-only`, one a line."""
    listed = (_decoded(name, prefixed=False) for name in names.split(b"\n") if name)
    return [path for path in listed if path and not has_secret(path)]


def _hunks(part: bytes, old_path: str, path: str, allowed: Allowed, compared: bool) -> Iterator[tuple[Hunk, Redacted]]:
    heads = list(_HUNK.finditer(part))
    ends = [head.start() for head in heads[1:]] + [len(part)]
    for head, end in zip(heads, ends, strict=True):
        old_start, old_count, new_start, new_count, section = head.groups()
        changed = part[head.end() : min(end, head.end() + MAX_HUNK_BYTES + _BEYOND)]
        clipped = changed[:MAX_HUNK_BYTES].decode("utf-8", "replace")
        redacted = Redacted(clipped, ()) if compared else _changed_lines(changed, allowed)
        hunk = Hunk(
            path=path,
            old_path=old_path,
            old_lines=(int(old_start), int(old_count or 1)),
            new_lines=(int(new_start), int(new_count or 1)),
            section="" if compared else _section(section, allowed),
            text=redacted.text,
        )
        yield hunk, redacted


def _changed_lines(changed: bytes, allowed: Allowed) -> Redacted:
    """The lines of a hunk as they were in the file, redacted, with their `-` or `+` again, clipped."""
    lines = changed.decode("utf-8", "replace").split("\n")
    redacted = redact("\n".join(line[1:] for line in lines), allowed, fragment=True)
    pairs = zip(lines, redacted.text.split("\n"), strict=True)
    text = "\n".join(line[:1] + rest for line, rest in pairs)
    if len(changed) > MAX_HUNK_BYTES:  # by lines: what was redacted has another length
        kept = changed[:MAX_HUNK_BYTES].decode("utf-8", "replace")
        *whole, last = text.split("\n")[: kept.count("\n") + 1]
        text = "\n".join([*whole, last[: len(kept) - kept.rfind("\n") - 1]])
    return Redacted(text, redacted.found)


def _section(name: bytes, allowed: Allowed) -> str:
    """The line that git names; where it was clipped its last word may be half a secret."""
    text = name.decode("utf-8", "replace").strip()
    if len(name) >= _MAX_SECTION:
        text = text.rpartition(" ")[0]
    return marker("private-key") if is_key_line(text) else redact(text, allowed).text


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
