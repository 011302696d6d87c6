"""Lines of a file -> the commits they are from, by `git blame` with white space ignored and moves followed.

Takes a repository, a path and lines, returns `Origin`s. One call of git a function; what a commit did is not asked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from git.diff import decode_path

from whence_indexer import plumbing
from whence_indexer.errors import RepositoryError
from whence_indexer.history import missing_revisions
from whence_indexer.repository import Repository

IGNORE_FILE = ".git-blame-ignore-revs"
# Git tells a moved line by its neighbours: some lines on either side make it agree with a blame of the whole file.
MARGIN = 10

_MOST_IGNORED = 400  # 22 kB of a command line, of which Windows allows 32

# `-M -C`: lines moved within the file, and from other files that the same commit changed.
_OPTIONS = "-w -M -C --root --incremental --no-textconv --encoding=UTF-8".split()
# Many name a list of ignored commits for all their repositories; git stops where one has none.
_WITHOUT_THE_USERS_LIST = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "1",  # the repository was opened under the user's own rules: it is trusted
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
}
_ENTRY = re.compile(rb"([0-9a-f]{40,64}) (\d+) (\d+) (\d+)")
_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class Origin:
    """A run of lines, `first` to `last` in the file asked about, and where it comes from.

    `sha` is the commit, None where nothing was committed yet; `path` and `line` are where the run began in it.
    `previous` is the (commit, path) that the commit changed; None where it made the file.
    """

    first: int
    last: int
    sha: str | None
    path: str
    line: int
    previous: tuple[str, str] | None = None

    def within(self, first: int, last: int) -> Origin | None:
        """The part of it in lines `first` to `last`."""
        start, end = max(first, self.first), min(last, self.last)
        if start > end:
            return None
        return Origin(start, end, self.sha, self.path, self.line + start - self.first, self.previous)


def blame(
    repository: Repository,
    path: str,
    first: int,
    last: int,
    revision: str | None = None,
    ignored: Sequence[str] = (),
    seconds: float | None = None,
    unsaved: bytes | None = None,
) -> list[Origin]:
    """Where lines `first` to `last` of `path` are from, in order; of the work tree, or as of `revision`.

    `unsaved` is what is blamed in the place of the file in the work tree.
    Commits in `ignored` are passed over where git finds what the line was before. Raises `RepositoryError` when git
    refuses, `SlowError` when it takes longer than `seconds`.
    """
    lines = f"-L{max(1, first - MARGIN)},{last + MARGIN}"
    revisions = [revision] if revision else []
    contents = ["--contents", "-"] if unsaved is not None else []
    call = partial(
        plumbing.run,
        repository.root,
        *("blame", *_OPTIONS, lines, *_passed_over(ignored), *contents, *revisions, "--", path),
        # The work tree is compared as it is: a content filter is a program of the repository's choice.
        options=() if revision else plumbing.without_filters(repository.root),
        seconds=seconds,
        stdin=unsaved,
    )
    try:
        output = call()
    except RepositoryError as error:
        if "object name list" not in str(error):
            raise
        output = call(environment=_WITHOUT_THE_USERS_LIST)
    parts = (origin.within(first, last) for origin in _entries(output))
    return sorted(filter(None, parts), key=lambda origin: origin.first)


def _passed_over(ignored: Sequence[str]) -> list[str]:
    """The options that pass commits over. Without a file, which a process that is ended would leave behind; of more
    than a command line holds the last ones, which were found in the history of these lines."""
    return [f"--ignore-rev={sha}" for sha in ignored[-_MOST_IGNORED:]]


def ignored_revisions(repository: Repository) -> list[str]:
    """The commits that the project's own `.git-blame-ignore-revs` passes over, those that exist; other lines of it
    say nothing."""
    file = repository.root / IGNORE_FILE
    try:
        if repository.bare or not file.is_file():
            return []
        text = file.read_text("utf-8", "replace")
    except OSError:
        return []
    listed = dict.fromkeys(
        words[0] for line in text.splitlines() if (words := line.partition("#")[0].split()) and _ID.fullmatch(words[0])
    )
    missing = set(missing_revisions(repository, listed)) if listed else set()
    return [sha for sha in listed if sha not in missing]


def _entries(output: bytes) -> Iterator[Origin]:
    """The entries of `--incremental`; what is said of a commit is said once, its file name with every entry."""
    entry: re.Match[bytes] | None = None
    previous: tuple[str, str] | None = None
    for line in output.split(b"\n"):
        if match := _ENTRY.fullmatch(line):
            entry, previous = match, None
        elif line.startswith(b"previous "):
            before, _, name = line.removeprefix(b"previous ").partition(b" ")
            previous = before.decode(), _path(name)
        elif line.startswith(b"filename ") and entry is not None:
            line_then, line_now, count = map(int, entry.groups()[1:])
            sha = None if not entry[1].strip(b"0") else entry[1].decode()
            path = _path(line.removeprefix(b"filename "))
            yield Origin(line_now, line_now + count - 1, sha, path, line_then, previous)
            entry = None


def _path(name: bytes) -> str:
    return os.fsdecode(decode_path(name, has_ab_prefix=False) or name)
