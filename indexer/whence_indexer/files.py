"""The files of a repository as they stand now: git's index and work tree, untracked files, or a plain folder.

Takes a `Repository`, returns paths with content ids, and reads one as text or says why it is left out. Indexes nothing.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from whence_indexer import plumbing
from whence_indexer.allowing import Allowed, read_allowed
from whence_indexer.credentials import find_credentials
from whence_indexer.decoding import decode
from whence_indexer.errors import RepositoryError
from whence_indexer.findings import Prepared
from whence_indexer.ignoring import IgnoreRules
from whence_indexer.redaction import Redacted, redact
from whence_indexer.repository import Repository
from whence_indexer.types import Problem

MAX_FILE_BYTES = 1_000_000  # larger files are data or generated; one such file would outweigh a whole project
_VENDORED = re.compile(
    r"(^|/)(vendor|vendored|_vendor|third_party|third-party|3rdparty|node_modules|bower_components|site-packages|"
    r"Godeps|Pods|Carthage)/",
)
_GENERATED_NAMES = re.compile(
    r"(^|/)(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lock|poetry\.lock|uv\.lock|"
    r"Pipfile\.lock|Cargo\.lock|Gemfile\.lock|composer\.lock|go\.sum|mix\.lock|flake\.lock|Podfile\.lock)$"
    r"|\.(min\.(js|css|mjs)|map|svg|pb\.go|pb\.cc|pb\.h|snap)$|_pb2(_grpc)?\.pyi?$",
)
_GENERATED_MARK = re.compile(
    r"(?<![\"')])@generated\b|<auto-?generated|\bcode generated\b.{0,80}\bdo not edit|"
    r"\b(auto(matically)?[- ]?generated|generated (by|from|automatically))\b.{0,200}\bdo not (edit|modify|change)",
    re.IGNORECASE | re.DOTALL,
)
_MARK_WITHIN = 2_000  # a generated file says so at its top
_MINIFIED_LINE = 5_000  # no line written by hand is that long, in a file of which it is most
_CLOSED_FOLDER = re.compile(r"warning: could not open directory '(.*)': (.*)")
_SYMLINK, _SUBMODULE = "120000", "160000"

_LONG_WORD = re.compile(r"[\w-]{20}", re.ASCII)  # every secret that its shape gives away has one

_NAMED_AT_ONCE = 500  # files in the arguments of one call to git


@dataclass
class Listing:
    """`files` maps each path to its content id (git's blob hash); what was left out is counted or named."""

    files: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def skip(self, reason: str) -> None:
        """Count one file left out for `reason`."""
        self.skipped[reason] = self.skipped.get(reason, 0) + 1


def list_files(repository: Repository) -> Listing:
    """Every file to index, by path. Raises `RepositoryError` when the repository as a whole cannot be read."""
    listing = Listing()
    entries: dict[str, str] = {}
    git = repository.common_dir is not None
    rules = IgnoreRules(lambda path: _rule_text(repository, path, entries.get(path, "")), git=git)
    if not git:
        entries.update(_walk(repository.root, rules, listing))
    elif repository.bare:
        entries.update(_tree_entries(repository, listing))
    else:
        entries.update(_work_tree_entries(repository, listing))
    for path, blob in entries.items():
        _admit(repository, path, blob, rules, listing)
    return listing


def list_named(repository: Repository, paths: Collection[str]) -> Listing:
    """Those of the files `paths` to index, under the ids that `list_files` gives them; no other file is looked at.

    A path that is not relative to the root in its shortest form names no file.
    """
    listing, git = Listing(), repository.common_dir is not None
    rules = IgnoreRules(lambda path: _rule_text(repository, path, ""), git=git)
    named = [path for path in dict.fromkeys(paths) if _is_relative(path)]
    if git:
        for start in range(0, len(named), _NAMED_AT_ONCE):
            for path, blob in _named_entries(repository, named[start : start + _NAMED_AT_ONCE], listing):
                _admit(repository, path, blob, rules, listing)
        return listing
    for path in named:
        folders = [f"{folder}/" for folder in PurePosixPath(path).parents[:-1]]
        if os.path.islink(repository.root / path) or _beyond_link(repository.root, path):
            listing.skip("symlink")
        elif any(map(rules.ignored, folders)):
            listing.skip("ignored")
        elif os.path.lexists(repository.root / path):
            _admit(repository, path, "", rules, listing)
    return listing


def read_text(repository: Repository, path: str, blob: str) -> tuple[str | None, str]:
    """(text, "") of a listed file, redacted, or (None, why it is left out). Raises OSError when it cannot be read."""
    redacted, reason = read_redacted(repository, path, blob, read_allowed(repository)[0])
    return (redacted.text if redacted else None), reason


def read_redacted(
    repository: Repository, path: str, blob: str, allowed: Allowed, contents: str | None = None
) -> tuple[Redacted | None, str]:
    """The same with what was taken out of the text. Nobody else reads a file: its text is redacted everywhere.

    `contents` stand for those on disk, where an editor holds others.
    """
    data = _read_bytes(repository, path, blob) if contents is None else contents.encode("utf-8", "replace")
    if len(data) > MAX_FILE_BYTES:
        return None, "oversized"
    text = decode(data)
    if text is None:
        return None, "binary"
    if _is_generated(text[:_MARK_WITHIN]):
        return None, "generated"
    if _is_minified(text):
        return None, "minified"
    return redact(text, allowed), ""


def reason_by_name(path: str) -> str:
    """Why a path is left out whatever it holds: vendored, generated, named by a secret; "" when it is not."""
    if has_secret(path):
        return "secret in its name"
    if _VENDORED.search(path):
        return "vendored"
    return "generated" if _GENERATED_NAMES.search(path) else ""


def has_secret(path: str) -> bool:
    """Whether a path holds what looks like one: it is no path any more with a marker in it, so it is kept nowhere."""
    return _LONG_WORD.search(path) is not None and any(find_credentials(Prepared.of(path)))


def is_present(repository: Repository, path: str) -> bool:
    """Whether an indexed file is still there: on disk or, where git itself keeps it off disk, in git."""
    if repository.bare or os.path.lexists(repository.root / path):
        return True
    if repository.common_dir is None:
        return False
    return plumbing.run(repository.root, "ls-files", "-t", "--", f":(literal){path}").startswith(b"S")  # sparse


def blob_hash(data: bytes) -> str:
    """The id that git gives this content, so that tracked and untracked files share one space of ids."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _admit(repository: Repository, path: str, blob: str, rules: IgnoreRules, listing: Listing) -> None:
    """Take a file into the listing, unless a rule or its name leaves it out."""
    if rules.ignored(path):
        listing.skip("ignored")
    elif reason := reason_by_name(path):
        listing.skip(reason)
    elif blob or (blob := _blob_on_disk(repository.root / path, path, listing)):
        listing.files[path] = blob


def _is_relative(path: str) -> bool:
    return "\0" not in path and path == posixpath.normpath(path) and not path.startswith(("/", "../")) and path != ".."


def _named_entries(repository: Repository, paths: list[str], listing: Listing) -> Iterator[tuple[str, str]]:
    """`_work_tree_entries` of these files, none of them in a repository without a work tree."""
    if repository.bare or not paths:
        return
    try:
        found = list(_work_tree_entries(repository, listing, [f":(literal){path}" for path in paths]))
    except RepositoryError:  # one lies in a submodule
        for path in paths if len(paths) > 1 else ():
            yield from _named_entries(repository, [path], listing)
        return
    yield from ((path, blob) for path, blob in found if path in paths)  # not what is below a folder of that name


def _work_tree_entries(repository: Repository, listing: Listing, only: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    """Tracked files with their blob, or "" when the work tree differs from it; then the untracked ones.

    `only` are git's pathspecs; none: all files.
    """
    # No look into submodules: it would run their filters. Names that are not UTF-8 are told once, below.
    question = ("diff-files", "-z", "--name-only", "--ignore-submodules=all", "--", *only)
    differing = plumbing.run(repository.root, *question, options=plumbing.without_filters(repository.root))
    changed = {os.fsdecode(name) for name in differing.split(b"\0")}
    staged = plumbing.run(repository.root, "ls-files", "-z", "--stage", "--", *only)
    for path, blob in _staged(staged, listing):
        if path not in changed:
            yield path, blob
        elif os.path.islink(repository.root / path):
            listing.skip("symlink")
        elif os.path.lexists(repository.root / path) and not _beyond_link(repository.root, path):
            yield path, ""
    question = ("ls-files", "-z", "--others", "--exclude-standard", "--", *only)
    untracked = plumbing.run(repository.root, *question, complain=partial(_note_complaint, listing))
    for path in _paths(untracked, listing):
        if path.endswith("/"):
            listing.problems.append(Problem(path, "a git repository of its own; index it with --repo"))
        elif os.path.islink(repository.root / path):
            listing.skip("symlink")
        else:
            yield path, ""


def _beyond_link(root: Path, path: str) -> bool:
    """Whether a folder above `path` has become a link, so that git holds the file for deleted."""
    return any(os.path.islink(root / folder) for folder in PurePosixPath(path).parents[:-1])


def _note_complaint(listing: Listing, line: str) -> None:
    if match := _CLOSED_FOLDER.match(line):
        listing.problems.append(Problem(match[1], match[2]))


def _tree_entries(repository: Repository, listing: Listing) -> Iterator[tuple[str, str]]:
    if repository.head is not None:
        yield from _staged(plumbing.run(repository.root, "ls-tree", "-r", "-z", repository.head), listing)


def _staged(output: bytes, listing: Listing) -> Iterator[tuple[str, str]]:
    """Paths and blobs of `ls-files --stage` or `ls-tree`: an unmerged path counts once."""
    seen = set()
    for entry in output.split(b"\0")[:-1]:
        about, _, name = entry.partition(b"\t")
        mode, first, second = about.decode().split()[:3]
        for path in _paths(name + b"\0", listing):
            if mode == _SYMLINK:
                listing.skip("symlink")
            elif mode == _SUBMODULE:
                listing.problems.append(Problem(path, "a submodule; index it with --repo"))
            elif path not in seen:
                seen.add(path)
                yield path, second if first in {"blob", "commit"} else first


def _paths(output: bytes, listing: Listing) -> Iterator[str]:
    for name in output.split(b"\0")[:-1]:
        try:
            yield name.decode()
        except UnicodeDecodeError:
            shown = name.decode("utf-8", "backslashreplace")
            listing.problems.append(Problem(shown, "its name is not UTF-8; rename it to have it indexed"))


def _walk(root: Path, rules: IgnoreRules, listing: Listing) -> Iterator[tuple[str, str]]:
    """A plain folder. Links are not followed, so that a loop of them ends."""

    def unreadable(error: OSError) -> None:
        where = os.path.relpath(error.filename, os.fsencode(root)).decode("utf-8", "backslashreplace")
        listing.problems.append(Problem(where, error.strerror or "cannot be read"))

    for folder, subfolders, names in os.walk(os.fsencode(root), onerror=unreadable):
        prefix = os.path.relpath(folder, os.fsencode(root)).replace(os.fsencode(os.sep), b"/")
        prefix = b"" if prefix == b"." else prefix + b"/"
        kept = {path for path in _paths(_joined(prefix, subfolders), listing) if not rules.ignored(path + "/")}
        subfolders[:] = [name for name in subfolders if (prefix + name).decode("utf-8", "replace") in kept]
        for path in _paths(_joined(prefix, sorted(names)), listing):
            if os.path.islink(root / path):
                listing.skip("symlink")
            else:
                yield path, ""


def _joined(prefix: bytes, names: list[bytes]) -> bytes:
    return b"".join(prefix + name + b"\0" for name in names)


def _blob_on_disk(location: Path, path: str, listing: Listing) -> str:
    """The content id of a file that git has no id for; "" after noting why there is none."""
    try:
        if not location.is_file():
            listing.skip("special")  # sockets, pipes and devices would block a reader
            return ""
        if location.stat().st_size > MAX_FILE_BYTES:
            listing.skip("oversized")
            return ""
        return blob_hash(location.read_bytes())
    except OSError as error:
        listing.problems.append(Problem(path, error.strerror or str(error)))
        return ""


def _read_bytes(repository: Repository, path: str, blob: str) -> bytes:
    location = repository.root / path
    if repository.common_dir is None or (not repository.bare and os.access(location, os.R_OK) and location.is_file()):
        with location.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    return plumbing.run(repository.root, "cat-file", "blob", blob)  # bare, left out by a sparse checkout, or unreadable


def _rule_text(repository: Repository, path: str, blob: str) -> str | None:
    """A rule file as it stands on disk, or as committed where there is none on disk."""
    location = repository.root / path
    try:
        if not repository.bare and location.is_file():
            return location.read_text("utf-8-sig", "replace")
        data = plumbing.run(repository.root, "cat-file", "blob", blob) if blob else None
    except (OSError, RepositoryError):
        return None
    return data.decode("utf-8-sig", "replace") if data is not None else None


def _is_generated(top: str) -> bool:
    return "generated" in top.lower() and _GENERATED_MARK.search(top) is not None  # the word alone is found much faster


def _is_minified(text: str) -> bool:
    longest = max(map(len, text.split("\n")), default=0)
    return longest > _MINIFIED_LINE and longest > len(text) / 2
