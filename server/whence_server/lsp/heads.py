"""Where HEAD is, as cheaply as it can be known: what changes with every commit, checkout, rebase and reset.

Reads the few files that git writes then; starts no process.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from whence_indexer.repository import Repository

_BUSY = ("index.lock", "rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD")
_AT_REST = 20.0


class Head:
    """Watches the HEAD of one work tree."""

    def __init__(self, repository: Repository) -> None:
        self._common = repository.common_dir
        self._own = _own_folder(repository) if self._common else None
        self._seen = self._state()

    def moved(self) -> bool:
        """Whether it has moved since this was asked last, and git is at rest again: a rebase moves it many times.

        What stands still for `_AT_REST` seconds is at rest: a conflict to be solved, the lock of a git that was killed.
        """
        if self._own is None or any(map(_is_fresh, (self._own / name for name in _BUSY))):
            return False
        state = self._state()
        moved, self._seen = state != self._seen, state
        return moved

    def _state(self) -> tuple[object, ...]:
        return tuple(self._marks()) if self._own else ()

    def _marks(self) -> Iterator[object]:
        assert self._own is not None
        assert self._common is not None
        head = b""
        with suppress(OSError):
            head = (self._own / "HEAD").read_bytes()[:1000]
        yield head
        files = [self._own / "logs" / "HEAD", self._common / "packed-refs"]
        if head.startswith(b"ref: refs/"):
            files.append(self._common / os.fsdecode(head[5:].strip()))
        for file in files:
            try:
                about = file.stat()
                yield about.st_mtime_ns, about.st_size, about.st_ino
            except (OSError, ValueError):
                yield None


def _is_fresh(mark: Path) -> bool:
    with suppress(OSError):
        return time.time() - mark.stat().st_mtime < _AT_REST
    return False


def _own_folder(repository: Repository) -> Path | None:
    """The git folder of this work tree, which a further work tree names in a file."""
    link = repository.root / ".git"
    if repository.bare or link.is_dir():
        return repository.common_dir
    with suppress(OSError, ValueError):
        named = link.read_text("utf-8", "surrogateescape").removeprefix("gitdir:").strip()
        return (repository.root / named).resolve()
    return repository.common_dir
