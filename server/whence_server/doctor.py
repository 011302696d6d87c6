"""What must be right for Whence to work on a repository here: each thing, what is wrong with it, and what mends it.

Looks, and changes nothing; `repair` makes an index anew that is not there or cannot be read.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from whence_indexer import __version__, extras, processor, schema
from whence_indexer.embedder import load_embedder
from whence_indexer.errors import NoIndexError, WhenceError
from whence_indexer.repository import Repository
from whence_indexer.workspace import Workspace
from whence_server.lsp.settings import read_settings
from whence_server.models.choosing import scope_of
from whence_server.models.installed import user_home
from whence_server.models.upkeep import installed

_ROOM = 500_000_000  # bytes; a rebuild grows beside the old index
_MAKE = "whence index makes it"
_MEND = "whence doctor --repair, or whence index --rebuild, makes it anew from the repository"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing: all is well with it where there is no `problem`. `fix` says what mends that."""

    what: str
    problem: str | None = None
    fix: str | None = None


def machine() -> Iterator[Check]:
    """What holds for every repository: the program, and the processor that runs it."""
    yield Check(f"whence {__version__}")
    yield _tried("processor", lambda: processor.check("lancedb"), "install a build of it for this processor")
    yield _tried("embedding model", load_embedder, "install whence again")


def of_repository(repository: Repository, *, making: bool = False) -> Iterator[Check]:
    """What holds for this one: git, its index, its settings, the models that answer for it.

    While its first index is `making`, that there is none yet is no fault.
    """
    git = "git" if repository.common_dir else "git: none here, so that there is no history to tell of"
    yield Check(git)
    index = index_check(repository)
    yield Check("index: the first one is being made") if making and index.fix == _MAKE else index
    yield _room(repository.index_dir)
    _, problems = read_settings(repository.root)
    yield Check("settings of the repository", "; ".join(problems) or None, "mend whence.toml or pyproject.toml")
    yield from _models(repository)


def index_check(repository: Repository) -> Check:
    """Whether the index can be read, all that a search reads of it."""
    try:
        searcher = Workspace(repository).current()
        searcher.search("ready", 1)
        store = searcher.store
        files, commits = store.count(schema.files_table(repository.work_tree)), store.count(schema.COMMITS_TABLE)
    except NoIndexError:
        return Check("index", "there is none yet", _MAKE)
    except WhenceError as error:
        return Check("index", str(error), _MEND)
    return Check(f"index ({files:,} files, {commits:,} commits)")


def repair(workspace: Workspace) -> None:
    """Make the index anew if it is not there or cannot be read. Raises `StoreError` where it may not be written."""
    if index_check(workspace.repository).problem:
        workspace.update(rebuild=True)


def _room(folder: Path) -> Check:
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if not os.access(there, os.W_OK):
        return Check("the index may be written", "no permission to write its folder", "give yourself that permission")
    free = shutil.disk_usage(there).free
    few = f"{free / 1e6:,.0f} MB are free on its disk" if free < _ROOM else None
    return Check("room for the index", few, "make room on that disk")


def _models(repository: Repository) -> Iterator[Check]:
    try:
        home = user_home()
        champion = home.state().roles_in(scope_of(repository)).champion
        found = installed(home)
    except WhenceError as error:
        yield Check("models", str(error), "whence models verify says which; remove and pull it again")
        return
    for each in found:
        problem = None if each.model else "its file is not there or damaged"
        yield Check(
            f"model {each.manifest.label}", problem, f"whence models remove {each.manifest.label}, pull it again"
        )
    if champion and find_spec("llama_cpp") is None:
        yield Check(
            "what runs models",
            "llama-cpp-python is not installed",
            f"{extras.command('model')}, or whence models use none",
        )


def _tried(what: str, work: Callable[[], object], fix: str) -> Check:
    try:
        work()
    except WhenceError as error:
        return Check(what, str(error), fix)
    return Check(what)
