"""Pinned revisions of public repositories as temporary checkouts, indexed, ready to be asked.

Takes a folder of clones and never changes it: objects are shared, everything written lies in a temporary folder.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.datasets import Pinned

from whence_indexer.adapted import open_embedder
from whence_indexer.errors import RepositoryError
from whence_indexer.repository import Repository, open_repository
from whence_indexer.search import Searcher
from whence_indexer.store import Store
from whence_indexer.workspace import Workspace


@dataclass(frozen=True)
class Checkout:
    """An indexed checkout. `note` says in what it differs from what was asked for; it is empty otherwise."""

    pinned: Pinned
    repository: Repository
    searcher: Searcher
    note: str

    @property
    def tracked(self) -> list[str]:
        """The files of the revision."""
        return _git(self.repository.root, "ls-tree", "-r", "-z", "--name-only", "HEAD").rstrip("\0").split("\0")


@contextmanager
def open_checkout(clones: Path, pinned: Pinned, model: str | None, history: bool) -> Iterator[Checkout]:
    """Check `pinned` out of its clone and index it. Raises `FileNotFoundError` when there is no such clone."""
    clone = clones / pinned.name
    if not clone.is_dir():
        raise FileNotFoundError(f"there is no clone named {pinned.name}; see tests/benchmarks/README.md")
    with TemporaryDirectory(prefix="whence-bench-") as folder:
        work_tree, note = check_out(clone, Path(folder) / pinned.name, pinned.revision)
        workspace = Workspace(open_repository(work_tree))
        try:
            workspace.update(model=model, history=history)
        except RepositoryError:  # a clone may lack old blobs, and with them a part of its history
            workspace.update(model=model, history=False, rebuild=True)
            note = ", ".join(filter(None, (note, "without history")))
        yield Checkout(pinned, workspace.repository, open_searcher(workspace.repository), note)


def open_searcher(repository: Repository) -> Searcher:
    """A searcher over the index of `repository` as it is."""
    store = Store(repository.index_dir)
    return Searcher(repository, store, open_embedder(store))


def check_out(clone: Path, folder: Path, revision: str = "HEAD") -> tuple[Path, str]:
    """A checkout of `revision` that borrows the objects of `clone`, and a note where it differs.

    A clone that lacks the revision is taken at its HEAD; one that lacks some blobs is read as a bare repository.
    """
    found = _resolve(clone, revision)
    note = "" if found else "at HEAD"
    found = found or _resolve(clone, "HEAD") or ""
    _git(clone, "clone", "--quiet", "--shared", "--no-checkout", "--no-tags", ".", str(folder))
    try:
        _git(folder, "checkout", "--quiet", "--detach", found)
    except subprocess.CalledProcessError:
        _git(folder, "update-ref", "--no-deref", "HEAD", found)
        _git(folder, "config", "core.bare", "true")
        return folder / ".git", ", ".join(filter(None, (note, "blobs missing")))
    return folder, note


def _resolve(clone: Path, revision: str) -> str | None:
    try:
        return _git(clone, "rev-parse", "--verify", "--quiet", revision + "^{commit}").strip()
    except subprocess.CalledProcessError:
        return None


def _git(folder: Path, *arguments: str) -> str:
    """What `git ARGUMENTS` prints in `folder`, without asking any server for what is missing."""
    command = ["git", "-c", "protocol.file.allow=always", *arguments]
    environment = {"GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
    finished = subprocess.run(
        command, cwd=folder, env=dict(os.environ) | environment, check=True, capture_output=True, text=True
    )
    return finished.stdout
