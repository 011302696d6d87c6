"""A file whose lines are asked about: is it there, is it git's, does it have these lines?

Takes a repository, a path and lines; returns a `Source` to blame, or raises `SourceError` with what is in the way.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from whence_indexer import plumbing
from whence_indexer.decoding import decode, encode
from whence_indexer.errors import SlowError, SourceError
from whence_indexer.files import blob_hash, is_present
from whence_indexer.history import read_message
from whence_indexer.repository import Repository

_SECONDS = 3.0  # to find the commit that removed a file
_RENAMES = 8  # names that a file had, one after another
_LINK, _MODULE, _FOLDER = "120000", "160000", "040000"


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it stands now. `revision` is the commit that holds the very same content, None where none does.

    `unsaved` is its content where an editor has it otherwise than the disk.
    """

    path: str
    text: str
    revision: str | None
    unsaved: bytes | None = None

    @property
    def lines(self) -> list[str]:
        """Its lines as git counts them, without their line feeds."""
        return self.text.removesuffix("\n").split("\n")


def find_source(repository: Repository, path: str, first: int, last: int, contents: str | None = None) -> Source:
    """The file `path`, relative to the root, which has lines `first` to `last`; `contents` where it is not as on disk.

    Raises `SourceError` when there is no git, no commit, no such file or line, or the file is not text or not tracked.
    """
    if repository.common_dir is None:
        raise SourceError(f"{repository.root} is not a git repository: its files have no history")
    if repository.head is None:
        raise SourceError("nothing has been committed yet: there is no history")
    mode, blob = _committed(repository, path)
    data = _content(repository, path, mode, blob, contents)
    text = decode(data) if contents is None else contents
    if text is None:
        raise SourceError(f"{path} is binary: it has no lines")
    count = data.count(b"\n") + (not data.endswith(b"\n") and data != b"")
    if not count:
        raise SourceError(f"{path} is empty: it has no lines")
    if last > count:
        wrong = first if first > count else last
        raise SourceError(f"{path} has {count:,} line{'s' if count > 1 else ''}; there is no line {wrong:,}")
    committed = blob and blob_hash(data) == blob
    return Source(path, text, repository.head if committed else None, None if contents is None else data)


def relative_path(repository: Repository, path: str) -> str:
    """`path` as the repository knows it, relative to its root with `/`: given so, absolute, or from the working folder.

    Raises `SourceError` when it is outside.
    """
    for folder in (repository.root, Path.cwd()):
        found = Path(os.path.normpath(folder / path))
        if found.is_relative_to(repository.root) and (os.path.lexists(found) or os.path.isabs(path)):
            return found.relative_to(repository.root).as_posix()
    plain = os.path.normpath(path)
    if os.path.isabs(plain) or plain.split(os.sep)[0] == os.pardir:
        raise SourceError(f"{path} is outside the repository {repository.root}")
    return Path(plain).as_posix()


def _committed(repository: Repository, path: str) -> tuple[str, str]:
    """(mode, blob) of the file in the last commit; empty when it is not there."""
    output = plumbing.run(repository.root, "ls-tree", "-z", "--full-tree", str(repository.head), "--", path)
    about = output.partition(b"\t")[0].decode().split()
    return (about[0], about[2]) if about else ("", "")


def _content(repository: Repository, path: str, mode: str, blob: str, contents: str | None) -> bytes:
    location = repository.root / path
    if mode == _MODULE:
        raise SourceError(f"{path} is a submodule; ask with --repo {path}")
    if (not repository.bare and location.is_dir()) or (mode == _FOLDER and not os.path.lexists(location)):
        raise SourceError(f"{path} is a folder; name a file in it")
    if mode == _LINK or location.is_symlink():
        raise SourceError(f"{path} is a link; ask about the file it leads to")
    if contents is not None:
        if not blob and not _is_staged(repository, path):
            raise SourceError(f"{path} is not tracked by git: it has no history yet")
        return encode(contents, _beginning(location))
    if not repository.bare and os.path.lexists(location):
        if not blob and not _is_staged(repository, path):
            raise SourceError(f"{path} is not tracked by git: it has no history yet")
        if not location.is_file():
            raise SourceError(f"{path} is not a regular file")
        return location.read_bytes()
    if not blob:
        raise SourceError(_told_of_removal(repository, path))
    if not is_present(repository, path):
        raise SourceError(f"{path} is deleted in the work tree; git restore brings it back")
    return plumbing.run(repository.root, "cat-file", "blob", blob)


def _beginning(location: Path) -> bytes:
    """The first bytes of the file on disk, which tell its encoding; none where there is no such file."""
    try:
        with location.open("rb") as file:
            return file.read(4)
    except OSError:
        return b""


def _is_staged(repository: Repository, path: str) -> bool:
    return bool(plumbing.run(repository.root, "ls-files", "-z", "--", f":(literal){path}"))


def _told_of_removal(repository: Repository, path: str) -> str:
    """That there is no such file, with the commit that removed it, or its name now where that renamed it."""
    removed, now = _removed(repository, path), path
    last = removed
    for _ in range(_RENAMES):
        renamed = _renamed(repository, last, now) if last else ""
        if not renamed:
            break
        now, last = renamed, "" if _committed(repository, renamed)[1] else _removed(repository, renamed)
    commit = read_message(repository, last or removed)
    if commit is None:
        return f"there is no file {path}"
    subject = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in commit.subject)
    if not last:
        return f"there is no file {path} any more; it is {now} now; {removed[:10]} renamed it first: {subject}"
    return f"there is no file {path} any more; it was removed by {last[:10]}: {subject}"


def _removed(repository: Repository, path: str) -> str:
    """The last commit that took a name of a file away; "" where there is none."""
    options = "--no-show-signature --no-color --diff-filter=D --no-renames --format=%H".split()
    where = ("--", f":(literal){path}")
    try:
        return plumbing.run(repository.root, "log", "-1", *options, *where, seconds=_SECONDS).decode().strip()
    except SlowError:
        return ""


def _renamed(repository: Repository, sha: str, path: str) -> str:
    """What a commit called the file instead; "" where it only removed it."""
    options = "--no-commit-id --root -r -M --name-status -z --diff-filter=R".split()
    try:
        output = plumbing.run(repository.root, "diff-tree", *options, sha, seconds=_SECONDS)
    except SlowError:
        return ""
    names = [os.fsdecode(name) for name in output.split(b"\0")]
    return next((new for old, new in zip(names[1::3], names[2::3], strict=False) if old == path), "")
